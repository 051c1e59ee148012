//! Finished runs as the law engine sees them.

use sea_orm_migration::prelude::*;

use super::dialect::{ddl, immutable};

const UP: &str = "
CREATE TABLE observation (
    run_id      UUID PRIMARY KEY REFERENCES run (id),
    sweep_id    UUID NOT NULL REFERENCES sweep (id),
    observation JSONB NOT NULL,
    observed_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX observation_of_sweep ON observation (sweep_id);
";

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, UP).await?;
        immutable(manager, "observation").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
