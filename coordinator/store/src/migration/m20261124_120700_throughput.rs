//! Measured throughputs; the key's id is derived from the key.

use sea_orm_migration::prelude::*;

use super::dialect::ddl;

const UP: &str = "
CREATE TABLE throughput (
    id          UUID PRIMARY KEY,
    key         JSONB NOT NULL,
    throughput  JSONB NOT NULL,
    measured_at TIMESTAMPTZ NOT NULL
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
