//! The end of what training commands printed: one row per attempt that printed anything.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sweep_core::ids::RunId;
use sweep_core::output::OutputPart;

use crate::Store;
use crate::column::{from_n, to_n};
use crate::entity::attempt_output;
use crate::error::Error;
use crate::tx::writing;

impl Store {
    /// Keeps what an attempt printed, also of one that does not hold its run any more: it tells why.
    /// The first that comes is kept.
    ///
    /// # Errors
    /// Those of the database, such as that there is no such run.
    pub async fn put_output(&self, run: RunId, output: &OutputPart) -> Result<(), Error> {
        use attempt_output::Column as C;
        writing!(self, |tx| {
            let row = attempt_output::ActiveModel {
                run_id: Set(run.0),
                epoch: Set(i64::from(output.epoch)),
                output: Set(output.text.clone()),
                skipped_n: Set(to_n("number of bytes", output.skipped_n)?),
            };
            let once = OnConflict::columns([C::RunId, C::Epoch]).do_nothing().to_owned();
            attempt_output::Entity::insert_many([row])
                .on_conflict(once)
                .exec_without_returning(tx)
                .await?;
            Ok(())
        })
    }

    /// What the attempts of a run printed, the first attempt in front.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn outputs(&self, run: RunId) -> Result<Vec<OutputPart>, Error> {
        let rows = attempt_output::Entity::find()
            .filter(attempt_output::Column::RunId.eq(run.0))
            .order_by_asc(attempt_output::Column::Epoch)
            .all(&self.db)
            .await?;
        let part = |row: attempt_output::Model| {
            Ok(OutputPart {
                epoch: from_n("epoch", row.epoch)?,
                text: row.output,
                skipped_n: from_n("number of bytes", row.skipped_n)?,
            })
        };
        rows.into_iter().map(part).collect()
    }
}
