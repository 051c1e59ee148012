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
    let n = std::env::var("N").map_or(200, |n| n.parse().unwrap());
    for seeds_n in [1, 2, 3] {
        for (noise, common) in [(0.001, 0.0), (0.005, 0.0), (0.02, 0.0), (0.003, 0.01)] {
            let truth = Truth { noise, seeds_n, common, ..Truth::POWER };
            let mut hits = 0;
            let mut open = 0;
            for replicate in 0..n {
                let a = run(&truth.study(replicate), &Settings::default());
                hits += usize::from(covers(&a, CROSSING));
                open += usize::from(matches!(
                    a.crossovers[0].outcome,
                    Outcome::At { upper: Bound::Never, .. } | Outcome::None { .. }
                ));
            }
            println!("power seeds {seeds_n} noise {noise} common {common}: {} open {}",
                hits as f64 / n as f64, open as f64 / n as f64);
        }
    }
    let _ = LawName::Power;
}
