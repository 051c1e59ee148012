//! Small symmetric systems, of a size that is known when they are compiled.
//!
//! A step of Newton's method solves two of them beside each pass over the rows, so that they count.

use nalgebra::SMatrix;

use crate::law::Theta;

/// L of a positive definite matrix `L L'`, by Cholesky's method. The library's own is compiled once
/// for any size, which takes four times as long.
pub(crate) struct Factors<const P: usize>([[f64; P]; P]);

#[expect(clippy::needless_range_loop, reason = "the indices are those of the formulas")]
impl<const P: usize> Factors<P> {
    /// None where the matrix is not positive definite. Only what is on and below the diagonal is
    /// looked at.
    #[inline]
    pub(crate) fn new(matrix: &SMatrix<f64, P, P>) -> Option<Self> {
        // By columns.
        let mut lower: [[f64; P]; P] =
            std::array::from_fn(|j| std::array::from_fn(|i| matrix[(i, j)]));
        for j in 0..P {
            for k in 0..j {
                let factor = lower[k][j];
                for i in j..P {
                    lower[j][i] -= factor * lower[k][i];
                }
            }
            let square = lower[j][j];
            if square.is_nan() || square <= 0.0 {
                return None;
            }
            let root = square.sqrt();
            lower[j][j] = root;
            for i in j + 1..P {
                lower[j][i] /= root;
            }
        }
        Some(Self(lower))
    }

    /// The solution with the right-hand side `vector`.
    #[inline]
    pub(crate) fn solve(&self, vector: &Theta<P>) -> Theta<P> {
        let Self(lower) = self;
        let mut values: [f64; P] = std::array::from_fn(|i| vector[i]);
        for j in 0..P {
            values[j] /= lower[j][j];
            for i in j + 1..P {
                values[i] -= values[j] * lower[j][i];
            }
        }
        for j in (0..P).rev() {
            let known: f64 = (j + 1..P).map(|i| lower[j][i] * values[i]).sum();
            values[j] = (values[j] - known) / lower[j][j];
        }
        Theta::from_fn(|i, _| values[i])
    }

    /// `vector' matrix^-1 vector`.
    #[inline]
    pub(crate) fn square(&self, vector: &Theta<P>) -> f64 {
        vector.dot(&self.solve(vector))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solutions_are_those_of_cholesky() {
        let root = SMatrix::<f64, 5, 5>::from_fn(|i, j| ((3 * i + 5 * j * j) % 7) as f64 - 2.0);
        let matrix = root * root.transpose() + SMatrix::identity();
        let vector = Theta::<5>::from_fn(|i, _| 1.0 - i as f64);
        let factors = Factors::new(&matrix).expect("it is positive definite");
        let expected = matrix.cholesky().expect("it is positive definite").solve(&vector);
        assert!((factors.solve(&vector) - expected).amax() < 1e-9);
        assert!((factors.square(&vector) - vector.dot(&expected)).abs() < 1e-9);
    }

    #[test]
    fn a_saddle_has_no_factors() {
        assert!(Factors::new(&SMatrix::<f64, 2, 2>::new(1.0, 2.0, 2.0, 1.0)).is_none());
        assert!(Factors::new(&SMatrix::<f64, 1, 1>::new(f64::NAN)).is_none());
    }
}
