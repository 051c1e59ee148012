//! What a law is about: the words and figures beside its equation.

/// Everything that people ask of a law before they fit it.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// How it is called on the command line: `chinchilla`.
    pub name: &'static str,
    pub title: &'static str,
    /// With the letters of [`Card::parameters`] and [`Card::variables`].
    pub equation: &'static str,
    /// The left-hand side: its letter, meaning and unit.
    pub response: Symbol,
    pub variables: &'static [Symbol],
    pub parameters: &'static [Parameter],
    /// Paper, equation, table.
    pub source: &'static str,
    /// Where it was fitted, and where it stops being true.
    pub range: &'static str,
    /// What to beware of.
    pub notes: &'static [&'static str],
    /// Whether the form itself was checked against its source.
    pub form: Form,
    pub published: &'static [Published],
}

impl Card {
    /// The letters of the variables, in their order.
    #[must_use]
    pub fn letters(&self) -> Vec<&'static str> {
        self.variables.iter().map(|variable| variable.symbol).collect()
    }
}

/// A letter of an equation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub symbol: &'static str,
    pub meaning: &'static str,
    pub unit: &'static str,
    /// Whether zero is a value that the law can be fitted at: a sparsity, an area.
    pub can_be_zero: bool,
}

impl Symbol {
    #[must_use]
    pub const fn new(symbol: &'static str, meaning: &'static str, unit: &'static str) -> Self {
        Self { symbol, meaning, unit, can_be_zero: false }
    }

    /// A variable that may be zero. Its logarithm must not be used.
    #[must_use]
    pub const fn or_zero(symbol: &'static str, meaning: &'static str, unit: &'static str) -> Self {
        Self { symbol, meaning, unit, can_be_zero: true }
    }
}

/// One coefficient of a law, in the paper's own letter and unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    pub symbol: &'static str,
    pub meaning: &'static str,
    pub kind: Kind,
    /// Values among which a fit begins. Empty for a coefficient that the response is linear in,
    /// which is solved for at each combination of the others (variable projection).
    pub starts: &'static [f64],
    /// The variable along which the coefficient is a place. Its starts are then fractions of the
    /// way from the smallest to the largest value seen, on a logarithmic scale.
    pub along: Option<usize>,
    /// The exponent of a scale, by its symbol.
    pub exponent: Option<&'static str>,
}

impl Parameter {
    const fn new(
        symbol: &'static str,
        meaning: &'static str,
        kind: Kind,
        starts: &'static [f64],
    ) -> Self {
        Self { symbol, meaning, kind, starts, along: None, exponent: None }
    }

    /// A coefficient that the response is linear in.
    #[must_use]
    pub const fn linear(symbol: &'static str, meaning: &'static str, kind: Kind) -> Self {
        Self::new(symbol, meaning, kind, &[])
    }

    /// A coefficient to whose power of `exponent`, another coefficient, the response is linear, such
    /// as N_c of (N_c / N)^a. It is solved for as the linear ones are.
    #[must_use]
    pub const fn scale(
        symbol: &'static str,
        meaning: &'static str,
        exponent: &'static str,
    ) -> Self {
        Self { exponent: Some(exponent), ..Self::new(symbol, meaning, Kind::Amplitude, &[]) }
    }

    /// A coefficient that is looked for from several places.
    #[must_use]
    pub const fn searched(
        symbol: &'static str,
        meaning: &'static str,
        kind: Kind,
        starts: &'static [f64],
    ) -> Self {
        Self::new(symbol, meaning, kind, starts)
    }

    /// A coefficient that is a place along a variable, such as where a curve breaks.
    #[must_use]
    pub const fn placed(
        symbol: &'static str,
        meaning: &'static str,
        variable: usize,
        fractions: &'static [f64],
    ) -> Self {
        Self { along: Some(variable), ..Self::new(symbol, meaning, Kind::Amplitude, fractions) }
    }

    #[must_use]
    pub const fn is_linear(&self) -> bool {
        self.starts.is_empty()
    }
}

/// Which values a coefficient may have, and in which coordinate it is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Positive, over many orders of magnitude: fitted as its logarithm.
    Amplitude,
    /// An irreducible part: zero or more.
    Floor,
    /// Between 0 and 2, as all exponents of loss.
    Exponent,
    /// Between two bounds.
    Within(f64, f64),
}

/// Natural logarithms of amplitudes, wide enough for B N^-beta with N in single parameters.
const LN_AMPLITUDE_MAX: f64 = 150.0;

impl Kind {
    /// Closed bounds in fitting coordinates.
    #[must_use]
    pub const fn bounds(self) -> (f64, f64) {
        match self {
            Self::Amplitude => (-LN_AMPLITUDE_MAX, LN_AMPLITUDE_MAX),
            Self::Floor => (0.0, f64::MAX),
            Self::Exponent => (1e-6, 2.0),
            Self::Within(lower, upper) => (lower, upper),
        }
    }

    /// From the paper's coefficient to the fitting coordinate.
    #[must_use]
    pub fn to_fit(self, natural: f64) -> f64 {
        if matches!(self, Self::Amplitude) { natural.ln() } else { natural }
    }

    /// The reverse of [`Kind::to_fit`].
    #[must_use]
    pub fn to_natural(self, fit: f64) -> f64 {
        if matches!(self, Self::Amplitude) { fit.exp() } else { fit }
    }
}

/// Whether a law's form is known from its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Read in the paper or in the authors' code.
    Verified,
    /// From secondary sources or from memory, for the reason given: check it before you cite it.
    Unverified(&'static str),
}

/// A fit that somebody published, in the order of [`Card::parameters`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// What was fitted: `RedPajama`, `S-Base`.
    pub label: &'static str,
    /// Paper and table, or the file of the authors' repository.
    pub source: &'static str,
    /// What N, D and C count.
    pub convention: &'static str,
    pub coefficients: &'static [f64],
}

/// Values between 0 and 1 at which exponents are looked for: about a third apart.
pub const EXPONENTS: &[f64] =
    &[0.02, 0.05, 0.08, 0.12, 0.17, 0.23, 0.3, 0.38, 0.47, 0.58, 0.72, 0.9, 1.2, 1.6];
