//! Numbers that carry their derivatives, so that a law is written once and differentiated exactly.
//!
//! A law's equation is a function over any [`Real`]. With `f64` it predicts; with [`Taylor`] the
//! same lines give the gradient and the Hessian by the parameters, to rounding (forward-mode
//! automatic differentiation of second order).

use std::ops::{Add, Div, Mul, Neg, Sub};

use nalgebra::{SMatrix, SVector};

/// What a law's equation may do with a number. Operators with `f64` on the right are for constants
/// and data, which have no derivatives.
pub trait Real:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
{
    /// A constant.
    fn constant(value: f64) -> Self;

    /// The number without its derivatives.
    fn value(self) -> f64;

    #[must_use]
    fn exp(self) -> Self;

    /// Natural logarithm.
    #[must_use]
    fn ln(self) -> Self;

    /// `ln(1 + self)`.
    #[must_use]
    fn ln_1p(self) -> Self;

    /// `exp(self) - 1`.
    #[must_use]
    fn exp_m1(self) -> Self;

    /// The larger of two numbers, with its derivatives.
    #[must_use]
    fn max(self, other: Self) -> Self {
        if self.value() >= other.value() { self } else { other }
    }

    /// The smaller of two numbers, with its derivatives.
    #[must_use]
    fn min(self, other: Self) -> Self {
        if self.value() <= other.value() { self } else { other }
    }

    /// `self` to a power, for a positive `self`.
    #[must_use]
    fn pow(self, exponent: Self) -> Self {
        (self.ln() * exponent).exp()
    }

    /// `1 / (1 + exp(-self))`.
    #[must_use]
    fn sigmoid(self) -> Self {
        Self::constant(1.0) / ((-self).exp() + 1.0)
    }

    /// `ln(1 + exp(self))`, without overflow.
    #[must_use]
    fn softplus(self) -> Self {
        if self.value() > 0.0 { self + (-self).exp().ln_1p() } else { self.exp().ln_1p() }
    }
}

impl Real for f64 {
    fn constant(value: f64) -> Self {
        value
    }

    fn value(self) -> f64 {
        self
    }

    fn exp(self) -> Self {
        Self::exp(self)
    }

    fn ln(self) -> Self {
        Self::ln(self)
    }

    fn ln_1p(self) -> Self {
        Self::ln_1p(self)
    }

    fn exp_m1(self) -> Self {
        Self::exp_m1(self)
    }
}

/// A number with its first and second derivatives by `P` parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taylor<const P: usize> {
    pub value: f64,
    pub gradient: SVector<f64, P>,
    pub hessian: SMatrix<f64, P, P>,
}

impl<const P: usize> Taylor<P> {
    /// The parameter number `index` itself.
    #[must_use]
    pub fn parameter(index: usize, value: f64) -> Self {
        let mut number = Self::constant(value);
        number.gradient[index] = 1.0;
        number
    }

    /// A function of one number, of which the value and both derivatives are known there.
    fn chain(self, value: f64, slope: f64, bend: f64) -> Self {
        Self {
            value,
            gradient: slope * self.gradient,
            hessian: slope * self.hessian + bend * self.gradient * self.gradient.transpose(),
        }
    }
}

impl<const P: usize> Real for Taylor<P> {
    fn constant(value: f64) -> Self {
        Self { value, gradient: SVector::zeros(), hessian: SMatrix::zeros() }
    }

    fn value(self) -> f64 {
        self.value
    }

    fn exp(self) -> Self {
        let value = self.value.exp();
        self.chain(value, value, value)
    }

    fn ln(self) -> Self {
        let slope = 1.0 / self.value;
        self.chain(self.value.ln(), slope, -slope * slope)
    }

    fn ln_1p(self) -> Self {
        let slope = 1.0 / (1.0 + self.value);
        self.chain(self.value.ln_1p(), slope, -slope * slope)
    }

    fn exp_m1(self) -> Self {
        let slope = self.value.exp();
        self.chain(self.value.exp_m1(), slope, slope)
    }
}

impl<const P: usize> Add for Taylor<P> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            gradient: self.gradient + other.gradient,
            hessian: self.hessian + other.hessian,
        }
    }
}

impl<const P: usize> Sub for Taylor<P> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            value: self.value - other.value,
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
        }
    }
}

impl<const P: usize> Mul for Taylor<P> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let cross = self.gradient * other.gradient.transpose();
        Self {
            value: self.value * other.value,
            gradient: other.value * self.gradient + self.value * other.gradient,
            hessian: other.value * self.hessian
                + self.value * other.hessian
                + cross
                + cross.transpose(),
        }
    }
}

impl<const P: usize> Div for Taylor<P> {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let inverse = 1.0 / other.value;
        let square = inverse * inverse;
        self * other.chain(inverse, -square, 2.0 * square * inverse)
    }
}

impl<const P: usize> Neg for Taylor<P> {
    type Output = Self;

    fn neg(self) -> Self {
        Self { value: -self.value, gradient: -self.gradient, hessian: -self.hessian }
    }
}

impl<const P: usize> Add<f64> for Taylor<P> {
    type Output = Self;

    fn add(self, other: f64) -> Self {
        Self { value: self.value + other, ..self }
    }
}

impl<const P: usize> Sub<f64> for Taylor<P> {
    type Output = Self;

    fn sub(self, other: f64) -> Self {
        Self { value: self.value - other, ..self }
    }
}

impl<const P: usize> Mul<f64> for Taylor<P> {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        Self {
            value: self.value * factor,
            gradient: self.gradient * factor,
            hessian: self.hessian * factor,
        }
    }
}

impl<const P: usize> Div<f64> for Taylor<P> {
    type Output = Self;

    fn div(self, divisor: f64) -> Self {
        self * (1.0 / divisor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function that uses everything; its derivatives against central differences.
    fn function<R: Real>(x: R, y: R) -> R {
        let a = (x * y + 2.0).ln() / (y - 0.3) * x.pow(y);
        let b = (x * 0.7 - y).sigmoid() + (y * 3.0).softplus() - (-x).ln_1p().exp_m1() * 0.2;
        (a - b / 3.0).max(-x) + x.min(y) / (x + y.exp())
    }

    #[test]
    fn derivatives_equal_finite_differences() {
        for (x, y) in [(0.5, 1.7), (0.2, 0.9), (0.9, 2.4)] {
            let taylor = function(Taylor::<2>::parameter(0, x), Taylor::<2>::parameter(1, y));
            assert!((taylor.value - function(x, y)).abs() < 1e-15);
            let h = 1e-4;
            let slope = [
                (function(x + h, y) - function(x - h, y)) / (2.0 * h),
                (function(x, y + h) - function(x, y - h)) / (2.0 * h),
            ];
            let mixed = (function(x + h, y + h) - function(x + h, y - h) - function(x - h, y + h)
                + function(x - h, y - h))
                / (4.0 * h * h);
            let bend = [
                (function(x + h, y) - 2.0 * function(x, y) + function(x - h, y)) / (h * h),
                (function(x, y + h) - 2.0 * function(x, y) + function(x, y - h)) / (h * h),
            ];
            for i in 0..2 {
                assert!((taylor.gradient[i] - slope[i]).abs() < 1e-6, "{taylor:?} {slope:?}");
                assert!((taylor.hessian[(i, i)] - bend[i]).abs() < 1e-5, "{taylor:?} {bend:?}");
                assert!((taylor.hessian[(i, 1 - i)] - mixed).abs() < 1e-5, "{taylor:?} {mixed}");
            }
        }
    }
}
