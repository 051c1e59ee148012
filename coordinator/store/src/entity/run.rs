//! One run and how far it has come. Inserted by `plans`, changed only through `runs::save`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "run")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub sweep_id: Uuid,
    #[sea_orm(column_type = "JsonBinary")]
    pub spec: Json,
    pub state: String,
    /// Counts the changes of this row: whoever changes it names the one it has read.
    pub generation: i64,
    pub attempts_n: i64,
    pub spent_ms: i64,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub checkpoint: Option<Json>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub result: Option<Json>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub failure: Option<Json>,
    /// What its worker is told at its next heartbeat.
    pub stop: Option<String>,
    /// Not before this is it given to a worker again.
    pub not_before: Option<TimeDateTimeWithTimeZone>,
    /// Attempts, from the first on, that no limit of retries counts: somebody asked for a new one.
    pub forgiven_n: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
