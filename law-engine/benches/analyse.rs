//! The cost of one refit after a finished run: two arms, five classes, both laws, 1,000 draws.

use divan::{Bencher, black_box};
use law_engine::random::Stream;
use law_engine::{Request, Study, analyse};
use sweep_core::class::ComputeClass;
use sweep_core::ids::{ForecastId, RunId};
use sweep_core::observation::{Fitness, Observation};
use sweep_core::spec::LawChoice;

fn main() {
    divan::main();
}

#[divan::bench(args = [1, 2, 3])]
fn seeds(bencher: Bencher<'_, '_>, seeds_n: u64) {
    let arms = ["gpt".to_owned(), "qlstm".to_owned()];
    let observations = study(&arms, seeds_n);
    let request = Request {
        forecast: ForecastId::default(),
        law: LawChoice::Auto,
        level: 0.9,
        horizon_hours: 1e6,
        draws_n: 1_000,
        seed: 1,
    };
    bencher.bench(|| analyse(&Study::new(black_box(&observations), &arms), &request));
}

fn study(arms: &[String], seeds_n: u64) -> Vec<Observation> {
    let mut observations = Vec::new();
    for (a, arm) in arms.iter().enumerate() {
        for class in ComputeClass::LANGUINI {
            for seed in 1..=seeds_n {
                let noise = Stream::keyed(seed, [a as u64, class.time().ms(), 0]).normal();
                let alpha = [0.3, 0.35][a];
                let loss = 0.8 + [2.0, 2.4][a] * class.hours().powf(-alpha);
                observations.push(Observation {
                    run: RunId::default(),
                    arm: arm.clone(),
                    size: "small".to_owned(),
                    seed,
                    class,
                    params_n: 1,
                    tokens_d: 1,
                    unique_tokens: None,
                    flops_c: 6.0,
                    hours: class.hours(),
                    bits_per_byte: loss * (0.003 * noise).exp(),
                    fitness: Fitness::Fit,
                });
            }
        }
    }
    observations
}
