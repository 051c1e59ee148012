//! Proposals as people see and decide them, and the policy that decides without them.

use sweep_core::access::Actor;
use sweep_core::proposal::{
    AutoApprove, Decided, Decider, Proposal, ProposalRecord, ProposalsView, ProposedRuns, Standing,
    approved_by_policy,
};
use sweep_core::scoreboard::Scoreboard;
use sweep_core::spec::{self, SweepSpec};
use sweep_core::sweep::{RunRecord, SweepRecord};
use sweep_core::units::AcceleratorTime;
use sweep_store::fault::{self, Point};
use sweep_store::{ProposalKey, Ruling};

use crate::context::Context;
use crate::proposer::{self, ProposalInput};
use crate::scheduler::{self, Candidate, Problem};
use crate::{Error, planner, read_model};

/// Who is noted where the policy has decided.
const POLICY: &str = "budget.yaml";

/// All proposals of a sweep.
pub(crate) async fn view(
    context: &Context,
    actor: &Actor,
    name: &str,
) -> Result<ProposalsView, Error> {
    let sweep = read_model::find(context, actor, name).await?;
    let spec = spec::parse(&sweep.yaml)?;
    let proposals = context.store.proposals(sweep.id).await?;
    let auto_approve = auto_approve(&spec, &proposals);
    Ok(ProposalsView { sweep_name: sweep.name, proposals, auto_approve })
}

/// Past forecasts of a sweep beside what larger runs then showed.
pub(crate) async fn scoreboard(
    context: &Context,
    actor: &Actor,
    name: &str,
) -> Result<Scoreboard, Error> {
    let sweep = read_model::find(context, actor, name).await?;
    let forecasts = context.store.forecasts(sweep.id).await?;
    let observations = context.store.observations(sweep.id).await?;
    let runs = context.store.runs(sweep.id).await?;
    let scored = tokio::task::spawn_blocking(move || {
        law_engine::scoreboard(&sweep.name, &forecasts, &observations, |arm, class| {
            let mut own = runs.iter().filter(|run| run.spec.arm == arm && run.spec.class == class);
            own.all(|run| run.state.is_final())
        })
    });
    Ok(scored.await?)
}

/// Something to be decided, as it comes.
pub(crate) struct Wanted {
    /// Name or id; empty for the newest.
    pub(crate) sweep: String,
    /// None for the newest proposal that is open.
    pub(crate) number: Option<u32>,
    pub(crate) approve: bool,
    /// Places of runs, counted from 1; empty for all of them.
    pub(crate) only: Vec<u32>,
    pub(crate) actor: String,
    pub(crate) reason: String,
    pub(crate) dry_run: bool,
}

/// Approves or rejects, or only says what would become of it.
pub(crate) async fn decide(
    context: &Context,
    actor: &Actor,
    wanted: Wanted,
) -> Result<Decided, Error> {
    let sweep = read_model::find(context, actor, &wanted.sweep).await?;
    let all = context.store.proposals(sweep.id).await?;
    let record = find(&sweep, all, wanted.number)?;
    let chosen = if wanted.approve { chosen(&record.proposal, &wanted.only)? } else { Vec::new() };
    let order = Order {
        sweep: &sweep,
        record,
        approved: wanted.approve.then_some(chosen),
        decider: Decider::Person,
        actor: actor.called(wanted.actor),
        reason: wanted.reason,
    };
    carry_out(context, order, wanted.dry_run).await
}

fn find(
    sweep: &SweepRecord,
    all: Vec<ProposalRecord>,
    number: Option<u32>,
) -> Result<ProposalRecord, Error> {
    let is_meant = |record: &ProposalRecord| match number {
        Some(number) => record.proposal.number == number,
        None => record.standing == Standing::Open,
    };
    let n = all.len();
    all.into_iter().rfind(is_meant).ok_or_else(|| {
        let name = &sweep.name;
        let what = match number {
            Some(number) => format!("the sweep `{name}` has no proposal #{number}: there are {n}"),
            None => format!("the sweep `{name}` has no proposal that is open"),
        };
        Error::NotFound { what }
    })
}

/// The places of the runs that are meant, in order.
fn chosen(proposal: &Proposal, only: &[u32]) -> Result<Vec<u32>, Error> {
    let runs_n = proposal.runs.len() as u32;
    if let Some(place) = only.iter().find(|place| !(1..=runs_n).contains(*place)) {
        let number = proposal.number;
        return Err(Error::NoSuchPart { number, place: *place, runs_n });
    }
    let is_meant = |place: &u32| only.is_empty() || only.contains(place);
    Ok((1..=runs_n).filter(is_meant).collect())
}

/// A decision of a person or of the policy.
struct Order<'a> {
    sweep: &'a SweepRecord,
    record: ProposalRecord,
    /// Places of the runs; none to reject.
    approved: Option<Vec<u32>>,
    decider: Decider,
    actor: String,
    reason: String,
}

async fn carry_out(context: &Context, order: Order<'_>, dry_run: bool) -> Result<Decided, Error> {
    let Order { sweep, record, approved, decider, actor, reason } = order;
    let proposal = &record.proposal;
    let number = proposal.number;
    if record.standing != Standing::Open {
        return Err(Error::Undecidable { number, standing: record.standing });
    }
    let sweep_name = sweep.name.clone();
    let runs = context.store.runs(sweep.id).await?;
    let cost = approved.as_ref().map_or(AcceleratorTime::ZERO, |chosen| cost(proposal, chosen));
    let left = proposer::left_by(sweep.balance, &runs);
    if cost > left {
        return Err(Error::ProposalTooDear { sweep: sweep_name, number, cost, left });
    }
    let (mut runs_n, mut plan) = (0, None);
    if let (Some(chosen), Some(parent)) = (approved, context.store.plan(sweep.id).await?) {
        let further = proposer::further(proposal, &chosen);
        let child = planner::extend(&parent, sweep.balance.granted, &further)?;
        runs_n = (child.runs.len() - parent.runs.len()) as u32;
        plan = Some((chosen, child));
    }
    if dry_run {
        return Ok(Decided { sweep_name, record, runs_n, dry_run });
    }
    let at = context.now();
    let ruling = Ruling { proposal: proposal.id, approved: plan, cost, decider, actor, reason, at };
    let record = context.store.decide(&ruling).await?;
    fault::pass(Point::ApproveCommitted);
    let standing = &record.standing;
    tracing::info!(sweep = sweep_name, number, %standing, actor = ruling.actor, "decided");
    context.changed();
    Ok(Decided { sweep_name, record, runs_n, dry_run: false })
}

fn cost(proposal: &Proposal, chosen: &[u32]) -> AcceleratorTime {
    let is_chosen = |(place, _): &(usize, &ProposedRuns)| chosen.contains(&(*place as u32 + 1));
    proposal.runs.iter().enumerate().filter(is_chosen).map(|(_, runs)| runs.cost()).sum()
}

fn auto_approve(spec: &SweepSpec, all: &[ProposalRecord]) -> Option<AutoApprove> {
    let cap = spec.propose.auto_approve?;
    let used = approved_by_policy(all.iter().filter_map(|record| record.decision.as_ref()));
    Some(AutoApprove { cap, used })
}

/// What is to be done next about the proposals of a sweep.
pub(crate) enum Next {
    /// The newest is of another forecast, plan or budget.
    Propose,
    /// The policy approves these runs of the open one.
    Approve { record: Box<ProposalRecord>, chosen: Vec<u32> },
}

/// None where nothing is. A sweep with something to be done is not done.
pub(crate) async fn next(context: &Context, sweep: &SweepRecord) -> Result<Option<Next>, Error> {
    let store = &context.store;
    if sweep.cancelled_at.is_some() {
        return Ok(None);
    }
    let Some(forecast) = store.latest_forecast_head(sweep.id).await? else { return Ok(None) };
    let Some(plan) = store.newest_plan(sweep.id).await? else { return Ok(None) };
    let key = ProposalKey { forecast: forecast.id, plan, granted: sweep.balance.granted };
    if store.newest_proposal(sweep.id).await? != Some(key) {
        return Ok(Some(Next::Propose));
    }
    let spec = spec::parse(&sweep.yaml)?;
    if spec.propose.auto_approve.is_none() || sweep.paused_at.is_some() {
        return Ok(None);
    }
    let all = store.proposals(sweep.id).await?;
    let runs = store.runs(sweep.id).await?;
    Ok(by_policy(&spec, sweep, &runs, all))
}

/// The policy waits until every run of the plan has ended: the proposal then knows all of them. Of one
/// that is dearer than what is left of the cap, it takes the first runs.
fn by_policy(
    spec: &SweepSpec,
    sweep: &SweepRecord,
    runs: &[RunRecord],
    all: Vec<ProposalRecord>,
) -> Option<Next> {
    let cap_left = auto_approve(spec, &all)?.left();
    let candidates =
        runs.iter().map(|run| Candidate { state: run.state, cost: run.spec.cost() }).collect();
    if !scheduler::solve(&Problem { balance: sweep.balance, candidates }).done {
        return None;
    }
    let record = all.into_iter().next_back()?;
    if record.standing != Standing::Open {
        return None;
    }
    let mut left = cap_left.min(proposer::left_by(sweep.balance, runs));
    let mut chosen = Vec::new();
    for (place, runs) in (1..).zip(&record.proposal.runs) {
        if runs.cost() > left {
            break;
        }
        left = left.saturating_sub(runs.cost());
        chosen.push(place);
    }
    let record = Box::new(record);
    (!chosen.is_empty()).then_some(Next::Approve { record, chosen })
}

/// Does it.
pub(crate) async fn take(context: &Context, sweep: &SweepRecord, next: Next) -> Result<(), Error> {
    match next {
        Next::Propose => propose(context, sweep).await,
        Next::Approve { record, chosen } => {
            let cap = spec::parse(&sweep.yaml)?.propose.auto_approve.unwrap_or_default();
            let order = Order {
                sweep,
                record: *record,
                approved: Some(chosen),
                decider: Decider::Policy,
                actor: POLICY.to_owned(),
                reason: format!("propose.autoApprove: {cap}"),
            };
            carry_out(context, order, false).await.map(drop)
        }
    }
}

async fn propose(context: &Context, sweep: &SweepRecord) -> Result<(), Error> {
    let store = &context.store;
    let spec = spec::parse(&sweep.yaml)?;
    let Some(plan) = store.plan(sweep.id).await? else { return Ok(()) };
    let Some(forecast) = store.latest_forecast(sweep.id).await? else { return Ok(()) };
    let runs = store.runs(sweep.id).await?;
    let observations = store.observations(sweep.id).await?;
    let (balance, at) = (sweep.balance, context.now());
    let proposed = tokio::task::spawn_blocking(move || {
        proposer::propose(&ProposalInput {
            spec: &spec,
            forecast: &forecast,
            observations: &observations,
            plan: &plan,
            runs: &runs,
            balance,
            at,
        })
    });
    store.put_proposal(&proposed.await?).await?;
    context.changed();
    Ok(())
}
