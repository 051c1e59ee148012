//! Linear layers whose operands are held in few bits or with few weights, simulated in f32.
//!
//! Both passes work with the reduced operands: `y = x̂·Ŵ + b`, `dW = x̂ᵀ·dy`, `dx = dy·Ŵᵀ`. What
//! rounding and masking do to a gradient is left out (the straight-through estimator, Bengio et al.,
//! arXiv:1308.3432), so that a weight that is masked or does not move still learns.

use crate::dispatch::kernel;
use crate::number::Format;
use crate::scratch::fit;

/// Which values share a scale, the largest of them over the largest of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The whole matrix.
    Tensor,
    /// All that is summed into one output: a column of weights, a row (token) of inputs.
    Channel,
    /// This many neighbours along the contraction; the last group of a column or row may be shorter.
    Size(usize),
}

/// A number format and the groups that are scaled to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The values.
    pub format: Format,
    /// What is scaled together.
    pub group: Group,
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

impl Reduced {
    /// The least magnitude that a scale is made of: a group of zeros stays zeros.
    pub const MAGNITUDE_MIN: f32 = 1e-30;

    /// Inputs (rows × `width`) and weights (`width` × outputs) as the product sees them.
    pub(crate) fn operands<'a>(
        &self,
        x: &'a [f32],
        w: &'a [f32],
        width: usize,
        operands: &'a mut Operands,
    ) -> (&'a [f32], &'a [f32]) {
        let outputs = w.len() / width;
        if let Some(grid) = self.inputs {
            let reduced = fit(&mut operands.inputs, x.len());
            reduced.copy_from_slice(x);
            round_inputs(grid, reduced, width);
        }
        if self.weights.is_some() || self.keep.is_some() {
            let reduced = fit(&mut operands.weights, w.len());
            match self.keep {
                Some(keep) => mask(w, outputs, keep.keep, keep.of, reduced),
                None => reduced.copy_from_slice(w),
            }
            if let Some(grid) = self.weights {
                round_weights(grid, reduced, outputs);
            }
        }
        self.again(x, w, operands)
    }

    /// The operands that the last [`Self::operands`] made of the same `x` and `w`.
    pub(crate) fn again<'a>(
        &self,
        x: &'a [f32],
        w: &'a [f32],
        operands: &'a Operands,
    ) -> (&'a [f32], &'a [f32]) {
        let is_dense = self.weights.is_none() && self.keep.is_none();
        (
            if self.inputs.is_none() { x } else { &operands.inputs[..x.len()] },
            if is_dense { w } else { &operands.weights[..w.len()] },
        )
    }
}

/// Rounds what is along the rows of a matrix of `width` columns.
fn round_inputs(Grid { format, group }: Grid, values: &mut [f32], width: usize) {
    match group {
        Group::Tensor => round_rows(format, values, values.len(), values.len()),
        Group::Channel => round_rows(format, values, width, width),
        Group::Size(len) => round_rows(format, values, width, len),
    }
}

/// Rounds what is along the columns of a matrix of `outputs` columns.
fn round_weights(Grid { format, group }: Grid, values: &mut [f32], outputs: usize) {
    let inputs = values.len() / outputs;
    match group {
        Group::Tensor => round_rows(format, values, values.len(), values.len()),
        Group::Channel => round_columns(format, values, outputs, inputs),
        Group::Size(len) => round_columns(format, values, outputs, len),
    }
}

/// The scale that takes a group of this magnitude to the format, and the one back.
#[inline(always)]
fn scales(format: Format, magnitude: f32) -> (f32, f32) {
    let magnitude = larger(Reduced::MAGNITUDE_MIN, magnitude);
    ((1.0 / magnitude) * format.max(), magnitude * (1.0 / format.max()))
}

kernel! {
    /// Groups of `len` neighbours within each row of `width`.
    fn round_rows(format: Format, values: &mut [f32], width: usize, len: usize) {
        // A format that is known here leaves no choices to the loops.
        match format {
            Format::Int(bits) => rows_of(Format::Int(bits), values, width, len),
            Format::E2m1 => rows_of(Format::E2m1, values, width, len),
            Format::E4m3 => rows_of(Format::E4m3, values, width, len),
            Format::E5m2 => rows_of(Format::E5m2, values, width, len),
        }
    }

    /// Groups of `len` rows within each of `outputs` columns.
    fn round_columns(format: Format, values: &mut [f32], outputs: usize, len: usize) {
        match format {
            Format::Int(bits) => columns_of(Format::Int(bits), values, outputs, len),
            Format::E2m1 => columns_of(Format::E2m1, values, outputs, len),
            Format::E4m3 => columns_of(Format::E4m3, values, outputs, len),
            Format::E5m2 => columns_of(Format::E5m2, values, outputs, len),
        }
    }

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
const TILE: usize = 32;

#[inline(always)]
fn rows_of(format: Format, values: &mut [f32], width: usize, len: usize) {
    for row in values.chunks_exact_mut(width) {
        for group in row.chunks_mut(len) {
            let mut lanes = [0.0_f32; 16];
            let (whole, rest) = group.as_chunks::<16>();
            for values in whole {
                for (lane, value) in lanes.iter_mut().zip(values) {
                    *lane = larger(*lane, value.abs());
                }
            }
            for (lane, value) in lanes.iter_mut().zip(rest) {
                *lane = larger(*lane, value.abs());
            }
            let magnitude = lanes.into_iter().fold(0.0, larger);
            let (there, back) = scales(format, magnitude);
            for value in group {
                *value = format.round(*value * there) * back;
            }
        }
    }
}

#[inline(always)]
fn columns_of(format: Format, values: &mut [f32], outputs: usize, len: usize) {
    for group in values.chunks_mut(len * outputs) {
        for tile in (0..outputs).step_by(TILE) {
            let n = TILE.min(outputs - tile);
            let mut magnitudes = [0.0_f32; TILE];
            for row in group.chunks_exact(outputs) {
                for (magnitude, value) in magnitudes.iter_mut().zip(&row[tile..tile + n]) {
                    *magnitude = larger(*magnitude, value.abs());
                }
            }
            let (mut there, mut back) = ([0.0_f32; TILE], [0.0_f32; TILE]);
            for ((magnitude, there), back) in magnitudes.iter().zip(&mut there).zip(&mut back) {
                (*there, *back) = scales(format, *magnitude);
            }
            for row in group.chunks_exact_mut(outputs) {
                let values = row[tile..tile + n].iter_mut().zip(&there).zip(&back);
                for ((value, there), back) in values {
                    *value = format.round(*value * there) * back;
                }
            }
        }
    }
}

/// Written as a comparison to become one instruction.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * 0.7).sin() * (1.0 + (i % 7) as f32)).collect()
    }

    /// By the definition, element by element.
    fn naive(grid: Grid, matrix: &[f32], rows: usize, along_rows: bool) -> Vec<f32> {
        let columns = matrix.len() / rows;
        let contraction = if along_rows { columns } else { rows };
        let group_of = |i: usize| {
            let (row, column) = (i / columns, i % columns);
            let (line, place) = if along_rows { (row, column) } else { (column, row) };
            match grid.group {
                Group::Tensor => (0, 0),
                Group::Channel => (line, 0),
                Group::Size(len) => (line, place / len.min(contraction)),
            }
        };
        let magnitude = |i: usize| {
            let members = (0..matrix.len()).filter(|j| group_of(*j) == group_of(i));
            members.map(|j| matrix[j].abs()).fold(0.0, f32::max)
        };
        let value = |i: usize| {
            let (there, back) = scales(grid.format, magnitude(i));
            grid.format.round(matrix[i] * there) * back
        };
        (0..matrix.len()).map(value).collect()
    }

    #[test]
    fn groups_are_scaled_by_their_largest() {
        let (rows, columns) = (37, 45);
        let matrix = wave(rows * columns);
        for format in [Format::Int(4), Format::E2m1, Format::E4m3, Format::E5m2] {
            for group in [Group::Tensor, Group::Channel, Group::Size(16), Group::Size(100)] {
                let grid = Grid { format, group };
                let mut inputs = matrix.clone();
                round_inputs(grid, &mut inputs, columns);
                assert_eq!(inputs, naive(grid, &matrix, rows, true), "{grid:?}");
                let mut weights = matrix.clone();
                round_weights(grid, &mut weights, columns);
                assert_eq!(weights, naive(grid, &matrix, rows, false), "{grid:?}");
            }
        }
    }

    #[test]
    fn the_largest_of_a_group_stays_and_zeros_stay() {
        let mut values = vec![0.0, 0.0, 0.0, 0.0, 0.3, -0.7, 0.1, 0.2];
        round_rows(Format::Int(4), &mut values, 8, 4);
        assert_eq!(values[..4], [0.0; 4]);
        let expected = [0.3, -0.7, 0.1, 0.2_f32];
        for (value, expected) in values[4..].iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{values:?}");
        }
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
        let (x_seen, w_seen) = Reduced::default().operands(&x, &w, 4, &mut operands);
        assert_eq!((x_seen.as_ptr(), w_seen.as_ptr()), (x.as_ptr(), w.as_ptr()));
        assert!(operands.inputs.is_empty() && operands.weights.is_empty());
    }
}
