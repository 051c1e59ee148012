//! Where two arms change places: never a bare number.
//!
//! Headline, marker, band and table all come from one [`Crossover`] value.

use serde::{Deserialize, Serialize};

use crate::fit::{Interval, LawName};
use crate::units::{human_hours, three_digits};

/// One end of a crossover's interval: a number of hours, or beyond every horizon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    Hours(f64),
    /// The interval includes "never within the horizon".
    Never,
}

/// What became of the question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
}

/// What the bootstrap draws did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probability {
    /// The challenger is ahead already at the largest measured class.
    pub passed: f64,
    /// It overtakes between the largest measured class and the horizon.
    pub ahead: f64,
    /// It does not overtake before the horizon.
    pub never: f64,
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
        let Self { leader, challenger, .. } = self;
        let horizon = human_hours(self.horizon_hours);
        let level = percent(self.level);
        let never = percent(self.probability.never);
        let end = |bound: &Bound| match bound {
            Bound::Hours(hours) => human_hours(*hours),
            Bound::Never => "never".to_owned(),
        };
        match &self.outcome {
            Outcome::At { hours, lower, upper } => {
                let reach = hours / self.hours_measured.upper;
                format!(
                    "{challenger} overtakes {leader} at {} ({level}: {} to {}); {never}: never \
                     within {horizon}; {}x beyond the largest class",
                    human_hours(*hours),
                    human_hours(*lower),
                    end(upper),
                    three_digits(reach),
                )
            }
            Outcome::Passed { hours, lower, upper } => format!(
                "{leader} overtook {challenger} at {} ({level}: {} to {}), within the measured \
                 range; {never}: {challenger} does not overtake it again within {horizon}",
                human_hours(*hours),
                human_hours(*lower),
                end(upper),
            ),
            Outcome::None { lower } => {
                let tail = lower.map_or_else(String::new, |hours| {
                    format!("; {level} interval from {} to never", human_hours(hours))
                });
                format!(
                    "{leader} leads and {challenger} does not overtake it within {horizon} \
                     ({never} of draws){tail}"
                )
            }
            Outcome::Undetermined { reason } => format!("no crossover forecast yet: {reason}"),
        }
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
        Crossover {
            leader: "gpt".into(),
            challenger: "qlstm".into(),
            law: LawName::Power,
            outcome,
            level: 0.9,
            hours_measured: Interval { lower: 6.0, upper: 96.0 },
            horizon_hours: 1e6,
            probability: Probability { passed: 0.0, ahead: 1.0 - never, never },
            draws_n: 1000,
            other_law: None,
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
}
