//! The first steps of small models against PyTorch's, from the same weights and on the same tokens:
//! `reference/reference.py` makes the expected losses, by the same formulas as here.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use serde::Deserialize;
use sweep_core::variant::{
    Activation, Family, LossWeight, ModelSpec, NumberFormat, OptimiserSpec, Position, Quantization,
    ScaleGroup, ScaleRule, Variant,
};

use crate::data::TokenBatch;
use crate::model::{Model, Path};
use crate::optim::Adam;
use crate::schedule::Schedule;

const VOCABULARY: u64 = 48;
const BATCH: u64 = 3;
const SEQUENCE: u64 = 24;
const STEPS: u64 = 20;

#[derive(Deserialize)]
struct Expected {
    losses: BTreeMap<String, Vec<f64>>,
}

/// Splitmix64: the same integers in every language.
fn mixed(index: u64) -> u64 {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut z = index.wrapping_mul(STEP).wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Numbers in [-1/4, 1/4), one after the other; gains are one more, logarithms of scales three less.
fn set_weights(model: &Model) {
    let mut drawn = 0;
    for part in model.parts() {
        let mut values = Vec::with_capacity(part.layout.len());
        for parameter in part.layout.params() {
            let more = match parameter.name.rsplit('_').next() {
                Some("gain") => 1.0,
                Some("scale") => -3.0,
                _ => 0.0,
            };
            values.extend((0..parameter.dims.len()).map(|_| {
                let whole = (mixed(drawn) >> 40) as f32 - 8_388_608.0;
                drawn += 1;
                whole / 33_554_432.0 + more
            }));
        }
        let values = Tensor::from_vec(values, part.layout.len(), &Device::Cpu).unwrap();
        part.weights.set(&values).unwrap();
    }
}

fn tokens(step: u64) -> TokenBatch {
    let rows: Vec<Vec<u32>> = (0..BATCH)
        .map(|row| {
            let mut token = (step * 7 + row * 11) % VOCABULARY;
            (0..=SEQUENCE)
                .map(|place| {
                    let line = token as u32;
                    let noise = mixed((step * BATCH + row) * (SEQUENCE + 1) + place) % 4;
                    token = (token * 5 + 3 + noise) % VOCABULARY;
                    line
                })
                .collect()
        })
        .collect();
    TokenBatch::from_windows(rows, SEQUENCE as usize)
}

fn losses(family: Family, position: Option<Position>, variant: Variant) -> Vec<f64> {
    let spec = ModelSpec {
        family,
        width: 32,
        layers_n: 2,
        heads_n: 2,
        head_width: 16,
        mlp_width: 64,
        position,
        vocabulary_n: VOCABULARY as u32,
        sequence: SEQUENCE as u32,
        variant,
    };
    let optimiser = OptimiserSpec {
        learning_rate: 0.02,
        warmup_share: 0.2,
        final_share: 0.1,
        weight_decay: 0.1,
        clip_norm: 1.0,
        ..OptimiserSpec::for_width(32)
    };
    let model = Model::new(&spec, 0.0, 0, &Device::Cpu, Path::Fused).unwrap();
    set_weights(&model);
    let mut adam = Adam::new(&optimiser, &model).unwrap();
    let schedule = Schedule::new(&optimiser, STEPS);
    let mut state = model.initial_state();
    let step = |step| {
        let (loss, gradients) = model.loss_and_gradients(&tokens(step), &mut state).unwrap();
        adam.step(&model, &gradients, step, schedule.learning_rate(step), 1).unwrap();
        loss
    };
    (1..=STEPS).map(step).collect()
}

/// By how much the losses of a model differ from PyTorch's at most, relative to them.
fn apart(name: &str, found: &[f64]) -> f64 {
    let expected: Expected =
        serde_json::from_str(include_str!("../reference/losses.json")).unwrap();
    let expected = &expected.losses[name];
    assert_eq!(found.len(), expected.len());
    assert!(expected[19] < 0.9 * expected[0], "{name} learns nothing");
    let apart = found.iter().zip(expected).map(|(found, expected)| (found / expected - 1.0).abs());
    apart.fold(0.0, f64::max)
}

#[test]
fn the_first_steps_are_those_of_pytorch() {
    let alibi = Some(Position::Alibi);
    let relu = Variant { activation: Activation::Relu, ..Variant::BASELINE };
    let swiglu = Variant { activation: Activation::Silu, gated: true, ..Variant::BASELINE };
    // A z-loss strong enough to show.
    let modern = Variant { z_loss: Some(LossWeight(1e-3)), ..Variant::MODERN };
    for (name, family, position, variant) in [
        ("gpt, alibi", Family::Gpt, alibi, Variant::BASELINE),
        ("gpt, learned positions", Family::Gpt, Some(Position::Learned), Variant::BASELINE),
        ("qlstm", Family::Qlstm, None, Variant::BASELINE),
        ("lstm", Family::Lstm, None, Variant::BASELINE),
        ("gpt, relu", Family::Gpt, alibi, relu),
        ("gpt, modern", Family::Gpt, Some(Position::Rotary), modern),
        ("qlstm, swiglu", Family::Qlstm, None, swiglu),
    ] {
        let found = losses(family, position, variant);
        let apart = apart(name, &found);
        assert!(apart < 1e-4, "{name}: {apart:e} {found:?}");
    }
}

/// Where a last bit decides between two steps of the grid the two go apart a little.
#[test]
fn the_first_steps_in_few_bits_are_those_of_pytorch() {
    let quantization = |format, scale| Quantization {
        weights: Some(format),
        activations: Some(format),
        group: ScaleGroup::Size(16),
        scale,
        ..Quantization::default()
    };
    for (name, format, scale) in [
        ("gpt, int4 in groups of 16", NumberFormat::Int4, ScaleRule::Absmax),
        ("gpt, int4 by statistics", NumberFormat::Int4, ScaleRule::Statistics),
        ("gpt, int8 of learned scales", NumberFormat::Int8, ScaleRule::Learned),
    ] {
        let quantization = Some(quantization(format, scale));
        let variant = Variant { quantization, ..Variant::BASELINE };
        let found = losses(Family::Gpt, Some(Position::Alibi), variant);
        let apart = apart(name, &found);
        assert!(apart < 1e-2, "{name}: {apart:e}");
    }
}
