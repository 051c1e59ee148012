//! What must not change an answer, and what must change it in a known way.

use proptest::prelude::*;
use sweep_core::class::ComputeClass;
use sweep_core::crossover::{Bound, Outcome};
use sweep_core::fit::LawName;
use sweep_core::observation::Observation;
use sweep_core::units::AcceleratorTime;

use crate::study::{Settings, Truth, run};

const TRUTH: Truth = Truth { seeds_n: 2, noise: 0.001, ..Truth::POWER };

fn settings(law: LawName, horizon_hours: f64) -> Settings {
    Settings { law, draws_n: 40, horizon_hours }
}

fn close(a: f64, b: f64) -> bool {
    (a / b - 1.0).abs() < 1e-5
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_of_observations_changes_nothing(
        replicate in 0_u64..1000, order in Just((0..20_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let observations = TRUTH.study(replicate);
        let shuffled: Vec<Observation> = order.iter().map(|&i| observations[i].clone()).collect();
        let settings = settings(LawName::PowerFloor, 1e6);
        prop_assert_eq!(run(&observations, &settings), run(&shuffled, &settings));
    }

    #[test]
    fn a_change_of_the_hours_unit_changes_hours_alone(replicate in 0_u64..1000, k in 2_u64..5000) {
        let observations = TRUTH.study(replicate);
        let scaled: Vec<Observation> = observations
            .iter()
            .map(|o| {
                let class = ComputeClass::new(AcceleratorTime::from_ms(o.class.time().ms() * k));
                Observation { class, hours: class.hours(), ..o.clone() }
            })
            .collect();
        let factor = k as f64;
        let before = run(&observations, &settings(LawName::Power, 1e8));
        let after = run(&scaled, &settings(LawName::Power, 1e8 * factor));
        let (a, b) = (&before.crossovers[0], &after.crossovers[0]);
        prop_assert_eq!(a.probability, b.probability);
        match (&a.outcome, &b.outcome) {
            (
                Outcome::At { hours: h, lower: l, upper: Bound::Hours(u) },
                Outcome::At { hours: hk, lower: lk, upper: Bound::Hours(uk) },
            ) => {
                for (a, b) in [(h, hk), (l, lk), (u, uk)] {
                    prop_assert!(close(a * factor, *b), "{a} {b}");
                }
            }
            other => prop_assert!(false, "{other:?}"),
        }
        let (a, b) = (&before.arms[0].fits[0], &after.arms[0].fits[0]);
        prop_assert!(close(a.predict(1e4), b.predict(1e4 * factor)));
        prop_assert!(close(a.coefficient("alpha").unwrap(), b.coefficient("alpha").unwrap()));
        prop_assert!(close(a.objective, b.objective));
    }

    /// Rising, flat, absurd: whatever the losses, numbers that can be stored come out.
    #[test]
    fn any_losses_give_finite_answers(
        ln_losses in prop::collection::vec(-4.0_f64..4.0, 20), flat in any::<bool>(),
    ) {
        let mut observations = TRUTH.study(0);
        for (observation, ln_loss) in observations.iter_mut().zip(&ln_losses) {
            observation.bits_per_byte = if flat { 1.5 } else { ln_loss.exp() };
        }
        let analysis = run(&observations, &settings(LawName::PowerFloor, 1e9));
        for fit in analysis.arms.iter().flat_map(|arm| &arm.fits) {
            for c in &fit.coefficients {
                let all = [c.value, c.interval.lower, c.interval.upper];
                prop_assert!(all.iter().all(|v| v.is_finite()), "{c:?}");
            }
            for p in &fit.curve {
                prop_assert!(p.band.upper.is_finite() && p.band.lower >= 0.0, "{p:?}");
            }
        }
        let p = analysis.crossovers[0].probability;
        prop_assert!((p.passed + p.ahead + p.never - 1.0).abs() < 1e-12);
    }

    #[test]
    fn intervals_and_bands_hold_their_values(replicate in 0_u64..1000) {
        let analysis = run(&TRUTH.study(replicate), &settings(LawName::Power, 1e6));
        for fit in analysis.arms.iter().flat_map(|arm| &arm.fits) {
            for c in &fit.coefficients {
                prop_assert!(c.interval.lower <= c.value && c.value <= c.interval.upper);
            }
            for p in &fit.curve {
                prop_assert!(p.band.lower <= p.value && p.value <= p.band.upper);
                prop_assert!(close(p.value, fit.predict(p.hours)));
            }
            prop_assert!(fit.curve.iter().any(|p| p.hours == fit.hours_measured.upper));
        }
    }
}

#[test]
fn equal_requests_have_equal_answers() {
    let observations = TRUTH.study(4);
    let settings = settings(LawName::Power, 1e6);
    assert_eq!(run(&observations, &settings), run(&observations, &settings));
}
