use sweep_core::control::Stop;
use sweep_core::ledger::Balance;
use sweep_core::project::Project;
use sweep_core::sweep::Progress;

use super::*;
use crate::planner::tests::small_plan;

const NOW: Timestamp = Timestamp(1_764_000_000_000);

fn sweep(n: u128, granted_ms: u64) -> SweepRecord {
    SweepRecord {
        id: format!("{n:032x}").parse().unwrap(),
        name: format!("sweep-{n}"),
        yaml: String::new(),
        phase: SweepPhase::Running,
        submitted_at: Timestamp(i64::try_from(n).unwrap()),
        balance: Balance { granted: AcceleratorTime::from_ms(granted_ms), ..Balance::default() },
        project: "vision".to_owned(),
        priority: 0,
        paused_at: None,
        cancelled_at: None,
    }
}

/// Six runs, three of 10 s and three of 20 s, all of them queued.
fn runs() -> Vec<RunRecord> {
    let record = |spec| RunRecord {
        spec,
        state: RunState::Queued,
        attempts_n: 0,
        spent: AcceleratorTime::ZERO,
        checkpoint: None,
        result: None,
        failure: None,
        attempts: Vec::new(),
        not_before: None,
        stop: None::<Stop>,
        waiting: None,
        progress: None,
    };
    small_plan().runs.into_iter().map(record).collect()
}

fn vision(running_max: Option<u32>, granted: Option<u64>) -> ProjectUse {
    ProjectUse {
        project: Project {
            running_max,
            granted: granted.map(AcceleratorTime::from_ms),
            ..Project::unset("vision")
        },
        sweeps_n: 1,
        running_n: 1,
        spent: AcceleratorTime::ZERO,
        reserved: AcceleratorTime::ZERO,
        used_lately: AcceleratorTime::ZERO,
    }
}

fn told(
    projects: &[ProjectUse],
    sweep: &SweepRecord,
    runs: &[RunRecord],
    workers_n: u32,
) -> Vec<String> {
    let waiting = explain(projects, &[Look { sweep, runs }], workers_n, NOW);
    let line = |waiting: &Waiting| {
        let position = waiting.position.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let starts = waiting.starts_in.map_or_else(|| "?".to_owned(), |wait| wait.to_string());
        format!("{position} {} {starts}", waiting.wait)
    };
    waiting.iter().map(line).collect()
}

#[test]
fn workers_take_runs_in_order_and_the_start_is_estimated() {
    let mut runs = runs();
    runs[0].state = RunState::Running;
    // Half of its 20 steps of 512 tokens at 1024 tokens/s: 5 s.
    runs[0].progress = Some(Progress { step: 10, loss: 2.0, tokens_per_second: 1024.0 });
    let sweep = sweep(1, 600_000);
    let two = told(&[], &sweep, &runs, 2);
    let expected = [
        "1 no free worker 0 s",
        "2 no free worker 5 s",
        "3 no free worker 10 s",
        "4 no free worker 15 s",
        "5 no free worker 30 s",
    ];
    assert_eq!(two, expected);
    runs[0].state = RunState::Succeeded;
    assert!(told(&[], &sweep, &runs, 0).iter().all(|line| line.ends_with("worker ?")));
}

#[test]
fn every_limit_is_named() {
    let (mut sweep, mut runs) = (sweep(1, 600_000), runs());
    runs.truncate(2);
    let quota = told(&[vision(Some(1), None)], &sweep, &runs, 1);
    assert_eq!(quota[0], "1 quota of project vision: 1 of 1 running ?");
    let hours = told(&[vision(None, Some(9_000))], &sweep, &runs, 1);
    assert_eq!(hours[0], "- hours of project vision: 9 s free ?");

    runs[0].not_before = Some(NOW.plus_ms(4_000));
    let backing = told(&[], &sweep, &runs, 1);
    assert_eq!(backing, ["1 no free worker 0 s", "- back-off, 4 s more ?"]);
    runs[0].not_before = Some(NOW);
    assert_eq!(told(&[], &sweep, &runs, 1).len(), 2);
    assert!(told(&[], &sweep, &runs, 1)[0].starts_with('1'));

    // 5 s are free, and a run in progress may give 15 s back.
    sweep.balance.granted = AcceleratorTime::from_ms(20_000);
    sweep.balance.reserved = AcceleratorTime::from_ms(15_000);
    assert_eq!(told(&[], &sweep, &runs, 1)[0], "- budget: 5 s free ?");
    sweep.balance.spent = AcceleratorTime::from_ms(15_000);
    assert!(told(&[], &sweep, &runs, 1).is_empty(), "what can never be paid for does not wait");

    sweep.paused_at = Some(NOW);
    sweep.balance = Balance { granted: AcceleratorTime::from_ms(600_000), ..Balance::default() };
    assert_eq!(told(&[], &sweep, &runs, 1), ["- paused ?", "- paused ?"]);
    sweep.phase = SweepPhase::Calibrating;
    sweep.paused_at = None;
    assert_eq!(told(&[], &sweep, &[], 1), ["- calibrating ?"]);
    sweep.phase = SweepPhase::Done;
    assert!(told(&[], &sweep, &runs, 1).is_empty());
}

#[test]
fn positions_count_over_all_sweeps() {
    let (old, young, runs) = (sweep(1, 600_000), sweep(2, 600_000), runs());
    let young = SweepRecord { priority: 5, ..young };
    let others: Vec<RunRecord> = runs
        .iter()
        .map(|run| {
            let mut run = run.clone();
            run.spec.id = RunId::derived(young.id.0, &run.spec.id.to_string());
            run
        })
        .collect();
    let looks = [Look { sweep: &old, runs: &runs }, Look { sweep: &young, runs: &others }];
    let waiting = explain(&[], &looks, 1, NOW);
    assert_eq!(waiting.len(), 12);
    assert!(waiting[..6].iter().all(|waiting| waiting.sweep == young.id));
    assert!(waiting.iter().map(|waiting| waiting.position).eq((1..=12).map(Some)));
    let words = words(&waiting, old.id);
    let last = &words[&runs[5].spec.id];
    assert!(last.starts_with("no free worker, number 12 in the queue, starts in about "), "{last}");
}
