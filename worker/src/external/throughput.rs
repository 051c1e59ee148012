//! How fast a command trains: it runs as for any run, until enough of its reports are in.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sweep_core::class::ComputeClass;
use sweep_core::clock::Timestamp;
use sweep_core::corpus::CorpusRef;
use sweep_core::ids::RunId;
use sweep_core::plan::RunSpec;
use sweep_core::spec::Tokenizer;
use sweep_core::throughput::{ExternalSubject, Throughput, ThroughputKey, ThroughputSource};
use sweep_core::units::AcceleratorTime;
use sweep_core::variant::OptimiserSpec;
use sweep_corpus::{Library, PlainFiles};

use super::lines::{self, Line, Step};
use super::process::{Next, Printed, Process};
use super::settings::{Mode, Places, Settings};
use super::{Scratch, beside, describe, start};
use crate::Options;
use crate::report::Output;

/// Steps that a command is told to train; it is stopped long before, if it is not very fast.
const STEPS: u64 = 1000;
/// The first steps are not counted: code is compiled in them, caches are filled.
const WARMUP_STEPS: u64 = 5;
/// Accelerator time that settles it.
const ENOUGH_SECONDS: f64 = 5.0;
/// Reports beyond the warm-up that settle it.
const ENOUGH_REPORTS: usize = 10;
/// However few reports there are, after this long they have to do.
const PATIENCE: Duration = Duration::from_secs(120);
/// Until the first report: imports, compilation, data.
const PATIENCE_AT_FIRST: Duration = Duration::from_secs(600);
/// After it was asked to stop.
const GRACE: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(50);

/// Measures the throughput of a command.
///
/// # Errors
/// Why it could not be measured, in words.
pub(crate) async fn measure(
    key: &ThroughputKey,
    subject: &ExternalSubject,
    options: &Options,
) -> Result<Throughput, String> {
    let (corpus, tokenizer, reference) = corpus(key, subject, options).await?;
    let run = trial(key, subject, reference);
    let scratch = Scratch(options.data_dir.join("calibration").join(run.id.to_string()));
    let checkpoints = scratch.path().join("checkpoints");
    std::fs::create_dir_all(&checkpoints)
        .map_err(|error| format!("cannot make {}: {error}", checkpoints.display()))?;
    let control = scratch.path().join("control");
    let places = Places { control, checkpoints, corpus, tokenizer };
    let settings = Settings::new(&run, Mode::Calibrate, options.accelerator, &places, None);
    let name = format!("{}-{}-{}.log", subject.sweep, subject.arm, subject.size);
    let log = options.data_dir.join("logs").join("calibration").join(name);
    let printed = Printed { log, heard: Output::default() };
    let started = start(&subject.trainer, &settings, &places, options.accelerator, printed);
    let mut process = started.map_err(|fault| fault.to_string())?;
    let mut samples = Samples { run, all: Vec::new(), begun: Instant::now() };
    let heard = listen(&mut process, &mut samples).await;
    let tail = process.end().await;
    let measured = heard.and_then(|ended| samples.throughput(&ended));
    measured.map_err(|message| {
        let (arm, size) = (&subject.arm, &subject.size);
        let said = if tail.is_empty() { "nothing".to_owned() } else { format!("at last:\n{tail}") };
        format!("{arm} {size}, `{}`: {message}; it printed {said}", subject.trainer)
    })
}

async fn corpus(
    key: &ThroughputKey,
    subject: &ExternalSubject,
    options: &Options,
) -> Result<(PlainFiles, Option<PathBuf>, CorpusRef), String> {
    let library = Library::new(&options.data_dir.join("corpora"));
    let name = subject.corpus.clone();
    let tokenizer = Tokenizer::of_vocabulary(key.model.vocabulary_n);
    beside(move || {
        let read = || {
            let corpus = library.prepare(&name)?;
            let reference = library.reference(&[corpus.clone().into()], tokenizer)?;
            let tokenizer = library.tokenizer_file(&reference)?;
            Ok::<_, sweep_corpus::Error>((library.plain(&corpus)?, tokenizer, reference))
        };
        read().map_err(|error| crate::training::chain(&error))
    })
    .await
}

/// A run that is of no sweep.
fn trial(key: &ThroughputKey, subject: &ExternalSubject, corpus: CorpusRef) -> RunSpec {
    RunSpec {
        id: RunId::new(),
        arm: subject.arm.clone(),
        size: subject.size.clone(),
        class: ComputeClass::new(AcceleratorTime::ZERO),
        seed: 0,
        optimiser: OptimiserSpec::for_width(key.model.width),
        model: key.model.clone(),
        trainer: Some(subject.trainer.clone()),
        batch: key.batch,
        micro_batch: None,
        evaluate_last: None,
        steps: STEPS,
        corpus,
        tokens_per_second: 0.0,
    }
}

/// Reports as they come: tokens and accelerator seconds since the start.
struct Samples {
    run: RunSpec,
    all: Vec<(f64, f64)>,
    begun: Instant,
}

impl Samples {
    fn add(&mut self, step: &Step) {
        if step.step < WARMUP_STEPS {
            return;
        }
        let counted = step.step * u64::from(self.run.batch) * u64::from(self.run.model.sequence);
        let tokens = step.tokens.unwrap_or(counted) as f64;
        let seconds = step.accelerator_s.unwrap_or_else(|| self.begun.elapsed().as_secs_f64());
        if self.all.last().is_none_or(|last| last.0 < tokens && last.1 < seconds) {
            self.all.push((tokens, seconds));
        }
    }

    fn are_enough(&self) -> bool {
        let (Some(first), Some(last)) = (self.all.first(), self.all.last()) else { return false };
        let late = self.begun.elapsed() > PATIENCE && self.all.len() > 1;
        late || (self.all.len() > ENOUGH_REPORTS && last.1 - first.1 >= ENOUGH_SECONDS)
    }

    /// The speed between the first report and the last, and how much its halves differ.
    fn throughput(&self, ended: &str) -> Result<Throughput, String> {
        let [first, .., last] = self.all.as_slice() else {
            let reports_n = self.all.len();
            return Err(format!(
                "the command {ended} after {reports_n} reports of step {WARMUP_STEPS} or later, and \
                 two are needed to measure its throughput"
            ));
        };
        let speed = |from: &(f64, f64), to: &(f64, f64)| (to.0 - from.0) / (to.1 - from.1);
        let whole = speed(first, last);
        let middle = &self.all[self.all.len() / 2];
        let halves_differ = self.all.len() > 2;
        let spread = if halves_differ {
            (speed(first, middle) - speed(middle, last)).abs() / whole
        } else {
            0.0
        };
        Ok(Throughput {
            tokens_per_second: whole,
            spread,
            windows_n: u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX),
            reference: None,
            source: ThroughputSource::Measured,
            // The coordinator has the clock that counts.
            measured_at: Timestamp(0),
        })
    }
}

/// Listens until it is enough, then asks the command to stop; how it ended, in words.
async fn listen(process: &mut Process, samples: &mut Samples) -> Result<String, String> {
    let mut ticks = tokio::time::interval(TICK);
    let mut asked: Option<Instant> = None;
    loop {
        tokio::select! {
            next = process.next() => match next? {
                Next::End(status) => return Ok(describe(status)),
                // What it says once it was asked to stop counts no more.
                Next::Line(_) if asked.is_some() => {}
                Next::Line(text) => match lines::read(&text) {
                    Ok(Line::Step(step)) => samples.add(&step),
                    Ok(Line::Checkpoint(_) | Line::Result(_)) => {}
                    Err(mistake) => return Err(format!("it reported `{text}`: {mistake}")),
                },
            },
            _ = ticks.tick() => {}
        }
        if asked.is_none() && samples.are_enough() {
            process.signal(Signal::TERM);
            asked = Some(Instant::now());
        }
        if asked.is_some_and(|asked| asked.elapsed() > GRACE) {
            process.signal(Signal::KILL);
        }
        if samples.all.is_empty() && samples.begun.elapsed() > PATIENCE_AT_FIRST {
            let minutes = PATIENCE_AT_FIRST.as_secs() / 60;
            return Err(format!("it reported no step {WARMUP_STEPS} within {minutes} min"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::external::lines::Loss;

    fn samples(all: &[(f64, f64)]) -> Samples {
        let corpus = CorpusRef {
            name: String::new(),
            hash: String::new(),
            documents_n: 0,
            train_bytes: 0,
            validation_bytes: 0,
            ..CorpusRef::default()
        };
        let model = sweep_core::spec::NamedSize::Mini.model(
            sweep_core::variant::Family::External,
            None,
            256,
            16,
        );
        let key = ThroughputKey {
            model,
            batch: 2,
            micro_batch: None,
            device: String::new(),
            trainer: String::new(),
            external: None,
        };
        let subject = ExternalSubject {
            trainer: sweep_core::external::ExternalTrainer { command: Vec::new() },
            sweep: String::new(),
            arm: String::new(),
            size: String::new(),
            corpus: String::new(),
        };
        let run = trial(&key, &subject, corpus);
        Samples { run, all: all.to_vec(), begun: Instant::now() }
    }

    #[test]
    fn the_throughput_is_that_between_the_reports() {
        let found = samples(&[(100.0, 7.0), (200.0, 8.0), (310.0, 9.0)]).throughput("ended");
        let found = found.unwrap();
        assert_eq!((found.tokens_per_second, found.windows_n), (105.0, 2));
        assert!((found.spread - 10.0 / 105.0).abs() < 1e-12);
        let message = samples(&[(100.0, 7.0)]).throughput("ended with status 1").unwrap_err();
        assert!(message.contains("ended with status 1 after 1 reports"), "{message}");
    }

    #[test]
    fn tokens_are_counted_where_the_command_does_not() {
        let mut samples = samples(&[]);
        for step in [1, 6, 8] {
            let seconds = Some(step as f64);
            samples.add(&Step {
                step,
                tokens: None,
                loss: Loss::Unsaid,
                accelerator_s: seconds,
                points: Vec::new(),
            });
        }
        assert_eq!(samples.all, [(192.0, 6.0), (256.0, 8.0)]);
    }
}
