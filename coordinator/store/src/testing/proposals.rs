use sweep_core::control::{Control, Refusal};
use sweep_core::forecast::Forecast;
use sweep_core::ids::{ForecastId, PlanId, ProposalId, SweepId};
use sweep_core::plan::Plan;
use sweep_core::proposal::{Decider, Proposal, Standing, Verdict};
use sweep_core::sweep::SweepPhase;

use super::Fixture;
use super::sample::{NOW, ms, order, proposal, queued, run_spec};
use crate::{Error, ProposalKey, Ruling, Store};

/// A forecast that follows the newest, and a proposal of these seeds made from it.
async fn propose(store: &Store, sweep: SweepId, seeds: &[u64]) -> Proposal {
    let parent = store.latest_forecast_head(sweep).await.unwrap();
    let forecast = Forecast {
        id: ForecastId::new(),
        sweep,
        parent: parent.map(|head| head.id),
        made_at: NOW,
        observations_n: 1,
        arms: Vec::new(),
        crossovers: Vec::new(),
    };
    store.put_forecast(&forecast).await.unwrap();
    let plan = store.newest_plan(sweep).await.unwrap().unwrap();
    let proposal = proposal(sweep, forecast.id, plan, seeds);
    let number = store.put_proposal(&proposal).await.unwrap();
    Proposal { number, ..proposal }
}

/// The plan after the newest, with one more run.
async fn child(store: &Store, sweep: SweepId) -> Plan {
    let parent = store.plan(sweep).await.unwrap().unwrap();
    let mut runs = parent.runs.clone();
    runs.push(run_spec(77));
    Plan { id: PlanId::new(), parent: Some(parent.id), runs, ..parent }
}

fn ruling(proposal: ProposalId, approved: Option<Plan>) -> Ruling {
    Ruling {
        proposal,
        approved: approved.map(|plan| (vec![1], plan)),
        cost: ms(5000),
        decider: Decider::Person,
        actor: "ada".to_owned(),
        reason: "it is worth it".to_owned(),
        at: NOW,
    }
}

pub(super) async fn proposals_are_counted_and_kept_once(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, _) = queued(store, 100, 1).await;
    assert_eq!(store.newest_proposal(sweep).await.unwrap(), None);
    let first = propose(store, sweep, &[1]).await;
    assert_eq!(store.put_proposal(&first).await.unwrap(), 1);
    let second = propose(store, sweep, &[2]).await;
    let key = ProposalKey { forecast: second.forecast, plan: second.plan, granted: second.granted };
    assert_eq!(store.newest_proposal(sweep).await.unwrap(), Some(key));
    let all = store.proposals(sweep).await.unwrap();
    let numbers: Vec<u32> = all.iter().map(|record| record.proposal.number).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(all[0].standing, Standing::Superseded { number: 2 });
    assert_eq!((&all[1].proposal, &all[1].standing), (&second, &Standing::Open));
    let nowhere = store.put_proposal(&Proposal { sweep: SweepId::new(), ..first }).await;
    assert!(matches!(nowhere, Err(Error::NotFound { .. })), "{nowhere:?}");
}

pub(super) async fn an_approved_proposal_is_a_plan_and_wakes_its_sweep(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 1).await;
    let proposal = propose(store, sweep, &[77]).await;
    let (before, child) = (proposal.plan, child(store, sweep).await);
    assert!(store.set_done(sweep, 0, Some(before)).await.unwrap());

    let record = store.decide(&ruling(proposal.id, Some(child.clone()))).await.unwrap();
    assert_eq!(record.standing, Standing::Approved);
    let decision = record.decision.clone().unwrap();
    let cost = ms(5000);
    assert_eq!(decision.verdict, Verdict::Approved { plan: child.id, chosen: vec![1], cost });
    assert_eq!((&*decision.actor, &*decision.reason), ("ada", "it is worth it"));
    assert_eq!(store.proposals(sweep).await.unwrap(), [record]);

    assert_eq!(store.plan(sweep).await.unwrap().unwrap(), child);
    assert_eq!(store.runs(sweep).await.unwrap().len(), runs.len() + 1);
    assert_eq!(store.sweep(sweep).await.unwrap().unwrap().phase, SweepPhase::Running);
    // Whoever saw the plan before does not end the sweep under the new runs.
    assert!(!store.set_done(sweep, 0, Some(before)).await.unwrap());
}

pub(super) async fn what_is_not_open_cannot_be_decided(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, _) = queued(store, 100, 1).await;
    let old = propose(store, sweep, &[1]).await;
    let new = propose(store, sweep, &[2]).await;
    let child = child(store, sweep).await;
    let standing = |outcome: Result<_, Error>| match outcome {
        Err(Error::Undecidable { standing, .. }) => standing,
        other => panic!("{other:?}"),
    };
    let superseded = store.decide(&ruling(old.id, Some(child.clone()))).await;
    assert_eq!(standing(superseded.map(drop)), Standing::Superseded { number: 2 });

    store.decide(&ruling(new.id, None)).await.unwrap();
    let again = store.decide(&ruling(new.id, Some(child.clone()))).await;
    assert_eq!(standing(again.map(drop)), Standing::Rejected);
    let same = propose(store, sweep, &[2]).await;
    let same = store.decide(&ruling(same.id, Some(child.clone()))).await;
    assert_eq!(standing(same.map(drop)), Standing::RejectedBefore { number: 2 });

    let other = propose(store, sweep, &[3]).await;
    store.control(&order(sweep, Control::Cancel)).await.unwrap();
    let cancelled = store.decide(&ruling(other.id, Some(child))).await;
    assert!(matches!(cancelled, Err(Error::Refused(Refusal::NoMoreRuns))), "{cancelled:?}");
    assert_eq!(store.plan(sweep).await.unwrap().unwrap().runs.len(), 1);
    let unknown = store.decide(&ruling(ProposalId::new(), None)).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");
}

pub(super) async fn of_racing_decisions_one_stands(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, _) = queued(store, 100, 1).await;
    let proposal = propose(store, sweep, &[77]).await;
    let mut tasks = Vec::new();
    for n in 0..6 {
        let child = child(store, sweep).await;
        let ruling = ruling(proposal.id, (n % 2 == 0).then_some(child));
        // Each with connections of its own, as processes have.
        let store = Store::open(&fixture.url).await.unwrap();
        tasks.push(tokio::spawn(async move { store.decide(&ruling).await.map(|r| r.standing) }));
    }
    let mut decided = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(standing) => decided.push(standing),
            Err(Error::Undecidable { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    let [one] = &decided[..] else { panic!("{decided:?}") };
    let runs_n = store.runs(sweep).await.unwrap().len();
    assert_eq!(runs_n, if *one == Standing::Approved { 2 } else { 1 });
}
