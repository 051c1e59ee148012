//! Runs of a sweep: all of them, filtered and in order, and one with its history and what its command
//! printed.

use std::cmp::Ordering;

use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::Serialize;
use sweep_core::ids::SweepId;
use sweep_core::output::OutputPart;
use sweep_core::run::RunState;
use sweep_core::sweep::RunRecord;
use sweep_core::units::AcceleratorTime;

use super::answer::Answer;
use super::caller::Caller;
use super::page::{CURSOR, LIMIT, Page, page};
use super::problem::Problem;
use super::query::Query;
use super::route::{Parameter, Route};
use super::timeline::{Moment, timeline};
use crate::context::Context;
use crate::{outputs, read_model, reference};

const STATES: &[&str] =
    &["planned", "queued", "leased", "running", "succeeded", "failed", "cancelled"];
/// What runs may be sorted by.
const BYS: [(&str, By); 7] = [
    ("plan", By::Plan),
    ("state", By::State),
    ("arm", By::Arm),
    ("class", By::Class),
    ("spent", By::Spent),
    ("params_n", By::Params),
    ("bits_per_byte", By::BitsPerByte),
];
/// The same, and with a `-` before it in reverse.
const SORTS: [&str; 14] = [
    "plan",
    "-plan",
    "state",
    "-state",
    "arm",
    "-arm",
    "class",
    "-class",
    "spent",
    "-spent",
    "params_n",
    "-params_n",
    "bits_per_byte",
    "-bits_per_byte",
];

const LISTING: &[Parameter] = &[
    Parameter::one_of("state", STATES, "Only those in this state."),
    Parameter::text("arm", "Only those of this arm."),
    Parameter::text("size", "Only those of this size."),
    Parameter::text("class", "Only those of this compute class, e.g. `20s`."),
    Parameter::integer("seed", "Only those of this seed."),
    Parameter::one_of(
        "sort",
        &SORTS,
        "In this order, by default that of the plan; a `-` reverses it. Runs without a value come last.",
    ),
    LIMIT,
    CURSOR,
];

#[derive(Clone, Copy)]
enum By {
    Plan,
    State,
    Arm,
    Class,
    Spent,
    Params,
    BitsPerByte,
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/sweeps/{sweep}/runs", "listRuns", "Runs of a sweep", list)
            .parameters(LISTING)
            .gives::<Page<RunRecord>>(),
        Route::get(
            "/sweeps/{sweep}/runs/{run}",
            "getRun",
            "One run with its attempts, timeline and configuration",
            one,
        )
        .gives::<RunDetail>(),
        Route::get(
            "/sweeps/{sweep}/runs/{run}/output",
            "getRunOutput",
            "What its training command printed, attempt by attempt",
            output,
        )
        .gives::<RunOutput>(),
    ]
}

/// A run with its history.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct RunDetail {
    sweep: SweepId,
    sweep_name: String,
    /// For people: `gpt d64x2 20 s seed 1`.
    label: String,
    /// Its configuration is `run.spec`, its attempts that have ended are `run.attempts`.
    run: RunRecord,
    /// Parameters (N).
    params_n: u64,
    /// Training tokens (D).
    tokens_d: u64,
    /// Training FLOPs by the 6ND rule (C).
    flops_c: f64,
    /// Oldest first.
    timeline: Vec<Moment>,
}

/// What the attempts of a run printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct RunOutput {
    parts: Vec<OutputPart>,
}

async fn list(
    State(context): State<Context>,
    caller: Caller,
    Path(sweep): Path<String>,
    query: Query,
) -> Result<Answer<Page<RunRecord>>, Problem> {
    let filter = Filter::read(&query)?;
    let (by, reverse) = order(&query)?;
    let mut runs = read_model::status(&context, caller.actor(), &sweep).await?.runs;
    runs.retain(|run| filter.takes(run));
    sort(&mut runs, by, reverse);
    Ok(Answer(page(runs, &query, |run| run.spec.id.to_string())?))
}

async fn one(
    State(context): State<Context>,
    caller: Caller,
    Path((sweep, run)): Path<(String, String)>,
) -> Result<Answer<RunDetail>, Problem> {
    let status = read_model::status(&context, caller.actor(), &sweep).await?;
    let run = reference::find_run(&status.runs, &run)?.clone();
    let journal = context.store.ledger_entries(status.record.id).await?;
    Ok(Answer(RunDetail {
        sweep: status.record.id,
        sweep_name: status.record.name,
        label: run.spec.label(),
        params_n: run.spec.params_n(),
        tokens_d: run.spec.tokens_d(),
        flops_c: run.spec.flops_c(),
        timeline: timeline(run.spec.id, &journal, &status.events),
        run,
    }))
}

async fn output(
    State(context): State<Context>,
    caller: Caller,
    Path((sweep, run)): Path<(String, String)>,
) -> Result<Answer<RunOutput>, Problem> {
    let run = reference::run_of(&context, caller.actor(), &sweep, &run).await?;
    Ok(Answer(RunOutput { parts: outputs::all(&context, run).await? }))
}

/// Which runs are asked for.
struct Filter {
    state: Option<RunState>,
    arm: Option<String>,
    size: Option<String>,
    class: Option<AcceleratorTime>,
    seed: Option<u64>,
}

impl Filter {
    fn read(query: &Query) -> Result<Self, Problem> {
        let states = RunState::ALL.map(|state| (state.as_str(), state));
        Ok(Self {
            state: query.one_of("state", &states)?,
            arm: query.text("arm").map(str::to_owned),
            size: query.text("size").map(str::to_owned),
            class: query.get("class")?,
            seed: query.get("seed")?,
        })
    }

    fn takes(&self, run: &RunRecord) -> bool {
        let Self { state, arm, size, class, seed } = self;
        let spec = &run.spec;
        state.is_none_or(|state| run.state == state)
            && arm.as_ref().is_none_or(|arm| spec.arm == *arm)
            && size.as_ref().is_none_or(|size| spec.size == *size)
            && class.is_none_or(|class| spec.class.time() == class)
            && seed.is_none_or(|seed| spec.seed == seed)
    }
}

/// What to sort by, and whether in reverse.
fn order(query: &Query) -> Result<(By, bool), Problem> {
    let sort = query.one_of("sort", &SORTS.map(|sort| (sort, sort)))?.unwrap_or("plan");
    let by = BYS.iter().find(|(name, _)| *name == sort.trim_start_matches('-'));
    Ok((by.map_or(By::Plan, |(_, by)| *by), sort.starts_with('-')))
}

/// Runs of the same place stay in the order of the plan.
fn sort(runs: &mut [RunRecord], by: By, reverse: bool) {
    let turned = |order: Ordering| if reverse { order.reverse() } else { order };
    match by {
        By::Plan if reverse => runs.reverse(),
        By::Plan => {}
        By::State => runs.sort_by(|a, b| turned(a.state.cmp(&b.state))),
        By::Arm => runs.sort_by(|a, b| turned(a.spec.arm.cmp(&b.spec.arm))),
        By::Class => runs.sort_by(|a, b| turned(a.spec.class.cmp(&b.spec.class))),
        By::Spent => runs.sort_by(|a, b| turned(a.spent.cmp(&b.spent))),
        By::Params => runs.sort_by(|a, b| turned(a.spec.params_n().cmp(&b.spec.params_n()))),
        By::BitsPerByte => runs.sort_by(|a, b| match (loss(a), loss(b)) {
            (Some(a), Some(b)) => turned(a.total_cmp(&b)),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }),
    }
}

fn loss(run: &RunRecord) -> Option<f64> {
    run.result.as_ref().map(|result| result.bits_per_byte)
}
