//! What came of importing runs, and of taking them back.

use std::collections::BTreeMap;

use serde::Serialize;
use sweep_core::import::{Import, Imported};
use sweep_core::observation::Observation;
use sweep_core::units::human_count;

use super::table::{Column, draw};
use super::{counted, significant};

/// Bad rows that are listed.
const BAD_MAX: usize = 10;

/// What came of an import.
#[derive(Debug, Serialize)]
pub(crate) struct ImportReport {
    pub(crate) source: String,
    pub(crate) dry_run: bool,
    #[serde(flatten)]
    pub(crate) imported: Imported,
    /// Rows that were left out, with what is wrong in them.
    pub(crate) bad: Vec<(u64, String)>,
    /// Runs that were left out, by the state they are in.
    pub(crate) unfinished: BTreeMap<String, usize>,
    /// What the forecast says now.
    pub(crate) headlines: Vec<String>,
}

impl ImportReport {
    pub(crate) fn render(&self) -> String {
        let Imported { sweep_name, import, new, known_n } = &self.imported;
        let (runs, source) = (counted(new.len(), "run"), &self.source);
        let mut text = match import {
            Some(import) => {
                format!("imported {runs} of {source} into {sweep_name} as {}\n", import.id)
            }
            None if self.dry_run => {
                format!("would import {runs} of {source} into {sweep_name}; nothing was changed\n")
            }
            None => format!("imported nothing of {source} into {sweep_name}\n"),
        };
        if !new.is_empty() {
            text += &arms(new);
        }
        if *known_n > 0 {
            text += &format!("{} imported before\n", counted(*known_n as usize, "run"));
        }
        for (state, count) in &self.unfinished {
            text += &format!("left out {} that {}\n", counted(*count, "run"), is(*count, state));
        }
        if !self.bad.is_empty() {
            text += &format!("left out {}:\n", counted(self.bad.len(), "row"));
            for (line, what) in self.bad.iter().take(BAD_MAX) {
                text += &format!("  {source}:{line}: {what}\n");
            }
        }
        text += &forecast(&self.headlines);
        if let Some(import) = import {
            text += &format!("`sweepctl import --withdraw {}` takes it back\n", import.id);
        }
        text
    }
}

/// `is crashed`, `are crashed`.
fn is(count: usize, state: &str) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{verb} {state}")
}

fn forecast(headlines: &[String]) -> String {
    headlines.iter().map(|headline| format!("forecast   {headline}\n")).collect()
}

/// What each arm is given.
fn arms(runs: &[Observation]) -> String {
    let mut by_arm: BTreeMap<&str, Vec<&Observation>> = BTreeMap::new();
    for run in runs {
        by_arm.entry(&run.arm).or_default().push(run);
    }
    let columns = [
        Column::Text("arm"),
        Column::Number("runs"),
        Column::Number("parameters"),
        Column::Number("tokens"),
        Column::Number("hours"),
        Column::Number("bits per byte"),
    ];
    let rows = by_arm.into_iter().map(|(arm, runs)| {
        let span = |value: &dyn Fn(&Observation) -> f64, text: fn(f64) -> String| {
            let values = || runs.iter().map(|run| value(run));
            let least = text(values().fold(f64::INFINITY, f64::min));
            let most = text(values().fold(0.0, f64::max));
            if least == most { least } else { format!("{least} to {most}") }
        };
        vec![
            arm.to_owned(),
            runs.len().to_string(),
            span(&|run| run.params_n as f64, human_count),
            span(&|run| run.tokens_d as f64, human_count),
            span(&|run| run.hours, significant),
            span(&|run| run.bits_per_byte, significant),
        ]
    });
    draw(&columns, rows.collect())
}

/// What came of taking an import back.
#[derive(Debug, Serialize)]
pub(crate) struct WithdrawalReport {
    pub(crate) sweep_name: String,
    pub(crate) import: Import,
    pub(crate) headlines: Vec<String>,
}

impl WithdrawalReport {
    pub(crate) fn render(&self) -> String {
        let Import { source, runs_n, .. } = &self.import;
        let runs = counted(*runs_n as usize, "run");
        let text = format!("took back {runs} of {source} from {}\n", self.sweep_name);
        text + &forecast(&self.headlines)
    }
}

#[cfg(test)]
mod tests {
    use sweep_core::clock::Timestamp;
    use sweep_core::ids::SweepId;
    use sweep_core::import::{ImportedRun, observations};

    use super::*;

    fn report() -> ImportReport {
        let run = |(arm, params_n, hours, bits_per_byte): (&str, u64, f64, f64)| ImportedRun {
            arm: arm.to_owned(),
            name: String::new(),
            size: None,
            seed: None,
            params_n,
            tokens_d: 20 * params_n,
            unique_tokens: None,
            hours,
            bits_per_byte,
        };
        let runs = [
            ("gpt", 1_070_000, 0.5, 2.1),
            ("gpt", 10_900_000, 16.0, 1.204),
            ("qlstm", 1_000_000, 0.5, 2.0),
        ]
        .map(run);
        ImportReport {
            source: "runs.csv".to_owned(),
            dry_run: false,
            imported: Imported {
                sweep_name: "demo".to_owned(),
                import: Some(Import {
                    id: "019315a6-7c00-7000-8000-000000000000".parse().expect("it is an id"),
                    source: "runs.csv".to_owned(),
                    runs_n: 3,
                    imported_at: Timestamp(0),
                }),
                new: observations(SweepId::new(), &[], &runs),
                known_n: 2,
            },
            bad: vec![(7, "tokens is ``, expected a positive number".to_owned())],
            unfinished: BTreeMap::from([("crashed".to_owned(), 1), ("running".to_owned(), 2)]),
            headlines: vec!["qlstm leads".to_owned()],
        }
    }

    #[test]
    fn an_import_is_told_arm_by_arm() {
        insta::assert_snapshot!(report().render());
    }

    #[test]
    fn a_dry_run_says_that_nothing_changed() {
        let mut report = report();
        report.dry_run = true;
        report.imported.import = None;
        report.headlines.clear();
        insta::assert_snapshot!(report.render());
    }

    #[test]
    fn what_is_known_already_is_not_imported_again() {
        let mut report = report();
        report.imported.import = None;
        report.imported.new.clear();
        (report.bad, report.unfinished) = (Vec::new(), BTreeMap::new());
        report.headlines.clear();
        insta::assert_snapshot!(report.render());
    }
}
