//! How far a sweep is.

use sweep_core::control::{Control, ControlEvent};
use sweep_core::import::Import;
use sweep_core::retry::AttemptEnd;
use sweep_core::run::RunState;
use sweep_core::sweep::{RunRecord, SweepRecord, SweepStatus};
use sweep_core::units::Share;

use super::control::event_line;
use super::runs::{ends, state};
use super::table::{Column, draw};
use super::{counted, proposals};

/// One sweep in a few lines.
pub(crate) fn render(status: &SweepStatus) -> String {
    let SweepRecord { name, phase, balance, .. } = &status.record;
    let spent = Share(balance.spent.ms() as f64 / (balance.granted.ms() as f64).max(1.0));
    let mut text = format!("{name}: {}\n", phase.as_str());
    text += &format!(
        "budget     {} spent of {} ({spent}), {} reserved, {} free\n",
        balance.spent,
        balance.granted,
        balance.reserved,
        balance.free(),
    );
    text += &format!("runs       {}\n", counts(&status.runs));
    for Import { id, source, runs_n, .. } in &status.imports {
        text += &format!("imported   {} of {source} ({id})\n", counted(*runs_n as usize, "run"));
    }
    text += &ended_badly(&status.runs);
    text += &held(status);
    text += &format!("workers    {}\n", status.workers_n);
    for headline in &status.headlines {
        text += &format!("forecast   {headline}\n");
    }
    if let Some(proposal) = &status.proposal {
        text += &format!("proposal   {}\n", proposals::sentence(name, proposal));
    }
    for problem in &status.problems {
        text += &format!("problem    {problem}\n");
    }
    let active = status.runs.iter().filter(|run| run.state.is_active());
    for run in active {
        text += &format!("training   {}: {}\n", run.spec.label(), state(run));
    }
    text + &waiting(&status.runs)
}

/// Runs that wait and are told one by one; `sweepctl runs` and `queue` tell of all.
const WAITING_MAX: usize = 3;

/// What the next runs wait for.
fn waiting(runs: &[RunRecord]) -> String {
    let is_waiting = |run: &&RunRecord| {
        matches!(run.state, RunState::Planned | RunState::Queued) && run.waiting.is_some()
    };
    let mut text = String::new();
    for run in runs.iter().filter(is_waiting).take(WAITING_MAX) {
        text += &format!("waiting    {}: {}\n", run.spec.label(), state(run));
    }
    let more = runs.iter().filter(is_waiting).count().saturating_sub(WAITING_MAX);
    if more > 0 {
        text += &format!("           and {}\n", counted(more, "more run"));
    }
    text
}

/// How often attempts ended otherwise than with a result.
fn ended_badly(runs: &[RunRecord]) -> String {
    let all = runs.iter().flat_map(|run| &run.attempts).map(|attempt| attempt.end);
    let bad: Vec<AttemptEnd> = all.filter(|end| *end != AttemptEnd::Succeeded).collect();
    if bad.is_empty() { String::new() } else { format!("attempts   {}\n", ends(&bad)) }
}

/// Who holds the sweep, and why.
fn held(status: &SweepStatus) -> String {
    let (control, word) = match &status.record {
        SweepRecord { cancelled_at: Some(_), .. } => (Control::Cancel, "cancelled"),
        SweepRecord { paused_at: Some(_), .. } => (Control::Pause, "paused"),
        _ => return String::new(),
    };
    let is_it = |event: &&ControlEvent| event.control == control && event.run.is_none();
    let by = status.events.iter().rfind(is_it).map(event_line).unwrap_or_default();
    let name = &status.record.name;
    let how = match control {
        Control::Pause => format!("; `sweepctl resume {name}` goes on"),
        _ => String::new(),
    };
    format!("{word:<10} {by}{how}\n")
}

/// `12 of 48 succeeded, 1 failed, 4 in progress, 31 waiting`.
pub(crate) fn counts(runs: &[RunRecord]) -> String {
    if runs.is_empty() {
        return "not planned yet".to_owned();
    }
    let in_state = |wanted: &[RunState]| runs.iter().filter(|r| wanted.contains(&r.state)).count();
    let mut text = format!("{} of {} succeeded", in_state(&[RunState::Succeeded]), runs.len());
    for (count, what) in [
        (in_state(&[RunState::Failed]), "failed"),
        (in_state(&[RunState::Cancelled]), "cancelled"),
        (in_state(&[RunState::Leased, RunState::Running]), "in progress"),
        (in_state(&[RunState::Planned, RunState::Queued]), "waiting"),
    ] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text
}

/// All sweeps of a database.
pub(crate) fn list(sweeps: &[SweepRecord]) -> String {
    let columns = [
        Column::Text("sweep"),
        Column::Text("phase"),
        Column::Number("spent"),
        Column::Number("reserved"),
        Column::Number("budget"),
    ];
    let rows = sweeps.iter().map(|sweep| {
        let balance = sweep.balance;
        let times = [balance.spent, balance.reserved, balance.granted].map(|t| t.to_string());
        let mut cells = vec![sweep.name.clone(), sweep.phase.as_str().to_owned()];
        cells.extend(times);
        cells
    });
    draw(&columns, rows.collect()) + &format!("{}\n", counted(sweeps.len(), "sweep"))
}

#[cfg(test)]
mod tests {
    use sweep_core::control::{Control, Stop};

    use crate::fixtures;

    #[test]
    fn a_running_sweep_in_a_few_lines() {
        insta::assert_snapshot!(super::render(&fixtures::running()));
    }

    #[test]
    fn a_held_sweep_says_who_holds_it_and_how_to_go_on() {
        let mut status = fixtures::running();
        status.record.paused_at = Some(status.record.submitted_at);
        status.events.extend(fixtures::controlled(Control::Pause).event);
        for run in status.runs.iter_mut().filter(|run| run.state.is_active()) {
            run.stop = Some(Stop::Pause);
        }
        insta::assert_snapshot!(super::render(&status));
    }

    #[test]
    fn a_sweep_without_a_plan_says_so() {
        insta::assert_snapshot!(super::render(&fixtures::calibrating()));
    }

    #[test]
    fn all_sweeps() {
        insta::assert_snapshot!(super::list(&[fixtures::running().record]));
    }
}
