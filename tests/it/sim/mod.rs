//! Thousands of bad days in seconds: scheduler, ledger, life of a run and leases as values, under a seeded
//! clock that jumps, a network that loses, repeats and reorders, workers that die and freeze, and a
//! coordinator that is started again. A seed that fails is printed, and `SWEEP_SIM_SEED` repeats it.

mod books;
mod fleet;

use sweep_core::clock::Timestamp;
use sweep_core::retry::AttemptEnd;
use sweep_core::run::RunState;
use sweep_core::units::AcceleratorTime;

use books::Books;
use fleet::{Fleet, Seen};

const HISTORIES_N: u64 = 5_000;
/// What happens while days are bad.
const EVENTS_N: u32 = 400;
/// What may happen after that until all is done: many times what it takes.
const CALM_EVENTS_MAX: u32 = 100_000;
const LEASE_MS: i64 = 30_000;
const VARIABLE: &str = "SWEEP_SIM_SEED";

const fn ms(ms: u64) -> AcceleratorTime {
    AcceleratorTime::from_ms(ms)
}

/// Steele, Lea and Flood's splitmix64 ("Fast splittable pseudorandom number generators", 2014).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which is not 0.
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// One history: bad days, then calm until everything is done.
fn history(seed: u64) -> Result<Seen, String> {
    let mut seeded = Seeded(seed);
    let mut books = Books::new(&mut seeded);
    let mut fleet = Fleet::new(2 + seeded.below(4), &mut seeded);
    let mut now = Timestamp(1_800_000_000_000);
    for _ in 0..EVENTS_N {
        match seeded.below(100) {
            // A clock that is set: back, or on by more than a lease.
            0 => now = now.plus_ms(i64::try_from(seeded.below(200_000)).unwrap_or(0) - 100_000),
            1 => books.restart(),
            2..4 => fleet.kill_one(&mut seeded),
            4..6 => fleet.freeze_one(&mut seeded),
            6..10 => books.reap(now),
            10..16 => drop(books.schedule()),
            _ => fleet.act(&mut books, &mut seeded, now),
        }
        now = now.plus_ms(i64::try_from(seeded.below(1_500)).unwrap_or(0));
        books.check()?;
    }
    fleet.calm();
    for _ in 0..CALM_EVENTS_MAX {
        if books.schedule() {
            books.check_done()?;
            fleet.seen.lost_n = count(&books, AttemptEnd::WorkerLost);
            fleet.seen.failed_n = state_n(&books, RunState::Failed);
            fleet.seen.succeeded_n = state_n(&books, RunState::Succeeded);
            return Ok(fleet.seen);
        }
        books.reap(now);
        fleet.act(&mut books, &mut seeded, now);
        now = now.plus_ms(500);
        books.check()?;
    }
    Err("the sweep is never done".to_owned())
}

fn count(books: &Books, end: AttemptEnd) -> u64 {
    let ends = books.runs.iter().flat_map(|run| &run.ends);
    ends.filter(|other| **other == end).count() as u64
}

fn state_n(books: &Books, state: RunState) -> u64 {
    books.runs.iter().filter(|run| run.state == state).count() as u64
}

#[test]
fn thousands_of_bad_days_lose_and_double_nothing() {
    let asked = std::env::var(VARIABLE).ok();
    let seeds = match asked.map(|seed| seed.parse::<u64>().expect("a seed is a number")) {
        Some(seed) => seed..seed + 1,
        None => 0..HISTORIES_N,
    };
    let is_all = seeds.clone().count() > 1;
    let mut all = Seen::default();
    for seed in seeds {
        match std::panic::catch_unwind(|| history(seed)) {
            Ok(Ok(seen)) => all.add(&seen),
            Ok(Err(wrong)) => panic!("seed {seed}: {wrong}; {VARIABLE}={seed} repeats it"),
            Err(_) => panic!("seed {seed}: it panicked, see above; {VARIABLE}={seed} repeats it"),
        }
    }
    println!("{all:?}");
    // Days that were not bad would show nothing.
    let Seen { refused_n, repeated_n, lost_n, resumed_n, failed_n, succeeded_n } = all;
    for (what, n) in [
        ("refused as too late", refused_n),
        ("taken twice", repeated_n),
        ("lost", lost_n),
        ("gone on from a checkpoint", resumed_n),
        ("failed", failed_n),
        ("succeeded", succeeded_n),
    ] {
        assert!(!is_all || n > HISTORIES_N / 10, "only {n} were {what}");
    }
}

#[test]
fn the_same_seed_is_the_same_history() {
    for seed in [1, 77] {
        assert_eq!(history(seed), history(seed));
    }
}
