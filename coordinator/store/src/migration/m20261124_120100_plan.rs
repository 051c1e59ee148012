//! Plans, the runs they consist of, and the life of each run.

use sea_orm_migration::prelude::*;

use super::dialect::{ddl, immutable};

const UP: &str = "
CREATE TABLE plan (
    id         UUID PRIMARY KEY,
    sweep_id   UUID NOT NULL REFERENCES sweep (id),
    parent_id  UUID UNIQUE REFERENCES plan (id),
    generation BIGINT NOT NULL CHECK (generation >= 1),
    granted_ms BIGINT NOT NULL CHECK (granted_ms >= 0),
    UNIQUE (sweep_id, generation),
    CHECK ((generation = 1) = (parent_id IS NULL))
);
CREATE TABLE run (
    id         UUID PRIMARY KEY,
    sweep_id   UUID NOT NULL REFERENCES sweep (id),
    spec       JSONB NOT NULL,
    state      TEXT NOT NULL CHECK (state IN
        ('planned', 'queued', 'leased', 'running', 'succeeded', 'failed', 'cancelled')),
    generation BIGINT NOT NULL CHECK (generation >= 0),
    attempts_n BIGINT NOT NULL CHECK (attempts_n >= 0),
    spent_ms   BIGINT NOT NULL CHECK (spent_ms >= 0),
    checkpoint JSONB,
    result     JSONB,
    failure    JSONB,
    CHECK ((state = 'succeeded') = (result IS NOT NULL)),
    CHECK ((state = 'failed') = (failure IS NOT NULL))
);
CREATE INDEX run_of_sweep ON run (sweep_id);
CREATE TABLE plan_run (
    plan_id  UUID NOT NULL REFERENCES plan (id),
    position BIGINT NOT NULL CHECK (position >= 0),
    run_id   UUID NOT NULL REFERENCES run (id),
    PRIMARY KEY (plan_id, position),
    UNIQUE (plan_id, run_id)
);
";

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, UP).await?;
        immutable(manager, "plan").await?;
        immutable(manager, "plan_run").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
