//! Several streams of one model.

use super::variants::streams;
use super::*;

fn of_streams(count: u32, prefix: u32) -> ModelSpec {
    let variant = Variant { streams: Some(streams(count, prefix)), ..Variant::BASELINE };
    varied(Family::Gpt, Some(Position::Alibi), &variant)
}

fn nll(model: &Model, tokens: &TokenBatch) -> Vec<f32> {
    model.nll(tokens, &mut model.initial_state()).unwrap()
}

/// Changes the parameters of this name in every part that has them.
fn edit(model: &Model, name: &str, change: impl Fn(&mut [f32])) {
    for part in model.parts() {
        let Some(parameter) = part.layout.get(name) else { continue };
        let mut weights: Vec<f32> = part.weights.to_vec1().unwrap();
        change(&mut weights[parameter.range()]);
        let weights = Tensor::from_vec(weights, part.layout.len(), &Device::Cpu).unwrap();
        part.weights.set(&weights).unwrap();
    }
}

#[test]
fn one_stream_is_the_plain_model() {
    let batches = batches(3);
    for path in [Path::Fused, Path::Composition] {
        let plain = spec(Family::Gpt, Some(Position::Alibi));
        let (plain, one) = (model(&plain, 5, path), model(&of_streams(1, 48), 5, path));
        assert_eq!(train(&plain, &batches), train(&one, &batches), "{path:?}");
    }
}

/// A prefix that no query looks for is none, and streams without one are alike.
#[test]
fn streams_whose_prefixes_nobody_sees_are_one() {
    let plain = model(&spec(Family::Gpt, Some(Position::Alibi)), 5, Path::Fused);
    let tokens = batches(1).remove(0);
    let expected = nll(&plain, &tokens);
    let three = model(&of_streams(3, 1), 6, Path::Fused);
    copy_weights(&plain, &three);
    edit(&three, "prefix_v", |values| values.fill(0.0));
    let seen = nll(&three, &tokens);
    let apart =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    // Values of zero still take their share of the attention.
    assert!(apart(&seen, &expected) > 1e-3);
    // Queries have a bias of one in the first channel of every head; keys of -1000 there are never met.
    edit(&three, "qkv_b", |bias| bias[..24].iter_mut().step_by(8).for_each(|b| *b = 1.0));
    edit(&plain, "qkv_b", |bias| bias[..24].iter_mut().step_by(8).for_each(|b| *b = 1.0));
    edit(&three, "prefix_k", |keys| {
        keys.fill(0.0);
        keys.iter_mut().step_by(8).for_each(|key| *key = -1000.0);
    });
    edit(&three, "qkv_w", |weights| weights.iter_mut().for_each(|w| *w *= 0.1));
    edit(&plain, "qkv_w", |weights| weights.iter_mut().for_each(|w| *w *= 0.1));
    assert!(apart(&nll(&three, &tokens), &nll(&plain, &tokens)) < 1e-4);
}

#[test]
fn streams_see_no_later_token_and_do_not_mix_rows() {
    let mut tokens = batches(1).remove(0);
    for path in [Path::Fused, Path::Composition] {
        let model = model(&of_streams(2, 4), 5, path);
        let before = nll(&model, &tokens);
        tokens.inputs[20] ^= 1;
        let after = nll(&model, &tokens);
        assert_eq!(before[..20], after[..20], "{path:?}");
        assert_ne!(before[20..37], after[20..37], "{path:?}");
        assert_eq!(before[37..], after[37..], "{path:?}: rows mix");
    }
}

#[test]
fn streams_of_a_recurrent_model_are_refused() {
    let variant = Variant { streams: Some(streams(2, 4)), ..Variant::BASELINE };
    let spec = varied(Family::Qlstm, None, &variant);
    let refused = Model::new(&spec, 0.1, 0, &Device::Cpu, Path::Fused).err().unwrap();
    assert!(refused.to_string().contains("prefixes of attention"), "{refused}");
}
