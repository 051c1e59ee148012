//! Linear layers whose operands are held in few bits or with few weights, simulated in f32.
//!
//! Both passes work with the reduced operands: `y = x̂·Ŵ + b`, `dW = x̂ᵀ·dy`, `dx = dy·Ŵᵀ`. What
//! rounding and masking do to a gradient is left out (the straight-through estimator, Bengio et al.,
//! arXiv:1308.3432), so that a weight that is masked or does not move still learns.

use crate::dispatch::kernel;
use crate::learned;
use crate::linear::{affine_backward_params, input_gradient};
use crate::number::Format;
use crate::rounding::{round_inputs, round_weights};
use crate::scratch::fit;
use crate::shape::{Named, vector};

/// Which values share a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The whole matrix.
    Tensor,
    /// All that is summed into one output: a column of weights, a row (token) of inputs.
    Channel,
    /// This many neighbours along the contraction; the last group of a column or row may be shorter.
    Size(usize),
}

/// How the scale of a group is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// The largest magnitude of the group over the largest of the format.
    #[default]
    Absmax,
    /// Twice the mean magnitude over `n = 2^(b-1)`, for integers of b bits alone; the levels are halves of
    /// odd numbers, `-n + 1/2` to `n - 1/2` (StatsQ of Liu et al., arXiv:2302.02210, equations 7 and 8).
    Statistics,
    /// As [`Self::Absmax`], but with the largest magnitude replaced by the share of it that makes the
    /// squared error least, of one less 0 to 16 times 1/32. Of floating formats that is a searched
    /// exponent bias (Liu et al., LLM-FP4, arXiv:2310.16836, section 3.2).
    Searched,
    /// Trained with the weights: see the module `learned`.
    Learned,
}

/// A number format and the groups that are scaled to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The values.
    pub format: Format,
    /// What is scaled together.
    pub group: Group,
    /// By what.
    pub scale: Scale,
}

/// Of every `of` neighbours along the contraction the `keep` largest in magnitude stay, the first of
/// equal ones (Mishra et al., arXiv:2104.08378, for 2 of 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// N of N:M.
    pub keep: usize,
    /// M of N:M; divides the inputs of every layer.
    pub of: usize,
}

/// How the operands of a linear layer are held. The default is full precision and dense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reduced {
    /// Of the weights, after masking.
    pub weights: Option<Grid>,
    /// Of the inputs.
    pub inputs: Option<Grid>,
    /// Which weights there are.
    pub keep: Option<Keep>,
}

/// The reduced operands of one layer, kept between forward and backward.
#[derive(Debug, Default)]
pub(crate) struct Operands {
    weights: Vec<f32>,
    inputs: Vec<f32>,
}

/// Logarithms of the trained scales of a layer's weights and of its inputs; none where they are not
/// trained.
pub(crate) type LogScales<'a> = [&'a [f32]; 2];

/// Where the way back of a linear layer writes what belongs to its parameters.
pub(crate) struct LayerGradients<'a> {
    pub(crate) w: &'a mut [f32],
    pub(crate) b: &'a mut [f32],
    /// Of its weights and of its inputs, as [`LogScales`].
    pub(crate) scales: [&'a mut [f32]; 2],
}

impl<'a> LayerGradients<'a> {
    /// Those of one of `count` layers that lie one after the other.
    pub(crate) fn of(self, index: usize, count: usize) -> Self {
        let own = |all: &'a mut [f32]| {
            let len = all.len() / count;
            &mut all[index * len..(index + 1) * len]
        };
        let Self { w, b, scales } = self;
        Self { w: own(w), b: own(b), scales: scales.map(own) }
    }

    /// Of a layer that nothing went through.
    pub(crate) fn clear(self) {
        let Self { w, b, scales: [of_weights, of_inputs] } = self;
        [w, b, of_weights, of_inputs].into_iter().for_each(|gradient| gradient.fill(0.0));
    }
}

impl Reduced {
    /// The least magnitude that a scale is made of: a group of zeros stays zeros.
    pub const MAGNITUDE_MIN: f32 = 1e-30;

    /// The trained scales of `copies` layers of `inputs` × `outputs`, by these names.
    pub(crate) fn scales(
        &self,
        names: [&'static str; 2],
        [inputs, outputs]: [usize; 2],
        copies: usize,
    ) -> [Named; 2] {
        let of_weights = self.weights.map_or(0, |grid| grid.weight_scales_n(inputs, outputs));
        let of_inputs = self.inputs.map_or(0, |grid| grid.input_scales_n(inputs));
        [vector(names[0], copies * of_weights), vector(names[1], copies * of_inputs)]
    }

    /// Inputs (rows × `width`) and weights (`width` × outputs) as the product sees them.
    pub(crate) fn operands<'a>(
        &self,
        x: &'a [f32],
        w: &'a [f32],
        width: usize,
        scales: LogScales<'_>,
        operands: &'a mut Operands,
    ) -> (&'a [f32], &'a [f32]) {
        if self.inputs.is_some() {
            let reduced = fit(&mut operands.inputs, x.len());
            reduced.copy_from_slice(x);
            self.round_inputs(reduced, width, scales[1]);
        }
        self.weights(w, width, scales[0], operands);
        self.again(x, w, operands)
    }

    /// Rounds inputs (rows × `width`) in place.
    pub(crate) fn round_inputs(&self, x: &mut [f32], width: usize, log_scales: &[f32]) {
        match self.inputs {
            Some(grid) if grid.scale == Scale::Learned => {
                learned::round_inputs(grid, x, width, log_scales);
            }
            Some(grid) => round_inputs(grid, x, width),
            None => {}
        }
    }

    /// Weights (`width` × outputs) alone, as the product sees them.
    pub(crate) fn weights<'a>(
        &self,
        w: &'a [f32],
        width: usize,
        log_scales: &[f32],
        operands: &'a mut Operands,
    ) -> &'a [f32] {
        if self.weights.is_some() || self.keep.is_some() {
            let reduced = fit(&mut operands.weights, w.len());
            self.reduce_weights(w, width, log_scales, false, reduced);
        }
        self.weights_again(w, operands)
    }

    /// Where weights (`inputs` × outputs) lie on their grid before they are rounded, in values of the
    /// format, saturated: rounding takes each to the nearest of the format's values.
    ///
    /// `log_scales` are the logarithms of trained scales, none of others.
    ///
    /// # Panics
    /// If `steps` is not as long as `w`.
    pub fn steps(&self, w: &[f32], inputs: usize, log_scales: &[f32], steps: &mut [f32]) {
        self.reduce_weights(w, inputs, log_scales, true, steps);
    }

    fn reduce_weights(
        &self,
        w: &[f32],
        inputs: usize,
        log_scales: &[f32],
        steps: bool,
        reduced: &mut [f32],
    ) {
        let outputs = w.len() / inputs;
        match self.keep {
            Some(keep) => mask(w, outputs, keep.keep, keep.of, reduced),
            None => reduced.copy_from_slice(w),
        }
        match self.weights {
            Some(grid) if grid.scale == Scale::Learned => {
                learned::round_weights(grid, reduced, outputs, log_scales, steps);
            }
            Some(grid) => round_weights(grid, reduced, outputs, steps),
            None => {}
        }
    }

    /// The operands that the last [`Self::operands`] made of the same `x` and `w`.
    pub(crate) fn again<'a>(
        &self,
        x: &'a [f32],
        w: &'a [f32],
        operands: &'a Operands,
    ) -> (&'a [f32], &'a [f32]) {
        let x = if self.inputs.is_none() { x } else { &operands.inputs[..x.len()] };
        (x, self.weights_again(w, operands))
    }

    /// The weights that the last [`Self::weights`] made of the same `w`.
    pub(crate) fn weights_again<'a>(&self, w: &'a [f32], operands: &'a Operands) -> &'a [f32] {
        let is_dense = self.weights.is_none() && self.keep.is_none();
        if is_dense { w } else { &operands.weights[..w.len()] }
    }

    /// The way back of a linear layer: from the gradient `dy` of its outputs those of its parameters and of
    /// its inputs `x` (rows × `width`), overwritten.
    ///
    /// `x` and `w` are those that the last [`Self::operands`] was given.
    #[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
    pub(crate) fn layer_backward(
        &self,
        x: &[f32],
        w: &[f32],
        width: usize,
        scales: LogScales<'_>,
        dy: &[f32],
        dx: &mut [f32],
        gradients: LayerGradients<'_>,
        operands: &mut Operands,
    ) {
        let LayerGradients { w: dw, b: db, scales: [dw_scales, dx_scales] } = gradients;
        let (seen, seen_w) = self.again(x, w, operands);
        affine_backward_params(seen, dy, dw, db);
        input_gradient(dy, seen_w, w.len() / width, dx);
        self.weights_backward(w, width, scales[0], dw, dw_scales, operands);
        self.inputs_backward(x, width, scales[1], dx, dx_scales);
    }

    /// Turns the gradient of the rounded inputs into that of the inputs and writes that of their scales,
    /// where these are trained.
    pub(crate) fn inputs_backward(
        &self,
        x: &[f32],
        width: usize,
        log_scales: &[f32],
        dx: &mut [f32],
        dlog_scales: &mut [f32],
    ) {
        if let Some(grid) = self.inputs
            && grid.scale == Scale::Learned
        {
            learned::inputs_backward(grid, x, width, log_scales, dx, dlog_scales);
        }
    }

    /// The same of weights; masked ones count as the zeros that they are. Of `operands` the weights are
    /// lost.
    pub(crate) fn weights_backward(
        &self,
        w: &[f32],
        width: usize,
        log_scales: &[f32],
        dw: &mut [f32],
        dlog_scales: &mut [f32],
        operands: &mut Operands,
    ) {
        if let Some(grid) = self.weights
            && grid.scale == Scale::Learned
        {
            let outputs = w.len() / width;
            let w = match self.keep {
                Some(Keep { keep, of }) => {
                    let kept = fit(&mut operands.weights, w.len());
                    mask(w, outputs, keep, of, kept);
                    kept
                }
                None => w,
            };
            learned::weights_backward(grid, w, outputs, log_scales, dw, dlog_scales);
        }
    }
}

kernel! {
    /// Copies the `keep` largest of every `of` rows of a column to `kept`, and zero for the others.
    fn mask(w: &[f32], outputs: usize, keep: usize, of: usize, kept: &mut [f32]) {
        assert_eq!(w.len() % (of * outputs), 0, "M divides the inputs");
        let groups = w.chunks_exact(of * outputs).zip(kept.chunks_exact_mut(of * outputs));
        for (w, kept) in groups {
            for row in 0..of {
                let own = &w[row * outputs..(row + 1) * outputs];
                let kept = &mut kept[row * outputs..(row + 1) * outputs];
                for tile in (0..outputs).step_by(TILE) {
                    let n = TILE.min(outputs - tile);
                    // How many others go before.
                    let mut before = [0.0_f32; TILE];
                    for other in (0..of).filter(|other| *other != row) {
                        let others = &w[other * outputs + tile..][..n];
                        for ((before, own), other_w) in
                            before.iter_mut().zip(&own[tile..tile + n]).zip(others)
                        {
                            let (own, other_w) = (own.abs(), other_w.abs());
                            let goes = if other < row { other_w >= own } else { other_w > own };
                            *before += if goes { 1.0 } else { 0.0 };
                        }
                    }
                    let values = kept[tile..tile + n].iter_mut().zip(&own[tile..tile + n]);
                    for ((kept, own), before) in values.zip(&before) {
                        *kept = if *before < keep as f32 { *own } else { 0.0 };
                    }
                }
            }
        }
    }
}

/// Columns that are worked on at a time: what is known of them stays in registers.
pub(crate) const TILE: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * 0.7).sin() * (1.0 + (i % 7) as f32)).collect()
    }

    #[test]
    fn of_every_four_weights_the_two_largest_stay() {
        // Two columns of eight.
        let w = [
            1.0, -5.0, //
            -2.0, 5.0, //
            3.0, 5.0, //
            -4.0, 1.0, //
            0.0, 0.0, //
            0.0, 7.0, //
            0.0, 0.0, //
            1.0, 0.0_f32,
        ];
        let mut kept = vec![f32::NAN; 16];
        mask(&w, 2, 2, 4, &mut kept);
        let expected =
            [0.0, -5.0, 0.0, 5.0, 3.0, 0.0, -4.0, 0.0, 0.0, 0.0, 0.0, 7.0, 0.0, 0.0, 1.0, 0.0];
        assert_eq!(kept, expected);
    }

    #[test]
    fn to_keep_all_is_to_be_dense() {
        let w = wave(8 * 70);
        let mut kept = vec![f32::NAN; w.len()];
        mask(&w, 70, 4, 4, &mut kept);
        assert_eq!(kept, w);
    }

    #[test]
    fn nothing_is_copied_where_nothing_is_reduced() {
        let (x, w) = (wave(12), wave(8));
        let mut operands = Operands::default();
        let (x_seen, w_seen) = Reduced::default().operands(&x, &w, 4, [&[]; 2], &mut operands);
        assert_eq!((x_seen.as_ptr(), w_seen.as_ptr()), (x.as_ptr(), w.as_ptr()));
        assert!(operands.inputs.is_empty() && operands.weights.is_empty());
    }
}
