//! An immutable forecast. Written by `forecasts`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "forecast")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub sweep_id: Uuid,
    pub parent_id: Option<Uuid>,
    /// Counts the forecasts of a sweep from 1.
    pub generation: i64,
    pub made_at: TimeDateTimeWithTimeZone,
    pub observations_n: i64,
    #[sea_orm(column_type = "JsonBinary")]
    pub forecast: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
