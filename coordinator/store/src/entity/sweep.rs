//! A submitted sweep. Written by `sweeps`; what people asked of it, by `controls`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sweep")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub yaml: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub spec: Json,
    pub phase: String,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub corpus: Option<Json>,
    pub submitted_at: TimeDateTimeWithTimeZone,
    pub project: String,
    pub priority: i64,
    /// None while it is not paused.
    pub paused_at: Option<TimeDateTimeWithTimeZone>,
    /// None where not all of it was cancelled.
    pub cancelled_at: Option<TimeDateTimeWithTimeZone>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(has_one = "super::ledger::Entity")]
    Ledger,
}

impl Related<super::ledger::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Ledger.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
