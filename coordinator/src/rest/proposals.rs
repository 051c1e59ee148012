//! Runs that are proposed for a sweep, what is decided of them, and how past forecasts did.

use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::Deserialize;
use sweep_core::access::Action;
use sweep_core::proposal::{Decided, ProposalsView};
use sweep_core::scoreboard::Scoreboard;

use super::answer::Answer;
use super::body::Json;
use super::caller::Caller;
use super::problem::Problem;
use super::route::Route;
use crate::context::Context;
use crate::proposals::{self, Wanted};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get(
            "/sweeps/{sweep}/proposals",
            "listProposals",
            "Runs that were proposed, what was decided, and how each stands; oldest first",
            list,
        )
        .gives::<ProposalsView>(),
        Route::post(
            "/sweeps/{sweep}/proposals/decide",
            "decideProposal",
            "Approve or reject the runs that are proposed",
            Action::Steer,
            decide,
        )
        .takes::<DecisionBody>()
        .gives::<Decided>(),
        Route::get(
            "/sweeps/{sweep}/scoreboard",
            "getScoreboard",
            "Past forecasts beside what larger runs then showed",
            scoreboard,
        )
        .gives::<Scoreboard>(),
    ]
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    /// False to reject the proposal.
    approve: bool,
    /// Number of the proposal; by default the newest that is open.
    #[serde(default)]
    number: Option<u32>,
    /// Parts of it, counted from 1; by default all of them.
    #[serde(default)]
    only: Vec<u32>,
    /// Who decides.
    #[serde(default)]
    actor: Option<String>,
    /// Why, in their words.
    #[serde(default)]
    reason: String,
    /// Say what would become of it, and change nothing.
    #[serde(default)]
    dry_run: bool,
}

async fn list(
    State(context): State<Context>,
    caller: Caller,
    Path(sweep): Path<String>,
) -> Result<Answer<ProposalsView>, Problem> {
    Ok(Answer(proposals::view(&context, caller.actor(), &sweep).await?))
}

async fn decide(
    State(context): State<Context>,
    caller: Caller,
    Path(sweep): Path<String>,
    Json(body): Json<DecisionBody>,
) -> Result<Answer<Decided>, Problem> {
    let DecisionBody { approve, number, only, actor, reason, dry_run } = body;
    let actor = caller.called(actor);
    let wanted = Wanted { sweep, number, approve, only, actor, reason, dry_run };
    Ok(Answer(proposals::decide(&context, caller.actor(), wanted).await?))
}

async fn scoreboard(
    State(context): State<Context>,
    caller: Caller,
    Path(sweep): Path<String>,
) -> Result<Answer<Scoreboard>, Problem> {
    Ok(Answer(proposals::scoreboard(&context, caller.actor(), &sweep).await?))
}
