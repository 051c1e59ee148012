//! What must hold of every proposal, whatever is asked.

use law_engine::catalogue::find;
use law_engine::propose::{
    Arm, Candidate, Limits, Proposal, Quantity, Run, Scale, Space, Spread, State, Target, propose,
};
use law_engine::query::Throughput;
use proptest::prelude::*;

const TRUTH: [f64; 5] = [1.8172, 482.01, 2085.43, 0.3478, 0.3658];
const THROUGHPUT: Throughput = Throughput { amplitude: 6e13, exponent: 1.0, residual_sd: 0.0 };

/// Two arms of the Chinchilla law, the second with more to gain from compute.
fn arms() -> Vec<Arm<'static>> {
    let law = find("chinchilla").expect("it is in the catalogue");
    let steeper = [1.75, 800.0, 3000.0, 0.355, 0.363];
    [("gpt", TRUTH), ("qlstm", steeper)]
        .map(|(name, coefficients)| {
            let draw = |shift: f64| {
                let mut draw = coefficients.to_vec();
                draw[3] += shift;
                draw[4] -= 0.5 * shift;
                draw
            };
            Arm {
                draws: vec![draw(-0.02), draw(0.015)],
                throughput: Some(THROUGHPUT),
                ..Arm::new(name, law, &coefficients)
            }
        })
        .to_vec()
}

/// Sizes a third of a decade apart, and six ratios of tokens to parameters.
fn places(sizes: u32) -> impl Iterator<Item = Vec<f64>> {
    (0..6 * sizes).map(|i| {
        let n = 2e7 * 10_f64.powf(f64::from(i / 6) / 3.0);
        vec![n, n * 2.5 * 2.2_f64.powf(f64::from(i % 6))]
    })
}

fn state() -> State<'static> {
    let measured =
        (0..2).flat_map(|arm| places(2).step_by(2).map(move |x| Run { arm, x })).collect();
    State { arms: arms(), measured, pending: Vec::new(), spread: Spread::default() }
}

fn space() -> Space {
    let price = |x: &[f64]| 0.2 + THROUGHPUT.hours(x[0], x[1]);
    let of_arm = |arm: usize| Space::new(arm, places(7), price).candidates;
    Space { candidates: (0..2).flat_map(of_arm).collect() }
}

fn target(number: usize) -> Target {
    let scale = Scale::Flops(1e23);
    match number {
        0 => Target::Loss { arm: 0, x: vec![1e10, 4e11] },
        1 => Target::BestLoss { arm: 1, scale },
        2 => Target::BestSize { arm: 0, scale: Scale::Hours(5e4) },
        3 => Target::Crossover { arms: [0, 1], from: Scale::Flops(1e18), decades: 8.0 },
        _ => Target::Winner { arms: vec![0, 1], scale },
    }
}

fn ask(state: &State<'_>, space: &Space, target: &Target, limits: &Limits) -> Proposal {
    propose(state, space, target, limits).expect("good input")
}

/// Runs without their numbers among the candidates, which are another's business.
fn runs(proposal: &Proposal) -> Vec<(usize, &[f64], u32, f64)> {
    let run = |run: &law_engine::propose::ProposedRun| run.after.sd;
    proposal.runs.iter().map(|r| (r.arm, &r.x[..], r.seeds_n, run(r))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_limits_hold(
        number in 0_usize..5, ln_budget in 0_f64..8.0, run_share in 0.01_f64..1.0,
        slot_share in 0.001_f64..0.1, seeds_max in 1_u32..5, largest_share in 0_f64..0.5,
        repeat_share in 0_f64..0.5,
    ) {
        let (state, space, budget) = (state(), space(), ln_budget.exp());
        let limits = Limits {
            budget_hours: budget,
            run_hours_max: run_share * budget,
            slot_hours: slot_share * budget,
            seeds_max,
            largest_share,
            repeat_share,
        };
        let proposal = ask(&state, &space, &target(number), &limits);
        prop_assert!(proposal.hours <= budget * (1.0 + 1e-12));
        let sum: f64 = proposal.runs.iter().map(|run| run.hours).sum();
        prop_assert!((sum - proposal.hours).abs() < 1e-9 * budget);
        for run in &proposal.runs {
            let known = state.measured.iter().filter(|m| m.arm == run.arm && m.x == run.x).count();
            prop_assert!(known as u32 + run.seeds_n <= seeds_max);
            let Candidate { arm, x, hours } = &space.candidates[run.candidate];
            prop_assert_eq!((*arm, x), (run.arm, &run.x));
            prop_assert!(*hours <= limits.run_hours_max);
            prop_assert!((run.hours - f64::from(run.seeds_n) * hours).abs() < 1e-9);
            prop_assert!(run.after.sd < run.before.sd);
        }
        let affordable = |c: &Candidate| {
            let known = state.measured.iter().filter(|m| m.arm == c.arm && m.x == c.x).count();
            c.hours <= limits.run_hours_max && (known as u32) < seeds_max
        };
        let asked = |c: &Candidate| match number { 0 | 2 => c.arm == 0, 1 => c.arm == 1, _ => true };
        let any = space.candidates.iter().any(|c| affordable(c) && asked(c));
        prop_assert_eq!(proposal.runs.is_empty(), !any);
    }

    #[test]
    fn the_order_of_the_input_changes_nothing(
        number in 0_usize..5, ln_budget in 2_f64..7.0,
        order in Just((0..84_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let (mut state, space, limits) = (state(), space(), Limits::of_budget(ln_budget.exp()));
        let first = ask(&state, &space, &target(number), &limits);
        let candidates = order.iter().map(|i| space.candidates[*i].clone()).collect();
        state.measured.reverse();
        let second = ask(&state, &Space { candidates }, &target(number), &limits);
        prop_assert_eq!(runs(&first), runs(&second));
        let given: Vec<usize> = second.runs.iter().map(|run| order[run.candidate]).collect();
        prop_assert_eq!(first.runs.iter().map(|run| run.candidate).collect::<Vec<_>>(), given);
    }

    #[test]
    fn twice_the_hours_are_never_expected_to_be_worse(
        number in 0_usize..5, ln_budget in 1_f64..7.0,
    ) {
        let (state, space) = (state(), space());
        let sd = |budget: f64| {
            ask(&state, &space, &target(number), &Limits::of_budget(budget)).after.sd
        };
        prop_assert!(sd(2.0 * ln_budget.exp()) <= sd(ln_budget.exp()));
    }

    #[test]
    fn what_is_measured_or_pending_never_widens_what_is_expected(
        number in 0_usize..5, place in 0_usize..84, seeds_n in 1_usize..4,
    ) {
        let (mut state, space, limits) = (state(), space(), Limits::of_budget(100.0));
        let before = ask(&state, &space, &target(number), &limits).before.sd;
        let Candidate { arm, x, .. } = space.candidates[place].clone();
        state.pending = vec![Run { arm, x }; seeds_n];
        let pending = ask(&state, &space, &target(number), &limits).before.sd;
        prop_assert!(pending <= before);
        std::mem::swap(&mut state.measured, &mut state.pending);
        state.measured.append(&mut state.pending);
        prop_assert_eq!(ask(&state, &space, &target(number), &limits).before.sd, pending);
    }

    #[test]
    fn a_pending_run_lowers_the_value_of_a_near_copy(
        number in 0_usize..5, place in 0_usize..42, apart in 0_f64..0.02,
    ) {
        let (mut state, all) = (state(), space());
        let arm = if number == 1 { 1 } else { 0 };
        let mut one = all.candidates[42 * arm + place].clone();
        one.x[1] *= 1.0 + apart;
        // Far beyond the runs there is nothing else to learn from: only what is near counts here.
        let limits = Limits { run_hours_max: 1e9, largest_share: 0.0, ..Limits::of_budget(1e9) };
        let space = Space { candidates: vec![one.clone()] };
        let gain = |state: &State<'_>| {
            ask(state, &space, &target(number), &limits).runs[0].gain_per_hour
        };
        let before = gain(&state);
        one.x[1] /= 1.0 + apart;
        let copies = vec![Run { arm, x: one.x }; 2];
        state.pending = copies;
        prop_assert!(gain(&state) < before, "{} after {before}", gain(&state));
    }
}

#[test]
fn an_empty_batch_says_that_nothing_is_affordable() {
    let proposal = ask(&state(), &space(), &target(1), &Limits::of_budget(0.1));
    assert!(proposal.runs.is_empty());
    assert_eq!((proposal.hours, proposal.before), (0.0, proposal.after));
}

#[test]
fn a_run_is_proposed_in_one_sentence_with_what_it_is_worth() {
    let proposal = ask(&state(), &space(), &target(1), &Limits::of_budget(200.0));
    for run in &proposal.runs {
        let reason = run.reason.to_string();
        assert!(reason.contains(" h narrow the target by "), "{reason}");
        assert!(!reason.contains('.') || !reason.contains(". "), "{reason}");
        let runner_up = run.runner_up.as_ref().expect("there are other candidates");
        assert!(runner_up.gain_per_hour > 0.0 && run.gain_per_hour > 0.0);
    }
    let interval = proposal.after.interval();
    let best = proposal.after.value.exp();
    assert!(interval.lower < best && best < interval.upper);
    let before = proposal.before.interval();
    assert!(before.lower < interval.lower && interval.upper < before.upper);
}

#[test]
fn runs_of_arms_that_are_not_asked_about_are_not_proposed() {
    let proposal = ask(&state(), &space(), &target(1), &Limits::of_budget(300.0));
    assert!(!proposal.runs.is_empty());
    assert!(proposal.runs.iter().all(|run| run.arm == 1));
    let crossover = ask(&state(), &space(), &target(3), &Limits::of_budget(300.0));
    assert_eq!(crossover.before.quantity, Quantity::Budget);
    assert!((0..2).all(|arm| crossover.runs.iter().any(|run| run.arm == arm)));
}
