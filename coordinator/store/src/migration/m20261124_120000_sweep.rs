//! Sweeps as they were submitted.

use sea_orm_migration::prelude::*;

use super::dialect::ddl;

const UP: &str = "
CREATE TABLE sweep (
    id           UUID PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    yaml         TEXT NOT NULL,
    spec         JSONB NOT NULL,
    phase        TEXT NOT NULL CHECK (phase IN ('calibrating', 'running', 'done')),
    corpus       JSONB,
    submitted_at TIMESTAMPTZ NOT NULL
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
