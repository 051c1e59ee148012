use candle_core::Device;
use sweep_core::variant::{Family, ModelSpec, Position, ScaleGroup, Variant};

use super::*;
use crate::model::Path;

fn wave(dims: (usize, usize), speed: f64) -> Tensor {
    // Every seventh channel is twenty times as large; all are off centre.
    let values = (0..dims.0 * dims.1).map(|i| {
        let size = if (i % dims.1).is_multiple_of(7) { 20.0 } else { 1.0 };
        (size * ((i as f64 * speed).sin() + 0.3)) as f32
    });
    Tensor::from_iter(values, &Device::Cpu).unwrap().reshape(dims).unwrap()
}

fn layer() -> Layer {
    let weights = (0..24 * 20).map(|i| 0.05 * (f64::from(i) * 0.37).sin() as f32);
    let weights = Tensor::from_iter(weights, &Device::Cpu).unwrap().reshape((24, 20)).unwrap();
    let bias = Tensor::arange(0.0_f32, 20.0, &Device::Cpu).unwrap();
    Layer { weights, bias: Some(bias), seen: Some(wave((64, 24), 0.71)) }
}

fn how(method: PostMethod, weights: NumberFormat, activations: Option<NumberFormat>) -> How {
    let group = ScaleGroup::Size(8);
    let wanted = PostTraining { weights: vec![weights], activations, group, methods: vec![method] };
    How::of(method, weights, &wanted)
}

fn said(held: &Held, x: &Tensor) -> Vec<f32> {
    let product = held.inputs.of(x).unwrap().matmul(&held.weights).unwrap();
    let said = product.broadcast_add(held.bias.as_ref().unwrap()).unwrap();
    said.flatten_all().unwrap().to_vec1().unwrap()
}

fn plain(layer: &Layer) -> Held {
    folded(layer, Inputs::default()).unwrap()
}

/// Before anything is rounded every fold is the same function.
#[test]
fn folding_changes_nothing_but_the_last_bits() {
    let layer = layer();
    let x = layer.seen.clone().unwrap();
    let expected = said(&plain(&layer), &x);
    let largest = expected.iter().fold(0.0, |m: f32, y| m.max(y.abs()));
    let (shift, scale) = symmetric(&x).unwrap();
    let fp4 = how(PostMethod::LlmFp4, NumberFormat::Fp4E2m1, Some(NumberFormat::Fp4E2m1));
    let powers = powers_of_two(&x, fp4.weights).unwrap();
    let awq = channel_scales(&x.abs().unwrap().mean(0).unwrap(), 0.6).unwrap();
    for (shift, scale) in [(Some(shift), scale), (None, powers), (None, awq)] {
        let distinct: Vec<f32> = scale.to_vec1().unwrap();
        assert!(distinct.iter().any(|s| *s != distinct[0]), "nothing is scaled: {distinct:?}");
        let inputs = Inputs { shift, scale: Some(scale), rounding: Rounding::None };
        let held = folded(&layer, inputs).unwrap();
        for (a, b) in said(&held, &x).iter().zip(&expected) {
            assert!((a - b).abs() < 1e-5 * largest, "{a} and {b}");
        }
    }
}

#[test]
fn awq_is_never_worse_than_rounding_where_it_looked() {
    let layer = layer();
    let x = layer.seen.clone().unwrap();
    let wanted = x.matmul(&layer.weights).unwrap();
    for format in [NumberFormat::Int3, NumberFormat::Int4, NumberFormat::Fp4E2m1] {
        for activations in [None, Some(NumberFormat::Int8), Some(NumberFormat::Int4)] {
            let of = |method| {
                let held = how(method, format, activations).hold(&layer).unwrap();
                error(&held, &x, &wanted).unwrap()
            };
            let (plain, scaled) = (of(PostMethod::Round), of(PostMethod::Awq));
            // Every group of weights has a channel that is worth more of its levels.
            assert!(scaled < plain, "{format:?} {activations:?}: {scaled} and {plain}");
        }
    }
}

#[test]
fn symmetrised_channels_reach_from_minus_one_to_one() {
    let x = layer().seen.unwrap();
    let (shift, scale) = symmetric(&x).unwrap();
    let inputs = Inputs { shift: Some(shift), scale: Some(scale), rounding: Rounding::None };
    let centred = inputs.of(&x).unwrap();
    let ends = [centred.min(0).unwrap(), centred.max(0).unwrap()];
    let [least, largest] = ends.map(|ends| ends.to_vec1::<f32>().unwrap());
    for (least, largest) in least.iter().zip(&largest) {
        assert!((least + 1.0).abs() < 1e-5 && (largest - 1.0).abs() < 1e-5, "{least} {largest}");
    }
    // A channel that does not change is shifted away.
    let same = Tensor::full(3.0_f32, (4, 1), &Device::Cpu).unwrap();
    let (shift, scale) = symmetric(&same).unwrap();
    assert_eq!(
        (shift.to_vec1::<f32>().unwrap(), scale.to_vec1::<f32>().unwrap()),
        (vec![3.0], vec![1.0])
    );
}

/// Seven steps either way of the largest of every eight weights of a column, and of one for the inputs.
#[test]
fn everything_lies_on_its_grid() {
    let layer = layer();
    let x = layer.seen.clone().unwrap();
    let held = how(PostMethod::Round, NumberFormat::Int4, None).hold(&layer).unwrap();
    let original: Vec<Vec<f32>> = layer.weights.t().unwrap().to_vec2().unwrap();
    let rounded: Vec<Vec<f32>> = held.weights.t().unwrap().to_vec2().unwrap();
    for (original, rounded) in original.iter().zip(&rounded) {
        for (original, rounded) in original.chunks(8).zip(rounded.chunks(8)) {
            let step = original.iter().fold(0.0, |m: f32, w| m.max(w.abs())) / 7.0;
            for (w, rounded) in original.iter().zip(rounded) {
                let level = rounded / step;
                assert!((level - level.round()).abs() < 1e-4, "{level}");
                assert!((w - rounded).abs() <= 0.501 * step, "{w} became {rounded}");
            }
        }
    }
    let tuned = how(PostMethod::OutlierTune, NumberFormat::Int8, Some(NumberFormat::Int6));
    let inputs = tuned.hold(&layer).unwrap().inputs.of(&x).unwrap();
    let levels: Vec<f32> = (inputs * 31.0).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    assert!(
        levels.iter().all(|level| (level - level.round()).abs() < 1e-4 && level.abs() <= 31.001)
    );
    let fp4 = how(PostMethod::LlmFp4, NumberFormat::Fp4E2m1, Some(NumberFormat::Fp4E2m1));
    let scales: Vec<f32> = powers_of_two(&x, fp4.weights).unwrap().to_vec1().unwrap();
    assert!(scales.iter().all(|scale| [1.0, 0.5, 0.25, 0.125].contains(scale)), "{scales:?}");
}

fn model(family: Family) -> Model {
    let spec = ModelSpec {
        family,
        width: 16,
        layers_n: 2,
        heads_n: 2,
        head_width: 8,
        mlp_width: 32,
        position: (family == Family::Gpt).then_some(Position::Alibi),
        vocabulary_n: 32,
        sequence: 12,
        variant: Variant::BASELINE,
    };
    Model::new(&spec, 0.3, 1, &Device::Cpu, Path::Fused).unwrap()
}

/// Where no channel is worth more than another, the exponent is zero: plain rounding.
#[test]
fn awq_of_equal_channels_is_rounding() {
    let x = Tensor::full(0.5_f32, (64, 24), &Device::Cpu).unwrap();
    let layer = Layer { seen: Some(x), ..layer() };
    let of = |method| how(method, NumberFormat::Int4, None).hold(&layer).unwrap().weights;
    let [awq, plain] = [PostMethod::Awq, PostMethod::Round].map(of);
    assert_eq!(awq.to_vec2::<f32>().unwrap(), plain.to_vec2::<f32>().unwrap());
}

/// All folds of a whole model, of every family, before anything is rounded.
#[test]
fn a_folded_model_says_what_it_said() {
    let tokens: Vec<u32> = (0..26).map(|i| i * 7 % 32).collect();
    let tokens = TokenBatch::from_windows([&tokens[..13], &tokens[13..]], 12);
    for family in [Family::Gpt, Family::Qlstm, Family::Lstm] {
        let model = model(family);
        let nll = |model: &Model| model.nll(&tokens, &mut model.initial_state()).unwrap();
        let expected = nll(&model);
        let seen = model.seen(&tokens).unwrap();
        let wide = if family == Family::Gpt { "qkv" } else { "gates" };
        let names: Vec<&str> = seen[1].keys().map(String::as_str).collect();
        let mut all = ["fc", "out", "proj", wide];
        all.sort_unstable();
        assert_eq!(names, all);
        let fold = |layer: &Layer| {
            let Some(seen) = &layer.seen else { return folded(layer, Inputs::default()) };
            let (shift, scale) = symmetric(seen)?;
            let rounding = Rounding::None;
            folded(layer, Inputs { shift: Some(shift), scale: Some(scale), rounding })
        };
        let held = model.held(&seen, &fold).unwrap();
        assert_ne!(
            held.parts()[1].weights.to_vec1::<f32>().unwrap(),
            model.parts()[1].weights.to_vec1::<f32>().unwrap()
        );
        for (held, expected) in nll(&held).iter().zip(&expected) {
            assert!((held - expected).abs() < 1e-4, "{family}: {held} and {expected}");
        }
        // In eight bits nearly the same, in two not; and the model itself stays.
        let apart = |format| {
            let how = how(PostMethod::Round, format, Some(format));
            let held = model.held(&seen, &|layer| how.hold(layer)).unwrap();
            let squares =
                nll(&held).iter().zip(&expected).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
            squares.sqrt()
        };
        let (eight, two) = (apart(NumberFormat::Int8), apart(NumberFormat::Int2));
        assert!(0.0 < eight && 10.0 * eight < two, "{family}: {eight} and {two}");
        assert_eq!(nll(&model), expected);
    }
}
