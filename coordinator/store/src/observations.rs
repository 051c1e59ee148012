//! Finished runs as the law engine sees them.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use sweep_core::clock::Timestamp;
use sweep_core::ids::SweepId;
use sweep_core::observation::Observation;

use crate::Store;
use crate::column::{from_json, to_at, to_json};
use crate::entity::{observation, run};
use crate::error::{Error, conflict};
use crate::imports::imported;

impl Store {
    /// Every observation of a sweep, also those unfit for fitting, oldest first; those of imported runs
    /// come last.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn observations(&self, sweep: SweepId) -> Result<Vec<Observation>, Error> {
        let mut rows = observation::Entity::find()
            .filter(observation::Column::SweepId.eq(sweep.0))
            .all(&self.db)
            .await?;
        // SQLite keeps times as text, which does not sort by time.
        rows.sort_by_key(|row| (row.observed_at, row.run_id));
        let own = rows.into_iter().map(|row| from_json("observation", row.observation));
        let mut all = own.collect::<Result<Vec<Observation>, _>>()?;
        all.extend(imported(&self.db, sweep).await?);
        Ok(all)
    }
}

pub(crate) async fn insert(
    tx: &sea_orm::DatabaseTransaction,
    run: &run::Model,
    observation: &Observation,
    now: Timestamp,
) -> Result<(), Error> {
    if observation.run.0 != run.id {
        return Err(conflict(format!("the observation is of another run, {}", observation.run)));
    }
    let row = observation::ActiveModel {
        run_id: Set(run.id),
        sweep_id: Set(run.sweep_id),
        observation: Set(to_json("observation", observation)?),
        observed_at: Set(to_at(now)?),
    };
    row.insert(tx).await?;
    Ok(())
}
