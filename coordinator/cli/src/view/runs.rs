//! A line per run.

use std::collections::BTreeMap;

use sweep_core::control::Stop;
use sweep_core::ids::RunId;
use sweep_core::retry::AttemptEnd;
use sweep_core::run::RunState;
use sweep_core::sweep::RunRecord;
use sweep_core::units::human_count;

use super::table::{Column, draw};

/// All runs with what they found, cost and wait for.
pub(crate) fn table(runs: &[RunRecord]) -> String {
    let columns = [
        Column::Text("run"),
        Column::Text("arm"),
        Column::Text("size"),
        Column::Number("class"),
        Column::Number("seed"),
        Column::Number("params N"),
        Column::Number("tokens D"),
        Column::Number("bits/byte"),
        Column::Number("time spent"),
        Column::Text("state"),
    ];
    draw(&columns, runs.iter().map(cells).collect())
}

fn cells(run: &RunRecord) -> Vec<String> {
    let spec = &run.spec;
    let bits = run.result.as_ref();
    vec![
        short(spec.id),
        spec.arm.clone(),
        spec.size.clone(),
        spec.class.to_string(),
        spec.seed.to_string(),
        human_count(spec.params_n() as f64),
        human_count(spec.tokens_d() as f64),
        bits.map_or_else(|| "-".to_owned(), |result| format!("{:.3}", result.bits_per_byte)),
        run.spent.to_string(),
        state(run),
    ]
}

/// The beginning of an id, by which commands find the run: eight digits are alike in one of 80,000
/// sweeps of a hundred runs.
fn short(run: RunId) -> String {
    let mut text = run.to_string();
    text.truncate(8);
    text
}

/// The state of a run, and why it is in it.
pub(crate) fn state(run: &RunRecord) -> String {
    let state = run.state;
    let why = match state {
        RunState::Failed => {
            run.failure.as_ref().map(|failure| format!("{}: {failure}", failure.end()))
        }
        RunState::Running => {
            run.progress.map(|now| format!("step {} of {}", now.step, run.spec.steps))
        }
        RunState::Succeeded | RunState::Leased => None,
        RunState::Planned | RunState::Queued | RunState::Cancelled => run.waiting.clone(),
    };
    let stopping = match run.stop {
        Some(Stop::Pause) => ", stops to be paused",
        Some(Stop::Cancel) => ", stops to be cancelled",
        None => "",
    };
    let attempts = attempts(run);
    let state = format!("{state}{attempts}{stopping}");
    why.map_or_else(|| state.clone(), |why| format!("{state}: {why}"))
}

/// Which attempt it is, and how those before it ended.
fn attempts(run: &RunRecord) -> String {
    let before: Vec<AttemptEnd> = run.attempts.iter().map(|attempt| attempt.end).collect();
    // Of a run that has ended, the state tells how the last one did.
    let before =
        if run.state.is_final() { &before[..before.len().saturating_sub(1)] } else { &before[..] };
    match (run.attempts_n, ends(before)) {
        (0 | 1, ends) if ends.is_empty() => String::new(),
        (n, ends) if ends.is_empty() => format!(" (attempt {n})"),
        (n, ends) => format!(" (attempt {n}, after {ends})"),
    }
}

/// `2 x worker lost, preempted`.
pub(crate) fn ends(ends: &[AttemptEnd]) -> String {
    let mut counts: BTreeMap<AttemptEnd, usize> = BTreeMap::new();
    for end in ends {
        *counts.entry(*end).or_default() += 1;
    }
    let words = counts.iter().map(|(end, count)| match count {
        1 => end.to_string(),
        _ => format!("{count} x {end}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use crate::fixtures;

    #[test]
    fn runs_show_loss_cost_and_reason() {
        insta::assert_snapshot!(super::table(&fixtures::running().runs));
    }
}
