use sweep_core::variant::OptimiserSpec;

use super::*;
use crate::data::TrainingData;
use crate::optim::Adam;

const FAMILIES: [(Family, Option<Position>); 3] = [
    (Family::Gpt, Some(Position::Alibi)),
    (Family::Gpt, Some(Position::Learned)),
    (Family::Qlstm, None),
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
    }
}

fn model(spec: &ModelSpec, seed: u64, path: Path) -> Model {
    Model::new(spec, 0.1, seed, &Device::Cpu, path).unwrap()
}

/// Consecutive batches of this very file.
fn batches(n: u64) -> Vec<TokenBatch> {
    let text = [include_str!("mod.rs").as_bytes()];
    let mut data = TrainingData::new(text, 0, 3, 37).unwrap();
    (1..=n).map(|step| data.step(step)).collect()
}

/// Losses of the first steps, and the last gradients.
fn train(model: &Model, batches: &[TokenBatch]) -> (Vec<f64>, Vec<Vec<f32>>) {
    let mut adam = Adam::new(&OptimiserSpec::for_width(32), model).unwrap();
    let mut state = model.initial_state();
    let mut last = Vec::new();
    let losses = (1..).zip(batches).map(|(step, tokens)| {
        let (loss, gradients) = model.loss_and_gradients(tokens, &mut state).unwrap();
        adam.step(model, &gradients, step, 3e-3).unwrap();
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

#[test]
fn every_parameter_gets_a_finite_gradient_that_is_not_zero() {
    for (family, position) in FAMILIES {
        for path in [Path::Fused, Path::Composition] {
            let model = model(&spec(family, position), 5, path);
            let (_, gradients) = train(&model, &batches(1));
            for (part, gradient) in model.parts().iter().zip(gradients) {
                for parameter in part.layout.params() {
                    let gradient = &gradient[parameter.range()];
                    let name = format!("{family} {path:?} {}.{}", part.name, parameter.name);
                    assert!(gradient.iter().all(|x| x.is_finite()), "{name}");
                    assert!(gradient.iter().any(|x| *x != 0.0), "{name}");
                }
            }
        }
    }
}

#[test]
fn a_model_has_as_many_parameters_as_its_specification_says() {
    for (family, position) in FAMILIES {
        let spec = spec(family, position);
        let model = model(&spec, 0, Path::Fused);
        let n: usize = model.parts().iter().map(|part| part.weights.elem_count()).sum();
        assert_eq!(n as u64, spec.params_n(), "{family} {position:?}");
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
    let text: Vec<u8> = include_bytes!("mod.rs")[..=64].to_vec();
    let whole = TokenBatch::from_windows([text.as_slice()], 64);
    for path in [Path::Fused, Path::Composition] {
        let model = model(&spec(Family::Qlstm, None), 7, path);
        let at_once = model.nll(&whole, &mut model.initial_state()).unwrap();
        let mut state = model.initial_state();
        let mut in_pieces = Vec::new();
        for start in [0, 16, 32, 48] {
            let piece = TokenBatch::from_windows([&text[start..=start + 16]], 16);
            in_pieces.extend(model.nll(&piece, &mut state).unwrap());
        }
        for (a, b) in at_once.iter().zip(&in_pieces) {
            assert!((a - b).abs() < 1e-5, "{path:?}: {a} and {b}");
        }
        let forgetful = model.nll(&whole, &mut state).unwrap();
        assert_ne!(at_once[0], forgetful[0], "{path:?}: the state has no effect");
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
fn a_model_of_no_size_is_refused() {
    let spec = ModelSpec { layers_n: 0, ..spec(Family::Qlstm, None) };
    let refused = Model::new(&spec, 0.1, 0, &Device::Cpu, Path::Fused).err().unwrap();
    assert!(matches!(refused, Error::Shape { .. }), "{refused}");
}
