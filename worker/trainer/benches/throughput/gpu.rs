//! Languini Kitchen's sizes on a GPU, beside the same models in PyTorch on the same GPU.
//!
//! ```text
//! SWEEP_GPU=0 SWEEP_PYTORCH=venv/bin/python cargo bench --features sweep-trainer/cuda --bench throughput
//! ```
//!
//! Both in float32, and PyTorch also compiled with bfloat16 products, which the trainer has no counterpart
//! of. FLOPs are those of the 6ND rule, over what `SWEEP_GPU_TFLOPS` says the device can do (67, an H200's
//! float32 by its datasheet).

use std::error::Error;
use std::process::Command;

use sweep_core::spec::NamedSize;
use sweep_core::variant::{Family, Position};
use sweep_trainer::model::Path;
use sweep_trainer::probe::Bench;
use sweep_trainer::{Accelerator, Subject};

use crate::peer::{Mode, Peer};
use crate::{WINDOWS_N, median, ratio};

/// Windows on a GPU are long against the launch of a kernel.
const WINDOW_SECONDS: f64 = 1.0;
const BATCH: u32 = 16;
const SEQUENCE: u32 = 512;
const VOCABULARY_N: u32 = 16_384;

pub(crate) fn table(index: u32, mut peer: Option<Peer>) -> Result<(), Box<dyn Error>> {
    let gpu = Accelerator::Cuda { index };
    let peak: f64 = std::env::var("SWEEP_GPU_TFLOPS").map_or(Ok(67.0), |text| text.parse())?;
    println!("{}, {peak} TFLOP/s", gpu.name());
    println!(
        "\n| model | parameters | tokens/s | of the peak | memory, MiB | of eager PyTorch | of compiled |"
    );
    println!("|---|---|---|---|---|---|---|");
    for family in [Family::Gpt, Family::Qlstm] {
        for size in [NamedSize::Mini, NamedSize::Tiny, NamedSize::Small, NamedSize::Medium] {
            let position = (family == Family::Gpt).then_some(Position::Learned);
            let model = size.model(family, position, VOCABULARY_N, SEQUENCE);
            let subject = Subject { model, batch: BATCH, micro_batch: None };
            row(size.as_str(), &subject, index, peak, &mut peer)?;
        }
    }
    Ok(())
}

fn row(
    size: &str,
    subject: &Subject,
    index: u32,
    peak: f64,
    peer: &mut Option<Peer>,
) -> Result<(), Box<dyn Error>> {
    let gpu = Accelerator::Cuda { index };
    let mut bench = Bench::new(subject, gpu, Path::Composition)?;
    // The first window compiles kernels and fills the pool of memory.
    bench.window(gpu, WINDOW_SECONDS)?;
    let memory = memory_used(index);
    let (mut speeds, mut of_eager, mut of_compiled) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..WINDOWS_N {
        let speed = bench.window(gpu, WINDOW_SECONDS)?;
        speeds.push(speed);
        if let Some(peer) = peer {
            let mut of = |mode| peer.window_in(subject, mode, WINDOW_SECONDS);
            of_eager.push(speed / of(Mode::Gpu { is_compiled: false })?);
            of_compiled.push(speed / of(Mode::Gpu { is_compiled: true })?);
        }
    }
    let model = &subject.model;
    let speed = median(speeds).unwrap_or_default();
    let share = model.flops_c(1) * speed / (peak * 1e12);
    println!(
        "| {} {size} | {:.1} M | {speed:.0} | {:.1} % | {} | {} | {} |",
        model.family,
        model.params_n() as f64 / 1e6,
        100.0 * share,
        memory.as_deref().unwrap_or("-"),
        ratio(of_eager),
        ratio(of_compiled),
    );
    Ok(())
}

/// Memory that is taken on the GPU, MiB, as its driver tells; of the whole GPU, so of nobody else's work.
fn memory_used(index: u32) -> Option<String> {
    let mut command = Command::new("nvidia-smi");
    command.args(["--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i"]);
    let output = command.arg(index.to_string()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
