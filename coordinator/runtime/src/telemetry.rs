//! Logs on stderr.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::error::Error;

/// Replaces what the verbosity asks for, in the notation of `tracing_subscriber::EnvFilter`.
const FILTER_VARIABLE: &str = "SWEEP_LOG";

/// Sends logs to stderr: warnings and errors by default, more with each step of `verbosity`
/// (1 info, 2 debug, 3 trace); `SWEEP_LOG` overrides it. A second call changes nothing.
///
/// # Errors
/// When `SWEEP_LOG` is not a filter.
pub fn init(verbosity: u8) -> Result<(), Error> {
    init_to(verbosity, false, std::io::stderr)
}

/// As [`init`], to a writer of the caller's choice, coloured or not.
///
/// # Errors
/// As [`init`].
pub fn init_to<W>(verbosity: u8, colour: bool, writer: W) -> Result<(), Error>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = match std::env::var(FILTER_VARIABLE) {
        Ok(value) if !value.is_empty() => {
            EnvFilter::try_new(&value).map_err(|source| Error::LogFilter { value, source })?
        }
        _ => EnvFilter::new(directives(verbosity)),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colour)
        .with_writer(writer)
        .with_target(verbosity > 1)
        .finish();
    // Only a second call fails, and the first one's subscriber is as good.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

/// Our own crates grow talkative first; libraries only at the last step.
const fn directives(verbosity: u8) -> &'static str {
    match verbosity {
        0 => "warn",
        1 => "info,sqlx=warn,h2=warn,hyper=warn",
        2 => "debug,sqlx=info,h2=info,hyper=info",
        _ => "trace",
    }
}
