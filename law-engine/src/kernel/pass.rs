//! One pass over all rows: the objective, alone or with its derivatives.

use nalgebra::SMatrix;

use super::columns::{Column, Columns, Linear};
use super::trace::TERMS_MAX;
use super::{BLOCK, Block, Work, fma, math};
use crate::law::Theta;
use crate::objective::{Expansion, Huber, Residual};

/// Numbers that are summed side by side, so that the order of a sum does not depend on the machine's
/// vectors.
const LANES: usize = 8;
type Lanes = [f64; LANES];

/// The sum of Huber losses.
pub(crate) struct Value<'a, const P: usize> {
    pub(crate) columns: &'a Columns<P>,
    pub(crate) theta: &'a Theta<P>,
    pub(crate) residual: Residual,
    pub(crate) huber: Huber,
}

impl<const P: usize> Work for Value<'_, P> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        let Self { columns, theta, residual, huber } = self;
        let mut sum = [0.0; LANES];
        let mut at = Place::NONE;
        for start in (0..columns.ln_response.len()).step_by(BLOCK) {
            at.move_to::<FMA, P>(columns, theta, start);
            let rows = Residuals::of::<FMA>(residual, block(&columns.ln_response, start), &at);
            let losses = rows.losses(huber);
            dot::<FMA>(&mut sum, &losses, block(&columns.weights, start));
        }
        total(&sum)
    }
}

/// The largest residual of the rows.
pub(crate) struct Largest<'a, const P: usize> {
    pub(crate) columns: &'a Columns<P>,
    pub(crate) theta: &'a Theta<P>,
    pub(crate) residual: Residual,
}

impl<const P: usize> Work for Largest<'_, P> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        let Self { columns, theta, residual } = self;
        let mut largest = 0.0;
        let mut at = Place::NONE;
        for start in (0..columns.ln_response.len()).step_by(BLOCK) {
            at.move_to::<FMA, P>(columns, theta, start);
            let rows = Residuals::of::<FMA>(residual, block(&columns.ln_response, start), &at);
            largest = rows.residual.iter().fold(largest, |largest, r| f64::max(largest, r.abs()));
        }
        largest
    }
}

/// Everything that Newton's method wants to know, without the pulls of priors.
pub(crate) struct Expand<'a, const P: usize> {
    pub(crate) columns: &'a Columns<P>,
    pub(crate) theta: &'a Theta<P>,
    pub(crate) residual: Residual,
    pub(crate) stage: Huber,
    pub(crate) huber: Huber,
}

impl<const P: usize> Work for Expand<'_, P> {
    type Output = Expansion<P>;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> Expansion<P> {
        let Self { columns, theta, residual, stage, huber } = self;
        let mut sums = Sums::<P>::ZERO;
        let mut at = Place::NONE;
        let mut gradients = [[0.0; BLOCK]; P];
        for start in (0..columns.ln_response.len()).step_by(BLOCK) {
            at.move_to::<FMA, P>(columns, theta, start);
            let rows = Residuals::of::<FMA>(residual, block(&columns.ln_response, start), &at);
            let weights = block(&columns.weights, start);
            dot::<FMA>(&mut sums.value, &rows.losses(stage), weights);
            dot::<FMA>(&mut sums.cost, &rows.losses(huber), weights);
            let forces = Forces::of(&rows, weights, stage);
            at.gradients::<FMA, P>(columns, start, &mut gradients);
            sums.add_squares::<FMA>(&gradients, &forces);
            sums.add_terms::<FMA>(columns, &at, &forces, start);
        }
        sums.expansion()
    }
}

/// A law at the rows of a block.
struct Place {
    /// The loss.
    loss: Block,
    ln_loss: Block,
    /// The share of each term in the loss, with its sign.
    shares: [Block; TERMS_MAX],
    /// One over the loss.
    inverse: Block,
}

impl Place {
    const NONE: Self = Self {
        loss: [0.0; BLOCK],
        ln_loss: [0.0; BLOCK],
        shares: [[0.0; BLOCK]; TERMS_MAX],
        inverse: [0.0; BLOCK],
    };

    #[inline(always)]
    fn move_to<const FMA: bool, const P: usize>(
        &mut self,
        columns: &Columns<P>,
        theta: &Theta<P>,
        start: usize,
    ) {
        let Self { loss, ln_loss, shares, inverse } = self;
        linear_at::<FMA, P>(&columns.linear, theta, start, loss);
        for ((sign, term), value) in columns.terms.iter().zip(shares.iter_mut()) {
            linear_at::<FMA, P>(term, theta, start, value);
            math::exp::<FMA>(value);
            for (value, loss) in value.iter_mut().zip(loss.iter_mut()) {
                *value *= sign;
                *loss += *value;
            }
        }
        for (inverse, loss) in inverse.iter_mut().zip(loss.iter()) {
            *inverse = 1.0 / loss;
        }
        for (share, _) in shares.iter_mut().zip(&columns.terms) {
            for (share, inverse) in share.iter_mut().zip(inverse.iter()) {
                *share *= inverse;
            }
        }
        *ln_loss = math::ln::<FMA>(loss);
    }

    /// The derivatives of ln L by each parameter.
    #[inline(always)]
    fn gradients<const FMA: bool, const P: usize>(
        &self,
        columns: &Columns<P>,
        start: usize,
        gradients: &mut [Block; P],
    ) {
        *gradients = [[0.0; BLOCK]; P];
        for (i, slope) in &columns.linear.slopes {
            add_product::<FMA>(&mut gradients[*i], &self.inverse, slope, start);
        }
        for ((_, term), share) in columns.terms.iter().zip(&self.shares) {
            for (i, slope) in &term.slopes {
                add_product::<FMA>(&mut gradients[*i], share, slope, start);
            }
        }
    }
}

/// The residuals of a block, with the first two derivatives of the prediction's side by ln L.
struct Residuals {
    residual: Block,
    first: Block,
    second: Block,
}

impl Residuals {
    /// As [`Residual`] defines them.
    #[inline(always)]
    fn of<const FMA: bool>(residual: Residual, ln_observed: &Block, at: &Place) -> Self {
        let (law, ln_law) = (&at.loss, &at.ln_loss);
        // Where the law has no logarithm it has no residual either.
        let of = |row: usize, residual: f64| if law[row] > 0.0 { residual } else { f64::NAN };
        match residual {
            Residual::Log => Self {
                residual: std::array::from_fn(|row| ln_observed[row] - ln_law[row]),
                first: [1.0; BLOCK],
                second: [0.0; BLOCK],
            },
            Residual::Raw => {
                let mut observed = *ln_observed;
                math::exp::<FMA>(&mut observed);
                let residual = std::array::from_fn(|row| of(row, observed[row] - law[row]));
                Self { residual, first: *law, second: *law }
            }
            Residual::Relative => {
                let mut ratio: Block = std::array::from_fn(|row| -ln_observed[row]);
                math::exp::<FMA>(&mut ratio);
                let ratio: Block = std::array::from_fn(|row| ratio[row] * law[row]);
                let residual = std::array::from_fn(|row| of(row, 1.0 - ratio[row]));
                Self { residual, first: ratio, second: ratio }
            }
            Residual::Log1p => {
                let mut observed = *ln_observed;
                math::exp::<FMA>(&mut observed);
                let observed = math::ln::<FMA>(&std::array::from_fn(|row| 1.0 + observed[row]));
                let above = std::array::from_fn(|row| 1.0 + law[row]);
                let ln_above = math::ln::<FMA>(&above);
                let first: Block = std::array::from_fn(|row| law[row] / above[row]);
                Self {
                    residual: std::array::from_fn(|row| of(row, observed[row] - ln_above[row])),
                    second: std::array::from_fn(|row| first[row] * (1.0 - first[row])),
                    first,
                }
            }
        }
    }

    #[inline(always)]
    fn losses(&self, huber: Huber) -> Block {
        let delta = huber.delta;
        std::array::from_fn(|row| {
            let size = self.residual[row].abs();
            let far = delta * (size - 0.5 * delta);
            // A size that is no number is not within.
            if size <= delta { 0.5 * size * size } else { far }
        })
    }
}

/// What the rows of a block pull at ln L with.
struct Forces {
    slope: Block,
    curvature: Block,
    weight: Block,
}

impl Forces {
    #[inline(always)]
    fn of(rows: &Residuals, weights: &Block, stage: Huber) -> Self {
        let delta = stage.delta;
        let mut forces =
            Self { slope: [0.0; BLOCK], curvature: [0.0; BLOCK], weight: [0.0; BLOCK] };
        for (row, w) in weights.iter().enumerate() {
            let (r, first) = (rows.residual[row], rows.first[row]);
            let is_within = r.abs() <= delta;
            let pull = w * r.clamp(-delta, delta);
            let stiffness = w * first * first;
            forces.slope[row] = pull * first;
            let curvature = if is_within { stiffness } else { 0.0 };
            forces.curvature[row] = curvature - pull * rows.second[row];
            forces.weight[row] = if is_within { stiffness } else { stiffness * (delta / r.abs()) };
        }
        forces
    }
}

/// The sums of a pass, lane by lane.
struct Sums<const P: usize> {
    value: Lanes,
    cost: Lanes,
    gradient: [Lanes; P],
    hessian: [[Lanes; P]; P],
    majorant: [[Lanes; P]; P],
}

impl<const P: usize> Sums<P> {
    const ZERO: Self = Self {
        value: [0.0; LANES],
        cost: [0.0; LANES],
        gradient: [[0.0; LANES]; P],
        hessian: [[[0.0; LANES]; P]; P],
        majorant: [[[0.0; LANES]; P]; P],
    };

    /// What the products of the gradient of ln L with itself give.
    #[inline(always)]
    fn add_squares<const FMA: bool>(&mut self, gradients: &[Block; P], forces: &Forces) {
        // The Hessian of ln L has a part -J J' too.
        let bend: Block = std::array::from_fn(|row| forces.curvature[row] + forces.slope[row]);
        for i in 0..P {
            dot::<FMA>(&mut self.gradient[i], &gradients[i], &forces.slope);
            let bent = std::array::from_fn(|row| gradients[i][row] * bend[row]);
            let weighted = std::array::from_fn(|row| gradients[i][row] * forces.weight[row]);
            for (j, other) in gradients.iter().enumerate().skip(i) {
                dot::<FMA>(&mut self.hessian[i][j], &bent, other);
                dot::<FMA>(&mut self.majorant[i][j], &weighted, other);
            }
        }
    }

    /// What the terms give beside that: each is an exponential, and curved by itself.
    #[inline(always)]
    fn add_terms<const FMA: bool>(
        &mut self,
        columns: &Columns<P>,
        at: &Place,
        forces: &Forces,
        start: usize,
    ) {
        for ((_, term), share) in columns.terms.iter().zip(&at.shares) {
            let force: Block = std::array::from_fn(|row| -forces.slope[row] * share[row]);
            for (place, (i, slope)) in term.slopes.iter().enumerate() {
                let mut product = [0.0; BLOCK];
                add_product::<FMA>(&mut product, &force, slope, start);
                for (j, slope) in &term.slopes[place..] {
                    dot_column::<FMA>(&mut self.hessian[*i][*j], &product, slope, start);
                }
            }
        }
    }

    fn expansion(&self) -> Expansion<P> {
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

/// The block of a column that begins at row `start`.
#[inline(always)]
fn block(column: &[f64], start: usize) -> &Block {
    column[start..].first_chunk().expect("columns are padded to whole blocks")
}

/// `constant + slopes . theta`.
#[inline(always)]
fn linear_at<const FMA: bool, const P: usize>(
    linear: &Linear,
    theta: &Theta<P>,
    start: usize,
    value: &mut Block,
) {
    match &linear.constant {
        Column::Constant(constant) => value.fill(*constant),
        Column::Rows(rows) => *value = *block(rows, start),
    }
    for (i, slope) in &linear.slopes {
        add_product::<FMA>(value, &[theta[*i]; BLOCK], slope, start);
    }
}

/// Adds `factor` times a column to `sum`.
#[inline(always)]
fn add_product<const FMA: bool>(sum: &mut Block, factor: &Block, column: &Column, start: usize) {
    match column {
        Column::Constant(value) => {
            for (sum, factor) in sum.iter_mut().zip(factor) {
                *sum = fma::<FMA>(*factor, *value, *sum);
            }
        }
        Column::Rows(rows) => {
            for ((sum, factor), value) in sum.iter_mut().zip(factor).zip(block(rows, start)) {
                *sum = fma::<FMA>(*factor, *value, *sum);
            }
        }
    }
}

/// Adds the products of two blocks to a sum.
#[inline(always)]
fn dot<const FMA: bool>(sum: &mut Lanes, a: &Block, b: &Block) {
    let mut lanes = *sum;
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            lanes[lane] = fma::<FMA>(a[lane], b[lane], lanes[lane]);
        }
    }
    *sum = lanes;
}

#[inline(always)]
fn dot_column<const FMA: bool>(sum: &mut Lanes, a: &Block, column: &Column, start: usize) {
    match column {
        Column::Constant(value) => dot::<FMA>(sum, a, &[*value; BLOCK]),
        Column::Rows(rows) => dot::<FMA>(sum, a, block(rows, start)),
    }
}

/// The sum of all lanes, in one order everywhere.
#[inline(always)]
fn total(lanes: &Lanes) -> f64 {
    let [a, b, c, d, e, f, g, h] = *lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}
