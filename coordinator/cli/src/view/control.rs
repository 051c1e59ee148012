//! What came of asking something of a sweep.

use sweep_core::control::{Control, ControlEvent, Controlled, Step, Stop};
use sweep_core::run::RunEvent;
use sweep_core::units::AcceleratorTime;

use super::counted;

/// Runs that are listed one by one; of more only the number is told.
const LISTED_MAX: usize = 12;

/// What was asked and what became of it.
pub(crate) fn render(controlled: &Controlled) -> String {
    let mut text = headline(controlled);
    for run in controlled.runs.iter().take(LISTED_MAX) {
        text += &format!("  {}: {}\n", run.label, becomes(run.step));
    }
    if controlled.runs.len() > LISTED_MAX {
        text += &format!("  and {}\n", counted(controlled.runs.len() - LISTED_MAX, "more run"));
    }
    if controlled.control == Control::Retry && !controlled.runs.is_empty() {
        text += &cost(controlled);
    }
    text
}

fn headline(controlled: &Controlled) -> String {
    let Controlled { sweep_name: name, control, event, runs, dry_run, .. } = controlled;
    let runs_n = counted(runs.len(), "run");
    if *dry_run {
        return format!("{name}: {runs_n} would be retried; nothing was changed\n");
    }
    let Some(event) = event else {
        return format!("{name}: {}\n", unchanged(*control));
    };
    match (control, event.raised) {
        (_, Some(raised)) => {
            format!("{name}: budget raised from {} to {}\n", raised.from, raised.to)
        }
        (Control::Pause, _) => format!("{name}: paused\n"),
        (Control::Resume, _) => format!("{name}: goes on\n"),
        (Control::Retry, _) => format!("{name}: {runs_n} retried\n"),
        (Control::Cancel | Control::Raise, _) => format!("{name}: {runs_n} cancelled\n"),
    }
}

const fn unchanged(control: Control) -> &'static str {
    match control {
        Control::Pause => "was paused before; nothing was changed",
        Control::Resume => "is not paused; nothing was changed",
        Control::Cancel => "no run is left to cancel; nothing was changed",
        Control::Retry => {
            "no run is to be retried; `--run RUN` names one that diverged or was cancelled"
        }
        Control::Raise => "the budget is just that; nothing was changed",
    }
}

const fn becomes(step: Step) -> &'static str {
    match step {
        Step::Ask(Stop::Pause) => "stops at its next checkpoint and waits",
        Step::Ask(Stop::Cancel) => "stops",
        Step::GoOn => "goes on without a stop",
        Step::Event(RunEvent::Cancel) => "is not started",
        Step::Event(_) => "begins anew",
    }
}

/// What new attempts cost, and whether the budget allows them.
fn cost(controlled: &Controlled) -> String {
    let (cost, free) = (controlled.cost(), controlled.balance.free());
    let (affordable_n, runs_n) = (controlled.affordable_n(), controlled.runs.len());
    let verdict = if affordable_n == runs_n {
        "the budget allows it".to_owned()
    } else {
        let name = &controlled.sweep_name;
        format!(
            "that pays for {affordable_n} of {runs_n}; `sweepctl budget raise {name} --to {}` for all",
            raise_to(controlled.balance.granted, cost.saturating_sub(free))
        )
    };
    format!("they cost {cost}, and {free} of the budget are free: {verdict}\n")
}

/// As it is written on the command line, without losing a millisecond.
fn raise_to(granted: AcceleratorTime, missing: AcceleratorTime) -> String {
    format!("{}ms", granted.ms().saturating_add(missing.ms()))
}

/// `2026-12-01 12:30 UTC pause by ada: the machine is needed`.
pub(crate) fn event_line(event: &ControlEvent) -> String {
    let ControlEvent { at, control, actor, reason, raised, .. } = event;
    let what = match raised {
        Some(raised) => format!("budget raised from {} to {}", raised.from, raised.to),
        None => control.to_string(),
    };
    let of = if event.run.is_some() { " of a run" } else { "" };
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("{at} {what}{of} by {actor}{why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn every_question_tells_what_becomes_of_the_runs() {
        let told: Vec<String> =
            Control::ALL.into_iter().map(|c| render(&fixtures::controlled(c))).collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn what_is_so_already_is_said_so() {
        let nothing =
            |control| Controlled { event: None, runs: Vec::new(), ..fixtures::controlled(control) };
        let told: Vec<String> = Control::ALL.into_iter().map(|c| render(&nothing(c))).collect();
        insta::assert_snapshot!(told.concat());
    }

    #[test]
    fn a_retry_beyond_the_budget_says_what_would_pay_for_it() {
        let mut controlled = fixtures::controlled(Control::Retry);
        controlled.dry_run = true;
        controlled.balance.granted = controlled.balance.spent;
        controlled.balance.reserved = AcceleratorTime::ZERO;
        insta::assert_snapshot!(render(&controlled));
    }
}
