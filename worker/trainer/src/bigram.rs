//! What a model of pairs of tokens makes of a text: the level of a run that has learned no longer
//! context.
//!
//! Pairs are those of the run's own tokens, because that is what a model that sees nothing but the last
//! token can know. Of bytes every count is raised by one half. Of a larger vocabulary most pairs are
//! never met, so that the counts are mixed with those of single tokens as Witten and Bell do (IEEE
//! Trans. Inf. Theory 37, 1991, method C): after token `a`, which `t` different tokens followed in `n`
//! places, `p(b | a) = (count(a b) + t p(b)) / (n + t)`.

use std::collections::HashMap;

use sweep_corpus::{Tokenizer, Tokens};

/// Vocabularies up to this have a table of all pairs.
const TABLE_MAX: usize = 256;
/// What every count of a table, and of single tokens, is raised by.
const RAISED: f64 = 0.5;

/// Counts of the pairs of one corpus.
pub(crate) struct Pairs {
    counts: Counts,
    /// How often every token stands anywhere.
    singles: Vec<u32>,
    /// Of all of them, raised.
    total: f64,
    /// Places in which every token was followed, and different tokens that did.
    followed: Vec<(u32, u32)>,
}

enum Counts {
    Table(Vec<u32>),
    Met(HashMap<(u32, u32), u32>),
}

impl Pairs {
    /// Counts those of documents, each ended by the separator.
    pub(crate) fn count(documents: &[Tokens<'_>], tokenizer: &Tokenizer) -> Self {
        let separator = tokenizer.separator();
        let counted = documents.iter().flat_map(|document| document.iter().chain([separator]));
        // A document begins after the separator of the one before it.
        let mut previous = separator;
        let pairs = counted.map(move |token| (std::mem::replace(&mut previous, token), token));
        Self::of(pairs, tokenizer.vocabulary_n() as usize)
    }

    fn of(pairs: impl Iterator<Item = (u32, u32)>, vocabulary_n: usize) -> Self {
        let counts = if vocabulary_n <= TABLE_MAX {
            Counts::Table(vec![0; TABLE_MAX * TABLE_MAX])
        } else {
            Counts::Met(HashMap::new())
        };
        let (singles, followed) = (vec![0; vocabulary_n], vec![(0, 0); vocabulary_n]);
        let mut all = Self { counts, singles, total: 0.0, followed };
        for (first, second) in pairs {
            all.singles[second as usize] += 1;
            let count = match &mut all.counts {
                Counts::Table(table) => &mut table[first as usize * TABLE_MAX + second as usize],
                Counts::Met(met) => met.entry((first, second)).or_default(),
            };
            *count += 1;
            let (places, different) = &mut all.followed[first as usize];
            *places += 1;
            *different += u32::from(*count == 1);
        }
        all.total = all.singles.iter().map(|count| f64::from(*count) + RAISED).sum();
        all
    }

    /// Probability of a token anywhere.
    fn single(&self, token: u32) -> f64 {
        (f64::from(self.singles[token as usize]) + RAISED) / self.total
    }

    /// Probability of a token after another.
    fn next(&self, first: u32, second: u32) -> f64 {
        let (places, different) = self.followed[first as usize];
        let places = f64::from(places);
        match &self.counts {
            Counts::Table(table) => {
                let count = f64::from(table[first as usize * TABLE_MAX + second as usize]);
                (count + RAISED) / (places + RAISED * TABLE_MAX as f64)
            }
            Counts::Met(met) => {
                // Of a token that was never met nothing is known of what follows.
                let different = f64::from(different.max(1));
                let count = f64::from(met.get(&(first, second)).copied().unwrap_or(0));
                (count + different * self.single(second)) / (places + different)
            }
        }
    }
}

/// Nats that a model of pairs pays for all of `scored` but its first token. It was counted on a mix of
/// corpora by these weights, and knows of where it is in it no more than the last token says.
pub(crate) fn nats(mix: &[(Pairs, f64)], scored: &[u32]) -> f64 {
    let nats = |pair: &[u32]| {
        let (mut both, mut first) = (0.0, 0.0);
        for (pairs, weight) in mix {
            let here = weight * pairs.single(pair[0]);
            first += here;
            both += here * pairs.next(pair[0], pair[1]);
        }
        -(both / first).ln()
    };
    scored.windows(2).map(nats).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOCABULARY: usize = 300;

    fn pairs_of(text: &[u32], vocabulary_n: usize) -> Pairs {
        Pairs::of(text.windows(2).map(|pair| (pair[0], pair[1])), vocabulary_n)
    }

    fn text() -> Vec<u32> {
        (0..3000u32).map(|i| (i * i / 7 + i % 11) % 250).collect()
    }

    /// Of both kinds of counts, and of a mix.
    #[test]
    fn what_may_follow_a_token_has_probability_one() {
        let other: Vec<u32> = (0..500u32).map(|i| (i * i / 3) % 100).collect();
        for vocabulary_n in [TABLE_MAX, VOCABULARY] {
            let mix =
                [(pairs_of(&text(), vocabulary_n), 3.0), (pairs_of(&other, vocabulary_n), 1.0)];
            for mix in [&mix[..1], &mix] {
                for first in [0, 3, 17, 255] {
                    let all = 0..vocabulary_n as u32;
                    let share: f64 = all.map(|second| (-nats(mix, &[first, second])).exp()).sum();
                    assert!((share - 1.0).abs() < 1e-9, "{vocabulary_n} {first}: {share}");
                }
            }
        }
    }

    /// `1 2 1 2 1 3`: after 1, two different tokens in three places.
    #[test]
    fn counts_are_mixed_with_those_of_single_tokens() {
        let pairs = pairs_of(&[1, 2, 1, 2, 1, 3], VOCABULARY);
        let single = (2.0 + 0.5) / (5.0 + 0.5 * VOCABULARY as f64);
        let expected = -((2.0 + 2.0 * single) / (3.0 + 2.0_f64)).ln();
        assert!((nats(&[(pairs, 1.0)], &[1, 2]) - expected).abs() < 1e-12);
    }

    /// A token that only one corpus has says which it is.
    #[test]
    fn the_last_token_tells_the_corpora_of_a_mix_apart() {
        let one: Vec<u32> = [1, 2].repeat(1000);
        let other: Vec<u32> = [3, 4].repeat(1000);
        let mix = [(pairs_of(&one, TABLE_MAX), 1.0), (pairs_of(&other, TABLE_MAX), 1.0)];
        assert!(nats(&mix, &[1, 2, 1, 2]) < 0.6);
        assert!(nats(&mix, &[3, 4, 3, 4]) < 0.6);
    }
}
