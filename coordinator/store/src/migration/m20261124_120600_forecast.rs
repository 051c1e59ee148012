//! Fits and crossovers after each refit, each the child of the one before.

use sea_orm_migration::prelude::*;

use super::dialect::{ddl, immutable};

const UP: &str = "
CREATE TABLE forecast (
    id             UUID PRIMARY KEY,
    sweep_id       UUID NOT NULL REFERENCES sweep (id),
    parent_id      UUID UNIQUE REFERENCES forecast (id),
    generation     BIGINT NOT NULL CHECK (generation >= 1),
    made_at        TIMESTAMPTZ NOT NULL,
    observations_n BIGINT NOT NULL CHECK (observations_n >= 0),
    forecast       JSONB NOT NULL,
    UNIQUE (sweep_id, generation),
    CHECK ((generation = 1) = (parent_id IS NULL))
);
";

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, UP).await?;
        immutable(manager, "forecast").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
