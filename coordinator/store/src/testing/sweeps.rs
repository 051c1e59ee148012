use sweep_core::ids::SweepId;
use sweep_core::sweep::SweepPhase;
use sweep_core::throughput::{Throughput, ThroughputKey, ThroughputSource};

use super::Fixture;
use super::sample::{NOW, corpus, model, ms, new_sweep};
use crate::{Created, Error};

pub(super) async fn a_name_is_taken_once(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    let first = new_sweep("one", 100);
    let Created::New(record) = store.create_sweep(&first).await.unwrap() else {
        panic!("the name was free");
    };
    let mut second = new_sweep("one", 999);
    second.yaml = "changed".to_owned();
    assert_eq!(store.create_sweep(&second).await.unwrap(), Created::Existing(record.clone()));
    assert_eq!(store.sweep_named("one").await.unwrap(), Some(record));
    assert_eq!(store.sweep(second.id).await.unwrap(), None);
    assert_eq!(store.balance(first.id).await.unwrap().granted, ms(100));
}

pub(super) async fn racing_submissions_make_one_sweep(fixture: &Fixture) {
    fixture.store.migrate().await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = fixture.store.clone();
            tokio::spawn(async move { store.create_sweep(&new_sweep("one", 100)).await.unwrap() })
        })
        .collect();
    let mut new_n = 0;
    for task in tasks {
        new_n += u32::from(matches!(task.await.unwrap(), Created::New(_)));
    }
    assert_eq!(new_n, 1);
    assert_eq!(fixture.store.sweeps().await.unwrap().len(), 1);
}

pub(super) async fn a_sweep_reads_back_and_moves_on(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    let old = new_sweep("old", 100);
    let mut young = new_sweep("young", 200);
    young.submitted_at = NOW.plus_ms(1);
    store.create_sweep(&young).await.unwrap();
    store.create_sweep(&old).await.unwrap();

    let sweeps = store.sweeps().await.unwrap();
    let names: Vec<&str> = sweeps.iter().map(|sweep| &*sweep.name).collect();
    assert_eq!(names, ["young", "old"]);
    let record = store.sweep(old.id).await.unwrap().unwrap();
    assert_eq!((record.yaml, record.submitted_at), (old.yaml, old.submitted_at));
    assert_eq!(record.phase, SweepPhase::Calibrating);
    assert_eq!(record.balance.free(), ms(100));
    assert_eq!(store.spec(old.id).await.unwrap(), Some(old.spec));

    store.set_phase(old.id, SweepPhase::Done).await.unwrap();
    assert_eq!(store.sweep(old.id).await.unwrap().unwrap().phase, SweepPhase::Done);
    assert_eq!(store.corpus(old.id).await.unwrap(), None);
    store.set_corpus(old.id, &corpus()).await.unwrap();
    assert_eq!(store.corpus(old.id).await.unwrap(), Some(corpus()));
    assert_eq!(store.corpus(young.id).await.unwrap(), None);

    let nobody = store.set_phase(SweepId::new(), SweepPhase::Done).await;
    assert!(matches!(nobody, Err(Error::NotFound { .. })));
}

pub(super) async fn the_newest_throughput_wins(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    let key = ThroughputKey {
        model: model(),
        batch: 4,
        micro_batch: None,
        device: "cpu: test x1".to_owned(),
        trainer: "1".to_owned(),
        external: None,
    };
    let mut other = key.clone();
    other.batch = 5;
    let measured = |tokens_per_second, late_ms| Throughput {
        tokens_per_second,
        spread: 0.012_345_678_901_234_5,
        reference: None,
        windows_n: 3,
        source: ThroughputSource::Measured,
        measured_at: NOW.plus_ms(late_ms),
    };
    assert_eq!(store.throughput(&key).await.unwrap(), None);
    for (speed, late_ms, expected) in [(1.0, 10, 1.0), (2.0, 20, 2.0), (3.0, 15, 2.0)] {
        store.put_throughput(&key, &measured(speed, late_ms)).await.unwrap();
        let stored = store.throughput(&key).await.unwrap().unwrap();
        assert_eq!(stored.tokens_per_second, expected);
    }
    assert_eq!(store.throughput(&key).await.unwrap(), Some(measured(2.0, 20)));

    // The first measurement of a device is what its others are scaled to.
    let sibling = ThroughputKey { batch: key.batch + 7, ..key.clone() };
    let first = Throughput { reference: Some(5e4), ..measured(1.0, 5) };
    assert_eq!(store.reference_speed(&key.device, &key.trainer).await.unwrap(), None);
    store.put_throughput(&sibling, &first).await.unwrap();
    let later = Throughput { reference: Some(4e4), ..measured(3.0, 30) };
    store.put_throughput(&key, &later).await.unwrap();
    let speed = store.reference_speed(&key.device, &key.trainer).await.unwrap();
    assert_eq!(speed, Some(5e4));
    assert_eq!(later.at_reference(speed).tokens_per_second, 3.75);
    assert_eq!(store.reference_speed("another", &key.trainer).await.unwrap(), None);
    assert_eq!(store.throughput(&other).await.unwrap(), None);
}
