//! Whole runs on real text: the sources of the nouns.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

mod checkpoints;
mod post_training;
mod quantized;
mod settings;
mod sparsing;
mod speed;
mod tokens;

use std::path::{Path, PathBuf};

use sweep_core::class::ComputeClass;
use sweep_core::ids::RunId;
use sweep_core::metric::{Metric, MetricPoint};
use sweep_core::plan::RunSpec;
use sweep_core::run::{Checkpoint, RunResult};
use sweep_core::sweep::Progress;
use sweep_core::units::AcceleratorTime;
use sweep_core::variant::{
    Activation, Experts, Family, HiddenGroups, ModelSpec, MomentFormat, NofM, NumberFormat,
    OptimiserSpec, Position, Quantization, ScaleGroup, Streams, Variant,
};
use sweep_corpus::{Corpus, Text};
use sweep_trainer::{Accelerator, Directive, Error, Monitor, Outcome, Start, TrainJob, train};

fn corpus() -> Text {
    corpus_of(usize::MAX)
}

/// At most `bytes_max` of every source file.
fn corpus_of(bytes_max: usize) -> Text {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../coordinator/core/src");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    let documents = files.iter().map(|file| {
        let mut text = std::fs::read(file).unwrap();
        text.truncate(bytes_max);
        text
    });
    Corpus::from_documents("sources", documents).into()
}

fn run(family: Family, steps: u64, corpus: &Text) -> RunSpec {
    RunSpec {
        id: RunId::new(),
        arm: family.to_string(),
        size: "d32x2".to_owned(),
        class: ComputeClass::new(AcceleratorTime::from_ms(2000)),
        seed: 11,
        model: ModelSpec {
            family,
            width: 32,
            layers_n: 2,
            heads_n: 2,
            head_width: 16,
            mlp_width: 128,
            position: (family == Family::Gpt).then_some(Position::Alibi),
            vocabulary_n: 256,
            sequence: 64,
            variant: Variant::BASELINE,
        },
        optimiser: OptimiserSpec::for_width(32),
        trainer: None,
        batch: 4,
        micro_batch: None,
        evaluate_last: None,
        steps,
        corpus: corpus.reference.clone(),
        tokens_per_second: 100_000.0,
    }
}

/// Variants that laws are fitted to.
fn variants() -> [Variant; 7] {
    let experts = |latent| Experts { count: 4, top_k: 2, granularity: None, balance: 0.01, latent };
    let quantized = |activations| Variant {
        quantization: Some(Quantization {
            weights: Some(NumberFormat::Int4),
            activations,
            group: ScaleGroup::Size(32),
            fc2_activations: Some(NumberFormat::Int8),
            ..Quantization::default()
        }),
        ..Variant::BASELINE
    };
    [
        quantized(Some(NumberFormat::Int4)),
        quantized(None),
        Variant { activation: Activation::Relu, ..Variant::BASELINE },
        Variant { sparsity: Some(NofM { keep: 2, of: 4 }), ..Variant::BASELINE },
        Variant { experts: Some(experts(None)), ..Variant::BASELINE },
        Variant { experts: Some(experts(Some(16))), ..Variant::BASELINE },
        Variant {
            hidden_groups: Some(HiddenGroups { count: 4, active: 3, shared: 1, balance: 0.01 }),
            ..Variant::BASELINE
        },
    ]
}

/// Remembers everything; stops once `stop_at` steps are done.
#[derive(Default)]
struct Recorder {
    points: Vec<MetricPoint>,
    checkpoints: Vec<Checkpoint>,
    checkpoints_failed: Vec<String>,
    stop_at: Option<u64>,
    used: AcceleratorTime,
    /// The step begun at, and how many checkpoints were passed over.
    start: Option<(u64, usize)>,
}

impl Monitor for Recorder {
    fn start(&mut self, start: &Start) {
        assert_eq!(self.start.replace((start.step, start.passed_over.len())), None);
    }

    fn checkpoint_failed(&mut self, error: &Error) {
        self.checkpoints_failed.push(error.to_string());
    }

    fn points(&mut self, points: &[MetricPoint]) {
        self.points.extend_from_slice(points);
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint, _: AcceleratorTime) {
        self.checkpoints.push(checkpoint.clone());
    }

    fn progress(&mut self, progress: Progress, used: AcceleratorTime) -> Directive {
        assert!(used >= self.used && progress.loss.is_finite());
        self.used = used;
        if self.stop_at == Some(progress.step) { Directive::Stop } else { Directive::Continue }
    }
}

const NEVER: AcceleratorTime = AcceleratorTime::from_hours(1);

fn job<'a>(run: &'a RunSpec, text: &'a Text, dir: &'a Path) -> TrainJob<'a> {
    TrainJob {
        run,
        text,
        checkpoint_dir: dir,
        resume_from: None,
        checkpoint_every: NEVER,
        accelerator: Accelerator::CORE,
    }
}

fn finished(outcome: Outcome) -> RunResult {
    match outcome {
        Outcome::Finished { result, .. } => result,
        other => panic!("the run did not finish: {other:?}"),
    }
}

fn uninterrupted(run: &RunSpec, corpus: &Text) -> (RunResult, Vec<MetricPoint>) {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::default();
    let outcome = train(&job(run, corpus, dir.path()), &mut recorder).unwrap();
    (finished(outcome), recorder.points)
}

#[test]
fn variants_learn_more_than_pairs_of_letters() {
    let corpus = corpus();
    let baseline = run(Family::Qlstm, 600, &corpus);
    let (best, _) = uninterrupted(&baseline, &corpus);
    for variant in variants() {
        let model = ModelSpec { variant: variant.clone(), ..baseline.model.clone() };
        let (result, points) = uninterrupted(&RunSpec { model, ..baseline.clone() }, &corpus);
        let (bits, bigram) = (result.bits_per_byte, result.bigram_bits_per_byte.unwrap());
        assert!(bits < 0.9 * bigram, "{variant:?}: {bits} against {bigram}");
        let ratio = bits / best.bits_per_byte;
        assert!((0.95..1.1).contains(&ratio) && ratio != 1.0, "{variant:?}: {ratio}");
        let is_relu = variant.activation == Activation::Relu;
        let shares = points.iter().filter(|point| point.metric == Metric::ActiveShare);
        assert_eq!(shares.count() > 0, is_relu);
    }
}

/// RMSNorm, rotary positions, SwiGLU, normalised queries and keys, tied embeddings, z-loss.
#[test]
fn a_modern_gpt_learns_more_than_the_baseline() {
    let corpus = corpus();
    let baseline = run(Family::Gpt, 600, &corpus);
    let (plain, _) = uninterrupted(&baseline, &corpus);
    let mut run = baseline;
    (run.model.position, run.model.variant) = (Some(Position::Rotary), Variant::MODERN);
    let (modern, _) = uninterrupted(&run, &corpus);
    let (bits, bigram) = (modern.bits_per_byte, modern.bigram_bits_per_byte.unwrap());
    assert!(bits < 0.9 * bigram, "{bits} against {bigram}");
    assert!(bits < 1.05 * plain.bits_per_byte, "{bits} against {}", plain.bits_per_byte);
}

#[test]
fn two_streams_learn_as_much_as_one() {
    let corpus = corpus();
    let mut run = run(Family::Gpt, 600, &corpus);
    run.model.position = Some(Position::Rotary);
    let (plain, _) = uninterrupted(&run, &corpus);
    run.model.variant.streams = Some(Streams { prefix: 8, ..Streams::new(2) });
    let (two, _) = uninterrupted(&run, &corpus);
    let (bits, bigram) = (two.bits_per_byte, two.bigram_bits_per_byte.unwrap());
    assert!(bits < 0.85 * bigram, "{bits} against {bigram}");
    assert!(bits < 1.05 * plain.bits_per_byte, "{bits} against {}", plain.bits_per_byte);
}

#[test]
fn all_families_learn_more_than_pairs_of_letters() {
    let corpus = corpus();
    for family in [Family::Gpt, Family::Qlstm, Family::Lstm] {
        let run = run(family, 600, &corpus);
        let (result, points) = uninterrupted(&run, &corpus);
        let bits = result.bits_per_byte;
        let bigram = result.bigram_bits_per_byte.unwrap();
        assert!(bits < 0.9 * bigram, "{family}: {bits} against {bigram}");
        assert!((result.loss / std::f64::consts::LN_2 - bits).abs() < 1e-12);
        assert!((result.normalised_perplexity - result.loss.exp()).abs() < 1e-9);
        assert!(result.tokens_per_second > 0.0);
        let last = points.last().unwrap();
        assert_eq!((last.metric, last.step), (Metric::ValidationLoss, 600));
        assert_eq!(last.value, result.loss);
        let count = |name: &str| points.iter().filter(|p| p.metric.as_str() == name).count();
        for name in ["train_loss", "learning_rate", "gradient_norm", "gradient_rms"] {
            assert_eq!(count(name), 200, "{name}");
        }
        assert_eq!((count("validation_loss"), count("output_logit_norm")), (1, 20));
        let attention = if family == Family::Gpt { 20 } else { 0 };
        for layer in 0..2 {
            assert_eq!(count(&format!("max_attention_logit.{layer}")), attention, "{family}");
        }
    }
}

/// Within 2 % of the bits per byte, at half the size of a checkpoint.
#[test]
fn moments_of_eight_bits_train_as_well_as_full_ones() {
    let corpus = corpus();
    for family in [Family::Gpt, Family::Qlstm] {
        let full = run(family, 250, &corpus);
        let mut small = full.clone();
        small.optimiser.moments = MomentFormat::Fp8;
        let size = |run: &RunSpec| {
            let dir = tempfile::tempdir().unwrap();
            let mut recorder = Recorder { stop_at: Some(1), ..Recorder::default() };
            train(&job(run, &corpus, dir.path()), &mut recorder).unwrap();
            let file = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap();
            file.metadata().unwrap().len() as f64
        };
        let share = size(&small) / size(&full);
        assert!((0.49..0.53).contains(&share), "{family}: {share}");
        let bits = |run: &RunSpec| uninterrupted(run, &corpus).0.bits_per_byte;
        let (full, small) = (bits(&full), bits(&small));
        assert!(small != full && (small / full - 1.0).abs() < 0.02, "{family}: {small}, {full}");
    }
}

#[test]
fn the_same_run_twice_is_the_same() {
    let corpus = corpus();
    for family in [Family::Gpt, Family::Qlstm, Family::Lstm] {
        let run = run(family, 40, &corpus);
        let (first, points) = uninterrupted(&run, &corpus);
        let (second, again) = uninterrupted(&run, &corpus);
        assert_eq!(first.weights_hash, second.weights_hash);
        assert_eq!(first.loss, second.loss);
        assert_eq!(points, again);
        let other = RunSpec { seed: 12, ..run };
        assert_ne!(uninterrupted(&other, &corpus).0.weights_hash, first.weights_hash);
    }
}

/// Steps 1 and 401 are not metric boundaries (every 2 steps), 300 lies in the second epoch.
#[test]
fn an_interrupted_run_ends_like_an_uninterrupted_one() {
    let corpus = corpus_of(550);
    for (family, moments) in [
        (Family::Gpt, MomentFormat::F32),
        (Family::Qlstm, MomentFormat::F32),
        (Family::Qlstm, MomentFormat::Fp8),
        (Family::Lstm, MomentFormat::F32),
    ] {
        let mut run = run(family, 410, &corpus);
        run.optimiser.moments = moments;
        run.model.sequence = 16;
        let tokens_per_step = run.tokens_d() / run.steps;
        assert!(corpus.reference.train_bytes < 290 * tokens_per_step, "one epoch is longer");
        let (expected, expected_points) = uninterrupted(&run, &corpus);
        let dir = tempfile::tempdir().unwrap();
        let mut points = Vec::new();
        let mut resume_from: Option<Checkpoint> = None;
        for stop_at in [1, 300, 401] {
            let mut recorder = Recorder { stop_at: Some(stop_at), ..Recorder::default() };
            let job =
                TrainJob { resume_from: resume_from.as_ref(), ..job(&run, &corpus, dir.path()) };
            let begun_at = resume_from.as_ref().map_or(0, |checkpoint| checkpoint.step);
            let Outcome::Stopped { step, checkpoint, used } = train(&job, &mut recorder).unwrap()
            else {
                panic!("{family} did not stop after {stop_at} steps");
            };
            assert_eq!(recorder.start, Some((begun_at, 0)));
            assert_eq!((step, used), (stop_at, recorder.used));
            points.extend(recorder.points);
            resume_from = checkpoint;
        }
        let mut recorder = Recorder::default();
        let job = TrainJob { resume_from: resume_from.as_ref(), ..job(&run, &corpus, dir.path()) };
        let result = finished(train(&job, &mut recorder).unwrap());
        points.extend(recorder.points);
        assert_eq!(result.weights_hash, expected.weights_hash, "{family}");
        assert_eq!(result.loss, expected.loss, "{family}");
        assert_eq!(points, expected_points, "{family}");
    }
}

#[test]
fn an_absurd_learning_rate_diverges() {
    let corpus = corpus();
    for family in [Family::Gpt, Family::Qlstm, Family::Lstm] {
        let mut run = run(family, 50, &corpus);
        run.optimiser.learning_rate = 1e30;
        let dir = tempfile::tempdir().unwrap();
        let outcome = train(&job(&run, &corpus, dir.path()), &mut Recorder::default()).unwrap();
        let Outcome::Diverged { step, before, .. } = outcome else {
            panic!("{family}: {outcome:?}")
        };
        assert!((1..50).contains(&step), "{family} after {step}");
        assert_eq!(before.len() as u64, step.min(5));
        assert!(before.iter().all(|b| b.loss.is_finite() && b.gradient_norm.is_finite()));
    }
}

#[test]
fn a_run_trains_on_its_own_corpus_only() {
    let corpus = corpus();
    let run = run(Family::Gpt, 5, &corpus);
    let other = Corpus::from_documents("other", vec![vec![b'x'; 1000]; 50]).into();
    let dir = tempfile::tempdir().unwrap();
    let refused = train(&job(&run, &other, dir.path()), &mut Recorder::default()).unwrap_err();
    assert!(matches!(refused, Error::WrongCorpus { .. }), "{refused}");
}
