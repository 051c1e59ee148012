//! `sweepctl check`: what is wrong with a file of runs before a law is fitted to it.

use clap::Args;
use law_engine::lint::{Finding, Table, lint};
use serde_json::json;

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::fitting::Columns;
use crate::source::Source;
use crate::view::counted;

const EXAMPLES: &str = "Examples:
  sweepctl check runs.csv
  sweepctl check runs.jsonl --column N=params --column loss=val_loss --json";

/// Look for what spoils fits in a file of runs: CSV, JSON lines or Parquet.
///
/// Cells that are no positive numbers, rows that repeat others or are points of one run, compute in
/// mixed conventions, variables that hardly vary or move together.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Check {
    /// The runs: a file, `-` for standard input, or `sweep:NAME` for those of a sweep
    #[arg(value_name = "RUNS")]
    runs: Source,
    #[command(flatten)]
    columns: Columns,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(check: &Check, context: &Context) -> Result<ExitStatus, Failure> {
    let mut file = check.runs.read(context).await?;
    check.columns.filter(&mut file)?;
    let named = check.columns.named();
    let column = |symbol: &str| file.optional(symbol, &named);
    let (params_n, tokens_d, flops_c) = (column("N")?, column("D")?, column("C")?);
    let loss = file.losses(&named)?;
    let run = file.find("run", &named).ok().map(|column| file.labels(column));
    let findings = lint(&Table {
        params_n: params_n.as_deref(),
        tokens_d: tokens_d.as_deref(),
        flops_c: flops_c.as_deref(),
        loss: &loss,
        run: run.as_deref(),
    });
    let counted_by = check.columns.conventions(&file).described();
    let lines: Vec<(String, Vec<u64>)> = findings
        .iter()
        .map(|finding| {
            let rows = match finding {
                Finding::Duplicates { rows } | Finding::MixedCompute { rows } => rows.as_slice(),
                _ => &[],
            };
            (finding.to_string(), rows.iter().map(|row| file.line(*row)).collect())
        })
        .collect();
    if check.format.json {
        let findings: Vec<_> = lines
            .iter()
            .map(|(finding, lines)| json!({ "finding": finding, "lines": lines }))
            .collect();
        context.printer.json(&json!({
            "rows_n": loss.len(),
            "findings": findings,
            "conventions": counted_by,
        }))?;
    } else {
        let mut text = String::new();
        for (finding, lines) in &lines {
            text += finding;
            if !lines.is_empty() {
                text += &format!(": {}", in_words(lines));
            }
            text += "\n";
        }
        text += &format!("{} of {}\n", counted(lines.len(), "finding"), counted(loss.len(), "row"));
        if !counted_by.is_empty() {
            text += &format!("counted: {}\n", counted_by.join(", "));
        }
        context.printer.data(&text)?;
    }
    Ok(ExitStatus::Done)
}

/// Line numbers that are read to the end: the first few.
const LINES_MAX: usize = 12;

fn in_words(lines: &[u64]) -> String {
    let shown: Vec<String> = lines.iter().take(LINES_MAX).map(ToString::to_string).collect();
    let more = if lines.len() > LINES_MAX { ", ..." } else { "" };
    format!("lines {}{more}", shown.join(", "))
}
