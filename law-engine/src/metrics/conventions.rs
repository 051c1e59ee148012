//! What the letters of a table or of a published fit count. Numbers of different conventions are
//! numbers of different things: [`Conventions::clashes`] says where two tables differ, and
//! [`pooled`] refuses to put them together.

use std::fmt;

/// What is known of a table's columns. None is unknown, which clashes with nothing and vouches for
/// nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conventions {
    pub embeddings: Option<Embeddings>,
    pub experts: Option<Experts>,
    pub tokens: Option<Tokens>,
    pub compute: Option<Compute>,
    pub loss: Option<Loss>,
    pub schedule: Option<Schedule>,
}

/// Whether N counts embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Embeddings {
    With,
    Without,
}

/// Which parameters N counts in a mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Experts {
    /// Those that one token passes.
    Active,
    All,
}

/// Which tokens D counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// Each token of the corpus once.
    Unique,
    /// Every repeat too.
    Seen,
}

/// How C is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compute {
    /// 6 N D.
    Parameters,
    /// With what attention does with the context.
    ParametersAndAttention,
    /// Counted by a profiler, recomputation included.
    Measured,
}

/// The unit of the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It depends on the tokeniser, here by its name.
    NatsPerToken {
        tokeniser: Option<&'static str>,
    },
    BitsPerByte,
    /// Perplexity per unit of text that no tokeniser changes.
    NormalisedPerplexity,
}

/// Where in its schedule of learning rates a row was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At its end, decayed.
    Finished,
    /// Before, at a learning rate that a run of these tokens would not have had.
    MidRun,
}

/// Two conventions that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The letter in question: N, D, C, L, or the run.
    pub of: &'static str,
    pub left: &'static str,
    pub right: &'static str,
    /// What makes them one, or that nothing does.
    pub remedy: &'static str,
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, left, right, remedy } = self;
        write!(f, "{of}: {left} against {right}; {remedy}")
    }
}

impl Conventions {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        embeddings: None,
        experts: None,
        tokens: None,
        compute: None,
        loss: None,
        schedule: None,
    };

    /// What is known, in words.
    #[must_use]
    pub fn described(&self) -> Vec<&'static str> {
        let parts = [
            self.embeddings.map(Words::words),
            self.experts.map(Words::words),
            self.tokens.map(Words::words),
            self.compute.map(Words::words),
            self.loss.map(Words::words),
            self.schedule.map(Words::words),
        ];
        parts.into_iter().flatten().collect()
    }

    /// Where two tables are known to differ, in the order of N, D, C, L and the schedule.
    #[must_use]
    pub fn clashes(&self, other: &Self) -> Vec<Clash> {
        let clash = |of, pair: Option<(&'static str, &'static str)>, remedy| {
            pair.map(|(left, right)| Clash { of, left, right, remedy })
        };
        let tokenisers = matches!(
            (self.loss, other.loss),
            (Some(Loss::NatsPerToken { .. }), Some(Loss::NatsPerToken { .. }))
        );
        [
            clash(
                "N",
                differ(self.embeddings, other.embeddings),
                "convert by the embeddings' size",
            ),
            clash("N", differ(self.experts, other.experts), "convert by the shape of the experts"),
            clash(
                "D",
                differ(self.tokens, other.tokens),
                "give unique and seen tokens a column each",
            ),
            clash("C", differ(self.compute, other.compute), "count both from N, D and the shape"),
            clash(
                "L",
                differ(self.loss, other.loss),
                if tokenisers {
                    "convert both to bits per byte"
                } else {
                    "convert by the tokens and bytes of the text"
                },
            ),
            clash("run", differ(self.schedule, other.schedule), "keep ends of runs only"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What is known of either; of what both know, this one's.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            embeddings: self.embeddings.or(other.embeddings),
            experts: self.experts.or(other.experts),
            tokens: self.tokens.or(other.tokens),
            compute: self.compute.or(other.compute),
            loss: match (self.loss, other.loss) {
                (
                    Some(Loss::NatsPerToken { tokeniser: None }),
                    Some(known @ Loss::NatsPerToken { .. }),
                ) => Some(known),
                (known, other) => known.or(other),
            },
            schedule: self.schedule.or(other.schedule),
        }
    }
}

/// The convention of tables put together.
///
/// # Errors
/// The first clash, with the place of the table that brings it.
pub fn pooled(tables: &[Conventions]) -> Result<Conventions, (usize, Clash)> {
    let mut known = Conventions::default();
    for (place, table) in tables.iter().enumerate() {
        if let Some(clash) = known.clashes(table).into_iter().next() {
            return Err((place, clash));
        }
        known = known.or(*table);
    }
    Ok(known)
}

/// A convention as words.
trait Words: Copy {
    fn words(self) -> &'static str;

    /// Whether numbers of the two may stand in one column.
    fn agrees(self, other: Self) -> bool;
}

/// The words of both, where both are known and differ.
fn differ<T: Words>(left: Option<T>, right: Option<T>) -> Option<(&'static str, &'static str)> {
    let (left, right) = (left?, right?);
    (!left.agrees(right)).then(|| (left.words(), right.words()))
}

/// Words for enums whose variants agree with themselves alone.
macro_rules! words {
    ($($of:ident { $($variant:ident: $words:literal),+ })+) => {$(
        impl Words for $of {
            fn words(self) -> &'static str {
                match self { $(Self::$variant => $words),+ }
            }

            fn agrees(self, other: Self) -> bool {
                self == other
            }
        }
    )+};
}

words! {
    Embeddings { With: "parameters with embeddings", Without: "parameters without embeddings" }
    Experts { Active: "active parameters", All: "parameters of all experts" }
    Tokens { Unique: "unique tokens", Seen: "tokens seen" }
    Compute {
        Parameters: "6ND",
        ParametersAndAttention: "6ND and attention",
        Measured: "measured FLOP"
    }
    Schedule { Finished: "ends of schedules", MidRun: "points before the end" }
}

impl Words for Loss {
    fn words(self) -> &'static str {
        match self {
            Self::NatsPerToken { tokeniser: Some(name) } => name,
            Self::NatsPerToken { tokeniser: None } => "nats per token",
            Self::BitsPerByte => "bits per byte",
            Self::NormalisedPerplexity => "normalised perplexity",
        }
    }

    /// Nats per token of an unknown tokeniser may be of any.
    fn agrees(self, other: Self) -> bool {
        match (self, other) {
            (Self::NatsPerToken { tokeniser: a }, Self::NatsPerToken { tokeniser: b }) => {
                a.is_none() || b.is_none() || a == b
            }
            _ => self == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KAPLAN: Conventions = Conventions {
        embeddings: Some(Embeddings::Without),
        experts: None,
        tokens: Some(Tokens::Unique),
        compute: Some(Compute::Parameters),
        loss: Some(Loss::NatsPerToken { tokeniser: Some("tokens of GPT-2") }),
        schedule: Some(Schedule::Finished),
    };

    #[test]
    fn what_differs_is_named() {
        let other = Conventions {
            embeddings: Some(Embeddings::With),
            loss: Some(Loss::BitsPerByte),
            schedule: None,
            ..KAPLAN
        };
        let said: Vec<String> = KAPLAN.clashes(&other).iter().map(Clash::to_string).collect();
        assert_eq!(
            said,
            [
                "N: parameters without embeddings against parameters with embeddings; convert by \
                 the embeddings' size",
                "L: tokens of GPT-2 against bits per byte; convert by the tokens and bytes of the \
                 text",
            ]
        );
        assert_eq!(KAPLAN.clashes(&KAPLAN), []);
        assert_eq!(KAPLAN.clashes(&Conventions::default()), []);
    }

    /// The unknown joins either of two that clash, and hides neither from the other.
    #[test]
    fn tables_that_clash_are_not_pooled() {
        let tokeniser = |name| Conventions {
            loss: Some(Loss::NatsPerToken { tokeniser: name }),
            ..Conventions::default()
        };
        let tables =
            [tokeniser(None), tokeniser(Some("tokens of A")), tokeniser(Some("tokens of B"))];
        assert_eq!(pooled(&tables[..2]), Ok(tables[1]));
        let (place, clash) = pooled(&tables).unwrap_err();
        assert_eq!((place, clash.left, clash.right), (2, "tokens of A", "tokens of B"));
        assert_eq!(clash.remedy, "convert both to bits per byte");
        for order in [[0, 1, 2], [1, 0, 2], [1, 2, 0], [2, 0, 1]] {
            assert!(pooled(&order.map(|place| tables[place])).is_err());
        }
        assert_eq!(pooled(&[]), Ok(Conventions::default()));
    }
}
