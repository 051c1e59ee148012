//! Synthetic studies in the setting of Languini Kitchen's crossover.

use law_engine::random::Stream;
use law_engine::{Analysis, Request, Study, analyse};
use sweep_core::class::ComputeClass;
use sweep_core::fit::LawName;
use sweep_core::ids::{ForecastId, RunId};
use sweep_core::observation::{Fitness, Observation};
use sweep_core::spec::LawChoice;
use uuid::Uuid;

/// Where the two true laws cross, hours.
pub(crate) const CROSSING: f64 = 50_000.0;
/// Exponents of the two true laws.
pub(crate) const SLOPES: [f64; 2] = [0.075, 0.095];

pub(crate) fn arms() -> Vec<String> {
    vec!["gpt".to_owned(), "qlstm".to_owned()]
}

pub(crate) fn observation(
    arm: &str,
    class: ComputeClass,
    seed: u64,
    bits_per_byte: f64,
) -> Observation {
    Observation {
        run: RunId(Uuid::nil()),
        arm: arm.to_owned(),
        size: "small".to_owned(),
        seed,
        class,
        params_n: 1,
        tokens_d: 1,
        unique_tokens: None,
        flops_c: 6.0,
        hours: class.hours(),
        bits_per_byte,
        fitness: Fitness::Fit,
    }
}

/// Two true laws, and how their runs scatter.
#[derive(Clone, Copy)]
pub(crate) struct Truth {
    /// Loss of each arm at `hours`.
    pub(crate) loss: fn(arm: usize, hours: f64) -> f64,
    pub(crate) seeds_n: u64,
    /// Standard deviation of the log loss, each run by itself.
    pub(crate) noise: f64,
    /// The same of what two runs of one class and seed have in common.
    pub(crate) common: f64,
}

impl Truth {
    /// Plain power laws that cross at [`CROSSING`].
    pub(crate) const POWER: Self = Self {
        loss: |arm, hours| (hours / CROSSING).powf(-SLOPES[arm]),
        seeds_n: 1,
        noise: 0.005,
        common: 0.0,
    };

    /// One simulated study over Languini's five classes.
    pub(crate) fn study(&self, replicate: u64) -> Vec<Observation> {
        let mut observations = Vec::new();
        for (c, class) in ComputeClass::LANGUINI.into_iter().enumerate() {
            for seed in 1..=self.seeds_n {
                let mut stream = Stream::keyed(replicate, [c as u64, seed, 0xda7a]);
                let common = self.common * stream.normal();
                for (a, arm) in arms().iter().enumerate() {
                    let error = common + self.noise * stream.normal();
                    let loss = (self.loss)(a, class.hours()) * error.exp();
                    observations.push(observation(arm, class, seed, loss));
                }
            }
        }
        observations
    }
}

pub(crate) struct Settings {
    pub(crate) law: LawName,
    pub(crate) draws_n: u32,
    pub(crate) horizon_hours: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { law: LawName::Power, draws_n: 200, horizon_hours: 1e7 }
    }
}

pub(crate) fn run(observations: &[Observation], settings: &Settings) -> Analysis {
    let law = match settings.law {
        LawName::Power => LawChoice::Power,
        LawName::PowerFloor => LawChoice::PowerFloor,
    };
    let Settings { draws_n, horizon_hours, .. } = *settings;
    let study = Study::new(observations, &arms());
    analyse(&study, &Request { law, draws_n, horizon_hours, ..request() })
}

/// With the law left to the data.
pub(crate) fn run_auto(observations: &[Observation]) -> Analysis {
    analyse(&Study::new(observations, &arms()), &request())
}

fn request() -> Request {
    Request {
        forecast: ForecastId(Uuid::nil()),
        law: LawChoice::Auto,
        level: 0.9,
        horizon_hours: 1e7,
        draws_n: 200,
        seed: 11,
    }
}
