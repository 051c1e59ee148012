//! Metric points durably stored in a second by one coordinator on PostgreSQL, beside psql's binary COPY of
//! the same points as a row each, with both on this machine; and reading a series back.
//!
//! ```text
//! cargo bench --workspace --bench metrics
//! ```
//!
//! 200 runs are trained at once. Each of their batches has 200 steps of five metrics and is a transaction of
//! its own, as a worker sends it; psql copies all points in one.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on may panic")]

#[expect(dead_code, reason = "made for the tests beside it")]
#[path = "../../src/testing/sample.rs"]
mod sample;

use std::process::Command;
use std::time::{Duration, Instant};

use sample::{claim, queued};
use sweep_core::ids::RunId;
use sweep_core::metric::{Metric, MetricPoint};
use sweep_harness::postgres::Postgres;
use sweep_store::{Claim, NewImport, NewSweep, Order, Store};
use tokio::task::JoinSet;

const RUNS_N: u64 = 200;
const BATCHES_N: u64 = 20;
const STEPS_N: u64 = 200;
const ROUNDS_N: usize = 5;
const METRICS: [Metric; 5] = [
    Metric::TrainLoss,
    Metric::LearningRate,
    Metric::GradientNorm,
    Metric::GradientRms,
    Metric::OutputLogitNorm,
];
const POINTS_N: u64 = RUNS_N * BATCHES_N * STEPS_N * METRICS.len() as u64;

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let server = Postgres::start().unwrap();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut read = Duration::ZERO;
    for _ in 0..ROUNDS_N {
        let store = Store::open(&server.create_database().unwrap()).await.unwrap();
        let (_, runs) = queued(&store, 1_000_000, RUNS_N).await;
        let begun = Instant::now();
        stream(&store, &runs).await;
        ours.push(POINTS_N as f64 / begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        let series = store.metrics(runs[0], Metric::TrainLoss).await.unwrap();
        assert_eq!(series.len() as u64, BATCHES_N * STEPS_N);
        read = read.max(begun.elapsed());
        theirs.push(POINTS_N as f64 / copy(&server.create_database().unwrap()).as_secs_f64());
    }
    println!("| {POINTS_N} points, {ROUNDS_N} rounds | points/s, mean | least | most |");
    println!("|---|---|---|---|");
    println!("| as chunks, a transaction for a thousand | {} |", cells(&ours));
    println!("| psql, binary COPY of rows, one transaction | {} |", cells(&theirs));
    println!("\nreading {} points of one series: at most {read:?}", BATCHES_N * STEPS_N);
}

async fn stream(store: &Store, runs: &[RunId]) {
    let mut workers = JoinSet::new();
    for run in runs.iter().copied() {
        let store = store.clone();
        workers.spawn(async move {
            let lease = store.claim(&claim(run, 10)).await.unwrap();
            for sequence in 0..BATCHES_N {
                let points = batch(sequence);
                store.append_metrics(run, lease.epoch, sequence, &points).await.unwrap();
            }
        });
    }
    while let Some(done) = workers.join_next().await {
        done.unwrap();
    }
}

fn batch(sequence: u64) -> Vec<MetricPoint> {
    let steps = sequence * STEPS_N + 1..=(sequence + 1) * STEPS_N;
    let points = steps.flat_map(|step| {
        METRICS.map(|metric| MetricPoint { metric, step, value: 1.0 / step as f64 })
    });
    points.collect()
}

/// How long psql takes for as many rows, from a file that the server has made.
fn copy(url: &str) -> Duration {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display().to_string();
    let psql = |sql: &str| {
        let status =
            Command::new("psql").args(["-q", "-v", "ON_ERROR_STOP=1", url, "-c", sql]).status();
        assert!(status.unwrap().success(), "psql is needed");
    };
    psql(
        "CREATE TABLE metric_row (run_id UUID, metric TEXT, step BIGINT, value DOUBLE PRECISION,
         PRIMARY KEY (run_id, metric, step))",
    );
    let (runs_n, steps_n, metrics_n) = (RUNS_N, BATCHES_N * STEPS_N, METRICS.len());
    psql(
        &format!(
            "\\copy (SELECT ids.id, 'metric_' || metric, step::bigint, (1.0 / step)::float8
         FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, {runs_n})) AS ids,
              generate_series(1, {metrics_n}) AS metric, generate_series(1, {steps_n}) AS step)
         TO '{path}' (FORMAT binary)"
        )
        .replace('\n', " "),
    );
    let begun = Instant::now();
    psql(&format!("\\copy metric_row FROM '{path}' (FORMAT binary)"));
    begun.elapsed()
}

fn cells(speeds: &[f64]) -> String {
    let mean = speeds.iter().sum::<f64>() / speeds.len() as f64;
    let least = speeds.iter().copied().fold(f64::INFINITY, f64::min);
    let most = speeds.iter().copied().fold(0.0, f64::max);
    format!("{mean:.0} | {least:.0} | {most:.0}")
}
