use proptest::prelude::*;
use sweep_core::project::Project;

use super::*;

fn ms(ms: u64) -> AcceleratorTime {
    AcceleratorTime::from_ms(ms)
}

fn sweep(n: u128) -> SweepId {
    format!("{n:032x}").parse().unwrap()
}

/// A sweep of runs that cost this, in the order of its plan.
fn line(n: u128, project: &str, priority: i32, free: u64, costs: &[u64]) -> Line {
    let pending = (0u32..).zip(costs).map(|(position, cost)| Pending {
        run: format!("{:032x}", n * 1000 + u128::from(position)).parse().unwrap(),
        cost: ms(*cost),
        position,
    });
    let submitted_at = Timestamp(i64::try_from(n).unwrap());
    let project = project.to_owned();
    Line {
        sweep: sweep(n),
        project,
        priority,
        submitted_at,
        free: ms(free),
        pending: pending.collect(),
    }
}

fn project(name: &str, weight: f64, running_max: Option<u32>, granted: Option<u64>) -> ProjectUse {
    ProjectUse {
        project: Project { name: name.to_owned(), weight, granted: granted.map(ms), running_max },
        sweeps_n: 1,
        running_n: 0,
        spent: AcceleratorTime::ZERO,
        reserved: AcceleratorTime::ZERO,
        used_lately: AcceleratorTime::ZERO,
    }
}

/// Starts all that may be started.
fn drain(mut queue: Queue) -> Vec<Started> {
    std::iter::from_fn(|| queue.start_next()).collect()
}

fn sweeps(started: &[Started]) -> Vec<u128> {
    started.iter().map(|started| started.sweep.0.as_u128()).collect()
}

#[test]
fn priorities_go_first_then_the_older_sweep_then_the_plan() {
    let lines = [
        line(1, "a", 0, 1000, &[10, 10]),
        line(2, "a", 5, 1000, &[10]),
        line(3, "a", 0, 1000, &[10]),
    ];
    let started = drain(Queue::new(&[], &lines));
    assert_eq!(sweeps(&started), [2, 1, 1, 3]);
    assert!(started[1].run < started[2].run);
}

#[test]
fn projects_take_turns_by_their_weights() {
    let lines = [line(1, "a", 0, 10_000, &[10; 9]), line(2, "b", 9, 10_000, &[10; 9])];
    let projects = [project("a", 2.0, None, None), project("b", 1.0, None, None)];
    let first: Vec<u128> = sweeps(&drain(Queue::new(&projects, &lines)))[..6].to_vec();
    assert_eq!(first.iter().filter(|n| **n == 1).count(), 4, "{first:?}");
    // Who has used more lately waits, whatever the priority of its sweep.
    let used = ProjectUse { used_lately: ms(100), ..project("b", 1.0, None, None) };
    let started = sweeps(&drain(Queue::new(&[used], &lines)));
    assert!(started[..8].iter().all(|n| *n == 1), "{started:?}");
}

#[test]
fn a_quota_holds_until_a_run_ends() {
    let lines = [line(1, "a", 0, 1000, &[10, 10, 10])];
    let mut queue = Queue::new(&[project("a", 1.0, Some(2), None)], &lines);
    let first = queue.start_next().unwrap();
    queue.start_next().unwrap();
    assert_eq!(queue.start_next(), None);
    assert!(queue.without_quotas().start_next().is_some());
    queue.ended(first.sweep, first.reserve, ms(10));
    assert!(queue.start_next().is_some());
}

#[test]
fn what_is_not_paid_for_lets_others_pass() {
    let lines = [line(1, "a", 0, 25, &[100, 20]), line(2, "b", 0, 1000, &[30])];
    let projects = [project("b", 1.0, None, Some(20))];
    let started = drain(Queue::new(&projects, &lines));
    assert_eq!(sweeps(&started), [1]);
    assert_eq!(started[0].reserve, ms(25));
}

#[derive(Clone, Debug)]
struct World {
    projects: Vec<ProjectUse>,
    lines: Vec<Line>,
}

fn worlds() -> impl Strategy<Value = World> {
    let limits = (1u32..40, prop::option::of(0u32..4), prop::option::of(0u64..400), 0u64..200);
    let costs = prop::collection::vec(1u64..60, 0..8);
    let sweeps = (0usize..4, -2i32..3, 0u64..300, costs);
    (prop::collection::vec(limits, 4), prop::collection::vec(sweeps, 0..8)).prop_map(
        |(projects, lines)| {
            let names = ["a", "b", "c", "d"];
            let projects =
                names.iter().zip(projects).map(|(name, (weight, max, granted, used))| {
                    let project = project_of(name, weight, max, granted);
                    ProjectUse { used_lately: ms(used), ..project }
                });
            let lines = (1..).zip(lines).map(|(n, (project, priority, free, costs))| {
                line(n, names[project], priority, free, &costs)
            });
            World { projects: projects.collect(), lines: lines.collect() }
        },
    )
}

fn project_of(name: &str, weight: u32, max: Option<u32>, granted: Option<u64>) -> ProjectUse {
    project(name, f64::from(weight) / 10.0, max, granted)
}

proptest! {
    /// Never over the budget of a sweep, the hours of a project or its quota; nothing is started twice;
    /// and when it stops, nothing that could be started is left.
    #[test]
    fn limits_hold_and_no_worker_idles(world in worlds()) {
        let World { projects, lines } = world;
        let started = drain(Queue::new(&projects, &lines));
        let distinct: BTreeSet<RunId> = started.iter().map(|started| started.run).collect();
        prop_assert_eq!(distinct.len(), started.len());
        let reserved = |of: &dyn Fn(&Line) -> bool| -> (u64, u32) {
            let of_it = started.iter().filter(|started| {
                lines.iter().any(|line| line.sweep == started.sweep && of(line))
            });
            of_it.fold((0, 0), |(ms, n), started| (ms + started.reserve.ms(), n + 1))
        };
        for known in &projects {
            let (ms, n) = reserved(&|line| line.project == known.project.name);
            prop_assert!(known.project.running_max.is_none_or(|max| n <= max));
            prop_assert!(known.project.granted.is_none_or(|granted| ms <= granted.ms()));
        }
        for line in &lines {
            let (ms, _) = reserved(&|other| other.sweep == line.sweep);
            prop_assert!(ms <= line.free.ms());
            let known = projects.iter().find(|known| known.project.name == line.project).unwrap();
            let (used, n) = reserved(&|other| other.project == line.project);
            let has_room = known.project.running_max.is_none_or(|max| n < max);
            let left = line.free.ms() - ms;
            let hours = known.project.granted.map_or(u64::MAX, |granted| granted.ms() - used);
            for pending in line.pending.iter().filter(|p| !distinct.contains(&p.run)) {
                let fits = pending.cost.ms() <= left.min(hours);
                prop_assert!(!(has_room && fits), "{:?} was left", pending);
            }
        }
    }

    /// The same answer from any order of the same facts, and asking does not change it.
    #[test]
    fn the_order_of_the_input_does_not_matter(world in worlds(), turn in 0usize..8) {
        let World { mut projects, mut lines } = world;
        let queue = Queue::new(&projects, &lines);
        let started = drain(queue.clone());
        prop_assert_eq!(&started, &drain(queue));
        projects.reverse();
        let turn = turn % lines.len().max(1);
        lines.rotate_left(turn);
        for line in &mut lines {
            line.pending.reverse();
        }
        prop_assert_eq!(started, drain(Queue::new(&projects, &lines)));
    }

    /// What is started and ends costs what it spent: then it is as if it had been so from the beginning.
    #[test]
    fn steps_lead_where_a_new_look_would(world in worlds(), spent in 0u64..60, ends in 0usize..6) {
        let World { projects, mut lines } = world;
        let mut projects = projects;
        let mut queue = Queue::new(&projects, &lines);
        for _ in 0..ends {
            let Some(started) = queue.start_next() else { break };
            let spent = ms(spent.min(started.reserve.ms()));
            queue.ended(started.sweep, started.reserve, spent);
            let line = lines.iter_mut().find(|line| line.sweep == started.sweep).unwrap();
            line.pending.retain(|pending| pending.run != started.run);
            line.free = line.free.saturating_sub(spent);
            let name = line.project.clone();
            let known = projects.iter_mut().find(|known| known.project.name == name).unwrap();
            known.spent = sum(known.spent, spent);
            known.used_lately = sum(known.used_lately, spent);
        }
        prop_assert_eq!(drain(queue), drain(Queue::new(&projects, &lines)));
    }

    /// Of projects that always have work, each gets its share of the hours: none is behind by more than
    /// its largest run and the others'.
    #[test]
    fn nobody_starves(weights in prop::collection::vec(1u32..8, 2..5), cost in 1u64..50) {
        let names = ["a", "b", "c", "d"];
        let projects: Vec<_> = names.iter().zip(&weights)
            .map(|(name, weight)| project(name, f64::from(*weight), None, None))
            .collect();
        let runs_n = 240;
        let lines: Vec<_> = (1..).zip(&projects)
            .map(|(n, known)| line(n, &known.project.name, 0, 1 << 40, &vec![cost; runs_n]))
            .collect();
        let started = drain(Queue::new(&projects, &lines));
        let begun = &started[..runs_n];
        let total = f64::from(weights.iter().sum::<u32>());
        for (n, weight) in (1u128..).zip(&weights) {
            let got = begun.iter().filter(|s| s.sweep == sweep(n)).count() as f64;
            let share = runs_n as f64 * f64::from(*weight) / total;
            prop_assert!((got - share).abs() <= weights.len() as f64, "{} of {}", got, share);
        }
    }
}
