//! What the lines of the live display say.

use sweep_core::sweep::{RunRecord, SweepStatus};
use sweep_core::units::{human_count, human_hours};

use super::significant;

/// One run in progress as a bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunBar {
    pub(crate) label: String,
    pub(crate) step: u64,
    pub(crate) steps: u64,
    /// Loss, tokens/s, time left.
    pub(crate) message: String,
}

impl RunBar {
    pub(crate) fn of(run: &RunRecord) -> Self {
        let spec = &run.spec;
        let now = run.progress.unwrap_or_default();
        let step = now.step.min(spec.steps);
        let message = if now.tokens_per_second > 0.0 {
            let tokens_per_step = f64::from(spec.batch) * f64::from(spec.model.sequence);
            let seconds = (spec.steps - step) as f64 * tokens_per_step / now.tokens_per_second;
            format!(
                "{step}/{}  loss {}  {} tokens/s  {} left",
                spec.steps,
                significant(now.loss),
                human_count(now.tokens_per_second),
                human_hours(seconds / 3600.0),
            )
        } else {
            "starting".to_owned()
        };
        Self { label: spec.label(), step, steps: spec.steps, message }
    }
}

/// `3 of 6 throughputs known`; none once there is nothing left to measure.
pub(crate) fn calibration(status: &SweepStatus) -> Option<String> {
    let known = status.calibrations.iter().filter(|c| c.throughput.is_some()).count();
    let all = status.calibrations.len();
    let planned = !status.runs.is_empty();
    (!planned).then(|| match all {
        0 => "reading the corpus".to_owned(),
        _ => format!("{known} of {all} throughputs known"),
    })
}

/// `2.1 min spent, 40 s reserved of 15 min`.
pub(crate) fn budget(status: &SweepStatus) -> String {
    let balance = status.record.balance;
    format!("{} spent, {} reserved of {}", balance.spent, balance.reserved, balance.granted)
}

/// The current forecasts in one line.
pub(crate) fn headline(status: &SweepStatus) -> String {
    if status.headlines.is_empty() {
        "none before runs of several classes have ended".to_owned()
    } else {
        status.headlines.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_bar_per_run_and_a_line_for_the_rest() {
        let status = fixtures::running();
        let active: Vec<RunBar> =
            status.runs.iter().filter(|r| r.state.is_active()).map(RunBar::of).collect();
        insta::assert_debug_snapshot!((
            active,
            calibration(&status),
            budget(&status),
            headline(&status)
        ));
        assert_eq!(
            calibration(&fixtures::calibrating()).as_deref(),
            Some("1 of 4 throughputs known")
        );
    }
}
