//! What a case claims: a published figure, ours, and how far apart they may be.

use std::fmt::Write as _;
use std::path::PathBuf;

use law_engine::catalogue::Refusal;

use super::rows::Folder;

/// A published result and how to get it again.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) source: &'static str,
    pub(crate) run: fn(&Folder) -> Outcome,
}

/// The checks of a case, or why it could not be run.
pub(crate) type Outcome = Result<Vec<Check>, Trouble>;

#[derive(Debug)]
pub(crate) enum Trouble {
    /// The published rows are not at hand.
    Missing(PathBuf),
    /// They are not what they should be.
    Bad(String),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Bad(refusal.to_string())
    }
}

/// One figure beside the published one.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) what: String,
    pub(crate) published: f64,
    pub(crate) ours: Ours,
}

/// What was computed, and what it has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ours {
    /// As published, but for this much.
    Within { value: f64, tolerance: f64 },
    /// As published, but for this share of it.
    Relative { value: f64, tolerance: f64 },
    /// As published or lower, but for this share of it.
    AtMost { value: f64, slack: f64 },
    /// An interval that has the published, measured value in it.
    Covers { lower: f64, upper: f64 },
}

impl Check {
    fn new(what: impl Into<String>, published: f64, ours: Ours) -> Self {
        Self { what: what.into(), published, ours }
    }

    pub(crate) fn within(what: impl Into<String>, published: f64, value: f64, by: f64) -> Self {
        Self::new(what, published, Ours::Within { value, tolerance: by })
    }

    pub(crate) fn relative(what: impl Into<String>, published: f64, value: f64, by: f64) -> Self {
        Self::new(what, published, Ours::Relative { value, tolerance: by })
    }

    pub(crate) fn at_most(what: impl Into<String>, published: f64, value: f64, slack: f64) -> Self {
        Self::new(what, published, Ours::AtMost { value, slack })
    }

    pub(crate) fn covers(
        what: impl Into<String>,
        measured: f64,
        (lower, upper): (f64, f64),
    ) -> Self {
        Self::new(what, measured, Ours::Covers { lower, upper })
    }

    pub(crate) fn is_met(&self) -> bool {
        let published = self.published;
        match self.ours {
            Ours::Within { value, tolerance } => (value - published).abs() <= tolerance,
            Ours::Relative { value, tolerance } => (value / published - 1.0).abs() <= tolerance,
            Ours::AtMost { value, slack } => value <= published * (1.0 + slack),
            Ours::Covers { lower, upper } => (lower..=upper).contains(&published),
        }
    }

    /// Ours and its bound in words.
    pub(crate) fn words(&self) -> (String, String) {
        match self.ours {
            Ours::Within { value, tolerance: 0.0 } => (figure(value), "exact".to_owned()),
            Ours::Within { value, tolerance } => {
                (figure(value), format!("± {}", figure(tolerance)))
            }
            Ours::Relative { value, tolerance } => {
                (figure(value), format!("± {} %", figure(100.0 * tolerance)))
            }
            Ours::AtMost { value, slack: 0.0 } => (figure(value), "at most".to_owned()),
            Ours::AtMost { value, slack } => {
                (figure(value), format!("at most, + {} %", figure(100.0 * slack)))
            }
            Ours::Covers { lower, upper } => {
                (format!("{} to {}", figure(lower), figure(upper)), "covers".to_owned())
            }
        }
    }
}

/// Nine significant digits, without zeros at the end.
pub(crate) fn figure(value: f64) -> String {
    let mut text = String::new();
    let is_plain = value == 0.0 || (1e-3..1e7).contains(&value.abs());
    if is_plain {
        let whole = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
        let _ = write!(text, "{value:.*}", (8 - whole).max(0) as usize);
        if text.contains('.') {
            text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
        }
        return text;
    }
    let _ = write!(text, "{value:.8e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.'))
}
