//! Metric points in chunks: a row for each batch and metric of an attempt, and of a run that has ended one
//! for thousands of points. What was stored a row each is moved.

use sea_orm::{DbBackend, FromQueryResult, Statement};
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::prelude::Uuid;
use sweep_core::metric::{Metric, MetricPoint};

use super::dialect::ddl;
use crate::chunk::Chunk;

const UP: &str = "
CREATE TABLE metric_chunk (
    run_id     UUID NOT NULL REFERENCES run (id),
    metric     TEXT NOT NULL,
    epoch      BIGINT NOT NULL CHECK (epoch >= 0),
    sequence   BIGINT NOT NULL CHECK (sequence >= 0),
    first_step BIGINT NOT NULL CHECK (first_step >= 0),
    last_step  BIGINT NOT NULL CHECK (last_step >= first_step),
    points_n   BIGINT NOT NULL CHECK (points_n > 0),
    steps      BYTEA NOT NULL,
    point_values BYTEA NOT NULL,
    PRIMARY KEY (run_id, metric, epoch, sequence)
);
";

/// Ids of runs begin with the time at which they were made: a range of them is a range of time.
const PARTITIONED: (&str, &str) = ("\n);", "\n) PARTITION BY RANGE (run_id);");
const DEFAULT_PARTITION: &str =
    "CREATE TABLE metric_chunk_default PARTITION OF metric_chunk DEFAULT;";

/// Those that are to be put together once their run has ended.
const LOOSE: &str =
    "CREATE INDEX metric_chunk_loose ON metric_chunk (epoch, run_id) WHERE epoch > 0;";

const DROP: &str = "DROP TABLE metric_point; DROP TABLE metric_batch;";

/// Points of a chunk that is made here.
const POINTS_MAX: usize = 4096;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            ddl(manager, &UP.replace(PARTITIONED.0, PARTITIONED.1)).await?;
            ddl(manager, DEFAULT_PARTITION).await?;
        } else {
            ddl(manager, UP).await?;
        }
        ddl(manager, LOOSE).await?;
        move_points(manager).await?;
        ddl(manager, DROP).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

#[derive(FromQueryResult)]
struct Series {
    run_id: Uuid,
    metric: String,
}

#[derive(FromQueryResult)]
struct Row {
    step: i64,
    value: Option<f64>,
}

async fn move_points(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let backend = manager.get_database_backend();
    let all = "SELECT DISTINCT run_id, metric FROM metric_point";
    let all = Series::find_by_statement(Statement::from_string(backend, all)).all(db).await?;
    for Series { run_id, metric } in all {
        let rows = Query::select()
            .columns(["step", "value"])
            .from("metric_point")
            .and_where(Expr::col("run_id").eq(run_id))
            .and_where(Expr::col("metric").eq(metric.as_str()))
            .order_by("step", Order::Asc)
            .to_owned();
        let rows = Row::find_by_statement(backend.build(&rows)).all(db).await?;
        // The name is that of the row; in a chunk it does not matter.
        let point = |row: &Row| MetricPoint {
            metric: Metric::TrainLoss,
            step: row.step.cast_unsigned(),
            value: row.value.unwrap_or(f64::NAN),
        };
        let points: Vec<MetricPoint> = rows.iter().map(point).collect();
        for (sequence, points) in points.chunks(POINTS_MAX).enumerate() {
            let (first, last) = (points[0].step, points[points.len() - 1].step);
            let Chunk { points_n, steps, values } = Chunk::of(points);
            let values: [Expr; 9] = [
                run_id.into(),
                metric.as_str().into(),
                0_i64.into(),
                (sequence as i64).into(),
                first.cast_signed().into(),
                last.cast_signed().into(),
                (points_n as i64).into(),
                steps.into(),
                values.into(),
            ];
            let insert = Query::insert()
                .into_table("metric_chunk")
                .columns([
                    "run_id",
                    "metric",
                    "epoch",
                    "sequence",
                    "first_step",
                    "last_step",
                    "points_n",
                    "steps",
                    "point_values",
                ])
                .values_panic(values)
                .to_owned();
            manager.execute(insert).await?;
        }
    }
    Ok(())
}
