//! One attempt of a run and its reservation. Written by `leases`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "lease")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub epoch: i64,
    pub worker_id: Uuid,
    pub reserved_ms: i64,
    pub metered_ms: i64,
    pub claimed_at: TimeDateTimeWithTimeZone,
    pub expires_at: TimeDateTimeWithTimeZone,
    /// None while the attempt holds the run.
    pub closed_at: Option<TimeDateTimeWithTimeZone>,
    /// The same in whole hours since 1970, which compare in SQL.
    pub closed_hour: Option<i64>,
    /// How the attempt ended; none while it lasts, and of those that ended before this was noted.
    pub ended: Option<String>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub failure: Option<Json>,
    /// The token that it was leased with; none where the doors were open.
    pub token_id: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
