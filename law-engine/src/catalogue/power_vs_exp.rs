//! Whether pruned data beat the power law: the lower envelope over fractions kept, and which of two
//! families forecasts it.
//!
//! ```text
//! power-const   E + A P^-alpha
//! exp-floor     E + a exp(-kappa P^s)
//! ```
//!
//! P counts the examples that are left after pruning. At each P the best fraction counts: with few
//! examples little pruning is best, with many much (Sorscher et al., arXiv 2206.14486; the two
//! families are this catalogue's reading of the abstract).

use super::data::{Data, Refusal};
use super::estimate::Options;
use super::find;
use super::rank::{Ranked, rank};

/// Error of a model trained on pruned data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pruned {
    /// P, examples left.
    pub examples: f64,
    /// f, the share that was kept of those there were.
    pub kept: f64,
    /// Test error or loss.
    pub error: f64,
}

/// Numbers of examples that differ by less than this share are one.
const SAME: f64 = 0.02;

/// Which family describes the envelope.
pub struct Choice {
    /// The best run at each number of examples, without those that fewer examples beat.
    pub envelope: Vec<Pruned>,
    /// Both families, the better forecast first.
    pub ranked: Vec<Ranked>,
    /// The name of the one that forecasts the largest numbers of examples better; None where too few
    /// are left to hold any out.
    pub by_held_out: Option<&'static str>,
    /// The name of the one with the lower BIC over all of the envelope.
    pub by_bic: Option<&'static str>,
}

impl Choice {
    /// The family, where both ways choose the same.
    #[must_use]
    pub fn agreed(&self) -> Option<&'static str> {
        self.by_held_out.filter(|name| Some(*name) == self.by_bic)
    }
}

/// The lower envelope over fractions kept, by the number of examples.
#[must_use]
pub fn envelope(runs: &[Pruned]) -> Vec<Pruned> {
    let mut sorted = runs.to_vec();
    let order = |a: &Pruned, b: &Pruned| {
        a.examples.total_cmp(&b.examples).then(a.error.total_cmp(&b.error))
    };
    sorted.sort_by(order);
    let mut best: Vec<Pruned> = Vec::new();
    // Where the present group of equal numbers begins, so that a chain of near ones does not grow.
    let mut first = f64::NEG_INFINITY;
    for run in sorted {
        match best.last_mut() {
            Some(last) if run.examples <= first * (1.0 + SAME) => {
                if run.error < last.error {
                    *last = run;
                }
            }
            _ => {
                first = run.examples;
                best.push(run);
            }
        }
    }
    let mut least = f64::INFINITY;
    best.retain(|run| {
        let is_lower = run.error < least;
        least = least.min(run.error);
        is_lower
    });
    best
}

/// Fits both families to the envelope of `runs`, and forecasts the `share` of it with most examples
/// from the rest.
///
/// # Errors
/// As [`Data::new`], or where neither family can be fitted.
pub fn choose(runs: &[Pruned], options: &Options, share: f64) -> Result<Choice, Refusal> {
    let envelope = envelope(runs);
    let examples: Vec<f64> = envelope.iter().map(|run| run.examples).collect();
    // The two cards call the examples by different letters.
    let rows = examples.iter().map(|p| vec![*p, *p]).collect();
    let errors = envelope.iter().map(|run| run.error).collect();
    let data = Data::new(&["D", "P"], rows, errors, None)?;
    let laws: Vec<_> = ["power-const", "exp-floor"].into_iter().filter_map(find).collect();
    let (ranked, mut refused) = rank(&laws, &data, options, &examples, share);
    if ranked.is_empty() {
        return Err(refused.pop().map_or(Refusal::Empty, |(_, refusal)| refusal));
    }
    let name = |one: &Ranked| one.law.card().name;
    let by_held_out = ranked.first().filter(|one| one.held_out.is_some()).map(name);
    let by_bic = ranked.iter().min_by(|a, b| a.bic.total_cmp(&b.bic)).map(name);
    Ok(Choice { envelope, ranked, by_held_out, by_bic })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs at ten numbers of examples and four fractions; the best fraction has the error of
    /// `law`, the others more.
    fn runs(law: impl Fn(f64) -> f64) -> Vec<Pruned> {
        let sizes = (0..10).map(|i| 1e3 * 2_f64.powi(i));
        let of_size = |(number, examples): (usize, f64)| {
            let best = number % 4;
            let error = law(examples);
            [1.0, 0.8, 0.6, 0.4].into_iter().enumerate().map(move |(place, kept)| {
                let off = 0.05 * place.abs_diff(best) as f64;
                Pruned { examples, kept, error: error * (1.0 + off) }
            })
        };
        sizes.enumerate().flat_map(of_size).collect()
    }

    #[test]
    fn the_envelope_has_the_best_fraction_of_each_size() {
        let law = |p: f64| 0.05 + 3.0 * p.powf(-0.4);
        let found = envelope(&runs(law));
        assert_eq!(found.len(), 10);
        assert!(found.iter().all(|run| run.error == law(run.examples)));
        assert_eq!(found[1].kept, 0.8);
        // What fewer examples beat is no part of it, and nearly equal numbers are one.
        let run = |examples: f64, error: f64| Pruned { examples, kept: 1.0, error };
        let found = envelope(&[run(10.0, 0.5), run(20.0, 0.6), run(30.0, 0.4), run(30.3, 0.3)]);
        assert_eq!(found, [run(10.0, 0.5), run(30.3, 0.3)]);
        assert_eq!(envelope(&[]), []);
    }

    #[test]
    fn each_family_is_chosen_where_it_is_true() {
        let options = Options::default();
        let power = choose(&runs(|p| 0.05 + 3.0 * p.powf(-0.4)), &options, 0.3).expect("a fit");
        assert_eq!(power.agreed(), Some("power-const"));
        let pruned = runs(|p| 0.05 + 0.6 * (-1e-3 * p.powf(0.8)).exp());
        let exponential = choose(&pruned, &options, 0.3).expect("a fit");
        assert_eq!(exponential.agreed(), Some("exp-floor"));
    }

    #[test]
    fn too_few_runs_are_refused() {
        assert!(choose(&[], &Options::default(), 0.2).is_err());
        let run = Pruned { examples: 1e3, kept: 1.0, error: 0.4 };
        assert!(choose(&[run], &Options::default(), 0.2).is_err());
    }
}
