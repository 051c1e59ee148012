//! What a run reports while it trains.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A quantity reported over a run's steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean cross-entropy of the training batches since the last point, nats per token.
    TrainLoss,
    /// Cross-entropy on the validation split, nats per token.
    ValidationLoss,
    /// The optimiser's learning rate.
    LearningRate,
    /// Euclidean norm of the gradient before clipping.
    GradientNorm,
    /// Share of the MLPs' hidden units that were not zero, over the batch of the step; of models whose
    /// activation has exact zeros.
    ActiveShare,
}

impl Metric {
    pub const ALL: [Self; 5] = [
        Self::TrainLoss,
        Self::ValidationLoss,
        Self::LearningRate,
        Self::GradientNorm,
        Self::ActiveShare,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TrainLoss => "train_loss",
            Self::ValidationLoss => "validation_loss",
            Self::LearningRate => "learning_rate",
            Self::GradientNorm => "gradient_norm",
            Self::ActiveShare => "active_share",
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
        let found = Self::ALL.into_iter().find(|metric| metric.as_str() == name);
        found.ok_or_else(|| UnknownMetric(name.to_owned()))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a metric of ours")]
pub struct UnknownMetric(String);

/// One value of one metric after one step. A run has at most one point per metric and step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricPoint {
    pub metric: Metric,
    /// Optimiser steps done when this was measured.
    pub step: u64,
    pub value: f64,
}
