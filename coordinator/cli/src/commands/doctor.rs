//! `sweepctl doctor`: whether a coordinator and what it stands on are well.

use clap::Args;
use sweep_core::clock::{Clock as _, SystemClock};
use sweep_core::diagnosis::{Check, ClientView, Verdict, checks};

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::session::{Need, Session};
use crate::view;

const EXAMPLES: &str = "Examples:
  sweepctl doctor
  sweepctl doctor --server https://sweeps.example.org:7700 --json";

/// Look whether a coordinator is well: connection, versions, database, clocks, disk, workers, token.
///
/// Exit status 1 when something fails; a warning is none.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Doctor {
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: &Doctor, context: &Context) -> Result<ExitStatus, Failure> {
    let checks = examine(context).await;
    context.printer.report(arguments.format, &checks, |checks| view::doctor::render(checks))?;
    let fails = checks.iter().any(|check| check.verdict == Verdict::Fail);
    Ok(if fails { ExitStatus::Refused } else { ExitStatus::Done })
}

/// Where nobody answers, that is all there is to say.
async fn examine(context: &Context) -> Vec<Check> {
    let mut session = match Session::open(context, Need::Answers).await {
        Ok(session) => session,
        Err(failure) => return vec![failure.as_check("connection")],
    };
    let url = session.url().to_owned();
    let sent_at = SystemClock.now();
    let report = session.diagnose().await;
    let received_at = SystemClock.now();
    session.close().await;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    match report {
        Ok(report) => checks(&report, &ClientView { version, url, sent_at, received_at }),
        Err(failure) => vec![failure.as_check("connection")],
    }
}
