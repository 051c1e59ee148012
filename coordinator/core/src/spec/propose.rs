//! `propose:` of budget.yaml.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::AcceleratorTime;

/// Which runs are proposed for the rest of the budget. After each refit the law engine looks for those
/// that would narrow the answer to a question most for their hours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProposeSpec {
    /// What is to be known: `crossover` by default, `loss` where there is one arm.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub question: Option<ProposeQuestion>,
    /// Accelerator time of a run at which `winner` and `loss` are asked, e.g. `1000h`; the horizon of the
    /// forecast by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<AcceleratorTime>,
    /// What one proposal may cost; by default a third of what the plan leaves of the budget, so that
    /// the next one knows more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<AcceleratorTime>,
    /// Proposals that nobody needs to approve, up to this accelerator time in all, e.g. `20h`. They are
    /// approved when every run of the plan has ended. None by default: a person says yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_approve: Option<AcceleratorTime>,
}

/// What proposals are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProposeQuestion {
    /// Where two arms change places: the first pair whose crossing is ahead.
    Crossover,
    /// Which arm is ahead.
    Winner,
    /// The loss of the first arm.
    Loss,
}
