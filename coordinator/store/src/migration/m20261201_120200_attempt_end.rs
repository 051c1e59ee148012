//! How each attempt ended, and when a run may be tried again.

use sea_orm_migration::prelude::*;

use super::dialect::ddl;

// Attempts that had ended before have no end: nobody knows it any more.
const UP: &str = "
ALTER TABLE lease ADD COLUMN ended TEXT CHECK (
    ended IS NULL OR (closed_at IS NOT NULL AND ended IN (
        'succeeded', 'preempted', 'worker_lost', 'out_of_memory', 'bad_configuration', 'diverged',
        'out_of_budget', 'trainer_error', 'cancelled')));
ALTER TABLE lease ADD COLUMN failure JSONB;
ALTER TABLE run ADD COLUMN not_before TIMESTAMPTZ;
ALTER TABLE run ADD COLUMN forgiven_n BIGINT NOT NULL DEFAULT 0 CHECK (forgiven_n >= 0);
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
