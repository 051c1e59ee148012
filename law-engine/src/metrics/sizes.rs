//! Sizes of models in one convention: converted where it can be done, refused where it cannot.
//!
//! ```text
//! N_total = N + omega N^(1/3)
//! ```
//!
//! N without embeddings and `N_total` with them, in parameters (Pearce and Song, arXiv 2406.12907;
//! [`accounting::Embeddings`] has their omega of 47,491 for 32,000 tokens). A law fitted to a mixture
//! of both has the bend of the small models' embeddings in its exponents, which is much of what lies
//! between Kaplan's and Chinchilla's.

use std::fmt;

use super::accounting;
use super::conventions::Embeddings;

/// Why a size cannot be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nobody says whether it counts embeddings.
    Unknown,
    /// It counts otherwise, and nothing is known of the embeddings.
    NoEmbeddings,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "it is not known whether the size counts embeddings",
            Self::NoEmbeddings => {
                "the sizes count embeddings differently, and how large these are is not known"
            }
        })
    }
}

impl std::error::Error for Refused {}

/// The size `params_n`, counted as `from` says, as `to` counts it. `embeddings` is how many they are
/// at which size, where that is known: a family of one vocabulary and one ratio of width to depth.
///
/// # Errors
/// [`Refused`] where that would be a guess.
pub fn convert(
    params_n: f64,
    from: Option<Embeddings>,
    to: Embeddings,
    embeddings: Option<accounting::Embeddings>,
) -> Result<f64, Refused> {
    let from = from.ok_or(Refused::Unknown)?;
    if from == to {
        return Ok(params_n);
    }
    let embeddings = embeddings.ok_or(Refused::NoEmbeddings)?;
    Ok(match to {
        Embeddings::With => embeddings.total(params_n),
        Embeddings::Without => embeddings.without(params_n),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OMEGA: accounting::Embeddings = accounting::Embeddings::VOCABULARY_32K;

    #[test]
    fn sizes_are_converted_both_ways() {
        let (with, without) = (Some(Embeddings::With), Some(Embeddings::Without));
        let total = convert(1e9, without, Embeddings::With, Some(OMEGA)).expect("known");
        assert!((total - (1e9 + 47_491.0 * 1e3)).abs() < 1e-3);
        let back = convert(total, with, Embeddings::Without, Some(OMEGA)).expect("known");
        assert!((back / 1e9 - 1.0).abs() < 1e-12);
        // The smallest model of Kaplan's range is nearly all embeddings.
        let total = convert(768.0, without, Embeddings::With, Some(OMEGA)).expect("known");
        assert!(total / 768.0 > 500.0);
    }

    #[test]
    fn guesses_are_refused() {
        let without = Some(Embeddings::Without);
        assert_eq!(convert(1e9, None, Embeddings::With, Some(OMEGA)), Err(Refused::Unknown));
        assert_eq!(convert(1e9, without, Embeddings::With, None), Err(Refused::NoEmbeddings));
        assert_eq!(convert(1e9, without, Embeddings::Without, None), Ok(1e9));
    }
}
