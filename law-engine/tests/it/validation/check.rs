//! What a case claims: a published figure, ours, and how far apart they may be.

use std::fmt::Write as _;
use std::path::PathBuf;

use law_engine::catalogue::Refusal;

use super::robust::Robust;
use super::rows::Folder;

/// A published result and how to get it again.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Numbers of the acceptance list that the case answers; none where it is on top of the list.
    pub(crate) numbers: &'static [u32],
    pub(crate) title: &'static str,
    pub(crate) source: &'static str,
    pub(crate) run: fn(&Folder) -> Outcome,
}

/// What a case found, or why it could not be run.
pub(crate) type Outcome = Result<Findings, Trouble>;

/// The figures of a case, and how each of its fits stands up to other rows and units.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) figures: Vec<Check>,
    pub(crate) fits: Vec<Robust>,
}

impl Findings {
    /// A case that fits nothing.
    pub(crate) fn of(figures: Vec<Check>) -> Self {
        Self { figures, fits: Vec::new() }
    }

    pub(crate) fn checks(&self) -> impl Iterator<Item = &Check> {
        self.figures.iter().chain(self.fits.iter().flat_map(|fit| &fit.checks))
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.figures.extend(other.figures);
        self.fits.extend(other.fits);
    }
}

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
    pub(crate) miss: Option<Miss>,
}

/// A figure that is known not to be reproduced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Miss {
    pub(crate) why: &'static str,
    /// The bound that holds today instead, of the same kind as the one that is missed.
    pub(crate) today: f64,
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
        Self { what: what.into(), published, ours, miss: None }
    }

    /// The bound is missed: why, and what holds instead.
    pub(crate) fn missed(self, why: &'static str, today: f64) -> Self {
        Self { miss: Some(Miss { why, today }), ..self }
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
        let bound = match self.ours {
            Ours::Within { tolerance, .. } | Ours::Relative { tolerance, .. } => tolerance,
            Ours::AtMost { slack, .. } => slack,
            Ours::Covers { .. } => 0.0,
        };
        self.deviation() <= bound
    }

    /// Met, or as near as a known miss is said to come.
    pub(crate) fn is_as_said(&self) -> bool {
        self.is_met() || self.miss.is_some_and(|miss| self.deviation() <= miss.today)
    }

    /// How far off ours is, as its bound is meant.
    fn deviation(&self) -> f64 {
        let published = self.published;
        match self.ours {
            Ours::Within { value, .. } => (value - published).abs(),
            Ours::Relative { value, .. } => (value / published - 1.0).abs(),
            Ours::AtMost { value, .. } => value / published - 1.0,
            Ours::Covers { lower, upper } => (lower - published).max(published - upper).max(0.0),
        }
    }

    /// Ours and its bound in words.
    pub(crate) fn words(&self) -> (String, String) {
        match self.ours {
            Ours::Within { value, tolerance: 0.0 } => (figure(value), "exact".to_owned()),
            Ours::Within { value, tolerance } => {
                (figure(value), format!("+- {}", figure(tolerance)))
            }
            Ours::Relative { value, tolerance } => {
                (figure(value), format!("+- {} %", figure(100.0 * tolerance)))
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
