//! Affine layers `y = x·W + b`, W stored (inputs, outputs).

use crate::dispatch::kernel;
use crate::matmul::{View, ViewMut};

/// `y = x·W + b`.
pub(crate) fn affine(x: &[f32], w: &[f32], b: &[f32], y: &mut [f32]) {
    fill_rows(b, y);
    add_product(x, w, b.len(), y);
}

/// `y = residual + x·W + b`.
pub(crate) fn affine_onto(residual: &[f32], x: &[f32], w: &[f32], b: &[f32], y: &mut [f32]) {
    add_rows(residual, b, y);
    add_product(x, w, b.len(), y);
}

/// `y = x·W`.
pub(crate) fn project(x: &[f32], w: &[f32], outputs: usize, y: &mut [f32]) {
    let (rows, inputs) = (y.len() / outputs, w.len() / outputs);
    ViewMut::dense(y, rows, outputs)
        .set(View::dense(x, rows, inputs), View::dense(w, inputs, outputs));
}

/// `y += x·W`.
pub(crate) fn add_product(x: &[f32], w: &[f32], outputs: usize, y: &mut [f32]) {
    let (rows, inputs) = (y.len() / outputs, w.len() / outputs);
    ViewMut::dense(y, rows, outputs)
        .add(View::dense(x, rows, inputs), View::dense(w, inputs, outputs));
}

/// Writes the gradients of the weight and the bias.
pub(crate) fn affine_backward_params(x: &[f32], dy: &[f32], dw: &mut [f32], db: &mut [f32]) {
    sum_rows(dy, db);
    weight_gradient(x, dy, db.len(), dw);
}

/// `dW = xᵀ·dy`.
pub(crate) fn weight_gradient(x: &[f32], dy: &[f32], outputs: usize, dw: &mut [f32]) {
    let (rows, inputs) = (dy.len() / outputs, dw.len() / outputs);
    ViewMut::dense(dw, inputs, outputs)
        .set(View::dense(x, rows, inputs).t(), View::dense(dy, rows, outputs));
}

/// `dx = dy·Wᵀ`.
pub(crate) fn input_gradient(dy: &[f32], w: &[f32], outputs: usize, dx: &mut [f32]) {
    let (rows, inputs) = (dy.len() / outputs, w.len() / outputs);
    ViewMut::dense(dx, rows, inputs)
        .set(View::dense(dy, rows, outputs), View::dense(w, inputs, outputs).t());
}

/// `dx += dy·Wᵀ`.
pub(crate) fn add_input_gradient(dy: &[f32], w: &[f32], outputs: usize, dx: &mut [f32]) {
    let (rows, inputs) = (dy.len() / outputs, w.len() / outputs);
    ViewMut::dense(dx, rows, inputs)
        .add(View::dense(dy, rows, outputs), View::dense(w, inputs, outputs).t());
}

fn fill_rows(row: &[f32], y: &mut [f32]) {
    for y in y.chunks_exact_mut(row.len()) {
        y.copy_from_slice(row);
    }
}

kernel! {
    fn add_rows(x: &[f32], row: &[f32], y: &mut [f32]) {
        assert_eq!(x.len(), y.len());
        for (x, y) in x.chunks_exact(row.len()).zip(y.chunks_exact_mut(row.len())) {
            for i in 0..row.len() {
                y[i] = x[i] + row[i];
            }
        }
    }

    /// `total = Σ rows of x`, in tiles of columns whose running sums stay in registers.
    pub(crate) fn sum_rows(x: &[f32], total: &mut [f32]) {
        const TILE: usize = 32;
        let width = total.len();
        let mut start = 0;
        while start + TILE <= width {
            let mut lanes = [0.0f32; TILE];
            for row in x.chunks_exact(width) {
                let tile = &row[start..start + TILE];
                for lane in 0..TILE {
                    lanes[lane] += tile[lane];
                }
            }
            total[start..start + TILE].copy_from_slice(&lanes);
            start += TILE;
        }
        let rest = &mut total[start..];
        rest.fill(0.0);
        for row in x.chunks_exact(width) {
            for (total, x) in rest.iter_mut().zip(&row[start..]) {
                *total += x;
            }
        }
    }
}
