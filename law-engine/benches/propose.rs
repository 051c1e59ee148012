//! The cost of a proposal, by the number of candidates. `cargo bench --bench propose`.

#[path = "../examples/propose/question.rs"]
mod question;

use divan::{Bencher, black_box};
use law_engine::propose::propose;
use question::question;

fn main() {
    divan::main();
}

#[divan::bench(args = [200, 2_000])]
fn candidates(bencher: Bencher<'_, '_>, candidates_n: usize) {
    let asked = question(candidates_n);
    bencher.bench(|| propose(black_box(&asked.state), &asked.space, &asked.target, &asked.limits));
}
