//! Runs that were proposed for a sweep, and what was decided of them. Both never change.

use std::collections::HashMap;

use sea_orm::prelude::Uuid;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};
use sweep_core::clock::Timestamp;
use sweep_core::control::Refusal;
use sweep_core::ids::{ForecastId, PlanId, ProposalId, SweepId};
use sweep_core::plan::Plan;
use sweep_core::proposal::{
    Decider, Decision, Proposal, ProposalRecord, Standing, Verdict, standings,
};
use sweep_core::sweep::SweepPhase;
use sweep_core::units::AcceleratorTime;

use crate::column::{from_json, from_ms, from_n, to_at, to_json, to_ms};
use crate::entity::{proposal, proposal_decision, sweep};
use crate::error::{Error, duplicate_is_lost_race, not_found};
use crate::fault::{self, Point};
use crate::tx::writing;
use crate::{Store, plans};

/// What a proposal was made of: another of these makes another proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProposalKey {
    pub forecast: ForecastId,
    pub plan: PlanId,
    pub granted: AcceleratorTime,
}

/// Something to be decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    pub proposal: ProposalId,
    /// Places of the runs that are approved, counted from 1, and the plan that has them; none to
    /// reject the proposal.
    pub approved: Option<(Vec<u32>, Plan)>,
    pub cost: AcceleratorTime,
    pub decider: Decider,
    pub actor: String,
    pub reason: String,
    pub at: Timestamp,
}

impl Store {
    /// Stores a proposal under the next number of its sweep. One of the same forecast, plan and budget as
    /// the newest is not stored again. The number that it has.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such sweep.
    pub async fn put_proposal(&self, new: &Proposal) -> Result<u32, Error> {
        writing!(self, |tx| {
            // Locked, so that proposals of one sweep are counted one after the other.
            let sweep = sweep::Entity::find_by_id(new.sweep.0).lock_exclusive().one(tx).await?;
            sweep.ok_or_else(|| not_found(format_args!("sweep {}", new.sweep)))?;
            let newest = of(new.sweep).order_by_desc(proposal::Column::Number).one(tx).await?;
            if let Some(row) = newest.as_ref().filter(|row| row.id == new.id.0) {
                return from_n("proposal", row.number);
            }
            let number = newest.map_or(1, |row| row.number + 1);
            let numbered = Proposal { number: from_n("proposal", number)?, ..new.clone() };
            let row = proposal::ActiveModel {
                id: Set(new.id.0),
                sweep_id: Set(new.sweep.0),
                number: Set(number),
                forecast_id: Set(new.forecast.0),
                plan_id: Set(new.plan.0),
                granted_ms: Set(to_ms(new.granted)?),
                made_at: Set(to_at(new.made_at)?),
                proposal: Set(to_json("proposal", &numbered)?),
            };
            row.insert(tx).await.map_err(duplicate_is_lost_race)?;
            Ok(numbered.number)
        })
    }

    /// What the newest proposal of a sweep was made of, without reading it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn newest_proposal(&self, sweep: SweepId) -> Result<Option<ProposalKey>, Error> {
        use proposal::Column::{ForecastId as OfForecast, GrantedMs, Number, PlanId as OfPlan};
        let row: Option<(Uuid, Uuid, i64)> = of(sweep)
            .order_by_desc(Number)
            .select_only()
            .columns([OfForecast, OfPlan, GrantedMs])
            .into_tuple()
            .one(&self.db)
            .await?;
        let key = |(forecast, plan, granted_ms)| {
            let (forecast, plan) = (ForecastId(forecast), PlanId(plan));
            Ok(ProposalKey { forecast, plan, granted: from_ms(granted_ms)? })
        };
        row.map(key).transpose()
    }

    /// All proposals of a sweep with what was decided and how they stand, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn proposals(&self, sweep: SweepId) -> Result<Vec<ProposalRecord>, Error> {
        let Some(plan) = plans::newest(&self.db, sweep).await? else { return Ok(Vec::new()) };
        records(&self.db, sweep, of(sweep), PlanId(plan.id)).await
    }

    /// The newest proposal of a sweep, where it can be decided.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open_proposal(&self, sweep: SweepId) -> Result<Option<Proposal>, Error> {
        let newest = current(&self.db, sweep).await?.pop();
        let open = newest.filter(|record| record.standing == Standing::Open);
        Ok(open.map(|record| record.proposal))
    }

    /// Decides a proposal that is open. Approving it stores the plan, and wakes a sweep that was done.
    ///
    /// # Errors
    /// [`Error::Undecidable`] when the proposal is not open (any more), [`Error::Refused`] when its sweep
    /// was cancelled, [`Error::Conflict`] when the plan does not follow the newest one.
    pub async fn decide(&self, ruling: &Ruling) -> Result<ProposalRecord, Error> {
        writing!(self, |tx| {
            let found = proposal::Entity::find_by_id(ruling.proposal.0).one(tx).await?;
            let row =
                found.ok_or_else(|| not_found(format_args!("proposal {}", ruling.proposal)))?;
            // Locked, so that of two decisions at once the second sees the first.
            let sweep = sweep::Entity::find_by_id(row.sweep_id).lock_exclusive().one(tx).await?;
            let sweep = sweep.ok_or_else(|| not_found(format_args!("sweep {}", row.sweep_id)))?;
            let current = current(tx, SweepId(row.sweep_id)).await?;
            let own = current.into_iter().find(|record| record.proposal.id == ruling.proposal);
            let Some(mut record) = own else {
                let number = from_n("proposal", row.number)?;
                return Err(Error::Undecidable { number, standing: Standing::Stale });
            };
            if record.standing != Standing::Open {
                let (number, standing) = (record.proposal.number, record.standing);
                return Err(Error::Undecidable { number, standing });
            }
            let verdict = match &ruling.approved {
                None => Verdict::Rejected,
                Some((chosen, plan)) => {
                    if sweep.cancelled_at.is_some() {
                        return Err(Refusal::NoMoreRuns.into());
                    }
                    plans::put(tx, plan).await?;
                    fault::pass(Point::ApprovePlan);
                    wake(tx, sweep).await?;
                    fault::pass(Point::ApproveWoken);
                    let (chosen, cost) = (chosen.clone(), ruling.cost);
                    Verdict::Approved { plan: plan.id, chosen, cost }
                }
            };
            let decision = Decision {
                verdict,
                decider: ruling.decider,
                actor: ruling.actor.clone(),
                reason: ruling.reason.clone(),
                at: ruling.at,
            };
            insert(tx, ruling.proposal, &decision).await?;
            fault::pass(Point::ApproveDecision);
            record.standing = match decision.verdict {
                Verdict::Approved { .. } => Standing::Approved,
                Verdict::Rejected => Standing::Rejected,
            };
            record.decision = Some(decision);
            Ok(record)
        })
    }
}

fn of(sweep: SweepId) -> Select<proposal::Entity> {
    proposal::Entity::find().filter(proposal::Column::SweepId.eq(sweep.0))
}

/// Those for the newest plan: the only ones that can be open, or stand in another's way.
async fn current(db: &impl ConnectionTrait, sweep: SweepId) -> Result<Vec<ProposalRecord>, Error> {
    let Some(plan) = plans::newest(db, sweep).await? else { return Ok(Vec::new()) };
    let meant = of(sweep).filter(proposal::Column::PlanId.eq(plan.id));
    records(db, sweep, meant, PlanId(plan.id)).await
}

async fn records(
    db: &impl ConnectionTrait,
    sweep: SweepId,
    meant: Select<proposal::Entity>,
    plan: PlanId,
) -> Result<Vec<ProposalRecord>, Error> {
    let rows = meant.order_by_asc(proposal::Column::Number).all(db).await?;
    let ids = of(sweep).select_only().column(proposal::Column::Id).into_query();
    let decided = proposal_decision::Entity::find()
        .filter(proposal_decision::Column::ProposalId.in_subquery(ids))
        .all(db)
        .await?;
    let mut decided: HashMap<Uuid, proposal_decision::Model> =
        decided.into_iter().map(|row| (row.proposal_id, row)).collect();
    let both = |row: proposal::Model| {
        let decision = decided.remove(&row.id);
        let decision = decision.map(|row| from_json("decision", row.decision)).transpose()?;
        Ok((from_json("proposal", row.proposal)?, decision))
    };
    let all = rows.into_iter().map(both).collect::<Result<Vec<_>, Error>>()?;
    let standings = standings(&all, plan);
    let record = |((proposal, decision), standing)| ProposalRecord { proposal, decision, standing };
    Ok(all.into_iter().zip(standings).map(record).collect())
}

/// Whether there is anything to do is for the scheduler to find.
async fn wake(tx: &impl ConnectionTrait, row: sweep::Model) -> Result<(), Error> {
    if row.phase == SweepPhase::Done.as_str() {
        let mut changes = row.into_active_model();
        changes.phase = Set(SweepPhase::Running.as_str().to_owned());
        changes.update(tx).await?;
    }
    Ok(())
}

async fn insert(
    tx: &impl ConnectionTrait,
    proposal: ProposalId,
    decision: &Decision,
) -> Result<(), Error> {
    let (verdict, plan) = match &decision.verdict {
        Verdict::Approved { plan, .. } => ("approved", Some(plan.0)),
        Verdict::Rejected => ("rejected", None),
    };
    let row = proposal_decision::ActiveModel {
        proposal_id: Set(proposal.0),
        decided_at: Set(to_at(decision.at)?),
        verdict: Set(verdict.to_owned()),
        decider: Set(decision.decider.as_str().to_owned()),
        plan_id: Set(plan),
        decision: Set(to_json("decision", decision)?),
    };
    row.insert(tx).await.map_err(duplicate_is_lost_race)?;
    Ok(())
}
