//! What a run costs besides its steps: memory, checkpoints, its start.
//!
//! Memory and start are those of a process of its own, which is this program once more.

use std::error::Error;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use sweep_core::class::ComputeClass;
use sweep_core::corpus::CorpusRef;
use sweep_core::ids::RunId;
use sweep_core::metric::MetricPoint;
use sweep_core::plan::RunSpec;
use sweep_core::run::Checkpoint;
use sweep_core::sweep::Progress;
use sweep_core::units::AcceleratorTime;
use sweep_core::variant::OptimiserSpec;
use sweep_corpus::Library;
use sweep_trainer::model::Path as ModelPath;
use sweep_trainer::probe::Bench;
use sweep_trainer::{
    Accelerator, Directive, Error as TrainerError, Monitor, Start, Subject, TrainJob, train,
};

use crate::peer::Peer;
use crate::{median, of_width};

/// Tells the program what it is started for.
const ROLE: &str = "SWEEP_BENCH_ROLE";
/// Steps after which a process has taken all the memory that it takes.
const STEPS_N: usize = 5;
const STARTS_N: usize = 15;
const MEGA: f64 = 1e6;

/// Does what this process was started for, if it is one of those that are measured.
pub(crate) fn role() -> Option<Result<(), Box<dyn Error>>> {
    let role = std::env::var(ROLE).ok()?;
    let (role, folder) = role.split_once(' ')?;
    Some(match role {
        "memory" => use_memory(Path::new(folder)),
        "start" => start_run(Path::new(folder)),
        _ => Err(format!("no process is measured as `{role}`").into()),
    })
}

fn started_as(role: &str, folder: &Path) -> Result<Child, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    let role = format!("{role} {}", folder.display());
    Ok(command.env(ROLE, role).stdout(Stdio::piped()).spawn()?)
}

/// The next line that a process says.
fn line_of(child: &mut Child) -> Result<String, Box<dyn Error>> {
    let mut line = String::new();
    let mut lines = BufReader::new(child.stdout.take().ok_or("no pipe from the process")?);
    lines.read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

pub(crate) fn tables(python: Option<OsString>) -> Result<(), Box<dyn Error>> {
    memory(python)?;
    checkpoint()?;
    start()
}

/// Of the model of 10.9 M parameters that the first table has.
fn memory(python: Option<OsString>) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut child = started_as("memory", folder.path())?;
    let ours = line_of(&mut child)?;
    child.wait()?;
    let peaks = |line: &str| -> Vec<f64> {
        line.split(' ').filter_map(|bytes| bytes.parse().ok()).collect()
    };
    let ours = peaks(&ours);
    let theirs = match python {
        Some(python) => {
            let mut peer = Peer::start(python)?;
            peer.window(&of_width(384), 1, 0.1)?;
            Some(peaks(&peer.peaks(folder.path())?))
        }
        None => None,
    };
    println!("\n| memory of a process, 10.9 M parameters | MB | of PyTorch's |");
    println!("|---|---|---|");
    for (row, name) in ["training", "and writing checkpoints"].into_iter().enumerate() {
        let ours = ours.get(row).ok_or("the process did not say what it took")?;
        let share = theirs.as_ref().and_then(|theirs| Some(ours / theirs.get(row)?));
        let share = share.map_or_else(|| "-".to_owned(), |share| format!("{share:.2} x"));
        println!("| {name} | {:.0} | {share} |", ours / MEGA);
    }
    Ok(())
}

fn use_memory(folder: &Path) -> Result<(), Box<dyn Error>> {
    let subject = of_width(384);
    let mut bench = Bench::new(&subject, Accelerator::CORE, ModelPath::Fused)?;
    for _ in 0..STEPS_N {
        // A window holds a step at least.
        bench.window(Accelerator::CORE, f64::MIN_POSITIVE)?;
    }
    let training = peak()?;
    bench.checkpoint(&run_of(&subject, CorpusRef::default()), folder)?;
    println!("{training} {}", peak()?);
    Ok(())
}

/// Most bytes that this process has had in memory.
fn peak() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB"));
    Ok(kilobytes.ok_or("the system does not tell the peak")?.trim().parse::<f64>()? * 1024.0)
}

/// Of a GPT of about 100 M parameters.
fn checkpoint() -> Result<(), Box<dyn Error>> {
    let mut subject = of_width(768);
    (subject.model.layers_n, subject.model.sequence, subject.batch) = (14, 16, 1);
    let mut bench = Bench::new(&subject, Accelerator::CORE, ModelPath::Fused)?;
    bench.window(Accelerator::CORE, f64::MIN_POSITIVE)?;
    let folder = tempfile::tempdir_in(".")?;
    let run = run_of(&subject, CorpusRef::default());
    let (mut copying, mut writing) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        let written = bench.checkpoint(&run, folder.path())?;
        copying.push(written.copying.as_secs_f64());
        writing.push(written.writing.as_secs_f64());
    }
    let params_n = subject.model.params_n() as f64;
    let megabytes = 12.0 * params_n / MEGA;
    // The first takes its memory, the others have it.
    let first = copying.remove(0);
    let writing = median(writing).unwrap_or_default();
    println!("\n| checkpoint of {:.0} M parameters, {megabytes:.0} MB | s |", params_n / MEGA);
    println!("|---|---|");
    let copying = median(copying).unwrap_or_default();
    println!("| training waits, for the first | {first:.2} |");
    println!("| training waits, for one after it | {copying:.2} |");
    println!("| the disk takes, while training goes on | {writing:.2} |");
    Ok(())
}

/// From the start of the process to the end of a run's first step, on the documentation of crates.
fn start() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let corpus = Library::new(folder.path()).prepare("docs")?;
    let mut subject = of_width(64);
    (subject.model.layers_n, subject.batch, subject.model.sequence) = (2, 4, 128);
    let run = run_of(&subject, corpus.reference);
    std::fs::write(folder.path().join("run.json"), serde_json::to_string(&run)?)?;
    let mut taken = Vec::new();
    for _ in 0..STARTS_N {
        let begun = Instant::now();
        let mut child = started_as("start", folder.path())?;
        line_of(&mut child)?;
        taken.push(begun.elapsed().as_secs_f64() * 1000.0);
        child.wait()?;
    }
    let most = taken.iter().copied().fold(0.0, f64::max);
    let median = median(taken).unwrap_or_default();
    println!("\n| start of a process to the end of its first step | ms |");
    println!("|---|---|");
    println!("| {} | {median:.0}, at most {most:.0} |", subject.model.size_label());
    Ok(())
}

fn start_run(folder: &Path) -> Result<(), Box<dyn Error>> {
    let run: RunSpec = serde_json::from_str(&std::fs::read_to_string(folder.join("run.json"))?)?;
    let text = Library::new(folder).mapping(sweep_trainer::map).open(&run.corpus)?;
    let checkpoint_dir: PathBuf = folder.join("checkpoints");
    let job = TrainJob {
        run: &run,
        text: &text,
        checkpoint_dir: &checkpoint_dir,
        resume_from: None,
        checkpoint_every: AcceleratorTime::from_hours(1),
        accelerator: Accelerator::CORE,
    };
    train(&job, &mut FirstStep)?;
    Ok(())
}

/// Says when the first step is done.
struct FirstStep;

impl Monitor for FirstStep {
    fn start(&mut self, _: &Start) {}
    fn points(&mut self, _: &[MetricPoint]) {}
    fn checkpoint(&mut self, _: &Checkpoint, _: AcceleratorTime) {}
    fn checkpoint_failed(&mut self, _: &TrainerError) {}
    fn progress(&mut self, _: Progress, _: AcceleratorTime) -> Directive {
        println!("stepped");
        Directive::Stop
    }
}

fn run_of(subject: &Subject, corpus: CorpusRef) -> RunSpec {
    let Subject { model, batch, micro_batch } = subject.clone();
    RunSpec {
        id: RunId::new(),
        arm: model.family.to_string(),
        size: model.size_label(),
        class: ComputeClass::new(AcceleratorTime::from_ms(1000)),
        seed: 1,
        optimiser: OptimiserSpec::for_width(model.width),
        model,
        trainer: None,
        batch,
        micro_batch,
        evaluate_last: None,
        steps: 1000,
        corpus,
        tokens_per_second: 1.0,
    }
}
