//! Training tokens per CPU second, fused kernels beside the same model in plain candle
//! operations: `cargo bench -p sweep-trainer`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::error::Error;
use std::process::Command;

use sweep_core::variant::{Family, ModelSpec, Position};
use sweep_trainer::model::Path;
use sweep_trainer::probe::{Patience, measure};
use sweep_trainer::{Accelerator, Subject};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Both libraries read these once, when they are first used: the benchmark starts itself again
/// with them set.
const SINGLE_THREADED: [(&str, &str); 2] =
    [("CANDLE_NUM_THREADS", "1"), ("RAYON_NUM_THREADS", "1")];

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    if SINGLE_THREADED.iter().any(|(name, _)| std::env::var_os(name).is_none()) {
        let status = Command::new(std::env::current_exe()?).envs(SINGLE_THREADED).status()?;
        return if status.success() { Ok(()) } else { Err("the benchmark failed".into()) };
    }
    println!("{}", Accelerator::Cpu.name());
    println!("{:<8} {:>9} {:>12} {:>12} {:>7}", "family", "batch", "fused", "composed", "ratio");
    for family in [Family::Gpt, Family::Qlstm] {
        for batch in [4, 16] {
            let subject = [Subject { model: spec(family), batch }];
            let cpu = Accelerator::Cpu;
            let patience = Patience::for_accelerator(cpu);
            let fused = measure(&subject, cpu, Path::Fused, patience)?[0];
            let composed = measure(&subject, cpu, Path::Composition, patience)?[0];
            let ratio = fused.tokens_per_second / composed.tokens_per_second;
            println!(
                "{family:<8} {batch:>3} x {:>3} {:>6.0} ±{:>3.1}% {:>6.0} ±{:>3.1}% {ratio:>6.1}x",
                subject[0].model.sequence,
                fused.tokens_per_second,
                fused.spread * 100.0,
                composed.tokens_per_second,
                composed.spread * 100.0,
            );
        }
    }
    Ok(())
}

fn spec(family: Family) -> ModelSpec {
    ModelSpec {
        family,
        width: 64,
        layers_n: 2,
        heads_n: 4,
        head_width: 16,
        mlp_width: 256,
        position: (family == Family::Gpt).then_some(Position::Alibi),
        vocabulary_n: 256,
        sequence: 128,
    }
}
