//! Everything the law engine says after one refit: an immutable row of the history.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::crossover::Crossover;
use crate::fit::ArmFits;
use crate::ids::{ForecastId, SweepId};
use crate::observation::Observation;

/// Fits of all arms and the crossovers between them, made from the same observations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    pub id: ForecastId,
    pub sweep: SweepId,
    /// The forecast before this one.
    pub parent: Option<ForecastId>,
    pub made_at: Timestamp,
    /// Observations behind it, all of them: also those that no curve uses.
    pub observations_n: u32,
    pub arms: Vec<ArmFits>,
    /// One per pair of arms, in the order of budget.yaml.
    pub crossovers: Vec<Crossover>,
}

/// What the crossover figure shows: the data and one forecast made from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ForecastView {
    pub sweep_name: String,
    /// Unit of the hours axis in words: `cpu core hours`.
    pub hours_unit: String,
    pub observations: Vec<Observation>,
    pub forecast: Forecast,
}
