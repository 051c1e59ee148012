use sea_orm::{ConnectionTrait as _, DbBackend, Statement, TransactionTrait as _};
use sweep_core::ids::RunId;
use sweep_core::metric::{Metric, MetricPoint, Series};
use sweep_core::run::FailureReason;

use super::Fixture;
use super::sample::{NOW, claim, ms, point, queued};
use crate::Back;
use crate::metrics::LOOSE;
use crate::migration::up_to;

pub(super) async fn a_replayed_batch_changes_nothing(fixture: &Fixture) {
    let store = &fixture.store;
    let (_, runs) = queued(store, 100, 1).await;
    let lease = store.claim(&claim(runs[0], 10)).await.unwrap();
    let batch = [
        point(Metric::TrainLoss, 2, 4.5),
        point(Metric::TrainLoss, 1, 5.5),
        point(Metric::GradientNorm, 1, 0.1),
    ];
    let forged = [point(Metric::TrainLoss, 9, 0.0)];
    store.append_metrics(runs[0], lease.epoch, 0, &batch).await.unwrap();
    store.append_metrics(runs[0], lease.epoch, 0, &batch).await.unwrap();
    store.append_metrics(runs[0], lease.epoch, 0, &forged).await.unwrap();
    store.append_metrics(runs[0], lease.epoch, 1, &[]).await.unwrap();
    let losses = store.metrics(runs[0], Metric::TrainLoss).await.unwrap();
    assert_eq!(losses, [batch[1], batch[0]]);
    assert_eq!(store.metrics(runs[0], Metric::GradientNorm).await.unwrap(), [batch[2]]);
    assert!(store.metrics(runs[0], Metric::ValidationLoss).await.unwrap().is_empty());
}

pub(super) async fn a_resumed_attempt_does_not_double_points(fixture: &Fixture) {
    let store = &fixture.store;
    let (_, runs) = queued(store, 100, 1).await;
    let points: Vec<MetricPoint> =
        (1..=6).map(|step| point(Metric::TrainLoss, step, 1.0 / step as f64)).collect();
    let first = store.claim(&claim(runs[0], 10)).await.unwrap();
    store.append_metrics(runs[0], first.epoch, 0, &points[..4]).await.unwrap();
    store.requeue(runs[0], first.epoch, None, &Back::preempted(), NOW).await.unwrap();
    // The next attempt takes up an earlier checkpoint and numbers its batches from 0 again.
    let second = store.claim(&claim(runs[0], 10)).await.unwrap();
    store.append_metrics(runs[0], second.epoch, 0, &points[2..5]).await.unwrap();
    store.append_metrics(runs[0], second.epoch, 1, &points[5..]).await.unwrap();
    assert_eq!(store.metrics(runs[0], Metric::TrainLoss).await.unwrap(), points);
}

pub(super) async fn a_large_batch_and_odd_values_are_kept(fixture: &Fixture) {
    let store = &fixture.store;
    let (_, runs) = queued(store, 100, 1).await;
    let lease = store.claim(&claim(runs[0], 10)).await.unwrap();
    let mut points: Vec<MetricPoint> =
        (0..2500).map(|step| point(Metric::TrainLoss, step, (step as f64).sqrt())).collect();
    points[1].value = f64::MIN_POSITIVE;
    points[2].value = 0.1 + 0.2;
    points[3].value = f64::NAN;
    points[4].value = f64::INFINITY;
    store.append_metrics(runs[0], lease.epoch, 0, &points).await.unwrap();
    let stored = store.metrics(runs[0], Metric::TrainLoss).await.unwrap();
    assert_eq!(stored.len(), points.len());
    for (stored, sent) in stored.iter().zip(&points) {
        assert_eq!((stored.step, stored.value.to_bits()), (sent.step, sent.value.to_bits()));
    }
}

async fn rows_n(fixture: &Fixture, sql: &str) -> i64 {
    let db = &fixture.store.db;
    let statement = Statement::from_string(db.get_database_backend(), sql);
    db.query_one_raw(statement).await.unwrap().unwrap().try_get("", "n").unwrap()
}

pub(super) async fn chunks_of_an_ended_run_are_put_together(fixture: &Fixture) {
    let store = &fixture.store;
    let (_, runs) = queued(store, 100, 1).await;
    let losses: Vec<MetricPoint> =
        (1..=5000).map(|step| point(Metric::TrainLoss, 3 * step, 1.0 / step as f64)).collect();
    let norm = point(Metric::GradientNorm, 7, f64::INFINITY);
    let lease = store.claim(&claim(runs[0], 10)).await.unwrap();
    store.append_metrics(runs[0], lease.epoch, 0, &[norm]).await.unwrap();
    for (sequence, points) in losses.chunks(50).enumerate() {
        store.append_metrics(runs[0], lease.epoch, 1 + sequence as u64, points).await.unwrap();
    }
    // One that is being trained is left alone.
    assert_eq!(store.loose_runs(10).await.unwrap(), []);
    store.put_metrics_together(runs[0]).await.unwrap();
    let count = "SELECT COUNT(*) AS n FROM metric_chunk";
    assert_eq!(rows_n(fixture, count).await, 101);
    let reason = FailureReason::Trainer { message: "enough".to_owned() };
    store.fail(runs[0], lease.epoch, ms(1), &reason, NOW).await.unwrap();
    assert_eq!(store.loose_runs(10).await.unwrap(), [runs[0]]);
    for _ in 0..2 {
        store.put_metrics_together(runs[0]).await.unwrap();
        assert_eq!(store.loose_runs(10).await.unwrap(), []);
        // 4,096 losses, the rest of them, and the norm.
        assert_eq!(rows_n(fixture, count).await, 3);
        assert_eq!(store.metrics(runs[0], Metric::TrainLoss).await.unwrap(), losses);
        assert_eq!(store.metrics(runs[0], Metric::GradientNorm).await.unwrap(), [norm]);
    }
    let all = store.all_metrics(runs[0]).await.unwrap();
    let both = [Series::of(norm.metric, &[norm]), Series::of(Metric::TrainLoss, &losses)];
    assert!(all.len() == 2 && both.iter().all(|series| all.contains(series)), "{all:?}");
    store.put_metrics_together(RunId::new()).await.unwrap();
}

/// A database as the version before chunks has left it.
pub(super) async fn points_of_a_row_each_are_moved_into_chunks(fixture: &Fixture) {
    let store = &fixture.store;
    up_to(store, "m20261201_080000_import").await.unwrap();
    let sweep = RunId::new().0;
    let runs = [RunId::new(), RunId::new()];
    let db = &store.db;
    let backend = db.get_database_backend();
    // As much of rows that these points belong to as the schema asks for.
    let id = |id: sea_orm::prelude::Uuid| match backend {
        DbBackend::Sqlite => format!("x'{}'", id.simple()),
        _ => format!("'{id}'"),
    };
    let (json, at) = ("'{}'", "'2026-12-01 00:00:00+00:00'");
    let sweep_row = format!(
        "INSERT INTO sweep (id, name, yaml, spec, phase, submitted_at) VALUES ({}, 'old', '', {json}, 'done', {at})",
        id(sweep)
    );
    db.execute_unprepared(&sweep_row).await.unwrap();
    for run in runs {
        let row = format!(
            "INSERT INTO run (id, sweep_id, spec, state, generation, attempts_n, spent_ms)
             VALUES ({}, {}, {json}, 'cancelled', 0, 0, 0)",
            id(run.0),
            id(sweep)
        );
        db.execute_unprepared(&row).await.unwrap();
        for step in 1..=9 {
            let value = if step == 4 { "NULL".to_owned() } else { format!("{step}.5") };
            let row = format!(
                "INSERT INTO metric_point (run_id, metric, step, value)
                 VALUES ({}, 'train_loss', {step}, {value})",
                id(run.0)
            );
            db.execute_unprepared(&row).await.unwrap();
        }
    }
    store.migrate().await.unwrap();
    for run in runs {
        let points = store.metrics(run, Metric::TrainLoss).await.unwrap();
        let steps: Vec<u64> = points.iter().map(|point| point.step).collect();
        assert_eq!(steps, (1..=9).collect::<Vec<_>>());
        assert!(points[3].value.is_nan() && points[8].value == 9.5);
    }
    assert_eq!(rows_n(fixture, "SELECT COUNT(*) AS n FROM metric_chunk").await, 2);
}

/// However many runs there are, one series is found by its key, and what is loose by its index.
pub(super) async fn reading_a_series_uses_its_key(fixture: &Fixture) {
    fixture.store.migrate().await.unwrap();
    let loose = format!("SELECT run_id FROM metric_chunk WHERE {LOOSE}");
    let queries = [
        (
            "SELECT * FROM metric_chunk WHERE run_id = $1 AND metric = 'train_loss'",
            ["metric=?", "pkey"],
        ),
        // What PostgreSQL calls a partition's part of the index.
        (&loose, ["metric_chunk_loose (epoch>?", "default_epoch_run_id_idx"]),
    ];
    for (query, indexes) in queries {
        let plan = plan(fixture, query).await;
        assert!(indexes.iter().any(|index| plan.contains(index)), "{query}:\n{plan}");
    }
}

/// What the database would do, in its words.
async fn plan(fixture: &Fixture, query: &str) -> String {
    let tx = fixture.store.db.begin().await.unwrap();
    let id = RunId::new().0;
    let (explain, column) = match tx.get_database_backend() {
        DbBackend::Sqlite => {
            let query = query.replace("$1", &format!("x'{}'", id.simple()));
            (format!("EXPLAIN QUERY PLAN {query}"), "detail")
        }
        _ => {
            // Of an empty table reading all of it would be quickest.
            tx.execute_unprepared("SET LOCAL enable_seqscan = off").await.unwrap();
            let query = query.replace("$1", &format!("'{id}'"));
            (format!("EXPLAIN {query}"), "QUERY PLAN")
        }
    };
    let statement = Statement::from_string(tx.get_database_backend(), explain);
    let rows = tx.query_all_raw(statement).await.unwrap();
    let lines = rows.iter().map(|row| row.try_get::<String>("", column).unwrap() + "\n");
    lines.collect()
}

pub(super) async fn months_have_partitions(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    store.prepare_partitions(NOW).await.unwrap();
    store.prepare_partitions(NOW).await.unwrap();
    if store.db.get_database_backend() == DbBackend::Postgres {
        let count = "SELECT COUNT(*) AS n FROM pg_class WHERE relispartition AND relkind = 'r'";
        assert_eq!(rows_n(fixture, count).await, 3, "two months and the rest");
    }
}
