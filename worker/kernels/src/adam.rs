//! Adam over a flat slice of parameters, and the gradient norm that clipping needs.

use crate::dispatch::kernel;

/// Adam with decoupled weight decay; 0 decay is plain Adam.
///
/// Kingma and Ba, arXiv:1412.6980, algorithm 1; Loshchilov and Hutter, arXiv:1711.05101,
/// algorithm 2 (the decay is multiplied by the learning rate).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Step size of this step, schedule included.
    pub learning_rate: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Share of a parameter taken away per unit of learning rate.
    pub weight_decay: f32,
}

impl Adam {
    /// Updates parameters and both moments in place.
    ///
    /// `step` counts from 1 and corrects the moments' start at zero. Gradients count times
    /// `gradient_scale` (1, or less to clip their norm).
    ///
    /// # Panics
    /// If `step` is 0 or the slices differ in length.
    pub fn step(
        &self,
        step: u64,
        gradient_scale: f32,
        params: &mut [f32],
        gradients: &[f32],
        m: &mut [f32],
        v: &mut [f32],
    ) {
        assert!(step > 0, "steps count from 1");
        assert_eq!((gradients.len(), m.len(), v.len()), (params.len(), params.len(), params.len()));
        let correction = |beta: f32| 1.0 - f64::from(beta).powf(step as f64);
        let rate = f64::from(self.learning_rate) / correction(self.beta1);
        let root = correction(self.beta2).sqrt().recip();
        update(self, gradient_scale, rate as f32, root as f32, params, gradients, m, v);
    }
}

/// Sum of the squares of all elements, always added up in the same order.
pub fn sum_of_squares(x: &[f32]) -> f64 {
    // Blocks keep the single-precision part short; their sums meet in double precision.
    x.chunks(4096).map(|block| f64::from(block_squares(block))).sum()
}

kernel! {
    fn update(
        adam: &Adam,
        gradient_scale: f32,
        rate: f32,
        root: f32,
        params: &mut [f32],
        gradients: &[f32],
        m: &mut [f32],
        v: &mut [f32],
    ) {
        let (keep_m, keep_v) = (adam.beta1, adam.beta2);
        let keep_p = 1.0 - adam.learning_rate * adam.weight_decay;
        let eps = adam.eps;
        let moments = m.iter_mut().zip(v);
        for ((p, &g), (m, v)) in params.iter_mut().zip(gradients).zip(moments) {
            let g = g * gradient_scale;
            *m = keep_m * *m + (1.0 - keep_m) * g;
            *v = keep_v * *v + (1.0 - keep_v) * g * g;
            *p = *p * keep_p - rate * *m / (v.sqrt() * root + eps);
        }
    }

    fn block_squares(x: &[f32]) -> f32 {
        crate::math::dot(x, x)
    }
}
