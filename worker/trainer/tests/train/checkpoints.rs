//! Checkpoints: which are kept, what a damaged one costs, and processes that are killed while they write.
#![expect(clippy::print_stdout, reason = "the process that is killed says what it has written")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use sweep_core::metric::MetricPoint;
use sweep_core::plan::RunSpec;
use sweep_core::run::Checkpoint;
use sweep_core::sweep::Progress;
use sweep_core::units::AcceleratorTime;
use sweep_core::variant::Family;
use sweep_corpus::Text;
use sweep_trainer::{Directive, Error, Monitor, Outcome, Start, TrainJob, train};

use crate::{Recorder, corpus, finished, job, run, uninterrupted};

/// Trains on until `step` is done; the checkpoint that it stops with, and what it said.
fn stop(
    run: &RunSpec,
    corpus: &Text,
    dir: &Path,
    from: Option<&Checkpoint>,
    step: u64,
) -> (Checkpoint, Recorder) {
    let mut recorder = Recorder { stop_at: Some(step), ..Recorder::default() };
    let job = TrainJob { resume_from: from, ..job(run, corpus, dir) };
    let outcome = train(&job, &mut recorder).unwrap();
    let Outcome::Stopped { checkpoint: Some(checkpoint), .. } = outcome else {
        panic!("it did not stop with a checkpoint: {outcome:?}")
    };
    (checkpoint, recorder)
}

fn file_names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn sha256(bytes: &[u8]) -> String {
    let hash = <sha2::Sha256 as sha2::Digest>::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As after a kill: points after the checkpoint come again, with the same values.
#[test]
fn a_run_resumed_from_an_older_checkpoint_repeats_its_points() {
    let corpus = corpus();
    let run = run(Family::Qlstm, 30, &corpus);
    let dir = tempfile::tempdir().unwrap();
    let (expected, points) = uninterrupted(&run, &corpus);
    let (first, _) = stop(&run, &corpus, dir.path(), None, 10);
    let (second, _) = stop(&run, &corpus, dir.path(), Some(&first), 20);
    let (third, _) = stop(&run, &corpus, dir.path(), Some(&second), 28);
    assert_eq!(file_names(dir.path()), [second.path.clone(), third.path], "the newest two stay");

    let resumed = TrainJob { resume_from: Some(&second), ..job(&run, &corpus, dir.path()) };
    let mut again = Recorder::default();
    let result = finished(train(&resumed, &mut again).unwrap());
    assert_eq!(result.weights_hash, expected.weights_hash);
    assert!(points.ends_with(&again.points));
    assert_eq!(again.points[0].step, 21);
}

/// Training does not wait for the disk, so that how many there are is up to it; each is whole.
#[test]
fn checkpoints_are_written_while_training_goes_on() {
    let corpus = corpus();
    let run = run(Family::Gpt, 60, &corpus);
    let dir = tempfile::tempdir().unwrap();
    // What an attempt that was killed has begun to write.
    std::fs::write(dir.path().join("step-000000000007.unfinished"), "half a checkp").unwrap();
    let mut recorder = Recorder::default();
    let always =
        TrainJob { checkpoint_every: AcceleratorTime::ZERO, ..job(&run, &corpus, dir.path()) };
    let result = finished(train(&always, &mut recorder).unwrap());
    assert_eq!(result.weights_hash, uninterrupted(&run, &corpus).0.weights_hash);
    assert_eq!(recorder.checkpoints_failed, Vec::<String>::new());
    let told = &recorder.checkpoints;
    assert!(told.is_sorted_by_key(|checkpoint| checkpoint.step) && told[0].step == 1);
    let kept = &told[told.len().saturating_sub(2)..];
    let names: Vec<_> = kept.iter().map(|checkpoint| checkpoint.path.clone()).collect();
    assert_eq!(file_names(dir.path()), names);
    for checkpoint in kept {
        let resumed = TrainJob { resume_from: Some(checkpoint), ..job(&run, &corpus, dir.path()) };
        let mut again = Recorder::default();
        let outcome = finished(train(&resumed, &mut again).unwrap());
        assert_eq!(again.start, Some((checkpoint.step, 0)));
        assert_eq!(outcome.weights_hash, result.weights_hash);
    }
}

#[test]
fn a_checkpoint_is_named_by_its_content_and_refused_by_other_runs() {
    let corpus = corpus();
    let mine = run(Family::Gpt, 20, &corpus);
    let dir = tempfile::tempdir().unwrap();
    let (checkpoint, _) = stop(&mine, &corpus, dir.path(), None, 7);
    let hash = sha256(&std::fs::read(dir.path().join(&checkpoint.path)).unwrap());
    assert_eq!(checkpoint.hash, hash);
    assert!(checkpoint.path.contains(&hash[..16]), "{}", checkpoint.path);

    let other = run(Family::Gpt, 20, &corpus);
    let foreign = TrainJob { resume_from: Some(&checkpoint), ..job(&other, &corpus, dir.path()) };
    let refused = train(&foreign, &mut Recorder::default()).unwrap_err();
    assert!(matches!(refused, Error::ForeignCheckpoint { .. }), "{refused}");
}

/// What a disk does to a file: the newest is cut short, then the one before it is changed in one
/// bit, then both are gone.
#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before_it_and_that_to_a_new_beginning() {
    let corpus = corpus();
    let run = run(Family::Qlstm, 30, &corpus);
    let dir = tempfile::tempdir().unwrap();
    let (older, _) = stop(&run, &corpus, dir.path(), None, 19);
    let (newest, _) = stop(&run, &corpus, dir.path(), Some(&older), 20);
    let (expected, _) = uninterrupted(&run, &corpus);
    let file = |checkpoint: &Checkpoint| dir.path().join(&checkpoint.path);
    let resume = |begun_at, passed_over| {
        let mut again = Recorder::default();
        let dir_of_this = tempfile::tempdir().unwrap();
        for name in file_names(dir.path()) {
            std::fs::copy(dir.path().join(&name), dir_of_this.path().join(name)).unwrap();
        }
        let resumed =
            TrainJob { resume_from: Some(&newest), ..job(&run, &corpus, dir_of_this.path()) };
        let result = finished(train(&resumed, &mut again).unwrap());
        assert_eq!(result.weights_hash, expected.weights_hash);
        assert_eq!(again.start, Some((begun_at, passed_over)));
    };
    resume(20, 0);
    let mut bytes = std::fs::read(file(&newest)).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(file(&newest), bytes).unwrap();
    resume(19, 1);
    let mut bytes = std::fs::read(file(&older)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file(&older), bytes).unwrap();
    resume(0, 2);
    std::fs::remove_file(file(&newest)).unwrap();
    std::fs::remove_file(file(&older)).unwrap();
    resume(0, 1);
}

#[test]
fn a_run_that_cannot_write_its_checkpoints_goes_on() {
    let corpus = corpus();
    let run = run(Family::Qlstm, 30, &corpus);
    let dir = tempfile::tempdir().unwrap();
    // A file where the folder should be: nothing can be written below it, not even by root.
    let blocked = dir.path().join("checkpoints");
    std::fs::write(&blocked, "").unwrap();
    let mut recorder = Recorder { stop_at: Some(20), ..Recorder::default() };
    let always =
        TrainJob { checkpoint_every: AcceleratorTime::ZERO, ..job(&run, &corpus, &blocked) };
    let outcome = train(&always, &mut recorder).unwrap();
    assert!(matches!(outcome, Outcome::Stopped { step: 20, checkpoint: None, .. }), "{outcome:?}");
    // The last of them is the one that it stops with.
    assert!(recorder.checkpoints_failed.len() >= 2 && recorder.checkpoints.is_empty());
    let named = blocked.display().to_string();
    for failed in &recorder.checkpoints_failed {
        assert!(failed.contains(&named), "{failed}");
    }
}

/// Names the folder that a process of this test writes to until it is killed.
const KILLED_IN: &str = "SWEEP_TEST_KILLED_IN";
/// Before the name of a checkpoint that is on the disk.
const ON_DISK: &str = "on disk: ";

/// Says what is on the disk.
struct Speaker;

impl Monitor for Speaker {
    fn start(&mut self, _: &Start) {}
    fn points(&mut self, _: &[MetricPoint]) {}
    fn checkpoint_failed(&mut self, error: &Error) {
        panic!("{error}");
    }
    fn checkpoint(&mut self, checkpoint: &Checkpoint, _: AcceleratorTime) {
        println!("{ON_DISK}{}", serde_json::to_string(checkpoint).unwrap());
    }
    fn progress(&mut self, _: Progress, _: AcceleratorTime) -> Directive {
        Directive::Continue
    }
}

/// Wherever it is in its next file, what it has said to be on the disk is whole, and so is everything else
/// under the name of a checkpoint.
#[test]
fn a_process_killed_while_it_writes_leaves_the_checkpoint_before_readable() {
    let corpus = corpus();
    let mut run = run(Family::Qlstm, 20_000, &corpus);
    run.id = "0195d3f0-0000-7000-8000-000000000001".parse().unwrap();
    run.model.width = 64;
    run.model.mlp_width = 256;
    if let Some(dir) = std::env::var_os(KILLED_IN) {
        let always = TrainJob {
            checkpoint_every: AcceleratorTime::ZERO,
            ..job(&run, &corpus, Path::new(&dir))
        };
        train(&always, &mut Speaker).unwrap();
        return;
    }
    for kill_after in [1, 2, 3, 5, 8] {
        let dir = tempfile::tempdir().unwrap();
        let this =
            "checkpoints::a_process_killed_while_it_writes_leaves_the_checkpoint_before_readable";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", this, "--nocapture"])
            .env(KILLED_IN, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = lines.map_while(Result::ok).filter_map(|line| {
            let (_, checkpoint) = line.split_once(ON_DISK)?;
            Some(serde_json::from_str::<Checkpoint>(checkpoint).unwrap())
        });
        let last = told.take(kill_after).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();

        let names = file_names(dir.path());
        let whole = names.iter().filter(|name| name.ends_with(".safetensors"));
        for name in whole.clone() {
            let hash = sha256(&std::fs::read(dir.path().join(name)).unwrap());
            assert!(name.contains(&hash[..16]), "{name} of {names:?}");
        }
        assert!((1..=3).contains(&whole.count()), "{names:?}");
        let mut recorder = Recorder { stop_at: Some(last.step + 1), ..Recorder::default() };
        let resumed = TrainJob { resume_from: Some(&last), ..job(&run, &corpus, dir.path()) };
        train(&resumed, &mut recorder).unwrap();
        // The one that was told may have made room for two younger ones since.
        let (begun_at, passed_over) = recorder.start.unwrap();
        assert!(begun_at == last.step && passed_over == 0 || !names.contains(&last.path));
    }
}
