//! What a run reported while it trained.

use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::Serialize;
use sweep_core::metric::{Metric, Series, THINNED_MIN};

use super::answer::Answer;
use super::caller::Caller;
use super::problem::Problem;
use super::query::Query;
use super::route::{Parameter, Route};
use crate::context::Context;
use crate::reference;

const POINTS_MAX: Parameter = Parameter::integer(
    "points_max",
    "Points at most, 4 or more: of each stretch the first, last, lowest and highest stay. All by \
     default.",
);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get(
            "/sweeps/{sweep}/runs/{run}/metrics",
            "listMetrics",
            "What a run has points of",
            list,
        )
        .gives::<SeriesList>(),
        Route::get(
            "/sweeps/{sweep}/runs/{run}/metrics/{*metric}",
            "getMetric",
            "The points of one metric",
            one,
        )
        .parameters(&[POINTS_MAX])
        .gives::<SeriesView>(),
    ]
}

/// All that a run has points of.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct SeriesList {
    items: Vec<SeriesSummary>,
}

/// One metric without its points.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct SeriesSummary {
    metric: Metric,
    points_n: usize,
    /// Optimiser steps done at the last point.
    last_step: Option<u64>,
    /// None where it was not finite.
    last_value: Option<f64>,
}

/// The points of one metric, or some of them.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct SeriesView {
    metric: Metric,
    /// That are stored.
    points_n: usize,
    /// Optimiser steps done, increasing.
    steps: Vec<u64>,
    /// After each of them; null where it was not finite.
    values: Vec<Option<f64>>,
}

async fn list(
    State(context): State<Context>,
    caller: Caller,
    Path((sweep, run)): Path<(String, String)>,
) -> Result<Answer<SeriesList>, Problem> {
    let run = reference::run_of(&context, caller.actor(), &sweep, &run).await?;
    let all = context.store.all_metrics(run).await?;
    let summary = |series: &Series| {
        let last = series.points().next_back();
        SeriesSummary {
            metric: series.metric,
            points_n: series.steps.len(),
            last_step: last.map(|(step, _)| step),
            last_value: last.and_then(|(_, value)| value),
        }
    };
    Ok(Answer(SeriesList { items: all.iter().map(summary).collect() }))
}

async fn one(
    State(context): State<Context>,
    caller: Caller,
    Path((sweep, run, metric)): Path<(String, String, String)>,
    query: Query,
) -> Result<Answer<SeriesView>, Problem> {
    let points_max = query.get::<usize>(POINTS_MAX.name)?;
    if let Some(few) = points_max.filter(|points_max| *points_max < THINNED_MIN) {
        let detail = format!("the parameter `points_max` is {few}, expected {THINNED_MIN} or more");
        return Err(Problem::bad_request(detail).with_field(POINTS_MAX.name));
    }
    let run = reference::run_of(&context, caller.actor(), &sweep, &run).await?;
    let all = context.store.all_metrics(run).await?;
    let found = reference::find_series(&all, &metric)?;
    let whole = found.first().ok_or_else(|| Problem::bad_request("a metric has a name"))?;
    let shown = points_max.map_or_else(|| whole.clone(), |points_max| whole.thinned(points_max));
    let Series { metric, steps, values } = shown;
    Ok(Answer(SeriesView { metric, points_n: whole.steps.len(), steps, values }))
}
