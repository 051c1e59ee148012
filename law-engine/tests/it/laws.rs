//! The laws by themselves: derivatives and projection.

use law_engine::curve::{Cell, Point, Units};
use law_engine::law::{HoursLaw, Power, PowerFloor, ScalingLaw, Theta};
use proptest::prelude::*;

/// Compares gradients and Hessian with central differences.
fn check_derivatives<L: HoursLaw<P>, const P: usize>(law: L, theta: Theta<P>, x: f64) {
    let jet = law.jet(&theta, x);
    let loss = law.predict(&theta, x);
    assert!((jet.ln_loss - loss.ln()).abs() < 1e-12);
    let scale = 1.0 + jet.hessian.norm();
    for i in 0..P {
        let step = 1e-5;
        let (mut up, mut down) = (theta, theta);
        up[i] += step;
        down[i] -= step;
        let slope = (law.predict(&up, x) - law.predict(&down, x)) / (2.0 * step);
        let gradient = law.gradient(&theta, x)[i];
        assert!(
            (slope - gradient).abs() < 1e-7 * (scale + 1.0 / loss) * loss,
            "{slope} {gradient}"
        );
        let bend = (law.jet(&up, x).gradient - law.jet(&down, x).gradient) / (2.0 * step);
        assert!((bend - jet.hessian.column(i)).norm() < 1e-6 * scale, "{bend}");
    }
}

proptest! {
    #[test]
    fn derivatives_equal_finite_differences(
        floor in 0.1_f64..2.0, ln_a in -3.0_f64..3.0, alpha in 0.01_f64..1.9, x in -4.0_f64..8.0,
    ) {
        check_derivatives(Power, Theta::from([ln_a, alpha]), x);
        check_derivatives(PowerFloor, Theta::from([floor, ln_a, alpha]), x);
    }

    #[test]
    fn projection_at_the_true_exponent_is_exact(
        floor in 0.0_f64..2.0, ln_a in -2.0_f64..2.0, alpha in 0.02_f64..1.5,
    ) {
        let truth = Theta::from([floor, ln_a, alpha]);
        let points: Vec<Point> = (0..5_u32)
            .map(|i| {
                let x = f64::from(i) - 2.0;
                let ln_loss = PowerFloor.predict(&truth, x).ln();
                Point { cell: Cell { class: i as usize, seed: 1 }, x, ln_loss, weight: 1.0 }
            })
            .collect();
        prop_assert!((PowerFloor.project(alpha, &points) - truth).norm() < 1e-7);
    }
}

#[test]
fn coefficients_are_those_of_hours_and_bits_per_byte() {
    let units = Units { hours: 24.0, loss: 1.3 };
    let theta = Theta::from([0.5, -0.7, 0.3]);
    let [(_, floor), (_, amplitude), (_, alpha)] = PowerFloor.coefficients(&theta, units);
    for hours in [1.0, 24.0, 5e4] {
        let natural = floor + amplitude * f64::powf(hours, -alpha);
        let normalised = units.loss * PowerFloor.predict(&theta, units.x(hours));
        assert!((natural / normalised - 1.0).abs() < 1e-12);
    }
}
