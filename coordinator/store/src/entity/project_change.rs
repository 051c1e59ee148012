//! What was set of a project, and by whom. Written by `projects`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "project_change")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub happened_at: TimeDateTimeWithTimeZone,
    pub actor: String,
    pub reason: String,
    pub weight: f64,
    pub granted_ms: Option<i64>,
    pub running_max: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
