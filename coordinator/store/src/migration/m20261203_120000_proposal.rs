//! Runs that were proposed for sweeps, and what was decided of them.

use sea_orm_migration::prelude::*;

use super::dialect::{ddl, immutable};

const UP: &str = "
CREATE TABLE proposal (
    id          UUID NOT NULL PRIMARY KEY,
    sweep_id    UUID NOT NULL REFERENCES sweep (id),
    number      BIGINT NOT NULL CHECK (number >= 1),
    forecast_id UUID NOT NULL REFERENCES forecast (id),
    plan_id     UUID NOT NULL REFERENCES plan (id),
    granted_ms  BIGINT NOT NULL CHECK (granted_ms >= 0),
    made_at     TIMESTAMPTZ NOT NULL,
    proposal    JSONB NOT NULL,
    UNIQUE (sweep_id, number)
);
CREATE TABLE proposal_decision (
    proposal_id UUID NOT NULL PRIMARY KEY REFERENCES proposal (id),
    decided_at  TIMESTAMPTZ NOT NULL,
    verdict     TEXT NOT NULL CHECK (verdict IN ('approved', 'rejected')),
    decider     TEXT NOT NULL CHECK (decider IN ('person', 'policy')),
    plan_id     UUID UNIQUE REFERENCES plan (id),
    decision    JSONB NOT NULL,
    CHECK ((verdict = 'approved') = (plan_id IS NOT NULL))
);
";

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, UP).await?;
        immutable(manager, "proposal").await?;
        immutable(manager, "proposal_decision").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
