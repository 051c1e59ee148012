//! Refits the laws after each finished run and keeps every forecast as a row of its own.

use std::time::Instant;

use law_engine::{Analysis, Request, Study};
use sweep_core::forecast::Forecast;
use sweep_core::ids::{ForecastId, SweepId};
use sweep_core::spec;
use sweep_core::sweep::SweepRecord;
use sweep_store::Evidence;
use tracing::{Instrument as _, info_span};

use crate::context::Context;
use crate::{Error, spans};

/// Bootstrap draws behind each interval (LAWS: 1,000 in StepLaw, 4,000 in Epoch's Chinchilla
/// replication): enough that the ends of a 90 % interval move by about a tenth of its width.
const DRAWS_N: u32 = 1000;
/// Draws are a function of the data: the same observations always give the same forecast.
const SEED: u64 = 0;

pub(super) async fn converge(context: Context) -> Result<(), Error> {
    for sweep in context.store.sweeps().await? {
        if behind(&context, sweep.id).await? {
            let span = info_span!("refit", sweep = sweep.name);
            let span = spans::of_sweep(&context, sweep.id, span);
            refit(&context, &sweep).instrument(span).await?;
        }
    }
    Ok(())
}

/// The newest forecast has seen other observations than there are. Also of a sweep that is done, into
/// which runs may be imported.
pub(super) async fn behind(context: &Context, sweep: SweepId) -> Result<bool, Error> {
    let Evidence { observations_n, imports_changed_at } = context.store.evidence(sweep).await?;
    let Some(latest) = context.store.latest_forecast_head(sweep).await? else {
        return Ok(observations_n > 0);
    };
    let imports_are_newer =
        imports_changed_at.is_some_and(|changed_at| changed_at > latest.made_at);
    Ok(observations_n != latest.observations_n || imports_are_newer)
}

async fn refit(context: &Context, sweep: &SweepRecord) -> Result<(), Error> {
    let spec = spec::parse(&sweep.yaml)?;
    // Before they are read: what is imported from now on is newer than this forecast.
    let made_at = context.now();
    let observations = context.store.observations(sweep.id).await?;
    let observations_n = observations.len() as u32;
    let parent = context.store.latest_forecast_head(sweep.id).await?.map(|latest| latest.id);
    let id = ForecastId::new();
    let begun = Instant::now();
    let analysis = tokio::task::spawn_blocking(move || {
        let arms: Vec<String> = spec.arms.iter().map(|arm| arm.name.clone()).collect();
        let request = Request {
            forecast: id,
            law: spec.law,
            level: spec.forecast.level.0,
            horizon_hours: spec.horizon_hours(),
            draws_n: DRAWS_N,
            seed: SEED,
        };
        law_engine::analyse(&Study::new(&observations, &arms), &request)
    });
    let Analysis { arms, crossovers, .. } = analysis.await?;
    context.measure(|instruments| instruments.refitted(begun.elapsed()));
    let forecast =
        Forecast { id, sweep: sweep.id, parent, made_at, observations_n, arms, crossovers };
    context.store.put_forecast(&forecast).await?;
    context.changed();
    Ok(())
}
