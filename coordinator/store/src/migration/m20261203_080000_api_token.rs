//! API tokens: who may come in, and with which of them each attempt was leased.

use sea_orm_migration::prelude::*;

use super::dialect::{ddl, immutable};

// A token is taken back by a row of its own, so that neither table ever changes: what a token could do,
// and from when on it could not, is told by rows that nobody has touched since.
const UP: &str = "
CREATE TABLE api_token (
    id         TEXT PRIMARY KEY CHECK (length(id) = 8),
    name       TEXT NOT NULL UNIQUE,
    role       TEXT NOT NULL CHECK (role IN ('viewer', 'submitter', 'admin', 'worker')),
    project    TEXT,
    hash       BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_by TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    CHECK (role <> 'worker' OR project IS NULL)
);
CREATE TABLE api_token_revocation (
    token_id   TEXT PRIMARY KEY REFERENCES api_token (id),
    revoked_by TEXT NOT NULL,
    revoked_at TIMESTAMPTZ NOT NULL
);
ALTER TABLE lease ADD COLUMN token_id TEXT REFERENCES api_token (id);
";

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, UP).await?;
        immutable(manager, "api_token").await?;
        immutable(manager, "api_token_revocation").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
