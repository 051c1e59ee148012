//! What a well-formed budget.yaml may still not ask for.

mod data;
mod post_training;
mod propose;
mod quantization;
mod queue;
mod variant;

use std::collections::BTreeSet;

use super::{API_VERSION, AcceleratorKind, ArmSpec, OptimiserOverrides, SizeEntry, SweepSpec};
use crate::units::AcceleratorTime;
use crate::variant::{Family, MomentFormat, is_default};

/// A mistake before its place in the text is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Dotted path of the field, e.g. `forecast.laws[0]`.
    pub field: String,
    /// What is wrong, and what would be right.
    pub message: String,
    pub hint: Option<String>,
}

/// Limits that keep a slip of the keyboard from planning millions of runs.
const RUNS_MAX: usize = 1_000_000;
const WORKERS_MAX: u32 = 1024;
const WIDTH_MAX: u32 = 65_536;
const LAYERS_MAX: u32 = 1024;
const NAME_LENGTH_MAX: usize = 63;

struct Check {
    mistakes: Vec<Mistake>,
}

impl Check {
    fn wrong(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.mistakes.push(Mistake { field: field.into(), message: message.into(), hint: None });
    }

    fn wrong_with_hint(
        &mut self,
        field: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let hint = Some(hint.into());
        self.mistakes.push(Mistake { field: field.into(), message: message.into(), hint });
    }
}

/// All mistakes of `spec`, in the order of the keys.
pub(super) fn check(spec: &SweepSpec) -> Vec<Mistake> {
    let mut check = Check { mistakes: Vec::new() };
    if spec.api_version != API_VERSION {
        let message = format!("`{}` is not supported, expected `{API_VERSION}`", spec.api_version);
        check.wrong("apiVersion", message);
    }
    check_name(&mut check, "name", &spec.name);
    queue::check(&mut check, spec);
    if spec.budget == AcceleratorTime::ZERO {
        check.wrong("budget", "the budget is zero, so no run could be started");
    }
    check_classes(&mut check, spec);
    check_seeds(&mut check, &spec.seeds);
    data::check(&mut check, spec);
    check_arms(&mut check, &spec.arms);
    check_moments(&mut check, spec);
    check_forecast(&mut check, spec);
    propose::check(&mut check, spec);
    if let Some(threads) = spec.schedule.threads {
        check_threads(&mut check, spec, threads);
    }
    if let Some(workers) = spec.schedule.workers
        && !(1..=WORKERS_MAX).contains(&workers)
    {
        let message = format!("{workers} workers are out of range, expected 1 to {WORKERS_MAX}");
        check.wrong("schedule.workers", message);
    }
    let sizes: usize = spec.arms.iter().map(|arm| arm.sizes.len()).sum();
    let runs = sizes.saturating_mul(spec.classes.len()).saturating_mul(spec.seeds.len());
    if runs > RUNS_MAX {
        check.wrong("arms", format!("the sweep has {runs} runs, more than {RUNS_MAX}"));
    }
    check.mistakes
}

fn check_name(check: &mut Check, field: &str, name: &str) {
    if let Some(message) = name_mistake(name) {
        check.wrong(field, message);
    }
}

/// What keeps a text from being a name.
pub(super) fn name_mistake(name: &str) -> Option<String> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let well_formed = name.chars().all(legal)
        && name.len() <= NAME_LENGTH_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !name.ends_with('-');
    (!well_formed).then(|| {
        format!(
            "`{name}` is not a name: lower-case letters, digits and hyphens, at most \
             {NAME_LENGTH_MAX}, beginning and ending with a letter or digit"
        )
    })
}

fn check_classes(check: &mut Check, spec: &SweepSpec) {
    if spec.classes.is_empty() {
        check.wrong("classes", "there is no compute class, expected at least one such as `20s`");
    }
    let mut seen = BTreeSet::new();
    for (index, class) in spec.classes.iter().enumerate() {
        let field = format!("classes[{index}]");
        if class.time() == AcceleratorTime::ZERO {
            check.wrong(field, "a compute class of no time trains nothing");
        } else if class.time() > spec.budget && spec.budget > AcceleratorTime::ZERO {
            let message = format!("no run of class {class} can fit the budget of {}", spec.budget);
            check.wrong_with_hint(field, message, "raise the budget or drop the class");
        } else if !seen.insert(*class) {
            check.wrong(field, format!("the class {class} is listed twice"));
        }
    }
}

fn check_seeds(check: &mut Check, seeds: &[u64]) {
    if seeds.is_empty() {
        check.wrong("seeds", "there is no seed, expected at least one such as `[1]`");
    }
    let mut seen = BTreeSet::new();
    for (index, seed) in seeds.iter().enumerate() {
        if !seen.insert(*seed) {
            check.wrong(format!("seeds[{index}]"), format!("the seed {seed} is listed twice"));
        }
    }
}

fn check_arms(check: &mut Check, arms: &[ArmSpec]) {
    if arms.is_empty() {
        check.wrong("arms", "there is no arm, expected at least one");
    }
    let mut names = BTreeSet::new();
    for (index, arm) in arms.iter().enumerate() {
        let field = format!("arms[{index}]");
        check_name(check, &format!("{field}.name"), &arm.name);
        if !names.insert(&arm.name) {
            let message = format!("two arms are called `{}`", arm.name);
            check.wrong(format!("{field}.name"), message);
        }
        check_trainer(check, &field, arm);
        if let Some(family) = arm.family
            && family.is_recurrent()
            && arm.position.is_some()
        {
            let message = format!("a model of family `{family}` takes no positions");
            check.wrong(format!("{field}.position"), message);
        }
        check_optimiser(check, &field, arm);
        check_schedule(check, &field, arm);
        variant::check(check, &field, arm);
        if arm.sizes.is_empty() {
            check.wrong(format!("{field}.sizes"), "there is no size, expected at least one");
        }
        for (index, size) in arm.sizes.iter().enumerate() {
            let field = format!("{field}.sizes[{index}]");
            if arm.sizes[..index].contains(size) {
                check.wrong(&field, "this size is listed twice");
            }
            check_size(check, &field, size);
        }
    }
}

/// Who trains the arm: the built-in trainer, which needs to know a family, or a command, which is told
/// nothing of what only the built-in trainer can do.
fn check_trainer(check: &mut Check, field: &str, arm: &ArmSpec) {
    let Some(trainer) = &arm.trainer else {
        match arm.family {
            Some(Family::Gpt | Family::Qlstm | Family::Lstm) => {}
            Some(Family::External) => {
                let ours = Family::OURS;
                let message = format!("`external` needs a `trainer`, expected {ours} without one");
                check.wrong(format!("{field}.family"), message);
            }
            None => {
                let message = format!("this key is missing, expected {}", Family::OURS);
                let hint = "or train by a command of your own: trainer: { command: [...] }";
                check.wrong_with_hint(format!("{field}.family"), message, hint);
            }
        }
        return;
    };
    let given = [
        ("family", arm.family.is_some_and(|family| family != Family::External)),
        ("position", arm.position.is_some()),
        ("activation", !is_default(&arm.activation)),
        ("gated", arm.gated),
        ("quantization", arm.quantization.is_some()),
        ("sparsity", arm.sparsity.is_some()),
        ("experts", arm.experts.is_some()),
        ("hiddenGroups", arm.hidden_groups.is_some()),
        ("streams", arm.streams.is_some()),
        ("norm", !is_default(&arm.norm)),
        ("qkNorm", arm.qk_norm),
        ("zLoss", arm.z_loss.is_some()),
        ("tied", arm.tied),
        ("activationRatio", arm.activation_ratio.is_some()),
        ("postTraining", arm.post_training.is_some()),
    ];
    for (key, _) in given.into_iter().filter(|(_, given)| *given) {
        let message =
            format!("this arm is trained by its own command, which is not told of `{key}`");
        let hint = "leave the key out, or give the command an argument of its own";
        check.wrong_with_hint(format!("{field}.{key}"), message, hint);
    }
    if trainer.command.first().is_none_or(|program| program.trim().is_empty()) {
        let message = "the command is empty, expected a program and its arguments";
        let hint = "for example [python3, train.py, --width, \"{width}\", --steps, \"{steps}\"]";
        check.wrong_with_hint(format!("{field}.trainer.command"), message, hint);
    }
    for (index, mistake) in trainer.mistakes() {
        let field = format!("{field}.trainer.command[{index}]");
        let (message, hint) = (mistake.to_string(), mistake.hint());
        check.mistakes.push(Mistake { field, message, hint });
    }
}

fn check_optimiser(check: &mut Check, field: &str, arm: &ArmSpec) {
    let optimiser = &arm.optimiser;
    for (key, value, zero_allowed) in [
        ("learningRate", optimiser.learning_rate, false),
        ("weightDecay", optimiser.weight_decay, true),
        ("clipNorm", optimiser.clip_norm, false),
        ("initStd", optimiser.init_std, false),
    ] {
        let Some(value) = value else { continue };
        if !value.is_finite() || value < 0.0 || (value == 0.0 && !zero_allowed) {
            let message = format!("{value} is out of range, expected a positive number");
            check.wrong(format!("{field}.optimiser.{key}"), message);
        }
    }
    if optimiser.mu_p && arm.tied {
        let message = "a tied embedding has one rate for two uses whose rates differ, expected \
                       `tied: false`";
        check.wrong(format!("{field}.optimiser.muP"), message);
    }
}

fn check_moments(check: &mut Check, spec: &SweepSpec) {
    if spec.accelerator.kind == AcceleratorKind::Cpu {
        return;
    }
    for (index, arm) in spec.arms.iter().enumerate() {
        if arm.optimiser.moments == MomentFormat::Fp8 {
            let message = "moments of eight bits are kept on a CPU only, expected `f32`";
            check.wrong(format!("arms[{index}].optimiser.moments"), message);
        }
    }
}

const THREADS_MAX: u32 = 256;

fn check_threads(check: &mut Check, spec: &SweepSpec, threads: u32) {
    const FIELD: &str = "schedule.threads";
    if !(1..=THREADS_MAX).contains(&threads) {
        check.wrong(FIELD, format!("{threads} is out of range, expected 1 to {THREADS_MAX}"));
    } else if threads > 1 && spec.accelerator.kind == AcceleratorKind::Cuda {
        check.wrong(FIELD, "a run on a GPU has no threads to share it");
    } else if threads > 1 && spec.data.micro_batch.is_none() {
        let message = format!("{threads} threads have one piece of a batch to share");
        let hint = "cut it: `data: { microBatch: 2 sequences }`";
        check.wrong_with_hint(FIELD, message, hint);
    }
}

fn check_schedule(check: &mut Check, field: &str, arm: &ArmSpec) {
    let OptimiserOverrides { schedule, warmup, decay, final_rate, .. } = &arm.optimiser;
    let optimiser = format!("{field}.optimiser");
    let shares = [("warmup", *warmup), ("decay", *decay), ("finalRate", *final_rate)];
    for (key, share) in shares {
        if let Some(share) = share
            && !(0.0..=1.0).contains(&share.0)
        {
            let message = format!("{share} is out of range, expected 0 % to 100 %");
            check.wrong(format!("{optimiser}.{key}"), message);
            return;
        }
    }
    if decay.is_some() && !schedule.has_decay() {
        let message = "this schedule has no last phase, expected `schedule: wsd` or `two-step`";
        check.wrong(format!("{optimiser}.decay"), message);
    }
    if final_rate.is_some() && !schedule.has_final() {
        let message = "this schedule has no final rate, expected `cosine`, `wsd` or `two-step`";
        check.wrong(format!("{optimiser}.finalRate"), message);
    }
    if let (Some(warmup), Some(decay)) = (warmup, decay)
        && warmup.0 + decay.0 > 1.0
    {
        let message = format!("{decay} after a warm-up of {warmup} is more than all steps");
        check.wrong(format!("{optimiser}.decay"), message);
    }
}

fn check_size(check: &mut Check, field: &str, size: &SizeEntry) {
    if size.named.is_some() {
        for (key, given) in [
            ("width", size.width.is_some()),
            ("layers", size.layers.is_some()),
            ("heads", size.heads.is_some()),
        ] {
            if given {
                let message = "a named size has its own shape".to_owned();
                check.wrong(format!("{field}.{key}"), message);
            }
        }
        return;
    }
    let (Some(width), Some(layers)) = (size.width, size.layers) else {
        let message = "expected a name such as `small`, or `width` and `layers`";
        check.wrong(field, message);
        return;
    };
    if !(1..=WIDTH_MAX).contains(&width) {
        let message = format!("{width} is out of range, expected 1 to {WIDTH_MAX}");
        check.wrong(format!("{field}.width"), message);
    }
    if !(1..=LAYERS_MAX).contains(&layers) {
        let message = format!("{layers} is out of range, expected 1 to {LAYERS_MAX}");
        check.wrong(format!("{field}.layers"), message);
    }
    if let Some(heads) = size.heads
        && (heads == 0 || !width.is_multiple_of(heads))
    {
        let message = format!("{heads} heads do not divide the width {width}");
        check.wrong(format!("{field}.heads"), message);
    }
}

fn check_forecast(check: &mut Check, spec: &SweepSpec) {
    let level = spec.forecast.level.0;
    if !(0.5..=0.999).contains(&level) {
        let message = format!(
            "an interval level of {} is out of range, expected 50 % to 99.9 %",
            spec.forecast.level
        );
        check.wrong("forecast.level", message);
    }
    let largest = spec.classes.iter().max();
    if let (Some(horizon), Some(largest)) = (spec.forecast.horizon, largest)
        && horizon <= largest.time()
    {
        let message =
            format!("the horizon of {horizon} is not beyond the largest class, {largest}");
        check.wrong("forecast.horizon", message);
    }
}
