//! Numbers that write down what an equation does to its coefficients, as far as that is a sum of
//! powers.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::real::Real;

/// Most exponential terms of a sum.
pub(crate) const TERMS_MAX: usize = 4;

/// `constant + slopes . theta`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Form<const P: usize> {
    pub(crate) constant: f64,
    pub(crate) slopes: [f64; P],
}

impl<const P: usize> Form<P> {
    const ZERO: Self = Self { constant: 0.0, slopes: [0.0; P] };

    fn is_constant(&self) -> bool {
        self.slopes.iter().all(|slope| *slope == 0.0)
    }

    fn scaled(mut self, factor: f64) -> Self {
        self.constant *= factor;
        self.slopes.iter_mut().for_each(|slope| *slope *= factor);
        self
    }

    fn plus(mut self, other: &Self) -> Self {
        self.constant += other.constant;
        self.slopes.iter_mut().zip(other.slopes).for_each(|(a, b)| *a += b);
        self
    }
}

/// `sign exp(exponent)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Term<const P: usize> {
    pub(crate) sign: f64,
    pub(crate) exponent: Form<P>,
}

/// A linear form plus terms; or, where an equation did something else with its coefficients,
/// nothing that could be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trace<const P: usize> {
    linear: Form<P>,
    terms: [Term<P>; TERMS_MAX],
    terms_n: usize,
    is_additive: bool,
}

impl<const P: usize> Trace<P> {
    /// The coefficient number `index`.
    pub(crate) fn parameter(index: usize) -> Self {
        let mut trace = Self::constant(0.0);
        trace.linear.slopes[index] = 1.0;
        trace
    }

    /// What was written down; none where it is not a sum of powers.
    pub(crate) fn parts(&self) -> Option<(&Form<P>, &[Term<P>])> {
        self.is_additive.then(|| (&self.linear, &self.terms[..self.terms_n]))
    }

    fn other() -> Self {
        Self { is_additive: false, ..Self::constant(f64::NAN) }
    }

    fn as_constant(&self) -> Option<f64> {
        let is = self.is_additive && self.terms_n == 0 && self.linear.is_constant();
        is.then_some(self.linear.constant)
    }

    /// The terms of a number that has nothing else.
    fn as_terms(&self) -> Option<&[Term<P>]> {
        let is = self.is_additive && self.linear == Form::ZERO;
        is.then(|| &self.terms[..self.terms_n])
    }

    fn of_terms(terms: impl Iterator<Item = Term<P>>) -> Self {
        let mut trace = Self::constant(0.0);
        for term in terms {
            if trace.terms_n == TERMS_MAX {
                return Self::other();
            }
            trace.terms[trace.terms_n] = term;
            trace.terms_n += 1;
        }
        trace
    }

    fn scaled(self, factor: f64) -> Self {
        if !self.is_additive || !factor.is_finite() {
            return Self::other();
        }
        if factor == 0.0 {
            return Self::constant(0.0);
        }
        let mut trace = self;
        trace.linear = self.linear.scaled(factor);
        for term in &mut trace.terms[..trace.terms_n] {
            term.sign *= factor.signum();
            term.exponent.constant += factor.abs().ln();
        }
        trace
    }

    /// A function that only constants pass through.
    fn map_constant(self, function: impl Fn(f64) -> f64) -> Self {
        self.as_constant().map_or_else(Self::other, |value| Self::constant(function(value)))
    }
}

impl<const P: usize> Real for Trace<P> {
    fn constant(value: f64) -> Self {
        let term = Term { sign: 1.0, exponent: Form::ZERO };
        let linear = Form { constant: value, ..Form::ZERO };
        Self { linear, terms: [term; TERMS_MAX], terms_n: 0, is_additive: true }
    }

    /// Only constants have one. An equation that asks for the value of a coefficient decides by it,
    /// and must not call itself additive.
    fn value(self) -> f64 {
        self.as_constant().unwrap_or(f64::NAN)
    }

    fn exp(self) -> Self {
        if !self.is_additive || self.terms_n > 0 {
            return Self::other();
        }
        match self.as_constant() {
            Some(value) => Self::constant(value.exp()),
            None => Self::of_terms(std::iter::once(Term { sign: 1.0, exponent: self.linear })),
        }
    }

    fn ln(self) -> Self {
        if let Some(value) = self.as_constant() {
            return Self::constant(value.ln());
        }
        match self.as_terms() {
            Some([term]) if term.sign > 0.0 => {
                Self { linear: term.exponent, ..Self::constant(0.0) }
            }
            _ => Self::other(),
        }
    }

    fn ln_1p(self) -> Self {
        self.map_constant(f64::ln_1p)
    }

    fn exp_m1(self) -> Self {
        self.map_constant(f64::exp_m1)
    }

    fn max(self, other: Self) -> Self {
        match (self.as_constant(), other.as_constant()) {
            (Some(a), Some(b)) => Self::constant(a.max(b)),
            _ => Self::other(),
        }
    }

    fn min(self, other: Self) -> Self {
        -(-self).max(-other)
    }
}

impl<const P: usize> Add for Trace<P> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        if !self.is_additive || !other.is_additive {
            return Self::other();
        }
        let (ours, theirs) = (&self.terms[..self.terms_n], &other.terms[..other.terms_n]);
        let sum = Self::of_terms(ours.iter().chain(theirs).copied());
        Self { linear: self.linear.plus(&other.linear), ..sum }
    }
}

impl<const P: usize> Sub for Trace<P> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<const P: usize> Mul for Trace<P> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        match (self.as_constant(), other.as_constant()) {
            (_, Some(factor)) => return self.scaled(factor),
            (Some(factor), _) => return other.scaled(factor),
            _ => {}
        }
        let (Some(ours), Some(theirs)) = (self.as_terms(), other.as_terms()) else {
            return Self::other();
        };
        Self::of_terms(ours.iter().flat_map(|a| {
            theirs
                .iter()
                .map(|b| Term { sign: a.sign * b.sign, exponent: a.exponent.plus(&b.exponent) })
        }))
    }
}

impl<const P: usize> Div for Trace<P> {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        if let Some(divisor) = other.as_constant() {
            return self.scaled(divisor.recip());
        }
        match other.as_terms() {
            Some([Term { sign, exponent }]) => {
                let inverse = Term { sign: *sign, exponent: exponent.scaled(-1.0) };
                self * Self::of_terms(std::iter::once(inverse))
            }
            _ => Self::other(),
        }
    }
}

impl<const P: usize> Neg for Trace<P> {
    type Output = Self;

    fn neg(self) -> Self {
        self.scaled(-1.0)
    }
}

impl<const P: usize> Add<f64> for Trace<P> {
    type Output = Self;

    fn add(self, other: f64) -> Self {
        self + Self::constant(other)
    }
}

impl<const P: usize> Sub<f64> for Trace<P> {
    type Output = Self;

    fn sub(self, other: f64) -> Self {
        self + -other
    }
}

impl<const P: usize> Mul<f64> for Trace<P> {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        self.scaled(factor)
    }
}

impl<const P: usize> Div<f64> for Trace<P> {
    type Output = Self;

    fn div(self, divisor: f64) -> Self {
        self.scaled(divisor.recip())
    }
}
