use std::slice;

use sweep_core::ids::{ImportId, SweepId};
use sweep_core::observation::Observation;

use super::Fixture;
use super::sample::{NOW, claim, ms, new_import, queued, result};
use crate::{Error, Evidence};

pub(super) async fn an_import_is_seen_until_it_is_taken_back(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 1).await;
    store.claim(&claim(runs[0], 20)).await.unwrap();
    store.start(runs[0], 1).await.unwrap();
    let spec = store.run(runs[0]).await.unwrap().unwrap().1.spec;
    let own = Observation::from_run(&spec, &result());
    store.succeed(runs[0], 1, ms(5), &result(), &own, NOW).await.unwrap();
    let before = Evidence { observations_n: 1, imports_changed_at: None };
    assert_eq!(store.evidence(sweep).await.unwrap(), before);

    let new = new_import(sweep, &[1.0, 2.0]);
    let import = store.import(&new).await.unwrap().unwrap();
    assert_eq!((&*import.source, import.runs_n, import.imported_at), ("runs.csv", 2, new.at));
    assert_eq!(store.imports(sweep).await.unwrap(), slice::from_ref(&import));
    let all = [vec![own.clone()], new.observations.clone()].concat();
    assert_eq!(store.observations(sweep).await.unwrap(), all);
    let after = Evidence { observations_n: 3, imports_changed_at: Some(new.at) };
    assert_eq!(store.evidence(sweep).await.unwrap(), after);

    let later = new.at.plus_ms(1000);
    for _ in 0..2 {
        assert_eq!(store.withdraw_import(import.id, later).await.unwrap(), import);
        assert_eq!(store.observations(sweep).await.unwrap(), slice::from_ref(&own));
        let left = Evidence { observations_n: 1, imports_changed_at: Some(later) };
        assert_eq!(store.evidence(sweep).await.unwrap(), left);
        assert!(store.imports(sweep).await.unwrap().is_empty());
    }
    assert!(store.import(&new).await.unwrap().is_some(), "what was taken back may come again");
    assert_eq!(store.observations(sweep).await.unwrap(), all);
}

pub(super) async fn runs_are_imported_once(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, _) = queued(store, 100, 1).await;
    let first = new_import(sweep, &[1.0, 2.0]);
    store.import(&first).await.unwrap().unwrap();
    assert_eq!(store.import(&first).await.unwrap(), None);
    // A file that has grown brings what is new in it.
    let grown = new_import(sweep, &[1.0, 2.0, 4.0]);
    assert_eq!(store.import(&grown).await.unwrap().unwrap().runs_n, 1);
    assert_eq!(store.observations(sweep).await.unwrap(), grown.observations);
}

pub(super) async fn of_racing_imports_each_run_is_kept_once(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, _) = queued(store, 100, 1).await;
    let mut tasks = Vec::new();
    for _ in 0..6 {
        let (store, new) = (store.clone(), new_import(sweep, &[1.0, 2.0]));
        tasks.push(tokio::spawn(async move { store.import(&new).await.unwrap().is_some() }));
    }
    let mut stored_n = 0;
    for task in tasks {
        stored_n += u32::from(task.await.unwrap());
    }
    assert_eq!(stored_n, 1);
    assert_eq!(store.observations(sweep).await.unwrap().len(), 2);
}

pub(super) async fn an_import_into_nothing_is_refused(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    let refused = store.import(&new_import(SweepId::new(), &[1.0])).await;
    assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
    let refused = store.withdraw_import(ImportId::new(), NOW).await;
    assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
}
