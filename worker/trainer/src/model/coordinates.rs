//! The coordinate check of the maximal update parametrisation (Yang et al., arXiv 2203.03466, appendix
//! D.1): how far a few steps move activations must not depend on the width.

use candle_core::{Device, Tensor};
use sweep_core::variant::{Family, ModelSpec, OptimiserSpec, Position, Variant};
use sweep_corpus::Tokens;

use super::{Model, Path};
use crate::data::{Source, TrainingData};
use crate::optim::Adam;

const WIDTHS: [u32; 4] = [32, 64, 128, 256];
const STEPS: u64 = 5;

fn rms(values: &Tensor) -> f64 {
    let mean: f32 = values.sqr().unwrap().mean_all().unwrap().to_scalar().unwrap();
    f64::from(mean).sqrt()
}

/// Root mean squares of the residual stream after the last block before training, and of its change.
fn sizes(family: Family, width: u32, mu_p: bool) -> (f64, f64) {
    let spec = ModelSpec {
        family,
        width,
        layers_n: 2,
        heads_n: width / 16,
        head_width: 16,
        mlp_width: 4 * width,
        position: (family == Family::Gpt).then_some(Position::Alibi),
        vocabulary_n: 256,
        sequence: 32,
        variant: Variant::BASELINE,
    };
    let optimiser = OptimiserSpec { mu_p, ..OptimiserSpec::for_width(OptimiserSpec::MU_P_WIDTH) };
    let model = Model::initialised(&spec, &optimiser, 1, &Device::Cpu, Path::Fused).unwrap();
    let text = [Tokens::U8(include_bytes!("mod.rs"))];
    let mut data = TrainingData::new(Source::alone(text), 0, 1, 4, 32).unwrap();
    let probe = data.step(1);
    let hidden = || model.fused_hidden(&probe, &mut model.initial_state()).unwrap();
    let before = hidden();
    let mut adam = Adam::new(&optimiser, &model).unwrap();
    let mut state = model.initial_state();
    for step in 1..=STEPS {
        let (_, gradients) = model.loss_and_gradients(&data.step(step), &mut state).unwrap();
        adam.step(&model, &gradients, step, optimiser.learning_rate, 1).unwrap();
    }
    (rms(&before), rms(&(hidden() - &before).unwrap()))
}

/// How many times the largest of these is the smallest.
fn spread(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().fold(0.0, f64::max) / values.fold(f64::INFINITY, f64::min)
}

#[test]
fn activations_and_their_changes_do_not_depend_on_the_width() {
    for family in [Family::Gpt, Family::Qlstm] {
        let measured = |mu_p| WIDTHS.map(|width| sizes(family, width, mu_p));
        let (with, without) = (measured(true), measured(false));
        let (start, change) = (|s: &(f64, f64)| s.0, |s: &(f64, f64)| s.1);
        assert!(spread(with.iter().map(start)) < 1.25, "{family}: {with:?}");
        assert!(spread(with.iter().map(change)) < 1.6, "{family}: {with:?}");
        // The same rates for all widths move the wide ones further and further.
        assert!(spread(without.iter().map(change)) > 2.5, "{family}: {without:?}");
        assert!(without.map(|s| s.1).is_sorted(), "{family}: {without:?}");
        assert_eq!(with[1], without[1], "at the width of reference nothing changes");
    }
}
