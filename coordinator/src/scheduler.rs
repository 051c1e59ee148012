//! Which runs may start: a pure function of the ledger and the runs' states. [`solve`] releases the runs
//! of one sweep, [`queue::Queue`] decides which of all sweeps' a worker gets, [`explain::explain`] says
//! what waits and why.

pub mod explain;
pub mod queue;

use sweep_core::ledger::Balance;
use sweep_core::run::RunState;
use sweep_core::units::AcceleratorTime;

/// A run as the scheduler sees it. Its place in the list is its place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub state: RunState,
    pub cost: AcceleratorTime,
}

/// The question: what should be released, and is anything left to wait for?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub balance: Balance,
    pub candidates: Vec<Candidate>,
}

/// The answer. Indices are places in [`Problem::candidates`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// Planned runs to put into the queue.
    pub release: Vec<usize>,
    /// Waiting runs that the rest of the budget cannot pay for, even if every running run gave
    /// all of its reservation back.
    pub unaffordable: Vec<usize>,
    /// Nothing runs and nothing that waits can be paid for.
    pub done: bool,
}

/// Decides. Solving the answer's own outcome again releases nothing more.
#[must_use]
pub fn solve(problem: &Problem) -> Assignment {
    let Problem { balance, candidates } = problem;
    // A running run may still give back all it reserved: only beyond that is a run surely
    // unaffordable.
    let potential = balance.granted.saturating_sub(balance.spent);
    let waits = |c: &Candidate| matches!(c.state, RunState::Planned | RunState::Queued);
    let affordable = |c: &Candidate| waits(c) && c.cost <= potential;

    let queued: AcceleratorTime = candidates
        .iter()
        .filter(|c| c.state == RunState::Queued && affordable(c))
        .map(|c| c.cost)
        .sum();
    let mut left = balance.free().saturating_sub(queued);
    let mut assignment = Assignment::default();
    for (index, candidate) in candidates.iter().enumerate().filter(|(_, c)| waits(c)) {
        if !affordable(candidate) {
            assignment.unaffordable.push(index);
        } else if candidate.state == RunState::Planned && candidate.cost <= left {
            left = left.saturating_sub(candidate.cost);
            assignment.release.push(index);
        }
    }
    let active = candidates.iter().any(|c| c.state.is_active());
    assignment.done = !active && !candidates.iter().any(affordable);
    assignment
}

/// What a run reserves on being claimed: its class and a margin for a machine that is slower
/// than when it was measured, or whatever is free if that still pays for the class.
#[must_use]
pub fn reservation(cost: AcceleratorTime, free: AcceleratorTime) -> AcceleratorTime {
    cost.scaled(1.0 + RESERVATION_MARGIN).min(free).max(cost)
}

/// Runs have been seen to use 0.86 to 1.14 of their class on a busy machine; a quarter more than
/// the class lets nearly all of them finish without asking the ledger again.
const RESERVATION_MARGIN: f64 = 0.25;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> AcceleratorTime {
        AcceleratorTime::from_ms(ms)
    }

    fn problem(granted: u64, reserved: u64, spent: u64, runs: &[(RunState, u64)]) -> Problem {
        let balance = Balance { granted: ms(granted), reserved: ms(reserved), spent: ms(spent) };
        let candidates =
            runs.iter().map(|(state, cost)| Candidate { state: *state, cost: ms(*cost) });
        Problem { balance, candidates: candidates.collect() }
    }

    #[test]
    fn releases_in_order_what_the_ledger_pays_for() {
        use RunState::{Planned, Queued, Succeeded};
        let runs = [(Succeeded, 10), (Queued, 20), (Planned, 30), (Planned, 60), (Planned, 200)];
        let assignment = solve(&problem(100, 0, 10, &runs));
        assert_eq!(assignment.release, [2]);
        assert_eq!(assignment.unaffordable, [4]);
        assert!(!assignment.done);
    }

    #[test]
    fn waits_for_a_refund_before_it_gives_up() {
        use RunState::{Planned, Running};
        let waiting = solve(&problem(100, 60, 0, &[(Running, 50), (Planned, 50)]));
        assert_eq!(waiting, Assignment::default());
        let over = solve(&problem(100, 0, 60, &[(Planned, 50)]));
        assert_eq!(over, Assignment { unaffordable: vec![0], done: true, ..Default::default() });
    }

    #[test]
    fn a_reservation_has_a_margin_but_never_more_than_is_free() {
        assert_eq!(reservation(ms(100), ms(1000)), ms(125));
        assert_eq!(reservation(ms(100), ms(110)), ms(110));
        assert_eq!(reservation(ms(100), ms(50)), ms(100));
    }

    fn any_state() -> impl Strategy<Value = RunState> {
        prop::sample::select(RunState::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn never_over_budget_idempotent_and_honest_about_the_end(
            granted in 0u64..1000,
            spent in 0u64..1000,
            runs in prop::collection::vec((any_state(), 1u64..200), 0..30),
        ) {
            let spent = spent.min(granted);
            // A quarter of what is left is reserved while anything runs.
            let active = runs.iter().any(|(state, _)| state.is_active());
            let reserved = if active { (granted - spent) / 4 } else { 0 };
            let problem = problem(granted, reserved, spent, &runs);
            let assignment = solve(&problem);

            let released: u64 = assignment.release.iter().map(|i| runs[*i].1).sum();
            prop_assert!(released <= problem.balance.free().ms());
            let mut after = problem.clone();
            for index in &assignment.release {
                after.candidates[*index].state = RunState::Queued;
            }
            prop_assert!(solve(&after).release.is_empty());
            if assignment.done {
                prop_assert!(assignment.release.is_empty() && !active);
            } else {
                // Something runs, or something that waits can be paid for.
                let free = problem.balance.free().ms();
                let payable = problem.candidates.iter().any(|c| {
                    matches!(c.state, RunState::Planned | RunState::Queued) && c.cost.ms() <= free
                });
                prop_assert!(active || payable);
            }
        }
    }
}
