//! What was decided of a proposal. Written by `proposals`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "proposal_decision")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub proposal_id: Uuid,
    pub decided_at: TimeDateTimeWithTimeZone,
    pub verdict: String,
    pub decider: String,
    /// The plan that approving it made.
    pub plan_id: Option<Uuid>,
    #[sea_orm(column_type = "JsonBinary")]
    pub decision: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
