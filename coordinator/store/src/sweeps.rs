//! Sweeps as they were submitted.

use std::cmp::Reverse;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    Value,
};
use sweep_core::clock::Timestamp;
use sweep_core::corpus::CorpusRef;
use sweep_core::ids::SweepId;
use sweep_core::spec::SweepSpec;
use sweep_core::sweep::{SweepPhase, SweepRecord};
use sweep_core::units::AcceleratorTime;

use crate::column::{from_at, from_json, from_n, from_name, to_at, to_json};
use crate::entity::{ledger, sweep};
use crate::error::{Error, duplicate_is_lost_race, not_found};
use crate::fault::{self, Point};
use crate::tx::writing;
use crate::{Store, ledger as books};

/// A sweep to be created.
#[derive(Clone, Debug)]
pub struct NewSweep {
    pub id: SweepId,
    /// Unique among all sweeps.
    pub name: String,
    /// budget.yaml, verbatim.
    pub yaml: String,
    pub spec: SweepSpec,
    pub project: String,
    pub priority: i32,
    /// The budget: what all runs together may use.
    pub granted: AcceleratorTime,
    pub submitted_at: Timestamp,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq)]
pub enum Created {
    New(SweepRecord),
    /// There is a sweep of that name already; nothing was changed.
    Existing(SweepRecord),
}

impl Store {
    /// Creates a sweep with its ledger, unless there is one of that name.
    ///
    /// # Errors
    /// Those of the database.
    #[tracing::instrument(level = "info", skip_all, fields(otel.name = "database create_sweep"))]
    pub async fn create_sweep(&self, new: &NewSweep) -> Result<Created, Error> {
        writing!(self, |tx| {
            let named = sweep::Column::Name.eq(&new.name);
            if let Some(existing) = records(tx, Some(named.clone())).await?.pop() {
                return Ok(Created::Existing(existing));
            }
            let row = sweep::ActiveModel {
                id: Set(new.id.0),
                name: Set(new.name.clone()),
                yaml: Set(new.yaml.clone()),
                spec: Set(to_json("spec", &new.spec)?),
                phase: Set(SweepPhase::Calibrating.as_str().to_owned()),
                corpus: Set(None),
                submitted_at: Set(to_at(new.submitted_at)?),
                project: Set(new.project.clone()),
                priority: Set(new.priority.into()),
                paused_at: Set(None),
                cancelled_at: Set(None),
            };
            row.insert(tx).await.map_err(duplicate_is_lost_race)?;
            fault::pass(Point::SubmitSweep);
            books::open(tx, new.id.0, new.granted, new.submitted_at).await?;
            let created = records(tx, Some(named)).await?.pop();
            created.map(Created::New).ok_or_else(|| not_found(format_args!("sweep {}", new.id)))
        })
    }

    /// # Errors
    /// Those of the database.
    pub async fn sweep(&self, id: SweepId) -> Result<Option<SweepRecord>, Error> {
        Ok(records(&self.db, Some(sweep::Column::Id.eq(id.0))).await?.pop())
    }

    /// # Errors
    /// Those of the database.
    pub async fn sweep_named(&self, name: &str) -> Result<Option<SweepRecord>, Error> {
        Ok(records(&self.db, Some(sweep::Column::Name.eq(name))).await?.pop())
    }

    /// All sweeps, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sweeps(&self) -> Result<Vec<SweepRecord>, Error> {
        let mut sweeps = records(&self.db, None).await?;
        sweeps.sort_by_key(|sweep| Reverse((sweep.submitted_at, sweep.id)));
        Ok(sweeps)
    }

    /// What the sweep asks for, as it was parsed when it was submitted.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn spec(&self, id: SweepId) -> Result<Option<SweepSpec>, Error> {
        let row = sweep::Entity::find_by_id(id.0).one(&self.db).await?;
        row.map(|row| from_json("spec", row.spec)).transpose()
    }

    /// # Errors
    /// [`Error::NotFound`] when there is no such sweep.
    pub async fn set_phase(&self, id: SweepId, phase: SweepPhase) -> Result<(), Error> {
        self.set(id, sweep::Column::Phase, phase.as_str().into()).await
    }

    /// Notes the text that the sweep trains on.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such sweep.
    pub async fn set_corpus(&self, id: SweepId, corpus: &CorpusRef) -> Result<(), Error> {
        self.set(id, sweep::Column::Corpus, to_json("corpus", corpus)?.into()).await
    }

    /// # Errors
    /// Those of the database.
    pub async fn corpus(&self, id: SweepId) -> Result<Option<CorpusRef>, Error> {
        let row = sweep::Entity::find_by_id(id.0).one(&self.db).await?;
        row.and_then(|row| row.corpus).map(|corpus| from_json("corpus", corpus)).transpose()
    }

    async fn set(&self, id: SweepId, column: sweep::Column, value: Value) -> Result<(), Error> {
        let changed = writing!(self, |tx| {
            let update = sweep::Entity::update_many()
                .col_expr(column, Expr::value(value.clone()))
                .filter(sweep::Column::Id.eq(id.0));
            Ok(update.exec(tx).await?.rows_affected)
        })?;
        if changed == 0 { Err(not_found(format_args!("sweep {id}"))) } else { Ok(()) }
    }
}

async fn records(
    db: &impl ConnectionTrait,
    filter: Option<Expr>,
) -> Result<Vec<SweepRecord>, Error> {
    let mut query = sweep::Entity::find().find_also_related(ledger::Entity);
    if let Some(filter) = filter {
        query = query.filter(filter);
    }
    query.all(db).await?.into_iter().map(record).collect()
}

fn record((row, ledger): (sweep::Model, Option<ledger::Model>)) -> Result<SweepRecord, Error> {
    let id = SweepId(row.id);
    let ledger = ledger.ok_or_else(|| not_found(format_args!("ledger of sweep {id}")))?;
    Ok(SweepRecord {
        id,
        name: row.name,
        yaml: row.yaml,
        phase: from_name("phase", row.phase)?,
        submitted_at: from_at(row.submitted_at),
        balance: books::balance(&ledger)?,
        project: row.project,
        priority: from_n("priority", row.priority)?,
        paused_at: row.paused_at.map(from_at),
        cancelled_at: row.cancelled_at.map(from_at),
    })
}
