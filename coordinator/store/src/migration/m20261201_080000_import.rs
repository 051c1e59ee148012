//! Finished runs of other tools, and imports that were taken back.

use sea_orm_migration::prelude::*;

use super::dialect::{ddl, immutable};

const UP: &str = "
CREATE TABLE import (
    id           UUID PRIMARY KEY,
    sweep_id     UUID NOT NULL REFERENCES sweep (id),
    source       TEXT NOT NULL,
    runs_n       BIGINT NOT NULL CHECK (runs_n > 0),
    observations JSONB NOT NULL,
    imported_at  TIMESTAMPTZ NOT NULL
);
CREATE INDEX import_of_sweep ON import (sweep_id);
CREATE TABLE import_withdrawal (
    import_id    UUID PRIMARY KEY REFERENCES import (id),
    withdrawn_at TIMESTAMPTZ NOT NULL
);
";

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, UP).await?;
        immutable(manager, "import").await?;
        immutable(manager, "import_withdrawal").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
