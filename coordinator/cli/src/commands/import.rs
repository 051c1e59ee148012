//! `sweepctl import`: finished runs of other tools, into a sweep.

use std::time::Duration;

use clap::Args;
use sweep_core::code::ErrorCode;
use sweep_core::forecast::ForecastView;
use sweep_core::import::Imported;
use sweep_proto::document;
use sweep_proto::v1::ImportRequest;

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::fitting::{Columns, pair};
use crate::importing::{self, Mapping, Sorted};
use crate::place::positive;
use crate::runs_file::RunsFile;
use crate::session::{Need, Session};
use crate::source::Source;
use crate::view::import::{ImportReport, WithdrawalReport};

const EXAMPLES: &str = "Examples:
  sweepctl import runs.csv --dry-run
  sweepctl import runs.csv --sweep gpt-vs-qlstm --rename baseline=gpt
  sweepctl import wandb/ --arm gpt --accelerators 8
  sweepctl import logs/ --arm gpt --column D=train/tokens --response eval/bits_per_byte
  sweepctl import export.jsonl --response val_loss --bytes-per-token 4.2 --skip-bad
  sweepctl import --withdraw 019315a6-7c00-7000-8000-000000000000";

/// Import finished runs of other tools into a sweep, whose forecast then sees them.
///
/// Reads CSV, JSON lines, Parquet, folders of TensorBoard and of W&B. Each run needs an arm of the
/// sweep, parameters, tokens, accelerator hours and a loss; all runs are imported or none, and a run
/// that was imported before is not imported again. docs/import.md tells what is found by itself.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Import {
    /// The runs: a file, `-` for standard input, a folder that TensorBoard or W&B wrote, or
    /// `sweep:NAME` for those of another sweep
    #[arg(value_name = "RUNS", required_unless_present = "withdraw")]
    runs: Option<Source>,
    /// The sweep to import into [default: the newest]
    #[arg(long, value_name = "NAME")]
    sweep: Option<String>,
    /// The arm of all these runs
    #[arg(long, value_name = "NAME", conflicts_with_all = ["arm_column", "rename"])]
    arm: Option<String>,
    /// Column of each run's arm [default: one named `arm`]
    #[arg(long, value_name = "COLUMN")]
    arm_column: Option<String>,
    /// What an arm is called in the sweep, such as `baseline=gpt`
    #[arg(long, value_name = "OLD=NEW", value_parser = pair)]
    rename: Vec<(String, String)>,
    #[command(flatten)]
    columns: Columns,
    /// Bytes of text to a token: makes bits per byte of a loss in nats per token
    #[arg(long, value_name = "BYTES", value_parser = positive)]
    bytes_per_token: Option<f64>,
    /// Accelerators of each run, where its time is that of the clock (`seconds`)
    #[arg(long, value_name = "N", value_parser = positive, default_value = "1")]
    accelerators: f64,
    /// Leave out rows that cannot be used, rather than refuse the file
    #[arg(long)]
    skip_bad: bool,
    /// Say what would be imported, and import nothing
    #[arg(long)]
    dry_run: bool,
    /// Take an import back, by its id as `sweepctl status` shows it
    #[arg(long, value_name = "ID", conflicts_with_all = ["runs", "dry_run", "skip_bad"])]
    withdraw: Option<String>,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Import, context: &Context) -> Result<ExitStatus, Failure> {
    let format = arguments.format;
    if let Some(id) = arguments.withdraw {
        let mut session = Session::open(context, Need::Answers).await?;
        let report = withdraw(&mut session, id, arguments.sweep.unwrap_or_default()).await;
        session.close().await;
        return context.printer.report(format, &report?, WithdrawalReport::render);
    }
    let Some(source) = &arguments.runs else {
        return Err(Failure::refused("there is nothing to import"));
    };
    let mut file = source.read(context).await?;
    arguments.columns.filter(&mut file)?;
    let sorted = importing::sort(&file, &arguments.mapping(&file))?;
    if !arguments.skip_bad {
        refuse_bad(&file, &sorted)?;
    }
    let mut session = Session::open(context, Need::Answers).await?;
    let report = import(&mut session, &arguments, &source.to_string(), sorted).await;
    session.close().await;
    context.printer.report(format, &report?, ImportReport::render)
}

impl Import {
    fn mapping(&self, file: &RunsFile) -> Mapping {
        Mapping {
            arm: self.arm.clone(),
            arm_column: self.arm_column.clone(),
            renames: self.rename.iter().cloned().collect(),
            named: self.columns.named(),
            conventions: self.columns.conventions(file),
            bytes_per_token: self.bytes_per_token,
            accelerators: self.accelerators,
        }
    }
}

/// Rows that a refusal lists; of more it gives the number.
const MISTAKES_MAX: usize = 10;

fn refuse_bad(file: &RunsFile, sorted: &Sorted) -> Result<(), Failure> {
    let mistakes = &sorted.mistakes;
    if mistakes.is_empty() {
        return Ok(());
    }
    let path = file.path().display();
    let (bad_n, rows_n) = (mistakes.len(), file.rows_n());
    let mut failure =
        Failure::refused(format!("{bad_n} of {rows_n} rows of {path} cannot be imported"));
    for mistake in mistakes.iter().take(MISTAKES_MAX) {
        failure = failure.with_cause(format!("{path}:{}: {}", mistake.line, mistake.what));
    }
    if bad_n > MISTAKES_MAX {
        failure = failure.with_cause(format!("and {} more", bad_n - MISTAKES_MAX));
    }
    Err(failure.with_hint("mend them, or leave them out with `--skip-bad`; nothing was imported"))
}

async fn import(
    session: &mut Session,
    arguments: &Import,
    source: &str,
    sorted: Sorted,
) -> Result<ImportReport, Failure> {
    let Sorted { runs, mistakes, unfinished } = sorted;
    if runs.is_empty() {
        return Err(Failure::refused(format!("{source} has no finished run to import")));
    }
    let name = arguments.sweep.clone().unwrap_or_default();
    let dry_run = arguments.dry_run;
    let runs = runs.iter().map(document::encode).collect();
    let request = ImportRequest { name: name.clone(), source: source.to_owned(), runs, dry_run };
    let imported = session.import(request).await?;
    let mut report = ImportReport {
        source: source.to_owned(),
        dry_run,
        unfinished,
        bad: mistakes.into_iter().map(|mistake| (mistake.line, mistake.what)).collect(),
        headlines: Vec::new(),
        imported,
    };
    if let Imported { import: Some(import), sweep_name, .. } = &report.imported {
        let at = import.imported_at;
        let view = refitted(session, sweep_name, |view| view.forecast.made_at >= at).await?;
        report.headlines = headlines(&view);
    }
    Ok(report)
}

async fn withdraw(
    session: &mut Session,
    id: String,
    name: String,
) -> Result<WithdrawalReport, Failure> {
    let status = session.status(&name).await?;
    let (sweep, imports) = (status.record.name, status.imports);
    if !imports.iter().any(|import| import.id.to_string() == id) {
        let known = imports.iter().map(|import| format!("{} ({})", import.id, import.source));
        let known = known.collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "it has none".to_owned() } else { known };
        return Err(Failure::new(ErrorCode::NotFound, format!("{sweep} has no import `{id}`"))
            .with_cause(format!("its imports: {known}"))
            .with_hint("`--sweep NAME` names another sweep"));
    }
    let before = session.observations(&sweep).await?.len();
    let import = session.withdraw(id).await?;
    let left = before.saturating_sub(import.runs_n as usize);
    let headlines = if left == 0 {
        Vec::new()
    } else {
        let view = refitted(session, &sweep, |view| {
            view.forecast.observations_n as usize == view.observations.len()
                && view.observations.len() == left
        });
        headlines(&view.await?)
    };
    Ok(WithdrawalReport { sweep_name: sweep, import, headlines })
}

/// How often the forecast is looked at, and how long.
const LOOK: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(120);

/// The forecast that has seen what was just changed.
async fn refitted(
    session: &mut Session,
    sweep: &str,
    has_seen: impl Fn(&ForecastView) -> bool,
) -> Result<ForecastView, Failure> {
    let begun = tokio::time::Instant::now();
    loop {
        match session.forecast(sweep).await {
            Ok(view) if has_seen(&view) => return Ok(view),
            Err(failure) if failure.code() != Some(ErrorCode::NotFound) => return Err(failure),
            _ => {}
        }
        if begun.elapsed() > PATIENCE {
            return Err(Failure::refused("the laws were not refitted in time")
                .with_cause("the change is stored; the next forecast will see it")
                .with_hint("`sweepctl status` says what keeps the coordinator"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn headlines(view: &ForecastView) -> Vec<String> {
    view.forecast.crossovers.iter().map(|crossover| crossover.headline()).collect()
}
