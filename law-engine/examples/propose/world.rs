//! Simulated worlds: what a run costs, what it measures, and how far off a fit to runs is.

use law_engine::catalogue::frontier::Frontier;
use law_engine::catalogue::{self, Data, Law, Options, Scheme};
use law_engine::objective::Residual;
use law_engine::query::Throughput;
use law_engine::random::Stream;

/// Besiroglu et al.'s fit.
pub(crate) const TRUTH: [f64; 5] = [1.8172, 482.01, 2085.43, 0.3478, 0.3658];
/// The compute that is asked about.
pub(crate) const FLOPS_C: f64 = 1e24;
/// Standard deviation of one seed, in ln loss.
const SEED_SD: f64 = 0.004;
/// Of the offsets of sizes.
const OFFSET_SD: f64 = 0.004;
/// Hours of a run beside its tokens.
const OVERHEAD_HOURS: f64 = 0.2;
/// 4e14 FLOP a second.
pub(crate) const THROUGHPUT: Throughput =
    Throughput { amplitude: 4e14 / 6.0, exponent: 1.0, residual_sd: 0.0 };

/// No design has smaller models.
pub(crate) const SMALLEST_N: f64 = 1e7;

/// N and D.
pub(crate) type Place = [f64; 2];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    /// The law is true.
    Law,
    /// Sizes about 3e7 are up to 1 % worse than the law.
    Bump,
    /// Every size has an offset of its own.
    Offsets,
    /// Waves of 0.3 % along size and tokens, one and a half decades long.
    Wiggle,
}

impl World {
    pub(crate) const ALL: [Self; 4] = [Self::Law, Self::Bump, Self::Offsets, Self::Wiggle];

    /// ln of the loss over the law's, without the noise of a seed.
    fn deviation(self, [n, d]: Place, replicate: u64) -> f64 {
        match self {
            Self::Law => 0.0,
            Self::Bump => 0.01 * (-0.5 * ((n / 3e7).log10() / 0.3).powi(2)).exp(),
            Self::Offsets => OFFSET_SD * Stream::keyed(replicate, [n.to_bits(), 1, 0]).normal(),
            Self::Wiggle => {
                let wave = |x: f64, axis: u64| {
                    // A phase, from a number that is as good as uniform.
                    let phase = 100.0 * Stream::keyed(replicate, [axis, 2, 0]).normal();
                    (std::f64::consts::TAU * x.log10() / 1.5 + phase).sin()
                };
                0.003 * (wave(n, 0) + wave(d, 1))
            }
        }
    }

    /// The losses of runs. A run measures the same in every design, its second seed something else.
    pub(crate) fn measure(self, runs: &[Place], replicate: u64) -> Data {
        let loss = |(number, run): (usize, &Place)| {
            let seed = runs[..number].iter().filter(|earlier| *earlier == run).count() as u64;
            let place = run[0].to_bits() ^ run[1].to_bits().rotate_left(31);
            let noise = SEED_SD * Stream::keyed(replicate, [place, seed, 3]).normal();
            law().predict(&TRUTH, run) * (self.deviation(*run, replicate) + noise).exp()
        };
        let losses = runs.iter().enumerate().map(loss).collect();
        let rows = runs.iter().map(|run| run.to_vec()).collect();
        Data::new(&["N", "D"], rows, losses, None).expect("runs are positive")
    }
}

pub(crate) fn law() -> &'static dyn Law {
    catalogue::find("chinchilla").expect("it is in the catalogue")
}

/// Every design is fitted by plain least squares.
pub(crate) fn options() -> Options {
    Options { scheme: Scheme::Runs, ..Options::least_squares(Residual::Log) }
}

pub(crate) fn hours([n, d]: Place) -> f64 {
    OVERHEAD_HOURS + THROUGHPUT.hours(n, d)
}

/// The runs that one may choose from when `budget` hours are left: none takes more than 30 % of it.
pub(crate) fn pool(budget: f64) -> Vec<Place> {
    let sizes = (0..30).map(|i| SMALLEST_N * 10_f64.powf(f64::from(i) / 6.0));
    let places = sizes.flat_map(|n| (0..9).map(move |k| [n, 1.25 * 2_f64.powi(k) * n]));
    places.filter(|run| hours(*run) <= 0.3 * budget).collect()
}

/// Errors of the loss and of the size of the best run, in logarithms; infinite where the fit has no
/// best run.
pub(crate) fn errors(world: World, runs: &[Place], replicate: u64) -> [f64; 2] {
    let Ok(fit) = law().estimate(&world.measure(runs, replicate), &options()) else {
        return [f64::INFINITY; 2];
    };
    let coefficients = fit.coefficients.try_into().expect("the law has five");
    let (found, truth) =
        (Frontier::new(coefficients).at(FLOPS_C), Frontier::new(TRUTH).at(FLOPS_C));
    let errors = [found.loss / truth.loss, found.params_n / truth.params_n];
    errors.map(|ratio| {
        let error = ratio.ln().abs();
        if error.is_finite() { error } else { f64::INFINITY }
    })
}
