//! The one place that knows how a failure is told and what exit status it has.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::slice;

use sweep_core::code::ErrorCode;
use sweep_core::diagnosis::{Check, Verdict};
use sweep_proto::{TlsFault, WireError};
use sweep_runtime::shutdown::Kind;
use tonic::{Code, Status};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    Done,
    /// The request cannot be met as asked.
    Refused,
    /// Something broke.
    Broken,
    /// Somebody asked to stop.
    Stopped(Kind),
}

impl ExitStatus {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Broken => 2,
            Self::Stopped(kind) => kind.exit_code(),
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

/// Why a command ended without its result.
#[derive(Debug)]
pub(crate) struct Failure {
    /// None where no error code fits: a mistake on the command line, say.
    code: Option<ErrorCode>,
    status: ExitStatus,
    message: String,
    /// From the nearest cause to the first.
    causes: Vec<String>,
    hint: Option<String>,
    /// What the failure is about, drawn: the lines of a budget.yaml, each mistake marked.
    excerpt: Option<String>,
}

impl Failure {
    /// A failure with a code, which also decides the exit status.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let status = if code.is_request() { ExitStatus::Refused } else { ExitStatus::Broken };
        let message = message.into();
        Self { code: Some(code), status, message, causes: Vec::new(), hint: None, excerpt: None }
    }

    /// The request cannot be met as asked.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        let failure = Self::new(ErrorCode::BadSpec, message);
        Self { code: None, status: ExitStatus::Refused, ..failure }
    }

    /// Something broke that has no code of ours.
    pub(crate) fn broke(message: impl Into<String>, cause: &dyn Error) -> Self {
        let failure = Self::new(ErrorCode::Internal, message).with_causes(Some(cause));
        Self { code: None, ..failure }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_excerpt(mut self, excerpt: String) -> Self {
        self.excerpt = Some(excerpt);
        self
    }

    pub(crate) fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds the chain that starts with `cause`, each sentence once: some libraries repeat the
    /// sentences of their sources in their own.
    fn with_causes(mut self, mut cause: Option<&dyn Error>) -> Self {
        while let Some(error) = cause {
            let sentence = error.to_string();
            let told = self.causes.last().unwrap_or(&self.message);
            if !told.contains(&sentence) {
                self.causes.push(sentence);
            }
            cause = error.source();
        }
        self
    }

    /// The first sentence, without causes and hint.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The failure as one of several things that were looked at.
    pub(crate) fn as_check(&self, name: &str) -> Check {
        let says = [slice::from_ref(&self.message), &self.causes].concat().join(": ");
        Check { hint: self.hint.clone(), ..Check::new(name, Verdict::Fail, says) }
    }

    pub(crate) const fn code(&self) -> Option<ErrorCode> {
        self.code
    }

    pub(crate) const fn status(&self) -> ExitStatus {
        self.status
    }

    /// The failure as it is printed: error, causes, blank line, hint.
    pub(crate) fn render(&self, colour: bool) -> String {
        let paint = |code: &str, text: &str| {
            if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
        };
        let label = self.code.map_or_else(|| "error".to_owned(), |code| format!("error[{code}]"));
        let mut text = format!("{}: {}\n", paint("1;31", &label), self.message);
        for cause in &self.causes {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  caused by: {cause}");
        }
        if let Some(excerpt) = &self.excerpt {
            let _ = write!(text, "\n{excerpt}");
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "\n{}: {hint}", paint("1;36", "hint"));
        }
        text
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self { hint: error.hint, ..Self::new(error.code, error.message) }
    }
}

impl From<TlsFault> for Failure {
    fn from(fault: TlsFault) -> Self {
        Self::new(ErrorCode::Internal, "no secure connection to the coordinator comes about")
            .with_cause(fault.to_string())
            .with_hint(fault.hint())
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let foreign = status.details().is_empty();
        if let Some(fault) = TlsFault::of(&status).filter(|_| foreign) {
            return fault.into();
        }
        if foreign && matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled) {
            return Self::new(ErrorCode::Internal, "the coordinator went away")
                .with_causes(Some(&status))
                .with_hint("the same command again goes on where it stopped");
        }
        WireError::of(&status).into()
    }
}

impl From<coordinator::Error> for Failure {
    fn from(error: coordinator::Error) -> Self {
        let failure = Self::new(error.code(), error.to_string()).with_causes(error.source());
        Self { hint: error.hint(), ..failure }
    }
}

impl From<sweep_corpus::Error> for Failure {
    fn from(error: sweep_corpus::Error) -> Self {
        let failure = Self::new(error.code(), error.to_string()).with_causes(error.source());
        Self { hint: error.hint(), ..failure }
    }
}

impl From<sweep_runtime::Error> for Failure {
    fn from(error: sweep_runtime::Error) -> Self {
        let failure = Self::new(error.code(), error.to_string()).with_causes(error.source());
        Self { hint: error.hint(), ..failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_causes_blank_line_hint() {
        let failure = Failure::new(ErrorCode::SweepChanged, "`demo` was submitted with other text")
            .with_cause("`budget` was 20 min and is 30 min")
            .with_hint("name the new sweep `demo-2`");
        insta::assert_snapshot!(failure.render(false), @r"
        error[SW0002]: `demo` was submitted with other text
          caused by: `budget` was 20 min and is 30 min

        hint: name the new sweep `demo-2`
        ");
        assert!(failure.render(true).contains("\u{1b}["));
    }

    #[test]
    fn exit_codes_tell_request_from_fault() {
        for code in ErrorCode::ALL {
            let expected = match code {
                ErrorCode::StaleLease
                | ErrorCode::Database
                | ErrorCode::Storage
                | ErrorCode::Internal => 2,
                _ => 1,
            };
            assert_eq!(Failure::new(code, "").status().code(), expected, "{code}");
        }
        assert_eq!(Failure::refused("").status().code(), 1);
        assert_eq!(ExitStatus::Stopped(Kind::Interrupt).code(), 130);
        assert_eq!(ExitStatus::Done.code(), 0);
    }

    #[test]
    fn a_failure_of_the_coordinator_keeps_code_and_hint() {
        let sent = WireError::new(ErrorCode::NotFound, "no sweep `x`").with_hint("try `status`");
        let failure = Failure::from(Status::from(sent));
        assert_eq!(failure.code(), Some(ErrorCode::NotFound));
        assert_eq!(failure.render(false), "error[SW0003]: no sweep `x`\n\nhint: try `status`\n");
    }

    #[test]
    fn a_broken_connection_says_how_to_go_on() {
        let failure = Failure::from(Status::unavailable("tcp connect error"));
        let text = failure.render(false);
        assert!(text.contains("went away") && text.contains("tcp connect error"), "{text}");
        assert_eq!(failure.status(), ExitStatus::Broken);
    }
}
