//! What can go wrong in the coordinator, and what a caller learns of it.

use std::error::Error as _;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;

use sweep_core::access::Denied;
use sweep_core::code::ErrorCode;
use sweep_core::control::Refusal;
use sweep_core::proposal::Standing;
use sweep_core::spec::SpecErrors;
use sweep_core::units::AcceleratorTime;
use sweep_proto::{Malformed, WireError};
use sweep_store::Error as StoreError;

/// Why a request was not met or the coordinator could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the database refused")]
    Store(#[source] StoreError),
    #[error("budget.yaml cannot be used")]
    Spec(#[from] SpecErrors),
    #[error("{0}")]
    Plan(#[from] crate::planner::PlanError),
    #[error("the corpus `{name}` cannot be used")]
    Corpus { name: String, source: sweep_corpus::Error },
    #[error("the sweep `{name}` was submitted with another budget.yaml: {differences}")]
    SweepChanged { name: String, differences: String },
    #[error("these runs cannot be imported into the sweep `{sweep}`: {mistakes}")]
    BadImport { sweep: String, mistakes: String },
    #[error("a new attempt costs {cost}, and of the budget of the sweep `{sweep}` {free} are free")]
    TooDear { sweep: String, cost: AcceleratorTime, free: AcceleratorTime },
    #[error(
        "the runs of proposal #{number} cost {cost}, and the plan of the sweep `{sweep}` leaves {left} of its budget"
    )]
    ProposalTooDear { sweep: String, number: u32, cost: AcceleratorTime, left: AcceleratorTime },
    #[error("proposal #{number} cannot be decided: {standing}")]
    Undecidable { number: u32, standing: Standing },
    #[error("proposal #{number} has {runs_n} parts, and part {place} is asked for")]
    NoSuchPart { number: u32, place: u32, runs_n: u32 },
    #[error("the project cannot be set: {mistake}")]
    BadProject { mistake: String },
    #[error("the token cannot be made: {mistake}")]
    BadToken { mistake: String },
    #[error("{} cannot be the token of the first administrator: {mistake}", path.display())]
    BadBootstrap { path: PathBuf, mistake: String },
    #[error("{why}")]
    NotSignedIn { why: String },
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("whoever reaches {address} could do everything: nobody has to sign in")]
    OpenDoor { address: SocketAddr },
    #[error("the name `{name}` is taken by a sweep of another project")]
    TakenElsewhere { name: String },
    #[error("the system has no random numbers")]
    NoRandomness { source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{} cannot be read", path.display())]
    UnreadablePem { path: PathBuf, source: std::io::Error },
    #[error("{} holds no {kind} in PEM", path.display())]
    NoPem { path: PathBuf, kind: &'static str },
    #[error("certificate and key cannot be used together")]
    BadTls { source: tonic::transport::Error },
    #[error("{} and {} cannot be used together", certificate.display(), key.display())]
    UnusableTls {
        certificate: PathBuf,
        key: PathBuf,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the token `{name}` has made too many calls: {calls_per_second} a second are the most")]
    TooMany { name: String, calls_per_second: u32, retry_after_ms: u64 },
    #[error("a text of {bytes_n} bytes is too long for a budget.yaml: {bytes_max} are the most")]
    TooLong { bytes_n: usize, bytes_max: u32 },
    #[error("the coordinator is being stopped")]
    Closing,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{what}")]
    NotFound { what: String },
    #[error("another process (pid {pid}) works with the data directory {}", path.display())]
    DirectoryInUse { path: PathBuf, pid: String },
    #[error("the address {address} is taken or not ours")]
    AddressInUse { address: String, source: std::io::Error },
    #[error("`{origin}` is not an origin")]
    BadOrigin { origin: String },
    #[error("{} cannot be used", path.display())]
    Directory { path: PathBuf, source: std::io::Error },
    #[error("a worker process could not be started")]
    Spawn { source: std::io::Error },
    #[error("the gRPC server stopped")]
    Server(#[from] tonic::transport::Error),
    #[error("a message could not be read")]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Runtime(#[from] sweep_runtime::Error),
    #[error("a computation ended unexpectedly; its message is in the log")]
    Join(#[from] tokio::task::JoinError),
}

/// A database that is restarted is there again within seconds.
const DATABASE_AFTER_MS: u64 = 500;
const MAKE_ROOM: &str =
    "free space on that disk, then repeat the command: it goes on where it stopped";

impl Error {
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Spec(_) | Self::Plan(_) | Self::TooLong { .. } => ErrorCode::BadSpec,
            Self::TooMany { .. } => ErrorCode::TooMany,
            Self::Corpus { source, .. } => source.code(),
            Self::SweepChanged { .. } | Self::TakenElsewhere { .. } => ErrorCode::SweepChanged,
            Self::BadImport { .. } => ErrorCode::BadImport,
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::TooDear { .. }
            | Self::ProposalTooDear { .. }
            | Self::NoSuchPart { .. }
            | Self::Undecidable { .. }
            | Self::Refused(_)
            | Self::BadProject { .. }
            | Self::BadToken { .. }
            | Self::BadBootstrap { .. }
            | Self::UnreadablePem { .. }
            | Self::NoPem { .. }
            | Self::BadTls { .. }
            | Self::UnusableTls { .. }
            | Self::OpenDoor { .. } => ErrorCode::Refused,
            Self::NotSignedIn { .. } => ErrorCode::NotSignedIn,
            Self::Denied(_) => ErrorCode::NotAllowed,
            Self::BadOrigin { .. } => ErrorCode::BadRequest,
            Self::DirectoryInUse { .. } | Self::AddressInUse { .. } => ErrorCode::InUse,
            Self::Directory { .. } => ErrorCode::Storage,
            Self::Runtime(error) => error.code(),
            Self::Spawn { .. }
            | Self::Server(_)
            | Self::Malformed(_)
            | Self::NoRandomness { .. }
            | Self::Closing
            | Self::Join(_) => ErrorCode::Internal,
        }
    }

    /// What to do about it, where that is not plain from the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Corpus { source, .. } => source.hint(),
            Self::SweepChanged { name, .. } => Some(format!(
                "give the changed sweep a name of its own (for example `name: {name}-2`), or \
                 restore the submitted budget.yaml"
            )),
            Self::BadImport { .. } => Some(
                "an import is of arms of the sweep: `--arm NAME` says of which all runs are, `--rename \
                 OLD=NEW` gives an arm its name"
                    .to_owned(),
            ),
            Self::DirectoryInUse { .. } => {
                Some("wait for it, or choose another folder with --data-dir".to_owned())
            }
            Self::AddressInUse { .. } => {
                Some("choose another with --listen or --http, e.g. 127.0.0.1:0".to_owned())
            }
            Self::NotSignedIn { .. } => Some(
                "`--token-file FILE` or SWEEP_TOKEN_FILE names the file that holds yours; an \
                 administrator makes one with `sweepctl token create`"
                    .to_owned(),
            ),
            Self::Denied(denied) => Some(denied.hint()),
            Self::OpenDoor { .. } => Some(
                "`--auth tokens` has everybody sign in; `--listen 127.0.0.1:7700` is reached from this \
                 machine alone"
                    .to_owned(),
            ),
            Self::UnreadablePem { .. }
            | Self::NoPem { .. }
            | Self::BadTls { .. }
            | Self::UnusableTls { .. } => Some(
                "`--tls-cert` is the certificate, `--tls-key` its private key: files in PEM".to_owned(),
            ),
            Self::TooMany { retry_after_ms, .. } => Some(format!(
                "ask again in {retry_after_ms} ms; `calls-per-second` of the coordinator's sweep.toml \
                 is the limit"
            )),
            Self::TooLong { .. } => {
                Some("`submit-bytes-max` of the coordinator's sweep.toml is the limit".to_owned())
            }
            Self::TakenElsewhere { .. } => Some("give the sweep another name".to_owned()),
            Self::BadOrigin { .. } => {
                Some("an origin has a scheme and no path: `https://sweeps.example`".to_owned())
            }
            Self::Runtime(error) => error.hint(),
            Self::Refused(refusal) => Some(refusal.hint().to_owned()),
            Self::TooDear { sweep, .. } => {
                Some(format!("`sweepctl budget raise {sweep} --to HOURS` pays for more"))
            }
            Self::ProposalTooDear { sweep, .. } => Some(format!(
                "`--only 1` approves the first part alone; `sweepctl budget raise {sweep} --to HOURS` pays for more"
            )),
            Self::NoSuchPart { .. } => {
                Some("`sweepctl proposals` lists the parts, counted from 1".to_owned())
            }
            Self::Undecidable { .. } => {
                Some("`sweepctl proposals` shows which proposal is open".to_owned())
            }
            Self::Store(error) if error.code() == ErrorCode::Storage => Some(MAKE_ROOM.to_owned()),
            Self::Directory { source, .. } if source.kind() == ErrorKind::StorageFull => {
                Some(MAKE_ROOM.to_owned())
            }
            _ => None,
        }
    }

    /// The message with its causes.
    fn chain(&self) -> String {
        let mut text = self.to_string();
        // A panic's message names its task by a number that is different each time.
        let mut source = if matches!(self, Self::Join(_)) { None } else { self.source() };
        while let Some(cause) = source {
            let sentence = cause.to_string();
            if !text.ends_with(&sentence) {
                text = format!("{text}: {sentence}");
            }
            source = cause.source();
        }
        text
    }
}

/// A refusal is an answer, and not a fault of the database.
impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => Self::Refused(refusal),
            StoreError::Undecidable { number, standing } => Self::Undecidable { number, standing },
            error => Self::Store(error),
        }
    }
}

impl From<Error> for WireError {
    fn from(error: Error) -> Self {
        let retry_after_ms = match &error {
            Error::TooMany { retry_after_ms, .. } => Some(*retry_after_ms),
            Error::Store(StoreError::Away { .. }) => Some(DATABASE_AFTER_MS),
            _ => None,
        };
        Self { code: error.code(), message: error.chain(), hint: error.hint(), retry_after_ms }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        match error {
            // As if it were gone already: workers and people come again.
            Error::Closing => Self::unavailable(error.to_string()),
            error => WireError::from(error).into(),
        }
    }
}
