use sweep_core::clock::Timestamp;
use sweep_core::project::{Project, ProjectUse};

use super::Fixture;
use super::sample::{NOW, claim, ms, new_sweep, plan, queued};
use crate::{Back, Error, Metered, NewSweep, ProjectOrder, Store};

fn order(project: Project) -> ProjectOrder {
    ProjectOrder { project, actor: "ada".to_owned(), reason: "her share".to_owned(), at: NOW }
}

async fn of(store: &Store, name: &str, now: Timestamp) -> ProjectUse {
    let all = store.projects(now).await.unwrap();
    all.into_iter().find(|known| known.project.name == name).unwrap()
}

pub(super) async fn a_project_is_set_and_every_change_noted(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    assert!(store.projects(NOW).await.unwrap().is_empty());
    let first = Project { weight: 2.5, running_max: Some(4), ..Project::unset("vision") };
    let second = Project { granted: Some(ms(700)), running_max: None, ..first.clone() };
    for wanted in [&first, &first, &second] {
        store.set_project(&order(wanted.clone())).await.unwrap();
    }
    assert_eq!(of(store, "vision", NOW).await.project, second);
    let changes = store.project_changes("vision").await.unwrap();
    let noted: Vec<_> = changes.iter().map(|change| (change.number, &change.project)).collect();
    assert_eq!(noted, [(1, &first), (2, &second)]);
    assert_eq!((&*changes[1].actor, &*changes[1].reason), ("ada", "her share"));
    assert!(store.project_changes("other").await.unwrap().is_empty());
}

pub(super) async fn what_a_project_uses_is_told(fixture: &Fixture) {
    let store = &fixture.store;
    let (_, runs) = queued(store, 100, 3).await;
    let elsewhere = NewSweep { project: "vision".to_owned(), ..new_sweep("other", 50) };
    store.create_sweep(&elsewhere).await.unwrap();
    store.claim(&claim(runs[0], 20)).await.unwrap();
    store.renew(runs[0], 1, ms(5), ms(0), NOW, NOW).await.unwrap();
    store.claim(&claim(runs[1], 20)).await.unwrap();
    store.requeue(runs[1], 1, Some(ms(7)), &Back::preempted(), NOW).await.unwrap();
    let known = of(store, "default", NOW).await;
    assert_eq!((known.sweeps_n, known.running_n), (1, 1));
    assert_eq!((known.spent, known.reserved, known.used_lately), (ms(12), ms(15), ms(12)));
    // A week later only what is in progress counts.
    let later = NOW.plus_ms(8 * 24 * 3_600_000);
    assert_eq!(of(store, "default", later).await.used_lately, ms(5));
    let other = of(store, "vision", NOW).await;
    assert_eq!((other.sweeps_n, other.running_n, other.spent), (1, 0, ms(0)));
    assert_eq!(other.project, Project::unset("vision"));
    let record = store.sweep(elsewhere.id).await.unwrap().unwrap();
    assert_eq!((&*record.project, record.priority), ("vision", 0));
}

pub(super) async fn racing_claims_stop_at_the_quota(fixture: &Fixture) {
    let store = &fixture.store;
    let (_, runs) = queued(store, 1000, 8).await;
    let two = Project { running_max: Some(2), ..Project::unset("default") };
    store.set_project(&order(two)).await.unwrap();
    let tasks: Vec<_> = runs
        .iter()
        .map(|run| {
            let (store, claim) = (store.clone(), claim(*run, 10));
            tokio::spawn(async move { store.claim(&claim).await })
        })
        .collect();
    let mut won_n = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won_n += 1,
            Err(Error::Quota { running_n, running_max, .. }) => {
                assert_eq!((running_n, running_max), (2, 2));
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(won_n, 2);
    let held = store.open_leases().await.unwrap();
    store.requeue(held[0].run, 1, None, &Back::preempted(), NOW).await.unwrap();
    store.claim(&claim(held[0].run, 10)).await.unwrap();
}

pub(super) async fn the_hours_of_a_project_bound_all_its_sweeps(fixture: &Fixture) {
    let store = &fixture.store;
    let (_, runs) = queued(store, 1000, 2).await;
    let other = new_sweep("other", 1000);
    store.create_sweep(&other).await.unwrap();
    let of_other = plan(other.id, 1);
    store.put_plan(&of_other).await.unwrap();
    let run = of_other.runs[0].id;
    store.transition(run, sweep_core::run::RunEvent::Queue).await.unwrap();
    let fifty = Project { granted: Some(ms(50)), ..Project::unset("default") };
    store.set_project(&order(fifty)).await.unwrap();

    store.claim(&claim(runs[0], 30)).await.unwrap();
    let refused = store.claim(&claim(run, 30)).await;
    assert!(
        matches!(&refused, Err(Error::ProjectHours { free, .. }) if *free == ms(20)),
        "{refused:?}"
    );
    store.claim(&claim(run, 20)).await.unwrap();
    // A longer run gets no more than the project has either.
    let over = store.renew(runs[0], 1, ms(31), ms(10), NOW, NOW).await.unwrap();
    assert_eq!(over.metered, Metered::OutOfBudget);
    let known = of(store, "default", NOW).await;
    assert_eq!((known.spent, known.reserved, known.free()), (ms(30), ms(20), Some(ms(0))));
}
