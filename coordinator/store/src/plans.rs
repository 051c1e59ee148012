//! Plans and the runs they bring in. A plan never changes: another plan is its child.

use std::collections::HashMap;

use sea_orm::prelude::Uuid;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use sweep_core::ids::{PlanId, RunId, SweepId};
use sweep_core::plan::{Plan, RunSpec};
use sweep_core::run::RunState;
use sweep_core::sweep::RunRecord;

use crate::column::{from_json, from_ms, to_json, to_ms};
use crate::entity::{plan, plan_run, run, sweep};
use crate::error::{Error, conflict, duplicate_is_lost_race, not_found};
use crate::fault::{self, Point};
use crate::tx::writing;
use crate::{Store, runs};

/// Rows per statement: far below the parameters that both databases take.
const ROWS_PER_INSERT: usize = 500;

impl Store {
    /// Stores a plan and those of its runs that no earlier plan of the sweep has brought in, all
    /// of them Planned. Storing the same plan again changes nothing.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the plan's parent is not the newest plan of the sweep, or when one
    /// of its runs differs from the stored run of that id.
    pub async fn put_plan(&self, plan: &Plan) -> Result<(), Error> {
        writing!(self, |tx| { put(tx, plan).await })
    }

    /// The id of the newest plan of a sweep.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn newest_plan(&self, sweep: SweepId) -> Result<Option<PlanId>, Error> {
        Ok(newest(&self.db, sweep).await?.map(|row| PlanId(row.id)))
    }

    /// The newest plan of a sweep.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn plan(&self, sweep: SweepId) -> Result<Option<Plan>, Error> {
        let Some(row) = newest(&self.db, sweep).await? else { return Ok(None) };
        let specs = runs_of(&self.db, row.id).await?;
        let specs: Result<Vec<RunSpec>, Error> =
            specs.into_iter().map(|run| from_json("run", run.spec)).collect();
        Ok(Some(Plan {
            id: PlanId(row.id),
            sweep,
            parent: row.parent_id.map(PlanId),
            granted: from_ms(row.granted_ms)?,
            runs: specs?,
        }))
    }

    /// The runs of the newest plan, in its order. `waiting` and `progress` are not stored: None.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn runs(&self, sweep: SweepId) -> Result<Vec<RunRecord>, Error> {
        let Some(plan) = newest(&self.db, sweep).await? else { return Ok(Vec::new()) };
        let mut ended = self.ended_of_sweep(sweep.0).await?;
        let rows = runs_of(&self.db, plan.id).await?;
        let record = |row: run::Model| {
            let attempts = ended.remove(&row.id).unwrap_or_default();
            runs::record(row, attempts)
        };
        rows.into_iter().map(record).collect()
    }
}

/// As [`Store::put_plan`], in a transaction of the caller's.
pub(crate) async fn put(tx: &impl ConnectionTrait, plan: &Plan) -> Result<(), Error> {
    // Locked, so that plans of one sweep come one after the other.
    let sweep = sweep::Entity::find_by_id(plan.sweep.0).lock_exclusive().one(tx).await?;
    sweep.ok_or_else(|| not_found(format_args!("sweep {}", plan.sweep)))?;
    if plan::Entity::find_by_id(plan.id.0).one(tx).await?.is_some() {
        return Ok(());
    }
    let newest = newest(tx, plan.sweep).await?;
    if newest.as_ref().map(|row| row.id) != plan.parent.map(|parent| parent.0) {
        return Err(conflict(format!(
            "plan {} does not follow the newest plan of sweep {}",
            plan.id, plan.sweep
        )));
    }
    let row = plan::ActiveModel {
        id: Set(plan.id.0),
        sweep_id: Set(plan.sweep.0),
        parent_id: Set(plan.parent.map(|parent| parent.0)),
        generation: Set(newest.map_or(1, |row| row.generation + 1)),
        granted_ms: Set(to_ms(plan.granted)?),
    };
    row.insert(tx).await.map_err(duplicate_is_lost_race)?;
    fault::pass(Point::PlanRow);
    insert_new_runs(tx, plan).await?;
    fault::pass(Point::PlanRuns);
    link_runs(tx, plan).await
}

pub(crate) async fn newest(
    db: &impl ConnectionTrait,
    sweep: SweepId,
) -> Result<Option<plan::Model>, Error> {
    let newest = plan::Entity::find()
        .filter(plan::Column::SweepId.eq(sweep.0))
        .order_by_desc(plan::Column::Generation)
        .one(db);
    Ok(newest.await?)
}

async fn runs_of(db: &impl ConnectionTrait, plan: Uuid) -> Result<Vec<run::Model>, Error> {
    let rows = plan_run::Entity::find()
        .filter(plan_run::Column::PlanId.eq(plan))
        .order_by_asc(plan_run::Column::Position)
        .find_also_related(run::Entity)
        .all(db)
        .await?;
    Ok(rows.into_iter().filter_map(|(_, run)| run).collect())
}

async fn insert_new_runs(tx: &impl ConnectionTrait, plan: &Plan) -> Result<(), Error> {
    for specs in plan.runs.chunks(ROWS_PER_INSERT) {
        let ids = specs.iter().map(|spec| spec.id.0);
        let stored = run::Entity::find().filter(run::Column::Id.is_in(ids)).all(tx).await?;
        let stored: HashMap<Uuid, run::Model> =
            stored.into_iter().map(|row| (row.id, row)).collect();
        let mut rows = Vec::new();
        for spec in specs {
            match stored.get(&spec.id.0) {
                None => rows.push(new_run(plan.sweep, spec)?),
                Some(row) => must_equal(row, plan.sweep, spec)?,
            }
        }
        if !rows.is_empty() {
            let insert = run::Entity::insert_many(rows).exec_without_returning(tx);
            insert.await.map_err(duplicate_is_lost_race)?;
        }
    }
    Ok(())
}

fn new_run(sweep: SweepId, spec: &RunSpec) -> Result<run::ActiveModel, Error> {
    Ok(run::ActiveModel {
        id: Set(spec.id.0),
        sweep_id: Set(sweep.0),
        spec: Set(to_json("run", spec)?),
        state: Set(RunState::Planned.as_str().to_owned()),
        generation: Set(0),
        attempts_n: Set(0),
        spent_ms: Set(0),
        checkpoint: Set(None),
        result: Set(None),
        failure: Set(None),
        stop: Set(None),
        not_before: Set(None),
        forgiven_n: Set(0),
    })
}

fn must_equal(row: &run::Model, sweep: SweepId, spec: &RunSpec) -> Result<(), Error> {
    let stored: RunSpec = from_json("run", row.spec.clone())?;
    if row.sweep_id == sweep.0 && stored == *spec {
        return Ok(());
    }
    Err(conflict(format!("run {} is stored already and differs", RunId(row.id))))
}

async fn link_runs(tx: &impl ConnectionTrait, plan: &Plan) -> Result<(), Error> {
    let links: Vec<_> = (0i64..)
        .zip(&plan.runs)
        .map(|(position, spec)| plan_run::ActiveModel {
            plan_id: Set(plan.id.0),
            position: Set(position),
            run_id: Set(spec.id.0),
        })
        .collect();
    for links in links.chunks(ROWS_PER_INSERT) {
        plan_run::Entity::insert_many(links.iter().cloned()).exec_without_returning(tx).await?;
    }
    Ok(())
}
