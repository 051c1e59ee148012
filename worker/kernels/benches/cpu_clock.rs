//! Tokens per CPU-second of a whole training step on one thread.
//!
//! The CPU clock leaves out the time that other programs take, so the figure holds on a machine
//! that is busy with other work. Linux only: the clock is `/proc/thread-self/schedstat`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

mod model;

use model::{Family, Model, small};
use sweep_kernels::Shape;

/// CPU time of one measurement, in seconds; the best of several is reported.
const SPAN: f64 = 0.3;
const ROUNDS: usize = 7;

fn main() {
    for family in [Family::Gpt, Family::Qlstm] {
        for batch in [4, 16] {
            report(&format!("{family:?} d64 L2 h4 {batch}x128"), small(family, batch));
        }
        let shape = Shape {
            batch: 16,
            sequence: 128,
            width: 128,
            heads_n: 4,
            head_width: 32,
            mlp_width: 512,
        };
        report(&format!("{family:?} d128 L5 h4 16x128"), Model::new(family, 5, shape));
    }
}

fn report(name: &str, mut model: Model) {
    for _ in 0..3 {
        model.step();
    }
    let mut rates: Vec<f64> = (0..ROUNDS).map(|_| rate(&mut model)).collect();
    rates.sort_by(f64::total_cmp);
    println!(
        "{name:>24}: median {:6.0}, best {:6.0} tokens/CPU-s",
        rates[ROUNDS / 2],
        rates[ROUNDS - 1],
    );
}

fn rate(model: &mut Model) -> f64 {
    let start = cpu_seconds();
    let mut tokens_n = 0;
    loop {
        model.step();
        tokens_n += model.tokens_n();
        let spent = cpu_seconds() - start;
        if spent > SPAN {
            return tokens_n as f64 / spent;
        }
    }
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux has it");
    let nanoseconds = stat.split(' ').next().expect("first of three fields");
    nanoseconds.parse::<f64>().expect("a number") * 1e-9
}
