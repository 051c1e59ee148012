//! Where two arms change places: never a bare number.
//!
//! Headline, marker, band and table all come from one [`Crossover`] value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fit::{Interval, LawName};
use crate::units::{human_count, human_hours, three_digits};
use crate::words::counted;

/// What the two laws are functions of. The fields that are called hours are in its unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Accelerator hours of one run.
    #[default]
    Hours,
    /// Training compute of one run, FLOPs.
    Flops,
    /// Training tokens of one run.
    Tokens,
    /// Parameters of the model.
    Params,
}

impl Axis {
    /// A value of the axis as people say it, e.g. `50 kh` or `2.4e21 FLOPs`.
    #[must_use]
    pub fn quantity(self, value: f64) -> String {
        let count = |noun: &str| {
            if (1.0..999.5e12).contains(&value) {
                format!("{} {noun}", human_count(value))
            } else {
                format!("{value:.2e} {noun}")
            }
        };
        match self {
            Self::Hours => human_hours(value),
            Self::Flops => format!("{value:.2e} FLOPs"),
            Self::Tokens => count("tokens"),
            Self::Params => count("parameters"),
        }
    }

    /// Title of the axis without its unit.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Hours => "accelerator time per run",
            Self::Flops => "training compute per run",
            Self::Tokens => "training tokens per run",
            Self::Params => "parameters",
        }
    }

    /// Its letter in equations.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Hours => "h",
            Self::Flops => "C",
            Self::Tokens => "D",
            Self::Params => "N",
        }
    }

    /// What the places at which runs are compared are called: `3 compute classes`.
    #[must_use]
    pub fn classes(self, n: usize) -> String {
        match self {
            Self::Hours if n == 1 => format!("{n} compute class"),
            Self::Hours => format!("{n} compute classes"),
            _ => counted(n, "scale"),
        }
    }

    /// One of those places.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Hours => "class",
            Self::Flops | Self::Tokens | Self::Params => "scale",
        }
    }

    /// What the largest place of the axis that was measured is called.
    const fn largest(self) -> &'static str {
        match self {
            Self::Hours => "the largest class",
            Self::Flops | Self::Tokens | Self::Params => "the largest run",
        }
    }
}

/// How the irreducible losses of the two laws are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Floors {
    /// The law has none.
    None,
    /// Each arm has its own.
    Separate,
}

impl Floors {
    /// Those of a law family.
    #[must_use]
    pub const fn of(law: LawName) -> Self {
        match law {
            LawName::Power => Self::None,
            LawName::PowerFloor => Self::Separate,
        }
    }
}

/// Where the crossing may be: every place that the data do not reject, one by one, at the level of
/// the crossover.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CrossingSet {
    /// From the smallest class measured to the horizon, in order, without overlap.
    pub intervals: Vec<Interval>,
    /// A crossing before the smallest class, or none there, is not rejected.
    pub includes_earlier: bool,
    /// No crossing between the largest class and the horizon is not rejected.
    pub includes_never: bool,
}

impl CrossingSet {
    /// In words, e.g. `9 kh to 34 kh, 2.1 Mh to never`.
    #[must_use]
    pub fn words(&self, axis: Axis, horizon: f64) -> String {
        let last = self.intervals.len().wrapping_sub(1);
        let part = |(i, interval): (usize, &Interval)| {
            let open = i == last && self.includes_never && interval.upper >= horizon;
            let upper = if open { "never".to_owned() } else { axis.quantity(interval.upper) };
            format!("{} to {upper}", axis.quantity(interval.lower))
        };
        let mut parts: Vec<String> = self.intervals.iter().enumerate().map(part).collect();
        if self.includes_never && !parts.last().is_some_and(|part| part.ends_with("never")) {
            parts.push("never".to_owned());
        }
        parts.join(", ")
    }
}

/// The arms at one place of the axis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    pub hours: f64,
    /// Share of the draws in which the challenger's loss is the lower.
    pub challenger_ahead: f64,
}

/// One end of a crossover's interval: a number of hours, or beyond every horizon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    Hours(f64),
    /// The interval includes "never within the horizon".
    Never,
}

/// What became of the question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// The challenger overtakes the leader ahead of the measured range.
    At {
        /// Crossing of the two fitted laws, hours. The figure's marker stands here.
        hours: f64,
        lower: f64,
        upper: Bound,
    },
    /// The fitted laws crossed within or before the measured range.
    Passed { hours: f64, lower: f64, upper: Bound },
    /// The fitted laws do not cross before the horizon. Some draws may: `lower` is where the
    /// interval of the draws begins, if it reaches below the horizon at all.
    None { lower: Option<f64> },
    /// The data do not support an answer; says what is missing.
    Undetermined { reason: String },
}

/// A crossover forecast between two arms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Crossover {
    /// The arm with the lower fitted loss at the largest measured class.
    pub leader: String,
    /// The arm that would overtake it.
    pub challenger: String,
    /// Law family both arms were fitted with.
    pub law: LawName,
    pub outcome: Outcome,
    /// Level of the interval, e.g. 0.9.
    pub level: f64,
    /// Smallest and largest class measured for both arms, hours.
    pub hours_measured: Interval,
    /// No crossing is looked for beyond this, hours.
    pub horizon_hours: f64,
    /// Shares of the bootstrap draws; they add up to one.
    pub probability: Probability,
    /// Bootstrap draws behind the shares.
    pub draws_n: u32,
    /// The other family's answer in one sentence, so that the dependence on the form is seen.
    pub other_law: Option<String>,
    /// What the laws are functions of.
    #[serde(default)]
    pub axis: Axis,
    /// Every place where the crossing may be; the outcome's interval is its hull. Empty in
    /// documents from before sets were made.
    #[serde(default)]
    pub set: CrossingSet,
    /// Median of the draws that overtake between the largest class and the horizon, hours.
    #[serde(default)]
    pub median_hours: Option<f64>,
    /// Crossing of the fitted laws over the largest class.
    #[serde(default)]
    pub extrapolation: Option<f64>,
    /// None where nobody recorded it.
    #[serde(default)]
    pub floors: Option<Floors>,
    /// Who is ahead along the axis, from the smallest class to the horizon.
    #[serde(default)]
    pub standings: Vec<Standing>,
    /// Share of the draws whose ranking at the horizon is not that at the largest class: what a
    /// choice made at today's scale risks.
    #[serde(default)]
    pub reversal_risk: f64,
    /// What keeps the data from saying more, and the run that would help.
    #[serde(default)]
    pub remarks: Vec<String>,
}

impl Crossover {
    /// A pair of which nothing can be said, for the reason given.
    #[must_use]
    pub fn undetermined(
        [leader, challenger]: [String; 2],
        law: LawName,
        axis: Axis,
        reason: String,
    ) -> Self {
        Self {
            leader,
            challenger,
            law,
            outcome: Outcome::Undetermined { reason },
            level: 0.9,
            hours_measured: Interval { lower: 0.0, upper: 0.0 },
            horizon_hours: f64::INFINITY,
            probability: Probability::default(),
            draws_n: 0,
            other_law: None,
            axis,
            set: CrossingSet::default(),
            median_hours: None,
            extrapolation: None,
            floors: Some(Floors::of(law)),
            standings: Vec::new(),
            reversal_risk: 0.0,
            remarks: Vec::new(),
        }
    }
}

/// What the bootstrap draws did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probability {
    /// The challenger is ahead already at the largest measured class.
    pub passed: f64,
    /// It overtakes between the largest measured class and the horizon.
    pub ahead: f64,
    /// It does not overtake before the horizon.
    pub never: f64,
    /// The laws cross more than once between the largest measured class and the horizon; a part of
    /// the shares above, not beside them.
    #[serde(default)]
    pub several: f64,
}

impl Crossover {
    /// The share of draws that never overtake, as the headline prints it, e.g. `4 %`.
    #[must_use]
    pub fn percent_never(&self) -> String {
        percent(self.probability.never)
    }

    /// The forecast in one sentence, e.g. `gpt overtakes qlstm at 50.4 kh (90 %: 17 kh to 209 kh);
    /// 4 %: never within 1 Mh`.
    #[must_use]
    pub fn headline(&self) -> String {
        let Self { leader, challenger, axis, .. } = self;
        let horizon = axis.quantity(self.horizon_hours);
        let level = percent(self.level);
        let never = percent(self.probability.never);
        let interval = |lower: f64, upper: &Bound| self.interval(lower, upper);
        match &self.outcome {
            Outcome::At { hours, lower, upper } => {
                let reach = hours / self.hours_measured.upper;
                format!(
                    "{challenger} overtakes {leader} at {} ({level}: {}); {never}: never within \
                     {horizon}; {}x beyond {}",
                    axis.quantity(*hours),
                    interval(*lower, upper),
                    three_digits(reach),
                    axis.largest(),
                )
            }
            Outcome::Passed { hours, lower, upper } => format!(
                "{leader} overtook {challenger} at {} ({level}: {}), within the measured range; \
                 {never}: {challenger} does not overtake it again within {horizon}",
                axis.quantity(*hours),
                interval(*lower, upper),
            ),
            Outcome::None { lower } => {
                let tail = lower.map_or_else(String::new, |hours| {
                    format!("; {level} interval from {} to never", axis.quantity(hours))
                });
                format!(
                    "{leader} leads and {challenger} does not overtake it within {horizon} \
                     ({never} of draws){tail}"
                )
            }
            Outcome::Undetermined { reason } => format!("no crossover forecast yet: {reason}"),
        }
    }

    /// An interval in words.
    fn interval(&self, lower: f64, upper: &Bound) -> String {
        let upper = match upper {
            Bound::Hours(hours) => self.axis.quantity(*hours),
            Bound::Never => "never".to_owned(),
        };
        format!("{} to {upper}", self.axis.quantity(lower))
    }
}

/// A share as a whole percentage that never claims certainty it does not have.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if share > 0.0 && percent < 1.0 {
        "< 1 %".to_owned()
    } else if share < 1.0 && percent > 99.0 {
        "> 99 %".to_owned()
    } else {
        format!("{percent:.0} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossover(outcome: Outcome, never: f64) -> Crossover {
        let names = ["gpt", "qlstm"].map(str::to_owned);
        Crossover {
            outcome,
            hours_measured: Interval { lower: 6.0, upper: 96.0 },
            horizon_hours: 1e6,
            probability: Probability { ahead: 1.0 - never, never, ..Probability::default() },
            draws_n: 1000,
            ..Crossover::undetermined(names, LawName::Power, Axis::Hours, String::new())
        }
    }

    #[test]
    fn the_headline_carries_interval_and_probability() {
        let at = Outcome::At { hours: 50_000.0, lower: 17_000.0, upper: Bound::Hours(209_000.0) };
        assert_eq!(
            crossover(at, 0.04).headline(),
            "qlstm overtakes gpt at 50 kh (90 %: 17 kh to 209 kh); 4 %: never within 1 Mh; \
             521x beyond the largest class"
        );
    }

    #[test]
    fn an_open_interval_says_never() {
        let at = Outcome::At { hours: 50_000.0, lower: 9_000.0, upper: Bound::Never };
        assert!(crossover(at, 0.45).headline().contains("9000 h to never"));
        let none = Outcome::None { lower: Some(9_000.0) };
        let text = crossover(none, 0.997).headline();
        assert!(text.contains("> 99 % of draws"), "{text}");
    }

    #[test]
    fn documents_from_before_sets_are_still_read() {
        let old = r#"{"leader":"gpt","challenger":"qlstm","law":"power","outcome":{"kind":"at",
            "hours":50400.0,"lower":17000.0,"upper":{"hours":209000.0}},"level":0.9,
            "hours_measured":{"lower":6.0,"upper":96.0},"horizon_hours":1000000.0,
            "probability":{"passed":0.0,"ahead":0.96,"never":0.04},"draws_n":1000,
            "other_law":null}"#;
        let read: Crossover = serde_json::from_str(old).unwrap();
        assert_eq!(read.set, CrossingSet::default());
        assert_eq!((read.floors, read.axis), (None, Axis::Hours));
        assert!(read.headline().starts_with("qlstm overtakes gpt at 50.4 kh (90 %: 17 kh to"));
        let again = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(read, again);
    }

    #[test]
    fn a_set_is_said_part_by_part() {
        let interval = |lower, upper| Interval { lower, upper };
        let mut set = CrossingSet {
            intervals: vec![interval(9e3, 34e3), interval(2e5, 1e6)],
            includes_earlier: false,
            includes_never: true,
        };
        assert_eq!(set.words(Axis::Hours, 1e6), "9000 h to 34 kh, 200 kh to never");
        set.intervals.pop();
        assert_eq!(set.words(Axis::Hours, 1e6), "9000 h to 34 kh, never");
        assert_eq!(Axis::Flops.quantity(2.4e21), "2.40e21 FLOPs");
        assert_eq!(Axis::Tokens.quantity(1.4e12), "1.4T tokens");
    }
}
