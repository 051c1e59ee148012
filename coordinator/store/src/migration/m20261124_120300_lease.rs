//! One row per attempt of a run: who trains it, until when, and for how much.

use sea_orm_migration::prelude::*;

use super::dialect::ddl;

const UP: &str = "
CREATE TABLE lease (
    run_id      UUID NOT NULL REFERENCES run (id),
    epoch       BIGINT NOT NULL CHECK (epoch >= 1),
    worker_id   UUID NOT NULL,
    reserved_ms BIGINT NOT NULL CHECK (reserved_ms >= 0),
    metered_ms  BIGINT NOT NULL CHECK (metered_ms >= 0),
    claimed_at  TIMESTAMPTZ NOT NULL,
    expires_at  TIMESTAMPTZ NOT NULL,
    closed_at   TIMESTAMPTZ,
    PRIMARY KEY (run_id, epoch),
    CHECK (metered_ms <= reserved_ms)
);
CREATE UNIQUE INDEX lease_one_per_run ON lease (run_id) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX lease_one_per_worker ON lease (worker_id) WHERE closed_at IS NULL;
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
