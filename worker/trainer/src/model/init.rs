//! Weights before the first step, as Languini Kitchen draws them: normal with one standard
//! deviation, the MLP's output narrower by `sqrt(2 x layers)`, no biases, unit gains.

use sweep_core::variant::{ModelSpec, OptimiserSpec};
use sweep_kernels::Layout;

use crate::random::{Purpose, Random};
use crate::widths::Scales;

pub(super) struct Init {
    random: Random,
    optimiser: OptimiserSpec,
    width: u32,
    layers_n: u32,
}

impl Init {
    pub(super) fn new(seed: u64, optimiser: &OptimiserSpec, spec: &ModelSpec) -> Self {
        let (optimiser, width, layers_n) = (optimiser.clone(), spec.width, spec.layers_n);
        Self { random: Random::new(seed, Purpose::Weights), optimiser, width, layers_n }
    }

    /// The flat weights of the next part.
    pub(super) fn weights(&mut self, layout: &Layout) -> Vec<f32> {
        let mut weights = vec![0.0; layout.len()];
        for parameter in layout.params() {
            let name = parameter.name;
            let values = &mut weights[parameter.range()];
            // Trained scales follow from the weights: see `quantized`.
            if name.ends_with("_bias") || name.ends_with("_b") || name.ends_with("_scale") {
                continue;
            } else if name.ends_with("_gain") {
                values.fill(1.0);
            } else {
                let residual = 1.0 / (2.0 * f64::from(self.layers_n)).sqrt();
                let scales = Scales::of(&self.optimiser, self.width, name);
                let std = self.optimiser.init_std * scales.std;
                let std = std * if name == "out_w" { residual } else { 1.0 };
                values.fill_with(|| (std * self.random.normal()) as f32);
            }
        }
        weights
    }
}
