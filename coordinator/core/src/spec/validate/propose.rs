//! What proposals may be asked for.

use super::Check;
use crate::spec::{ProposeQuestion, ProposeSpec, SweepSpec};
use crate::units::AcceleratorTime;

pub(super) fn check(check: &mut Check, spec: &SweepSpec) {
    let ProposeSpec { question, at, budget, auto_approve } = &spec.propose;
    let compares = matches!(question, Some(ProposeQuestion::Crossover | ProposeQuestion::Winner));
    if compares && spec.arms.len() == 1 {
        let message = "a comparison takes two arms and there is one, expected `loss`";
        check.wrong("propose.for", message);
    }
    if at.is_some() && *question == Some(ProposeQuestion::Crossover) {
        let message = "a crossing is looked for up to the horizon, wherever it is";
        check.wrong_with_hint("propose.at", message, "set `forecast.horizon`, or drop this key");
    }
    for (key, time) in [("at", at), ("budget", budget)] {
        if *time == Some(AcceleratorTime::ZERO) {
            let message = "this is no time at all, expected one such as `10h`";
            check.wrong(format!("propose.{key}"), message);
        }
    }
    if let Some(cap) = auto_approve.filter(|cap| *cap > spec.budget) {
        let message = format!("{cap} is more than the budget of {}", spec.budget);
        check.wrong("propose.autoApprove", message);
    }
}
