//! Server-sent events: what changed, by name. Whoever is told reads again what it shows.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use serde::Serialize;
use sweep_core::access::Actor;
use sweep_core::ids::{ForecastId, RunId, SweepId};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::{Stream, StreamExt as _};

use super::App;
use super::caller::Caller;
use super::problem::Problem;
use super::route::Route;
use crate::changes::{Change, Kind};
use crate::context::Context;
use crate::hub::{Event, Following};
use crate::{doors, read_model};

const MEDIA_TYPE: &str = "text/event-stream";
const LAST_EVENT_ID: &str = "last-event-id";
/// Runs that an event names; a client reads them all again where there are more.
const RUNS_NAMED_MAX: usize = 32;
/// The first event: from its number on everything is told.
const READY: &str = "ready";
/// Events were lost: everything is to be read again.
const RESYNC: &str = "resync";
/// How often it is asked whether a reader may still be told.
const DOOR_INTERVAL: Duration = Duration::from_secs(5);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/events", "streamEvents", "What changes, as it changes", all)
            .gives_other(MEDIA_TYPE),
        Route::get(
            "/sweeps/{sweep}/events",
            "streamSweepEvents",
            "What changes of one sweep, as it changes",
            of_sweep,
        )
        .gives_other(MEDIA_TYPE),
    ]
}

/// The data of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Told<'a> {
    /// Name of the sweep; none of the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    sweep: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sweep_id: Option<SweepId>,
    /// Of `run` and `metrics`: those that changed, the first 32 of them.
    #[serde(skip_serializing_if = "<[RunId]>::is_empty")]
    runs: &'a [RunId],
    /// Of all that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs_n: Option<usize>,
    /// Of `forecast`.
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<ForecastId>,
}

type Events = Sse<axum::response::sse::KeepAliveStream<EventStream>>;
type EventStream = std::pin::Pin<Box<dyn Stream<Item = Result<SseEvent, Infallible>> + Send>>;

async fn all(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Events, Problem> {
    let last = last_event_id(&headers)?;
    Ok(follow(&app, caller, None, last))
}

async fn of_sweep(
    State(app): State<App>,
    caller: Caller,
    Path(sweep): Path<String>,
    headers: HeaderMap,
) -> Result<Events, Problem> {
    let last = last_event_id(&headers)?;
    let sweep = read_model::find(&app.context, caller.actor(), &sweep).await?;
    Ok(follow(&app, caller, Some(sweep.id), last))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.map(Some).ok_or_else(|| {
        Problem::bad_request("`Last-Event-ID` is no number of an event").with_field(LAST_EVENT_ID)
    })
}

fn follow(app: &App, caller: Caller, sweep: Option<SweepId>, last: Option<u64>) -> Events {
    let Following { newest, missed, rest } = app.hub.follow(last);
    let mut first = match missed {
        Some(missed) => {
            missed.iter().filter_map(|event| written(event, caller.actor(), sweep)).collect()
        }
        None => vec![sign(RESYNC, Some(newest))],
    };
    if last.is_none() {
        first.push(sign(READY, Some(newest)));
    }
    let reader = caller.clone();
    let rest = BroadcastStream::new(rest).filter_map(move |received| match received {
        Ok(event) => written(&event, reader.actor(), sweep),
        // Its number is that of the next event.
        Err(BroadcastStreamRecvError::Lagged(_)) => Some(sign(RESYNC, None)),
    });
    let stream = tokio_stream::iter(first).chain(rest).map(Ok);
    let stream: EventStream =
        Box::pin(Until { stream, end: Box::pin(end(app.context.clone(), caller)) });
    let alive = Duration::from_millis(app.context.timing.events_alive_ms);
    Sse::new(stream).keep_alive(KeepAlive::new().interval(alive).text("alive"))
}

/// Resolves when the reader is not to be told any more: the coordinator stops, or their token is not accepted
/// any more.
async fn end(context: Context, caller: Caller) {
    let mut closing = context.closing();
    loop {
        let is_told = closing.wait_for(|is_closing| *is_closing);
        if tokio::time::timeout(DOOR_INTERVAL, is_told).await.is_ok() {
            return;
        }
        if let Err(error) = doors::must_still_be_in(&context, caller.actor()).await {
            tracing::debug!(%error, "events are not told any more");
            return;
        }
    }
}

/// A stream that stops when something else has happened.
struct Until<S, F> {
    stream: S,
    end: F,
}

impl<S: Stream + Unpin, F: Future<Output = ()> + Unpin> Stream for Until<S, F> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<S::Item>> {
        if Pin::new(&mut self.end).poll(task).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.stream).poll_next(task)
    }
}

fn sign(name: &str, id: Option<u64>) -> SseEvent {
    let event = SseEvent::default().event(name).data("{}");
    match id {
        Some(id) => event.id(id.to_string()),
        None => event,
    }
}

/// An event as it is sent; none where it is of another sweep, or of one that does not exist for the reader.
fn written(event: &Arc<Event>, actor: &Actor, asked: Option<SweepId>) -> Option<SseEvent> {
    let Change { kind, sweep, project, runs, forecast } = &event.change;
    let id = sweep.as_ref().map(|(id, _)| *id);
    let is_hidden = project.as_ref().is_some_and(|project| !actor.sees(project));
    if is_hidden || (asked.is_some() && asked != id) {
        return None;
    }
    let told = Told {
        sweep: sweep.as_ref().map(|(_, name)| name.as_str()),
        sweep_id: id,
        runs: &runs[..runs.len().min(RUNS_NAMED_MAX)],
        runs_n: matches!(kind, Kind::Run | Kind::Metrics).then_some(runs.len()),
        forecast: *forecast,
    };
    let data = serde_json::to_string(&told).ok()?;
    Some(SseEvent::default().id(event.id.to_string()).event(kind.as_str()).data(data))
}
