//! Training tokens per CPU second on one thread: the fused kernels, beside the same model in plain
//! candle operations and, where `SWEEP_PYTORCH` names a Python that has it, in PyTorch.
//!
//! ```text
//! cargo bench -p sweep-trainer
//! SWEEP_PYTORCH=venv/bin/python cargo bench -p sweep-trainer
//! ```
//!
//! With `SWEEP_GPU=0` and the feature `cuda` it measures on that GPU instead ([`gpu`]).
//!
//! All of a row take turns, a window each, so that a busy machine is as busy for all of them.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod costs;
mod gpu;
mod peer;

use std::error::Error;
use std::process::Command;

use peer::Peer;
use sweep_core::variant::{
    Activation, Experts, Family, ModelSpec, NofM, NumberFormat, Position, Quantization, ScaleGroup,
    Variant,
};
use sweep_trainer::model::Path;
use sweep_trainer::probe::Bench;
use sweep_trainer::{Accelerator, Subject};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Both libraries read these once, when they are first used: the benchmark starts itself again
/// with them set.
const SINGLE_THREADED: [(&str, &str); 2] =
    [("CANDLE_NUM_THREADS", "1"), ("RAYON_NUM_THREADS", "1")];

/// Windows of each, and how long one is.
const WINDOWS_N: usize = 15;
const WINDOW_SECONDS: f64 = 0.5;

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    if SINGLE_THREADED.iter().any(|(name, _)| std::env::var_os(name).is_none()) {
        let status = Command::new(std::env::current_exe()?)
            .args(std::env::args_os().skip(1))
            .envs(SINGLE_THREADED)
            .status()?;
        return if status.success() { Ok(()) } else { Err("the benchmark failed".into()) };
    }
    if let Some(done) = costs::role() {
        return done;
    }
    let mut peer = std::env::var_os("SWEEP_PYTORCH").map(Peer::start).transpose()?;
    let gpu = std::env::var("SWEEP_GPU").ok().map(|index| index.parse()).transpose()?;
    println!("{}", Accelerator::CORE.name());
    match &peer {
        Some(peer) => println!("PyTorch {}, eager, float32", peer.version),
        None => println!("PyTorch left out: SWEEP_PYTORCH names no Python"),
    }
    if let Some(index) = gpu {
        return gpu::table(index, peer);
    }
    // `-- costs` measures that table alone.
    let named: Vec<String> =
        std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let is_asked = |name: &str| named.is_empty() || named.iter().any(|asked| asked == name);
    if is_asked("baselines") {
        baselines(&mut peer)?;
    }
    if is_asked("threads") {
        two_threads(&mut peer)?;
    }
    if is_asked("variants") {
        variants()?;
    }
    if is_asked("costs") {
        costs::tables(std::env::var_os("SWEEP_PYTORCH"))?;
    }
    Ok(())
}

fn baselines(peer: &mut Option<Peer>) -> Result<(), Box<dyn Error>> {
    println!("\n| model | parameters | batch | tokens/s | of candle | of PyTorch |");
    println!("|---|---|---|---|---|---|");
    for subject in subjects() {
        let cpu = Accelerator::CORE;
        let mut fused = Bench::new(&subject, cpu, Path::Fused)?;
        let mut composed = Bench::new(&subject, cpu, Path::Composition)?;
        let (mut speeds, mut of_candle, mut of_peer) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..WINDOWS_N {
            let speed = fused.window(cpu, WINDOW_SECONDS)?;
            speeds.push(speed);
            of_candle.push(speed / composed.window(cpu, WINDOW_SECONDS)?);
            if let Some(peer) = peer {
                of_peer.push(speed / peer.window(&subject, 1, WINDOW_SECONDS)?);
            }
        }
        let Subject { model, batch, .. } = &subject;
        println!(
            "| {} {} | {:.2} M | {batch} x {} | {:.0} | {} | {} |",
            model.family,
            model.size_label(),
            model.params_n() as f64 / 1e6,
            model.sequence,
            median(speeds).unwrap_or_default(),
            ratio(of_candle),
            ratio(of_peer),
        );
    }
    Ok(())
}

/// Two threads on a batch in two pieces, by the clock: of a machine with nothing else to do.
fn two_threads(peer: &mut Option<Peer>) -> Result<(), Box<dyn Error>> {
    println!("\n| two threads | tokens/s | of one thread | of PyTorch's two |");
    println!("|---|---|---|---|");
    for subject in subjects() {
        let (one, two) = (Accelerator::CORE, Accelerator::Cpu { threads_n: 2 });
        let pieces = Subject { micro_batch: Some(subject.batch / 2), ..subject.clone() };
        let mut alone = Bench::new(&subject, one, Path::Fused)?;
        let mut shared = Bench::new(&pieces, two, Path::Fused)?;
        let (mut speeds, mut of_one, mut of_peer) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..WINDOWS_N {
            let speed = shared.wall_window(two, WINDOW_SECONDS)?;
            speeds.push(speed);
            of_one.push(speed / alone.wall_window(one, WINDOW_SECONDS)?);
            if let Some(peer) = peer {
                of_peer.push(speed / peer.window(&subject, 2, WINDOW_SECONDS)?);
            }
        }
        let model = &subject.model;
        println!(
            "| {} {} | {:.0} | {} | {} |",
            model.family,
            model.size_label(),
            median(speeds).unwrap_or_default(),
            ratio(of_one),
            ratio(of_peer),
        );
    }
    Ok(())
}

fn ratio(ratios: Vec<f64>) -> String {
    median(ratios).map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2} x"))
}

/// How much longer a step takes with more around its matrix products.
fn variants() -> Result<(), Box<dyn Error>> {
    let subjects: Vec<Subject> = subjects().into_iter().take(2).collect();
    let sizes: Vec<String> = subjects.iter().map(|s| s.model.size_label()).collect();
    println!("\n| a step of a GPT longer by | {} |", sizes.join(" | "));
    println!("|---|---|---|");
    for (name, varied) in varied() {
        let mut cells = Vec::new();
        for subject in &subjects {
            let cpu = Accelerator::CORE;
            let mut plain = Bench::new(subject, cpu, Path::Fused)?;
            let mut varied = Bench::new(&varied(subject), cpu, Path::Fused)?;
            let mut longer = Vec::new();
            for _ in 0..WINDOWS_N {
                let speed = plain.window(cpu, WINDOW_SECONDS)?;
                longer.push(speed / varied.window(cpu, WINDOW_SECONDS)? - 1.0);
            }
            cells.push(format!("{:.1} %", 100.0 * median(longer).unwrap_or_default()));
        }
        println!("| {name} | {} |", cells.join(" | "));
    }
    Ok(())
}

/// Makes another subject of one.
type Vary = Box<dyn Fn(&Subject) -> Subject>;

/// Variants of as many operations in matrix products, then what the data asks for.
fn varied() -> Vec<(String, Vary)> {
    let variants = reduced().into_iter().map(|(name, variant)| {
        let vary: Vary = Box::new(move |subject| {
            let model = ModelSpec { variant: variant.clone(), ..subject.model.clone() };
            Subject { model, ..subject.clone() }
        });
        (name, vary)
    });
    let pieces: Vary = Box::new(|subject| Subject { micro_batch: Some(4), ..subject.clone() });
    let vocabulary: Vary = Box::new(|subject| {
        let model = ModelSpec { vocabulary_n: 4096, ..subject.model.clone() };
        Subject { model, ..subject.clone() }
    });
    let data = [
        ("in pieces of 4 sequences of 16".to_owned(), pieces),
        ("a vocabulary of 4,096, which is more work".to_owned(), vocabulary),
    ];
    variants.chain(data).collect()
}

fn reduced() -> Vec<(String, Variant)> {
    use NumberFormat::{Fp4E2m1, Fp8E4m3, Int4, Int8};
    let both = |format: NumberFormat, size: u32| {
        let quantization = Quantization {
            weights: Some(format),
            activations: Some(format),
            group: ScaleGroup::Size(size),
            ..Quantization::default()
        };
        let name = format!("weights and activations {format:?}, groups of {size}");
        (name, Variant { quantization: Some(quantization), ..Variant::BASELINE })
    };
    let sparsity = Some(NofM { keep: 2, of: 4 });
    let experts =
        Some(Experts { count: 8, top_k: 2, granularity: None, balance: 0.01, latent: None });
    vec![
        both(Int8, 128),
        both(Int4, 128),
        both(Int4, 32),
        both(Fp8E4m3, 32),
        both(Fp4E2m1, 32),
        ("2:4 weights".to_owned(), Variant { sparsity, ..Variant::BASELINE }),
        ("8 experts, 2 of them for a token".to_owned(), Variant { experts, ..Variant::BASELINE }),
        ("ReLU".to_owned(), Variant { activation: Activation::Relu, ..Variant::BASELINE }),
    ]
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The GPT of this width, of three that are here.
fn of_width(width: u32) -> Subject {
    let mut subject = subjects().swap_remove(if width == 64 { 0 } else { 2 });
    subject.model.width = width;
    subject.model.head_width = width / subject.model.heads_n;
    subject.model.mlp_width = 4 * width;
    subject
}

/// The GPT in three sizes, the quasi-LSTM and the LSTM in the two smaller ones.
fn subjects() -> Vec<Subject> {
    let subject = |family: Family, width: u32, layers_n: u32, heads_n: u32, sequence, batch| {
        let model = ModelSpec {
            family,
            width,
            layers_n,
            heads_n,
            head_width: width / heads_n,
            mlp_width: 4 * width,
            position: (family == Family::Gpt).then_some(Position::Learned),
            vocabulary_n: 256,
            sequence,
            variant: Variant::BASELINE,
        };
        Subject { model, batch, micro_batch: None }
    };
    vec![
        subject(Family::Gpt, 64, 2, 4, 128, 16),
        subject(Family::Gpt, 128, 5, 4, 128, 16),
        subject(Family::Gpt, 384, 6, 6, 256, 8),
        subject(Family::Qlstm, 64, 2, 4, 128, 16),
        subject(Family::Qlstm, 128, 5, 4, 128, 16),
        subject(Family::Lstm, 64, 2, 4, 128, 16),
        subject(Family::Lstm, 128, 5, 4, 128, 16),
    ]
}
