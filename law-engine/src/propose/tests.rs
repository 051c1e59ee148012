use nalgebra::{DMatrix, DVector};

use super::belief::Belief;
use super::optimum::Runs;
use super::setting::Setting;
use super::target::sensitivity;
use super::*;
use crate::catalogue::find;
use crate::catalogue::frontier::Frontier;

const TRUTH: [f64; 5] = [1.8172, 482.01, 2085.43, 0.3478, 0.3658];
const FLOPS_C: f64 = 1e24;
const SCALE: Scale = Scale::Flops(FLOPS_C);

fn state(spread: Spread) -> State<'static> {
    let law = find("chinchilla").expect("it is in the catalogue");
    let bend = |alpha: f64| vec![TRUTH[0], TRUTH[1], TRUTH[2], alpha, TRUTH[4]];
    let arm = Arm { draws: vec![bend(0.33), bend(0.37)], ..Arm::new("gpt", law, &TRUTH) };
    let measured = grid([3e7, 6e7, 1.2e8]).map(|x| Run { arm: 0, x: x.to_vec() }).collect();
    State { arms: vec![arm], measured, pending: Vec::new(), spread }
}

fn grid<const K: usize>(sizes: [f64; K]) -> impl Iterator<Item = [f64; 2]> {
    sizes.into_iter().flat_map(|n| [3.0, 8.0, 20.0, 50.0, 125.0].map(|ratio| [n, ratio * n]))
}

fn space() -> Space {
    let sizes = [3e7, 6e7, 1.2e8, 2.4e8, 4.8e8, 9.6e8, 1.9e9];
    let hours = |[n, d]: [f64; 2]| 0.05 + 6.0 * n * d / 1.4e18;
    Space::new(0, grid(sizes).map(|x| x.to_vec()), |x| hours([x[0], x[1]]))
}

fn targets() -> [Target; 3] {
    [
        Target::Loss { arm: 0, x: vec![7e10, 1.4e12] },
        Target::BestLoss { arm: 0, scale: SCALE },
        Target::BestSize { arm: 0, scale: SCALE },
    ]
}

/// Variance of the fit's target by dense conditioning on the runs at `learnt`, each with its noise.
fn dense_variance(
    setting: &Setting<'_>,
    state: &State<'_>,
    target: &Target,
    learnt: &[(usize, f64)],
) -> f64 {
    let arm = &state.arms[0];
    let row = |x: &[f64]| sensitivity(arm, &arm.coefficients, x);
    let all: Vec<Vec<f64>> = setting.points.iter().map(|p| row(&p.x)).collect();
    let pool = DMatrix::from_fn(all.len(), 5, |i, j| all[i][j]);
    let prior = pool.tr_mul(&pool) / (all.len() as f64 * 0.25);
    let jacobian = DMatrix::from_fn(learnt.len(), 5, |i, j| all[learnt[i].0][j]);
    let deviations = DMatrix::from_fn(learnt.len(), learnt.len(), |i, j| {
        let (a, b) = (&setting.points[learnt[i].0], &setting.points[learnt[j].0]);
        state.spread.covariance(&a.place, &b.place) + if i == j { learnt[i].1 } else { 0.0 }
    });
    let weighted = deviations.cholesky().expect("positive").solve(&jacobian);
    let information = prior + jacobian.tr_mul(&weighted);
    let question = target.question(&state.arms).expect("it has an answer");
    let aim = question.aim(&state.arms, &[&arm.coefficients]).expect("it has a value");
    let gradient = DVector::from_column_slice(&aim.gradients[0].1);
    gradient.dot(&information.cholesky().expect("positive").solve(&gradient))
}

/// The runs of the state as the belief learns them.
fn known(setting: &Setting<'_>) -> Vec<(usize, f64)> {
    let seeds = setting.seeds.iter().enumerate().filter(|(_, seeds_n)| **seeds_n > 0);
    seeds.map(|(point, seeds_n)| (point, setting.noise() / f64::from(*seeds_n))).collect()
}

#[test]
fn learning_run_by_run_is_conditioning_on_all_at_once() {
    let (state, space) = (state(Spread::default()), space());
    for target in targets() {
        let limits = Limits::of_budget(100.0);
        let setting = Setting::new(&state, &space, &target, &limits).expect("good input");
        let mut belief: Belief<'_> = setting.belief().expect("a prior");
        let mut learnt = known(&setting);
        for point in [3, 30, 30, 17, 34, 3] {
            learnt.push((point, setting.noise()));
            belief.learn(point, setting.noise());
            let dense = dense_variance(&setting, &state, &target, &learnt).sqrt();
            let ratio = belief.target_sd() / dense;
            assert!((ratio - 1.0).abs() < 1e-3, "{target:?}: {ratio}");
        }
    }
}

#[test]
fn what_a_run_is_worth_is_what_the_target_loses_without_it() {
    let (mut state, space) = (state(Spread::default()), space());
    state.arms[0].draws.clear();
    for target in targets() {
        let limits = Limits::of_budget(100.0);
        let setting = Setting::new(&state, &space, &target, &limits).expect("good input");
        let mut belief = setting.belief().expect("a prior");
        let mut learnt = known(&setting);
        for point in [30, 30, 17, 3] {
            learnt.push((point, setting.noise()));
            belief.learn(point, setting.noise());
        }
        let worths = belief.worths();
        assert_eq!(worths.len(), learnt.len());
        for (i, worth) in worths.iter().enumerate() {
            let mut without = learnt.clone();
            without.remove(i);
            let grown = dense_variance(&setting, &state, &target, &without)
                / dense_variance(&setting, &state, &target, &learnt);
            assert!((worth - (grown - 1.0)).abs() < 1e-3 * grown, "{i}: {worth}, {grown}");
        }
    }
}

#[test]
fn a_gain_is_the_share_that_learning_removes() {
    let (mut state, space) = (state(Spread::default()), space());
    state.arms[0].draws.clear();
    for target in targets() {
        let limits = Limits::of_budget(100.0);
        let setting = Setting::new(&state, &space, &target, &limits).expect("good input");
        let belief = setting.belief().expect("a prior");
        for (point, gain) in belief.gains(setting.noise()).into_iter().enumerate() {
            let mut after = belief.clone();
            after.learn(point, setting.noise());
            let removed = 1.0 - (after.target_sd() / belief.target_sd()).powi(2);
            assert!((gain - removed).abs() < 1e-9, "{point}");
            assert!(removed >= 0.0);
        }
    }
}

#[test]
fn the_optimum_and_its_gradient_are_those_of_the_closed_form() {
    let state = state(Spread::default());
    let arm = &state.arms[0];
    let optimum = |c: [f64; 5]| Frontier::new(c).at(FLOPS_C).params_n.ln();
    let runs = Runs::new(arm, SCALE).expect("a law of N and D");
    let ln_n = runs.best_size(&TRUTH).expect("it has one");
    assert!((ln_n - optimum(TRUTH)).abs() < 1e-6);
    let gradient = runs.best_size_gradient(&TRUTH, ln_n, |x| sensitivity(arm, &TRUTH, x));
    for i in 0..5 {
        let step = 1e-5 * TRUTH[i];
        let [mut above, mut below] = [TRUTH; 2];
        above[i] += step;
        below[i] -= step;
        let scale = if i == 1 || i == 2 { TRUTH[i] } else { 1.0 };
        let slope = scale * (optimum(above) - optimum(below)) / (2.0 * step);
        assert!((gradient[i] - slope).abs() < 1e-3 * slope.abs().max(0.01), "{i}: {gradient:?}");
    }
}

#[test]
fn a_law_that_is_trusted_exactly_asks_for_swarms_of_the_smallest_runs() {
    let exact = Spread { size: 0.0, configuration: 0.0, drift_per_decade: 0.0, seed: 0.004 };
    let runs_n = |spread, slot_hours, shares: f64| {
        let limits = Limits {
            slot_hours,
            seeds_max: 1000,
            largest_share: 0.2 * shares,
            repeat_share: 0.05 * shares,
            ..Limits::of_budget(50.0)
        };
        let target = Target::BestLoss { arm: 0, scale: SCALE };
        let proposal = propose(&state(spread), &space(), &target, &limits).expect("good input");
        proposal.runs.iter().map(|run| run.seeds_n).sum::<u32>()
    };
    let (swarm, ours) = (runs_n(exact, 1e-9, 0.0), runs_n(Spread::default(), 1.0, 1.0));
    assert!(swarm > 4 * ours, "{swarm} runs against {ours}");
}

#[test]
fn the_limits_hold() {
    for (target, budget) in targets().into_iter().zip([0.01, 30.0, 300.0]) {
        let limits = Limits::of_budget(budget);
        let state = state(Spread::default());
        let proposal = propose(&state, &space(), &target, &limits).expect("good input");
        let known = |x: &[f64]| state.measured.iter().filter(|run| run.x == x).count();
        assert!(proposal.hours <= budget);
        assert_eq!(proposal.runs.is_empty(), budget < 0.05);
        for run in &proposal.runs {
            assert!(run.hours <= f64::from(run.seeds_n) * limits.run_hours_max);
            assert!(run.seeds_n as usize + known(&run.x) <= limits.seeds_max as usize);
            assert!(run.after.sd < run.before.sd);
        }
        assert!(proposal.runs.is_empty() || proposal.after.sd < proposal.before.sd);
    }
}

#[test]
fn what_is_pending_is_not_asked_for_again() {
    let (mut state, space) = (state(Spread::default()), space());
    let (target, limits) = (targets()[0].clone(), Limits::of_budget(100.0));
    let first = propose(&state, &space, &target, &limits).expect("good input");
    for run in &first.runs {
        let pending = Run { arm: run.arm, x: run.x.clone() };
        state.pending.extend(vec![pending; run.seeds_n as usize]);
    }
    let second = propose(&state, &space, &target, &limits).expect("good input");
    assert!((second.before.sd / first.after.sd - 1.0).abs() < 1e-6);
    assert_ne!(first.runs, second.runs);
}

#[test]
fn units_do_not_change_the_batch() {
    let (mut state, mut space) = (state(Spread::default()), space());
    let target = Target::Loss { arm: 0, x: vec![7e10, 1.4e12] };
    let limits = Limits::of_budget(100.0);
    let first = propose(&state, &space, &target, &limits).expect("good input");
    // N in units of 1024 parameters.
    let unit = 1024.0;
    state.measured.iter_mut().for_each(|run| run.x[0] /= unit);
    space.candidates.iter_mut().for_each(|candidate| candidate.x[0] /= unit);
    let arm = &mut state.arms[0];
    for c in std::iter::once(&mut arm.coefficients).chain(&mut arm.draws) {
        c[1] *= unit.powf(-c[3]);
    }
    let target = Target::Loss { arm: 0, x: vec![7e10 / unit, 1.4e12] };
    let second = propose(&state, &space, &target, &limits).expect("good input");
    assert_eq!(first.runs.len(), second.runs.len());
    for (a, b) in first.runs.iter().zip(&second.runs) {
        assert_eq!((a.x[0] / unit, a.x[1], a.seeds_n), (b.x[0], b.x[1], b.seeds_n));
        assert!((a.after.sd / b.after.sd - 1.0).abs() < 1e-4);
    }
}

#[test]
fn what_cannot_be_used_is_refused() {
    let (state, space) = (state(Spread::default()), space());
    let (target, limits) = (targets()[0].clone(), Limits::of_budget(100.0));
    let refusal = |space: &Space, target: &Target, limits: &Limits| {
        propose(&state, space, target, limits).expect_err("it is refused").to_string()
    };
    let none = Space { candidates: Vec::new() };
    assert_eq!(refusal(&none, &target, &limits), "there are no candidates to choose from");
    let mut bad = space.clone();
    bad.candidates[1].hours = f64::NAN;
    assert_eq!(
        refusal(&bad, &target, &limits),
        "the hours of candidate 2 is NaN, expected a positive finite number"
    );
    let no_arm = Target::BestSize { arm: 1, scale: SCALE };
    assert_eq!(refusal(&space, &no_arm, &limits), "arm 2 is named, and there are 1");
    let alone = Target::Winner { arms: vec![0, 0], scale: SCALE };
    assert_eq!(refusal(&space, &alone, &limits), "a comparison is of two different arms or more");
    let hours = Target::BestLoss { arm: 0, scale: Scale::Hours(1e5) };
    assert!(refusal(&space, &hours, &limits).starts_with("what gpt trains on in an hour"));
    let negative = Limits { repeat_share: -0.1, ..limits };
    assert!(refusal(&space, &target, &negative).starts_with("the shares"));
}
