//! Sizes of models: Languini Kitchen's names, and shapes written out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ArmSpec, DataSpec, OptimiserOverrides, SizeEntry};
use crate::variant::{Family, ModelSpec, OptimiserSpec, Position, RateSchedule, Variant};

/// The sizes of Languini Kitchen (configs.py of projects gpt and lstm at bb7afb4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NamedSize {
    Mini,
    Tiny,
    Small,
    Medium,
    Large,
    /// 24 heads of 128 are wider than its residual stream of 2048; so published, so kept.
    Xl,
}

impl NamedSize {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mini => "mini",
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
            Self::Xl => "xl",
        }
    }

    /// The model of this size.
    #[must_use]
    pub const fn model(
        self,
        family: Family,
        position: Option<Position>,
        vocabulary_n: u32,
        sequence: u32,
    ) -> ModelSpec {
        let (layers_n, width, mlp_width, head_width, heads_n) = match self {
            Self::Mini => (4, 512, 2048, 32, 8),
            Self::Tiny => (4, 768, 3072, 64, 12),
            Self::Small => (12, 768, 3072, 64, 12),
            Self::Medium => (24, 1024, 4096, 64, 16),
            Self::Large => (24, 1536, 6144, 96, 16),
            Self::Xl => (24, 2048, 8192, 128, 24),
        };
        ModelSpec {
            family,
            width,
            layers_n,
            heads_n,
            head_width,
            mlp_width,
            position,
            vocabulary_n,
            sequence,
            variant: Variant::BASELINE,
        }
    }
}

/// A size of an arm after its entry was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Size {
    /// Names the size within its arm: `small`, `d64x2`, or `d64x2h8` where heads are written.
    pub name: String,
    pub model: ModelSpec,
    pub optimiser: OptimiserSpec,
    /// Declared tokens per accelerator second, if any.
    pub throughput: Option<f64>,
}

/// Width of a head where budget.yaml names no heads.
const HEAD_WIDTH: u32 = 16;
pub(super) const MLP_RATIO: u32 = 4;
/// Of the steps, the last phase of a schedule that has one.
const DECAY_SHARE: f64 = 0.2;
/// Of the peak, the second rate of two steps.
const SECOND_RATE: f64 = 0.1;

impl ArmSpec {
    /// The sizes of this arm, complete.
    ///
    /// # Panics
    /// On a size that validation refuses: a spec from [`super::parse`] has none.
    #[must_use]
    pub fn resolved_sizes(&self, data: &DataSpec) -> Vec<Size> {
        let complete = "validation requires a named size, or width and layers";
        self.sizes.iter().map(|entry| self.resolve(entry, data).expect(complete)).collect()
    }

    /// What is trained: the family written, or whatever the arm's own command trains.
    ///
    /// # Panics
    /// Where neither is written, which validation refuses.
    #[must_use]
    pub fn family(&self) -> Family {
        let external = self.trainer.as_ref().map(|_| Family::External);
        external.or(self.family).expect("validation requires a family or a trainer")
    }

    /// In what the models of this arm differ from the baseline of their family.
    #[must_use]
    pub fn variant(&self) -> Variant {
        Variant {
            activation: self.activation,
            gated: self.gated,
            quantization: self.quantization.clone(),
            sparsity: self.sparsity,
            experts: self.experts.clone(),
            hidden_groups: self.hidden_groups.clone(),
            streams: self.streams.clone(),
            norm: self.norm,
            qk_norm: self.qk_norm,
            z_loss: self.z_loss,
            tied: self.tied,
            activation_ratio: self.activation_ratio,
            post_training: self.post_training.clone(),
        }
    }

    fn resolve(&self, entry: &SizeEntry, data: &DataSpec) -> Option<Size> {
        let family = self.family();
        let position = (family == Family::Gpt).then(|| self.position.unwrap_or_default());
        let vocabulary_n = data.tokenizer.vocabulary_n();
        let sequence = u32::try_from(data.sequence.0).ok()?;
        let (name, model) = if let Some(named) = entry.named {
            let model = named.model(family, position, vocabulary_n, sequence);
            (named.as_str().to_owned(), model)
        } else {
            let (width, layers_n) = (entry.width?, entry.layers?);
            let heads_n = entry.heads.unwrap_or_else(|| default_heads(width));
            let model = ModelSpec {
                family,
                width,
                layers_n,
                heads_n,
                head_width: width.checked_div(heads_n)?,
                mlp_width: width * MLP_RATIO,
                position,
                vocabulary_n,
                sequence,
                variant: Variant::BASELINE,
            };
            let heads = entry.heads.map_or_else(String::new, |heads| format!("h{heads}"));
            (format!("{}{heads}", model.size_label()), model)
        };
        let model = ModelSpec { variant: self.variant(), ..model };
        let width = if self.optimiser.mu_p { OptimiserSpec::MU_P_WIDTH } else { model.width };
        let optimiser = self.optimiser.over(&OptimiserSpec::for_width(width));
        let throughput = entry.throughput.map(|t| t.0);
        Some(Size { name, model, optimiser, throughput })
    }
}

pub(super) fn default_heads(width: u32) -> u32 {
    if width.is_multiple_of(HEAD_WIDTH) { width / HEAD_WIDTH } else { 1 }
}

impl OptimiserOverrides {
    fn over(&self, defaults: &OptimiserSpec) -> OptimiserSpec {
        OptimiserSpec {
            learning_rate: self.learning_rate.unwrap_or(defaults.learning_rate),
            schedule: self.schedule,
            warmup_share: self.warmup.map_or(defaults.warmup_share, |share| share.0),
            decay_share: match self.decay {
                Some(share) => share.0,
                None if self.schedule.has_decay() => DECAY_SHARE,
                None => defaults.decay_share,
            },
            final_share: match self.final_rate {
                Some(share) => share.0,
                None if self.schedule == RateSchedule::TwoStep => SECOND_RATE,
                None => defaults.final_share,
            },
            weight_decay: self.weight_decay.unwrap_or(defaults.weight_decay),
            clip_norm: self.clip_norm.unwrap_or(defaults.clip_norm),
            init_std: self.init_std.unwrap_or(defaults.init_std),
            moments: self.moments,
            mu_p: self.mu_p,
            ..defaults.clone()
        }
    }
}
