//! Metric points, and which batches of them have arrived.

use sea_orm_migration::prelude::*;

use super::dialect::ddl;

const UP: &str = "
CREATE TABLE metric_batch (
    run_id   UUID NOT NULL REFERENCES run (id),
    epoch    BIGINT NOT NULL CHECK (epoch >= 1),
    sequence BIGINT NOT NULL CHECK (sequence >= 0),
    points_n BIGINT NOT NULL CHECK (points_n >= 0),
    PRIMARY KEY (run_id, epoch, sequence)
);
CREATE TABLE metric_point (
    run_id UUID NOT NULL REFERENCES run (id),
    metric TEXT NOT NULL,
    step   BIGINT NOT NULL CHECK (step >= 0),
    value  DOUBLE PRECISION,
    PRIMARY KEY (run_id, metric, step)
);
";

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, UP).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
