//! What can go wrong before a role begins its work.

use std::path::PathBuf;

use sweep_core::code::ErrorCode;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the configuration file {} is not there", .path.display())]
    ConfigMissing { path: PathBuf },
    /// The message names the key and the file or variable it came from.
    #[error("the configuration cannot be read: {message}")]
    Config { message: String },
    #[error("`{value}` in SWEEP_LOG is not a log filter")]
    LogFilter {
        value: String,
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    #[error("telemetry cannot be set up: {message}")]
    Telemetry { message: String },
    #[error("signals cannot be listened to")]
    Signals(#[source] std::io::Error),
}

impl Error {
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::ConfigMissing { .. } => ErrorCode::NotFound,
            Self::Config { .. } | Self::LogFilter { .. } | Self::Telemetry { .. } => {
                ErrorCode::BadSpec
            }
            Self::Signals(_) => ErrorCode::Internal,
        }
    }

    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Config { .. } => "`--dump-config` prints every key with its value",
            Self::LogFilter { .. } => "try `SWEEP_LOG=debug` or `SWEEP_LOG=coordinator=trace`",
            Self::Telemetry { .. } => "an OTLP endpoint is a URL such as `http://127.0.0.1:4317`",
            Self::ConfigMissing { .. } | Self::Signals(_) => return None,
        };
        Some(hint.to_owned())
    }
}
