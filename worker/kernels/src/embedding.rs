//! Token and position embedding.

use crate::dispatch::kernel;
use crate::shape::{Layout, Named, matrix, split, split_mut};

/// `y = √width · token[id] (+ position[t])`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embedding {
    /// Sequences per batch.
    pub batch: usize,
    /// Tokens per sequence, and rows of the position table.
    pub sequence: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Rows of the token table.
    pub vocabulary_n: usize,
    /// Whether a learned vector per position is added, unscaled.
    pub learned_positions: bool,
}

impl Embedding {
    fn params(&self) -> [Named; 2] {
        let positions_n = if self.learned_positions { self.sequence } else { 0 };
        [
            matrix("token", self.vocabulary_n, self.width),
            matrix("position", positions_n, self.width),
        ]
    }

    fn scale(&self) -> f32 {
        (self.width as f32).sqrt()
    }

    /// The parameters within the flat slice: `token`, and `position` where positions are learned.
    pub fn layout(&self) -> Layout {
        let [token, position] = self.params();
        if self.learned_positions { Layout::new(&[token, position]) } else { Layout::new(&[token]) }
    }

    /// Gathers `ids` (batch, sequence) into `y` (batch, sequence, width).
    ///
    /// # Panics
    /// If an id is not in the vocabulary or a slice has not the length that the sizes ask for.
    pub fn forward(&self, params: &[f32], ids: &[u32], y: &mut [f32]) {
        let [token, position] = split(params, &self.params());
        assert_eq!(ids.len(), self.batch * self.sequence, "one id per token");
        assert_eq!(y.len(), ids.len() * self.width, "one row per token");
        gather(token, ids, self.scale(), y);
        if self.learned_positions {
            for y in y.chunks_exact_mut(position.len()) {
                add(position, y);
            }
        }
    }

    /// Writes the gradients of the tables from that of `y`.
    ///
    /// # Panics
    /// As [`Self::forward`].
    pub fn backward(&self, ids: &[u32], dy: &[f32], dparams: &mut [f32]) {
        let [dtoken, dposition] = split_mut(dparams, &self.params());
        assert_eq!(ids.len(), self.batch * self.sequence, "one id per token");
        assert_eq!(dy.len(), ids.len() * self.width, "one row per token");
        dtoken.fill(0.0);
        scatter(dy, ids, self.scale(), dtoken);
        if self.learned_positions {
            dposition.fill(0.0);
            for dy in dy.chunks_exact(dposition.len()) {
                add(dy, dposition);
            }
        }
    }
}

kernel! {
    fn gather(table: &[f32], ids: &[u32], scale: f32, y: &mut [f32]) {
        let width = y.len() / ids.len();
        for (&id, y) in ids.iter().zip(y.chunks_exact_mut(width)) {
            let row = &table[id as usize * width..(id as usize + 1) * width];
            for (y, x) in y.iter_mut().zip(row) {
                *y = scale * x;
            }
        }
    }

    fn scatter(dy: &[f32], ids: &[u32], scale: f32, table: &mut [f32]) {
        let width = dy.len() / ids.len();
        for (&id, dy) in ids.iter().zip(dy.chunks_exact(width)) {
            let row = &mut table[id as usize * width..(id as usize + 1) * width];
            for (x, dy) in row.iter_mut().zip(dy) {
                *x += scale * dy;
            }
        }
    }

    fn add(x: &[f32], y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y += x;
        }
    }
}
