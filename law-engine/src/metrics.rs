//! Numbers that laws are fitted to: scores of single answers, shapes of score curves, and units of
//! loss.
//!
//! A metric that jumps only because it rounds (exact match, the best choice) hides a loss that falls
//! smoothly (Schaeffer et al., arXiv 2304.15004): score with something continuous next to it.

pub mod accounting;
pub mod conventions;
pub mod geometry;
pub mod sizes;
mod stated;

pub use accounting::Accounting;
pub use conventions::Conventions;

/// Brier's score of a forecast over choices: squared distance to the truth, 0 for certainty in the
/// right choice and 2 for certainty in a wrong one (Brier 1950; as in arXiv 2206.04615).
///
/// # Panics
/// Without a choice number `right`.
#[must_use]
pub fn brier(probabilities: &[f64], right: usize) -> f64 {
    assert!(right < probabilities.len(), "choice {right} of {}", probabilities.len());
    let square = |(choice, p): (usize, &f64)| (p - f64::from(choice == right)).powi(2);
    probabilities.iter().enumerate().map(square).sum()
}

/// Sampling one problem until it was passed a given number of times (Hu et al., arXiv 2310.03262).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassUntil {
    /// r, passes: one or two are enough.
    pub passes: u32,
    /// K, samples drawn until then.
    pub samples: u32,
}

impl PassUntil {
    /// The likeliest pass probability, r / K. It resolves what no fixed number of samples does.
    #[must_use]
    pub fn probability(self) -> f64 {
        f64::from(self.passes) / f64::from(self.samples)
    }

    /// -ln of the probability, which the paper's law says is a power of the model's size. Infinite
    /// without a pass: the cap on the samples was reached, and the value is only a lower bound.
    #[must_use]
    pub fn neg_ln(self) -> f64 {
        -self.probability().ln()
    }
}

/// Ratios of a curve whose middle does not move are cut off here.
const BREAKTHROUGH_MAX: f64 = 100.0;

/// Signed rise of scores in the order of model size: largest less smallest, negative where the
/// largest comes first.
fn rise(scores: &[f64]) -> f64 {
    let order = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
    let places = || scores.iter().copied().enumerate();
    match (places().min_by(order), places().max_by(order)) {
        (Some(low), Some(high)) if low.0 <= high.0 => high.1 - low.1,
        (Some(low), Some(high)) => low.1 - high.1,
        _ => 0.0,
    }
}

fn squared_differences(scores: &[f64]) -> Vec<f64> {
    scores.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).collect()
}

/// How suddenly scores rise with size: the rise over the root median square of the steps
/// (BIG-bench, arXiv 2206.04615). 0 for a flat curve; at most 100 in size where more than half of the
/// steps are none.
#[must_use]
pub fn breakthroughness(scores: &[f64]) -> f64 {
    let rise = rise(scores);
    let mut squares = squared_differences(scores);
    if rise == 0.0 {
        return 0.0;
    }
    squares.sort_by(f64::total_cmp);
    let n = squares.len();
    let median = 0.5 * (squares[(n - 1) / 2] + squares[n / 2]);
    (rise / median.sqrt()).clamp(-BREAKTHROUGH_MAX, BREAKTHROUGH_MAX)
}

/// How evenly scores rise with size: the rise over n times the root mean square of the steps
/// (BIG-bench, arXiv 2206.04615; the factor 1/n is from memory). n is the number of scores, so that a
/// straight line has (n - 1) / n.
#[must_use]
pub fn linearity(scores: &[f64]) -> f64 {
    let rise = rise(scores);
    if rise == 0.0 {
        return 0.0;
    }
    let squares = squared_differences(scores);
    let mean = squares.iter().sum::<f64>() / squares.len() as f64;
    rise / (scores.len() as f64 * mean.sqrt())
}

/// Bits per byte of a text of `tokens` tokens and `bytes` bytes. It compares models with different
/// tokenisers, which nats per token do not.
#[must_use]
pub fn bits_per_byte(nats_per_token: f64, tokens: f64, bytes: f64) -> f64 {
    nats_per_token * tokens / bytes / std::f64::consts::LN_2
}

/// The reverse of [`bits_per_byte`].
#[must_use]
pub fn nats_per_token(bits_per_byte: f64, tokens: f64, bytes: f64) -> f64 {
    bits_per_byte * bytes / tokens * std::f64::consts::LN_2
}

/// Perplexity per unit of text that does not depend on the tokeniser, such as a byte: exp of all
/// nats over the number of units. (That Languini, arXiv 2309.11197, normalises so is from memory.)
#[must_use]
pub fn normalised_perplexity(nats_per_token: f64, tokens: f64, units: f64) -> f64 {
    (nats_per_token * tokens / units).exp()
}

/// How much worse a model gets when its learning rate is not the best one: the mean over rates of
/// the final loss, at most the loss at the start, less the best of them (Wortsman et al., arXiv
/// 2309.14322; from memory: there over 1e-4 to 1e-1, evenly in the logarithm). 0 for a model that any
/// rate trains as well. A run that diverged counts as one that learned nothing, also where its loss is
/// no number. None of no losses.
#[must_use]
pub fn learning_rate_sensitivity(final_losses: &[f64], initial: f64) -> Option<f64> {
    let losses = || {
        let capped = |loss: &f64| if loss.is_nan() { initial } else { loss.min(initial) };
        final_losses.iter().map(capped)
    };
    let best = losses().reduce(f64::min)?;
    Some(losses().map(|loss| loss - best).sum::<f64>() / final_losses.len() as f64)
}

/// Bits that an attacker changes in the input for each bit that he controls in the output, chi (Fort,
/// arXiv 2312.02780; from memory): `width` numbers of `bits` each in the activations of a token, of
/// which one controls `kappa` tokens of a vocabulary.
#[must_use]
pub fn attack_resistance(width: f64, bits: f64, kappa: f64, vocabulary: f64) -> f64 {
    width * bits / (kappa * vocabulary.log2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brier_scores() {
        assert_eq!(brier(&[1.0, 0.0], 0), 0.0);
        assert_eq!(brier(&[1.0, 0.0], 1), 2.0);
        assert!((brier(&[0.25; 4], 2) - 0.75).abs() < 1e-15);
    }

    #[test]
    fn pass_until_estimates() {
        let once = PassUntil { passes: 1, samples: 100 };
        assert_eq!(once.probability(), 0.01);
        assert!((once.neg_ln() - 100.0_f64.ln()).abs() < 1e-12);
        assert_eq!(PassUntil { passes: 0, samples: 9 }.neg_ln(), f64::INFINITY);
        // The published pair: forecast and measurement agree to 0.05 %.
        assert!(((0.05990_f64 - 0.05987) / 0.05987 * 100.0 - 0.05).abs() < 1e-3);
    }

    #[test]
    fn sudden_and_even_rises() {
        let (even, sudden) = ([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.01, 0.02, 0.03, 1.0]);
        assert!((breakthroughness(&even) - 4.0).abs() < 1e-12);
        assert!((linearity(&even) - 0.8).abs() < 1e-12);
        assert!((breakthroughness(&sudden) - 100.0).abs() < 1e-9);
        assert!(linearity(&sudden) < 0.42);
        let falling: Vec<f64> = even.iter().rev().copied().collect();
        assert!((breakthroughness(&falling) + 4.0).abs() < 1e-12);
        // Guards: flat, hardly moving, and too short.
        assert_eq!(breakthroughness(&[0.3; 5]), 0.0);
        assert_eq!(breakthroughness(&[0.0, 0.0, 0.0, 0.0, 1.0]), 100.0);
        assert_eq!(linearity(&[0.3]), 0.0);
        assert_eq!(breakthroughness(&[]), 0.0);
    }

    #[test]
    fn sensitivity_to_the_learning_rate() {
        let sensitivity = |losses: &[f64]| learning_rate_sensitivity(losses, 5.0);
        assert_eq!(sensitivity(&[3.0, 2.0, 3.0, 9.0]), Some(1.25));
        assert_eq!(sensitivity(&[3.0, 2.0, 3.0, f64::NAN]), Some(1.25));
        assert_eq!(sensitivity(&[2.0; 4]), Some(0.0));
        assert_eq!(sensitivity(&[]), None);
    }

    #[test]
    fn resistance_to_attacks() {
        // 512 numbers of 16 bits control 24 tokens of 15.6 bits each.
        let chi = attack_resistance(512.0, 16.0, 24.0, 50_304.0);
        assert!((chi - 512.0 * 16.0 / (24.0 * 15.618_39)).abs() < 1e-4, "{chi}");
    }

    #[test]
    fn units_of_loss() {
        let bits = bits_per_byte(2.0, 100.0, 400.0);
        assert!((bits - 0.5 / std::f64::consts::LN_2).abs() < 1e-15);
        assert!((nats_per_token(bits, 100.0, 400.0) - 2.0).abs() < 1e-15);
        let per_byte = normalised_perplexity(2.0, 100.0, 400.0);
        assert!((per_byte.log2() - bits).abs() < 1e-15);
    }
}
