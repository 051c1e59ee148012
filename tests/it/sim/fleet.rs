//! Workers as values, and the network between them and the coordinator.

use std::collections::VecDeque;

use sweep_core::clock::Timestamp;
use sweep_core::ids::WorkerId;

use super::Seeded;
use super::books::{Assignment, Books, Ending, Key, Refused, value};

/// What has happened in a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Messages of attempts that had been replaced.
    pub(super) refused_n: u64,
    /// Messages that were taken a second time.
    pub(super) repeated_n: u64,
    pub(super) lost_n: u64,
    pub(super) resumed_n: u64,
    pub(super) failed_n: u64,
    pub(super) succeeded_n: u64,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Self) {
        self.refused_n += other.refused_n;
        self.repeated_n += other.repeated_n;
        self.lost_n += other.lost_n;
        self.resumed_n += other.resumed_n;
        self.failed_n += other.failed_n;
        self.succeeded_n += other.succeeded_n;
    }
}

#[derive(Clone, Debug)]
enum Ask {
    Lease,
    Start(Key),
    Push(Key, u64, Vec<(u64, u64)>),
    Beat(Key, u64),
    Checkpoint(Key, u64),
    Finish(Key, u64, Ending),
}

/// A message on its way, known by its worker and number.
#[derive(Clone, Debug)]
struct Letter {
    from: WorkerId,
    number: u64,
    ask: Ask,
    was_taken: bool,
}

#[derive(Debug)]
struct Worker {
    id: WorkerId,
    /// What it has to say, in order: the first is said again until it is answered.
    outbox: VecDeque<Ask>,
    /// Of the first in the outbox.
    number: u64,
    job: Option<Job>,
    /// Rounds that it sleeps.
    frozen_n: u64,
}

#[derive(Debug)]
struct Job {
    key: Key,
    step: u64,
    steps: u64,
    used: u64,
    batch: u64,
    waiting: Vec<(u64, u64)>,
    has_ended: bool,
}

pub(super) struct Fleet {
    workers: Vec<Worker>,
    network: Vec<Letter>,
    is_calm: bool,
    born_n: u128,
    pub(super) seen: Seen,
}

impl Fleet {
    pub(super) fn new(workers_n: u64, seeded: &mut Seeded) -> Self {
        let (workers, network) = (Vec::new(), Vec::new());
        let born_n = u128::from(seeded.next());
        let mut fleet = Self { workers, network, is_calm: false, born_n, seen: Seen::default() };
        for _ in 0..workers_n {
            let worker = fleet.born();
            fleet.workers.push(worker);
        }
        fleet
    }

    fn born(&mut self) -> Worker {
        self.born_n += 1;
        let id = format!("{:032x}", self.born_n).parse().expect("32 digits are an id");
        Worker { id, outbox: VecDeque::new(), number: 0, job: None, frozen_n: 0 }
    }

    /// One is gone, with all that it knew; what it has said is still on its way.
    pub(super) fn kill_one(&mut self, seeded: &mut Seeded) {
        let place = seeded.below(self.workers.len() as u64) as usize;
        self.workers[place] = self.born();
    }

    /// One sleeps, mostly for longer than its lease.
    pub(super) fn freeze_one(&mut self, seeded: &mut Seeded) {
        let place = seeded.below(self.workers.len() as u64) as usize;
        self.workers[place].frozen_n = seeded.below(60);
    }

    /// From now on nothing is lost, nobody dies and nobody sleeps.
    pub(super) fn calm(&mut self) {
        self.is_calm = true;
        for worker in &mut self.workers {
            worker.frozen_n = 0;
        }
    }

    /// A worker trains a step or says something, and something that was said arrives.
    pub(super) fn act(&mut self, books: &mut Books, seeded: &mut Seeded, now: Timestamp) {
        for worker in &mut self.workers {
            if worker.frozen_n > 0 {
                worker.frozen_n -= 1;
            } else if worker.outbox.is_empty() {
                worker.train(seeded, self.is_calm);
            } else if seeded.one_in(2) {
                self.network.push(worker.letter());
            }
        }
        for _ in 0..self.workers.len() {
            self.arrive(books, seeded, now);
        }
    }

    fn arrive(&mut self, books: &mut Books, seeded: &mut Seeded, now: Timestamp) {
        if self.network.is_empty() {
            return;
        }
        let place = seeded.below(self.network.len() as u64) as usize;
        let mut letter = self.network.swap_remove(place);
        if !self.is_calm && seeded.one_in(8) {
            return;
        }
        let answer = take(books, &letter, now);
        match &answer {
            Err(Refused::StaleLease) => self.seen.refused_n += 1,
            Ok(_) if letter.was_taken => self.seen.repeated_n += 1,
            _ => {}
        }
        if !self.is_calm && seeded.one_in(6) {
            // It comes a second time, whenever.
            letter.was_taken = true;
            self.network.push(letter.clone());
        }
        // The answer may be lost.
        if self.is_calm || !seeded.one_in(8) {
            let asker = self.workers.iter_mut().find(|worker| worker.id == letter.from);
            let asker = asker.filter(|worker| worker.number == letter.number);
            if let Some(worker) = asker.filter(|worker| !worker.outbox.is_empty()) {
                let resumed = worker.hear(answer);
                self.seen.resumed_n += u64::from(resumed);
            }
        }
    }
}

fn take(books: &mut Books, letter: &Letter, now: Timestamp) -> Result<Option<Assignment>, Refused> {
    match &letter.ask {
        Ask::Lease => return Ok(books.lease(letter.from, now)),
        Ask::Start(key) => books.start(*key)?,
        Ask::Push(key, batch, points) => books.push(*key, *batch, points)?,
        Ask::Beat(key, used) => books.beat(*key, *used, now)?,
        Ask::Checkpoint(key, step) => books.checkpoint(*key, *step)?,
        Ask::Finish(key, used, ending) => books.finish(*key, *used, *ending, now)?,
    }
    Ok(None)
}

impl Worker {
    fn letter(&self) -> Letter {
        let ask = self.outbox.front().cloned().unwrap_or(Ask::Lease);
        Letter { from: self.id, number: self.number, ask, was_taken: false }
    }

    /// Does a step, and finds something to say.
    fn train(&mut self, seeded: &mut Seeded, is_calm: bool) {
        let Some(job) = self.job.as_mut().filter(|job| !job.has_ended) else {
            self.job = None;
            self.outbox.push_back(Ask::Lease);
            return;
        };
        if job.step < job.steps {
            job.step += 1;
            job.used += 1 + seeded.below(2);
            job.waiting.push((job.step, value(job.key.run, job.step)));
        }
        let key = job.key;
        let ending = if job.step == job.steps {
            Some(Ending::Succeeded)
        } else if !is_calm && seeded.one_in(40) {
            Some(if seeded.one_in(2) { Ending::Released } else { Ending::OutOfMemory })
        } else {
            None
        };
        let saves = seeded.one_in(3);
        if ending.is_some() || saves || seeded.one_in(3) {
            let points = std::mem::take(&mut job.waiting);
            self.outbox.push_back(Ask::Push(key, job.batch, points));
            job.batch += 1;
        }
        // The points before a checkpoint are told before it is.
        if saves {
            self.outbox.push_back(Ask::Beat(key, job.used));
            self.outbox.push_back(Ask::Checkpoint(key, job.step));
        }
        if let Some(ending) = ending {
            job.has_ended = true;
            self.outbox.push_back(Ask::Finish(key, job.used, ending));
        } else {
            self.outbox.push_back(Ask::Beat(key, job.used));
        }
    }

    /// Takes the answer to the first in the outbox; true where a run goes on from a checkpoint.
    fn hear(&mut self, answer: Result<Option<Assignment>, Refused>) -> bool {
        self.number += 1;
        self.outbox.pop_front();
        match answer {
            Ok(Some(Assignment { key, from, steps })) => {
                let waiting = Vec::new();
                let (step, used, batch) = (from, 0, 0);
                let job = Job { key, step, steps, used, batch, waiting, has_ended: false };
                self.job = Some(job);
                self.outbox.push_back(Ask::Start(key));
                from > 0
            }
            Ok(None) => false,
            Err(Refused::StaleLease) => {
                self.job = None;
                self.outbox.clear();
                false
            }
            Err(Refused::OutOfBudget) => {
                if let Some(job) = self.job.as_mut().filter(|job| !job.has_ended) {
                    job.has_ended = true;
                    self.outbox.push_back(Ask::Finish(job.key, job.used, Ending::OutOfBudget));
                }
                false
            }
        }
    }
}
