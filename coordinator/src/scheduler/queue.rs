//! Which run of all sweeps a free worker gets next. Pure, and incremental: a decision looks at the
//! projects that may start a run, not at every run that waits.
//!
//! Between projects: weighted fair share by hours used in a sliding window, as the usage-based fair
//! sharing of Kueue's local queues has it (hours divided by weight, the least comes first; no decay
//! within the window). Within a project: the highest priority first, then the sweep that was submitted
//! first, then the order of its plan. A run that is started counts at once with what it reserves, so
//! that many workers which are free at a time are shared too.
//!
//! Nobody starves: what a project uses pushes it back behind the others, so each gets hours in
//! proportion to its weight, up to one run. Priorities hold within a project only.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use sweep_core::clock::Timestamp;
use sweep_core::ids::{RunId, SweepId};
use sweep_core::project::ProjectUse;
use sweep_core::units::AcceleratorTime;

use super::reservation;

/// A run that waits for a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    pub run: RunId,
    pub cost: AcceleratorTime,
    /// In its plan.
    pub position: u32,
}

/// A sweep with runs that wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub sweep: SweepId,
    pub project: String,
    pub priority: i32,
    pub submitted_at: Timestamp,
    /// Of its budget.
    pub free: AcceleratorTime,
    pub pending: Vec<Pending>,
}

/// A run that is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    pub run: RunId,
    pub sweep: SweepId,
    pub reserve: AcceleratorTime,
}

/// Thousandths of a weight are told apart.
const WEIGHT_UNIT: f64 = 1000.0;

#[derive(Clone, Debug)]
struct ProjectSlot {
    weight_milli: u64,
    free: Option<AcceleratorTime>,
    running_n: u32,
    running_max: Option<u32>,
    used: AcceleratorTime,
    /// Sweeps that have a run which their own budget pays for, the first in front.
    ready: BTreeSet<Rank>,
    /// Its key among the open projects, where it is one.
    key: Option<u128>,
}

/// The place of a sweep within its project.
type Rank = (Reverse<i32>, Timestamp, SweepId, usize);

#[derive(Clone, Debug)]
struct SweepSlot {
    sweep: SweepId,
    project: usize,
    priority: i32,
    submitted_at: Timestamp,
    free: AcceleratorTime,
    /// Places in the plan, by cost: few costs, so the first run that is paid for is found at once.
    by_cost: BTreeMap<AcceleratorTime, BTreeSet<(u32, RunId)>>,
    is_ready: bool,
}

/// What is started next.
struct Next {
    project: usize,
    sweep: usize,
    cost: AcceleratorTime,
    reserve: AcceleratorTime,
    run: (u32, RunId),
}

/// All that waits for workers.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    projects: Vec<ProjectSlot>,
    sweeps: Vec<SweepSlot>,
    /// Projects that may start a run, by hours over weight; of equals the first by name.
    open: BTreeSet<(u128, usize)>,
    index: HashMap<SweepId, usize>,
}

impl Queue {
    /// A queue of these sweeps. A project that is not among `projects` has no limits, weight 1, and has
    /// used nothing. The order of either list does not matter.
    #[must_use]
    pub fn new(projects: &[ProjectUse], lines: &[Line]) -> Self {
        let known: BTreeMap<&str, &ProjectUse> =
            projects.iter().map(|known| (known.project.name.as_str(), known)).collect();
        let names: BTreeSet<&str> = lines.iter().map(|line| line.project.as_str()).collect();
        let mut queue = Self::default();
        let mut places = BTreeMap::new();
        for name in names {
            places.insert(name, queue.projects.len());
            queue.projects.push(ProjectSlot::new(known.get(name).copied()));
        }
        for line in lines {
            queue.index.insert(line.sweep, queue.sweeps.len());
            queue.sweeps.push(SweepSlot::new(line, places[line.project.as_str()]));
            queue.refresh_sweep(queue.sweeps.len() - 1);
        }
        queue
    }

    /// The run that a free worker gets, which then does not wait any more; none where none may be
    /// started.
    pub fn start_next(&mut self) -> Option<Started> {
        let Next { project, sweep, cost, reserve, run } = self.first()?;
        let slot = &mut self.sweeps[sweep];
        slot.remove(cost, run);
        slot.free = slot.free.saturating_sub(reserve);
        let started = Started { run: run.1, sweep: slot.sweep, reserve };
        let project = &mut self.projects[project];
        project.running_n += 1;
        project.free = project.free.map(|free| free.saturating_sub(reserve));
        project.used = sum(project.used, reserve);
        self.refresh_sweep(sweep);
        Some(started)
    }

    /// A run has ended: of what it reserved, it has spent a part, and the rest is free again.
    pub fn ended(&mut self, sweep: SweepId, reserved: AcceleratorTime, spent: AcceleratorTime) {
        let Some(sweep) = self.index.get(&sweep).copied() else { return };
        let unused = reserved.saturating_sub(spent);
        let slot = &mut self.sweeps[sweep];
        slot.free = sum(slot.free, unused);
        let project = &mut self.projects[slot.project];
        project.running_n = project.running_n.saturating_sub(1);
        project.free = project.free.map(|free| sum(free, unused));
        project.used = project.used.saturating_sub(unused);
        self.refresh_sweep(sweep);
    }

    /// Adds a run that waits (again); of a sweep that is not known nothing is added.
    pub fn add(&mut self, sweep: SweepId, pending: Pending) {
        let Some(sweep) = self.index.get(&sweep).copied() else { return };
        self.sweeps[sweep].insert(pending);
        self.refresh_sweep(sweep);
    }

    /// The same queue as if no project had a quota: the order in which runs get their turn as others
    /// end.
    #[must_use]
    pub fn without_quotas(&self) -> Self {
        let mut queue = self.clone();
        for place in 0..queue.projects.len() {
            queue.projects[place].running_max = None;
            queue.refresh_project(place);
        }
        queue
    }

    fn first(&self) -> Option<Next> {
        self.open.iter().find_map(|(_, place)| {
            let project = &self.projects[*place];
            let pays = |sweep: usize| {
                let slot = &self.sweeps[sweep];
                let free = project.left(slot.free);
                let (cost, run) = slot.first(free)?;
                Some(Next { project: *place, sweep, cost, reserve: reservation(cost, free), run })
            };
            project.ready.iter().find_map(|(.., sweep)| pays(*sweep))
        })
    }

    fn refresh_sweep(&mut self, sweep: usize) {
        let slot = &mut self.sweeps[sweep];
        let (place, is_ready) = (slot.project, slot.first(slot.free).is_some());
        let was_ready = std::mem::replace(&mut slot.is_ready, is_ready);
        let rank = (Reverse(slot.priority), slot.submitted_at, slot.sweep, sweep);
        let ready = &mut self.projects[place].ready;
        match (was_ready, is_ready) {
            (false, true) => drop(ready.insert(rank)),
            (true, false) => drop(ready.remove(&rank)),
            _ => {}
        }
        self.refresh_project(place);
    }

    fn refresh_project(&mut self, place: usize) {
        let project = &mut self.projects[place];
        let key = project.may_start().then(|| project.share());
        if project.key == key {
            return;
        }
        if let Some(old) = std::mem::replace(&mut project.key, key) {
            self.open.remove(&(old, place));
        }
        self.open.extend(key.map(|key| (key, place)));
    }
}

impl ProjectSlot {
    fn new(known: Option<&ProjectUse>) -> Self {
        let weight = known.map_or(1.0, |known| known.project.weight);
        Self {
            weight_milli: ((weight * WEIGHT_UNIT).round() as u64).max(1),
            free: known.and_then(ProjectUse::free),
            running_n: known.map_or(0, |known| known.running_n),
            running_max: known.and_then(|known| known.project.running_max),
            used: known
                .map_or(AcceleratorTime::ZERO, |known| sum(known.used_lately, known.reserved)),
            ready: BTreeSet::new(),
            key: None,
        }
    }

    /// What the project and a sweep of it can pay for.
    fn left(&self, of_sweep: AcceleratorTime) -> AcceleratorTime {
        self.free.map_or(of_sweep, |free| free.min(of_sweep))
    }

    fn may_start(&self) -> bool {
        let has_room = self.running_max.is_none_or(|max| self.running_n < max);
        has_room && !self.ready.is_empty()
    }

    /// Hours used over weight, in whole numbers so that equals are equal everywhere.
    fn share(&self) -> u128 {
        u128::from(self.used.ms()) * 1_000_000 / u128::from(self.weight_milli)
    }
}

impl SweepSlot {
    fn new(line: &Line, project: usize) -> Self {
        let Line { sweep, priority, submitted_at, free, .. } = *line;
        let by_cost = BTreeMap::new();
        let mut slot =
            Self { sweep, project, priority, submitted_at, free, by_cost, is_ready: false };
        for pending in &line.pending {
            slot.insert(*pending);
        }
        slot
    }

    fn insert(&mut self, Pending { run, cost, position }: Pending) {
        self.by_cost.entry(cost).or_default().insert((position, run));
    }

    fn remove(&mut self, cost: AcceleratorTime, run: (u32, RunId)) {
        if let Some(runs) = self.by_cost.get_mut(&cost) {
            runs.remove(&run);
            if runs.is_empty() {
                self.by_cost.remove(&cost);
            }
        }
    }

    /// The first run of the plan that costs no more than this.
    fn first(&self, free: AcceleratorTime) -> Option<(AcceleratorTime, (u32, RunId))> {
        let paid = self.by_cost.range(..=free);
        let heads = paid.filter_map(|(cost, runs)| Some((*runs.first()?, *cost)));
        heads.min().map(|(run, cost)| (cost, run))
    }
}

fn sum(a: AcceleratorTime, b: AcceleratorTime) -> AcceleratorTime {
    AcceleratorTime::from_ms(a.ms().saturating_add(b.ms()))
}

#[cfg(test)]
mod tests;
