//! Optima and what is said of them.

use law_engine::curve::{Point, Study};
use law_engine::fit::{fit, refit};
use law_engine::law::{Power, PowerFloor, ScalingLaw};
use law_engine::objective::Huber;
use sweep_core::class::ComputeClass;
use sweep_core::crossover::Outcome;
use sweep_core::fit::{Convergence, LawName};
use sweep_core::observation::Observation;

use crate::coverage::floors;
use crate::study::{Settings, Truth, arms, observation, run, run_auto};

const FLOOR: Truth = Truth {
    loss: |arm, hours| {
        if arm == 0 { 0.8 + 2.0 * hours.powf(-0.3) } else { 0.9 + 2.5 * hours.powf(-0.4) }
    },
    seeds_n: 2,
    noise: 0.004,
    common: 0.0,
};

/// The points of one arm of a simulated study.
fn points(truth: &Truth, replicate: u64) -> Vec<Point> {
    Study::new(&truth.study(replicate), &arms()).curves[0].points.clone()
}

/// The objective, written down a second time.
fn huber_sum(points: &[Point], loss: impl Fn(f64) -> f64) -> f64 {
    let delta = 1e-3;
    points
        .iter()
        .map(|p| {
            let r = (p.ln_loss - loss(p.x).ln()).abs();
            if r < delta { r * r / 2.0 } else { delta * r - delta * delta / 2.0 }
        })
        .sum()
}

/// The least objective over grids of alpha and E/min(L), each finer about the best place of the one
/// before, with ln A by golden section.
fn brute_force(points: &[Point]) -> f64 {
    let loss_min = points.iter().map(|p| p.ln_loss.exp()).fold(f64::INFINITY, f64::min);
    let profile = |alpha: f64, share: f64| {
        let floor = loss_min * share;
        let value = |ln_a: f64| huber_sum(points, |x| floor + (ln_a - alpha * x).exp());
        let (mut low, mut high) = (-8.0, 2.0);
        for _ in 0..50 {
            let (a, b) = (high - 0.618 * (high - low), low + 0.618 * (high - low));
            if value(a) < value(b) { high = b } else { low = a }
        }
        value(0.5 * (low + high))
    };
    let n = 40;
    let (mut best, mut at) = (f64::INFINITY, (1.0, 0.5));
    let (mut alpha_width, mut share_width) = (2.0, 1.0);
    for _ in 0..6 {
        let centre = at;
        for i in 0..=n {
            for j in 0..=n {
                let offset = |k: i32| f64::from(k) / f64::from(n) - 0.5;
                let alpha = (centre.0 + alpha_width * offset(i)).clamp(1e-6, 2.0);
                let share = (centre.1 + share_width * offset(j)).clamp(0.0, 0.9999);
                let value = profile(alpha, share);
                if value < best {
                    (best, at) = (value, (alpha, share));
                }
            }
        }
        alpha_width *= 0.25;
        share_width *= 0.25;
    }
    best
}

#[test]
fn noise_free_laws_are_recovered_exactly() {
    for law in LawName::ALL {
        let truth = if law == LawName::Power { Truth::POWER } else { FLOOR };
        let exact = Truth { noise: 0.0, ..truth };
        let analysis = run(&exact.study(0), &Settings { law, ..Settings::default() });
        let fit = analysis.arms[0].chosen_fit().unwrap();
        assert_eq!(fit.convergence, Convergence::Converged);
        for hours in [6.0, 96.0, 1e5] {
            let ratio = fit.predict(hours) / (truth.loss)(0, hours);
            assert!((ratio - 1.0).abs() < 1e-5, "{law} at {hours}: {ratio}");
        }
        let alpha = if law == LawName::Power { 0.075 } else { 0.3 };
        assert!((fit.coefficient("alpha").unwrap() - alpha).abs() < 1e-6);
    }
}

#[test]
fn the_fit_is_at_least_as_low_as_a_brute_force_search() {
    for replicate in 0..6 {
        let points = points(&FLOOR, replicate);
        let found = fit(PowerFloor, &points, Huber::STANDARD);
        let recomputed = huber_sum(&points, |x| PowerFloor.predict(&found.theta, x));
        assert!((found.objective / recomputed - 1.0).abs() < 1e-9);
        let brute = brute_force(&points);
        assert!(found.objective <= brute, "{replicate}: {} {brute}", found.objective);
        assert!(found.objective > 0.98 * brute, "too coarse: {} {brute}", found.objective);
    }
}

#[test]
fn fits_converge_and_a_single_start_is_nearly_as_good() {
    let mut higher = 0;
    let n = 500;
    for replicate in 0..n {
        let points = points(&FLOOR, replicate);
        let full = fit(PowerFloor, &points, Huber::STANDARD);
        assert_eq!(full.convergence, Convergence::Converged, "replicate {replicate}");
        let single = refit(PowerFloor, &points, Huber::STANDARD);
        higher += u64::from(single.objective > full.objective * (1.0 + 1e-6));
        let line = fit(Power, &points, Huber::STANDARD);
        let single = refit(Power, &points, Huber::STANDARD);
        assert!((single.objective / line.objective - 1.0).abs() < 1e-9, "a line has one minimum");
    }
    println!("{higher} of {n} single starts end higher");
    assert!(higher * 20 <= n, "{higher} of {n}");
}

#[test]
fn one_outlier_does_not_bend_the_law() {
    let truth = Truth { noise: 0.0005, seeds_n: 2, ..Truth::POWER };
    let clean = points(&truth, 3);
    let mut spoilt = clean.clone();
    spoilt[7].ln_loss += 0.1;
    let shift = |huber: Huber| {
        let at = |points: &[Point]| Power.predict(&fit(Power, points, huber).theta, 3.0);
        (at(&spoilt) / at(&clean)).ln().abs()
    };
    let (robust, least_squares) = (shift(Huber::STANDARD), shift(Huber::LEAST_SQUARES));
    assert!(robust < 0.004, "{robust}");
    assert!(least_squares > 0.02, "{least_squares}");
}

#[test]
fn the_chosen_laws_agree_at_the_marker() {
    let floors = Truth { loss: floors, ..FLOOR };
    for (law, truth) in [(LawName::Power, Truth::POWER), (LawName::PowerFloor, floors)] {
        let mut markers = 0;
        for replicate in 0..12 {
            let study = Truth { noise: 0.001, ..truth }.study(replicate);
            let analysis = run(&study, &Settings { law, draws_n: 20, ..Settings::default() });
            let crossover = &analysis.crossovers[0];
            assert_eq!(crossover.law, law);
            assert!(crossover.other_law.as_ref().unwrap().starts_with("with power"));
            let Outcome::At { hours, .. } = crossover.outcome else { continue };
            let [a, b] = [0, 1].map(|arm| analysis.arms[arm].chosen_fit().unwrap().predict(hours));
            assert!((a / b - 1.0).abs() < 1e-6, "{law}: {a} {b}");
            markers += 1;
        }
        assert!(markers >= 4, "{law}: {markers}");
    }
}

#[test]
fn the_held_out_class_chooses_the_law() {
    let quiet = |truth: Truth| run_auto(&Truth { noise: 1e-4, ..truth }.study(1));
    assert_eq!(quiet(FLOOR).arms[0].chosen, LawName::PowerFloor);
    let analysis = quiet(FLOOR);
    for fit in analysis.arms.iter().flat_map(|arm| &arm.fits) {
        let held_out = fit.held_out.as_ref().unwrap();
        assert_eq!(held_out.hours, 96.0);
        let is_floor = fit.law == LawName::PowerFloor;
        assert_eq!(held_out.relative_error().abs() < 0.005, is_floor, "{held_out:?}");
    }
}

#[test]
fn with_three_classes_the_power_law_speaks_untested() {
    let mut observations = FLOOR.study(1);
    observations.retain(|o| o.class <= ComputeClass::H24);
    let analysis = run_auto(&observations);
    assert_eq!(analysis.arms[0].chosen, LawName::Power);
    let fit = analysis.arms[0].chosen_fit().unwrap();
    assert_eq!(fit.held_out, None);
    assert!(fit.caveats[0].contains("not tested on a held-out class"), "{:?}", fit.caveats);
    assert!(fit.caveats.iter().any(|c| c.starts_with("Only 3 compute classes from 6 h to 24 h")));
}

#[test]
fn missing_data_are_named() {
    let reason = |observations: &[Observation], law| {
        let settings = Settings { law, ..Settings::default() };
        match &run(observations, &settings).crossovers[0].outcome {
            Outcome::Undetermined { reason } => reason.clone(),
            other => panic!("{other:?}"),
        }
    };
    let mut few = Truth::POWER.study(1);
    few.retain(|o| o.arm != "gpt" || o.class <= ComputeClass::H12);
    assert_eq!(reason(&few, LawName::Power), "arm gpt has 2 compute classes, 3 are needed");
    few.retain(|o| o.class <= ComputeClass::H24 && o.arm != "gpt");
    assert_eq!(
        reason(&few, LawName::PowerFloor),
        "arm gpt has 0 compute classes, 3 are needed; arm qlstm has 3 observations, the law \
         power-floor needs 4"
    );
    let apart: Vec<Observation> = [6, 12, 24, 7, 13, 25]
        .into_iter()
        .enumerate()
        .map(|(i, hours)| {
            let class = ComputeClass::new(sweep_core::units::AcceleratorTime::from_hours(hours));
            observation(&arms()[i / 3], class, 1, 2.0 - 0.1 * i as f64)
        })
        .collect();
    assert_eq!(reason(&apart, LawName::Power), "arms gpt and qlstm share no compute class");
    assert_eq!(reason(&[], LawName::Power).matches("0 compute classes").count(), 2);
}

#[test]
fn an_unidentified_floor_is_said() {
    let truth = Truth { noise: 0.01, ..FLOOR };
    let analysis =
        run(&truth.study(2), &Settings { law: LawName::PowerFloor, ..Settings::default() });
    let caveats = &analysis.arms[0].chosen_fit().unwrap().caveats;
    assert!(caveats.iter().any(|c| c.starts_with("The floor E")), "{caveats:?}");
}

#[test]
fn floors_that_are_not_identified_are_said_with_the_run_that_would_help() {
    let truth = Truth { loss: floors, seeds_n: 1, noise: 0.005, common: 0.0 };
    let settings = Settings { law: LawName::PowerFloor, ..Settings::default() };
    let crossover = &run(&truth.study(2), &settings).crossovers[0];
    assert!(crossover.set.includes_never);
    let [remark] = &crossover.remarks[..] else { panic!("{:?}", crossover.remarks) };
    assert!(remark.starts_with("The floors are not identified: gpt (E from "), "{remark}");
    assert!(remark.ends_with("runs of 960 h in both arms would bound it."), "{remark}");
}

#[test]
fn parallel_laws_are_said_to_be_parallel() {
    let parallel = |arm: usize, hours: f64| if arm == 0 { 1.0 } else { 1.02 } * hours.powf(-0.08);
    let truth = Truth { loss: parallel, seeds_n: 2, noise: 0.003, common: 0.0 };
    let crossover = &run(&truth.study(1), &Settings::default()).crossovers[0];
    assert!(crossover.set.includes_never);
    assert_eq!(
        crossover.remarks,
        ["gpt and qlstm are parallel as far as these runs tell: their exponents do not differ \
             at 90 %. Runs of 384 h in both arms, or more seeds in the largest class, would tell \
             them apart."]
    );
}

#[test]
fn a_crossover_is_never_a_bare_number() {
    let crossover = &run(&Truth::POWER.study(3), &Settings::default()).crossovers[0];
    let Outcome::At { hours, lower, .. } = crossover.outcome else { panic!("{crossover:?}") };
    assert_eq!(crossover.extrapolation, Some(hours / 96.0));
    let set = &crossover.set.intervals;
    assert!(set.iter().any(|part| part.lower <= hours && hours <= part.upper), "{set:?}");
    assert!(lower <= hours && crossover.median_hours.is_some());
    let standings = &crossover.standings;
    assert_eq!((standings[0].hours.round(), standings.len()), (6.0, 25));
    assert!(standings[0].challenger_ahead < 0.05 && standings[24].challenger_ahead > 0.5);
    assert!(crossover.reversal_risk > 0.5);
    assert_eq!(crossover.probability.several, 0.0);
}
