//! Takes runs back whose lease has expired.
//!
//! A lease expires because its worker said nothing for as long, or because nobody could hear it: the
//! coordinator was not there, its database did not answer, its clock was set. So only a coordinator that
//! has listened without a break for the length of a lease takes anything back.

use std::sync::{Arc, Mutex, PoisonError};

use sweep_core::clock::Timestamp;

use crate::context::Context;
use crate::{Error, dispatch};

/// A round is due every second. With breaks below a third of a lease no worker misses all of its
/// heartbeats.
const BREAKS_PER_LEASE: i64 = 3;

/// Since when workers could be heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Watch {
    /// The beginning and the last round of it; none before the first.
    unbroken: Option<(Timestamp, Timestamp)>,
}

impl Watch {
    /// A round; true where a lease that has expired by now was really lost.
    fn round(&mut self, now: Timestamp, lease_ms: i64) -> bool {
        let goes_on = |last: Timestamp| {
            let gap_ms = now.0.saturating_sub(last.0);
            (0..=lease_ms / BREAKS_PER_LEASE).contains(&gap_ms)
        };
        let since =
            self.unbroken.filter(|(_, last)| goes_on(*last)).map_or(now, |(since, _)| since);
        self.unbroken = Some((since, now));
        now.0.saturating_sub(since.0) >= lease_ms
    }
}

/// A reaper that has not begun to listen.
#[derive(Clone, Debug, Default)]
pub(super) struct Reaper(Arc<Mutex<Watch>>);

impl Reaper {
    pub(super) async fn converge(self, context: Context) -> Result<(), Error> {
        let now = context.now();
        let found = context.store.expired_leases(now).await;
        let was_heard = {
            // Plain data, which stays usable.
            let mut watch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if found.is_err() {
                *watch = Watch::default();
            }
            watch.round(now, context.timing.lease_ms)
        };
        let lost = found?.into_iter().filter(|_| was_heard);
        for lease in lost {
            dispatch::lost(&context, &lease).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE_MS: i64 = 30_000;

    /// Whether anything may be taken back after each of these moments, in seconds.
    fn rounds(moments: &[i64]) -> Vec<bool> {
        let mut watch = Watch::default();
        moments.iter().map(|at| watch.round(Timestamp(at * 1000), LEASE_MS)).collect()
    }

    #[test]
    fn only_who_has_listened_for_a_lease_knows_that_it_is_lost() {
        assert_eq!(rounds(&[0, 10, 20, 29, 30, 31]), [false, false, false, false, true, true]);
        // It was away, or its clock was set on.
        assert_eq!(rounds(&[0, 10, 20, 31, 40]), [false; 5]);
        // Its clock was set back.
        assert_eq!(
            rounds(&[100, 110, 120, 130, 50, 60]),
            [false, false, false, true, false, false]
        );
        assert_eq!(rounds(&[100, 50, 60, 70, 80])[1..], [false, false, false, true]);
    }
}
