//! One pass over all rows: the objective, alone or with its derivatives.

use pulp::Simd;

use super::columns::{Column, Columns, Linear};
use super::sums::{Forces, Sums};
use super::trace::TERMS_MAX;
use super::{BLOCK, Block, Work, fma, math};
use crate::law::Theta;
use crate::objective::{Expansion, Huber, Residual};

/// Numbers that are summed side by side, so that the order of a sum does not depend on the machine's
/// vectors.
pub(crate) const LANES: usize = 8;
pub(crate) type Lanes = [f64; LANES];

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
    fn run<S: Simd, const FMA: bool>(self, _: S) -> f64 {
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
    fn run<S: Simd, const FMA: bool>(self, _: S) -> f64 {
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

/// The sum of Huber losses with its gradient.
pub(crate) struct Slope<'a, const P: usize> {
    pub(crate) columns: &'a Columns<P>,
    pub(crate) theta: &'a Theta<P>,
    pub(crate) residual: Residual,
    pub(crate) huber: Huber,
}

impl<const P: usize> Work for Slope<'_, P> {
    type Output = (f64, Theta<P>);

    #[inline(always)]
    fn run<S: Simd, const FMA: bool>(self, _: S) -> (f64, Theta<P>) {
        let Self { columns, theta, residual, huber } = self;
        let (mut value, mut sums) = ([0.0; LANES], [[0.0; LANES]; P]);
        let mut at = Place::NONE;
        for start in (0..columns.ln_response.len()).step_by(BLOCK) {
            at.move_to::<FMA, P>(columns, theta, start);
            let rows = Residuals::of::<FMA>(residual, block(&columns.ln_response, start), &at);
            let weights = block(&columns.weights, start);
            dot::<FMA>(&mut value, &rows.losses(huber), weights);
            let delta = huber.delta;
            let slope: Block = std::array::from_fn(|row| {
                weights[row] * rows.residual[row].clamp(-delta, delta) * rows.first[row]
            });
            at.add_gradients::<FMA, P>(columns, start, &slope, &mut sums);
        }
        (total(&value), Theta::from_fn(|i, _| -total(&sums[i])))
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
    fn run<S: Simd, const FMA: bool>(self, simd: S) -> Expansion<P> {
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
            sums.add_squares(simd, &gradients, &forces);
            sums.add_terms::<S, FMA>(simd, columns, &at.shares, &forces, start);
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
        // What nothing contributes to is zero from the beginning, and the first contribution to
        // anything else overwrites what the block before left there.
        let mut is_begun = [false; P];
        let mut add = |i: usize, factor: &Block, slope: &Column| {
            if is_begun[i] {
                add_product::<FMA>(&mut gradients[i], factor, slope, start);
            } else {
                set_product(&mut gradients[i], factor, slope, start);
            }
            is_begun[i] = true;
        };
        columns.linear.slopes.iter().for_each(|(i, slope)| add(*i, &self.inverse, slope));
        for ((_, term), share) in columns.terms.iter().zip(&self.shares) {
            term.slopes.iter().for_each(|(i, slope)| add(*i, share, slope));
        }
    }
}

impl Place {
    /// Adds the derivatives of ln L by each parameter times `factor`.
    #[inline(always)]
    fn add_gradients<const FMA: bool, const P: usize>(
        &self,
        columns: &Columns<P>,
        start: usize,
        factor: &Block,
        sums: &mut [Lanes; P],
    ) {
        let part = |share: &Block| std::array::from_fn(|row| share[row] * factor[row]);
        if !columns.linear.slopes.is_empty() {
            let force = part(&self.inverse);
            for (i, slope) in &columns.linear.slopes {
                dot_column::<FMA>(&mut sums[*i], &force, slope, start);
            }
        }
        for ((_, term), share) in columns.terms.iter().zip(&self.shares) {
            let force = part(share);
            for (i, slope) in &term.slopes {
                dot_column::<FMA>(&mut sums[*i], &force, slope, start);
            }
        }
    }
}

/// The residuals of a block, with the first two derivatives of the prediction's side by ln L.
pub(super) struct Residuals {
    pub(super) residual: Block,
    pub(super) first: Block,
    pub(super) second: Block,
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

/// The block of a column that begins at row `start`.
#[inline(always)]
pub(super) fn block(column: &[f64], start: usize) -> &Block {
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
    // What is the same in all rows is added up once, and the first column is written over what was
    // there before.
    let mut same = 0.0;
    let mut is_begun = false;
    if let Column::Constant(constant) = &linear.constant {
        same += constant;
    }
    for (i, slope) in &linear.slopes {
        if let Column::Constant(slope) = slope {
            same = fma::<FMA>(theta[*i], *slope, same);
        }
    }
    if let Column::Rows(rows) = &linear.constant {
        let pairs = value.iter_mut().zip(block(rows, start));
        pairs.for_each(|(value, constant)| *value = constant + same);
        is_begun = true;
    }
    for (i, slope) in &linear.slopes {
        if let Column::Rows(rows) = slope {
            let factor = theta[*i];
            let pairs = value.iter_mut().zip(block(rows, start));
            if is_begun {
                pairs.for_each(|(value, slope)| *value = fma::<FMA>(factor, *slope, *value));
            } else {
                pairs.for_each(|(value, slope)| *value = fma::<FMA>(factor, *slope, same));
            }
            is_begun = true;
        }
    }
    if !is_begun {
        value.fill(same);
    }
}

/// `factor` times a column.
#[inline(always)]
pub(super) fn set_product(product: &mut Block, factor: &Block, column: &Column, start: usize) {
    match column {
        Column::Constant(value) => {
            product.iter_mut().zip(factor).for_each(|(product, factor)| *product = factor * value);
        }
        Column::Rows(rows) => {
            for ((product, factor), value) in product.iter_mut().zip(factor).zip(block(rows, start))
            {
                *product = factor * value;
            }
        }
    }
}

/// Adds `factor` times a column to `sum`.
#[inline(always)]
pub(super) fn add_product<const FMA: bool>(
    sum: &mut Block,
    factor: &Block,
    column: &Column,
    start: usize,
) {
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
pub(super) fn dot<const FMA: bool>(sum: &mut Lanes, a: &Block, b: &Block) {
    let mut lanes = *sum;
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            lanes[lane] = fma::<FMA>(a[lane], b[lane], lanes[lane]);
        }
    }
    *sum = lanes;
}

#[inline(always)]
pub(super) fn dot_column<const FMA: bool>(
    sum: &mut Lanes,
    a: &Block,
    column: &Column,
    start: usize,
) {
    match column {
        Column::Constant(value) => dot::<FMA>(sum, a, &[*value; BLOCK]),
        Column::Rows(rows) => dot::<FMA>(sum, a, block(rows, start)),
    }
}

/// The sum of all lanes, in one order everywhere.
#[inline(always)]
pub(crate) fn total(lanes: &Lanes) -> f64 {
    let [a, b, c, d, e, f, g, h] = *lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}
