//! Metric points: stored once each, however often a worker sends them.
//!
//! A batch makes one row for each of its metrics. Once its run has ended, the rows of a metric are put
//! together into a few.

use std::collections::BTreeMap;

use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect as _,
};
use sweep_core::ids::RunId;
use sweep_core::metric::{Metric, MetricPoint, Series};
use sweep_core::run::RunState;

use crate::Store;
use crate::chunk::Chunk;
use crate::column::{from_n, from_name, to_n};
use crate::entity::{metric_chunk, run};
use crate::error::Error;
use crate::fault::{self, Point};
use crate::leases::held;
use crate::runs;
use crate::tx::writing;

/// Of chunks that were put together; those of attempts have the attempt's.
const TOGETHER: i64 = 0;
/// What chunks have that are not together yet. Written out, for an index of those alone is of no use to a
/// query with a parameter.
pub(crate) const LOOSE: &str = "epoch > 0";
/// Points of a chunk that was put together: a page of either database holds a few of them.
const POINTS_MAX: usize = 4096;
/// Nine parameters a row; SQLite takes 32,766 a statement.
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
        let sequence = to_n("sequence number", sequence)?;
        writing!(self, |tx| {
            let attempt = held(tx, run, epoch).await?;
            let rows = by_metric(points.iter().copied());
            let rows = rows
                .into_iter()
                .map(|(metric, points)| row(run.0, metric, attempt.lease.epoch, sequence, &points));
            insert(tx, rows.collect::<Result<_, Error>>()?).await?;
            fault::pass(Point::MetricsChunk);
            Ok(())
        })
    }

    /// The points of one metric by step.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn metrics(&self, run: RunId, metric: Metric) -> Result<Vec<MetricPoint>, Error> {
        let of_metric = metric_chunk::Column::Metric.eq(metric.as_str());
        let rows = chunks(run).filter(of_metric).all(&self.db).await?;
        let mut series = series(rows)?;
        Ok(series.remove(&metric).unwrap_or_default())
    }

    /// The points of every metric of a run.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn all_metrics(&self, run: RunId) -> Result<Vec<Series>, Error> {
        let all = series(chunks(run).all(&self.db).await?)?;
        Ok(all.iter().map(|(metric, points)| Series::of(*metric, points)).collect())
    }

    /// Runs that have ended and whose chunks are not put together yet, at most `limit`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn loose_runs(&self, limit: u64) -> Result<Vec<RunId>, Error> {
        let ended = RunState::ALL.into_iter().filter(|state| state.is_final());
        let with_loose = Query::select()
            .column(metric_chunk::Column::RunId)
            .from(metric_chunk::Entity)
            .and_where(Expr::cust(LOOSE))
            .to_owned();
        let ids: Vec<Uuid> = run::Entity::find()
            .filter(run::Column::State.is_in(ended.map(RunState::as_str)))
            .filter(run::Column::Id.in_subquery(with_loose))
            .select_only()
            .column(run::Column::Id)
            .order_by_asc(run::Column::Id)
            .limit(limit)
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(ids.into_iter().map(RunId).collect())
    }

    /// Puts the chunks of a run together. Points stay as they are, those that an attempt sent again are
    /// dropped. Doing it again changes nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn put_metrics_together(&self, run: RunId) -> Result<(), Error> {
        writing!(self, |tx| {
            // Locked, so that no attempt of it begins meanwhile.
            let found = run::Entity::find_by_id(run.0).lock_exclusive().one(tx).await?;
            let state = found.as_ref().map(runs::state).transpose()?;
            if !state.is_some_and(RunState::is_final) {
                return Ok(());
            }
            let series = series(chunks(run).all(tx).await?)?;
            let of_run = metric_chunk::Column::RunId.eq(run.0);
            metric_chunk::Entity::delete_many().filter(of_run).exec(tx).await?;
            fault::pass(Point::TogetherDeleted);
            let mut rows = Vec::new();
            for (metric, points) in series {
                for (sequence, points) in points.chunks(POINTS_MAX).enumerate() {
                    let sequence = to_n("sequence number", sequence as u64)?;
                    rows.push(row(run.0, metric, TOGETHER, sequence, points)?);
                }
            }
            insert(tx, rows).await?;
            fault::pass(Point::TogetherInserted);
            Ok(())
        })
    }
}

fn chunks(run: RunId) -> sea_orm::Select<metric_chunk::Entity> {
    metric_chunk::Entity::find().filter(metric_chunk::Column::RunId.eq(run.0))
}

async fn insert(
    tx: &impl ConnectionTrait,
    rows: Vec<metric_chunk::ActiveModel>,
) -> Result<(), Error> {
    use metric_chunk::Column as C;
    for rows in rows.chunks(ROWS_PER_INSERT) {
        let key = [C::RunId, C::Metric, C::Epoch, C::Sequence];
        metric_chunk::Entity::insert_many(rows.to_vec())
            .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// The points of each metric by step; of several of one step the first.
fn by_metric(points: impl IntoIterator<Item = MetricPoint>) -> BTreeMap<Metric, Vec<MetricPoint>> {
    let mut series: BTreeMap<Metric, Vec<MetricPoint>> = BTreeMap::new();
    for point in points {
        series.entry(point.metric).or_default().push(point);
    }
    for points in series.values_mut() {
        // Stable, so that the first of a step stays the first.
        points.sort_by_key(|point| point.step);
        points.dedup_by_key(|point| point.step);
    }
    series
}

/// The points of chunks, those of earlier attempts before those of later ones.
fn series(mut rows: Vec<metric_chunk::Model>) -> Result<BTreeMap<Metric, Vec<MetricPoint>>, Error> {
    rows.sort_by_key(|row| (row.epoch, row.sequence));
    let mut points = Vec::new();
    for row in rows {
        let metric: Metric = from_name("metric", row.metric)?;
        let points_n = from_n("number of points", row.points_n)?;
        let chunk = Chunk { points_n, steps: row.steps, values: row.point_values };
        points.extend(chunk.points(metric)?);
    }
    Ok(by_metric(points))
}

/// Of points that are not none.
fn row(
    run: Uuid,
    metric: Metric,
    epoch: i64,
    sequence: i64,
    points: &[MetricPoint],
) -> Result<metric_chunk::ActiveModel, Error> {
    let step = |point: Option<&MetricPoint>| {
        to_n("step", point.map(|point| point.step).unwrap_or_default())
    };
    let (first_step, last_step) = (step(points.first())?, step(points.last())?);
    let Chunk { points_n, steps, values } = Chunk::of(points);
    Ok(metric_chunk::ActiveModel {
        run_id: Set(run),
        metric: Set(metric.as_str().to_owned()),
        epoch: Set(epoch),
        sequence: Set(sequence),
        first_step: Set(first_step),
        last_step: Set(last_step),
        points_n: Set(to_n("number of points", points_n as u64)?),
        steps: Set(steps),
        point_values: Set(values),
    })
}
