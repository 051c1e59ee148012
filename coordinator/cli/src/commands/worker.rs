//! `sweepctl worker`: train runs for a coordinator.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use clap::Args;
use sweep_core::code::ErrorCode;
use sweep_core::ids::WorkerId;
use sweep_runtime::shutdown::{Kind, Signal, Trigger};

use crate::context::Context;
use crate::failure::{ExitStatus, Failure};

const EXAMPLES: &str = "Examples:
  sweepctl worker --server http://127.0.0.1:7700
  sweepctl worker --server https://sweeps.example.org:7700 --ca ca.pem --token-file worker.token
  SWEEP_SERVER=http://coordinator:7700 sweepctl worker --data-dir /shared/sweeps";

/// Read by candle when it first multiplies: without it every worker would use every core.
const THREADS_VARIABLE: &str = "CANDLE_NUM_THREADS";

/// Train runs for a coordinator.
///
/// Stopped by Ctrl-C or SIGTERM, it writes a checkpoint and hands its run back.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Worker {
    /// Stop when standard input ends, as it does when the process that holds it is gone
    #[arg(long, hide = true)]
    stop_with_stdin: bool,

    /// Threads that share every batch, in pieces of `data.microBatch`
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    threads: u32,

    /// Identity under which leases are held; a new one by default
    #[arg(long, hide = true, env = "SWEEP_WORKER_ID")]
    id: Option<WorkerId>,
}

pub(crate) async fn run(arguments: &Worker, context: &Context) -> Result<ExitStatus, Failure> {
    let Some(server) = context.dial()? else {
        return Err(Failure::refused("a worker needs a coordinator to work for")
            .with_hint("name it: `sweepctl worker --server http://127.0.0.1:7700`"));
    };
    use_one_thread()?;
    let (trigger, signal) = Signal::listen()?;
    if arguments.stop_with_stdin {
        stop_with_stdin(trigger);
    }
    let options = worker::Options {
        server,
        data_dir: context.data_dir().to_owned(),
        id: arguments.id.unwrap_or_default(),
        accelerator: worker::Accelerator::Cpu { threads_n: arguments.threads as usize },
    };
    let worked = worker::run(options, async move {
        signal.raised().await;
    });
    worked.await.map_err(|error| {
        let failure = Failure::broke("the worker cannot go on", &error);
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    })?;
    // Asked to stop and stopped: that is what a supervisor wants to hear.
    Ok(ExitStatus::Done)
}

/// Begins this process again with one thread for candle, unless the variable is set: a process
/// cannot safely change its own environment.
fn use_one_thread() -> Result<(), Failure> {
    if std::env::var_os(THREADS_VARIABLE).is_some() {
        return Ok(());
    }
    let begun = std::env::current_exe().map(|binary| {
        Command::new(binary).args(std::env::args_os().skip(1)).env(THREADS_VARIABLE, "1").exec()
    });
    let (Ok(error) | Err(error)) = begun;
    Err(Failure::new(ErrorCode::Internal, "the worker could not begin with one thread")
        .with_cause(error.to_string()))
}

/// A thread of its own, because a pending read of standard input would keep the async runtime from
/// ending.
fn stop_with_stdin(trigger: Trigger) {
    std::thread::spawn(move || {
        let mut ignored = [0; 64];
        while matches!(std::io::stdin().read(&mut ignored), Ok(1..)) {}
        trigger.raise(Kind::Terminate);
    });
}
