//! How weights are moved: Adam, its rates over the steps, the format of its moments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_default;

/// How the learning rate goes after a linear warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RateSchedule {
    /// Half a cosine down to the final rate at the last step.
    #[default]
    Cosine,
    /// The peak to the end.
    Constant,
    /// Warm-up, stable, decay: the peak, then straight down to the final rate over the last steps
    /// (Hu et al., arXiv 2404.06395).
    Wsd,
    /// The peak, then the final rate for the last steps.
    TwoStep,
    /// The peak times the root of the share that the warm-up has of the steps so far (Vaswani et al.,
    /// arXiv 1706.03762, equation 3).
    InverseSqrt,
}

impl RateSchedule {
    /// Whether the last steps are another phase.
    #[must_use]
    pub const fn has_decay(self) -> bool {
        matches!(self, Self::Wsd | Self::TwoStep)
    }

    /// Whether there is a final rate.
    #[must_use]
    pub const fn has_final(self) -> bool {
        matches!(self, Self::Cosine | Self::Wsd | Self::TwoStep)
    }
}

/// How Adam keeps its two moments between steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MomentFormat {
    /// Four bytes a value.
    #[default]
    F32,
    /// Eight bits a value in groups of 128 of expanded range (COAT, Xi et al., arXiv 2410.19313):
    /// `1 + 5/128` bytes a value. On a CPU only.
    Fp8,
}

/// The optimiser of one run: Adam with linear warm-up, then a schedule over exactly the run's own
/// steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OptimiserSpec {
    pub learning_rate: f64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub schedule: RateSchedule,
    /// Share of the steps spent warming up.
    pub warmup_share: f64,
    /// Share of the steps that the last phase takes, of a schedule that has one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub decay_share: f64,
    /// Learning rate at the last step as a share of the peak, of a schedule that has one; zero by
    /// default.
    pub final_share: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub epsilon: f64,
    /// Decoupled weight decay; zero makes this plain Adam.
    pub weight_decay: f64,
    /// The gradient is scaled down to this Euclidean norm when it is longer.
    pub clip_norm: f64,
    /// Standard deviation of the initial weights.
    pub init_std: f64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub moments: MomentFormat,
    /// Whether learning rate and deviation are those of [`Self::MU_P_WIDTH`], and those of other widths
    /// follow by the maximal update parametrisation.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mu_p: bool,
}

impl OptimiserSpec {
    /// Defaults that train well from widths of 32 on a CPU to 1024 on a GPU: the peak learning
    /// rate falls with the width as `0.64 / width`, at most 1.2e-2, which passes through the
    /// rates found best for widths 48 to 128 and through Languini Kitchen's 6e-4 at width 1024.
    #[must_use]
    pub fn for_width(width: u32) -> Self {
        let width = f64::from(width);
        Self {
            learning_rate: (0.64 / width).min(1.2e-2),
            schedule: RateSchedule::Cosine,
            warmup_share: 0.1,
            decay_share: 0.0,
            final_share: 0.0,
            beta1: 0.9,
            beta2: 0.95,
            epsilon: 1e-8,
            weight_decay: 0.0,
            clip_norm: 1.0,
            init_std: 0.64 / width.sqrt(),
            moments: MomentFormat::F32,
            mu_p: false,
        }
    }

    /// The width at which the maximal update parametrisation changes nothing.
    pub const MU_P_WIDTH: u32 = 64;
}
