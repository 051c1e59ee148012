//! Laws that somebody writes down today: `L(N, D) = E + A N^-alpha + B D^-beta`.
//!
//! An expression becomes a law like those of the catalogue: exact gradients by the same numbers,
//! variable projection over whatever it is linear in, and the vectorised path where it is a sum of
//! powers.
//!
//! - `+ - * / ^`, brackets, numbers, `exp`, `log` (natural; also `ln`), `log10`, `log2`, `sqrt`; two
//!   names side by side are multiplied, as papers write it.
//! - Variables are those on the left, such as `L(N, D) =`; without a left-hand side the letters N, D,
//!   C and h, and what the caller adds. Every other name is a coefficient.
//! - Coefficients are positive. An exponent is between 0 and 2 where it is written with a minus, and
//!   between -2 and 2 where it is not; what multiplies a logarithm may have either sign.
//!
//! ```
//! use law_engine::catalogue::{Data, Options};
//! use law_engine::expression;
//!
//! let law = expression::law("L(N) = E + A N^-alpha", &[])?;
//! let sizes = [1e6, 3e6, 1e7, 3e7, 1e8_f64];
//! let losses = sizes.iter().map(|n| 1.7 + 90.0 * n.powf(-0.3)).collect();
//! let rows = sizes.iter().map(|n| vec![*n]).collect();
//! let data = Data::new(&["N"], rows, losses, None).expect("five good rows");
//! let fit = law.estimate(&data, &Options::default()).expect("five rows fix three coefficients");
//! assert!((fit.coefficients[2] - 0.3).abs() < 1e-6);
//! # Ok::<(), expression::Mistake>(())
//! ```

mod describe;
mod parse;
mod program;
mod tree;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use sweep_core::nearest::nearest;

use crate::catalogue::{self, Entry, LAWS, Law};
use describe::describe;
use parse::{Parsed, parse};
use program::Written;

/// Most coefficients of a written law.
pub const COEFFICIENTS_MAX: usize = 10;

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub text: String,
    /// Where in the text, in characters.
    pub at: usize,
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at character {} of `{}`", self.what, self.at + 1, self.text)
    }
}

impl std::error::Error for Mistake {}

/// Whether `text` is an expression rather than the name of a law.
#[must_use]
pub fn is_expression(text: &str) -> bool {
    text.chars().any(|letter| "+*/^=() ".contains(letter))
}

/// Laws that were written down before: what is made of a text lives as long as the process, so that
/// it is made once.
static WRITTEN: Mutex<BTreeMap<Key, &'static dyn Law>> = Mutex::new(BTreeMap::new());

/// A text, and the names that were variables in it.
type Key = (String, Vec<String>);

/// The law that `text` writes down. `variables` are names that are variables beside the usual ones.
///
/// # Errors
/// What the text lacks, with the place.
pub fn law(text: &str, variables: &[&str]) -> Result<&'static dyn Law, Mistake> {
    let key: Key = (text.trim().to_owned(), variables.iter().map(ToString::to_string).collect());
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(law) = written.get(&key) {
        return Ok(*law);
    }
    let parsed = parse(&key.0, variables)?;
    let law = entry(&key.0, &parsed)?;
    written.insert(key, law);
    Ok(law)
}

/// Why a text names no law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLaw {
    /// It is an expression with a mistake in it.
    Misread(Mistake),
    /// It is a name that the catalogue does not have; with the one that is nearest to it, if any is.
    Unknown { name: String, nearest: Option<&'static str> },
}

impl fmt::Display for NoLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misread(mistake) => mistake.fmt(f),
            Self::Unknown { name, .. } if name.is_empty() => write!(f, "the law has no name"),
            Self::Unknown { name, .. } => write!(f, "no law of the catalogue is called `{name}`"),
        }
    }
}

impl std::error::Error for NoLaw {}

/// The law of the catalogue that `text` names, or the one that it writes down, as [`law`] does.
///
/// # Errors
/// Where it does neither.
pub fn find(text: &str, variables: &[&str]) -> Result<&'static dyn Law, NoLaw> {
    let text = text.trim();
    if is_expression(text) {
        return law(text, variables).map_err(NoLaw::Misread);
    }
    catalogue::find(text).ok_or_else(|| {
        let names: Vec<&str> = LAWS.iter().map(|law| law.card().name).collect();
        NoLaw::Unknown { name: text.to_owned(), nearest: nearest(text, &names) }
    })
}

/// The law of its number of coefficients.
fn entry(text: &str, parsed: &Parsed) -> Result<&'static dyn Law, Mistake> {
    let n = parsed.coefficients.len();
    macro_rules! sized {
        ($($n:literal)*) => {
            match n {
                $($n => {
                    let written = Written::<$n>::new(describe(text, parsed), parsed);
                    Box::leak(Box::new(Entry(written)))
                })*
                0 => {
                    let what = "there is no coefficient to fit".to_owned();
                    return Err(Mistake { text: text.to_owned(), at: 0, what });
                }
                _ => {
                    let what =
                        format!("{n} coefficients are more than the {COEFFICIENTS_MAX} of a law");
                    return Err(Mistake { text: text.to_owned(), at: 0, what });
                }
            }
        };
    }
    Ok(sized!(1 2 3 4 5 6 7 8 9 10))
}
