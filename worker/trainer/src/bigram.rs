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

/// Nats that a model of pairs counted on `documents` pays for all of `scored` but its first token.
pub(crate) fn nats(documents: &[Tokens<'_>], tokenizer: &Tokenizer, scored: &[u32]) -> f64 {
    let vocabulary_n = tokenizer.vocabulary_n() as usize;
    let separator = tokenizer.separator();
    let counted = documents.iter().flat_map(|document| document.iter().chain([separator]));
    // A document begins after the separator of the one before it.
    let mut previous = separator;
    let pairs = counted.map(move |token| (std::mem::replace(&mut previous, token), token));
    if vocabulary_n <= TABLE_MAX {
        by_table(pairs, scored)
    } else {
        mixed(pairs, vocabulary_n, scored)
    }
}

fn by_table(pairs: impl Iterator<Item = (u32, u32)>, scored: &[u32]) -> f64 {
    let mut counts = vec![0u32; TABLE_MAX * TABLE_MAX];
    for (first, second) in pairs {
        counts[first as usize * TABLE_MAX + second as usize] += 1;
    }
    let nats = |pair: &[u32]| {
        let row = &counts[pair[0] as usize * TABLE_MAX..][..TABLE_MAX];
        let total: f64 = row.iter().map(|count| f64::from(*count) + RAISED).sum();
        (total / (f64::from(row[pair[1] as usize]) + RAISED)).ln()
    };
    scored.windows(2).map(nats).sum()
}

fn mixed(pairs: impl Iterator<Item = (u32, u32)>, vocabulary_n: usize, scored: &[u32]) -> f64 {
    let mut counts: HashMap<(u32, u32), u32> = HashMap::new();
    let mut singles = vec![0u32; vocabulary_n];
    // Places in which a token was followed, and different tokens that did.
    let mut followed = vec![(0u32, 0u32); vocabulary_n];
    for (first, second) in pairs {
        singles[second as usize] += 1;
        let count = counts.entry((first, second)).or_default();
        *count += 1;
        let (places, different) = &mut followed[first as usize];
        *places += 1;
        *different += u32::from(*count == 1);
    }
    let total: f64 = singles.iter().map(|count| f64::from(*count) + RAISED).sum();
    let nats = |pair: &[u32]| {
        let single = (f64::from(singles[pair[1] as usize]) + RAISED) / total;
        let (places, different) = followed[pair[0] as usize];
        // Of a token that was never met nothing is known of what follows.
        let different = f64::from(different.max(1));
        let count = f64::from(counts.get(&(pair[0], pair[1])).copied().unwrap_or(0));
        -((count + different * single) / (f64::from(places) + different)).ln()
    };
    scored.windows(2).map(nats).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOCABULARY: usize = 300;

    /// What is paid for one token after another sums to one over all tokens.
    #[test]
    fn what_may_follow_a_token_has_probability_one() {
        let text: Vec<u32> = (0..3000u32).map(|i| (i * i / 7 + i % 11) % 290).collect();
        let pairs = || text.windows(2).map(|pair| (pair[0], pair[1]));
        for first in [0, 3, 17, 299] {
            let share: f64 = (0..VOCABULARY as u32)
                .map(|second| (-mixed(pairs(), VOCABULARY, &[first, second])).exp())
                .sum();
            assert!((share - 1.0).abs() < 1e-9, "{first}: {share}");
        }
    }

    /// `1 2 1 2 1 3`: after 1, two different tokens in three places.
    #[test]
    fn counts_are_mixed_with_those_of_single_tokens() {
        let text = [1, 2, 1, 2, 1, 3];
        let pairs = text.windows(2).map(|pair| (pair[0], pair[1]));
        let single = (2.0 + 0.5) / (5.0 + 0.5 * VOCABULARY as f64);
        let expected = -((2.0 + 2.0 * single) / (3.0 + 2.0_f64)).ln();
        assert!((mixed(pairs, VOCABULARY, &[1, 2]) - expected).abs() < 1e-12);
    }
}
