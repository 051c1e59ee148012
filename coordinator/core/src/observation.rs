//! What the law engine sees of a finished run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::class::ComputeClass;
use crate::ids::RunId;
use crate::plan::RunSpec;
use crate::run::RunResult;

/// One finished run as a measurement. Kept for every run, also for those that no curve uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    pub run: RunId,
    pub arm: String,
    pub size: String,
    pub seed: u64,
    pub class: ComputeClass,
    /// Parameters, embeddings included (N).
    pub params_n: u64,
    /// Training tokens (D).
    pub tokens_d: u64,
    /// Different tokens among them (U); none where they are not known. D over U is how often each was
    /// read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_tokens: Option<u64>,
    /// Training FLOPs by the 6ND rule (C).
    pub flops_c: f64,
    /// Accelerator hours by the protocol: those of the class.
    pub hours: f64,
    /// Validation loss in bits per byte of text, comparable across tokenizers.
    pub bits_per_byte: f64,
    pub fitness: Fitness,
}

/// Whether a run may be used to fit a law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fitness {
    Fit,
    /// The run never left the bigram plateau: its loss is within 2 % of the bigram entropy of the
    /// text, and a law through it would have a kink.
    Plateau {
        bigram_bits_per_byte: f64,
    },
}

/// A loss this close above the bigram entropy counts as the plateau.
const PLATEAU_MARGIN: f64 = 1.02;
/// Slightly below the bigram entropy it still is one: more than this below, it is not.
const PLATEAU_FLOOR: f64 = 0.98;

impl Observation {
    /// The observation of a run that succeeded.
    #[must_use]
    pub fn from_run(spec: &RunSpec, result: &RunResult) -> Self {
        let (params_n, flops_c) = match result.params_n {
            None => (spec.params_n(), spec.flops_c()),
            Some(params_n) => (params_n, 6.0 * params_n as f64 * spec.tokens_d() as f64),
        };
        Self {
            run: spec.id,
            arm: spec.arm.clone(),
            size: spec.size.clone(),
            seed: spec.seed,
            class: spec.class,
            params_n,
            tokens_d: spec.tokens_d(),
            unique_tokens: result.unique_tokens(),
            flops_c,
            hours: spec.class.hours(),
            bits_per_byte: result.bits_per_byte,
            fitness: fitness(result),
        }
    }

    #[must_use]
    pub const fn is_fit(&self) -> bool {
        matches!(self.fitness, Fitness::Fit)
    }
}

fn fitness(result: &RunResult) -> Fitness {
    let on_plateau =
        |bigram: &f64| (PLATEAU_FLOOR..=PLATEAU_MARGIN).contains(&(result.bits_per_byte / bigram));
    match result.bigram_bits_per_byte.filter(on_plateau) {
        Some(bigram_bits_per_byte) => Fitness::Plateau { bigram_bits_per_byte },
        None => Fitness::Fit,
    }
}

/// The lower envelope of one arm: for each class and seed the observation of the best size, in
/// order of class, then seed. Observations unfit for fitting are left out.
#[must_use]
pub fn lower_envelope<'a>(observations: &'a [Observation], arm: &str) -> Vec<&'a Observation> {
    let mut best: std::collections::BTreeMap<(ComputeClass, u64), &Observation> =
        std::collections::BTreeMap::new();
    for observation in observations.iter().filter(|o| o.arm == arm && o.is_fit()) {
        best.entry((observation.class, observation.seed))
            .and_modify(|best| {
                if observation.bits_per_byte < best.bits_per_byte {
                    *best = observation;
                }
            })
            .or_insert(observation);
    }
    best.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::AcceleratorTime;

    fn observation(size: &str, seconds: u64, seed: u64, bits: f64) -> Observation {
        let class = ComputeClass::new(AcceleratorTime::from_ms(seconds * 1000));
        Observation {
            run: RunId::new(),
            arm: "gpt".into(),
            size: size.into(),
            seed,
            class,
            params_n: 1,
            tokens_d: 1,
            unique_tokens: None,
            flops_c: 6.0,
            hours: class.hours(),
            bits_per_byte: bits,
            fitness: Fitness::Fit,
        }
    }

    #[test]
    fn the_envelope_keeps_the_best_size_per_class_and_seed() {
        let mut all = vec![
            observation("small", 20, 1, 2.0),
            observation("large", 20, 1, 2.2),
            observation("small", 40, 1, 1.9),
            observation("large", 40, 1, 1.8),
            observation("small", 20, 2, 2.1),
        ];
        all[3].fitness = Fitness::Plateau { bigram_bits_per_byte: 1.8 };
        let envelope: Vec<f64> =
            lower_envelope(&all, "gpt").iter().map(|o| o.bits_per_byte).collect();
        assert_eq!(envelope, [2.0, 2.1, 1.9]);
    }

    #[test]
    fn a_run_on_the_bigram_plateau_is_unfit() {
        let mut result = RunResult {
            loss: 2.3,
            bits_per_byte: 3.32,
            normalised_perplexity: 10.0,
            bigram_bits_per_byte: Some(3.3),
            tokens_per_second: 1.0,
            ..RunResult::default()
        };
        assert!(matches!(fitness(&result), Fitness::Plateau { .. }));
        result.bits_per_byte = 2.4;
        assert_eq!(fitness(&result), Fitness::Fit);
        // Worse than a bigram model (a very short run) is not a plateau.
        result.bits_per_byte = 4.0;
        assert_eq!(fitness(&result), Fitness::Fit);
    }
}
