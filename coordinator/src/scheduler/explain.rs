//! What waits and why: the queue as people see it. Pure.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use sweep_core::clock::Timestamp;
use sweep_core::ids::{RunId, SweepId};
use sweep_core::project::{ProjectUse, Wait, Waiting};
use sweep_core::run::RunState;
use sweep_core::sweep::{RunRecord, SweepPhase, SweepRecord};
use sweep_core::units::{AcceleratorTime, WallTime};

use super::queue::{Line, Pending, Queue};
use super::{Candidate, Problem, solve};

/// A sweep with its runs, in the order of its plan.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    pub sweep: &'a SweepRecord,
    pub runs: &'a [RunRecord],
}

/// The runs of a sweep that workers may take now; none of one that starts no runs.
#[must_use]
pub fn line(look: Look<'_>, now: Timestamp) -> Option<Line> {
    let Look { sweep, runs } = look;
    if !sweep.starts_runs() {
        return None;
    }
    let is_ready =
        |run: &RunRecord| run.state == RunState::Queued && run.waits_until(now).is_none();
    let pending = (0u32..)
        .zip(runs)
        .filter(|(_, run)| is_ready(run))
        .map(|(position, run)| Pending { run: run.spec.id, cost: run.spec.cost(), position });
    Some(Line {
        sweep: sweep.id,
        project: sweep.project.clone(),
        priority: sweep.priority,
        submitted_at: sweep.submitted_at,
        free: sweep.balance.free(),
        pending: pending.collect(),
    })
}

/// Everything that waits, in the order in which it will be started; what cannot be placed comes last.
/// Runs that the rest of a budget can never pay for do not wait: they are not started.
#[must_use]
pub fn explain(
    projects: &[ProjectUse],
    looks: &[Look<'_>],
    workers_n: u32,
    now: Timestamp,
) -> Vec<Waiting> {
    let lines: Vec<Line> = looks.iter().filter_map(|look| line(*look, now)).collect();
    let queue = Queue::new(projects, &lines);
    let now_n: HashSet<RunId> = order(queue.clone()).into_iter().collect();
    let positions: HashMap<RunId, u32> =
        order(queue.without_quotas()).into_iter().zip(1u32..).collect();
    let mut waiting: Vec<Waiting> =
        looks.iter().flat_map(|look| of_sweep(*look, projects, &positions, &now_n, now)).collect();
    waiting.sort_by_key(|waiting| (waiting.position.is_none(), waiting.position));
    estimate(&mut waiting, looks, workers_n);
    waiting
}

fn order(mut queue: Queue) -> Vec<RunId> {
    std::iter::from_fn(|| queue.start_next()).map(|started| started.run).collect()
}

fn of_sweep(
    look: Look<'_>,
    projects: &[ProjectUse],
    positions: &HashMap<RunId, u32>,
    startable: &HashSet<RunId>,
    now: Timestamp,
) -> Vec<Waiting> {
    let Look { sweep, runs } = look;
    let waiting = |run: Option<&RunRecord>, wait: Wait| Waiting {
        position: run.and_then(|run| positions.get(&run.spec.id).copied()),
        project: sweep.project.clone(),
        priority: sweep.priority,
        sweep: sweep.id,
        sweep_name: sweep.name.clone(),
        run: run.map(|run| run.spec.id),
        label: run.map(|run| run.spec.label()).unwrap_or_default(),
        wait,
        starts_in: None,
    };
    let is_paused = sweep.paused_at.is_some();
    match sweep.phase {
        SweepPhase::Done => return Vec::new(),
        SweepPhase::Calibrating if sweep.cancelled_at.is_some() => return Vec::new(),
        SweepPhase::Calibrating => {
            let wait = if is_paused { Wait::Paused } else { Wait::Calibrating };
            return vec![waiting(None, wait)];
        }
        SweepPhase::Running => {}
    }
    let candidates =
        runs.iter().map(|run| Candidate { state: run.state, cost: run.spec.cost() }).collect();
    let never: HashSet<usize> =
        solve(&Problem { balance: sweep.balance, candidates }).unaffordable.into_iter().collect();
    let waits = |run: &RunRecord| matches!(run.state, RunState::Planned | RunState::Queued);
    let known = projects.iter().find(|known| known.project.name == sweep.project);
    let why = |run: &RunRecord| {
        if is_paused {
            return Wait::Paused;
        }
        if let Some(until) = run.waits_until(now) {
            let left = until.0.saturating_sub(now.0).unsigned_abs();
            return Wait::BackOff { left: WallTime::from_ms(left) };
        }
        let is_paid = positions.contains_key(&run.spec.id);
        limit(known, startable.contains(&run.spec.id), is_paid, sweep.balance.free())
    };
    let all = runs.iter().enumerate().filter(|(index, run)| waits(run) && !never.contains(index));
    all.map(|(_, run)| waiting(Some(run), why(run))).collect()
}

/// Which limit a run meets that is neither held nor backing off.
fn limit(
    known: Option<&ProjectUse>,
    is_startable: bool,
    is_paid: bool,
    free: AcceleratorTime,
) -> Wait {
    if is_startable {
        return Wait::NoFreeWorker;
    }
    let project = || known.map(|known| known.project.name.clone()).unwrap_or_default();
    let quota = known.and_then(|known| known.project.running_max).filter(|_| is_paid);
    match (quota, known.and_then(ProjectUse::free)) {
        (Some(running_max), _) => {
            let running_n = known.map_or(0, |known| known.running_n);
            Wait::Quota { project: project(), running_n, running_max }
        }
        (None, Some(of_project)) if of_project <= free => {
            Wait::ProjectHours { project: project(), free: of_project }
        }
        _ => Wait::Budget { free },
    }
}

/// Says when a worker will probably be free for each run that waits for nothing else: workers finish
/// what they have at the speed that was measured, and take the runs in order.
fn estimate(waiting: &mut [Waiting], looks: &[Look<'_>], workers_n: u32) {
    let runs = || looks.iter().flat_map(|look| look.runs);
    let mut free_at: BinaryHeap<Reverse<u64>> =
        runs().filter(|run| run.state.is_active()).map(|run| Reverse(left_ms(run))).collect();
    let idle_n = (workers_n as usize).saturating_sub(free_at.len());
    free_at.extend(std::iter::repeat_n(Reverse(0), idle_n));
    let cost: HashMap<RunId, u64> = runs().map(|run| (run.spec.id, run.spec.cost().ms())).collect();
    for waiting in waiting.iter_mut().filter(|waiting| waiting.wait == Wait::NoFreeWorker) {
        let Some(Reverse(at)) = free_at.pop() else { return };
        waiting.starts_in = Some(WallTime::from_ms(at));
        let takes = waiting.run.and_then(|run| cost.get(&run)).copied().unwrap_or(0);
        free_at.push(Reverse(at.saturating_add(takes)));
    }
}

/// What a run in progress still takes, by its own speed, else by the throughput that it was planned
/// with.
fn left_ms(run: &RunRecord) -> u64 {
    let cost = run.spec.cost();
    let Some(now) = run.progress.filter(|now| now.tokens_per_second > 0.0) else {
        return cost.ms();
    };
    let steps = run.spec.steps.saturating_sub(now.step) as f64;
    let tokens_per_step = f64::from(run.spec.batch) * f64::from(run.spec.model.sequence);
    AcceleratorTime::from_seconds_f64(steps * tokens_per_step / now.tokens_per_second).ms()
}

/// What each run of one sweep waits for, in words.
#[must_use]
pub fn words(waiting: &[Waiting], sweep: SweepId) -> HashMap<RunId, String> {
    let of_sweep = waiting.iter().filter(|waiting| waiting.sweep == sweep);
    let text = |waiting: &Waiting| {
        let mut text = waiting.wait.to_string();
        if let Some(position) = waiting.position {
            text += &format!(", number {position} in the queue");
        }
        if let Some(starts_in) = waiting.starts_in.filter(|wait| wait.ms() > 0) {
            text += &format!(", starts in about {starts_in}");
        }
        text
    };
    of_sweep.filter_map(|waiting| Some((waiting.run?, text(waiting)))).collect()
}

#[cfg(test)]
mod tests;
