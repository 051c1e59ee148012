//! What people ask of sweeps: whether one is paused or cancelled, what a worker is to be told, and
//! who asked for what.

use sea_orm_migration::prelude::*;

use super::dialect::{ddl, immutable};

const UP: &str = "
ALTER TABLE sweep ADD COLUMN paused_at TIMESTAMPTZ;
ALTER TABLE sweep ADD COLUMN cancelled_at TIMESTAMPTZ;
ALTER TABLE run ADD COLUMN stop TEXT CHECK (
    stop IS NULL OR (stop IN ('pause', 'cancel') AND state IN ('leased', 'running')));
CREATE TABLE control_event (
    sweep_id    UUID NOT NULL REFERENCES sweep (id),
    number      BIGINT NOT NULL CHECK (number >= 1),
    happened_at TIMESTAMPTZ NOT NULL,
    control     TEXT NOT NULL CHECK (control IN ('pause', 'resume', 'cancel', 'retry', 'raise')),
    actor       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    run_id      UUID REFERENCES run (id),
    from_ms     BIGINT CHECK (from_ms >= 0),
    to_ms       BIGINT,
    PRIMARY KEY (sweep_id, number),
    CHECK ((control = 'raise') = (to_ms IS NOT NULL)),
    CHECK ((from_ms IS NULL) = (to_ms IS NULL)),
    CHECK (to_ms > from_ms)
);
";

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, UP).await?;
        immutable(manager, "control_event").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
