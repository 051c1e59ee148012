//! What models are tested with.

use sweep_core::variant::{
    Activation, Experts, HiddenGroups, LossWeight, NofM, Norm, NumberFormat, Position,
    Quantization, ScaleGroup, ScaleRule, Streams, Variant,
};

/// Every variant once or more, combined where that is easily got wrong.
pub(super) fn variants() -> Vec<(&'static str, Variant)> {
    let quantization = |weights, activations, group| Quantization {
        weights,
        activations,
        group,
        ..Quantization::default()
    };
    let int4 = Some(NumberFormat::Int4);
    let with = |quantization| Variant { quantization: Some(quantization), ..Variant::BASELINE };
    vec![
        ("relu", Variant { activation: Activation::Relu, ..Variant::BASELINE }),
        ("swiglu", Variant { activation: Activation::Silu, gated: true, ..Variant::BASELINE }),
        // 80 hidden units are two groups of 32 and one of 16.
        ("w4a4", with(quantization(int4, int4, ScaleGroup::Size(32)))),
        ("w2", with(quantization(Some(NumberFormat::Int2), None, ScaleGroup::Channel))),
        (
            "fp4, fp8 into the second layer",
            with(Quantization {
                fc2_activations: Some(NumberFormat::Fp8E4m3),
                ..quantization(
                    Some(NumberFormat::Fp4E2m1),
                    Some(NumberFormat::Fp4E2m1),
                    ScaleGroup::Size(16),
                )
            }),
        ),
        ("fp8", with(quantization(None, Some(NumberFormat::Fp8E5m2), ScaleGroup::Tensor))),
        (
            "2:4 of int8, gated relu",
            Variant {
                activation: Activation::Relu,
                gated: true,
                quantization: Some(quantization(
                    Some(NumberFormat::Int8),
                    None,
                    ScaleGroup::Tensor,
                )),
                sparsity: Some(NofM { keep: 2, of: 4 }),
                ..Variant::BASELINE
            },
        ),
        (
            "by statistics",
            with(Quantization {
                scale: ScaleRule::Statistics,
                ..quantization(int4, None, ScaleGroup::Size(32))
            }),
        ),
        (
            "searched fp4",
            with(Quantization {
                scale: ScaleRule::Searched,
                ..quantization(
                    Some(NumberFormat::Fp4E2m1),
                    Some(NumberFormat::Fp4E2m1),
                    ScaleGroup::Size(16),
                )
            }),
        ),
        ("learned scales", with(learned(&quantization(int4, int4, ScaleGroup::Size(32))))),
        (
            "learned scales of channels, eight bits into the second layer alone",
            with(learned(&Quantization {
                fc2_activations: Some(NumberFormat::Int8),
                ..quantization(int4, None, ScaleGroup::Channel)
            })),
        ),
        (
            "learned scales of tensors, 2:4",
            Variant {
                sparsity: Some(NofM { keep: 2, of: 4 }),
                ..with(learned(&quantization(
                    Some(NumberFormat::Int3),
                    Some(NumberFormat::Fp8E4m3),
                    ScaleGroup::Tensor,
                )))
            },
        ),
        (
            "experts of learned scales",
            Variant {
                experts: Some(experts(3, 2)),
                ..with(learned(&quantization(int4, int4, ScaleGroup::Size(16))))
            },
        ),
        ("experts", Variant { experts: Some(experts(5, 2)), ..Variant::BASELINE }),
        ("groups of dimensions", grouped(4, 2, 1)),
        (
            "groups of dimensions, none shared, gated",
            Variant { activation: Activation::Silu, gated: true, ..grouped(8, 3, 0) },
        ),
        (
            "groups of dimensions in four bits",
            Variant {
                quantization: Some(quantization(int4, int4, ScaleGroup::Size(16))),
                ..grouped(4, 3, 1)
            },
        ),
        (
            "latent experts",
            Variant {
                experts: Some(Experts { latent: Some(12), ..experts(5, 2) }),
                ..Variant::BASELINE
            },
        ),
        (
            "latent experts of learned scales",
            Variant {
                experts: Some(Experts { latent: Some(20), ..experts(3, 1) }),
                ..with(learned(&quantization(int4, int4, ScaleGroup::Size(16))))
            },
        ),
        (
            "gated experts in four bits",
            Variant {
                activation: Activation::Silu,
                gated: true,
                quantization: Some(quantization(int4, int4, ScaleGroup::Size(16))),
                experts: Some(experts(3, 1)),
                ..Variant::BASELINE
            },
        ),
    ]
}

/// The switches of modern models, one by one and together.
pub(super) fn modern() -> Vec<(Option<Position>, Variant)> {
    let (alibi, rotary) = (Some(Position::Alibi), Some(Position::Rotary));
    let base = Variant::BASELINE;
    vec![
        (rotary, base.clone()),
        (alibi, Variant { norm: Norm::Rms, ..base.clone() }),
        (alibi, Variant { qk_norm: true, ..base.clone() }),
        (alibi, Variant { z_loss: Some(LossWeight(0.1)), ..base.clone() }),
        (Some(Position::Learned), Variant { tied: true, ..base }),
        (rotary, Variant::MODERN),
        (alibi, Variant { streams: Some(streams(3, 5)), ..Variant::BASELINE }),
        (alibi, grouped(4, 2, 1)),
        (rotary, Variant { streams: Some(streams(2, 20)), ..Variant::MODERN }),
    ]
}

pub(super) fn grouped(count: u32, active: u32, shared: u32) -> Variant {
    let groups = HiddenGroups { count, active, shared, balance: 0.05 };
    Variant { hidden_groups: Some(groups), ..Variant::BASELINE }
}

pub(super) fn streams(count: u32, prefix: u32) -> Streams {
    Streams { prefix, ..Streams::new(count) }
}

pub(super) fn experts(count: u32, top_k: u32) -> Experts {
    Experts { count, top_k, granularity: None, balance: 0.05, latent: None }
}

fn learned(quantization: &Quantization) -> Quantization {
    Quantization { scale: ScaleRule::Learned, ..quantization.clone() }
}
