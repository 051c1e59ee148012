//! Products of a part of a token's columns, of the tokens alone that have the part.

use crate::dispatch::kernel;
use crate::groups::HiddenGroups;
use crate::matmul::{View, ViewMut};
use crate::scratch::fit;

/// Neighbouring columns of the stream, and the tokens that have them.
pub(crate) struct Piece<'a> {
    pub(crate) start: usize,
    pub(crate) width: usize,
    /// All of them where there are none.
    rows: Option<&'a [u32]>,
    stream: usize,
}

/// The shared groups together, and each of the others that any token has.
pub(crate) fn pieces(
    groups: HiddenGroups,
    stream: usize,
    rows: &[Vec<u32>],
) -> impl Iterator<Item = Piece<'_>> {
    let one = stream / groups.count;
    let shared = Piece { start: 0, width: groups.shared * one, rows: None, stream };
    let routed = rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty());
    let routed = routed.map(move |(index, rows)| {
        let start = (groups.shared + index) * one;
        Piece { start, width: one, rows: Some(rows), stream }
    });
    (groups.shared > 0).then_some(shared).into_iter().chain(routed)
}

impl Piece<'_> {
    /// Its columns of `x`, tokens × stream.
    pub(crate) fn narrow<'b>(&self, x: &'b [f32], tile: &'b mut Vec<f32>) -> View<'b> {
        let Self { start, width, stream, .. } = *self;
        let Some(rows) = self.rows else {
            return View::strided(&x[start..], x.len() / stream, width, stream);
        };
        let tile = fit(tile, rows.len() * width);
        for (own, row) in tile.chunks_exact_mut(width).zip(rows) {
            own.copy_from_slice(&x[*row as usize * stream + start..][..width]);
        }
        View::dense(tile, rows.len(), width)
    }

    /// Its rows of `x`, tokens × `width`.
    pub(crate) fn wide<'b>(&self, x: &'b [f32], width: usize, tile: &'b mut Vec<f32>) -> View<'b> {
        let Some(rows) = self.rows else {
            return View::dense(x, x.len() / width, width);
        };
        let tile = fit(tile, rows.len() * width);
        for (own, row) in tile.chunks_exact_mut(width).zip(rows) {
            own.copy_from_slice(&x[*row as usize * width..][..width]);
        }
        View::dense(tile, rows.len(), width)
    }

    /// `y += x·w`, x tokens × stream, of which these columns meet the rows of w.
    pub(crate) fn add_product(
        &self,
        x: &[f32],
        w: View<'_>,
        y: &mut [f32],
        width: usize,
        [first, second]: &mut [Vec<f32>; 2],
    ) {
        let x = self.narrow(x, first);
        let Some(rows) = self.rows else {
            let rows_n = y.len() / width;
            return ViewMut::dense(y, rows_n, width).add(x, w);
        };
        let product = fit(second, rows.len() * width);
        ViewMut::dense(product, rows.len(), width).set(x, w);
        for (product, row) in product.chunks_exact(width).zip(rows) {
            add(product, &mut y[*row as usize * width..][..width]);
        }
    }

    /// `y = x·w` in these columns of y, tokens × stream.
    pub(crate) fn set_product(
        &self,
        x: &[f32],
        width: usize,
        w: View<'_>,
        y: &mut [f32],
        [first, second]: &mut [Vec<f32>; 2],
    ) {
        let x = self.wide(x, width, first);
        let Some(rows) = self.rows else {
            let rows_n = y.len() / self.stream;
            let y = &mut y[self.start..];
            return ViewMut::strided(y, rows_n, self.width, self.stream).set(x, w);
        };
        let product = fit(second, rows.len() * self.width);
        ViewMut::dense(product, rows.len(), self.width).set(x, w);
        for (product, row) in product.chunks_exact(self.width).zip(rows) {
            let at = *row as usize * self.stream + self.start;
            y[at..at + self.width].copy_from_slice(product);
        }
    }

    /// The rows of a matrix stream × `outputs` that these columns meet.
    pub(crate) fn rows_of<'b>(&self, w: &'b [f32], outputs: usize) -> View<'b> {
        let own = &w[self.start * outputs..(self.start + self.width) * outputs];
        View::dense(own, self.width, outputs)
    }

    /// The columns of a matrix `inputs` × stream that make these columns.
    pub(crate) fn columns_of<'b>(&self, w: &'b [f32], inputs: usize) -> View<'b> {
        View::strided(&w[self.start..], inputs, self.width, self.stream)
    }
}

kernel! {
    fn add(x: &[f32], y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y += x;
        }
    }
}
