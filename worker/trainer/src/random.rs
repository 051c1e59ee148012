//! Random numbers that are the same on every platform and in every release: SplitMix64 (Steele,
//! Lea, Flood, OOPSLA 2014) and the Box-Muller transform over a software `ln` and `cos`.

use std::f64::consts::TAU;

/// One stream of random numbers.
pub(crate) struct Random {
    state: u64,
    /// Box-Muller makes two normals at a time.
    spare: Option<f64>,
}

/// What a stream is for. Streams of one seed are independent of each other.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Weights,
    /// Order of the documents in this epoch of a corpus.
    Documents {
        corpus: u64,
        epoch: u64,
    },
    /// How the corpora of a mix alternate in this pass.
    Mix {
        pass: u64,
    },
    /// Token ids for measuring throughput.
    Probe,
}

impl Random {
    pub(crate) fn new(seed: u64, purpose: Purpose) -> Self {
        let stream = match purpose {
            Purpose::Weights => 0,
            Purpose::Probe => 1,
            Purpose::Documents { corpus, epoch } => 2 + epoch + (corpus << 40),
            Purpose::Mix { pass } => !pass,
        };
        Self { state: mix(seed) ^ mix(!stream), spare: None }
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// Uniform in `0..n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// Standard normal.
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        // In (0, 1], so that the logarithm is finite.
        let unit = |bits: u64| ((bits >> 11) + 1) as f64 / (1u64 << 53) as f64;
        let radius = (-2.0 * libm::log(unit(self.bits()))).sqrt();
        let angle = TAU * unit(self.bits());
        self.spare = Some(radius * libm::sin(angle));
        radius * libm::cos(angle)
    }

    /// Fisher-Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

/// The output function of SplitMix64.
const fn mix(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference implementation's first outputs from state 1234567.
    #[test]
    fn bits_are_those_of_splitmix64() {
        let mut random = Random { state: 1_234_567, spare: None };
        let first = [random.bits(), random.bits(), random.bits()];
        let published =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(first, published);
    }

    #[test]
    fn normals_have_the_moments_of_a_normal() {
        let mut random = Random::new(7, Purpose::Weights);
        let values: Vec<f64> = (0..100_000).map(|_| random.normal()).collect();
        let moment = |k| values.iter().map(|x| x.powi(k)).sum::<f64>() / values.len() as f64;
        assert!(moment(1).abs() < 0.01, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.02, "variance {}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.15, "kurtosis {}", moment(4));
    }

    #[test]
    fn streams_of_one_seed_differ() {
        let first = |seed, purpose| Random::new(seed, purpose).bits();
        let epoch = |corpus, epoch| Purpose::Documents { corpus, epoch };
        let all = [
            first(0, Purpose::Weights),
            first(1, Purpose::Weights),
            first(0, epoch(0, 0)),
            first(0, epoch(0, 1)),
            first(0, epoch(1, 0)),
            first(0, Purpose::Mix { pass: 0 }),
            first(0, Purpose::Mix { pass: 1 }),
            first(0, Purpose::Probe),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b), "stream {i} repeats");
        }
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..50).collect();
        Random::new(3, Purpose::Weights).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
