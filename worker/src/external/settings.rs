//! What a command is told about its run: the values behind placeholders, variables and settings file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sweep_core::external::PLACEHOLDERS;
use sweep_core::plan::RunSpec;
use sweep_corpus::PlainFiles;
use sweep_trainer::Accelerator;

/// Whether a run is trained or only its speed is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Train,
    Calibrate,
}

/// Where a command finds what it needs and leaves what it makes.
pub(super) struct Places {
    /// Folder of its checkpoints.
    pub(super) checkpoints: PathBuf,
    /// Folder of what we write for it, below that.
    pub(super) control: PathBuf,
    pub(super) corpus: PlainFiles,
    /// The file of the sweep's tokenizer; none where tokens are bytes.
    pub(super) tokenizer: Option<PathBuf>,
}

impl Places {
    pub(super) fn settings(&self) -> PathBuf {
        self.control.join("settings.json")
    }

    /// The named pipe that it reports to.
    pub(super) fn report(&self) -> PathBuf {
        self.control.join("report")
    }
}

/// The values of a run by their names.
pub(super) struct Settings(BTreeMap<&'static str, Value>);

impl Settings {
    /// `resume` is a checkpoint's path and its step.
    pub(super) fn new(
        run: &RunSpec,
        mode: Mode,
        accelerator: Accelerator,
        places: &Places,
        resume: Option<(&Path, u64)>,
    ) -> Self {
        let path = |path: &Path| json!(path.to_string_lossy());
        let value = |name: &'static str| match name {
            "arm" => json!(run.arm),
            "batch" => json!(run.batch),
            "checkpoints" => path(&places.checkpoints),
            "class_hours" => json!(run.class.hours()),
            "corpus_train" => path(&places.corpus.train),
            "corpus_validation" => path(&places.corpus.validation),
            "device" => json!(match accelerator {
                Accelerator::Cpu { .. } => "cpu",
                Accelerator::Cuda { .. } => "cuda",
            }),
            "head_width" => json!(run.model.head_width),
            "heads" => json!(run.model.heads_n),
            "layers" => json!(run.model.layers_n),
            "learning_rate" => json!(run.optimiser.learning_rate),
            "mlp_width" => json!(run.model.mlp_width),
            "mode" => json!(match mode {
                Mode::Train => "train",
                Mode::Calibrate => "calibrate",
            }),
            "report" => path(&places.report()),
            "resume_from" => resume.map_or_else(|| json!(""), |(file, _)| path(file)),
            "resume_step" => json!(resume.map_or(0, |(_, step)| step)),
            "run" => json!(run.id.to_string()),
            "seed" => json!(run.seed),
            "sequence" => json!(run.model.sequence),
            "settings" => path(&places.settings()),
            "size" => json!(run.size),
            "steps" => json!(run.steps),
            "tokenizer" => places.tokenizer.as_deref().map_or_else(|| json!(""), path),
            "tokens" => json!(run.tokens_d()),
            "vocabulary" => json!(run.model.vocabulary_n),
            "width" => json!(run.model.width),
            _ => unreachable!("a name without a value: {name}"),
        };
        Self(PLACEHOLDERS.into_iter().map(|name| (name, value(name))).collect())
    }

    /// A value as an argument of a command.
    pub(super) fn text(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        }
    }

    /// All values as environment variables.
    pub(super) fn variables(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.0.keys().map(|name| (format!("SWEEP_{}", name.to_uppercase()), self.text(name)))
    }

    pub(super) fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.0).expect("plain values can be written");
        text.push('\n');
        text
    }
}
