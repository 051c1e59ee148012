//! Whole runs in few bits: scales, oscillation, freezing, kurtosis.

use sweep_core::metric::{Metric, MetricPoint};
use sweep_core::plan::RunSpec;
use sweep_core::run::Checkpoint;
use sweep_core::units::Share;
use sweep_core::variant::{
    Family, Freeze, ModelSpec, NumberFormat, Quantization, ScaleGroup, ScaleRule, Variant,
};
use sweep_trainer::{Outcome, TrainJob, train};

use super::{Recorder, corpus, corpus_of, finished, job, run, uninterrupted};

const INT4: Option<NumberFormat> = Some(NumberFormat::Int4);

fn scaled(scale: ScaleRule) -> Quantization {
    Quantization {
        weights: INT4,
        activations: INT4,
        group: ScaleGroup::Size(32),
        scale,
        ..Quantization::default()
    }
}

fn quantized(run: &RunSpec, quantization: Quantization) -> RunSpec {
    let variant = Variant { quantization: Some(quantization), ..Variant::BASELINE };
    RunSpec { model: ModelSpec { variant, ..run.model.clone() }, ..run.clone() }
}

fn of(points: &[MetricPoint], metric: Metric) -> Vec<f64> {
    points.iter().filter(|point| point.metric == metric).map(|point| point.value).collect()
}

#[test]
fn all_scales_learn_nearly_as_much_as_full_precision() {
    let corpus = corpus();
    let baseline = run(Family::Gpt, 600, &corpus);
    let (best, _) = uninterrupted(&baseline, &corpus);
    for scale in [ScaleRule::Statistics, ScaleRule::Searched, ScaleRule::Learned] {
        let (result, points) = uninterrupted(&quantized(&baseline, scaled(scale)), &corpus);
        let (bits, bigram) = (result.bits_per_byte, result.bigram_bits_per_byte.unwrap());
        assert!(bits < 0.9 * bigram, "{scale:?}: {bits} against {bigram}");
        let ratio = bits / best.bits_per_byte;
        assert!((0.97..1.1).contains(&ratio), "{scale:?}: {ratio}");
        let shares = of(&points, Metric::OscillatingShare);
        assert_eq!(shares.len(), 200, "{scale:?}");
        assert!(shares.iter().any(|share| *share > 0.0), "{scale:?}");
    }
}

/// Ten looks at four layers of two blocks; what goes into a first layer was normalised.
#[test]
fn the_kurtosis_of_every_layers_input_is_told() {
    let corpus = corpus();
    let run = quantized(&run(Family::Gpt, 400, &corpus), scaled(ScaleRule::Absmax));
    let (_, points) = uninterrupted(&run, &corpus);
    for block in 0..2 {
        for layer in ["qkv", "proj", "fc", "out"] {
            let metric = format!("kurtosis/block.{block}.{layer}").parse().unwrap();
            let values = of(&points, metric);
            assert_eq!(values.len(), 10, "{metric}");
            let expected = if layer == "fc" { 1.5..6.0 } else { 1.5..200.0 };
            assert!(values.iter().all(|value| expected.contains(value)), "{metric}: {values:?}");
        }
        let of_layer = |layer: &str| {
            let metric = format!("kurtosis/block.{block}.{layer}").parse().unwrap();
            *of(&points, metric).last().unwrap()
        };
        assert!(of_layer("out") > of_layer("fc"), "the second layer has the heavier tails");
    }
}

/// Weights near a threshold can settle once the others are held.
#[test]
fn freezing_calms_oscillating_weights() {
    let corpus = corpus();
    let free = quantized(
        &run(Family::Qlstm, 400, &corpus),
        Quantization { activations: None, ..scaled(ScaleRule::Statistics) },
    );
    // A constant rate keeps weights moving to the end.
    let mut free = free;
    free.optimiser.final_share = 1.0;
    let mut frozen = free.clone();
    let freeze = Freeze { last: Share(0.5), margin: 0.005 };
    let quantization = frozen.model.variant.quantization.as_mut().unwrap();
    quantization.freeze = Some(freeze);
    let (free, free_points) = uninterrupted(&free, &corpus);
    let (frozen, frozen_points) = uninterrupted(&frozen, &corpus);
    let share = |points| of(points, Metric::OscillatingShare);
    let (free_share, frozen_share) = (share(&free_points), share(&frozen_points));
    assert_eq!(free_share[..100], frozen_share[..100], "alike until weights are held");
    let (last_free, last_frozen) = (free_share[199], frozen_share[199]);
    assert!(last_frozen < 0.5 * last_free, "{last_frozen} against {last_free}");
    let ratio = frozen.bits_per_byte / free.bits_per_byte;
    assert!((0.9..1.1).contains(&ratio), "{ratio}");
}

/// Trained scales and what is known of oscillating weights are part of a checkpoint.
#[test]
fn an_interrupted_run_in_few_bits_ends_like_an_uninterrupted_one() {
    let corpus = corpus_of(900);
    for scale in [ScaleRule::Statistics, ScaleRule::Learned] {
        let freeze = Some(Freeze { last: Share(0.4), margin: 0.01 });
        let quantization = Quantization { freeze, ..scaled(scale) };
        let run = quantized(&run(Family::Lstm, 120, &corpus), quantization);
        let (expected, expected_points) = uninterrupted(&run, &corpus);
        let dir = tempfile::tempdir().unwrap();
        let mut points = Vec::new();
        let mut resume_from: Option<Checkpoint> = None;
        for stop_at in [1, 90] {
            let mut recorder = Recorder { stop_at: Some(stop_at), ..Recorder::default() };
            let job =
                TrainJob { resume_from: resume_from.as_ref(), ..job(&run, &corpus, dir.path()) };
            let Outcome::Stopped { checkpoint, .. } = train(&job, &mut recorder).unwrap() else {
                panic!("{scale:?} did not stop after {stop_at} steps");
            };
            points.extend(recorder.points);
            resume_from = checkpoint;
        }
        let mut recorder = Recorder::default();
        let job = TrainJob { resume_from: resume_from.as_ref(), ..job(&run, &corpus, dir.path()) };
        let result = finished(train(&job, &mut recorder).unwrap());
        points.extend(recorder.points);
        assert_eq!(result.weights_hash, expected.weights_hash, "{scale:?}");
        assert_eq!(points, expected_points, "{scale:?}");
    }
}
