//! The end of what a training command printed, attempt by attempt.

use sea_orm_migration::prelude::*;

use super::dialect::{ddl, immutable};

const UP: &str = "
CREATE TABLE attempt_output (
    run_id    UUID NOT NULL REFERENCES run (id),
    epoch     BIGINT NOT NULL CHECK (epoch >= 1),
    output    TEXT NOT NULL,
    skipped_n BIGINT NOT NULL CHECK (skipped_n >= 0),
    PRIMARY KEY (run_id, epoch)
);
";

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, UP).await?;
        immutable(manager, "attempt_output").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
