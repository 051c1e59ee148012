//! What a pass adds up beside the objective: gradient, Hessian and majorant.
//!
//! This is most of a pass. Sums are kept in registers over a block: a row of both matrices at a
//! time, which are many short chains of additions that do not wait for each other.

use nalgebra::SMatrix;
use pulp::Simd;

use super::columns::{Column, Columns};
use super::pass::{LANES, Lanes, Residuals, block, dot_column, set_product, total};
use super::trace::TERMS_MAX;
use super::{BLOCK, Block};
use crate::law::Theta;
use crate::objective::{Expansion, Huber};

/// What the rows of a block pull at ln L with.
pub(super) struct Forces {
    slope: Block,
    /// Curvature of the objective along ln L, and the slope once more: the Hessian of ln L has a part
    /// -J J' too.
    bend: Block,
    weight: Block,
}

impl Forces {
    #[inline(always)]
    pub(super) fn of(rows: &Residuals, weights: &Block, stage: Huber) -> Self {
        let delta = stage.delta;
        let mut forces = Self { slope: [0.0; BLOCK], bend: [0.0; BLOCK], weight: [0.0; BLOCK] };
        for (row, w) in weights.iter().enumerate() {
            let (r, first) = (rows.residual[row], rows.first[row]);
            let is_within = r.abs() <= delta;
            let pull = w * r.clamp(-delta, delta);
            let stiffness = w * first * first;
            let slope = pull * first;
            let curvature = if is_within { stiffness } else { 0.0 };
            forces.slope[row] = slope;
            forces.bend[row] = curvature - pull * rows.second[row] + slope;
            forces.weight[row] = if is_within { stiffness } else { stiffness * (delta / r.abs()) };
        }
        forces
    }
}

/// The sums of a pass, lane by lane.
pub(super) struct Sums<const P: usize> {
    pub(super) value: Lanes,
    pub(super) cost: Lanes,
    gradient: [Lanes; P],
    hessian: [[Lanes; P]; P],
    majorant: [[Lanes; P]; P],
}

impl<const P: usize> Sums<P> {
    pub(super) const ZERO: Self = Self {
        value: [0.0; LANES],
        cost: [0.0; LANES],
        gradient: [[0.0; LANES]; P],
        hessian: [[[0.0; LANES]; P]; P],
        majorant: [[[0.0; LANES]; P]; P],
    };

    /// What the products of the gradient of ln L with itself give.
    #[inline(always)]
    pub(super) fn add_squares<S: Simd>(
        &mut self,
        simd: S,
        gradients: &[Block; P],
        forces: &Forces,
    ) {
        const { assert!(P <= 16, "add_squares names the rows of its matrices one by one") };
        // Rows by number, so that each is compiled with its own number of sums in registers.
        macro_rules! rows {
            ($($row:literal)*) => {
                $(if $row < P { self.add_row::<S, $row>(simd, gradients, forces); })*
            };
        }
        rows!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    }

    /// One row of the gradient and of both matrices, from the diagonal on.
    #[inline(always)]
    fn add_row<S: Simd, const I: usize>(
        &mut self,
        simd: S,
        gradients: &[Block; P],
        forces: &Forces,
    ) {
        // Lanes wider than a vector are summed part by part, in the same order everywhere.
        let parts = LANES / S::F64_LANES;
        let [slope, bend, weight] =
            [&forces.slope, &forces.bend, &forces.weight].map(|block| vectors::<S>(block));
        let gradients = gradients.each_ref().map(|block| vectors::<S>(block));
        for part in 0..parts {
            let mut sum = vectors::<S>(&self.gradient[I])[part];
            let mut hessian = self.hessian[I].each_ref().map(|lanes| vectors::<S>(lanes)[part]);
            let mut majorant = self.majorant[I].each_ref().map(|lanes| vectors::<S>(lanes)[part]);
            for at in (part..BLOCK / S::F64_LANES).step_by(parts) {
                let own = gradients[I][at];
                sum = simd.mul_add_e_f64s(own, slope[at], sum);
                let bent = simd.mul_f64s(own, bend[at]);
                let weighted = simd.mul_f64s(own, weight[at]);
                for j in I..P {
                    let other = gradients[j][at];
                    hessian[j] = simd.mul_add_e_f64s(bent, other, hessian[j]);
                    majorant[j] = simd.mul_add_e_f64s(weighted, other, majorant[j]);
                }
            }
            S::as_mut_simd_f64s(&mut self.gradient[I]).0[part] = sum;
            for j in I..P {
                S::as_mut_simd_f64s(&mut self.hessian[I][j]).0[part] = hessian[j];
                S::as_mut_simd_f64s(&mut self.majorant[I][j]).0[part] = majorant[j];
            }
        }
    }

    /// What the terms give beside that: each is an exponential, and curved by itself.
    #[inline(always)]
    pub(super) fn add_terms<S: Simd, const FMA: bool>(
        &mut self,
        simd: S,
        columns: &Columns<P>,
        shares: &[Block; TERMS_MAX],
        forces: &Forces,
        start: usize,
    ) {
        for ((_, term), share) in columns.terms.iter().zip(shares) {
            let slopes = &term.slopes[..];
            let factor = |k: usize| slopes.get(k).and_then(|(_, slope)| factor(slope, start));
            match (slopes.len(), factor(0), factor(1), factor(2)) {
                (1, Some(a), ..) => self.add_term(simd, slopes, [a], share, forces),
                (2, Some(a), Some(b), _) => self.add_term(simd, slopes, [a, b], share, forces),
                (3, Some(a), Some(b), Some(c)) => {
                    self.add_term(simd, slopes, [a, b, c], share, forces);
                }
                _ => self.add_long_term::<FMA>(slopes, share, forces, start),
            }
        }
    }

    /// A term of `K` coefficients.
    #[inline(always)]
    fn add_term<S: Simd, const K: usize>(
        &mut self,
        simd: S,
        slopes: &[(usize, Column)],
        factors: [&Block; K],
        share: &Block,
        forces: &Forces,
    ) {
        let parts = LANES / S::F64_LANES;
        let (share, slope) = (vectors::<S>(share), vectors::<S>(&forces.slope));
        let factors = factors.map(|block| vectors::<S>(block));
        for part in 0..parts {
            let mut sums = [[simd.splat_f64s(0.0); K]; K];
            for at in (part..BLOCK / S::F64_LANES).step_by(parts) {
                let force = simd.mul_f64s(share[at], slope[at]);
                for i in 0..K {
                    let product = simd.mul_f64s(force, factors[i][at]);
                    for j in i..K {
                        sums[i][j] = simd.mul_add_e_f64s(product, factors[j][at], sums[i][j]);
                    }
                }
            }
            for i in 0..K {
                for j in i..K {
                    // The slopes of a term are in the order of the coefficients.
                    let to = &mut self.hessian[slopes[i].0][slopes[j].0];
                    let to = &mut S::as_mut_simd_f64s(to).0[part];
                    *to = simd.sub_f64s(*to, sums[i][j]);
                }
            }
        }
    }

    /// A term of any number of coefficients and any constants, which is rare.
    #[inline(always)]
    fn add_long_term<const FMA: bool>(
        &mut self,
        slopes: &[(usize, Column)],
        share: &Block,
        forces: &Forces,
        start: usize,
    ) {
        let force: Block = std::array::from_fn(|row| -forces.slope[row] * share[row]);
        let mut product = [0.0; BLOCK];
        for (place, (i, slope)) in slopes.iter().enumerate() {
            set_product(&mut product, &force, slope, start);
            for (j, slope) in &slopes[place..] {
                dot_column::<FMA>(&mut self.hessian[*i][*j], &product, slope, start);
            }
        }
    }

    pub(super) fn expansion(&self) -> Expansion<P> {
        let matrix =
            |lanes: &[[Lanes; P]; P]| SMatrix::from_fn(|i, j| total(&lanes[i.min(j)][i.max(j)]));
        Expansion {
            value: total(&self.value),
            cost: total(&self.cost),
            // The residual's derivatives have the opposite sign of those of ln L.
            gradient: Theta::from_fn(|i, _| -total(&self.gradient[i])),
            hessian: matrix(&self.hessian),
            majorant: matrix(&self.majorant),
        }
    }
}

static ONES: Block = [1.0; BLOCK];

/// The rows of a slope; none for a constant that is not one.
#[inline(always)]
fn factor(column: &Column, start: usize) -> Option<&Block> {
    match column {
        Column::Constant(1.0) => Some(&ONES),
        Column::Constant(_) => None,
        Column::Rows(rows) => Some(block(rows, start)),
    }
}

/// A block or lanes as vectors of the machine.
#[inline(always)]
fn vectors<S: Simd>(numbers: &[f64]) -> &[S::f64s] {
    S::as_simd_f64s(numbers).0
}
