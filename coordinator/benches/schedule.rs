//! Decisions of the scheduler a second: 10,000 runs of 200 sweeps and 40 projects wait, 1,000 workers
//! are at work. In every round a run ends, its worker gets the next one, and another run joins the
//! queue. `cargo bench --bench schedule`.

use coordinator::scheduler::queue::{Line, Pending, Queue, Started};
use divan::Bencher;
use divan::counter::ItemsCount;
use sweep_core::clock::Timestamp;
use sweep_core::ids::{RunId, SweepId};
use sweep_core::project::{Project, ProjectUse};
use sweep_core::units::AcceleratorTime;

const SWEEPS_N: u32 = 200;
const PROJECTS_N: u32 = 40;
const WORKERS_N: usize = 1_000;
/// Decisions of one sample.
const ROUNDS_N: u32 = 10_000;

fn main() {
    divan::main();
}

fn projects() -> Vec<ProjectUse> {
    let project = |n: u32| ProjectUse {
        project: Project {
            name: format!("project-{n}"),
            weight: f64::from(1 + n % 5),
            granted: Some(AcceleratorTime::from_hours(1_000_000)),
            running_max: Some(40),
        },
        sweeps_n: SWEEPS_N / PROJECTS_N,
        running_n: 0,
        spent: AcceleratorTime::ZERO,
        reserved: AcceleratorTime::ZERO,
        used_lately: AcceleratorTime::from_hours(u64::from(n)),
    };
    (0..PROJECTS_N).map(project).collect()
}

fn pending(position: u32) -> Pending {
    let cost = AcceleratorTime::from_hours(1 << (position % 8));
    Pending { run: RunId::new(), cost, position }
}

fn lines(pending_n: u32) -> Vec<Line> {
    let line = |n: u32| Line {
        sweep: SweepId::new(),
        project: format!("project-{}", n % PROJECTS_N),
        priority: (n % 3).cast_signed(),
        submitted_at: Timestamp(i64::from(n)),
        free: AcceleratorTime::from_hours(1_000_000),
        pending: (0..pending_n / SWEEPS_N).map(pending).collect(),
    };
    (0..SWEEPS_N).map(line).collect()
}

/// A queue with as many runs waiting as asked, and every worker at one.
fn busy(pending_n: u32) -> (Queue, Vec<Started>) {
    let workers_n = u32::try_from(WORKERS_N).unwrap_or(u32::MAX);
    let mut queue = Queue::new(&projects(), &lines(pending_n + workers_n));
    let running: Vec<Started> = std::iter::from_fn(|| queue.start_next()).take(WORKERS_N).collect();
    assert_eq!(running.len(), WORKERS_N, "every worker has a run");
    (queue, running)
}

#[divan::bench(args = [1_000, 10_000, 100_000])]
fn decisions(bencher: Bencher<'_, '_>, pending_n: u32) {
    bencher.counter(ItemsCount::new(ROUNDS_N)).with_inputs(|| busy(pending_n)).bench_local_refs(
        |(queue, running)| {
            for round in 0..ROUNDS_N {
                let worker = round as usize % WORKERS_N;
                let ended = running[worker];
                queue.ended(ended.sweep, ended.reserve, ended.reserve);
                queue.add(ended.sweep, pending(round));
                running[worker] = queue.start_next().expect("there is always a run that waits");
            }
        },
    );
}
