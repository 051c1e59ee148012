//! A law fitted to an arm's observations, as data.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::FitId;
use crate::spec::LawChoice;

/// A law of loss over one axis: accelerator hours, or what arms are compared along instead.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum LawName {
    /// `L(h) = A h^-alpha`: a straight line on log-log axes.
    Power,
    /// `L(h) = E + A h^-alpha`: falls towards a floor E.
    PowerFloor,
}

impl LawName {
    pub const ALL: [Self; 2] = [Self::Power, Self::PowerFloor];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::PowerFloor => "power-floor",
        }
    }

    /// The right-hand side over a variable, such as `E + A h^-alpha`.
    #[must_use]
    pub fn equation(self, variable: &str) -> String {
        match self {
            Self::Power => format!("A {variable}^-alpha"),
            Self::PowerFloor => format!("E + A {variable}^-alpha"),
        }
    }
}

impl fmt::Display for LawName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A central interval of a distribution, at the level the fit states.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    pub lower: f64,
    pub upper: f64,
}

/// One coefficient with its uncertainty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Coefficient {
    /// The paper's own letter: `E`, `A`, `alpha`.
    pub name: String,
    pub value: f64,
    pub interval: Interval,
}

/// Why the optimiser stopped. Not converging is a result, not an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Convergence {
    Converged,
    NotConverged { reason: String },
}

/// How well the law forecast the largest class when that class was held out of the fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeldOut {
    /// Hours of the class held out.
    pub hours: f64,
    /// Mean observed loss there, bits per byte.
    pub observed: f64,
    /// The law's forecast from the smaller classes.
    pub forecast: f64,
}

impl HeldOut {
    /// Signed relative error of the forecast.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        self.forecast / self.observed - 1.0
    }
}

/// A fitted law of one arm. Immutable: a new observation makes a new fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LawFit {
    pub id: FitId,
    pub arm: String,
    pub law: LawName,
    pub coefficients: Vec<Coefficient>,
    /// Level of every interval of this fit, e.g. 0.9.
    pub level: f64,
    /// Observations fitted (points of the lower envelope).
    pub observations_n: u32,
    /// Distinct compute classes among them.
    pub classes_n: u32,
    /// Smallest and largest class fitted, hours: beyond it the law extrapolates.
    pub hours_measured: Interval,
    /// Summed Huber loss of the log residuals at the optimum.
    pub objective: f64,
    /// Root mean square of the log residuals.
    pub residual_rms: f64,
    pub convergence: Convergence,
    /// None with too few classes to hold one out.
    pub held_out: Option<HeldOut>,
    /// The law's value with its interval along the hours axis, for figures and tables.
    pub curve: Vec<CurvePoint>,
    /// Sentences that a reader must see beside the fit, e.g. that the floor is unidentified.
    pub caveats: Vec<String>,
}

impl LawFit {
    /// The value of the coefficient called `name`.
    #[must_use]
    pub fn coefficient(&self, name: &str) -> Option<f64> {
        self.coefficients.iter().find(|c| c.name == name).map(|c| c.value)
    }

    /// The fitted loss at `hours`, bits per byte.
    #[must_use]
    pub fn predict(&self, hours: f64) -> f64 {
        let value = |name| self.coefficient(name).unwrap_or(0.0);
        value("E") + value("A") * hours.powf(-value("alpha"))
    }
}

/// A law at one place of the hours axis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    pub hours: f64,
    pub value: f64,
    pub band: Interval,
}

/// Both families fitted to one arm, and the one that speaks for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmFits {
    pub arm: String,
    pub fits: Vec<LawFit>,
    /// The law that `budget.yaml` asked for, or the one that held out best.
    pub chosen: LawName,
    pub choice: LawChoice,
}

impl ArmFits {
    /// The fit that speaks for the arm.
    #[must_use]
    pub fn chosen_fit(&self) -> Option<&LawFit> {
        self.fits.iter().find(|fit| fit.law == self.chosen)
    }
}
