//! What a run reports while it trains.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
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

impl JsonSchema for Metric {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Metric".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": NAME_LENGTH_MAX })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no name of a metric: letters, digits and `_.-/`, at most {NAME_LENGTH_MAX}")]
pub struct UnknownMetric(String);

/// One value of one metric after one step. A run has at most one point per metric and step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricPoint {
    pub metric: Metric,
    /// Optimiser steps done when this was measured.
    pub step: u64,
    pub value: f64,
}

/// All points of one metric of a run, by step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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

    /// The series in at most `points_max` points, for a picture of it: of each stretch of points the
    /// first, the last, the lowest and the highest stay, so that no peak is lost. At least
    /// [`THINNED_MIN`] are kept, and all where they are few enough.
    #[must_use]
    pub fn thinned(&self, points_max: usize) -> Self {
        let points_max = points_max.max(THINNED_MIN);
        let points_n = self.steps.len();
        if points_n <= points_max {
            return self.clone();
        }
        let buckets_n = points_max / THINNED_MIN;
        let mut kept: Vec<usize> = (0..buckets_n)
            .flat_map(|bucket| {
                let edge = |bucket: usize| bucket * points_n / buckets_n;
                self.landmarks(edge(bucket)..edge(bucket + 1))
            })
            .collect();
        kept.sort_unstable();
        kept.dedup();
        Self {
            metric: self.metric,
            steps: kept.iter().map(|index| self.steps[*index]).collect(),
            values: kept.iter().map(|index| self.values[*index]).collect(),
        }
    }

    /// First, last, lowest and highest of a stretch that is not empty.
    fn landmarks(&self, stretch: Range<usize>) -> impl Iterator<Item = usize> + use<> {
        let finite = || stretch.clone().filter_map(|index| Some((index, self.values[index]?)));
        let by_value = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
        let (lowest, highest) = (finite().min_by(by_value), finite().max_by(by_value));
        let extremes = lowest.into_iter().chain(highest).map(|(index, _)| index);
        [stretch.start, stretch.end - 1].into_iter().chain(extremes)
    }
}

/// Points of a stretch that [`Series::thinned`] keeps at most.
pub const THINNED_MIN: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    fn series(values: Vec<Option<f64>>) -> Series {
        let steps = (0..values.len() as u64).map(|step| 3 * step + 1).collect();
        Series { metric: Metric::TrainLoss, steps, values }
    }

    proptest! {
        /// Never more than asked for, in order, each a point of the series, with both ends, and with
        /// the lowest and the highest value.
        #[test]
        fn a_thinned_series_keeps_its_ends_and_peaks(
            values in prop::collection::vec(prop::option::of(-1e6f64..1e6), 1..400),
            points_max in 0usize..120,
        ) {
            let all = series(values);
            let thinned = all.thinned(points_max);
            let points: Vec<_> = thinned.points().collect();
            prop_assert!(points.len() <= points_max.max(THINNED_MIN));
            prop_assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert!(points.iter().all(|point| all.points().any(|p| p == *point)));
            prop_assert_eq!(all.points().next(), thinned.points().next());
            prop_assert_eq!(all.points().next_back(), thinned.points().next_back());
            let peak = |series: &Series, sign: f64| {
                series.values.iter().flatten().map(|v| v * sign).max_by(f64::total_cmp)
            };
            prop_assert_eq!(peak(&all, 1.0), peak(&thinned, 1.0));
            prop_assert_eq!(peak(&all, -1.0), peak(&thinned, -1.0));
        }

        /// A peak in any stretch is seen, not only the highest of all.
        #[test]
        fn every_stretch_keeps_its_peak(at in 0usize..1000) {
            let mut values = vec![Some(0.0); 1000];
            values[at] = Some(1.0);
            values[(at + 500) % 1000] = Some(2.0);
            let thinned = series(values).thinned(40);
            prop_assert!(thinned.values.contains(&Some(1.0)));
        }

        #[test]
        fn few_points_stay_as_they_are(
            values in prop::collection::vec(prop::option::of(-1.0f64..1.0), 0..50),
        ) {
            let all = series(values);
            prop_assert_eq!(all.thinned(50), all);
        }
    }
}
