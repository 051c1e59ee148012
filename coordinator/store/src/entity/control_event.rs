//! One thing that somebody asked of a sweep. Written by `controls`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "control_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sweep_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub happened_at: TimeDateTimeWithTimeZone,
    pub control: String,
    pub actor: String,
    pub reason: String,
    pub run_id: Option<Uuid>,
    /// Total budget before it was raised.
    pub from_ms: Option<i64>,
    pub to_ms: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
