//! Conventions as people write them down: in the name of a column, beside a published fit, or asked
//! what a table counts.

use super::conventions::{Compute, Conventions, Embeddings, Experts, Loss, Schedule, Tokens};

/// What may be said of a letter, each with what it means.
const WORDS: [(&str, &str, Conventions); 14] = [
    ("N", "with-embeddings", Conventions { embeddings: Some(Embeddings::With), ..NOTHING }),
    ("N", "without-embeddings", Conventions { embeddings: Some(Embeddings::Without), ..NOTHING }),
    ("N", "active", Conventions { experts: Some(Experts::Active), ..NOTHING }),
    ("N", "all-experts", Conventions { experts: Some(Experts::All), ..NOTHING }),
    ("D", "unique", Conventions { tokens: Some(Tokens::Unique), ..NOTHING }),
    ("D", "seen", Conventions { tokens: Some(Tokens::Seen), ..NOTHING }),
    ("C", "6nd", Conventions { compute: Some(Compute::Parameters), ..NOTHING }),
    (
        "C",
        "6nd-and-attention",
        Conventions { compute: Some(Compute::ParametersAndAttention), ..NOTHING },
    ),
    ("C", "measured", Conventions { compute: Some(Compute::Measured), ..NOTHING }),
    ("L", "nats", Conventions { loss: Some(Loss::NatsPerToken { tokeniser: None }), ..NOTHING }),
    ("L", "bits-per-byte", Conventions { loss: Some(Loss::BitsPerByte), ..NOTHING }),
    (
        "L",
        "normalised-perplexity",
        Conventions { loss: Some(Loss::NormalisedPerplexity), ..NOTHING },
    ),
    ("run", "finished", Conventions { schedule: Some(Schedule::Finished), ..NOTHING }),
    ("run", "mid-run", Conventions { schedule: Some(Schedule::MidRun), ..NOTHING }),
];

const NOTHING: Conventions = Conventions::UNKNOWN;

/// Parts of names of columns and of published conventions, by letter, with the word that they stand
/// for. The first of a letter that is found counts, so that longer ones come first.
const PARTS: [(&str, &str, &str); 18] = [
    ("N", "without embeddings", "without-embeddings"),
    ("N", "non embedding", "without-embeddings"),
    ("N", "nonembedding", "without-embeddings"),
    ("N", "no embedding", "without-embeddings"),
    ("N", "with embeddings", "with-embeddings"),
    ("N", "embeddings included", "with-embeddings"),
    ("N", "active", "active"),
    ("N", "all experts", "all-experts"),
    ("D", "unique", "unique"),
    ("D", "repeats counted", "seen"),
    ("D", "seen", "seen"),
    ("C", "6nd", "6nd"),
    ("C", "measured", "measured"),
    ("L", "bits per byte", "bits-per-byte"),
    ("L", "bpb", "bits-per-byte"),
    ("L", "nats", "nats"),
    ("L", "normalised perplexity", "normalised-perplexity"),
    ("L", "normalized perplexity", "normalised-perplexity"),
];

impl Conventions {
    /// Of the runs of a sweep: parameters with embeddings, tokens seen, 6ND, bits per byte, at the
    /// ends of their schedules.
    pub const SWEEP: Self = Self {
        embeddings: Some(Embeddings::With),
        experts: None,
        tokens: Some(Tokens::Seen),
        compute: Some(Compute::Parameters),
        loss: Some(Loss::BitsPerByte),
        schedule: Some(Schedule::Finished),
    };

    /// What `word` says of the letter `of` (N, D, C, L, run).
    ///
    /// # Errors
    /// The words that there are for the letter: none where there is no such letter.
    pub fn stated(of: &str, word: &str) -> Result<Self, Vec<&'static str>> {
        let own = || WORDS.iter().filter(|(letter, ..)| *letter == of);
        let found = own().find(|(_, known, _)| known.eq_ignore_ascii_case(word));
        found.map(|(.., says)| *says).ok_or_else(|| own().map(|(_, known, _)| *known).collect())
    }

    /// What the name of the column of the letter `of` says: `params_non_embedding` holds parameters
    /// without embeddings.
    #[must_use]
    pub fn of_column(of: &str, name: &str) -> Self {
        let name: String = name
            .chars()
            .map(|letter| if letter.is_alphanumeric() { letter.to_ascii_lowercase() } else { ' ' })
            .collect();
        Self::of_parts(of, &name)
    }

    /// What the words beside a published fit say, as cards write them: `N without embeddings, C =
    /// 6ND`.
    #[must_use]
    pub fn of_card(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let letters = ["N", "D", "C", "L"].map(|of| Self::of_parts(of, &text));
        letters.into_iter().fold(Self::UNKNOWN, Self::or)
    }

    fn of_parts(of: &str, text: &str) -> Self {
        let part = PARTS.iter().find(|(letter, part, _)| *letter == of && text.contains(part));
        part.and_then(|(of, _, word)| Self::stated(of, word).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::LAWS;

    #[test]
    fn words_and_columns_say_what_they_mean() {
        let stated = |of, word| Conventions::stated(of, word);
        assert_eq!(stated("N", "Active").unwrap().experts, Some(Experts::Active));
        assert_eq!(stated("D", "epochs"), Err(vec!["unique", "seen"]));
        assert_eq!(stated("X", "seen"), Err(vec![]));
        for (of, name, word) in [
            ("N", "params_non_embedding", "without-embeddings"),
            ("N", "N-nonembedding", "without-embeddings"),
            ("N", "activeParams", "active"),
            ("D", "unique_tokens", "unique"),
            ("L", "val_bits_per_byte", "bits-per-byte"),
            ("L", "c4/BPB", "bits-per-byte"),
        ] {
            assert_eq!(Conventions::of_column(of, name), stated(of, word).unwrap(), "{name}");
        }
        assert_eq!(Conventions::of_column("N", "params"), Conventions::UNKNOWN);
        // A word for the tokens says nothing of the parameters.
        assert_eq!(Conventions::of_column("N", "unique_params"), Conventions::UNKNOWN);
    }

    /// The published fits that say what N counts are understood.
    #[test]
    fn what_cards_say_of_embeddings_is_read() {
        let published = LAWS.iter().flat_map(|law| law.card().published);
        let (mut with, mut without) = (0, 0);
        for fit in published.filter(|fit| fit.convention.contains("embeddings")) {
            match Conventions::of_card(fit.convention).embeddings {
                Some(Embeddings::With) => with += 1,
                Some(Embeddings::Without) => without += 1,
                None => panic!("{}: {}", fit.label, fit.convention),
            }
        }
        assert!(with > 3 && without > 3, "{with} {without}");
    }
}
