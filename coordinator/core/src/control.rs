//! What people ask of a submitted sweep: pause it, go on, cancel, retry, give it more budget.
//!
//! [`judge`] says whether a sweep can be asked that, [`step`] what becomes of each of its runs. Both
//! are tables: the store reads, asks them and writes.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::RunId;
use crate::ledger::Balance;
use crate::run::{FailureReason, RunEvent, RunState};
use crate::sweep::SweepPhase;
use crate::units::AcceleratorTime;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// No run is started; those in progress stop at a checkpoint and wait.
    Pause,
    Resume,
    /// Runs that wait are not started any more; those in progress stop.
    Cancel,
    /// Failed runs get a new attempt.
    Retry,
    /// The budget becomes larger.
    Raise,
}

impl Control {
    pub const ALL: [Self; 5] = [Self::Pause, Self::Resume, Self::Cancel, Self::Retry, Self::Raise];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Raise => "raise",
        }
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a running attempt is told at its next heartbeat: it stops at a checkpoint either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The run waits until the sweep goes on.
    Pause,
    /// The run has ended.
    Cancel,
}

impl Stop {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Cancel => "cancel",
        }
    }
}

/// How a sweep stands when something is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub phase: SweepPhase,
    pub is_paused: bool,
    pub is_cancelled: bool,
}

/// Why a sweep cannot be asked that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the sweep is done: nothing is left to {0}")]
    Done(Control),
    #[error("the sweep was cancelled: it cannot be asked to {0}")]
    Cancelled(Control),
    #[error("the sweep was cancelled: no run can be added to it")]
    NoMoreRuns,
    #[error("a budget can only grow: {granted} are granted and {asked} are asked for")]
    Shrinks { granted: AcceleratorTime, asked: AcceleratorTime },
}

impl Refusal {
    /// What to do about it.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Done(_) => {
                "`sweepctl retry` gives failed runs a new attempt, `sweepctl budget raise` pays for more"
            }
            Self::Cancelled(_) | Self::NoMoreRuns => {
                "`sweepctl retry --run RUN` brings a cancelled run back"
            }
            Self::Shrinks { .. } => "`--to` is the new total, not what is added",
        }
    }
}

/// Whether a sweep can be asked that. Asking for what is so already is no mistake: nothing changes.
///
/// # Errors
/// [`Refusal`] where it makes no sense.
pub const fn judge(control: Control, standing: Standing) -> Result<(), Refusal> {
    let is_done = matches!(standing.phase, SweepPhase::Done);
    match control {
        Control::Pause | Control::Resume | Control::Raise if standing.is_cancelled => {
            Err(Refusal::Cancelled(control))
        }
        Control::Pause | Control::Resume if is_done => Err(Refusal::Done(control)),
        _ => Ok(()),
    }
}

/// A run when something is asked of its sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub state: RunState,
    pub stop: Option<Stop>,
    /// It failed because its loss was not finite. That is a result: the same run finds it again.
    pub diverged: bool,
    /// This run is asked for, and not its whole sweep.
    pub is_named: bool,
}

impl Subject {
    #[must_use]
    pub fn new(
        state: RunState,
        stop: Option<Stop>,
        failure: Option<&FailureReason>,
        is_named: bool,
    ) -> Self {
        let diverged = matches!(failure, Some(FailureReason::Diverged { .. }));
        Self { state, stop, diverged, is_named }
    }
}

/// What becomes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Nobody trains it: the event happens at once.
    Event(RunEvent),
    /// Its worker is asked to stop at a checkpoint.
    Ask(Stop),
    /// Its worker was asked to pause and need not.
    GoOn,
}

/// What becomes of one run; none where it stays as it is. Doing it twice changes nothing the second
/// time.
#[must_use]
pub const fn step(control: Control, run: Subject) -> Option<Step> {
    let Subject { state, stop, diverged, is_named } = run;
    match (control, state) {
        (Control::Pause, RunState::Leased | RunState::Running) if stop.is_none() => {
            Some(Step::Ask(Stop::Pause))
        }
        (Control::Resume, _) if matches!(stop, Some(Stop::Pause)) => Some(Step::GoOn),
        (Control::Cancel, RunState::Planned | RunState::Queued) => {
            Some(Step::Event(RunEvent::Cancel))
        }
        (Control::Cancel, RunState::Leased | RunState::Running)
            if !matches!(stop, Some(Stop::Cancel)) =>
        {
            Some(Step::Ask(Stop::Cancel))
        }
        (Control::Retry, RunState::Failed) if is_named || !diverged => {
            Some(Step::Event(RunEvent::Retry))
        }
        (Control::Retry, RunState::Cancelled) if is_named => Some(Step::Event(RunEvent::Retry)),
        _ => None,
    }
}

/// What the end of an attempt does to its run: one that hands back a run which was cancelled ends it.
#[must_use]
pub const fn at_the_end(event: RunEvent, stop: Option<Stop>) -> RunEvent {
    match (event, stop) {
        (RunEvent::Requeue, Some(Stop::Cancel)) => RunEvent::Cancel,
        _ => event,
    }
}

/// One thing that was asked of a sweep, and by whom. Never changed afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlEvent {
    /// Counts the events of the sweep from 1.
    pub number: u32,
    pub at: Timestamp,
    pub control: Control,
    /// Who asked, as they call themselves.
    pub actor: String,
    /// Why, in their words; may be empty.
    pub reason: String,
    /// None where the whole sweep was meant.
    pub run: Option<RunId>,
    /// Of a raised budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised: Option<Raised>,
}

/// From what total to what total a budget was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Raised {
    pub from: AcceleratorTime,
    pub to: AcceleratorTime,
}

/// A run that something became of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stepped {
    pub run: RunId,
    pub label: String,
    /// What it reserves when it is started.
    pub cost: AcceleratorTime,
    pub step: Step,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Controlled {
    pub sweep_name: String,
    pub control: Control,
    /// None where it was so already, and where only a look was asked for.
    pub event: Option<ControlEvent>,
    pub runs: Vec<Stepped>,
    /// Afterwards.
    pub balance: Balance,
    pub dry_run: bool,
}

impl Controlled {
    /// What the runs cost together.
    #[must_use]
    pub fn cost(&self) -> AcceleratorTime {
        self.runs.iter().map(|run| run.cost).sum()
    }

    /// How many of the runs, in order, the free budget pays for.
    #[must_use]
    pub fn affordable_n(&self) -> usize {
        let mut left = self.balance.free();
        let pays = |run: &&Stepped| {
            let is_paid = run.cost <= left;
            if is_paid {
                left = left.saturating_sub(run.cost);
            }
            is_paid
        };
        self.runs.iter().filter(pays).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STOPS: [Option<Stop>; 3] = [None, Some(Stop::Pause), Some(Stop::Cancel)];

    fn every_subject() -> impl Iterator<Item = Subject> {
        RunState::ALL.into_iter().flat_map(|state| {
            STOPS.into_iter().flat_map(move |stop| {
                [(false, false), (false, true), (true, false), (true, true)]
                    .into_iter()
                    .map(move |(diverged, is_named)| Subject { state, stop, diverged, is_named })
            })
        })
    }

    /// Every state, stop and question: what is not in this list stays as it is.
    #[test]
    fn every_run_is_decided() {
        use Control as C;
        use RunState as S;
        for run in every_subject() {
            for control in C::ALL {
                let expected = match (control, run.state, run.stop) {
                    (C::Pause, S::Leased | S::Running, None) => Some(Step::Ask(Stop::Pause)),
                    (C::Resume, _, Some(Stop::Pause)) => Some(Step::GoOn),
                    (C::Cancel, S::Planned | S::Queued, _) => Some(Step::Event(RunEvent::Cancel)),
                    (C::Cancel, S::Leased | S::Running, None | Some(Stop::Pause)) => {
                        Some(Step::Ask(Stop::Cancel))
                    }
                    (C::Retry, S::Failed, _) if !run.diverged || run.is_named => {
                        Some(Step::Event(RunEvent::Retry))
                    }
                    (C::Retry, S::Cancelled, _) if run.is_named => {
                        Some(Step::Event(RunEvent::Retry))
                    }
                    _ => None,
                };
                assert_eq!(step(control, run), expected, "{control} of {run:?}");
            }
        }
    }

    #[test]
    fn an_event_is_legal_and_leaves_nothing_to_do() {
        for run in every_subject() {
            for control in Control::ALL {
                let after = match step(control, run) {
                    None => continue,
                    Some(Step::Event(event)) => {
                        assert!(!run.state.is_active(), "{control} takes {run:?} from its worker");
                        let state = run.state.after(event).unwrap();
                        Subject { state, stop: None, ..run }
                    }
                    Some(Step::Ask(stop)) => {
                        assert!(run.state.is_active(), "nobody can tell {run:?}");
                        Subject { stop: Some(stop), ..run }
                    }
                    Some(Step::GoOn) => Subject { stop: None, ..run },
                };
                assert_eq!(step(control, after), None, "{control} twice of {run:?}");
            }
        }
    }

    #[test]
    fn a_sweep_that_has_ended_is_neither_paused_nor_resumed() {
        for phase in [SweepPhase::Calibrating, SweepPhase::Running, SweepPhase::Done] {
            for (is_paused, is_cancelled) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let standing = Standing { phase, is_paused, is_cancelled };
                let refused = |control| judge(control, standing).is_err();
                let is_done = phase == SweepPhase::Done;
                assert_eq!(refused(Control::Pause), is_done || is_cancelled);
                assert_eq!(refused(Control::Resume), is_done || is_cancelled);
                assert_eq!(refused(Control::Raise), is_cancelled);
                assert!(!refused(Control::Cancel) && !refused(Control::Retry));
            }
        }
    }

    #[test]
    fn a_cancelled_run_that_is_handed_back_ends() {
        use RunEvent as E;
        for event in [E::Requeue, E::Succeed, E::Fail] {
            assert_eq!(at_the_end(event, None), event);
            assert_eq!(at_the_end(event, Some(Stop::Pause)), event);
            let cancelled = if event == E::Requeue { E::Cancel } else { event };
            assert_eq!(at_the_end(event, Some(Stop::Cancel)), cancelled);
        }
    }

    proptest! {
        /// What is said to be paid for is: in order, and never more than is free.
        #[test]
        fn the_free_budget_pays_for_what_is_said(
            granted in 0u64..1000,
            costs in prop::collection::vec(0u64..300, 0..12),
        ) {
            let run = |cost: &u64| Stepped {
                run: RunId::default(),
                label: String::new(),
                cost: AcceleratorTime::from_ms(*cost),
                step: Step::Event(RunEvent::Retry),
            };
            let granted = AcceleratorTime::from_ms(granted);
            let controlled = Controlled {
                sweep_name: String::new(),
                control: Control::Retry,
                event: None,
                runs: costs.iter().map(run).collect(),
                balance: Balance { granted, ..Balance::default() },
                dry_run: true,
            };
            let affordable_n = controlled.affordable_n();
            prop_assert_eq!(affordable_n == costs.len(), controlled.cost() <= granted);
            let cheapest = costs.iter().min().copied().unwrap_or(0);
            prop_assert!(affordable_n as u64 * cheapest <= granted.ms());
        }
    }
}
