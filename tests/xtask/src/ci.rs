//! `cargo xtask ci`: everything a change has to pass, in one command.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::{cargo, cuda, generate, licences, postgres};

/// One check: its name and how it is done.
type Step = (&'static str, fn() -> anyhow::Result<()>);

/// In this order: what fails soonest first, and no step compiles what an earlier one has compiled.
///
/// `build` makes all targets, so that the dependencies get the features the tests ask for; without
/// that the tests would compile many of them a second time. `docs` reuses what `clippy` checked.
const STEPS: [Step; 10] = [
    ("format", || cargo::run(&["fmt", "--all", "--check"])),
    ("licences", licences::check),
    ("database server", postgres::ensure_installed),
    ("clippy", || {
        let all = ["clippy", "--workspace", "--all-targets", "--locked"];
        cargo::run(&[&all[..], &["--", "-D", "warnings"]].concat())
    }),
    ("docs", || {
        let deny = [("RUSTDOCFLAGS", "-D warnings")];
        cargo::run_with(&["doc", "--workspace", "--no-deps"], &deny)
    }),
    ("cuda", cuda::check),
    ("build", || cargo::run(&["build", "--workspace", "--all-targets"])),
    ("generated files", generate::check),
    ("tests", || {
        if cargo::has("nextest") {
            cargo::run(&["nextest", "run", "--workspace"])
        } else {
            // All but the documentation tests, which are the next step.
            cargo::run(&["test", "--workspace", "--lib", "--bins", "--tests"])
        }
    }),
    ("doctests", || cargo::run(&["test", "--workspace", "--doc"])),
];

/// Runs the steps up to the first that fails, then says how long each took.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut times = Vec::new();
    let outcome = STEPS.iter().enumerate().try_for_each(|(index, step)| {
        let (name, check) = step;
        println!("\n=== {}/{} {name}", index + 1, STEPS.len());
        let begun = Instant::now();
        let outcome = check();
        let taken = begun.elapsed();
        let word = if outcome.is_ok() { "ok" } else { "failed" };
        println!("=== {name}: {word} in {:.1} s", taken.as_secs_f64());
        times.push((*name, taken, word));
        outcome.with_context(|| format!("step `{name}` failed"))
    });
    print_summary(&times);
    outcome
}

fn print_summary(times: &[(&str, Duration, &str)]) {
    println!("\n{:<16} {:>9}", "step", "time");
    for (name, taken, word) in times {
        println!("{name:<16} {:>7.1} s  {word}", taken.as_secs_f64());
    }
    let total: Duration = times.iter().map(|(_, taken, _)| *taken).sum();
    println!("{:<16} {:>7.1} s", "total", total.as_secs_f64());
}
