//! Whether the interval made from one study holds the true crossing as often as it says.
//!
//! Setting: Languini's five classes, true crossing at 50,000 h, nominal 90 %. Measured with 100
//! studies of 200 draws each (standard error 3 points), share of intervals that hold the truth:
//!
//! | law | seeds | noise | noise common to a pair | coverage | open-ended |
//! |---|---|---|---|---|---|
//! | power | 1 | 0.1 % | - | .91 | 0 |
//! | power | 1 | 0.5 % | - | .91 | .45 |
//! | power | 2 | 0.2 % | - | .91 | 0 |
//! | power | 2 | 0.5 % | - | .91 | .17 |
//! | power | 3 | 0.2 % | 1 % | .91 | 0 |
//! | power-floor | 1 | 0.1 % | - | .94 | .78 |
//! | power-floor | 1 | 0.5 % | - | .95 | .95 |
//! | power-floor | 2 | 0.2 % | - | .94 | .79 |
//! | power-floor | 2 | 0.5 % | - | .94 | .93 |
//! | power-floor | 3 | 0.2 % | 1 % | .92 | .93 |

use sweep_core::crossover::{Bound, Crossover, Outcome};
use sweep_core::fit::LawName;

use crate::study::{CROSSING, Settings, Truth, run};

const STUDIES: u64 = 60;
const HORIZON: f64 = 1e7;

/// Two laws with floors that cross at [`CROSSING`].
pub(crate) fn floors(arm: usize, hours: f64) -> f64 {
    let at_crossing = 2.0 * CROSSING.powf(-0.3);
    if arm == 0 {
        0.8 + at_crossing * (hours / CROSSING).powf(-0.3)
    } else {
        0.75 + (at_crossing + 0.05) * (hours / CROSSING).powf(-0.35)
    }
}

fn covers(crossover: &Crossover, truth: f64) -> bool {
    match &crossover.outcome {
        Outcome::At { lower, upper, .. } | Outcome::Passed { lower, upper, .. } => {
            let below = match upper {
                Bound::Hours(upper) => truth <= *upper,
                Bound::Never => true,
            };
            *lower <= truth && below
        }
        Outcome::None { lower } => truth >= lower.unwrap_or(HORIZON),
        Outcome::Undetermined { .. } => false,
    }
}

fn is_open(crossover: &Crossover) -> bool {
    matches!(crossover.outcome, Outcome::At { upper: Bound::Never, .. } | Outcome::None { .. })
}

/// The crossovers of [`STUDIES`] simulated studies.
fn crossovers(truth: &Truth, law: LawName) -> Vec<Crossover> {
    let settings = Settings { law, horizon_hours: HORIZON, ..Settings::default() };
    (0..STUDIES).map(|i| run(&truth.study(i), &settings).crossovers.remove(0)).collect()
}

fn share(crossovers: &[Crossover], is: impl Fn(&Crossover) -> bool) -> f64 {
    crossovers.iter().filter(|c| is(c)).count() as f64 / crossovers.len() as f64
}

#[test]
fn one_seed_covers_the_crossing_at_the_nominal_rate() {
    let found = crossovers(&Truth::POWER, LawName::Power);
    let coverage = share(&found, |c| covers(c, CROSSING));
    assert!((0.83..=0.97).contains(&coverage), "{coverage}");
    for crossover in &found {
        let p = crossover.probability;
        assert!((p.passed + p.ahead + p.never - 1.0).abs() < 1e-12, "{p:?}");
    }
}

#[test]
fn noise_that_paired_runs_share_cancels() {
    let truth = Truth { seeds_n: 3, noise: 0.002, common: 0.01, ..Truth::POWER };
    let found = crossovers(&truth, LawName::Power);
    let coverage = share(&found, |c| covers(c, CROSSING));
    assert!((0.83..=0.97).contains(&coverage), "{coverage}");
    // Unpaired, 1 % of noise would leave every interval open.
    assert!(share(&found, is_open) < 0.05);
}

#[test]
fn laws_with_floors_cover_and_mostly_cannot_exclude_never() {
    let truth = Truth { loss: floors, seeds_n: 2, noise: 0.002, common: 0.0 };
    let found = crossovers(&truth, LawName::PowerFloor);
    let coverage = share(&found, |c| covers(c, CROSSING));
    assert!(coverage >= 0.83, "{coverage}");
    assert!(share(&found, is_open) > 0.5);
}

#[test]
fn parallel_laws_keep_never_in_the_interval() {
    let parallel = |arm: usize, hours: f64| if arm == 0 { 1.0 } else { 1.02 } * hours.powf(-0.08);
    let truth = Truth { loss: parallel, seeds_n: 2, noise: 0.003, common: 0.0 };
    let found = crossovers(&truth, LawName::Power);
    assert!(share(&found, is_open) >= 0.85);
    let never = found.iter().map(|c| c.probability.never).sum::<f64>() / found.len() as f64;
    assert!(never > 0.35, "{never}");
    // With the lines truly apart and quiet, nearly all draws never cross or cross far out.
    let apart = |arm: usize, hours: f64| hours.powf(if arm == 0 { -0.1 } else { -0.05 });
    let quiet = crossovers(&Truth { loss: apart, ..truth }, LawName::Power);
    for crossover in &quiet {
        assert_eq!(crossover.outcome, Outcome::None { lower: None });
        assert!(crossover.probability.never > 0.99);
    }
}
