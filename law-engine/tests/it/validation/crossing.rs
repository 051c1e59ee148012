//! Where two laws cross, in simulated studies: how far refits scatter, and how often the set of a
//! forecast holds the truth.
//!
//! Five classes of 6 to 96 h, one run each, slopes 0.075 and 0.095 crossing at 50,000 h.

use law_engine::crossover::{Pair, crossover};
use law_engine::curve::Study;
use law_engine::fit::fit;
use law_engine::forecast::central;
use law_engine::law::Power;
use law_engine::objective::Huber;
use sweep_core::crossover::Outcome as Crossing;
use sweep_core::fit::Interval;

use super::check::{Case, Check, Findings, Outcome};
use super::rows::Folder;
use crate::study::{CROSSING, Settings, Truth, arms, run};

pub(crate) const SIMULATED: Case = Case {
    name: "crossover-simulated",
    numbers: &[18],
    title: "Crossings of simulated studies in Languini's setting",
    source: "the classes of Stanic et al., arXiv 2309.11197; widths by a Monte Carlo of another \
             implementation, not published",
    run: simulated,
};

/// Studies of which the spread of crossings is taken, and of which the coverage is counted.
const SPREAD_N: u64 = 20_000;
const COVERAGE_N: u64 = 1_000;

fn simulated(_: &Folder) -> Outcome {
    let mut checks = Vec::new();
    for (noise, ends, tolerance) in [
        (0.001, [31e3, 83e3], 0.05),
        (0.0025, [17e3, 209e3], 0.10),
        (0.005, [7.6e3, 1.6e6], 0.15),
        // The far tail of a ratio: the reference itself is a finite simulation.
        (0.01, [2.4e3, 2.7e10], 0.50),
    ] {
        let found = spread(noise, Huber::LEAST_SQUARES, SPREAD_N);
        for (end, reference, found) in
            [("lower", ends[0], found.lower), ("upper", ends[1], found.upper)]
        {
            let what = format!("{} % of noise: {end} end of the central 95 %, h", 100.0 * noise);
            checks.push(Check::relative(what, reference, found, tolerance));
        }
    }
    // Two standard errors of so many studies, and a point of which the set is approximate.
    let what = "0.5 % of noise: share of sets at 90 % that hold the crossing";
    checks.push(Check::within(what, 0.9, coverage(COVERAGE_N), 0.03));
    Ok(Findings::of(checks))
}

/// Central 95 % of the crossings of `n` simulated studies, hours.
pub(crate) fn spread(noise: f64, huber: Huber, n: u64) -> Interval {
    let crossing = |replicate: u64| {
        let study = Study::new(&Truth { noise, ..Truth::POWER }.study(replicate), &arms());
        let thetas = [0, 1].map(|arm| fit(Power, &study.curves[arm].points, huber).theta);
        let pair = Pair {
            law: Power,
            thetas: [&thetas[0], &thetas[1]],
            draws: [&[thetas[0]], &[thetas[1]]],
            units: study.units,
        };
        let measured = Interval { lower: 6.0, upper: 96.0 };
        match crossover(&pair, measured, 1e15, 0.95, None).outcome {
            Crossing::At { hours, .. } | Crossing::Passed { hours, .. } => hours,
            _ => f64::INFINITY,
        }
    };
    central(&mut (0..n).map(crossing).collect::<Vec<f64>>(), 0.95)
}

/// Share of `n` simulated studies whose set of crossings holds the true one.
fn coverage(n: u64) -> f64 {
    // The set is made without draws.
    let settings = Settings { draws_n: 1, ..Settings::default() };
    let holds = |replicate: &u64| {
        let forecast = run(&Truth::POWER.study(*replicate), &settings);
        let inside = |part: &Interval| (part.lower..=part.upper).contains(&CROSSING);
        forecast.crossovers.iter().any(|crossover| crossover.set.intervals.iter().any(inside))
    };
    (0..n).filter(holds).count() as f64 / n as f64
}
