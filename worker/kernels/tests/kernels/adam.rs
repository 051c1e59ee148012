//! The optimiser and the gradient norm.

use crate::check::{self, double, noise};
use proptest::prelude::*;
use sweep_kernels::{Adam, sum_of_squares};

const ADAM: Adam =
    Adam { learning_rate: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1 };

#[test]
fn ten_steps_follow_the_algorithm() {
    let mut params = noise(37, 1.0, 1);
    let (mut m, mut v) = (vec![0.0; 37], vec![0.0; 37]);
    let mut exact = double(&params);
    let (mut exact_m, mut exact_v) = (vec![0.0; 37], vec![0.0; 37]);
    for step in 1..=10 {
        let gradients = noise(37, 1.0, 100 + step);
        ADAM.step(u64::from(step), 0.5, &mut params, &gradients, &mut m, &mut v);
        for i in 0..37 {
            let g = 0.5 * f64::from(gradients[i]);
            exact_m[i] = 0.9 * exact_m[i] + 0.1 * g;
            exact_v[i] = 0.95 * exact_v[i] + 0.05 * g * g;
            let m_hat = exact_m[i] / (1.0 - 0.9f64.powf(f64::from(step)));
            let v_hat: f64 = exact_v[i] / (1.0 - 0.95f64.powf(f64::from(step)));
            exact[i] -= 0.01 * (m_hat / (v_hat.sqrt() + 1e-8) + 0.1 * exact[i]);
        }
    }
    check::close("params", &params, &exact);
    check::close("m", &m, &exact_m);
    check::close("v", &v, &exact_v);
}

#[test]
fn the_first_step_is_the_learning_rate_against_the_gradient() {
    let plain = Adam { weight_decay: 0.0, ..ADAM };
    let mut params = [1.0, 1.0, 1.0];
    plain.step(1, 1.0, &mut params, &[3.0, -0.001, 0.0], &mut [0.0; 3], &mut [0.0; 3]);
    for (got, want) in params.into_iter().zip([0.99f32, 1.01, 1.0]) {
        assert!((got - want).abs() < 1e-6, "{got} instead of {want}");
    }
}

proptest! {
    #[test]
    fn the_sum_of_squares_is_exact_to_single_precision(
        len in 0..10_000usize,
        seed: u32,
    ) {
        let x = noise(len, 100.0, seed);
        let exact: f64 = x.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let got = sum_of_squares(&x);
        // 4096 positive terms in 16 lanes: at most 256 roundings of 6e-8 each.
        prop_assert!((got - exact).abs() <= 256.0 * 6e-8 * exact, "{got} instead of {exact}");
    }
}
