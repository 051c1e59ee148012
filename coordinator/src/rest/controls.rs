//! What people ask of a sweep or of one run.

use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::Deserialize;
use sweep_core::control::{Control, Controlled};
use sweep_core::units::AcceleratorTime;

use super::answer::Answer;
use super::body::Json;
use super::caller::Caller;
use super::problem::Problem;
use super::route::Route;
use crate::context::Context;
use crate::control::{self, Asked};

pub(super) fn routes() -> Vec<Route> {
    Control::ALL.into_iter().map(route).collect()
}

fn route(control: Control) -> Route {
    let summary = match control {
        Control::Pause => "Stop runs at a checkpoint and start none",
        Control::Resume => "Go on with a sweep that was paused",
        Control::Cancel => "End a sweep or one of its runs",
        Control::Retry => "Give failed runs a new attempt",
        Control::Raise => "Give a sweep more budget",
    };
    let ask =
        move |context: State<Context>,
              caller: Caller,
              sweep: Path<String>,
              body: Json<ControlBody>| { asked(control, context, caller, sweep, body) };
    Route::post(
        &format!("/sweeps/{{sweep}}/{control}"),
        &format!("{control}Sweep"),
        summary,
        control.into(),
        ask,
    )
    .takes::<ControlBody>()
    .gives::<Controlled>()
}

/// What goes with a question. Everything may be absent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct ControlBody {
    /// Id of a run, its beginning, or `arm/size/class/seed`; by default the whole sweep is meant.
    run: String,
    /// Who asks.
    actor: Option<String>,
    /// Why, in their words.
    reason: String,
    /// Of `raise`: the new total, e.g. `40h`.
    to: Option<AcceleratorTime>,
    /// Say what would become of it, and change nothing.
    dry_run: bool,
}

async fn asked(
    control: Control,
    State(context): State<Context>,
    caller: Caller,
    Path(sweep): Path<String>,
    Json(body): Json<ControlBody>,
) -> Result<Answer<Controlled>, Problem> {
    let ControlBody { run, actor, reason, to, dry_run } = body;
    if (control == Control::Raise) != to.is_some() {
        let detail = match control {
            Control::Raise => "`to` is missing: the new total, e.g. `40h`".to_owned(),
            _ => format!("`to` goes with raise, and this is {control}"),
        };
        return Err(Problem::bad_request(detail).with_field("to"));
    }
    let actor = caller.called(actor);
    let asked = Asked { control, sweep, run, actor, reason, to, dry_run };
    Ok(Answer(control::control(&context, caller.actor(), asked).await?))
}
