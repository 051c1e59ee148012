//! Which metric points a run reports: at the same steps however often it was interrupted.

use serde::{Deserialize, Serialize};
use sweep_core::metric::{Metric, MetricPoint};

use crate::model::Stability;

/// A run has about this many points per metric.
const POINTS_N: u64 = 200;
/// And of a metric that takes a forward pass of its own.
const RARE_POINTS_N: u64 = 20;

/// Steps after which a run of `steps` steps reports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cadence {
    every: u64,
    steps: u64,
}

impl Cadence {
    pub(crate) fn new(steps: u64) -> Self {
        Self { every: (steps / POINTS_N).max(1), steps }
    }

    /// Of what takes a forward pass of its own.
    pub(crate) fn rare(steps: u64) -> Self {
        Self { every: (steps / RARE_POINTS_N).max(1), steps }
    }

    /// Whether points are due once `step` steps are done.
    pub(crate) const fn is_due(self, step: u64) -> bool {
        step.is_multiple_of(self.every) || step == self.steps
    }
}

/// Training losses since the last point; part of every checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LossSum {
    nats: f64,
    steps_n: u64,
}

impl LossSum {
    pub(crate) fn add(&mut self, loss: f64) {
        self.nats += loss;
        self.steps_n += 1;
    }

    /// The mean since the last call.
    fn take_mean(&mut self) -> f64 {
        let Self { nats, steps_n } = std::mem::take(self);
        nats / steps_n as f64
    }
}

/// The points after `step` steps.
pub(crate) fn points(
    step: u64,
    losses: &mut LossSum,
    learning_rate: f64,
    gradient_norm: f64,
    params_n: u64,
    active_share: Option<f64>,
) -> Vec<MetricPoint> {
    let gradient_rms = gradient_norm / (params_n as f64).sqrt();
    [
        (Metric::TrainLoss, Some(losses.take_mean())),
        (Metric::LearningRate, Some(learning_rate)),
        (Metric::GradientNorm, Some(gradient_norm)),
        (Metric::GradientRms, Some(gradient_rms)),
        (Metric::ActiveShare, active_share),
    ]
    .into_iter()
    .filter_map(|(metric, value)| Some(MetricPoint { metric, step, value: value? }))
    .collect()
}

/// The points of what says how stable training is; of what is not finite there is none.
pub(crate) fn stability(step: u64, found: &Stability) -> Vec<MetricPoint> {
    let layers = (0..).zip(&found.max_attention_logits);
    let logits = layers.map(|(layer, logit)| (Metric::max_attention_logit(layer), *logit));
    let all = logits.chain([(Metric::OutputLogitNorm, found.output_logit_norm)]);
    let finite = all.filter(|(_, value)| value.is_finite());
    finite.map(|(metric, value)| MetricPoint { metric, step, value }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_reports_its_last_step_and_not_much_more_than_200() {
        for steps in [1, 2, 199, 200, 201, 399, 1000, 12_345] {
            let cadence = Cadence::new(steps);
            let due = (1..=steps).filter(|step| cadence.is_due(*step)).count();
            assert!(cadence.is_due(steps));
            assert!(due <= 400 && due as u64 >= steps.min(200), "{due} of {steps}");
        }
    }

    #[test]
    fn a_mean_starts_anew_after_each_point() {
        let mut losses = LossSum::default();
        losses.add(3.0);
        losses.add(1.0);
        assert_eq!(points(2, &mut losses, 0.1, 0.2, 4, None)[0].value, 2.0);
        losses.add(5.0);
        let all = points(3, &mut LossSum { nats: 1.0, steps_n: 1 }, 0.1, 0.2, 4, None);
        let rms = all.iter().find(|point| point.metric == Metric::GradientRms);
        assert_eq!(rms.map(|point| point.value), Some(0.1));
        assert_eq!(points(3, &mut losses, 0.1, 0.2, 4, None)[0].value, 5.0);
    }
}
