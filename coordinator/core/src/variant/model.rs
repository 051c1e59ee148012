//! The complete shape of a model, and what it has of parameters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Experts, Family, HiddenGroups, Norm, Position, Streams, Variant, is_default};

/// The complete shape of a model: enough to build it, count it and name its throughput.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ModelSpec {
    pub family: Family,
    /// Width of the residual stream (d_model).
    pub width: u32,
    pub layers_n: u32,
    pub heads_n: u32,
    /// Width of one attention head; heads x head width may differ from the residual width.
    pub head_width: u32,
    /// Width of the feed-forward layer.
    pub mlp_width: u32,
    /// None for a recurrent model.
    pub position: Option<Position>,
    /// Number of token ids.
    pub vocabulary_n: u32,
    /// Tokens per training sequence.
    pub sequence: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub variant: Variant,
}

/// Parameters by how often a token meets them.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    /// Embedding, positions, head.
    once: u64,
    /// The blocks and the norm after them: once for every stream.
    streamed: u64,
    /// Those of all streams, of which each stream meets its own.
    prefixes: u64,
}

impl Counted {
    const fn params_n(self) -> u64 {
        self.once + self.streamed + self.prefixes
    }
}

/// Which parameters are counted: a token does not meet all experts, or all groups of dimensions.
#[derive(Clone, Copy, PartialEq)]
enum Met {
    All,
    ByAToken,
}

impl ModelSpec {
    /// All trained parameters, embeddings included (`params_n`). Equal to Languini Kitchen's own
    /// counts for its named sizes. Zero, as not known, of a model that is not ours.
    #[must_use]
    pub fn params_n(&self) -> u64 {
        self.counted(Met::All).params_n()
    }

    /// The parameters that one token meets: fewer than all of them where there are experts.
    #[must_use]
    pub fn active_params_n(&self) -> u64 {
        self.counted(Met::ByAToken).params_n()
    }

    /// Hidden units of the MLP, or of one of its experts.
    #[must_use]
    pub fn hidden_width(&self) -> u32 {
        self.mlp_width / self.variant.experts.as_ref().map_or(1, Experts::granularity)
    }

    fn counted(&self, met: Met) -> Counted {
        if self.family == Family::External {
            return Counted::default();
        }
        let width = u64::from(self.width);
        let norm = match self.variant.norm {
            Norm::Layer => 2 * width,
            Norm::Rms => width,
        };
        let layers_n = u64::from(self.layers_n);
        let layer = 2 * norm + self.mixer_n() + self.mlps_n(met);
        let positions = match self.position {
            Some(Position::Learned) => u64::from(self.sequence) * width,
            Some(Position::Alibi | Position::Rotary) | None => 0,
        };
        // The head has no bias.
        let matrices = if self.variant.tied { 1 } else { 2 };
        let mut once = matrices * u64::from(self.vocabulary_n) * width + positions;
        let mut prefixes = 0;
        if let Some(Streams { count, prefix, .. }) = self.variant.parallel() {
            let count = u64::from(*count);
            // Two layers weigh the streams of a token.
            once += count * width * width + width + width * count + count;
            prefixes = layers_n * 2 * count * u64::from(*prefix) * self.inner();
        }
        Counted { once, streamed: layers_n * layer + norm, prefixes }
    }

    /// Width of all heads together.
    fn inner(&self) -> u64 {
        u64::from(self.heads_n) * u64::from(self.head_width)
    }

    /// Parameters of a linear layer: matrix, bias, trained scales.
    fn linear_n(&self, inputs: u64, outputs: u64) -> u64 {
        let Some(quantization) = &self.variant.quantization else {
            return inputs * outputs + outputs;
        };
        inputs * outputs
            + outputs
            + quantization.weight_scales_n(inputs, outputs)
            + quantization.input_scales_n(quantization.activations, inputs)
    }

    /// Parameters of a block's mixer of tokens, but for prefixes.
    fn mixer_n(&self) -> u64 {
        let (width, inner) = (u64::from(self.width), self.inner());
        let gains = if self.variant.qk_norm { 2 * u64::from(self.head_width) } else { 0 };
        match self.family {
            Family::Gpt => self.linear_n(width, 3 * inner) + gains + self.linear_n(inner, width),
            Family::Qlstm => self.linear_n(width, 4 * inner) + self.linear_n(inner, width),
            // The recurrent matrices share the gates' bias.
            Family::Lstm => {
                let quantization = self.variant.quantization.as_ref();
                let scales = quantization.map_or(0, |q| q.weight_scales_n(inner, 4 * inner));
                let recurrent = inner * 4 * inner + scales;
                self.linear_n(width, 4 * inner) + recurrent + self.linear_n(inner, width)
            }
            Family::External => 0,
        }
    }

    /// Parameters of a block's MLPs, with what brings tokens to them.
    fn mlps_n(&self, met: Met) -> u64 {
        let (width, mlp) = (u64::from(self.width), u64::from(self.hidden_width()));
        let experts = self.variant.experts.as_ref();
        let mlps_n = experts.map_or(1, |experts| match met {
            Met::All => experts.count,
            Met::ByAToken => experts.top_k,
        });
        let mut shared = experts.map_or(0, |e| u64::from(e.count) * width);
        let latent = experts.and_then(|experts| experts.latent).map(u64::from);
        let mut inside = latent.unwrap_or(width);
        // Into the space that experts share, and out of it.
        shared += latent.map_or(0, |latent| 2 * width * latent);
        if let Some(HiddenGroups { count, shared: all, active, .. }) = self.variant.routed_groups()
        {
            let [count, all, active] = [count, all, active].map(|n| u64::from(*n));
            shared += count.saturating_sub(all) * width + count * count;
            if met == Met::ByAToken {
                inside = width * active / count;
            }
        }
        let first = if self.variant.gated { 2 * mlp } else { mlp };
        let mut one = self.linear_n(inside, first) + self.linear_n(mlp, inside);
        if let Some(quantization) = &self.variant.quantization {
            let second = quantization.fc2_activations.or(quantization.activations);
            one += quantization.input_scales_n(second, mlp);
            one -= quantization.input_scales_n(quantization.activations, mlp);
        }
        shared + u64::from(mlps_n) * one
    }

    /// The model whose throughput counts for this one: formats of few bits and sparse weights are
    /// simulated, and what the simulation costs is not what they cost where hardware has them. So
    /// runs of such a variant see as many tokens as those of its full precision twin. What is looked for
    /// at the end of a run costs no step anything.
    #[must_use]
    pub fn timed(&self) -> Self {
        let variant = Variant {
            quantization: None,
            sparsity: None,
            activation_ratio: None,
            post_training: None,
            ..self.variant.clone()
        };
        Self { variant, ..self.clone() }
    }

    /// Training compute of `tokens` tokens by the 6ND rule, N counting embeddings, of experts those that a
    /// token sees, and what every stream of a token meets as often as there are streams: FLOPs.
    #[must_use]
    pub fn flops_c(&self, tokens: u64) -> f64 {
        let streams_n = self.variant.parallel().map_or(1, |streams| u64::from(streams.count));
        let Counted { once, streamed, prefixes } = self.counted(Met::ByAToken);
        6.0 * (once + streams_n * streamed + prefixes) as f64 * tokens as f64
    }

    /// A short name for lists: `d64 x 2`.
    #[must_use]
    pub fn size_label(&self) -> String {
        format!("d{}x{}", self.width, self.layers_n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::size::NamedSize;
    use crate::variant::{Activation, LossWeight, MomentFormat, NofM, OptimiserSpec};

    /// Keys of throughputs and stored runs of a baseline are those of before there were variants.
    #[test]
    fn a_baseline_is_written_without_its_variant() {
        let model = NamedSize::Mini.model(Family::Qlstm, None, 256, 128);
        let json = serde_json::to_string(&model).unwrap();
        assert!(json.ends_with("\"sequence\":128}"), "{json}");
        assert_eq!(serde_json::from_str::<ModelSpec>(&json).unwrap(), model);
    }

    #[test]
    fn an_optimiser_of_full_moments_is_written_without_them() {
        let full = OptimiserSpec::for_width(64);
        let json = serde_json::to_string(&full).unwrap();
        assert!(!json.contains("moments"), "{json}");
        assert_eq!(serde_json::from_str::<OptimiserSpec>(&json).unwrap(), full);
        let fp8 = OptimiserSpec { moments: MomentFormat::Fp8, ..full };
        let json = serde_json::to_string(&fp8).unwrap();
        assert!(json.ends_with(",\"moments\":\"fp8\"}"), "{json}");
        assert_eq!(serde_json::from_str::<OptimiserSpec>(&json).unwrap(), fp8);
    }

    #[test]
    fn what_is_simulated_has_the_throughput_of_its_twin() {
        let plain = NamedSize::Mini.model(Family::Gpt, None, 256, 128);
        let sparsity = Some(NofM { keep: 2, of: 4 });
        let variant = Variant { activation: Activation::Relu, sparsity, ..Variant::BASELINE };
        let relu = Variant { activation: Activation::Relu, ..Variant::BASELINE };
        let timed = ModelSpec { variant, ..plain }.timed();
        assert_eq!(timed, ModelSpec { variant: relu, ..plain });
    }

    #[test]
    fn experts_are_counted_all_and_those_a_token_sees() {
        let dense = NamedSize::Mini.model(Family::Gpt, None, 256, 128);
        let experts =
            Experts { count: 8, top_k: 2, granularity: None, balance: 0.01, latent: None };
        let variant = Variant { experts: Some(experts), ..Variant::BASELINE };
        let sparse = ModelSpec { variant, ..dense };
        // Half as wide: 512 x 1024 both ways, and the biases.
        let expert = 2 * 512 * 1024 + 1024 + 512;
        let (mlp, router) = (2 * 512 * 2048 + 2048 + 512, 8 * 512);
        assert_eq!(sparse.params_n() + 4 * mlp, dense.params_n() + 4 * (8 * expert + router));
        assert_eq!(
            sparse.active_params_n() + 4 * mlp,
            dense.params_n() + 4 * (2 * expert + router)
        );
        assert!(sparse.flops_c(1) / dense.flops_c(1) < 1.01);
        // Through a space of 64, by matrices that all experts share.
        let experts = Experts { latent: Some(64), ..sparse.variant.experts.clone().unwrap() };
        let variant = Variant { experts: Some(experts), ..Variant::BASELINE };
        let latent = ModelSpec { variant, ..sparse };
        let narrow = 2 * 64 * 1024 + 1024 + 64;
        let shared = 2 * 64 * 512;
        assert_eq!(
            latent.params_n() + 4 * 8 * expert,
            sparse.params_n() + 4 * (8 * narrow + shared)
        );
        assert_eq!(
            latent.active_params_n() + 4 * 2 * expert,
            sparse.active_params_n() + 4 * (2 * narrow + shared)
        );
    }

    #[test]
    fn switches_of_modern_models_are_counted() {
        let plain = NamedSize::Mini.model(Family::Gpt, Some(Position::Rotary), 256, 128);
        assert_eq!(plain.params_n(), NamedSize::Mini.model(Family::Gpt, None, 256, 128).params_n());
        let with = |variant| ModelSpec { variant, ..plain.clone() }.params_n();
        let baseline = Variant::BASELINE;
        // Two norms in each of four layers and one before the head lose a bias of 512.
        assert_eq!(
            with(Variant { norm: Norm::Rms, ..baseline.clone() }),
            plain.params_n() - 9 * 512
        );
        assert_eq!(
            with(Variant { qk_norm: true, ..baseline.clone() }),
            plain.params_n() + 4 * 2 * 32
        );
        assert_eq!(with(Variant { tied: true, ..baseline.clone() }), plain.params_n() - 256 * 512);
        assert_eq!(with(Variant { z_loss: Some(LossWeight(1e-4)), ..baseline }), plain.params_n());
    }

    /// Prefixes of both streams in every layer, and two layers that weigh the streams.
    #[test]
    fn streams_are_counted_and_cost_what_they_compute() {
        let plain = NamedSize::Mini.model(Family::Gpt, None, 256, 128);
        let with = |streams| ModelSpec {
            variant: Variant { streams: Some(streams), ..Variant::BASELINE },
            ..plain.clone()
        };
        let one = with(Streams::new(1));
        assert_eq!((one.params_n(), one.flops_c(7)), (plain.params_n(), plain.flops_c(7)));
        let two = with(Streams { prefix: 3, ..Streams::new(2) });
        let prefixes = 4 * 2 * 2 * 3 * 256;
        let weighing = 2 * 512 * 512 + 512 + 512 * 2 + 2;
        assert_eq!(two.params_n(), plain.params_n() + prefixes + weighing);
        assert_eq!(two.active_params_n(), two.params_n());
        let embeddings = 2 * 256 * 512;
        let computed = 2 * (plain.params_n() - embeddings) + embeddings + prefixes + weighing;
        assert_eq!(two.flops_c(10), 60.0 * computed as f64);
    }

    /// A token meets half of both matrices, the router and what fuses groups.
    #[test]
    fn groups_of_dimensions_are_counted_all_and_those_a_token_meets() {
        let plain = NamedSize::Mini.model(Family::Gpt, None, 256, 128);
        let with = |active| {
            let groups = HiddenGroups { count: 8, active, shared: 2, balance: 0.01 };
            let variant = Variant { hidden_groups: Some(groups), ..Variant::BASELINE };
            ModelSpec { variant, ..plain.clone() }
        };
        assert_eq!(with(8).params_n(), plain.params_n());
        assert_eq!(with(8).active_params_n(), plain.params_n());
        let more = 4 * (6 * 512 + 8 * 8);
        assert_eq!(with(4).params_n(), plain.params_n() + more);
        let unseen = 4 * (2 * 256 * 2048 + 256);
        assert_eq!(with(4).active_params_n(), plain.params_n() + more - unseen);
        assert_eq!(with(4).flops_c(1), 6.0 * with(4).active_params_n() as f64);
    }

    /// Four matrices from every channel to every channel more than a quasi-LSTM, in each of four layers.
    #[test]
    fn recurrent_matrices_are_counted() {
        let [quasi, plain] = [Family::Qlstm, Family::Lstm]
            .map(|family| NamedSize::Mini.model(family, None, 256, 128));
        assert_eq!(plain.params_n(), quasi.params_n() + 4 * 4 * 256 * 256);
        let more = 6.0 * f64::from(4 * 4 * 256 * 256) * 100.0;
        assert_eq!(plain.flops_c(100) - quasi.flops_c(100), more);
    }

    /// Half as many parameters again in the MLP.
    #[test]
    fn a_gate_is_counted() {
        let plain = NamedSize::Mini.model(Family::Gpt, None, 256, 128);
        let variant = Variant { gated: true, ..Variant::BASELINE };
        let gated = ModelSpec { variant, ..plain };
        assert_eq!(gated.params_n() - plain.params_n(), 4 * (512 * 2048 + 2048));
    }

    /// Parameter counts printed by Languini Kitchen's own code (throughput tables at bb7afb4),
    /// vocabulary 16,384, sequences of 512.
    #[test]
    fn parameter_counts_equal_the_published_ones() {
        for (size, published) in [
            (NamedSize::Tiny, 53_912_064),
            (NamedSize::Small, 110_615_040),
            (NamedSize::Medium, 336_390_144),
        ] {
            let model = size.model(Family::Gpt, Some(Position::Learned), 16_384, 512);
            assert_eq!(model.params_n(), published, "{size:?}");
        }
    }
}
