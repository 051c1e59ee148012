//! The checks of all cases as a page.

use std::fmt::Write as _;

use crate::validation::check::{Case, Check, Findings, Trouble, figure};
use crate::validation::robust::{Robust, TRIALS};
use crate::validation::rows::Folder;
use crate::validation::{CASES, NOT_REPRODUCIBLE};

const HEAD: &str = "\
# Validation

Figures of the literature beside those that the engine computes from the same published rows or
coefficients. Made by

    cargo run -p law-engine --example validate

The cases are in `law-engine/tests/it/validation` and are tests as well. The released rows are not
part of this repository: they are looked for in the folder that `SWEEP_PUBLISHED_DATA` names, and
without them the tests say that they were skipped. Every figure under \"ours\" was computed by the run
that wrote this page. The reference is the published figure or, where the source of a case says so,
that of another implementation. Unless a case says otherwise, fits use the defaults: Huber loss of
log residuals, delta 1e-3, summed. T1 to T19 number the list of figures that the engine was asked to
reproduce; cases without a number are on top of it. What is missed is marked **NOT MET** with the
reason; its test holds what is true instead.

Each fit stands six trials besides, in the second table of its case:

- recomputed: its objective over the sum computed apart from the engine, 1 within 1e-8;
- shuffled: the largest relative change of a coefficient when the rows are shuffled, exactly 0;
- five batches: the same when the rows come in five batches with a fit after each, exactly 0;
- objective, units: the objective in other units over the one converted by hand, 1 within 1e-8;
- coefficients, units: the largest relative difference from those converted by hand, at most 1e-4;
- 90 %: over ten samples of 90 % of the rows, the worst objective over the best of the fit to all
  rows and a search ten times as large, at most 1 within 1e-8.
";

/// The page.
pub(crate) fn report(folder: &Folder) -> Result<String, String> {
    let mut summary = String::from("\n| no. | case | met |\n|---|---|---|\n");
    let mut sections = String::new();
    let (mut met_n, mut checks_n) = (0, 0);
    for case in CASES {
        let findings = (case.run)(folder).map_err(|trouble| match trouble {
            Trouble::Missing(path) => format!("no published data at {}", path.display()),
            Trouble::Bad(why) => format!("{}: {why}", case.title),
        })?;
        let met = findings.checks().filter(|check| check.is_met()).count();
        let checks = findings.checks().count();
        (met_n, checks_n) = (met_n + met, checks_n + checks);
        let numbers = numbers(case.numbers);
        let _ = writeln!(summary, "| {numbers} | {} | {met} of {checks} |", case.title);
        section(&mut sections, case, &findings);
    }
    let _ = writeln!(summary, "| | all | {met_n} of {checks_n} |");
    let mut missing =
        String::from("\n## Not reproducible\n\n| no. | result | why |\n|---|---|---|\n");
    for of in NOT_REPRODUCIBLE {
        let _ = writeln!(missing, "| {} | {} | {} |", numbers(of.numbers), of.result, of.why);
    }
    Ok(format!("{HEAD}{summary}{missing}{sections}"))
}

fn numbers(numbers: &[u32]) -> String {
    numbers.iter().map(|number| format!("T{number}")).collect::<Vec<String>>().join(", ")
}

fn section(text: &mut String, case: &Case, findings: &Findings) {
    let (title, source, name) = (case.title, case.source, case.name);
    let _ = write!(text, "\n## {title}\n\nSource: {source}. Case `{name}`.\n");
    if !findings.figures.is_empty() {
        text.push_str("\n| what | reference | ours | bound | met? |\n|---|---|---|---|---|\n");
    }
    for check in &findings.figures {
        let (ours, bound) = check.words();
        let (what, published, verdict) = (&check.what, figure(check.published), verdict(check));
        let _ = writeln!(text, "| {what} | {published} | {ours} | {bound} | {verdict} |");
    }
    if !findings.fits.is_empty() {
        let dashes = "|---".repeat(TRIALS.len() + 1);
        let _ = write!(text, "\n| fit | {} |\n{dashes}|\n", TRIALS.join(" | "));
    }
    for Robust { fit, checks } in &findings.fits {
        let cell = |trial: usize| match checks.get(trial) {
            Some(check) if check.is_met() => check.words().0,
            Some(check) => format!("{} {}", check.words().0, verdict(check)),
            None => "no row to spare".to_owned(),
        };
        let cells: Vec<String> = (0..TRIALS.len()).map(cell).collect();
        let _ = writeln!(text, "| {fit} | {} |", cells.join(" | "));
    }
}

fn verdict(check: &Check) -> String {
    match check.miss {
        _ if check.is_met() => "met".to_owned(),
        Some(miss) if check.is_as_said() => format!("**NOT MET**: {}", miss.why),
        _ => "**NOT MET**".to_owned(),
    }
}
