//! What can go wrong, as codes that the wire, the exit status and the hints agree on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A stable code per kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorCode {
    /// budget.yaml cannot be read or asks for the impossible.
    BadSpec,
    /// The name is taken by a sweep with another budget.yaml.
    SweepChanged,
    /// No sweep, run or forecast of that name.
    NotFound,
    /// The corpus is not there, or too small.
    Corpus,
    /// The lease is not held any more: another attempt took over.
    StaleLease,
    /// The database was written by a newer version, or cannot be opened.
    Database,
    /// The disk is full or not writable.
    Storage,
    /// Another process serves this data directory, or the port is taken.
    InUse,
    /// A bug of ours.
    Internal,
    /// Runs of another tool that cannot be taken as they are.
    BadImport,
    /// The sweep or run is not in a state in which that can be asked of it.
    Refused,
    /// The coordinator wants a token, and got none that it accepts.
    NotSignedIn,
    /// The token that was shown may not do that.
    NotAllowed,
    /// More was asked than one may ask at a time: the same again is answered a little later.
    TooMany,
    /// A request that cannot be read: a parameter, a body or an address that means nothing here.
    BadRequest,
}

impl ErrorCode {
    pub const ALL: [Self; 15] = [
        Self::BadSpec,
        Self::SweepChanged,
        Self::NotFound,
        Self::Corpus,
        Self::StaleLease,
        Self::Database,
        Self::Storage,
        Self::InUse,
        Self::Internal,
        Self::BadImport,
        Self::Refused,
        Self::NotSignedIn,
        Self::NotAllowed,
        Self::TooMany,
        Self::BadRequest,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadSpec => "SW0001",
            Self::SweepChanged => "SW0002",
            Self::NotFound => "SW0003",
            Self::Corpus => "SW0004",
            Self::StaleLease => "SW0005",
            Self::Database => "SW0006",
            Self::Storage => "SW0007",
            Self::InUse => "SW0008",
            Self::Internal => "SW0009",
            Self::BadImport => "SW0010",
            Self::Refused => "SW0011",
            Self::NotSignedIn => "SW0012",
            Self::NotAllowed => "SW0013",
            Self::TooMany => "SW0014",
            Self::BadRequest => "SW0015",
        }
    }

    /// The kind of failure in a few words, the same of every one.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::BadSpec => "budget.yaml cannot be used",
            Self::SweepChanged => "the name is taken by another sweep",
            Self::NotFound => "not found",
            Self::Corpus => "the corpus cannot be used",
            Self::StaleLease => "the lease is not held any more",
            Self::Database => "the database refused",
            Self::Storage => "no room to store it",
            Self::InUse => "already in use",
            Self::Internal => "internal error",
            Self::BadImport => "the runs cannot be imported",
            Self::Refused => "that cannot be asked now",
            Self::NotSignedIn => "not signed in",
            Self::NotAllowed => "not allowed",
            Self::TooMany => "too many calls",
            Self::BadRequest => "the request cannot be read",
        }
    }

    /// The request cannot be met as asked (exit status 1), as opposed to something broke (2).
    #[must_use]
    pub const fn is_request(self) -> bool {
        matches!(
            self,
            Self::BadSpec
                | Self::SweepChanged
                | Self::NotFound
                | Self::Corpus
                | Self::InUse
                | Self::BadImport
                | Self::Refused
                | Self::NotSignedIn
                | Self::NotAllowed
                | Self::TooMany
                | Self::BadRequest
        )
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ErrorCode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|code| code.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is not an error code"))
    }
}
