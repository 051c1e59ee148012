//! The annealing law on curves of any length: sums that new points are added to.
//!
//! ```text
//! L = L0 + A S1^-alpha - C S2
//! ```
//!
//! At a given alpha the law is linear, and ten sums over the points say all that least squares of
//! relative residuals wants to know of them. They are kept for a row of exponents: a run's points are
//! passed over once, whatever was there before, and sums of several tables add up. Beyond the
//! coefficients of `lr-anneal`, which this law is, nothing of a point is kept, so that a point cannot
//! be taken out again except by its own sums.
//!
//! A wide row of exponents finds about where the optimum is, and a narrow one there says it to a
//! millionth: between its places the best coefficients are nearly a parabola.

use pulp::Simd;

use crate::kernel::pass::{LANES, Lanes, total};
use crate::kernel::{BLOCK, Block, Work, dispatch, math};
use crate::project::{Normal, bounded_least_squares};

/// Exponents of a row.
const EXPONENTS_N: usize = 33;
/// The step of the wide row, which begins one step above zero.
const WIDE: f64 = 0.05;
/// The step of a narrow one.
const NARROW: f64 = 0.001;

/// What least squares knows of points, at each exponent of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnealingSums {
    lowest: f64,
    step: f64,
    points_n: usize,
    /// Sums of v^2, v^2 S2, v^2 S2^2, v and v S2, with v = 1 / L.
    common: [f64; 5],
    /// Sums of v^2 u, v^2 u^2, v^2 u S2 and v u, with u = S1^-alpha.
    by_exponent: [[f64; 4]; EXPONENTS_N],
}

/// The law at its least squares fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnnealingFit {
    /// L0, A, C and alpha, as on the card of `lr-anneal`.
    pub coefficients: [f64; 4],
    /// Half the sum of the squares of the relative residuals.
    pub objective: f64,
    /// Whether the optimum is between the exponents of the row, and not at an end of it.
    pub is_inside: bool,
}

impl AnnealingSums {
    /// Of no points, for every exponent that was ever found.
    #[must_use]
    pub const fn wide() -> Self {
        Self::new(WIDE, WIDE)
    }

    /// Of no points, for exponents about one that a wide row found.
    #[must_use]
    pub fn narrow(alpha: f64) -> Self {
        let reach = NARROW * ((EXPONENTS_N - 1) / 2) as f64;
        Self::new((alpha - reach).max(NARROW), NARROW)
    }

    const fn new(lowest: f64, step: f64) -> Self {
        let by_exponent = [[0.0; 4]; EXPONENTS_N];
        Self { lowest, step, points_n: 0, common: [0.0; 5], by_exponent }
    }

    /// Adds the points of a run: both areas and the loss of each.
    ///
    /// # Panics
    /// With lists of different lengths.
    pub fn add(&mut self, s1: &[f64], s2: &[f64], losses: &[f64]) {
        assert!(s1.len() == s2.len() && s1.len() == losses.len(), "one of each for every point");
        dispatch(Add { sums: self, s1, s2, losses });
    }

    /// Adds what other points gave at the same exponents.
    ///
    /// # Panics
    /// With sums at other exponents.
    pub fn merge(&mut self, other: &Self) {
        assert!(
            self.lowest.to_bits() == other.lowest.to_bits() && self.step == other.step,
            "sums are of one row of exponents"
        );
        self.points_n += other.points_n;
        self.common.iter_mut().zip(other.common).for_each(|(a, b)| *a += b);
        let pairs = self.by_exponent.iter_mut().flatten();
        pairs.zip(other.by_exponent.iter().flatten()).for_each(|(a, b)| *a += b);
    }

    /// The best coefficients; none without points.
    #[must_use]
    pub fn fit(&self) -> Option<AnnealingFit> {
        let fits: [(f64, [f64; 3]); EXPONENTS_N] = std::array::from_fn(|k| self.solve(k));
        let best = (0..EXPONENTS_N).min_by(|a, b| fits[*a].0.total_cmp(&fits[*b].0))?;
        if self.points_n == 0 || !fits[best].0.is_finite() {
            return None;
        }
        let is_inside = best > 0 && best + 1 < EXPONENTS_N;
        let middle = best.clamp(1, EXPONENTS_N - 2);
        let (below, at, above) = (fits[middle - 1], fits[middle], fits[middle + 1]);
        let bend = below.0 - 2.0 * at.0 + above.0;
        let offset = if is_inside && bend > 0.0 { 0.5 * (below.0 - above.0) / bend } else { 0.0 };
        let offset = if is_inside { offset } else { best as f64 - middle as f64 };
        let parabola = |below: f64, at: f64, above: f64| {
            let (slope, bend) = (0.5 * (above - below), below - 2.0 * at + above);
            at + offset * (slope + 0.5 * offset * bend)
        };
        let [l0, a, c] =
            std::array::from_fn(|i| parabola(below.1[i], at.1[i], above.1[i]).max(0.0));
        let alpha = self.step.mul_add(middle as f64 + offset, self.lowest);
        let objective = 0.5 * parabola(below.0, at.0, above.0).max(0.0);
        Some(AnnealingFit { coefficients: [l0, a, c, alpha], objective, is_inside })
    }

    /// The sum of squares at an exponent, and L0, A and C there.
    fn solve(&self, k: usize) -> (f64, [f64; 3]) {
        let [vv, vvs, vvss, v, vs] = self.common;
        let [vvu, vvuu, vvus, vu] = self.by_exponent[k];
        let mut normal = Normal::<3>::zero(3, self.points_n as f64);
        normal.matrix = [[vv, vvu, -vvs], [vvu, vvuu, -vvus], [-vvs, -vvus, vvss]];
        normal.vector = [v, vu, -vs];
        let x = bounded_least_squares(&normal, &[0.0; 3]);
        let square: f64 = (0..3)
            .map(|i| {
                let along: f64 = (0..3).map(|j| normal.matrix[i][j] * x[j]).sum();
                x[i] * (along - 2.0 * normal.vector[i])
            })
            .sum();
        (self.points_n as f64 + square, x)
    }
}

struct Add<'a> {
    sums: &'a mut AnnealingSums,
    s1: &'a [f64],
    s2: &'a [f64],
    losses: &'a [f64],
}

/// The numbers of a block that its sums are made of.
struct Rows {
    v: Block,
    vv: Block,
    s2: Block,
}

impl Work for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const FMA: bool>(self, simd: S) {
        let Self { sums, s1, s2, losses } = self;
        let mut common = [[0.0; LANES]; 5];
        let mut by_exponent = [[[0.0; LANES]; 4]; EXPONENTS_N];
        for start in (0..s1.len()).step_by(BLOCK) {
            let end = (start + BLOCK).min(s1.len());
            // What fills up the last block weighs nothing.
            let mut rows = Rows { v: [0.0; BLOCK], vv: [0.0; BLOCK], s2: [0.0; BLOCK] };
            let mut area = [1.0; BLOCK];
            area[..end - start].copy_from_slice(&s1[start..end]);
            rows.s2[..end - start].copy_from_slice(&s2[start..end]);
            rows.v[..end - start].copy_from_slice(&losses[start..end]);
            rows.v[..end - start].iter_mut().for_each(|v| *v = v.recip());
            for row in 0..BLOCK {
                rows.vv[row] = rows.v[row] * rows.v[row];
            }
            let ln = math::ln::<FMA>(&area);
            let (mut power, mut ratio) = (ln, ln);
            power.iter_mut().for_each(|x| *x *= -sums.lowest);
            ratio.iter_mut().for_each(|x| *x *= -sums.step);
            math::exp::<FMA>(&mut power);
            math::exp::<FMA>(&mut ratio);
            add_common(&mut common, &rows);
            for sum in &mut by_exponent {
                add_power(simd, sum, &rows, &power);
                for (power, ratio) in power.iter_mut().zip(&ratio) {
                    *power *= ratio;
                }
            }
        }
        sums.points_n += s1.len();
        sums.common.iter_mut().zip(&common).for_each(|(sum, lanes)| *sum += total(lanes));
        let lanes = by_exponent.iter().flatten();
        sums.by_exponent.iter_mut().flatten().zip(lanes).for_each(|(sum, l)| *sum += total(l));
    }
}

#[inline(always)]
fn add_common(sums: &mut [Lanes; 5], rows: &Rows) {
    for row in 0..BLOCK {
        let (v, vv, s2) = (rows.v[row], rows.vv[row], rows.s2[row]);
        let add = [vv, vv * s2, vv * s2 * s2, v, v * s2];
        sums.iter_mut().zip(add).for_each(|(sum, add)| sum[row % LANES] += add);
    }
}

/// The sums at one exponent, in registers over the block.
#[inline(always)]
fn add_power<S: Simd>(simd: S, sums: &mut [Lanes; 4], rows: &Rows, power: &Block) {
    let parts = LANES / S::F64_LANES;
    let [v, vv, s2, u] = [&rows.v, &rows.vv, &rows.s2, power].map(|block| S::as_simd_f64s(block).0);
    for part in 0..parts {
        let [mut a, mut b, mut c, mut d] =
            sums.each_ref().map(|lanes| S::as_simd_f64s(lanes).0[part]);
        for at in (part..BLOCK / S::F64_LANES).step_by(parts) {
            let weighted = simd.mul_f64s(vv[at], u[at]);
            a = simd.add_f64s(a, weighted);
            b = simd.mul_add_e_f64s(weighted, u[at], b);
            c = simd.mul_add_e_f64s(weighted, s2[at], c);
            d = simd.mul_add_e_f64s(v[at], u[at], d);
        }
        for (lanes, sum) in sums.iter_mut().zip([a, b, c, d]) {
            S::as_mut_simd_f64s(lanes).0[part] = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Data, Options, find};
    use crate::objective::Residual;
    use crate::random::Stream;

    type Points = [Vec<f64>; 3];

    /// Points of runs that cool down from different places, with noise.
    fn points() -> Points {
        let law = find("lr-anneal").expect("it is in the catalogue");
        let mut points: Points = Default::default();
        for i in 0..700_u64 {
            let (s1, s2) = (0.2 + 0.01 * i as f64, 0.002 * (i % 90) as f64);
            let noise = (0.002 * Stream::keyed(3, [i, 0, 0]).normal()).exp();
            let loss = law.predict(&[2.789, 0.593, 0.481, 0.455], &[s1, s2]) * noise;
            points.iter_mut().zip([s1, s2, loss]).for_each(|(list, x)| list.push(x));
        }
        points
    }

    fn sums(mut of: AnnealingSums, [s1, s2, losses]: &Points) -> AnnealingSums {
        // Two portions, neither of whole blocks.
        of.add(&s1[..300], &s2[..300], &losses[..300]);
        of.add(&s1[300..], &s2[300..], &losses[300..]);
        of
    }

    #[test]
    fn sums_find_the_fit_that_the_points_have() {
        let points = points();
        let wide = sums(AnnealingSums::wide(), &points).fit().expect("there are points");
        assert!(wide.is_inside);
        let narrow = AnnealingSums::narrow(wide.coefficients[3]);
        let found = sums(narrow, &points).fit().expect("there are points");
        let [s1, s2, losses] = points;
        let rows = s1.iter().zip(&s2).map(|(s1, s2)| vec![*s1, *s2]).collect();
        let data = Data::new(&["S1", "S2"], rows, losses, None).expect("they are positive");
        let law = find("lr-anneal").expect("it is in the catalogue");
        let options = Options::least_squares(Residual::Relative);
        let fit = law.estimate(&data, &options).expect("it can be fitted");
        assert!(
            found.is_inside && (found.objective / fit.objective - 1.0).abs() < 1e-8,
            "{found:?} {fit:?}"
        );
        for (a, b) in found.coefficients.iter().zip(&fit.coefficients) {
            assert!((a / b - 1.0).abs() < 1e-5, "{found:?} {fit:?}");
        }
    }

    #[test]
    fn sums_of_tables_add_up() {
        let points = points();
        let all = sums(AnnealingSums::wide(), &points);
        let [s1, s2, losses] = &points;
        let (mut first, mut second) = (AnnealingSums::wide(), AnnealingSums::wide());
        first.add(&s1[..300], &s2[..300], &losses[..300]);
        second.add(&s1[300..], &s2[300..], &losses[300..]);
        first.merge(&second);
        assert_eq!(first, all);
        assert_eq!(AnnealingSums::wide().fit(), None);
    }
}
