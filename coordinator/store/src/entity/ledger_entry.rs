//! The journal of a ledger: append only. Written by `ledger`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sweep_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub entry: i64,
    pub posted_at: TimeDateTimeWithTimeZone,
    pub run_id: Option<Uuid>,
    pub epoch: Option<i64>,
    pub kind: String,
    pub amount_ms: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
