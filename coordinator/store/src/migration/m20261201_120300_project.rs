//! Projects that share the workers, who set what they may have, and to which project a sweep belongs.

use sea_orm_migration::prelude::*;

use super::dialect::{ddl, immutable};

const UP: &str = "
CREATE TABLE project (
    name        TEXT PRIMARY KEY,
    weight      DOUBLE PRECISION NOT NULL CHECK (weight > 0),
    granted_ms  BIGINT CHECK (granted_ms >= 0),
    running_max BIGINT CHECK (running_max >= 0)
);
CREATE TABLE project_change (
    project     TEXT NOT NULL REFERENCES project (name),
    number      BIGINT NOT NULL CHECK (number >= 1),
    happened_at TIMESTAMPTZ NOT NULL,
    actor       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    weight      DOUBLE PRECISION NOT NULL,
    granted_ms  BIGINT,
    running_max BIGINT,
    PRIMARY KEY (project, number)
);
ALTER TABLE sweep ADD COLUMN project TEXT NOT NULL DEFAULT 'default';
ALTER TABLE sweep ADD COLUMN priority BIGINT NOT NULL DEFAULT 0;
CREATE INDEX sweep_of_project ON sweep (project);
ALTER TABLE lease ADD COLUMN closed_hour BIGINT;
CREATE INDEX lease_by_hour ON lease (closed_hour);
";

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, UP).await?;
        immutable(manager, "project_change").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
