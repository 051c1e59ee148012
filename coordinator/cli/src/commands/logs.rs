//! `sweepctl logs`: what the training command of a run printed.

use clap::Args;
use sweep_core::output::OutputPart;
use sweep_proto::v1::OutputRequest;
use sweep_runtime::shutdown::Signal;

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::session::{self, Need, Session};

const EXAMPLES: &str = "Examples:
  sweepctl logs gpt/d64x2/20s/1
  sweepctl logs 4f1c09ab --follow
  sweepctl logs 4f1c09ab --sweep gpt-vs-qlstm --json";

/// Show what the training command of a run printed, attempt by attempt.
///
/// The last 64 KiB of every attempt are kept with the sweep, wherever its worker was; the rest is in
/// `logs/runs` of the worker's data directory. The built-in trainer prints nothing.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Logs {
    /// The run: its id or the beginning of it, or `arm/size/class/seed`
    #[arg(value_name = "RUN")]
    run: String,
    /// Name or id of the sweep [default: the newest]
    #[arg(long, value_name = "NAME")]
    sweep: Option<String>,
    /// Go on until the run has ended
    #[arg(short, long, conflicts_with = "json")]
    follow: bool,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Logs, context: &Context) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let shown = show(arguments, &mut session, context).await;
    session.close().await;
    shown
}

async fn show(
    arguments: Logs,
    session: &mut Session,
    context: &Context,
) -> Result<ExitStatus, Failure> {
    let Logs { run, sweep, follow, format } = arguments;
    let (_trigger, signal) = Signal::listen()?;
    let request = OutputRequest { name: sweep.unwrap_or_default(), run, follow };
    let mut stream = session.output(request).await?;
    let mut parts: Vec<OutputPart> = Vec::new();
    let mut last = None;
    loop {
        let message = tokio::select! {
            message = stream.message() => message?,
            kind = signal.raised() => return Ok(ExitStatus::Stopped(kind)),
        };
        let Some(document) = message else { break };
        let part: OutputPart = session::read(&document)?;
        if format.json {
            parts.push(part);
        } else {
            tell(&part, last, context)?;
            last = Some(part.epoch);
        }
    }
    if format.json {
        context.printer.json(&parts)?;
    } else if last.is_none() {
        context.printer.note("it has printed nothing; the built-in trainer never does");
    }
    Ok(ExitStatus::Done)
}

/// Prints one piece; a new attempt begins with a line that says so.
fn tell(part: &OutputPart, last: Option<u32>, context: &Context) -> Result<(), Failure> {
    let OutputPart { epoch, text, skipped_n } = part;
    let printer = &context.printer;
    if last != Some(*epoch) && (last.is_some() || *epoch > 1) {
        printer.note(&format!("--- attempt {epoch}"));
    }
    if *skipped_n > 0 {
        printer.note(&format!("--- {skipped_n} bytes before this are on the worker's disk alone"));
    }
    printer.data(text)
}
