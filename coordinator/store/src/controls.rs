//! What people ask of a sweep, and the journal of it. One transaction decides by the tables of
//! [`sweep_core::control`], changes sweep, runs and ledger, and notes who asked.

use sea_orm::prelude::Uuid;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    PaginatorTrait as _, QueryFilter, QueryOrder, QuerySelect,
};
use sweep_core::clock::Timestamp;
use sweep_core::control::{
    self, Control, ControlEvent, Raised, Refusal, Standing, Step, Stop, Subject,
};
use sweep_core::ids::{PlanId, RunId, SweepId};
use sweep_core::plan::RunSpec;
use sweep_core::run::RunEvent;
use sweep_core::sweep::SweepPhase;
use sweep_core::units::AcceleratorTime;

use crate::column::{from_at, from_json, from_ms, from_n, from_name, to_at, to_ms};
use crate::entity::{control_event, run, sweep};
use crate::error::{Error, not_found};
use crate::tx::writing;
use crate::{Store, ledger, plans, runs};

/// Something to be done with a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub sweep: SweepId,
    /// None for the whole sweep.
    pub run: Option<RunId>,
    pub control: Control,
    pub actor: String,
    pub reason: String,
    /// The new total of a budget that is raised.
    pub to: Option<AcceleratorTime>,
    pub at: Timestamp,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Obeyed {
    /// None where it was so already.
    pub event: Option<ControlEvent>,
    /// Runs that something became of.
    pub steps: Vec<(RunSpec, Step)>,
}

impl Store {
    /// Does what is asked of a sweep and notes it. Asking again for what is so already changes and
    /// notes nothing.
    ///
    /// # Errors
    /// [`Error::Refused`] when the sweep cannot be asked that, [`Error::NotFound`] when there is no
    /// such sweep or run.
    pub async fn control(&self, order: &Order) -> Result<Obeyed, Error> {
        writing!(self, |tx| {
            // Locked, so that what is asked of one sweep happens one after the other.
            let found = sweep::Entity::find_by_id(order.sweep.0).lock_exclusive().one(tx).await?;
            let row = found.ok_or_else(|| not_found(format_args!("sweep {}", order.sweep)))?;
            control::judge(order.control, standing(&row)?)?;
            let raised = raise(tx, order).await?;
            let steps = step_runs(tx, order).await?;
            let is_marked = mark(tx, row, order, raised.is_some() || !steps.is_empty()).await?;
            let is_new = is_marked || raised.is_some() || !steps.is_empty();
            let event = if is_new { Some(note(tx, order, raised).await?) } else { None };
            Ok(Obeyed { event, steps })
        })
    }

    /// What a sweep was asked, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn control_events(&self, sweep: SweepId) -> Result<Vec<ControlEvent>, Error> {
        let rows = events_of(sweep.0).all(&self.db).await?;
        rows.into_iter().map(event).collect()
    }

    /// Ends a sweep, unless somebody has asked something of it since `asked_n` events were seen, or it has
    /// another plan than `plan`: either may have given it more to do. True when it is done.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such sweep.
    pub async fn set_done(
        &self,
        sweep: SweepId,
        asked_n: usize,
        plan: Option<PlanId>,
    ) -> Result<bool, Error> {
        writing!(self, |tx| {
            let found = sweep::Entity::find_by_id(sweep.0).lock_exclusive().one(tx).await?;
            let row = found.ok_or_else(|| not_found(format_args!("sweep {sweep}")))?;
            let newest = plans::newest(tx, sweep).await?.map(|row| PlanId(row.id));
            if events_of(sweep.0).count(tx).await? != asked_n as u64 || newest != plan {
                return Ok(false);
            }
            let mut changes = row.into_active_model();
            changes.phase = Set(SweepPhase::Done.as_str().to_owned());
            changes.update(tx).await?;
            Ok(true)
        })
    }

    /// Brings the runs of a paused or cancelled sweep to where that wants them: a run that was claimed
    /// in the very moment, or planned afterwards, is told as well. The number of runs that something
    /// became of.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn enforce(&self, sweep: SweepId, control: Control) -> Result<usize, Error> {
        let order = Order {
            sweep,
            run: None,
            control,
            actor: String::new(),
            reason: String::new(),
            to: None,
            at: Timestamp(0),
        };
        writing!(self, |tx| { Ok(step_runs(tx, &order).await?.len()) })
    }
}

fn standing(row: &sweep::Model) -> Result<Standing, Error> {
    Ok(Standing {
        phase: from_name("phase", row.phase.clone())?,
        is_paused: row.paused_at.is_some(),
        is_cancelled: row.cancelled_at.is_some(),
    })
}

/// Raises the budget, where that is asked for and it is not so high already.
async fn raise(tx: &impl ConnectionTrait, order: &Order) -> Result<Option<Raised>, Error> {
    let Some(to) = order.to.filter(|_| order.control == Control::Raise) else { return Ok(None) };
    let granted = from_ms(ledger::granted_ms(tx, order.sweep.0).await?)?;
    if to < granted {
        return Err(Refusal::Shrinks { granted, asked: to }.into());
    }
    let added = to.saturating_sub(granted);
    if added == AcceleratorTime::ZERO {
        return Ok(None);
    }
    ledger::grant(tx, order.sweep.0, added, order.at).await?;
    Ok(Some(Raised { from: granted, to }))
}

/// Lets each run that is meant take its step.
async fn step_runs(
    tx: &impl ConnectionTrait,
    order: &Order,
) -> Result<Vec<(RunSpec, Step)>, Error> {
    if order.control == Control::Raise {
        return Ok(Vec::new());
    }
    let mut query = run::Entity::find().filter(run::Column::SweepId.eq(order.sweep.0));
    if let Some(named) = order.run {
        query = query.filter(run::Column::Id.eq(named.0));
    }
    // In one order, so that no two of us wait for each other.
    let rows = query.order_by_asc(run::Column::Id).lock_exclusive().all(tx).await?;
    if let Some(named) = order.run
        && rows.is_empty()
    {
        return Err(not_found(format_args!("run {named} in sweep {}", order.sweep)));
    }
    let mut steps = Vec::new();
    for mut row in rows {
        let failure = row.failure.clone().map(|json| from_json("failure", json)).transpose()?;
        let (state, stop) = (runs::state(&row)?, runs::stop(&row)?);
        let subject = Subject::new(state, stop, failure.as_ref(), order.run.is_some());
        let Some(step) = control::step(order.control, subject) else { continue };
        match step {
            Step::Event(event) => {
                runs::advance(&mut row, event)?;
                if event == RunEvent::Retry {
                    // Its worker has removed the checkpoints of a run that had ended.
                    (row.failure, row.checkpoint) = (None, None);
                    row.forgiven_n = row.attempts_n;
                }
            }
            Step::Ask(stop) => row.stop = Some(Stop::as_str(stop).to_owned()),
            Step::GoOn => row.stop = None,
        }
        steps.push((from_json("run", row.spec.clone())?, step));
        runs::save(tx, row).await?;
    }
    Ok(steps)
}

/// Marks the sweep itself; true when that changed it.
async fn mark(
    tx: &impl ConnectionTrait,
    row: sweep::Model,
    order: &Order,
    has_work: bool,
) -> Result<bool, Error> {
    let before = row.clone();
    let mut after = row;
    let now = Some(to_at(order.at)?);
    let phase: SweepPhase = from_name("phase", before.phase.clone())?;
    match order.control {
        Control::Pause => after.paused_at = before.paused_at.or(now),
        Control::Resume => after.paused_at = None,
        Control::Cancel if order.run.is_none() && phase != SweepPhase::Done => {
            after.cancelled_at = before.cancelled_at.or(now);
        }
        Control::Retry if has_work => after.cancelled_at = None,
        Control::Cancel | Control::Retry | Control::Raise => {}
    }
    let wakes = matches!(order.control, Control::Retry | Control::Raise) && has_work;
    if wakes && phase == SweepPhase::Done {
        // Whether there is anything to do is for the scheduler to find.
        SweepPhase::Running.as_str().clone_into(&mut after.phase);
    }
    if after == before {
        return Ok(false);
    }
    let mut changes = before.into_active_model();
    changes.phase = Set(after.phase);
    changes.paused_at = Set(after.paused_at);
    changes.cancelled_at = Set(after.cancelled_at);
    changes.update(tx).await?;
    Ok(true)
}

async fn note(
    tx: &impl ConnectionTrait,
    order: &Order,
    raised: Option<Raised>,
) -> Result<ControlEvent, Error> {
    let last = events_of(order.sweep.0).all(tx).await?.last().map_or(0, |row| row.number);
    let ms = |time: fn(Raised) -> AcceleratorTime| raised.map(time).map(to_ms).transpose();
    let row = control_event::ActiveModel {
        sweep_id: Set(order.sweep.0),
        number: Set(last + 1),
        happened_at: Set(to_at(order.at)?),
        control: Set(order.control.as_str().to_owned()),
        actor: Set(order.actor.clone()),
        reason: Set(order.reason.clone()),
        run_id: Set(order.run.map(|run| run.0)),
        from_ms: Set(ms(|raised| raised.from)?),
        to_ms: Set(ms(|raised| raised.to)?),
    };
    event(row.insert(tx).await?)
}

fn events_of(sweep: Uuid) -> sea_orm::Select<control_event::Entity> {
    control_event::Entity::find()
        .filter(control_event::Column::SweepId.eq(sweep))
        .order_by_asc(control_event::Column::Number)
}

fn event(row: control_event::Model) -> Result<ControlEvent, Error> {
    let raised = match (row.from_ms, row.to_ms) {
        (Some(from), Some(to)) => Some(Raised { from: from_ms(from)?, to: from_ms(to)? }),
        _ => None,
    };
    Ok(ControlEvent {
        number: from_n("event", row.number)?,
        at: from_at(row.happened_at),
        control: from_name("control", row.control)?,
        actor: row.actor,
        reason: row.reason,
        run: row.run_id.map(RunId),
        raised,
    })
}
