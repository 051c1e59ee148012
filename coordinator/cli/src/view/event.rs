//! What happened between two looks at a sweep, as one line each.

use std::collections::HashMap;
use std::fmt;

use sweep_core::retry::AttemptEnd;
use sweep_core::run::RunState;
use sweep_core::sweep::{RunRecord, SweepStatus};
use sweep_core::throughput::ThroughputSource;
use sweep_core::units::{Share, human_count};

use super::control::event_line;
use super::counted;
use super::plan::PlanSummary;

/// One thing worth a line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// Work done before this command began to look.
    Resumed {
        final_n: usize,
        runs_n: usize,
    },
    Calibrated {
        label: String,
        speed: String,
    },
    Planned {
        runs_n: usize,
        cost: String,
        granted: String,
    },
    Finished {
        label: String,
        bits_per_byte: f64,
        spent: String,
        final_n: usize,
        runs_n: usize,
    },
    Failed {
        label: String,
        reason: String,
    },
    Cancelled {
        label: String,
        reason: String,
    },
    /// The worker was lost or stopped; another goes on from the checkpoint.
    Requeued {
        label: String,
        step: u64,
        /// How the attempt ended, where that is not what was asked of its worker.
        why: Option<String>,
    },
    /// Somebody asked something of the sweep.
    Asked {
        line: String,
    },
    Forecast {
        headline: String,
    },
    Problem {
        text: String,
    },
}

impl Event {
    /// Stays readable above progress bars that show everything else.
    pub(crate) const fn lasts(&self) -> bool {
        !matches!(self, Self::Forecast { .. } | Self::Calibrated { .. } | Self::Planned { .. })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resumed { final_n, runs_n } => {
                write!(f, "resumed     {final_n} of {} ended before", counted(*runs_n, "run"))
            }
            Self::Calibrated { label, speed } => write!(f, "calibrated  {label}: {speed}"),
            Self::Planned { runs_n, cost, granted } => {
                write!(f, "planned     {}, {cost} of {granted}", counted(*runs_n, "run"))
            }
            Self::Finished { label, bits_per_byte, spent, final_n, runs_n } => write!(
                f,
                "finished    {label}: {bits_per_byte:.3} bits/byte, {spent} spent \
                 ({final_n} of {runs_n})"
            ),
            Self::Failed { label, reason } => write!(f, "failed      {label}: {reason}"),
            Self::Cancelled { label, reason } => write!(f, "cancelled   {label}: {reason}"),
            Self::Requeued { label, step, why } => {
                let why = why.as_ref().map_or_else(String::new, |why| format!("{why}; "));
                write!(f, "requeued    {label}: {why}goes on from step {step}")
            }
            Self::Asked { line } => write!(f, "asked       {line}"),
            Self::Forecast { headline } => write!(f, "forecast    {headline}"),
            Self::Problem { text } => write!(f, "problem     {text}"),
        }
    }
}

/// What is new in `after`. Without `before`, what a newcomer should know; finished runs are then
/// counted, not told one by one.
pub(crate) fn events(before: Option<&SweepStatus>, after: &SweepStatus) -> Vec<Event> {
    let mut events = calibrated(before, after);
    let had_plan = before.is_some_and(|before| !before.runs.is_empty());
    if let Some(plan) = PlanSummary::of_status(after).filter(|_| !had_plan) {
        events.push(Event::Planned {
            runs_n: plan.runs_n,
            cost: plan.cost.to_string(),
            granted: plan.granted.to_string(),
        });
    }
    let final_n = after.runs.iter().filter(|run| run.state.is_final()).count();
    let known_n = before.map_or(0, |before| before.events.len());
    let asked = after.events.iter().skip(known_n).map(event_line);
    events.extend(asked.map(|line| Event::Asked { line }));
    match before {
        None if final_n > 0 => events.push(Event::Resumed { final_n, runs_n: after.runs.len() }),
        None => {}
        Some(before) => events.extend(of_runs(before, after, final_n)),
    }
    let news = |old: Option<&Vec<String>>, new: &[String]| -> Vec<String> {
        let known = |text: &String| old.is_some_and(|old| old.contains(text));
        new.iter().filter(|text| !known(text)).cloned().collect()
    };
    let headlines = news(before.map(|before| &before.headlines), &after.headlines);
    events.extend(headlines.into_iter().map(|headline| Event::Forecast { headline }));
    let problems = news(before.map(|before| &before.problems), &after.problems);
    events.extend(problems.into_iter().map(|text| Event::Problem { text }));
    events
}

/// Throughputs that became known; those known from the beginning are not news.
fn calibrated(before: Option<&SweepStatus>, after: &SweepStatus) -> Vec<Event> {
    let Some(before) = before else { return Vec::new() };
    let was_known = |arm: &str, size: &str| {
        let mut known = before.calibrations.iter().filter(|known| known.throughput.is_some());
        known.any(|known| known.arm == arm && known.size == size)
    };
    after
        .calibrations
        .iter()
        .filter(|calibration| !was_known(&calibration.arm, &calibration.size))
        .filter_map(|calibration| {
            let known = calibration.throughput.as_ref()?;
            let how = match known.source {
                ThroughputSource::Measured => format!("spread {}", Share(known.spread)),
                ThroughputSource::Declared => "declared".to_owned(),
            };
            let speed = format!("{} tokens/s ({how})", human_count(known.tokens_per_second));
            Some(Event::Calibrated {
                label: format!("{} {}", calibration.arm, calibration.size),
                speed,
            })
        })
        .collect()
}

fn of_runs(before: &SweepStatus, after: &SweepStatus, final_n: usize) -> Vec<Event> {
    let known: HashMap<_, _> = before.runs.iter().map(|run| (run.spec.id, run.state)).collect();
    let mut events: Vec<Event> = after
        .runs
        .iter()
        .filter_map(|run| {
            let was = *known.get(&run.spec.id)?;
            (was != run.state).then(|| of_run(was, run, after.runs.len()))?
        })
        .collect();
    // Several runs may end between two looks: each is told with its own count.
    let endings = |event: &Event| matches!(event, Event::Finished { .. });
    let mut rest = events.iter().filter(|event| endings(event)).count();
    for event in &mut events {
        if let Event::Finished { final_n: count, .. } = event {
            rest -= 1;
            *count = final_n - rest;
        }
    }
    events
}

fn of_run(was: RunState, run: &RunRecord, runs_n: usize) -> Option<Event> {
    let label = run.spec.label();
    let reason = |why: Option<String>| why.unwrap_or_else(|| "no reason was recorded".to_owned());
    Some(match run.state {
        RunState::Succeeded => Event::Finished {
            label,
            bits_per_byte: run.result.as_ref().map_or(f64::NAN, |result| result.bits_per_byte),
            spent: run.spent.to_string(),
            final_n: 0,
            runs_n,
        },
        RunState::Failed => {
            Event::Failed { label, reason: reason(run.failure.as_ref().map(ToString::to_string)) }
        }
        RunState::Cancelled => Event::Cancelled { label, reason: reason(run.waiting.clone()) },
        RunState::Queued if was.is_active() => {
            let step = run.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.step);
            Event::Requeued { label, step, why: why_again(run) }
        }
        RunState::Planned | RunState::Queued | RunState::Leased | RunState::Running => return None,
    })
}

/// What ended the last attempt of a run that is tried again.
fn why_again(run: &RunRecord) -> Option<String> {
    let last = run.attempts.last().filter(|last| last.end != AttemptEnd::Preempted)?;
    Some(match &last.failure {
        Some(failure) => format!("{}: {failure}", last.end),
        None => last.end.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use sweep_core::control::Control;

    use super::*;
    use crate::fixtures;

    fn lines(before: Option<&SweepStatus>, after: &SweepStatus) -> String {
        events(before, after).iter().map(|event| format!("{event}\n")).collect()
    }

    #[test]
    fn a_sweep_from_calibration_to_its_end() {
        let [calibrating, running, done] =
            [fixtures::calibrating(), fixtures::running(), fixtures::done()];
        let transcript = [
            lines(None, &calibrating),
            lines(Some(&calibrating), &running),
            lines(Some(&running), &done),
        ];
        insta::assert_snapshot!(transcript.concat());
    }

    #[test]
    fn a_newcomer_is_not_flooded() {
        insta::assert_snapshot!(lines(None, &fixtures::running()));
    }

    #[test]
    fn what_people_ask_is_told_once() {
        let before = fixtures::running();
        let mut after = before.clone();
        after.events.extend(fixtures::controlled(Control::Pause).event);
        let expected = "asked       2025-11-24 16:00 UTC pause by ada: more GPUs\n";
        assert_eq!(lines(Some(&before), &after), expected);
        assert_eq!(lines(Some(&after), &after), "");
    }

    #[test]
    fn nothing_new_is_nothing_said() {
        let running = fixtures::running();
        assert_eq!(events(Some(&running), &running), []);
    }

    #[test]
    fn a_lost_worker_is_told_with_the_step_it_goes_on_from() {
        let before = fixtures::running();
        let mut after = before.clone();
        let lost = after.runs.iter_mut().find(|run| run.state == RunState::Running).unwrap();
        lost.state = RunState::Queued;
        insta::assert_snapshot!(lines(Some(&before), &after));
    }
}
