use sweep_core::metric::{Metric, MetricPoint};

use super::Fixture;
use super::sample::{NOW, claim, point, queued};

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
    store.requeue(runs[0], first.epoch, None, NOW).await.unwrap();
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
        if sent.value.is_finite() {
            assert_eq!(stored, sent);
        } else {
            assert!(stored.value.is_nan(), "step {}", sent.step);
        }
    }
}
