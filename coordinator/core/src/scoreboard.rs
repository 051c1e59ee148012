//! Past forecasts beside what larger runs then showed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::class::ComputeClass;
use crate::clock::Timestamp;
use crate::fit::{Interval, LawName};
use crate::ids::ForecastId;

/// When a forecast was made, and what it knew.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Basis {
    pub forecast: ForecastId,
    pub made_at: Timestamp,
    /// The largest class that it had seen of the arm, or of both arms, hours.
    pub hours_known: f64,
}

/// A loss that was forecast for a class nobody had run yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LossScore {
    pub basis: Basis,
    pub arm: String,
    pub law: LawName,
    pub class: ComputeClass,
    /// Bits per byte, by the law.
    pub predicted: f64,
    /// Where the mean of the runs was to be expected: the law's interval, and the scatter of that many
    /// seeds about it.
    pub interval: Interval,
    pub level: f64,
    /// Geometric mean of the curve's points of the class, one for each seed.
    pub observed: f64,
    pub seeds_n: u32,
}

impl LossScore {
    /// ln of observed over predicted.
    #[must_use]
    pub fn ln_error(&self) -> f64 {
        (self.observed / self.predicted).ln()
    }

    #[must_use]
    pub fn is_inside(&self) -> bool {
        (self.interval.lower..=self.interval.upper).contains(&self.observed)
    }

    /// Decades from the largest class known to the one that was forecast.
    #[must_use]
    pub fn decades(&self) -> f64 {
        (self.class.hours() / self.basis.hours_known).log10()
    }
}

/// Who was to be ahead at a class that had not been run for both arms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeadScore {
    pub basis: Basis,
    pub leader: String,
    pub challenger: String,
    pub class: ComputeClass,
    /// That the challenger is ahead there: share of the forecast's draws.
    pub probability: f64,
    /// Whether it was, by the means of the runs.
    pub challenger_ahead: bool,
}

impl LeadScore {
    /// Squared distance of the probability from what came: 0 is best, 0.25 what a coin gets (Brier
    /// 1950, doi 10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2).
    #[must_use]
    pub fn brier(&self) -> f64 {
        let came = if self.challenger_ahead { 1.0 } else { 0.0 };
        (self.probability - came).powi(2)
    }
}

/// A crossing that was forecast, and that runs have passed since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CrossingScore {
    pub basis: Basis,
    pub leader: String,
    pub challenger: String,
    /// Hours; none where the fits did not cross.
    pub predicted: Option<f64>,
    /// Its interval, as far as the forecast had one; an end that is missing is "never".
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    /// Where the newest forecast has it, among the classes measured.
    pub observed: f64,
}

impl CrossingScore {
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.lower.is_some_and(|lower| lower <= self.observed)
            && self.upper.is_none_or(|upper| self.observed <= upper)
    }
}

/// How forecasts did that looked equally far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reach {
    /// Decades beyond the largest class known: above this,
    pub from: f64,
    /// up to this; without an end for the last group.
    pub to: Option<f64>,
    pub scores_n: u32,
    /// Of which the observed loss was inside the interval.
    pub inside_n: u32,
    /// Median of the absolute errors in ln loss.
    pub error_median: f64,
}

/// All of it for one sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scoreboard {
    pub sweep_name: String,
    /// Forecasts made so far, those included that nothing can be said of yet.
    pub forecasts_n: u32,
    /// By arm and class, the forecast with the smallest known class first.
    pub losses: Vec<LossScore>,
    pub leads: Vec<LeadScore>,
    pub crossings: Vec<CrossingScore>,
    /// The losses by how far they lie ahead.
    pub reach: Vec<Reach>,
}

/// The groups of [`Reach`], decades.
const REACH: [(f64, Option<f64>); 3] = [(0.0, Some(0.5)), (0.5, Some(1.0)), (1.0, None)];

/// The losses by how far they lie ahead; groups without any are left out.
#[must_use]
pub fn reach(losses: &[LossScore]) -> Vec<Reach> {
    let group = |(from, to): (f64, Option<f64>)| {
        let own = losses.iter().filter(|score| {
            let decades = score.decades();
            decades > from && to.is_none_or(|to| decades <= to)
        });
        let own: Vec<&LossScore> = own.collect();
        let mut errors: Vec<f64> = own.iter().map(|score| score.ln_error().abs()).collect();
        errors.sort_by(f64::total_cmp);
        let error_median = match errors.len() {
            0 => return None,
            n if n % 2 == 1 => errors[n / 2],
            n => 0.5 * (errors[n / 2 - 1] + errors[n / 2]),
        };
        let inside_n = own.iter().filter(|score| score.is_inside()).count() as u32;
        Some(Reach { from, to, scores_n: own.len() as u32, inside_n, error_median })
    };
    REACH.into_iter().filter_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::AcceleratorTime;

    fn score(hours: u64, observed: f64) -> LossScore {
        LossScore {
            basis: Basis { forecast: ForecastId::new(), made_at: Timestamp(0), hours_known: 10.0 },
            arm: "gpt".to_owned(),
            law: LawName::Power,
            class: ComputeClass::new(AcceleratorTime::from_hours(hours)),
            predicted: 2.0,
            interval: Interval { lower: 1.9, upper: 2.1 },
            level: 0.9,
            observed,
            seeds_n: 2,
        }
    }

    #[test]
    fn losses_are_grouped_by_how_far_they_lie_ahead() {
        let all = [score(20, 2.0), score(30, 2.2), score(1000, 1.95)];
        let found = reach(&all);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].to, found[0].scores_n, found[0].inside_n), (Some(0.5), 2, 1));
        assert!((found[0].error_median - 0.5 * 1.1f64.ln()).abs() < 1e-12);
        assert_eq!((found[1].from, found[1].to, found[1].scores_n), (1.0, None, 1));
        assert!((found[1].error_median - (2.0f64 / 1.95).ln()).abs() < 1e-12);
    }

    #[test]
    fn a_sure_forecast_that_fails_scores_worst() {
        let lead = |probability, challenger_ahead| LeadScore {
            basis: score(20, 2.0).basis,
            leader: "gpt".to_owned(),
            challenger: "qlstm".to_owned(),
            class: score(20, 2.0).class,
            probability,
            challenger_ahead,
        };
        assert!((lead(1.0, false).brier() - 1.0).abs() < 1e-12);
        assert!((lead(0.5, true).brier() - 0.25).abs() < 1e-12);
        assert!(lead(0.9, true).brier() < 0.011);
    }

    #[test]
    fn never_is_an_open_end() {
        let crossing = |lower, upper| CrossingScore {
            basis: score(20, 2.0).basis,
            leader: "gpt".to_owned(),
            challenger: "qlstm".to_owned(),
            predicted: None,
            lower,
            upper,
            observed: 50.0,
        };
        assert!(crossing(Some(40.0), None).is_inside());
        assert!(!crossing(Some(60.0), None).is_inside());
        assert!(!crossing(Some(10.0), Some(40.0)).is_inside());
        assert!(!crossing(None, None).is_inside());
    }
}
