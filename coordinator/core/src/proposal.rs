//! Runs that the law engine proposes for a sweep, and what people decided of them.
//!
//! A proposal is made from one forecast for one plan, and never changes. Approving it makes a new plan;
//! [`standings`] says which proposals can still be decided.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::class::ComputeClass;
use crate::clock::Timestamp;
use crate::fit::Interval;
use crate::ids::{ForecastId, PlanId, ProposalId, SweepId};
use crate::units::{AcceleratorTime, human_hours, three_digits};

/// What the runs shall tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Question {
    /// From which accelerator time on the challenger is ahead of the leader.
    Crossover { leader: String, challenger: String },
    /// Which arm is ahead at this many hours.
    Winner { hours: f64 },
    /// The loss of an arm at this many hours.
    Loss { arm: String, hours: f64 },
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crossover { leader, challenger } => {
                write!(f, "where {challenger} overtakes {leader}")
            }
            Self::Winner { hours } => write!(f, "which arm is ahead at {}", human_hours(*hours)),
            Self::Loss { arm, hours } => write!(f, "the loss of {arm} at {}", human_hours(*hours)),
        }
    }
}

/// What the answer is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Bits per byte.
    Loss,
    /// Accelerator hours of a run at which two arms cross.
    CrossingHours,
    /// One arm's loss over the other's, where they come nearest: the fits do not cross.
    LossRatio,
}

/// The answer by the fits, with 90 % by their coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expectation {
    pub value: f64,
    pub interval: Interval,
}

impl Expectation {
    /// Decades between the ends of the interval.
    #[must_use]
    pub fn decades(&self) -> f64 {
        (self.interval.upper / self.interval.lower).log10()
    }

    /// The interval in the quantity's unit.
    #[must_use]
    pub fn words(&self, quantity: Quantity) -> String {
        let Interval { lower, upper } = self.interval;
        match quantity {
            Quantity::CrossingHours => format!("{} to {}", human_hours(lower), human_hours(upper)),
            Quantity::Loss => format!("{} to {}", three_digits(lower), three_digits(upper)),
            // Ratios are near one: what differs comes after its digits.
            Quantity::LossRatio => {
                let percent = |ratio: f64| format!("{:+.2} %", 100.0 * (ratio - 1.0));
                format!("{} to {}", percent(lower), percent(upper))
            }
        }
    }
}

/// Runs of one arm and class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProposedRuns {
    pub arm: String,
    pub class: ComputeClass,
    /// Sizes of the arm among which the best of this class is expected. Each is run with every seed.
    pub sizes: Vec<String>,
    pub seeds: Vec<u64>,
    /// The answer when these runs and those above them are known.
    pub after: Expectation,
    /// Why, in one sentence.
    pub reason: String,
}

impl ProposedRuns {
    #[must_use]
    pub const fn runs_n(&self) -> usize {
        self.sizes.len() * self.seeds.len()
    }

    /// Of all of them, by the protocol.
    #[must_use]
    pub const fn cost(&self) -> AcceleratorTime {
        self.class.time().saturating_mul(self.runs_n() as u64)
    }

    /// Whether they are the same runs, whatever is expected of them.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let runs = |of: &Self| (of.arm.clone(), of.class, of.sizes.clone(), of.seeds.clone());
        runs(self) == runs(other)
    }
}

/// What to run next. Immutable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    pub id: ProposalId,
    pub sweep: SweepId,
    /// Counts the proposals of the sweep from 1.
    pub number: u32,
    /// The forecast it was made from.
    pub forecast: ForecastId,
    /// The plan it would follow.
    pub plan: PlanId,
    /// The budget at that moment.
    pub granted: AcceleratorTime,
    pub made_at: Timestamp,
    /// What the runs may cost: part of what the plan leaves of the budget.
    pub affordable: AcceleratorTime,
    /// None where nothing can be asked yet.
    pub question: Option<Question>,
    /// None with the question.
    pub quantity: Option<Quantity>,
    /// The answer now, the runs of the plan included that are still to come.
    pub before: Option<Expectation>,
    /// The answer when all runs below are known.
    pub after: Option<Expectation>,
    /// Those that are worth most for their price first. Empty: nothing is proposed.
    pub runs: Vec<ProposedRuns>,
    /// How the batch came about.
    pub design: String,
    /// What a reader should know, e.g. why nothing is proposed.
    pub remarks: Vec<String>,
}

impl Proposal {
    /// Of all its runs, by the protocol.
    #[must_use]
    pub fn cost(&self) -> AcceleratorTime {
        self.runs.iter().map(ProposedRuns::cost).sum()
    }

    /// Whether it asks for the same runs to follow the same plan.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.plan == other.plan
            && self.runs.len() == other.runs.len()
            && self.runs.iter().zip(&other.runs).all(|(a, b)| a.is_same(b))
    }
}

/// What was decided of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Verdict {
    /// These of its runs, counted from 1 as they are listed, became part of a new plan.
    Approved {
        plan: PlanId,
        chosen: Vec<u32>,
        cost: AcceleratorTime,
    },
    Rejected,
}

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decider {
    Person,
    /// `propose.autoApprove` of budget.yaml.
    Policy,
}

impl Decider {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Policy => "policy",
        }
    }
}

/// A decision. Immutable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    pub verdict: Verdict,
    pub decider: Decider,
    /// Who, as they call themselves.
    pub actor: String,
    pub reason: String,
    pub at: Timestamp,
}

/// How a proposal stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Standing {
    /// It can be approved or rejected.
    Open,
    /// It asks for nothing.
    Empty,
    Approved,
    Rejected,
    /// The same runs were rejected as an earlier proposal.
    RejectedBefore {
        number: u32,
    },
    /// A later forecast proposes other runs.
    Superseded {
        number: u32,
    },
    /// The sweep has another plan since.
    Stale,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Empty => f.write_str("nothing to run"),
            Self::Approved => f.write_str("approved"),
            Self::Rejected => f.write_str("rejected"),
            Self::RejectedBefore { number } => write!(f, "rejected as #{number}"),
            Self::Superseded { number } => write!(f, "superseded by #{number}"),
            Self::Stale => f.write_str("stale: the plan has changed"),
        }
    }
}

/// A proposal with what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProposalRecord {
    pub proposal: Proposal,
    pub decision: Option<Decision>,
    pub standing: Standing,
}

/// How each proposal stands, in the order of `all`: the proposals of one sweep, oldest first, each with
/// its decision.
///
/// A proposal stays open while forecasts after it propose the same runs, so that a person who reads one
/// while results arrive can still approve it.
#[must_use]
pub fn standings(all: &[(Proposal, Option<Decision>)], plan: PlanId) -> Vec<Standing> {
    let standing = |(place, (proposal, decision)): (usize, &(Proposal, Option<Decision>))| {
        match decision.as_ref().map(|decision| &decision.verdict) {
            Some(Verdict::Approved { .. }) => return Standing::Approved,
            Some(Verdict::Rejected) => return Standing::Rejected,
            None => {}
        }
        if proposal.runs.is_empty() {
            return Standing::Empty;
        }
        if proposal.plan != plan {
            return Standing::Stale;
        }
        let changed = all[place..].iter().find(|(later, _)| !later.is_same(proposal));
        if let Some((later, _)) = changed {
            return Standing::Superseded { number: later.number };
        }
        let rejected = all.iter().find(|(other, decision)| {
            let was = decision.as_ref().is_some_and(|d| d.verdict == Verdict::Rejected);
            was && other.is_same(proposal)
        });
        rejected
            .map_or(Standing::Open, |(other, _)| Standing::RejectedBefore { number: other.number })
    };
    all.iter().enumerate().map(standing).collect()
}

/// What became of asking to approve or reject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decided {
    pub sweep_name: String,
    pub record: ProposalRecord,
    /// Runs that the new plan has beside those before it; none where it was rejected.
    pub runs_n: u32,
    /// Nothing was changed: this is what would happen.
    pub dry_run: bool,
}

/// All proposals of a sweep, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProposalsView {
    pub sweep_name: String,
    pub proposals: Vec<ProposalRecord>,
    /// What may be approved without a person, in all and still.
    pub auto_approve: Option<AutoApprove>,
}

/// The cap of `propose.autoApprove`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AutoApprove {
    pub cap: AcceleratorTime,
    /// Approved by the policy so far.
    pub used: AcceleratorTime,
}

impl AutoApprove {
    #[must_use]
    pub const fn left(self) -> AcceleratorTime {
        self.cap.saturating_sub(self.used)
    }
}

/// What the policy has approved so far.
#[must_use]
pub fn approved_by_policy<'a>(
    decisions: impl IntoIterator<Item = &'a Decision>,
) -> AcceleratorTime {
    let cost = |decision: &Decision| match &decision.verdict {
        Verdict::Approved { cost, .. } if decision.decider == Decider::Policy => Some(*cost),
        _ => None,
    };
    decisions.into_iter().filter_map(cost).sum()
}

#[cfg(test)]
mod tests;
