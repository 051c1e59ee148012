//! What changed in all sweeps between two looks. Pure.
//!
//! Whoever follows is told names, and reads again what they name: so a change that is missed or told
//! twice does no harm.

use std::collections::BTreeMap;

use sweep_core::clock::Timestamp;
use sweep_core::control::Stop;
use sweep_core::ids::{ForecastId, RunId, SweepId};
use sweep_core::ledger::Balance;
use sweep_core::run::RunState;
use sweep_core::sweep::{RunRecord, SweepPhase, SweepRecord};

/// What is told of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Phase, budget, or what people ask of it.
    Sweep,
    /// State or attempts of runs.
    Run,
    /// Runs in progress have reported.
    Metrics,
    /// There is a newer one.
    Forecast,
    /// What waits, or who works.
    Queue,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::Run => "run",
            Self::Metrics => "metrics",
            Self::Forecast => "forecast",
            Self::Queue => "queue",
        }
    }
}

/// One change: everything of a kind and a sweep since the look before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) kind: Kind,
    /// Id and name; none of the queue.
    pub(crate) sweep: Option<(SweepId, String)>,
    /// That of the sweep.
    pub(crate) project: Option<String>,
    /// Of [`Kind::Run`] and [`Kind::Metrics`].
    pub(crate) runs: Vec<RunId>,
    /// Of [`Kind::Forecast`].
    pub(crate) forecast: Option<ForecastId>,
}

/// All sweeps at one moment, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct World {
    pub(crate) sweeps: BTreeMap<SweepId, Seen>,
    pub(crate) workers_n: usize,
}

/// A sweep as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    name: String,
    project: String,
    standing: Standing,
    pub(crate) runs: BTreeMap<RunId, RunSeen>,
    forecast: Option<ForecastId>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Standing {
    phase: SweepPhase,
    paused_at: Option<Timestamp>,
    cancelled_at: Option<Timestamp>,
    balance: Balance,
    /// Questions that were asked of it.
    asked_n: usize,
}

/// A run as it was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RunSeen {
    state: RunState,
    attempts_n: u32,
    stop: Option<Stop>,
    /// The step that its worker last told of.
    step: Option<u64>,
}

impl From<&RunRecord> for RunSeen {
    fn from(run: &RunRecord) -> Self {
        let RunRecord { state, attempts_n, stop, .. } = *run;
        Self { state, attempts_n, stop, step: run.progress.map(|progress| progress.step) }
    }
}

impl Seen {
    pub(crate) fn new(sweep: &SweepRecord, asked_n: usize, forecast: Option<ForecastId>) -> Self {
        let SweepRecord { phase, paused_at, cancelled_at, balance, .. } = *sweep;
        let standing = Standing { phase, paused_at, cancelled_at, balance, asked_n };
        let project = sweep.project.clone();
        Self { name: sweep.name.clone(), project, standing, runs: BTreeMap::new(), forecast }
    }

    pub(crate) fn with_runs(self, runs: BTreeMap<RunId, RunSeen>) -> Self {
        Self { runs, ..self }
    }

    /// Nothing happens to the runs of a sweep that is done.
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.standing.phase, SweepPhase::Done)
    }
}

/// What changed, at most one change of each kind and sweep.
pub(crate) fn changes(before: &World, after: &World) -> Vec<Change> {
    let mut found = Vec::new();
    for (id, now) in &after.sweeps {
        let then = before.sweeps.get(id);
        let mut tell = |kind, runs, forecast| {
            let sweep = Some((*id, now.name.clone()));
            let project = Some(now.project.clone());
            found.push(Change { kind, sweep, project, runs, forecast });
        };
        if then.is_none_or(|then| then.standing != now.standing) {
            tell(Kind::Sweep, Vec::new(), None);
        }
        let runs_then = then.map(|then| &then.runs);
        let differ = |same: fn(&RunSeen, &RunSeen) -> bool| -> Vec<RunId> {
            let differs = |run: &RunId, now: &RunSeen| {
                runs_then.and_then(|runs| runs.get(run)).is_none_or(|then| !same(then, now))
            };
            now.runs.iter().filter(|(run, now)| differs(run, now)).map(|(run, _)| *run).collect()
        };
        let moved = differ(|a, b| RunSeen { step: b.step, ..*a } == *b);
        if !moved.is_empty() {
            tell(Kind::Run, moved, None);
        }
        let mut reported = differ(|a, b| a.step == b.step);
        reported.retain(|run| now.runs[run].step.is_some());
        if !reported.is_empty() {
            tell(Kind::Metrics, reported, None);
        }
        if now.forecast.is_some() && then.and_then(|then| then.forecast) != now.forecast {
            tell(Kind::Forecast, Vec::new(), now.forecast);
        }
    }
    let moves_queue = |change: &Change| matches!(change.kind, Kind::Sweep | Kind::Run);
    if before.workers_n != after.workers_n || found.iter().any(moves_queue) {
        let kind = Kind::Queue;
        found.push(Change { kind, sweep: None, project: None, runs: Vec::new(), forecast: None });
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::str::FromStr;

    use super::*;

    fn world(state: RunState, step: Option<u64>, asked_n: usize, forecast: Option<u8>) -> World {
        let sweep: SweepId = id(1);
        let standing = Standing {
            phase: SweepPhase::Running,
            paused_at: None,
            cancelled_at: None,
            balance: Balance::default(),
            asked_n,
        };
        let run = RunSeen { state, attempts_n: 1, stop: None, step };
        let runs = BTreeMap::from([(id::<RunId>(2), run)]);
        let forecast = forecast.map(id);
        let seen = Seen {
            name: "demo".to_owned(),
            project: "default".to_owned(),
            standing,
            runs,
            forecast,
        };
        World { sweeps: BTreeMap::from([(sweep, seen)]), workers_n: 1 }
    }

    fn id<T: FromStr<Err: Debug>>(n: u8) -> T {
        format!("00000000-0000-0000-0000-0000000000{n:02}").parse().unwrap()
    }

    #[test]
    fn every_kind_of_change_is_told_and_nothing_else() {
        use Kind as K;
        let before = world(RunState::Leased, None, 0, None);
        for (after, expected) in [
            (before.clone(), vec![]),
            (world(RunState::Running, None, 0, None), vec![K::Run, K::Queue]),
            (world(RunState::Leased, Some(3), 0, None), vec![K::Metrics]),
            (world(RunState::Leased, None, 1, None), vec![K::Sweep, K::Queue]),
            (world(RunState::Leased, None, 0, Some(7)), vec![K::Forecast]),
            (World { workers_n: 2, ..before.clone() }, vec![K::Queue]),
            (
                world(RunState::Running, Some(1), 1, Some(7)),
                vec![K::Sweep, K::Run, K::Metrics, K::Forecast, K::Queue],
            ),
        ] {
            let told = changes(&before, &after);
            assert_eq!(told.iter().map(|change| change.kind).collect::<Vec<_>>(), expected);
        }
        let told = changes(&World::default(), &before);
        assert_eq!(told[0].sweep.as_ref().map(|(_, name)| name.as_str()), Some("demo"));
        assert_eq!(told[1].runs, [id::<RunId>(2)]);
    }
}
