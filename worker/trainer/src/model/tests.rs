mod streams;
mod variants;

use sweep_core::variant::{
    Activation, Experts, Family, LossWeight, NofM, NumberFormat, OptimiserSpec, Position,
    Quantization, ScaleGroup, Variant,
};

use sweep_corpus::Tokens;

use self::variants::{experts, grouped, modern, variants};
use super::*;
use crate::data::{Source, TrainingData};
use crate::optim::Adam;

const FAMILIES: [(Family, Option<Position>); 4] = [
    (Family::Gpt, Some(Position::Alibi)),
    (Family::Gpt, Some(Position::Learned)),
    (Family::Qlstm, None),
    (Family::Lstm, None),
];

fn spec(family: Family, position: Option<Position>) -> ModelSpec {
    ModelSpec {
        family,
        width: 32,
        layers_n: 2,
        heads_n: 3,
        // Three heads of 8 are narrower than the residual stream, as in Languini's mini.
        head_width: 8,
        mlp_width: 80,
        position,
        vocabulary_n: 256,
        // Not a multiple of the composition's chunks nor of the kernels' query blocks.
        sequence: 37,
        variant: Variant::BASELINE,
    }
}

#[test]
fn modern_models_equal_their_composition() {
    // The first once more, so that what was learned of it shows.
    let batches = [batches(6), batches(1)].concat();
    for (position, variant) in modern() {
        let spec = varied(Family::Gpt, position, &variant);
        let (fused, gradients) = train(&model(&spec, 5, Path::Fused), &batches);
        let (composed, expected) = train(&model(&spec, 5, Path::Composition), &batches);
        assert!(fused[6] < fused[0] - 0.1, "{variant:?} does not learn: {fused:?}");
        for (fused, composed) in fused.iter().zip(&composed) {
            assert!((fused / composed - 1.0).abs() < 1e-5, "{variant:?}: {fused} {composed}");
        }
        for (part, (fused, composed)) in gradients.iter().zip(&expected).enumerate() {
            let length = composed.iter().map(|x| x * x).sum::<f32>().sqrt();
            let apart = fused.iter().zip(composed).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
            assert!(apart.sqrt() < 1e-4 * length, "{variant:?} part {part}");
        }
    }
}

#[test]
fn turned_positions_need_pairs_of_channels() {
    let spec = ModelSpec { head_width: 5, ..spec(Family::Gpt, Some(Position::Rotary)) };
    let refused = Model::new(&spec, 0.1, 0, &Device::Cpu, Path::Fused).err().unwrap();
    assert!(refused.to_string().contains("even width"), "{refused}");
}

fn varied(family: Family, position: Option<Position>, variant: &Variant) -> ModelSpec {
    ModelSpec { variant: variant.clone(), ..spec(family, position) }
}

fn model(spec: &ModelSpec, seed: u64, path: Path) -> Model {
    Model::new(spec, 0.1, seed, &Device::Cpu, path).unwrap()
}

/// Consecutive batches of a text that does not change: where a last bit decides how something is rounded,
/// two paths go apart, and another text would do so elsewhere.
fn batches(n: u64) -> Vec<TokenBatch> {
    let text = [Tokens::U8(include_bytes!("../../../../LICENSE"))];
    let mut data = TrainingData::new(Source::alone(text), 0, 0, 3, 37).unwrap();
    (1..=n).map(|step| data.step(step)).collect()
}

/// Losses of the first steps, and the last gradients.
fn train(model: &Model, batches: &[TokenBatch]) -> (Vec<f64>, Vec<Vec<f32>>) {
    let mut adam = Adam::new(&OptimiserSpec::for_width(32), model).unwrap();
    let mut state = model.initial_state();
    let mut last = Vec::new();
    let losses = (1..).zip(batches).map(|(step, tokens)| {
        let (loss, gradients) = model.loss_and_gradients(tokens, &mut state).unwrap();
        adam.step(model, &gradients, step, 3e-3, 1).unwrap();
        last = gradients.iter().map(|gradient| gradient.to_vec1().unwrap()).collect();
        loss
    });
    let losses = losses.collect();
    (losses, last)
}

#[test]
fn fused_operations_equal_their_composition() {
    let batches = batches(12);
    for (family, position) in FAMILIES {
        let spec = spec(family, position);
        let (fused, _) = train(&model(&spec, 5, Path::Fused), &batches);
        let (composed, _) = train(&model(&spec, 5, Path::Composition), &batches);
        assert!(fused[11] < fused[0] - 1.0, "{family} does not learn: {fused:?}");
        for (step, (fused, composed)) in fused.iter().zip(&composed).enumerate() {
            let difference = (fused - composed).abs() / composed;
            assert!(difference < 1e-5, "{family} {position:?} step {step}: {fused} {composed}");
        }
    }
}

#[test]
fn gradients_of_fused_operations_equal_those_of_their_composition() {
    for (family, position) in FAMILIES {
        let spec = spec(family, position);
        // The second batch, so that a carried state is part of it.
        let (_, fused) = train(&model(&spec, 5, Path::Fused), &batches(2));
        let (_, composed) = train(&model(&spec, 5, Path::Composition), &batches(2));
        for (part, (fused, composed)) in fused.iter().zip(&composed).enumerate() {
            let length = composed.iter().map(|x| x * x).sum::<f32>().sqrt();
            let apart = fused.iter().zip(composed).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
            assert!(apart.sqrt() < 1e-4 * length, "{family} {position:?} part {part}");
        }
    }
}

/// Rounding is a staircase: what a last bit decides otherwise in one step is a step of the staircase
/// in the next, so that only a few steps can be compared.
#[test]
fn variants_equal_their_composition() {
    let batches = batches(3);
    for (name, variant) in variants() {
        for (family, position) in [FAMILIES[0], FAMILIES[2], FAMILIES[3]] {
            let spec = varied(family, position, &variant);
            let (fused, fused_gradients) = train(&model(&spec, 5, Path::Fused), &batches);
            let (composed, gradients) = train(&model(&spec, 5, Path::Composition), &batches);
            for (fused, composed) in fused.iter().zip(&composed) {
                assert!(
                    (fused / composed - 1.0).abs() < 1e-3,
                    "{family} {name}: {fused} {composed}"
                );
            }
            assert!((fused[0] / composed[0] - 1.0).abs() < 1e-5, "{family} {name}");
            for (part, (fused, composed)) in fused_gradients.iter().zip(&gradients).enumerate() {
                let length = composed.iter().map(|x| x * x).sum::<f32>().sqrt();
                let apart = fused.iter().zip(composed).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
                assert!(apart.sqrt() < 0.1 * length, "{family} {name} part {part}");
            }
        }
    }
}

/// The first gradients, before anything could have been rounded otherwise.
#[test]
fn first_gradients_of_variants_equal_those_of_their_composition() {
    for (name, variant) in variants() {
        for (family, position) in [FAMILIES[0], FAMILIES[2], FAMILIES[3]] {
            let spec = varied(family, position, &variant);
            let (_, fused) = train(&model(&spec, 5, Path::Fused), &batches(1));
            let (_, composed) = train(&model(&spec, 5, Path::Composition), &batches(1));
            for (part, (fused, composed)) in fused.iter().zip(&composed).enumerate() {
                let length = composed.iter().map(|x| x * x).sum::<f32>().sqrt();
                let apart = fused.iter().zip(composed).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
                let share = apart.sqrt() / length;
                // An LSTM rounds what it has rounded: one hidden state that takes another step of its
                // grid is seen by all tokens after it.
                let most = if family == Family::Lstm { 2e-2 } else { 5e-3 };
                assert!(share < most, "{family} {name} part {part}: {share}");
            }
        }
    }
}

/// Gives `to` the weights of `from`, as far as it has parameters of the same names.
fn copy_weights(from: &Model, to: &Model) {
    for (from, to) in from.parts().iter().zip(to.parts()) {
        let given: Vec<f32> = from.weights.to_vec1().unwrap();
        let mut weights: Vec<f32> = to.weights.to_vec1().unwrap();
        for parameter in to.layout.params() {
            if let Some(same) = from.layout.get(parameter.name) {
                weights[parameter.range()].copy_from_slice(&given[same.range()]);
            }
        }
        let weights = Tensor::from_vec(weights, to.layout.len(), &Device::Cpu).unwrap();
        to.weights.set(&weights).unwrap();
    }
}

#[test]
fn a_variant_that_changes_nothing_is_the_baseline() {
    let batches = batches(3);
    for (family, position) in FAMILIES {
        let dense = train(&model(&spec(family, position), 5, Path::Fused), &batches);
        let all = Variant { sparsity: Some(NofM { keep: 4, of: 4 }), ..Variant::BASELINE };
        let kept = train(&model(&varied(family, position, &all), 5, Path::Fused), &batches);
        assert_eq!(dense, kept, "{family}");
        let weightless = Variant { z_loss: Some(LossWeight(0.0)), ..Variant::BASELINE };
        let kept = train(&model(&varied(family, position, &weightless), 5, Path::Fused), &batches);
        assert_eq!(dense, kept, "{family}");
        let all = model(&varied(family, position, &grouped(4, 4, 1)), 5, Path::Fused);
        assert_eq!(dense, train(&all, &batches), "{family}");
        let one = Variant { experts: Some(experts(1, 1)), ..Variant::BASELINE };
        let one = model(&varied(family, position, &one), 5, Path::Fused);
        copy_weights(&model(&spec(family, position), 5, Path::Fused), &one);
        for (one, dense) in train(&one, &batches).0.iter().zip(&dense.0) {
            assert!((one / dense - 1.0).abs() < 1e-5, "{family}: {one} {dense}");
        }
    }
}

/// Into a latent space as wide as the stream and out of it by the identity.
#[test]
fn latent_experts_of_the_identity_are_experts() {
    let tokens = batches(1).remove(0);
    let (plain, latent) = (experts(5, 2), Experts { latent: Some(32), ..experts(5, 2) });
    let [plain, latent] = [plain, latent].map(|experts| {
        let variant = Variant { experts: Some(experts), ..Variant::BASELINE };
        model(&varied(Family::Gpt, Some(Position::Alibi), &variant), 5, Path::Fused)
    });
    copy_weights(&plain, &latent);
    for part in &latent.parts()[1..3] {
        let mut weights: Vec<f32> = part.weights.to_vec1().unwrap();
        for name in ["down_w", "up_w"] {
            let values = &mut weights[part.layout.get(name).unwrap().range()];
            values.fill(0.0);
            values.iter_mut().step_by(33).for_each(|value| *value = 1.0);
        }
        let weights = Tensor::from_vec(weights, part.layout.len(), &Device::Cpu).unwrap();
        part.weights.set(&weights).unwrap();
    }
    let nll = |model: &Model| model.nll(&tokens, &mut model.initial_state()).unwrap();
    for (latent, plain) in nll(&latent).iter().zip(nll(&plain)) {
        assert!((latent - plain).abs() < 1e-5, "{latent} and {plain}");
    }
}

#[test]
fn more_bits_are_nearer_to_the_baseline() {
    let tokens = batches(1).remove(0);
    let nll = |variant: &Variant| {
        let model = model(&varied(Family::Gpt, Some(Position::Alibi), variant), 5, Path::Fused);
        model.nll(&tokens, &mut model.initial_state()).unwrap()
    };
    let full = nll(&Variant::BASELINE);
    let apart = |format| {
        let quantization = Quantization {
            weights: Some(format),
            activations: Some(format),
            group: ScaleGroup::Size(32),
            ..Quantization::default()
        };
        let nll = nll(&Variant { quantization: Some(quantization), ..Variant::BASELINE });
        nll.iter().zip(&full).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    };
    let formats = [NumberFormat::Int8, NumberFormat::Int6, NumberFormat::Int4, NumberFormat::Int2];
    let apart = formats.map(apart);
    assert!(apart.is_sorted() && apart[0] > 0.0 && apart[3] > 10.0 * apart[0], "{apart:?}");
}

#[test]
fn every_parameter_gets_a_finite_gradient_that_is_not_zero() {
    let plain = FAMILIES.map(|(family, position)| spec(family, position));
    let switched = modern().into_iter().map(|(at, variant)| varied(Family::Gpt, at, &variant));
    let varied = variants().into_iter().flat_map(|(_, variant)| {
        [Family::Qlstm, Family::Lstm].map(|family| varied(family, None, &variant))
    });
    for spec in plain.into_iter().chain(varied).chain(switched) {
        for path in [Path::Fused, Path::Composition] {
            let (family, variant) = (spec.family, &spec.variant);
            let model = model(&spec, 5, path);
            let (_, gradients) = train(&model, &batches(1));
            for (part, gradient) in model.parts().iter().zip(gradients) {
                for parameter in part.layout.params() {
                    let gradient = &gradient[parameter.range()];
                    let name =
                        format!("{family} {variant:?} {path:?} {}.{}", part.name, parameter.name);
                    assert!(gradient.iter().all(|x| x.is_finite()), "{name}");
                    assert!(gradient.iter().any(|x| *x != 0.0), "{name}");
                }
            }
        }
    }
}

#[test]
fn a_model_has_as_many_parameters_as_its_specification_says() {
    let plain = FAMILIES.map(|(family, position)| spec(family, position));
    let switched = modern().into_iter().map(|(at, variant)| varied(Family::Gpt, at, &variant));
    let varied = variants().into_iter().map(|(_, variant)| varied(Family::Gpt, None, &variant));
    for spec in plain.into_iter().chain(varied).chain(switched) {
        let model = model(&spec, 0, Path::Fused);
        let n: usize = model.parts().iter().map(|part| part.weights.elem_count()).sum();
        assert_eq!(n as u64, spec.params_n(), "{spec:?}");
    }
}

#[test]
fn equal_seeds_give_equal_weights() {
    let spec = spec(Family::Gpt, Some(Position::Alibi));
    let weights = |seed| -> Vec<Vec<f32>> {
        let model = model(&spec, seed, Path::Fused);
        model.parts().iter().map(|part| part.weights.to_vec1().unwrap()).collect()
    };
    assert_eq!(weights(1), weights(1));
    assert_ne!(weights(1), weights(2));
}

#[test]
fn initial_weights_have_their_standard_deviations() {
    let spec = spec(Family::Qlstm, None);
    let model = model(&spec, 3, Path::Fused);
    let block = &model.parts()[1];
    let weights: Vec<f32> = block.weights.to_vec1().unwrap();
    let of = |name: &str| &weights[block.layout.get(name).unwrap().range()];
    let std =
        |values: &[f32]| (values.iter().map(|x| x * x).sum::<f32>() / values.len() as f32).sqrt();
    assert!((std(of("gates_w")) - 0.1).abs() < 0.005);
    // Two layers: narrower by the root of four.
    assert!((std(of("out_w")) - 0.05).abs() < 0.0025);
    assert!(of("gates_b").iter().all(|x| *x == 0.0));
    assert!(of("ln1_gain").iter().all(|x| *x == 1.0));
}

/// Reading a text in pieces and carrying the state is reading it at once.
#[test]
fn a_recurrent_state_is_carried_exactly() {
    let text: Vec<u32> = Tokens::U8(&include_bytes!("mod.rs")[..=64]).iter().collect();
    let whole = TokenBatch::from_windows([text.as_slice()], 64);
    for (family, path) in [Family::Qlstm, Family::Lstm]
        .into_iter()
        .flat_map(|family| [Path::Fused, Path::Composition].map(|path| (family, path)))
    {
        let model = model(&spec(family, None), 7, path);
        let at_once = model.nll(&whole, &mut model.initial_state()).unwrap();
        let mut state = model.initial_state();
        let mut in_pieces = Vec::new();
        for start in [0, 16, 32, 48] {
            let piece = TokenBatch::from_windows([&text[start..=start + 16]], 16);
            in_pieces.extend(model.nll(&piece, &mut state).unwrap());
        }
        for (a, b) in at_once.iter().zip(&in_pieces) {
            assert!((a - b).abs() < 1e-5, "{family} {path:?}: {a} and {b}");
        }
        let forgetful = model.nll(&whole, &mut state).unwrap();
        assert_ne!(at_once[0], forgetful[0], "{family} {path:?}: the state has no effect");
    }
}

/// The same weights otherwise: what a quasi-LSTM leaves out are the recurrent matrices.
#[test]
fn an_lstm_without_recurrent_matrices_is_a_quasi_lstm() {
    let (quasi, plain) = (spec(Family::Qlstm, None), spec(Family::Lstm, None));
    let (quasi, plain) = (model(&quasi, 5, Path::Fused), model(&plain, 6, Path::Fused));
    copy_weights(&quasi, &plain);
    for part in &plain.parts()[1..3] {
        let mut weights: Vec<f32> = part.weights.to_vec1().unwrap();
        weights[part.layout.get("recurrent_w").unwrap().range()].fill(0.0);
        let weights = Tensor::from_vec(weights, part.layout.len(), &Device::Cpu).unwrap();
        part.weights.set(&weights).unwrap();
    }
    let tokens = batches(1).remove(0);
    let nll = |model: &Model| model.nll(&tokens, &mut model.initial_state()).unwrap();
    for (plain, quasi) in nll(&plain).iter().zip(nll(&quasi)) {
        assert!((plain - quasi).abs() < 1e-5, "{plain} and {quasi}");
    }
}

#[test]
fn a_token_sees_no_later_token() {
    let mut tokens = batches(1).remove(0);
    for (family, position) in FAMILIES {
        for path in [Path::Fused, Path::Composition] {
            let model = model(&spec(family, position), 5, path);
            let before = model.nll(&tokens, &mut model.initial_state()).unwrap();
            tokens.inputs[20] ^= 1;
            let after = model.nll(&tokens, &mut model.initial_state()).unwrap();
            assert_eq!(before[..20], after[..20], "{family} {path:?}");
            assert_ne!(before[20..37], after[20..37], "{family} {path:?}");
            assert_eq!(before[37..], after[37..], "{family} {path:?}: rows mix");
        }
    }
}

#[test]
fn sparse_groups_that_do_not_divide_are_refused() {
    let variant = Variant { sparsity: Some(NofM { keep: 2, of: 5 }), ..Variant::BASELINE };
    let spec = varied(Family::Gpt, None, &variant);
    let refused = Model::new(&spec, 0.1, 0, &Device::Cpu, Path::Fused).err().unwrap();
    assert!(refused.to_string().contains("groups of sparse weights"), "{refused}");
}

#[test]
fn the_active_share_is_that_of_a_relu_alone() {
    let tokens = batches(1).remove(0);
    let share = |variant: &Variant| {
        let model = model(&varied(Family::Qlstm, None, variant), 5, Path::Fused);
        model.nll(&tokens, &mut model.initial_state()).unwrap();
        model.active_share(tokens.batch, tokens.sequence)
    };
    assert_eq!(share(&Variant::BASELINE), None);
    // At random weights every second unit is positive.
    let relu = Variant { activation: Activation::Relu, ..Variant::BASELINE };
    let share = share(&relu).unwrap();
    assert!((0.4..0.6).contains(&share), "{share}");
}

#[test]
fn a_model_of_no_size_is_refused() {
    let spec = ModelSpec { layers_n: 0, ..spec(Family::Qlstm, None) };
    let refused = Model::new(&spec, 0.1, 0, &Device::Cpu, Path::Fused).err().unwrap();
    assert!(matches!(refused, Error::Shape { .. }), "{refused}");
}
