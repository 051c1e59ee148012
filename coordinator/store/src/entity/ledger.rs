//! The balance of one sweep. Written by `ledger`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sweep_id: Uuid,
    pub granted_ms: i64,
    pub reserved_ms: i64,
    pub spent_ms: i64,
    pub free_ms: i64,
    /// Entries in the journal, which are numbered from 1 without gaps.
    pub entries_n: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::sweep::Entity",
        from = "Column::SweepId",
        to = "super::sweep::Column::Id"
    )]
    Sweep,
}

impl Related<super::sweep::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Sweep.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
