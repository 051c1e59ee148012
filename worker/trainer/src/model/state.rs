//! What recurrent models carry from batch to batch.

use candle_core::Tensor;

use crate::error::Error;

/// What a recurrent model remembers between batches: one entry per block, none before
/// the first token: the cells of a qLSTM, `[batch, inner]`, those and the hidden states of an LSTM,
/// `[batch, 2 x inner]`. A GPT remembers nothing.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub(crate) cells: Vec<Option<Tensor>>,
}

impl State {
    /// What is remembered of `n` sequences from `first` on.
    pub(crate) fn rows(&self, first: usize, n: usize) -> Result<Self, Error> {
        let rows = |cell: &Option<Tensor>| cell.as_ref().map(|c| c.narrow(0, first, n)).transpose();
        Ok(Self { cells: self.cells.iter().map(rows).collect::<Result<_, _>>()? })
    }

    /// What is remembered of all these sequences, in their order.
    pub(crate) fn joined(pieces: &[Self]) -> Result<Self, Error> {
        let cell = |index: usize| -> Result<Option<Tensor>, Error> {
            let cells: Option<Vec<&Tensor>> =
                pieces.iter().map(|piece| piece.cells[index].as_ref()).collect();
            Ok(cells.map(|cells| Tensor::cat(&cells, 0)).transpose()?)
        };
        let cells_n = pieces.first().map_or(0, |piece| piece.cells.len());
        Ok(Self { cells: (0..cells_n).map(cell).collect::<Result<_, _>>()? })
    }
}
