//! The fast path of additive laws: many rows at once.
//!
//! Most laws of the field are sums of powers, which in fitting coordinates is
//!
//! ```text
//! L_i(theta) = c_i + z_i . theta + sum_t s_t exp(c_it + z_it . theta)
//! ```
//!
//! with numbers c and z of the row alone, z being a logarithm of a variable or one. [`trace`] finds
//! them by evaluating the equation once per row with numbers that write down what is done to them,
//! so that a law is still one equation; [`columns`] keeps them as columns; [`pass`] sums the
//! objective with its gradient and Hessian over blocks of rows, in loops that compile to vector
//! instructions; [`math`] has the exponential and the logarithm that such loops need; [`surface`] is
//! what the solver sees, and [`shapes`] what the search for starts does.
//!
//! With p_t the share of a term in L, the derivatives of ln L are J = sum_t p_t z_t and
//! sum_t p_t z_t z_t' - J J', exact and without a number that carries derivatives.

pub(crate) mod columns;
pub(crate) mod math;
pub(crate) mod pass;
pub(crate) mod shapes;
mod sums;
pub(crate) mod surface;
pub(crate) mod trace;

use std::any::TypeId;

use pulp::{Arch, Scalar, Simd, WithSimd};

/// Rows of a block: whole vectors of any machine, and all of it in the first-level cache.
pub(crate) const BLOCK: usize = 64;

/// One number of each row of a block.
pub(crate) type Block = [f64; BLOCK];

/// Work on blocks, compiled for several machines.
pub(crate) trait Work {
    type Output;

    /// `FMA`: whether the machine multiplies and adds in one instruction. Implementations are
    /// `#[inline(always)]`, and so is whatever they call, or they run without vectors.
    fn run<S: Simd, const FMA: bool>(self, simd: S) -> Self::Output;
}

/// Runs `work` with the widest vectors that this machine has.
pub(crate) fn dispatch<W: Work>(work: W) -> W::Output {
    Arch::new().dispatch(Vectors(work))
}

struct Vectors<W>(W);

impl<W: Work> WithSimd for Vectors<W> {
    type Output = W::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> W::Output {
        if TypeId::of::<S>() == TypeId::of::<Scalar>() {
            self.0.run::<S, false>(simd)
        } else {
            self.0.run::<S, true>(simd)
        }
    }
}

/// `a b + c`, rounded once where the machine does that quickly.
#[inline(always)]
pub(crate) fn fma<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}
