//! The checks of all cases as a page.

use std::fmt::Write as _;

use crate::validation::check::{Case, Check, Trouble, figure};
use crate::validation::rows::Folder;
use crate::validation::{CASES, NOT_REPRODUCIBLE};

const HEAD: &str = "\
# Validation

<!-- Written by `cargo xtask validate --data DIR`; do not edit. -->

Published figures beside the engine's. The cases are in `law-engine/tests/it/validation` and are
tests as well. The released rows they need are not part of this repository; without them the tests
say that they were skipped. Every figure of the column \"ours\" was computed by the run that wrote
this page. Unless a case says otherwise, fits use the defaults: Huber loss of log residuals, delta
1e-3, summed.

Each fit is also repeated on shuffled rows, on ten samples of 90 % of the rows (where it must be no
worse than ten times the search, nor than the fit to all rows), and in other units (where the
coefficients must be those converted by hand).
";

/// The page.
pub(crate) fn report(folder: &Folder) -> Result<String, String> {
    let mut summary = String::from("\n| case | checks met |\n|---|---|\n");
    let mut sections = String::new();
    for case in CASES {
        let checks = (case.run)(folder).map_err(|trouble| match trouble {
            Trouble::Missing(path) => format!("no published data at {}", path.display()),
            Trouble::Bad(why) => format!("{}: {why}", case.title),
        })?;
        let met = checks.iter().filter(|check| check.is_met()).count();
        let _ = writeln!(summary, "| {} | {met} of {} |", case.title, checks.len());
        section(&mut sections, case, &checks);
    }
    let mut missing = String::from("\n## Not reproducible\n\n| result | why |\n|---|---|\n");
    for (result, why) in NOT_REPRODUCIBLE {
        let _ = writeln!(missing, "| {result} | {why} |");
    }
    Ok(format!("{HEAD}{summary}{sections}{}", missing.trim_end()))
}

fn section(text: &mut String, case: &Case, checks: &[Check]) {
    let _ = write!(
        text,
        "\n## {}\n\nSource: {}. Test: `{}`.\n\n| what | published | ours | tolerance | verdict |\n\
         |---|---|---|---|---|\n",
        case.title, case.source, case.name
    );
    for check in checks {
        let (ours, bound) = check.words();
        let verdict = if check.is_met() { "met" } else { "**missed**" };
        let (what, published) = (&check.what, figure(check.published));
        let _ = writeln!(text, "| {what} | {published} | {ours} | {bound} | {verdict} |");
    }
}
