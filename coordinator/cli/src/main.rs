//! `sweepctl`: the one binary. Its subcommands are the roles of the system and the questions people
//! ask of it.
//!
//! This crate wires the other crates together and holds no logic of its own. Client commands speak
//! gRPC to a coordinator, also when they had to start one in this process ([`session`]). What is
//! printed is made by the pure functions of [`view`].

mod args;
mod commands;
mod context;
mod controlling;
mod credentials;
mod deciding;
mod embedded;
mod failure;
#[cfg(test)]
mod fake;
mod families;
mod fitting;
#[cfg(test)]
mod fixtures;
mod follow;
mod importing;
mod machine;
mod own_laws;
mod place;
mod printer;
mod progress;
mod report;
mod rivals;
mod runs_file;
mod session;
mod source;
mod view;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tracing::Instrument as _;

use crate::args::Cli;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::printer::Printer;

/// Training allocates and frees the same large buffers over and over.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long tasks of a finished command may take to end.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            let status = if usage.use_stderr() { ExitStatus::Refused } else { ExitStatus::Done };
            // Nobody is left to tell when printing fails.
            let _ = usage.print();
            return status.into();
        }
    };
    let printer = Printer::new(&cli.global);
    let status = run(cli, &printer).unwrap_or_else(|failure| {
        printer.failure(&failure);
        failure.status()
    });
    status.into()
}

fn run(cli: Cli, printer: &Printer) -> Result<ExitStatus, Failure> {
    let Cli { global, command } = cli;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::broke("the async runtime cannot be started", &error))?;
    let role = command.role();
    let telemetry = {
        // A collector is spoken to from within the runtime.
        let _entered = runtime.enter();
        printer.init_logs(&global, &format!("sweepctl-{role}"))?
    };
    let context = Context { global, printer: printer.clone() };
    // A role lasts: a span over all of it would be the parent of everything.
    let span = match role {
        "serve" | "worker" => tracing::Span::none(),
        _ => tracing::info_span!("command", role),
    };
    let outcome = runtime.block_on(commands::run(command, &context).instrument(span));
    telemetry.finish();
    runtime.shutdown_timeout(SHUTDOWN_GRACE);
    outcome
}
