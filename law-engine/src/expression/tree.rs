//! An expression as a tree.

/// One operation over its operands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Number(f64),
    /// By its place among the variables.
    Variable(usize),
    /// By its place among the coefficients.
    Coefficient(usize),
    Negative(Box<Self>),
    Sum(Box<Self>, Box<Self>),
    Product(Box<Self>, Box<Self>),
    Quotient(Box<Self>, Box<Self>),
    Power(Box<Self>, Box<Self>),
    Of(Function, Box<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Exp,
    /// Natural.
    Ln,
    Log10,
    Log2,
    Sqrt,
}

impl Function {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "exp" => Self::Exp,
            "log" | "ln" => Self::Ln,
            "log10" => Self::Log10,
            "log2" => Self::Log2,
            "sqrt" => Self::Sqrt,
            _ => return None,
        })
    }

    pub(super) const fn is_logarithm(self) -> bool {
        matches!(self, Self::Ln | Self::Log10 | Self::Log2)
    }
}

impl Tree {
    /// The operands.
    pub(super) fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Number(_) | Self::Variable(_) | Self::Coefficient(_) => Vec::new(),
            Self::Negative(a) | Self::Of(_, a) => vec![a],
            Self::Sum(a, b) | Self::Product(a, b) | Self::Quotient(a, b) | Self::Power(a, b) => {
                vec![a, b]
            }
        }
    }

    /// Whether `is` holds of the tree or of anything in it.
    pub(super) fn any(&self, is: &dyn Fn(&Self) -> bool) -> bool {
        is(self) || self.parts().iter().any(|part| part.any(is))
    }

    pub(super) fn holds(&self, coefficient: usize) -> bool {
        self.any(&|tree| *tree == Self::Coefficient(coefficient))
    }

    /// The degree of the tree as a polynomial in the coefficients of `set`; none where it is no
    /// polynomial.
    pub(super) fn degree(&self, set: &[usize]) -> Option<u32> {
        match self {
            Self::Number(_) | Self::Variable(_) => Some(0),
            Self::Coefficient(i) => Some(u32::from(set.contains(i))),
            Self::Negative(a) => a.degree(set),
            Self::Sum(a, b) => Some(a.degree(set)?.max(b.degree(set)?)),
            Self::Product(a, b) => Some(a.degree(set)? + b.degree(set)?),
            Self::Quotient(a, b) => (b.degree(set)? == 0).then(|| a.degree(set)).flatten(),
            Self::Power(a, b) => (a.degree(set)? == 0 && b.degree(set)? == 0).then_some(0),
            Self::Of(_, a) => (a.degree(set)? == 0).then_some(0),
        }
    }
}
