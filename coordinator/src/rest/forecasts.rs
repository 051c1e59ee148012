//! What the law engine says of a sweep, now and before, and what it was made from.

use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::Serialize;
use sweep_core::clock::Timestamp;
use sweep_core::fit::ArmFits;
use sweep_core::forecast::{Forecast, ForecastView};
use sweep_core::ids::ForecastId;
use sweep_core::observation::Observation;

use super::answer::Answer;
use super::caller::Caller;
use super::page::{CURSOR, LIMIT, Page, page};
use super::problem::Problem;
use super::query::Query;
use super::route::Route;
use crate::context::Context;
use crate::read_model;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get(
            "/sweeps/{sweep}/forecast",
            "getForecast",
            "The newest forecast with the data behind it",
            newest,
        )
        .gives::<ForecastView>(),
        Route::get(
            "/sweeps/{sweep}/forecasts",
            "listForecasts",
            "Every forecast made so far, oldest first",
            history,
        )
        .parameters(&[LIMIT, CURSOR])
        .gives::<Page<Forecast>>(),
        Route::get(
            "/sweeps/{sweep}/fits",
            "getFits",
            "The laws of the newest forecast with their coefficients and intervals",
            fits,
        )
        .gives::<Fits>(),
        Route::get(
            "/sweeps/{sweep}/observations",
            "listObservations",
            "What finished runs measured, also those that no curve uses",
            observations,
        )
        .parameters(&[LIMIT, CURSOR])
        .gives::<Page<Observation>>(),
    ]
}

/// The fits of one forecast.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct Fits {
    forecast: ForecastId,
    made_at: Timestamp,
    observations_n: u32,
    /// Unit of the hours axis in words: `cpu core hours`.
    hours_unit: String,
    arms: Vec<ArmFits>,
}

async fn newest(
    State(context): State<Context>,
    caller: Caller,
    Path(sweep): Path<String>,
) -> Result<Answer<ForecastView>, Problem> {
    Ok(Answer(read_model::forecast(&context, caller.actor(), &sweep).await?))
}

async fn history(
    State(context): State<Context>,
    caller: Caller,
    Path(sweep): Path<String>,
    query: Query,
) -> Result<Answer<Page<Forecast>>, Problem> {
    let sweep = read_model::find(&context, caller.actor(), &sweep).await?;
    let all = context.store.forecasts(sweep.id).await?;
    Ok(Answer(page(all, &query, |forecast| forecast.id.to_string())?))
}

async fn fits(
    State(context): State<Context>,
    caller: Caller,
    Path(sweep): Path<String>,
) -> Result<Answer<Fits>, Problem> {
    let ForecastView { hours_unit, forecast, .. } =
        read_model::forecast(&context, caller.actor(), &sweep).await?;
    let Forecast { id, made_at, observations_n, arms, .. } = forecast;
    Ok(Answer(Fits { forecast: id, made_at, observations_n, hours_unit, arms }))
}

async fn observations(
    State(context): State<Context>,
    caller: Caller,
    Path(sweep): Path<String>,
    query: Query,
) -> Result<Answer<Page<Observation>>, Problem> {
    let sweep = read_model::find(&context, caller.actor(), &sweep).await?;
    let all = context.store.observations(sweep.id).await?;
    Ok(Answer(page(all, &query, |observation| observation.run.to_string())?))
}
