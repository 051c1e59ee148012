//! Attempts that have ended: how, and what was told of it.

use std::collections::HashMap;

use sea_orm::prelude::Uuid;
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sweep_core::ids::RunId;
use sweep_core::retry::{AttemptEnd, EndedAttempt};

use crate::Store;
use crate::column::{from_json, from_n, from_name};
use crate::entity::{lease, run};
use crate::error::{Error, not_found};

/// The ended attempts of each run, the first in front.
pub(crate) type Ended = HashMap<Uuid, Vec<EndedAttempt>>;

impl Store {
    /// How many attempts of a run before `epoch` ended in this way, since somebody last asked for a new
    /// one.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such run.
    pub async fn ended_so(&self, run: RunId, end: AttemptEnd, epoch: u32) -> Result<u32, Error> {
        let row = run::Entity::find_by_id(run.0).one(&self.db).await?;
        let row = row.ok_or_else(|| not_found(format_args!("run {run}")))?;
        let attempts = self.ended_of_run(run).await?;
        let counts = |attempt: &&EndedAttempt| {
            let counts = i64::from(attempt.epoch) > row.forgiven_n;
            counts && attempt.epoch < epoch && attempt.end == end
        };
        Ok(u32::try_from(attempts.iter().filter(counts).count()).unwrap_or(u32::MAX))
    }

    /// The ended attempts of one run.
    pub(crate) async fn ended_of_run(&self, run: RunId) -> Result<Vec<EndedAttempt>, Error> {
        let of_run = lease::Entity::find().filter(lease::Column::RunId.eq(run.0));
        Ok(self.ended(of_run).await?.remove(&run.0).unwrap_or_default())
    }

    /// Those of a sweep's runs.
    pub(crate) async fn ended_of_sweep(&self, sweep: Uuid) -> Result<Ended, Error> {
        let mut runs = Query::select();
        runs.column(run::Column::Id).from(run::Entity).and_where(run::Column::SweepId.eq(sweep));
        let of_sweep = lease::Entity::find().filter(lease::Column::RunId.in_subquery(runs));
        self.ended(of_sweep).await
    }

    async fn ended(&self, leases: sea_orm::Select<lease::Entity>) -> Result<Ended, Error> {
        let rows = leases
            .filter(lease::Column::Ended.is_not_null())
            .order_by_asc(lease::Column::Epoch)
            .all(&self.db)
            .await?;
        let mut ended = Ended::new();
        for row in rows {
            let Some(end) = row.ended else { continue };
            let attempt = EndedAttempt {
                epoch: from_n("epoch", row.epoch)?,
                end: from_name("end of an attempt", end)?,
                failure: row.failure.map(|json| from_json("failure", json)).transpose()?,
            };
            ended.entry(row.run_id).or_default().push(attempt);
        }
        Ok(ended)
    }
}
