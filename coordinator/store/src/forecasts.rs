//! The history of forecasts: each refit adds a child to the forecast before.

use std::collections::HashMap;

use sea_orm::prelude::{TimeDateTimeWithTimeZone, Uuid};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};
use sweep_core::clock::Timestamp;
use sweep_core::forecast::Forecast;
use sweep_core::ids::{ForecastId, SweepId};

use crate::Store;
use crate::column::{from_at, from_json, from_n, to_at, to_json};
use crate::entity::{forecast, sweep};
use crate::error::{Error, conflict, duplicate_is_lost_race, not_found};
use crate::tx::writing;

/// A forecast without what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForecastHead {
    pub id: ForecastId,
    pub made_at: Timestamp,
    pub observations_n: u32,
}

impl Store {
    /// Stores a forecast. Storing the same one again changes nothing.
    ///
    /// # Errors
    /// [`Error::Conflict`] when its parent is not the latest forecast of the sweep.
    #[tracing::instrument(level = "info", skip_all, fields(otel.name = "database put_forecast"))]
    pub async fn put_forecast(&self, forecast: &Forecast) -> Result<(), Error> {
        writing!(self, |tx| {
            // Locked, so that forecasts of one sweep come one after the other.
            let id = forecast.sweep;
            let sweep = sweep::Entity::find_by_id(id.0).lock_exclusive().one(tx).await?;
            sweep.ok_or_else(|| not_found(format_args!("sweep {id}")))?;
            if forecast::Entity::find_by_id(forecast.id.0).one(tx).await?.is_some() {
                return Ok(());
            }
            let latest = latest(tx, id).await?;
            if latest.as_ref().map(|row| row.id) != forecast.parent.map(|parent| parent.0) {
                return Err(conflict(format!(
                    "forecast {} does not follow the latest forecast of sweep {id}",
                    forecast.id
                )));
            }
            let row = forecast::ActiveModel {
                id: Set(forecast.id.0),
                sweep_id: Set(id.0),
                parent_id: Set(forecast.parent.map(|parent| parent.0)),
                generation: Set(latest.map_or(1, |row| row.generation + 1)),
                made_at: Set(to_at(forecast.made_at)?),
                observations_n: Set(forecast.observations_n.into()),
                forecast: Set(to_json("forecast", forecast)?),
            };
            row.insert(tx).await.map_err(duplicate_is_lost_race)?;
            Ok(())
        })
    }

    /// # Errors
    /// Those of the database.
    pub async fn latest_forecast(&self, sweep: SweepId) -> Result<Option<Forecast>, Error> {
        let row = latest(&self.db, sweep).await?;
        row.map(|row| from_json("forecast", row.forecast)).transpose()
    }

    /// The same without reading it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn latest_forecast_head(
        &self,
        sweep: SweepId,
    ) -> Result<Option<ForecastHead>, Error> {
        use forecast::Column::{Generation, Id, MadeAt, ObservationsN};
        let row: Option<(Uuid, TimeDateTimeWithTimeZone, i64)> = of(sweep)
            .order_by_desc(Generation)
            .select_only()
            .columns([Id, MadeAt, ObservationsN])
            .into_tuple()
            .one(&self.db)
            .await?;
        let head = |(id, made_at, observations_n)| {
            let observations_n = from_n("number of observations", observations_n)?;
            Ok(ForecastHead { id: ForecastId(id), made_at: from_at(made_at), observations_n })
        };
        row.map(head).transpose()
    }

    /// The newest forecast of every sweep that has one, by name alone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn newest_forecasts(&self) -> Result<HashMap<SweepId, ForecastId>, Error> {
        use forecast::Column as C;
        let names: Vec<(Uuid, Uuid)> = forecast::Entity::find()
            .select_only()
            .columns([C::SweepId, C::Id])
            .order_by_asc(C::Generation)
            .into_tuple()
            .all(&self.db)
            .await?;
        // Of each sweep the last one stays.
        Ok(names.into_iter().map(|(sweep, id)| (SweepId(sweep), ForecastId(id))).collect())
    }

    /// All forecasts of a sweep, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn forecasts(&self, sweep: SweepId) -> Result<Vec<Forecast>, Error> {
        let rows = of(sweep).order_by_asc(forecast::Column::Generation).all(&self.db).await?;
        rows.into_iter().map(|row| from_json("forecast", row.forecast)).collect()
    }
}

fn of(sweep: SweepId) -> Select<forecast::Entity> {
    forecast::Entity::find().filter(forecast::Column::SweepId.eq(sweep.0))
}

async fn latest(
    db: &impl ConnectionTrait,
    sweep: SweepId,
) -> Result<Option<forecast::Model>, Error> {
    Ok(of(sweep).order_by_desc(forecast::Column::Generation).one(db).await?)
}
