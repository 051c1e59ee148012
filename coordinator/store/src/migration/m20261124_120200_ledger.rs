//! The budget of each sweep and the journal of every change to it.

use sea_orm_migration::prelude::*;

use super::dialect::{ddl, immutable};

const UP: &str = "
CREATE TABLE ledger (
    sweep_id    UUID PRIMARY KEY REFERENCES sweep (id),
    granted_ms  BIGINT NOT NULL CHECK (granted_ms >= 0),
    reserved_ms BIGINT NOT NULL CHECK (reserved_ms >= 0),
    spent_ms    BIGINT NOT NULL CHECK (spent_ms >= 0),
    free_ms     BIGINT NOT NULL CHECK (free_ms >= 0),
    entries_n   BIGINT NOT NULL CHECK (entries_n >= 0),
    CHECK (reserved_ms + spent_ms + free_ms = granted_ms)
);
CREATE TABLE ledger_entry (
    sweep_id  UUID NOT NULL REFERENCES ledger (sweep_id),
    entry     BIGINT NOT NULL CHECK (entry >= 1),
    posted_at TIMESTAMPTZ NOT NULL,
    run_id    UUID REFERENCES run (id),
    epoch     BIGINT CHECK (epoch >= 1),
    kind      TEXT NOT NULL CHECK (kind IN ('grant', 'reserve', 'extend', 'spend', 'refund')),
    amount_ms BIGINT NOT NULL CHECK (amount_ms >= 0),
    PRIMARY KEY (sweep_id, entry),
    CHECK ((kind = 'grant') = (run_id IS NULL)),
    CHECK ((run_id IS NULL) = (epoch IS NULL))
);
";

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, UP).await?;
        immutable(manager, "ledger_entry").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
