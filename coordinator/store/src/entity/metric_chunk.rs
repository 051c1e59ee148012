//! Points of one metric of a run: what an attempt sent in one batch, or of a run that has ended many
//! batches put together, which then have epoch 0. Written by `metrics`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "metric_chunk")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub metric: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub epoch: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i64,
    pub first_step: i64,
    pub last_step: i64,
    pub points_n: i64,
    pub steps: Vec<u8>,
    pub point_values: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
