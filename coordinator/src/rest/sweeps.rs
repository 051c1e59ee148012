//! Sweeps: what there are, how one stands, submitting and trying one.

use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;
use sweep_core::access::Action;
use sweep_core::code::ErrorCode;
use sweep_core::ids::SweepId;
use sweep_core::import::Import;
use sweep_core::sweep::{Preview, SweepPhase, SweepRecord, SweepStatus};

use super::answer::Answer;
use super::body::Budget;
use super::caller::Caller;
use super::idempotency::{self, Seen};
use super::page::{CURSOR, LIMIT, Page, page};
use super::problem::Problem;
use super::query::Query;
use super::route::{Parameter, Route};
use super::{App, BASE};
use crate::context::Context;
use crate::submit::{self, Submitted};
use crate::{budget, corpora, preview, read_model};

const PHASES: [(&str, SweepPhase); 3] = [
    ("calibrating", SweepPhase::Calibrating),
    ("running", SweepPhase::Running),
    ("done", SweepPhase::Done),
];

const LISTING: &[Parameter] = &[
    Parameter::one_of("phase", &["calibrating", "running", "done"], "Only those in this phase."),
    Parameter::text("project", "Only those of this project."),
    LIMIT,
    CURSOR,
];

/// Header by which a repeated submission is known.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/sweeps", "listSweeps", "All sweeps, newest first", list)
            .parameters(LISTING)
            .gives::<Page<SweepRecord>>(),
        Route::post("/sweeps", "submitSweep", "Submit a budget.yaml", Action::Submit, submit)
            .takes_budget()
            .gives_as::<SubmittedSweep>(StatusCode::CREATED)
            .gives::<SubmittedSweep>(),
        Route::post(
            "/preview",
            "previewSweep",
            "Plan a budget.yaml without submitting it",
            Action::Submit,
            plan,
        )
        .takes_budget()
        .gives::<Preview>(),
        Route::get("/sweeps/{sweep}", "getSweep", "How a sweep stands, with all its runs", status)
            .gives::<SweepStatus>(),
        Route::get(
            "/sweeps/{sweep}/imports",
            "listImports",
            "Runs of other tools that its forecast sees, oldest first",
            imports,
        )
        .parameters(&[LIMIT, CURSOR])
        .gives::<Page<Import>>(),
    ]
}

/// A sweep that was submitted now or before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct SubmittedSweep {
    id: SweepId,
    name: String,
    /// False where a sweep of this name with the same text was there already.
    created: bool,
}

async fn list(
    State(context): State<Context>,
    caller: Caller,
    query: Query,
) -> Result<Answer<Page<SweepRecord>>, Problem> {
    let phase = query.one_of("phase", &PHASES)?;
    let project = query.text("project");
    let mut all = read_model::sweeps(&context, caller.actor()).await?;
    all.retain(|sweep| {
        phase.is_none_or(|phase| sweep.phase == phase)
            && project.is_none_or(|project| sweep.project == project)
    });
    Ok(Answer(page(all, &query, |sweep| sweep.id.to_string())?))
}

async fn status(
    State(context): State<Context>,
    caller: Caller,
    Path(sweep): Path<String>,
) -> Result<Answer<SweepStatus>, Problem> {
    Ok(Answer(read_model::status(&context, caller.actor(), &sweep).await?))
}

async fn imports(
    State(context): State<Context>,
    caller: Caller,
    Path(sweep): Path<String>,
    query: Query,
) -> Result<Answer<Page<Import>>, Problem> {
    let sweep = read_model::find(&context, caller.actor(), &sweep).await?;
    let all = context.store.imports(sweep.id).await?;
    Ok(Answer(page(all, &query, |import| import.id.to_string())?))
}

async fn plan(
    State(context): State<Context>,
    caller: Caller,
    Budget(text): Budget,
) -> Result<Answer<Preview>, Problem> {
    context.limiter.limits.must_fit(&text)?;
    let spec = budget::read(&text).map_err(crate::Error::from)?;
    caller.actor().must_see(&spec.project).map_err(crate::Error::from)?;
    let corpus = corpora::prepare(&context, &spec).await?;
    Ok(Answer(preview::look(&context, &spec, &corpus).await?.preview))
}

async fn submit(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Budget(text): Budget,
) -> Result<Response, Problem> {
    let key = key(&headers)?;
    if let Some(key) = &key {
        match app.keys().seen(key, &text) {
            Seen::Never => {}
            Seen::Same(answer) => return Ok(submitted(answer)),
            Seen::Other => {
                let detail = "another budget.yaml was submitted with this Idempotency-Key";
                return Err(Problem::new(ErrorCode::BadRequest, detail)
                    .with_status(StatusCode::UNPROCESSABLE_ENTITY)
                    .with_field(IDEMPOTENCY_KEY)
                    .with_hint("give every request a key of its own, such as a new UUID"));
            }
        }
    }
    let Submitted { record, created } = submit::submit(&app.context, caller.actor(), &text).await?;
    let answer = SubmittedSweep { id: record.id, name: record.name, created };
    if let Some(key) = key {
        app.keys().remember(&key, &text, answer.clone());
    }
    Ok(submitted(answer))
}

fn submitted(answer: SubmittedSweep) -> Response {
    let place = format!("{BASE}/sweeps/{}", answer.id);
    let status = if answer.created { StatusCode::CREATED } else { StatusCode::OK };
    (status, [(LOCATION, place)], Answer(answer)).into_response()
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| idempotency::is_key(key));
    key.map(|key| Some(key.to_owned())).ok_or_else(|| {
        Problem::bad_request("an Idempotency-Key has 1 to 255 ASCII letters")
            .with_field(IDEMPOTENCY_KEY)
    })
}
