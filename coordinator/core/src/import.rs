//! Finished runs from elsewhere: what is told of them, and what the law engine sees of them.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::class::ComputeClass;
use crate::clock::Timestamp;
use crate::ids::{ImportId, RunId, SweepId};
use crate::observation::{Fitness, Observation};
use crate::units::{AcceleratorTime, human_count};

/// A finished run that another tool tracked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImportedRun {
    /// The arm of the sweep that it belongs to.
    pub arm: String,
    /// What the other tool calls it; empty where it has no name.
    pub name: String,
    /// Label of its size; by default its parameters.
    pub size: Option<String>,
    /// By default replicates of one arm, size and class are counted.
    pub seed: Option<u64>,
    /// Parameters, embeddings included (N).
    pub params_n: u64,
    /// Training tokens (D).
    pub tokens_d: u64,
    /// Different tokens among them (U), where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_tokens: Option<u64>,
    /// Accelerator hours of its training.
    pub hours: f64,
    /// Validation loss in bits per byte of text.
    pub bits_per_byte: f64,
}

/// Hours that differ from those of a class by less than this share are of that class: other tools
/// measure what a run took, not what it was allowed.
const CLASS_MARGIN: f64 = 0.02;

impl ImportedRun {
    /// What keeps it from being an observation, in words.
    ///
    /// # Errors
    /// The first field that no law can use, and its value.
    pub fn check(&self) -> Result<(), String> {
        let positive = |field: &str, value: f64| {
            let is_usable = value.is_finite() && value > 0.0;
            is_usable
                .then_some(())
                .ok_or_else(|| format!("{field} is {value}, expected a positive finite number"))
        };
        positive("params_n", self.params_n as f64)?;
        positive("tokens_d", self.tokens_d as f64)?;
        positive("hours", self.hours)?;
        positive("bits_per_byte", self.bits_per_byte)
    }

    /// The class of `classes` that its hours are of, else one of its own.
    fn class(&self, classes: &[ComputeClass]) -> ComputeClass {
        let is_near =
            |class: &&ComputeClass| (self.hours / class.hours() - 1.0).abs() < CLASS_MARGIN;
        let own = ComputeClass::new(AcceleratorTime::from_seconds_f64(self.hours * 3600.0));
        classes.iter().find(is_near).copied().unwrap_or(own)
    }
}

/// The observations of a sweep's imported runs. Each has an id that follows from the sweep and from
/// what is told of the run: the same run imported twice is one observation.
#[must_use]
pub fn observations(
    sweep: SweepId,
    classes: &[ComputeClass],
    runs: &[ImportedRun],
) -> Vec<Observation> {
    let mut alike: HashMap<String, u32> = HashMap::new();
    let mut replicates: HashMap<(String, String, ComputeClass), u64> = HashMap::new();
    let observation = |run: &ImportedRun| {
        let size = run.size.clone().unwrap_or_else(|| human_count(run.params_n as f64));
        let class = run.class(classes);
        let replicate = replicates.entry((run.arm.clone(), size.clone(), class)).or_default();
        *replicate += 1;
        let ImportedRun { arm, name, seed, params_n, tokens_d, hours, bits_per_byte, .. } = run;
        let told = format!(
            "{arm}\n{name}\n{size}\n{seed:?}\n{params_n}\n{tokens_d}\n{hours}\n{bits_per_byte}"
        );
        // Rows without a name may be equal and yet be several runs.
        let number = alike.entry(told.clone()).or_default();
        *number += 1;
        Observation {
            run: RunId::derived(sweep.0, &format!("{told}\n{number}")),
            arm: arm.clone(),
            size,
            seed: seed.unwrap_or(*replicate),
            class,
            params_n: *params_n,
            tokens_d: *tokens_d,
            unique_tokens: run.unique_tokens,
            flops_c: 6.0 * *params_n as f64 * *tokens_d as f64,
            hours: *hours,
            bits_per_byte: *bits_per_byte,
            fitness: Fitness::Fit,
        }
    };
    runs.iter().map(observation).collect()
}

/// Runs that were imported together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Import {
    pub id: ImportId,
    /// The file or folder, as whoever imported it named it.
    pub source: String,
    pub runs_n: u32,
    pub imported_at: Timestamp,
}

/// What came of importing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    pub sweep_name: String,
    /// None where every run was known before, or nothing was to be stored.
    pub import: Option<Import>,
    /// Runs that were not known before.
    pub new: Vec<Observation>,
    /// Runs that an import before this one has brought.
    pub known_n: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::lower_envelope;

    fn run(name: &str, params_n: u64, hours: f64, bits_per_byte: f64) -> ImportedRun {
        ImportedRun {
            arm: "gpt".to_owned(),
            name: name.to_owned(),
            size: None,
            seed: None,
            params_n,
            tokens_d: 20 * params_n,
            unique_tokens: None,
            hours,
            bits_per_byte,
        }
    }

    #[test]
    fn the_same_run_is_the_same_observation() {
        let sweep = SweepId::new();
        let ids = |runs: &[ImportedRun]| -> Vec<RunId> {
            observations(sweep, &[], runs).iter().map(|o| o.run).collect()
        };
        let (a, b) = (run("a", 1_000_000, 1.0, 2.0), run("b", 1_000_000, 1.0, 2.0));
        let alone = |run: &ImportedRun| ids(std::slice::from_ref(run))[0];
        assert_eq!(ids(&[a.clone(), b.clone()]), [alone(&a), alone(&b)]);
        // Two equal rows are two runs, also when they come again.
        let twice = ids(&[a.clone(), a.clone()]);
        assert_ne!(twice[0], twice[1]);
        assert_eq!(twice, ids(&[a.clone(), a.clone()]));
        let elsewhere = observations(SweepId::new(), &[], &[a]);
        assert_ne!(elsewhere[0].run, twice[0]);
    }

    #[test]
    fn measured_hours_are_of_the_class_that_they_are_close_to() {
        let six = ComputeClass::H6;
        let runs = [run("a", 1_000_000, 5.95, 2.0), run("b", 1_000_000, 5.8, 2.0)];
        let found = observations(SweepId::new(), &[six], &runs);
        assert_eq!((found[0].class, found[0].hours), (six, 5.95));
        assert_eq!(found[1].class.time().ms(), 5_800 * 3_600);
    }

    #[test]
    fn replicates_without_a_seed_are_kept_apart_and_sizes_compared() {
        let runs = [
            run("small, first", 1_000_000, 6.0, 2.0),
            run("large, first", 8_000_000, 6.0, 1.9),
            run("small, second", 1_000_000, 6.0, 1.8),
        ];
        let found = observations(SweepId::new(), &[ComputeClass::H6], &runs);
        let labels: Vec<_> = found.iter().map(|o| (&*o.size, o.seed)).collect();
        assert_eq!(labels, [("1M", 1), ("8M", 1), ("1M", 2)]);
        let envelope = lower_envelope(&found, "gpt");
        let losses: Vec<f64> = envelope.iter().map(|o| o.bits_per_byte).collect();
        assert_eq!(losses, [1.9, 1.8]);
    }

    #[test]
    fn what_no_law_can_use_is_named() {
        let good = run("a", 1_000_000, 6.0, 2.0);
        assert_eq!(good.check(), Ok(()));
        let cases = [
            (ImportedRun { params_n: 0, ..good.clone() }, "params_n is 0"),
            (ImportedRun { tokens_d: 0, ..good.clone() }, "tokens_d is 0"),
            (ImportedRun { hours: f64::NAN, ..good.clone() }, "hours is NaN"),
            (ImportedRun { hours: -1.0, ..good.clone() }, "hours is -1"),
            (ImportedRun { bits_per_byte: f64::INFINITY, ..good }, "bits_per_byte is inf"),
        ];
        for (run, words) in cases {
            let said = run.check().unwrap_err();
            assert!(said.starts_with(words), "{said}");
        }
    }
}
