//! Which metric points a run reports: at the same steps however often it was interrupted.

use serde::{Deserialize, Serialize};
use sweep_core::metric::{Metric, MetricPoint};

use crate::model::Stability;
use crate::post_training::Found;
use crate::sparsing::Sparsity;

/// A run has about this many points per metric.
const POINTS_N: u64 = 200;
/// And of a metric that takes a forward pass of its own.
const RARE_POINTS_N: u64 = 20;

/// Points of other metrics for one of those that take long.
const LOOK_EVERY: u64 = 20;

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

    /// Whether points are due that take a look at all inputs of all layers: about ten times a run.
    pub(crate) const fn is_look_due(self, step: u64) -> bool {
        step.is_multiple_of(self.every * LOOK_EVERY) || step == self.steps
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

/// Shares that only some models have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shares {
    pub(crate) active: Option<f64>,
    pub(crate) oscillating: Option<f64>,
}

/// How few hidden units the model can do with, as `activation_ratio` and `cett`.
pub(crate) fn sparsity(step: u64, found: Sparsity) -> Vec<MetricPoint> {
    let named = [("activation_ratio", found.activation_ratio), ("cett", found.cett)];
    let points = named
        .into_iter()
        .filter_map(|(name, value)| Some(MetricPoint { metric: name.parse().ok()?, step, value }));
    points.collect()
}

/// The losses of the finished model in few bits, as `post_training/int4/awq` and so on, and what each adds
/// to the loss it has, as `post_training_added/int4/awq`.
pub(crate) fn post_training(step: u64, loss: f64, found: &[Found]) -> Vec<MetricPoint> {
    let named = found.iter().flat_map(|Found { name, nats_per_token }| {
        let added = nats_per_token - loss;
        [("post_training", *nats_per_token), ("post_training_added", added)]
            .map(|(prefix, value)| (format!("{prefix}/{name}"), value))
    });
    let points = named
        .filter_map(|(name, value)| Some(MetricPoint { metric: name.parse().ok()?, step, value }));
    points.collect()
}

/// The kurtosis of what went into each layer: its fourth central moment over the square of its variance,
/// 3 of a normal distribution. Named `kurtosis/block.0.fc` and so on; inputs that are all equal have none.
pub(crate) fn kurtoses(step: u64, inputs: &[(String, Vec<f32>)]) -> Vec<MetricPoint> {
    let points = inputs.iter().filter_map(|(name, x)| {
        let metric = format!("kurtosis/{name}").parse().ok()?;
        Some(MetricPoint { metric, step, value: kurtosis(x)? })
    });
    points.collect()
}

fn kurtosis(x: &[f32]) -> Option<f64> {
    let mean_of = |power: &dyn Fn(f64) -> f64| {
        x.iter().map(|x| power(f64::from(*x))).sum::<f64>() / x.len() as f64
    };
    let mean = mean_of(&|x| x);
    let variance = mean_of(&|x| (x - mean).powi(2));
    let kurtosis = mean_of(&|x| (x - mean).powi(4)) / (variance * variance);
    kurtosis.is_finite().then_some(kurtosis)
}

/// The points after `step` steps.
pub(crate) fn points(
    step: u64,
    losses: &mut LossSum,
    learning_rate: f64,
    gradient_norm: f64,
    params_n: u64,
    shares: Shares,
) -> Vec<MetricPoint> {
    let gradient_rms = gradient_norm / (params_n as f64).sqrt();
    [
        (Metric::TrainLoss, Some(losses.take_mean())),
        (Metric::LearningRate, Some(learning_rate)),
        (Metric::GradientNorm, Some(gradient_norm)),
        (Metric::GradientRms, Some(gradient_rms)),
        (Metric::ActiveShare, shares.active),
        (Metric::OscillatingShare, shares.oscillating),
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

    /// Two values: 1. Evenly spread: 9/5. Nine of ten at zero and one at one: (0.1 x 0.9^4 + 0.9 x 0.1^4) /
    /// 0.09^2.
    #[test]
    fn kurtoses_of_known_distributions() {
        let close = |x: &[f32], expected: f64| {
            let found = kurtosis(x).unwrap();
            assert!((found / expected - 1.0).abs() < 1e-3, "{found} {expected}");
        };
        close(&[1.0, -1.0, 1.0, -1.0], 1.0);
        let even: Vec<f32> = (0..10_000).map(|i| i as f32 / 1000.0).collect();
        close(&even, 1.8);
        let mut rare = vec![0.0; 9];
        rare.push(1.0);
        close(&rare, (0.1 * 0.6561 + 0.9 * 1e-4) / 0.0081);
        assert_eq!(kurtosis(&[2.0; 5]), None);
        let named = kurtoses(7, &[("block.0.fc".to_owned(), rare)]);
        assert_eq!((named[0].metric.as_str(), named[0].step), ("kurtosis/block.0.fc", 7));
    }

    #[test]
    fn a_mean_starts_anew_after_each_point() {
        let mut losses = LossSum::default();
        losses.add(3.0);
        losses.add(1.0);
        let none = Shares::default();
        assert_eq!(points(2, &mut losses, 0.1, 0.2, 4, none)[0].value, 2.0);
        losses.add(5.0);
        let all = points(3, &mut LossSum { nats: 1.0, steps_n: 1 }, 0.1, 0.2, 4, none);
        let rms = all.iter().find(|point| point.metric == Metric::GradientRms);
        assert_eq!(rms.map(|point| point.value), Some(0.1));
        assert_eq!(points(3, &mut losses, 0.1, 0.2, 4, none)[0].value, 5.0);
    }
}
