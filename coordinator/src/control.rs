//! What people ask of a sweep: found by name, judged, done, told.

use sweep_core::access::Actor;
use sweep_core::control::{self, Control, Controlled, Refusal, Standing, Step, Stepped, Subject};
use sweep_core::ids::RunId;
use sweep_core::plan::RunSpec;
use sweep_core::sweep::{RunRecord, SweepRecord};
use sweep_core::units::AcceleratorTime;
use sweep_store::Order;

use crate::context::Context;
use crate::{Error, read_model, reference};

/// A question as it comes.
pub(crate) struct Asked {
    pub(crate) control: Control,
    /// Name or id; empty for the newest.
    pub(crate) sweep: String,
    /// As [`reference::find_run`] knows it; empty for the whole sweep.
    pub(crate) run: String,
    /// What they call themselves, where nobody signs in.
    pub(crate) actor: String,
    pub(crate) reason: String,
    pub(crate) to: Option<AcceleratorTime>,
    pub(crate) dry_run: bool,
}

/// Does what is asked, or only says what would become of it.
pub(crate) async fn control(
    context: &Context,
    actor: &Actor,
    asked: Asked,
) -> Result<Controlled, Error> {
    actor.must(asked.control.into())?;
    let sweep = read_model::find(context, actor, &asked.sweep).await?;
    let runs = context.store.runs(sweep.id).await?;
    let run = match &*asked.run {
        "" => None,
        named => Some(reference::find_run(&runs, named)?.spec.id),
    };
    let control = asked.control;
    let foreseen = foresee(control, &sweep, &runs, run)?;
    if control == Control::Retry {
        must_pay(&sweep, &foreseen)?;
    }
    let mut controlled = Controlled {
        sweep_name: sweep.name.clone(),
        control,
        event: None,
        runs: foreseen,
        balance: sweep.balance,
        dry_run: asked.dry_run,
    };
    if asked.dry_run {
        return Ok(controlled);
    }
    let order = Order {
        sweep: sweep.id,
        run,
        control,
        actor: actor.called(asked.actor),
        reason: asked.reason,
        to: asked.to,
        at: context.now(),
    };
    let obeyed = context.store.control(&order).await?;
    tracing::info!(sweep = sweep.name, %control, actor = order.actor, reason = order.reason, "asked");
    context.changed();
    controlled.event = obeyed.event;
    controlled.runs = obeyed.steps.iter().map(|(spec, step)| stepped(spec, *step)).collect();
    sort(&mut controlled.runs, &runs);
    controlled.balance = context.store.balance(sweep.id).await?;
    Ok(controlled)
}

/// What would become of the runs that are meant.
fn foresee(
    control: Control,
    sweep: &SweepRecord,
    runs: &[RunRecord],
    named: Option<RunId>,
) -> Result<Vec<Stepped>, Refusal> {
    let standing = Standing {
        phase: sweep.phase,
        is_paused: sweep.paused_at.is_some(),
        is_cancelled: sweep.cancelled_at.is_some(),
    };
    control::judge(control, standing)?;
    let meant = runs.iter().filter(|run| named.is_none_or(|named| run.spec.id == named));
    let step = |run: &RunRecord| {
        let subject = Subject::new(run.state, run.stop, run.failure.as_ref(), named.is_some());
        control::step(control, subject).map(|step| stepped(&run.spec, step))
    };
    Ok(meant.filter_map(step).collect())
}

fn stepped(spec: &RunSpec, step: Step) -> Stepped {
    Stepped { run: spec.id, label: spec.label(), cost: spec.cost(), step }
}

/// In the order of the plan: those of the database are in that of their ids.
fn sort(stepped: &mut [Stepped], runs: &[RunRecord]) {
    let place = |stepped: &Stepped| runs.iter().position(|run| run.spec.id == stepped.run);
    stepped.sort_by_cached_key(place);
}

/// A new attempt that could not be started is refused here, rather than left waiting for ever. What
/// runs in progress may give back counts.
fn must_pay(sweep: &SweepRecord, runs: &[Stepped]) -> Result<(), Error> {
    let left = sweep.balance.granted.saturating_sub(sweep.balance.spent);
    match runs.iter().map(|run| run.cost).min() {
        Some(cost) if cost > left => {
            Err(Error::TooDear { sweep: sweep.name.clone(), cost, free: sweep.balance.free() })
        }
        _ => Ok(()),
    }
}
