//! What a database would hold, as values, and what a coordinator does to it: by the same pure functions as
//! the real one, in the order of the real one.

use std::collections::{BTreeMap, BTreeSet};

use coordinator::scheduler::queue::{Line, Pending, Queue};
use coordinator::scheduler::{Candidate, Problem, solve};
use sweep_core::clock::Timestamp;
use sweep_core::ids::{RunId, SweepId, WorkerId};
use sweep_core::ledger::Ledger;
use sweep_core::retry::{self, AttemptEnd, Verdict};
use sweep_core::run::{RunEvent, RunState};
use sweep_core::spec::RetrySpec;
use sweep_core::units::AcceleratorTime;

use super::{LEASE_MS, Seeded, ms};

/// A reservation that proves too small grows by so much.
const EXTENSION: AcceleratorTime = ms(5);

/// As the coordinator has it: back-offs end without anybody's saying so.
const QUEUE_AGE_MAX_MS: i64 = 1000;

#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) cost: AcceleratorTime,
    /// Each is a point, and a millisecond of accelerator time or two.
    pub(super) steps: u64,
    pub(super) state: RunState,
    pub(super) attempts_n: u32,
    pub(super) spent: AcceleratorTime,
    pub(super) checkpoint: u64,
    /// Value by step; the first to be stored stays.
    pub(super) points: BTreeMap<u64, u64>,
    /// Batches that were stored, by attempt and number.
    batches: BTreeSet<(u32, u64)>,
    pub(super) observations_n: u32,
    pub(super) ends: Vec<AttemptEnd>,
    not_before: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    worker: WorkerId,
    epoch: u32,
    expires_at: Timestamp,
}

/// An attempt of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) run: usize,
    pub(super) epoch: u32,
}

/// What a worker is told of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assignment {
    pub(super) key: Key,
    pub(super) from: u64,
    pub(super) steps: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Succeeded,
    OutOfMemory,
    OutOfBudget,
    Released,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    StaleLease,
    OutOfBudget,
}

pub(super) struct Books {
    pub(super) ledger: Ledger,
    pub(super) runs: Vec<Run>,
    leases: BTreeMap<usize, Lease>,
    sweep: SweepId,
    retries: RetrySpec,
    /// In memory, with when it was read: lost with the coordinator.
    queue: Option<(Timestamp, Queue)>,
}

impl Books {
    pub(super) fn new(seeded: &mut Seeded) -> Self {
        let run = |n: u64, seeded: &mut Seeded| {
            let steps = 3 + seeded.below(12);
            Run {
                id: format!("{n:032x}").parse().expect("32 digits are an id"),
                cost: ms(steps),
                steps,
                state: RunState::Planned,
                attempts_n: 0,
                spent: ms(0),
                checkpoint: 0,
                points: BTreeMap::new(),
                batches: BTreeSet::new(),
                observations_n: 0,
                ends: Vec::new(),
                not_before: Timestamp(i64::MIN),
            }
        };
        let runs: Vec<Run> = (0..2 + seeded.below(5)).map(|n| run(n, seeded)).collect();
        let all: u64 = runs.iter().map(|run| run.steps).sum();
        // From too little for all of them to plenty.
        let granted = all / 2 + seeded.below(4 * all);
        let ledger = Ledger::new(ms(granted));
        let sweep = format!("{:032x}", 0xf00d).parse().expect("32 digits are an id");
        let retries = RetrySpec::default();
        Self { ledger, runs, leases: BTreeMap::new(), sweep, retries, queue: None }
    }

    /// As the planning task does; true once there is nothing to wait for.
    pub(super) fn schedule(&mut self) -> bool {
        let of = |run: &Run| Candidate { state: run.state, cost: run.cost };
        let candidates = self.runs.iter().map(of).collect();
        let solved = solve(&Problem { balance: self.ledger.balance(), candidates });
        for place in &solved.release {
            self.advance(*place, RunEvent::Queue);
        }
        if !solved.release.is_empty() {
            self.queue = None;
        }
        solved.done
    }

    /// The coordinator ends and another begins.
    pub(super) fn restart(&mut self) {
        self.queue = None;
    }

    pub(super) fn lease(&mut self, worker: WorkerId, now: Timestamp) -> Option<Assignment> {
        if let Some((run, lease)) = self.leases.iter().find(|(_, lease)| lease.worker == worker) {
            return Some(self.assignment(*run, lease.epoch));
        }
        let age_ms = |read_at: &Timestamp| now.0 - read_at.0;
        let known = self.queue.take();
        let known = known.filter(|(at, _)| (0..QUEUE_AGE_MAX_MS).contains(&age_ms(at)));
        let (read_at, mut queue) = known.unwrap_or_else(|| (now, self.read_queue(now)));
        let started = queue.start_next();
        self.queue = Some((read_at, queue));
        let started = started?;
        let run = self.runs.iter().position(|run| run.id == started.run)?;
        // A queue in memory may be behind: the claim looks itself.
        let state = self.runs[run].state;
        let epoch = self.runs[run].attempts_n + 1;
        if state.after(RunEvent::Lease).is_err()
            || self.ledger.reserve(self.runs[run].id, epoch, started.reserve).is_err()
        {
            self.queue = None;
            return None;
        }
        self.advance(run, RunEvent::Lease);
        self.runs[run].attempts_n = epoch;
        let lease = Lease { worker, epoch, expires_at: now.plus_ms(LEASE_MS) };
        self.leases.insert(run, lease);
        Some(self.assignment(run, epoch))
    }

    fn assignment(&self, run: usize, epoch: u32) -> Assignment {
        let Run { checkpoint, steps, .. } = self.runs[run];
        Assignment { key: Key { run, epoch }, from: checkpoint, steps }
    }

    fn read_queue(&self, now: Timestamp) -> Queue {
        let waits = |(_, run): &(u32, &Run)| run.state == RunState::Queued && run.not_before <= now;
        let waiting = (0..).zip(&self.runs).filter(waits);
        let pending = waiting
            .map(|(position, run)| Pending { run: run.id, cost: run.cost, position })
            .collect();
        let line = Line {
            sweep: self.sweep,
            project: "default".to_owned(),
            priority: 0,
            submitted_at: Timestamp(0),
            free: self.ledger.balance().free(),
            pending,
        };
        Queue::new(&[], &[line])
    }

    pub(super) fn start(&mut self, key: Key) -> Result<(), Refused> {
        self.held(key)?;
        if self.runs[key.run].state == RunState::Leased {
            self.advance(key.run, RunEvent::Start);
        }
        Ok(())
    }

    pub(super) fn push(
        &mut self,
        key: Key,
        batch: u64,
        points: &[(u64, u64)],
    ) -> Result<(), Refused> {
        self.held(key)?;
        let run = &mut self.runs[key.run];
        if run.batches.insert((key.epoch, batch)) {
            for (step, value) in points {
                run.points.entry(*step).or_insert(*value);
            }
        }
        Ok(())
    }

    pub(super) fn beat(&mut self, key: Key, used: u64, now: Timestamp) -> Result<(), Refused> {
        self.held(key)?;
        let is_covered = self.meter(key, ms(used), EXTENSION);
        if let Some(lease) = self.leases.get_mut(&key.run) {
            lease.expires_at = now.plus_ms(LEASE_MS);
        }
        if is_covered { Ok(()) } else { Err(Refused::OutOfBudget) }
    }

    pub(super) fn checkpoint(&mut self, key: Key, step: u64) -> Result<(), Refused> {
        self.held(key)?;
        self.runs[key.run].checkpoint = step;
        Ok(())
    }

    pub(super) fn finish(
        &mut self,
        key: Key,
        used: u64,
        ending: Ending,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let (event, end) = match ending {
            Ending::Succeeded => (RunEvent::Succeed, AttemptEnd::Succeeded),
            Ending::OutOfBudget => (RunEvent::Fail, AttemptEnd::OutOfBudget),
            Ending::Released => (RunEvent::Requeue, AttemptEnd::Preempted),
            Ending::OutOfMemory => (RunEvent::Fail, AttemptEnd::OutOfMemory),
        };
        if self.held(key).is_err() {
            // The same end may be told again.
            let run = &self.runs[key.run];
            let is_last = run.attempts_n == key.epoch && run.ends.last() == Some(&end);
            return if is_last { Ok(()) } else { Err(Refused::StaleLease) };
        }
        match ending {
            Ending::Succeeded => self.runs[key.run].observations_n += 1,
            Ending::OutOfMemory => return self.repeat(key, Some(ms(used)), end, now),
            Ending::OutOfBudget | Ending::Released => {}
        }
        self.settle(key, Some(ms(used)), event, end);
        Ok(())
    }

    /// As the reaper does.
    pub(super) fn reap(&mut self, now: Timestamp) {
        let lost = self.leases.iter().filter(|(_, lease)| lease.expires_at <= now);
        let lost: Vec<Key> =
            lost.map(|(run, Lease { epoch, .. })| Key { run: *run, epoch: *epoch }).collect();
        for key in lost {
            let taken = self.repeat(key, None, AttemptEnd::WorkerLost, now);
            taken.expect("a lease in the list is held");
        }
    }

    fn repeat(
        &mut self,
        key: Key,
        reading: Option<AcceleratorTime>,
        end: AttemptEnd,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let earlier = self.runs[key.run].ends.iter().filter(|earlier| **earlier == end);
        let ended_n = u32::try_from(earlier.count()).unwrap_or(u32::MAX) + 1;
        match retry::decide(&self.retries, end, ended_n, key.run as u64) {
            Verdict::Again { after_ms } => {
                self.runs[key.run].not_before = now.plus_ms(after_ms.cast_signed());
                self.settle(key, reading, RunEvent::Requeue, end);
            }
            Verdict::Enough => self.settle(key, reading, RunEvent::Fail, end),
        }
        Ok(())
    }

    fn settle(
        &mut self,
        key: Key,
        reading: Option<AcceleratorTime>,
        event: RunEvent,
        end: AttemptEnd,
    ) {
        if let Some(reading) = reading {
            self.meter(key, reading, ms(0));
        }
        self.advance(key.run, event);
        self.runs[key.run].ends.push(end);
        let id = self.runs[key.run].id;
        self.ledger.settle(id, key.epoch).expect("a held run has a reservation");
        self.leases.remove(&key.run);
        self.queue = None;
    }

    fn meter(&mut self, key: Key, reading: AcceleratorTime, extend_by: AcceleratorTime) -> bool {
        let id = self.runs[key.run].id;
        let of = |ledger: &Ledger| ledger.reservation(id).expect("a held run has a reservation");
        let free = self.ledger.balance().free();
        let missing = reading.saturating_sub(of(&self.ledger).reserved);
        if missing > ms(0) && missing <= free {
            let extension = extend_by.max(missing).min(free);
            self.ledger.extend(id, key.epoch, extension).expect("it is free");
        }
        let before = of(&self.ledger);
        let covered = reading.min(before.reserved);
        self.ledger.meter(id, key.epoch, covered).expect("it is covered");
        let charged = covered.saturating_sub(before.metered);
        self.runs[key.run].spent = ms(self.runs[key.run].spent.ms() + charged.ms());
        reading <= before.reserved
    }

    fn held(&self, key: Key) -> Result<(), Refused> {
        let lease = self.leases.get(&key.run).filter(|lease| lease.epoch == key.epoch);
        lease.map(drop).ok_or(Refused::StaleLease)
    }

    fn advance(&mut self, run: usize, event: RunEvent) {
        let state = self.runs[run].state.after(event);
        self.runs[run].state = state.expect("the books make no illegal transition");
    }

    /// What must hold after every event.
    pub(super) fn check(&self) -> Result<(), String> {
        let balance = self.ledger.balance();
        let spent: u64 = self.runs.iter().map(|run| run.spent.ms()).sum();
        let sum = balance.reserved.ms() + balance.spent.ms() + balance.free().ms();
        if !self.ledger.holds() || sum != balance.granted.ms() || spent != balance.spent.ms() {
            return Err(format!("the books do not add up: {balance:?}, runs used {spent} ms"));
        }
        let mut workers = BTreeSet::new();
        for (place, run) in self.runs.iter().enumerate() {
            let lease = self.leases.get(&place);
            let reservation = self.ledger.reservation(run.id);
            let epochs = (lease.map(|lease| lease.epoch), reservation.map(|held| held.epoch));
            let expected = run.state.is_active().then_some(run.attempts_n);
            if epochs != (expected, expected) {
                return Err(format!("run {place} is {} and held by {epochs:?}", run.state));
            }
            if lease.is_some_and(|lease| !workers.insert(lease.worker)) {
                return Err(format!("the worker of run {place} holds another one"));
            }
            if (1..=run.checkpoint).any(|step| run.points.get(&step) != Some(&value(place, step))) {
                return Err(format!("run {place} has lost points before its checkpoint"));
            }
            let observed = u32::from(run.state == RunState::Succeeded);
            if run.observations_n != observed {
                return Err(format!("run {place} is observed {} times", run.observations_n));
            }
        }
        Ok(())
    }

    /// What must hold once the sweep is done.
    pub(super) fn check_done(&self) -> Result<(), String> {
        let balance = self.ledger.balance();
        if balance.reserved > ms(0) {
            return Err(format!("something is reserved for nobody: {balance:?}"));
        }
        for (place, run) in self.runs.iter().enumerate() {
            let expected = (1..=run.steps).map(|step| (step, value(place, step)));
            match run.state {
                RunState::Succeeded if !run.points.iter().map(|(s, v)| (*s, *v)).eq(expected) => {
                    return Err(format!("run {place} has other points: {:?}", run.points));
                }
                RunState::Succeeded | RunState::Failed => {}
                RunState::Planned | RunState::Queued if run.cost > balance.free() => {}
                state => {
                    return Err(format!("run {place} is still {state}, and could be paid for"));
                }
            }
        }
        Ok(())
    }
}

/// What a run measures at a step, whoever trains it.
pub(super) fn value(run: usize, step: u64) -> u64 {
    run as u64 * 1000 + step
}
