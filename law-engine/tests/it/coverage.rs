use law_engine::Analysis;
use sweep_core::crossover::{Bound, Outcome};
use sweep_core::fit::LawName;

use crate::study::{CROSSING, Settings, Truth, run};

fn covers(analysis: &Analysis, truth: f64) -> bool {
    match &analysis.crossovers[0].outcome {
        Outcome::At { lower, upper, .. } | Outcome::Passed { lower, upper, .. } => {
            *lower <= truth
                && match upper {
                    Bound::Hours(upper) => truth <= *upper,
                    Bound::Never => true,
                }
        }
        Outcome::None { lower } => truth >= lower.unwrap_or(1e7),
        Outcome::Undetermined { .. } => false,
    }
}

#[test]
fn measure() {
    let n = std::env::var("N").map_or(100, |n| n.parse().unwrap());
    let hours = |arm: usize, h: f64| -> f64 {
        if arm == 0 { 0.8 + 2.0 * h.powf(-0.3) } else { 0.75 + (2.0 * CROSSING.powf(-0.3) + 0.05) * (h / CROSSING).powf(-0.35) }
    };
    let _ = hours;
    for (law, loss) in [(LawName::Power, Truth::POWER.loss), (LawName::PowerFloor, floors as fn(usize, f64) -> f64)] {
    for (seeds_n, noise, common) in [(1, 0.001, 0.0), (1, 0.005, 0.0), (2, 0.002, 0.0), (2, 0.005, 0.0), (3, 0.002, 0.01)] {
            let truth = Truth { noise, seeds_n, common, loss };
            let mut hits = 0;
            let mut open = 0;
            let t = std::time::Instant::now();
            for replicate in 0..n {
                let a = run(&truth.study(replicate), &Settings { law, ..Settings::default() });
                hits += usize::from(covers(&a, CROSSING));
                open += usize::from(matches!(
                    a.crossovers[0].outcome,
                    Outcome::At { upper: Bound::Never, .. } | Outcome::None { .. }
                ));
            }
            println!("{law} seeds {seeds_n} noise {noise} common {common}: {} open {} {:?}",
                hits as f64 / n as f64, open as f64 / n as f64, t.elapsed() / n as u32);
    }
    }
}

fn floors(arm: usize, h: f64) -> f64 {
    if arm == 0 { 0.8 + 2.0 * h.powf(-0.3) } else { 0.75 + (2.0 * CROSSING.powf(-0.3) + 0.05) * (h / CROSSING).powf(-0.35) }
}
