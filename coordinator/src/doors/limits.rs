//! How much one token or connection may ask, so that a script that runs wild does not keep the others
//! waiting.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sweep_core::access::Actor;
use sweep_core::clock::Timestamp;
use sweep_core::token::TokenId;

use crate::Error;

/// Limits, each with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls a second of one token, on average. Workers may share one, and an idle worker asks five
    /// times a second: this is 200 of them.
    pub calls_per_second: u32,
    /// Calls at once after a pause: those of two seconds.
    pub calls_burst: u32,
    /// Calls in progress on one connection; more wait at the client. A watch is one for as long as it
    /// lasts.
    pub in_flight_max: u32,
    /// Bytes of a budget.yaml: a hundred times those of the longest example.
    pub submit_bytes_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_per_second: 1000,
            calls_burst: 2000,
            in_flight_max: 256,
            submit_bytes_max: 1 << 20,
        }
    }
}

impl Limits {
    /// Refuses a budget.yaml that is too long to be one.
    pub(crate) fn must_fit(&self, yaml: &str) -> Result<(), Error> {
        let (bytes_n, bytes_max) = (yaml.len(), self.submit_bytes_max);
        if bytes_n <= bytes_max as usize {
            Ok(())
        } else {
            Err(Error::TooLong { bytes_n, bytes_max })
        }
    }
}

/// What each token has left. In memory: a coordinator that starts anew is generous for a moment.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    pub(crate) limits: Limits,
    /// Of tokens that were accepted: no more than there are.
    buckets: Mutex<HashMap<TokenId, Bucket>>,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, buckets: Mutex::default() }
    }

    /// Counts a call. Where nobody signs in, nobody is counted: only this machine comes in.
    ///
    /// # Errors
    /// [`Error::TooMany`] for a call too many.
    pub(crate) fn count(&self, actor: &Actor, now: Timestamp) -> Result<(), Error> {
        let Some(token) = actor.token else { return Ok(()) };
        // A panic while holding it leaves plain numbers behind, which stay usable.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(token).or_insert_with(|| Bucket::full(&self.limits, now));
        match bucket.take(&self.limits, now) {
            Ok(()) => Ok(()),
            Err(retry_after_ms) => Err(Error::TooMany {
                name: actor.name.clone(),
                calls_per_second: self.limits.calls_per_second,
                retry_after_ms,
            }),
        }
    }
}

/// A bucket that fills steadily, and that every call takes one from.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

impl Bucket {
    fn full(limits: &Limits, now: Timestamp) -> Self {
        Self { left: f64::from(limits.calls_burst.max(1)), at: now }
    }

    /// Takes one, or says in how many milliseconds there is one.
    fn take(&mut self, limits: &Limits, now: Timestamp) -> Result<(), u64> {
        let per_ms = f64::from(limits.calls_per_second.max(1)) / 1000.0;
        // A clock that was set back fills nothing.
        let passed_ms = now.0.saturating_sub(self.at.0).max(0) as f64;
        self.left = (self.left + passed_ms * per_ms).min(f64::from(limits.calls_burst.max(1)));
        self.at = now;
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        Err(((1.0 - self.left) / per_ms).ceil() as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sweep_core::access::Role;

    use super::*;

    fn limits(calls_per_second: u32, calls_burst: u32) -> Limits {
        Limits { calls_per_second, calls_burst, ..Limits::default() }
    }

    proptest! {
        /// Whatever the pattern: never more than the burst and what the time that passed allows, and
        /// whoever waits as long as it was told gets in.
        #[test]
        fn no_pattern_of_calls_gets_more_than_its_share(
            rate in 1u32..2000,
            burst in 1u32..50,
            gaps in prop::collection::vec(0i64..40, 1..200),
        ) {
            let limits = limits(rate, burst);
            let mut now = Timestamp(0);
            let mut bucket = Bucket::full(&limits, now);
            let mut taken_n = 0;
            for gap in gaps {
                now = now.plus_ms(gap);
                match bucket.take(&limits, now) {
                    Ok(()) => taken_n += 1,
                    Err(wait_ms) => {
                        let mut later = bucket;
                        prop_assert!(later.take(&limits, now.plus_ms(wait_ms as i64)).is_ok());
                    }
                }
                let most = f64::from(burst) + now.0 as f64 * f64::from(rate) / 1000.0;
                prop_assert!(f64::from(taken_n) <= most + 1e-6);
            }
        }
    }

    #[test]
    fn each_token_has_a_bucket_of_its_own() {
        let limiter = Limiter::new(limits(10, 1));
        let actor = |id: u32| Actor {
            token: Some(TokenId(id)),
            name: "ci".to_owned(),
            role: Role::Viewer,
            project: None,
        };
        let now = Timestamp(0);
        limiter.count(&actor(1), now).unwrap();
        limiter.count(&actor(2), now).unwrap();
        let refused = limiter.count(&actor(1), now);
        assert!(matches!(&refused, Err(Error::TooMany { retry_after_ms: 100, .. })), "{refused:?}");
        limiter.count(&actor(1), now.plus_ms(100)).unwrap();
        // A clock that goes back lets nobody in, and locks nobody out for good.
        assert!(limiter.count(&actor(1), Timestamp(-1000)).is_err());
        limiter.count(&actor(1), Timestamp(-900)).unwrap();
        for _ in 0..3 {
            limiter.count(&Actor::anybody(), now).unwrap();
        }
    }

    #[test]
    fn a_text_of_any_length_is_no_budget() {
        let limits = Limits { submit_bytes_max: 4, ..Limits::default() };
        assert!(limits.must_fit("abcd").is_ok());
        assert!(matches!(limits.must_fit("abcde"), Err(Error::TooLong { bytes_n: 5, .. })));
    }
}
