//! Tokens per wall second of a whole training step. On a shared machine see `cpu_clock`.

mod model;

use divan::Bencher;
use divan::counter::ItemsCount;
use model::{Family, small};

fn main() {
    divan::main();
}

#[divan::bench(args = [4, 16])]
fn gpt(bencher: Bencher<'_, '_>, batch: usize) {
    step(bencher, Family::Gpt, batch);
}

#[divan::bench(args = [4, 16])]
fn qlstm(bencher: Bencher<'_, '_>, batch: usize) {
    step(bencher, Family::Qlstm, batch);
}

fn step(bencher: Bencher<'_, '_>, family: Family, batch: usize) {
    let mut model = small(family, batch);
    let tokens_n = model.tokens_n();
    bencher.counter(ItemsCount::new(tokens_n)).bench_local(|| model.step());
}
