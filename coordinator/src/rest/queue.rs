//! What waits in all sweeps, and the projects that share the workers.

use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use sweep_core::access::Action;
use sweep_core::project::{ProjectUse, QueueView};
use sweep_core::units::AcceleratorTime;

use super::answer::Answer;
use super::body::Json;
use super::caller::Caller;
use super::problem::Problem;
use super::route::Route;
use crate::context::Context;
use crate::queue::{self, Change};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/queue", "getQueue", "What waits in all sweeps, and why", view)
            .gives::<QueueView>(),
        Route::get("/projects", "listProjects", "All projects with what they use", projects)
            .gives::<Projects>(),
        Route::patch(
            "/projects/{project}",
            "setProject",
            "Set what a project may have",
            Action::SetProject,
            set,
        )
        .takes::<ProjectBody>()
        .gives::<Projects>(),
    ]
}

/// All projects.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct Projects {
    items: Vec<ProjectUse>,
}

/// What is to be changed of a project; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct ProjectBody {
    /// Its share beside those of others.
    weight: Option<f64>,
    /// What all its sweeps together may use, e.g. `500h`; null for no limit.
    #[serde(deserialize_with = "given")]
    hours: Option<Option<AcceleratorTime>>,
    /// Runs that may be in progress at a time; null for no limit.
    #[serde(deserialize_with = "given")]
    running_max: Option<Option<u32>>,
    /// Who sets it.
    actor: Option<String>,
    /// Why, in their words.
    reason: String,
}

/// Tells null from absent.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

async fn view(
    State(context): State<Context>,
    caller: Caller,
) -> Result<Answer<QueueView>, Problem> {
    Ok(Answer(queue::view(&context, caller.actor()).await?))
}

async fn projects(
    State(context): State<Context>,
    caller: Caller,
) -> Result<Answer<Projects>, Problem> {
    Ok(Answer(Projects { items: queue::projects(&context, caller.actor()).await? }))
}

async fn set(
    State(context): State<Context>,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<ProjectBody>,
) -> Result<Answer<Projects>, Problem> {
    let ProjectBody { weight, hours, running_max, actor, reason } = body;
    let actor = caller.called(actor);
    let change = Change { name, weight, granted: hours, running_max, actor, reason };
    Ok(Answer(Projects { items: queue::set_project(&context, caller.actor(), change).await? }))
}
