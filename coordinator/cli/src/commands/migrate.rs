//! `sweepctl migrate`: bring a database to the newest schema.

use clap::Args;

use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::view::counted;

const EXAMPLES: &str = "Examples:
  sweepctl migrate
  sweepctl migrate --database postgres://sweep@db/sweep";

/// Bring a database to the newest schema.
///
/// Doing so twice changes nothing. The other commands migrate their SQLite file themselves.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Migrate {
    /// Database, `sqlite:///PATH` or `postgres://...` [default: sweep.db in the data directory]
    #[arg(long, value_name = "URL", env = "SWEEP_DATABASE", hide_env_values = true)]
    database: Option<String>,
}

pub(crate) async fn run(arguments: &Migrate, context: &Context) -> Result<ExitStatus, Failure> {
    let embedded = || coordinator::database_url(context.data_dir());
    let database = arguments.database.clone().unwrap_or_else(embedded);
    let report = coordinator::migrate(&database).await?;
    for name in &report.applied {
        context.printer.data(&format!("{name}\n"))?;
    }
    let applied = counted(report.applied.len(), "migration");
    context.printer.note(&format!("{applied} applied; the database has the newest schema"));
    Ok(ExitStatus::Done)
}
