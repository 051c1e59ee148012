//! Partitions of PostgreSQL by the month in which a run was made.
//!
//! Ids of runs are UUIDs of version 7 and begin with the milliseconds since 1970, so that a month is a range
//! of them. What no partition is there for lies in the default one.

use sea_orm::prelude::Uuid;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sweep_core::clock::Timestamp;
use time::{Date, Month, OffsetDateTime};

use crate::Store;
use crate::column::{from_at, to_at};
use crate::error::Error;
use crate::tx::writing;

/// Months that have a partition before anything is in them, the present one among them.
const AHEAD_N: usize = 2;

impl Store {
    /// Makes the partitions of this month and the next, where the database has such. Doing it again
    /// changes nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn prepare_partitions(&self, now: Timestamp) -> Result<(), Error> {
        if self.db.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let mut month = first_of_month(to_at(now)?.date());
        for _ in 0..AHEAD_N {
            let next = following(month);
            let name = format!("metric_chunk_{}_{:02}", month.year(), u8::from(month.month()));
            let (from, to) = (first_id(month), first_id(next));
            let exists = format!("SELECT 1 FROM pg_class WHERE relname = '{name}'");
            // Runs that were there before the partition stay where they are.
            let is_taken = format!(
                "SELECT 1 FROM metric_chunk_default WHERE run_id >= '{from}' AND run_id < '{to}' LIMIT 1"
            );
            // Asked without a transaction: nearly always the answer is yes.
            if !self.finds(exists).await? && !self.finds(is_taken).await? {
                let create = format!(
                    "CREATE TABLE IF NOT EXISTS {name} PARTITION OF metric_chunk
                     FOR VALUES FROM ('{from}') TO ('{to}')"
                );
                writing!(self, |tx| { Ok(tx.execute_unprepared(&create).await.map(drop)?) })?;
            }
            month = next;
        }
        Ok(())
    }

    /// Whether a query of PostgreSQL has a row.
    async fn finds(&self, query: String) -> Result<bool, Error> {
        let query = Statement::from_string(DbBackend::Postgres, query);
        Ok(self.db.query_one_raw(query).await?.is_some())
    }
}

fn first_of_month(date: Date) -> Date {
    date.replace_day(1).expect("every month has a first day")
}

fn following(month: Date) -> Date {
    let year = if month.month() == Month::December { month.year() + 1 } else { month.year() };
    Date::from_calendar_date(year, month.month().next(), 1).expect("every month has a first day")
}

/// The least id that is made from the first day of a month on.
fn first_id(month: Date) -> Uuid {
    let ms = from_at(OffsetDateTime::new_utc(month, time::Time::MIDNIGHT)).0.max(0);
    let [_, _, bytes @ ..] = ms.cast_unsigned().to_be_bytes();
    let mut id = [0; 16];
    id[..bytes.len()].copy_from_slice(&bytes);
    Uuid::from_bytes(id)
}

#[cfg(test)]
mod tests {
    use sweep_core::ids::RunId;

    use super::*;

    #[test]
    fn ids_of_a_month_lie_between_its_bounds() {
        let december = Date::from_calendar_date(2026, Month::December, 1).unwrap();
        let january = following(december);
        assert_eq!((january.year(), january.month()), (2027, Month::January));
        let made = RunId::new().0;
        let mut ms = [0; 8];
        ms[2..].copy_from_slice(&made.as_bytes()[..6]);
        let at = to_at(Timestamp(i64::from_be_bytes(ms))).unwrap();
        let of = first_of_month(at.date());
        assert!((first_id(of)..first_id(following(of))).contains(&made));
        assert!(first_id(december) < first_id(january));
    }
}
