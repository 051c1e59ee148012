//! Metric points: stored once each, however often a worker sends them.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
};
use sweep_core::ids::RunId;
use sweep_core::metric::{Metric, MetricPoint};

use crate::Store;
use crate::column::{from_n, to_n};
use crate::entity::{metric_batch, metric_point};
use crate::error::Error;
use crate::leases::held;
use crate::tx::writing;

/// Four parameters a row; SQLite takes 32,766 a statement.
const ROWS_PER_INSERT: usize = 1000;

impl Store {
    /// Stores a batch of an attempt, numbered by `sequence` within the attempt. A batch that has
    /// arrived before changes nothing, and neither does a point that an earlier attempt has
    /// already measured: training is deterministic, so it is the same point.
    ///
    /// # Errors
    /// [`Error::StaleLease`] when the attempt does not hold the run any more.
    pub async fn append_metrics(
        &self,
        run: RunId,
        epoch: u32,
        sequence: u64,
        points: &[MetricPoint],
    ) -> Result<(), Error> {
        use metric_point::Column as C;
        let sequence = to_n("sequence number", sequence)?;
        writing!(self, |tx| {
            let attempt = held(tx, run, epoch).await?;
            let key = (run.0, attempt.lease.epoch, sequence);
            if metric_batch::Entity::find_by_id(key).one(tx).await?.is_some() {
                return Ok(());
            }
            let batch = metric_batch::ActiveModel {
                run_id: Set(run.0),
                epoch: Set(attempt.lease.epoch),
                sequence: Set(sequence),
                points_n: Set(to_n("number of points", points.len() as u64)?),
            };
            batch.insert(tx).await?;
            for points in points.chunks(ROWS_PER_INSERT) {
                let rows: Result<Vec<_>, Error> =
                    points.iter().map(|point| row(run, point)).collect();
                let once =
                    OnConflict::columns([C::RunId, C::Metric, C::Step]).do_nothing().to_owned();
                metric_point::Entity::insert_many(rows?)
                    .on_conflict(once)
                    .exec_without_returning(tx)
                    .await?;
            }
            Ok(())
        })
    }

    /// The points of one metric by step. A value that was not finite reads as NaN.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn metrics(&self, run: RunId, metric: Metric) -> Result<Vec<MetricPoint>, Error> {
        let rows = metric_point::Entity::find()
            .filter(metric_point::Column::RunId.eq(run.0))
            .filter(metric_point::Column::Metric.eq(metric.as_str()))
            .order_by_asc(metric_point::Column::Step)
            .all(&self.db)
            .await?;
        let point = |row: metric_point::Model| {
            let step = from_n("step", row.step)?;
            Ok(MetricPoint { metric, step, value: row.value.unwrap_or(f64::NAN) })
        };
        rows.into_iter().map(point).collect()
    }
}

fn row(run: RunId, point: &MetricPoint) -> Result<metric_point::ActiveModel, Error> {
    Ok(metric_point::ActiveModel {
        run_id: Set(run.0),
        metric: Set(point.metric.as_str().to_owned()),
        step: Set(to_n("step", point.step)?),
        value: Set(Some(point.value).filter(|value| value.is_finite())),
    })
}
