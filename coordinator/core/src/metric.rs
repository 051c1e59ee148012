//! What a run reports while it trains.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A quantity reported over a run's steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Mean cross-entropy of the training batches since the last point, nats per token.
    TrainLoss,
    /// Cross-entropy on the validation split, nats per token.
    ValidationLoss,
    /// The optimiser's learning rate.
    LearningRate,
    /// Euclidean norm of the gradient before clipping.
    GradientNorm,
    /// Root mean square of the gradient before clipping: near the optimiser's epsilon its steps become
    /// small (Wortsman et al., arXiv 2309.14322, section 3.4).
    GradientRms,
    /// Euclidean norm of a token's output logits, mean over the first sequence of the step's batch.
    OutputLogitNorm,
    /// Share of the MLPs' hidden units that were not zero, over the batch of the step; of models whose
    /// activation has exact zeros.
    ActiveShare,
    /// Share of the weights of few bits that go back and forth between two levels: of models that have
    /// such.
    OscillatingShare,
    /// Whatever a training command of one's own reports, and of the built-in trainer the kurtosis of what
    /// goes into a layer in few bits, as `kurtosis/block.0.fc`.
    Own(MetricName),
}

/// Letters of a name at most.
const NAME_LENGTH_MAX: usize = 47;

/// The name of a metric that is not one of ours: letters, digits and `_.-/`, at most 47.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricName {
    /// Filled up with zeros, so that the order is that of the names.
    bytes: [u8; NAME_LENGTH_MAX],
    length: u8,
}

impl MetricName {
    fn new(name: &str) -> Option<Self> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte);
        let well_formed = !name.is_empty() && name.bytes().all(legal);
        let length = u8::try_from(name.len()).ok().filter(|_| well_formed)?;
        let mut bytes = [0; NAME_LENGTH_MAX];
        bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(Self { bytes, length })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = &self.bytes[..usize::from(self.length)];
        std::str::from_utf8(bytes).expect("a name holds ASCII letters only")
    }
}

impl fmt::Debug for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Metric {
    /// What the built-in trainer reports.
    pub const ALL: [Self; 8] = [
        Self::TrainLoss,
        Self::ValidationLoss,
        Self::LearningRate,
        Self::GradientNorm,
        Self::GradientRms,
        Self::OutputLogitNorm,
        Self::ActiveShare,
        Self::OscillatingShare,
    ];

    /// The largest attention logit of a layer, counted from 0, over the first sequence of the step's batch,
    /// before positions and mask are added: `max_attention_logit.0`. It grows before training becomes
    /// unstable (Wortsman et al., arXiv 2309.14322, section 3.1).
    ///
    /// # Panics
    /// Never: the name of every layer is short.
    #[must_use]
    pub fn max_attention_logit(layer: u32) -> Self {
        let name = MetricName::new(&format!("max_attention_logit.{layer}"));
        Self::Own(name.expect("a number has at most ten digits"))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::TrainLoss => "train_loss",
            Self::ValidationLoss => "validation_loss",
            Self::LearningRate => "learning_rate",
            Self::GradientNorm => "gradient_norm",
            Self::GradientRms => "gradient_rms",
            Self::OutputLogitNorm => "output_logit_norm",
            Self::ActiveShare => "active_share",
            Self::OscillatingShare => "oscillating_share",
            Self::Own(name) => name.as_str(),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<Self, UnknownMetric> {
        let ours = Self::ALL.into_iter().find(|metric| metric.as_str() == name);
        let found = ours.or_else(|| MetricName::new(name).map(Self::Own));
        found.ok_or_else(|| UnknownMetric(name.to_owned()))
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no name of a metric: letters, digits and `_.-/`, at most {NAME_LENGTH_MAX}")]
pub struct UnknownMetric(String);

/// One value of one metric after one step. A run has at most one point per metric and step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricPoint {
    pub metric: Metric,
    /// Optimiser steps done when this was measured.
    pub step: u64,
    pub value: f64,
}

/// All points of one metric of a run, by step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub metric: Metric,
    /// Optimiser steps done, increasing.
    pub steps: Vec<u64>,
    /// After each of them; none where it was not finite.
    pub values: Vec<Option<f64>>,
}

impl Series {
    /// Of points of one metric, by step.
    #[must_use]
    pub fn of(metric: Metric, points: &[MetricPoint]) -> Self {
        let value = |point: &MetricPoint| Some(point.value).filter(|value| value.is_finite());
        let steps = points.iter().map(|point| point.step).collect();
        Self { metric, steps, values: points.iter().map(value).collect() }
    }

    /// Steps and values.
    pub fn points(&self) -> impl DoubleEndedIterator<Item = (u64, Option<f64>)> + '_ {
        self.steps.iter().copied().zip(self.values.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for name in ["train_loss", "active_share", "grad/attn.0", &"m".repeat(NAME_LENGTH_MAX)] {
            let metric: Metric = name.parse().unwrap();
            assert_eq!(metric.as_str(), name);
            let json = serde_json::to_string(&metric).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Metric>(&json).unwrap(), metric);
            assert_eq!(matches!(metric, Metric::Own(_)), !Metric::ALL.contains(&metric));
        }
    }

    #[test]
    fn every_layer_has_a_metric_of_its_own() {
        assert_eq!(Metric::max_attention_logit(3).as_str(), "max_attention_logit.3");
        assert!(Metric::max_attention_logit(u32::MAX).as_str().ends_with(".4294967295"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["", "with space", "né", "a\0", &"m".repeat(NAME_LENGTH_MAX + 1)] {
            assert!(name.parse::<Metric>().is_err(), "{name:?}");
        }
    }
}
