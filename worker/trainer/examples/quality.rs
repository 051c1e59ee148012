#![allow(clippy::all, clippy::print_stdout, clippy::unwrap_used)]
use std::path::Path;
use sweep_core::{
    class::ComputeClass, ids::RunId, metric::MetricPoint, plan::RunSpec, run::Checkpoint,
    sweep::Progress, units::AcceleratorTime, variant::*,
};
use sweep_trainer::*;
#[global_allocator]
static A: mimalloc::MiMalloc = mimalloc::MiMalloc;
struct Quiet;
impl Monitor for Quiet {
    fn points(&mut self, _: &[MetricPoint]) {}
    fn checkpoint(&mut self, _: &Checkpoint, _: AcceleratorTime) {}
    fn progress(&mut self, _: Progress, _: AcceleratorTime) -> Directive {
        Directive::Continue
    }
}
// args: families widths classes lr_factors init_factors seeds
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let list = |i: usize| a[i].split(',').map(|x| x.parse::<f64>().unwrap()).collect::<Vec<_>>();
    let corpus =
        sweep_corpus::Library::new(Path::new("/tmp/quality-corpora")).prepare("docs").unwrap();
    let hw: u32 = a.get(7).map_or(16, |x| x.parse().unwrap());
    for f in a[1].split(',') {
        let family = if f == "gpt" { Family::Gpt } else { Family::Qlstm };
        for width in list(2) {
            let width = width as u32;
            let model = ModelSpec {
                family,
                width,
                layers_n: 2,
                heads_n: width / 16,
                head_width: 16,
                mlp_width: 4 * width,
                position: (family == Family::Gpt).then_some(Position::Alibi),
                vocabulary_n: 256,
                sequence: 128,
            };
            let mut p = probe(&model, 4, Accelerator::Cpu).unwrap(); if let Ok(t) = std::env::var("TPS") { p.tokens_per_second = t.parse().unwrap(); }
            for class in list(3) {
                for lr in list(4) {
                    for init in list(5) {
                        for seed in list(6) {
                            let class = ComputeClass::new(AcceleratorTime::from_seconds_f64(class));
                            let mut optimiser = OptimiserSpec::for_width(width);
                            optimiser.learning_rate *= lr;
                            optimiser.init_std *= init;
                            let run = RunSpec {
                                id: RunId::new(),
                                arm: f.into(),
                                size: model.size_label(),
                                class,
                                seed: seed as u64,
                                model: model.clone(),
                                optimiser,
                                batch: 4,
                                steps: class.steps(p.tokens_per_second, 4, 128),
                                corpus: corpus.reference.clone(),
                                tokens_per_second: p.tokens_per_second,
                            };
                            let job = TrainJob {
                                run: &run,
                                corpus: &corpus,
                                checkpoint_dir: Path::new("/tmp/quality"),
                                resume_from: None,
                                checkpoint_every: AcceleratorTime::from_hours(9),
                                accelerator: Accelerator::Cpu,
                            };
                            match train(&job, &mut Quiet).unwrap() {
                                Outcome::Finished { result: r, used } => println!(
                                    "{} {:.0} tok/s +-{:.3} steps {} lr x{lr} init x{init}: bpb {:.4} bigram {:.3} used {:.2}",
                                    run.label(),
                                    p.tokens_per_second,
                                    p.spread,
                                    run.steps,
                                    r.bits_per_byte,
                                    r.bigram_bits_per_byte,
                                    used.seconds()
                                ),
                                o => println!("{} lr x{lr} init x{init}: {o:?}", run.label()),
                            }
                        }
                    }
                }
            }
        }
    }
}
