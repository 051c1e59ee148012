//! Measured throughputs: one row per model, batch, device and version of the trainer.

use sea_orm::prelude::Uuid;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait, QuerySelect};
use sweep_core::throughput::{Throughput, ThroughputKey};

use crate::Store;
use crate::column::{from_at, from_json, to_at, to_json};
use crate::entity::throughput;
use crate::error::Error;
use crate::tx::writing;

/// Ids of keys live in this namespace: `throughput key` in ASCII, padded.
const NAMESPACE: Uuid = Uuid::from_bytes(*b"throughput key  ");

impl Store {
    /// Keeps the newest measurement of each key: an older one that comes late changes nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn put_throughput(
        &self,
        key: &ThroughputKey,
        measured: &Throughput,
    ) -> Result<(), Error> {
        use throughput::Column as C;
        let id = key_id(key)?;
        writing!(self, |tx| {
            let stored = throughput::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
            if stored.is_some_and(|row| from_at(row.measured_at) > measured.measured_at) {
                return Ok(());
            }
            let row = throughput::ActiveModel {
                id: Set(id),
                key: Set(to_json("throughput key", key)?),
                throughput: Set(to_json("throughput", measured)?),
                measured_at: Set(to_at(measured.measured_at)?),
            };
            let replace =
                OnConflict::column(C::Id).update_columns([C::Throughput, C::MeasuredAt]).to_owned();
            throughput::Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
            Ok(())
        })
    }

    /// The speed of the reference models when this device was first measured.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn reference_speed(&self, device: &str, trainer: &str) -> Result<Option<f64>, Error> {
        let rows = throughput::Entity::find().all(&self.db).await?;
        let mut first: Option<Throughput> = None;
        for row in rows {
            let key: ThroughputKey = from_json("throughput key", row.key)?;
            let measured: Throughput = from_json("throughput", row.throughput)?;
            let is_ours = key.device == device && key.trainer == trainer;
            let is_first = first.as_ref().is_none_or(|f| measured.measured_at < f.measured_at);
            if is_ours && is_first && measured.reference.is_some() {
                first = Some(measured);
            }
        }
        Ok(first.and_then(|measured| measured.reference))
    }

    /// # Errors
    /// Those of the database.
    pub async fn throughput(&self, key: &ThroughputKey) -> Result<Option<Throughput>, Error> {
        let row = throughput::Entity::find_by_id(key_id(key)?).one(&self.db).await?;
        row.map(|row| from_json("throughput", row.throughput)).transpose()
    }
}

/// Equal keys have equal JSON: a struct's fields are written in their order.
fn key_id(key: &ThroughputKey) -> Result<Uuid, Error> {
    let json = serde_json::to_vec(key)
        .map_err(|source| Error::Unstorable { what: "throughput key", source: source.into() })?;
    Ok(Uuid::new_v5(&NAMESPACE, &json))
}
