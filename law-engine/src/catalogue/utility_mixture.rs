//! Error on a mixture of equal pools of different quality, from the utility-decay law of each
//! (Goyal et al., arXiv 2404.07177). It has nothing to fit: it forecasts mixtures from single pools.
//!
//! ```text
//! y        = d + (a n_1)^b_0 prod_{j >= 1} (n_{j+1} / n_j)^(b_j)
//! b_j      = mean over the p pools of b_i 0.5^(j / (p tau_i))
//! ```
//!
//! n_j are the samples seen after epoch j of all pools together, p times one pool. The released
//! function scales d by the later epochs too; this is the law as written, d added once.

/// One pool by its fit of utility-decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pool {
    /// b, below zero.
    pub utility: f64,
    /// tau, epochs of the pool alone in which its utility halves.
    pub half_life: f64,
}

/// What the pools of a mixture share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shared {
    /// a, scale of the samples.
    pub scale: f64,
    /// d, irreducible error.
    pub floor: f64,
    /// Samples of one pool.
    pub pool_size: f64,
}

/// Epochs of the mixture that are followed. A half-life of a thousand is no decay in any data.
const EPOCHS_MAX: u32 = 100_000;

/// The error after `seen` samples of the mixture, repeats counted. None without pools, or with a
/// number that is not positive, or with more than 100,000 epochs.
#[must_use]
pub fn error(pools: &[Pool], shared: Shared, seen: f64) -> Option<f64> {
    let pools_n = pools.len() as f64;
    let epoch_size = pools_n * shared.pool_size;
    let is_sound = |value: f64| value.is_finite() && value > 0.0;
    if ![epoch_size, seen, shared.scale].into_iter().all(is_sound)
        || seen / epoch_size > f64::from(EPOCHS_MAX)
    {
        return None;
    }
    let utility = |epoch: u32| {
        let of =
            |pool: &Pool| pool.utility * (-f64::from(epoch) / (pools_n * pool.half_life)).exp2();
        pools.iter().map(of).sum::<f64>() / pools_n
    };
    let mut ln_power = utility(0) * (shared.scale * seen.min(epoch_size)).ln();
    for epoch in 1..=EPOCHS_MAX {
        let before = f64::from(epoch) * epoch_size;
        if before >= seen {
            break;
        }
        ln_power += utility(epoch) * ((before + epoch_size).min(seen) / before).ln();
    }
    Some(shared.floor + ln_power.exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;

    const SHARED: Shared = Shared { scale: 1e-6, floor: 0.1, pool_size: 12.8e6 };

    #[test]
    fn equal_pools_are_one_pool_that_lasts_longer() {
        let law = find("utility-decay").expect("it is in the catalogue");
        for pools_n in [1, 2, 5] {
            let pools = vec![Pool { utility: -0.2, half_life: 3.0 }; pools_n];
            let times = pools_n as f64;
            for seen in [1e6, 12.8e6, 32e6, 128e6, 640e6] {
                let single = law.predict(&[1e-6, -0.2, 3.0 * times, 0.1], &[seen, 12.8e6 * times]);
                let mixed = error(&pools, SHARED, seen).expect("all is positive");
                assert!((mixed - single).abs() < 1e-12, "{mixed} {single}");
            }
        }
    }

    /// Two pools, two epochs, by hand: 1.5 epochs of 25.6M samples.
    #[test]
    fn the_better_pool_wins_until_it_is_worn_out() {
        let good = Pool { utility: -0.3, half_life: 1.0 };
        let poor = Pool { utility: -0.2, half_life: 50.0 };
        let mixed = error(&[good, poor], SHARED, 38.4e6).expect("all is positive");
        let second = 0.5 * (-0.3 * 0.5_f64.sqrt() - 0.2 * 0.5_f64.powf(0.01));
        let expected = 0.1 + 25.6_f64.powf(-0.25) * 1.5_f64.powf(second);
        assert!((mixed - expected).abs() < 1e-12, "{mixed} {expected}");
        let after = |pool, seen| error(&[pool], SHARED, seen).expect("all is positive");
        assert!(after(good, 12.8e6) < after(poor, 12.8e6));
        assert!(after(good, 128e7) > after(poor, 128e7));
    }

    #[test]
    fn nonsense_has_no_error() {
        assert_eq!(error(&[], SHARED, 1e6), None);
        let pool = Pool { utility: -0.2, half_life: 3.0 };
        assert_eq!(error(&[pool], SHARED, f64::NAN), None);
        assert_eq!(error(&[pool], SHARED, 1e30), None);
    }
}
