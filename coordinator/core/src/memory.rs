//! What a run needs of memory, estimated before it starts.

use std::fmt;

use crate::plan::RunSpec;
use crate::variant::{Family, ModelSpec, MomentFormat};

/// Bytes of a number of 32 bits.
const WORD: f64 = 4.0;
/// Bytes of a moment's value in eight bits, its share of the group's range included.
const FP8: f64 = 1.0 + 5.0 / 128.0;

/// Memory of training, bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// Weights and gradients: of a batch that is trained on in pieces, their sum and one of each thread.
    pub weights: f64,
    /// Both moments of the optimiser.
    pub moments: f64,
    /// What the forward pass keeps for the backward pass, and the temporaries of one block.
    pub activations: f64,
    /// The copy that a checkpoint is written from while training goes on.
    pub checkpoint: f64,
}

impl Memory {
    /// Of a run, as [`Self::training`].
    #[must_use]
    pub fn of(run: &RunSpec, threads_n: u32) -> Self {
        Self::training(&run.model, run.optimiser.moments, run.batch, run.micro_batch, threads_n)
    }

    /// Of a model that is trained by the fused path, on a CPU; plain tensor operations on another device
    /// keep more.
    #[must_use]
    pub fn training(
        model: &ModelSpec,
        moments: MomentFormat,
        batch: u32,
        micro_batch: Option<u32>,
        threads_n: u32,
    ) -> Self {
        let rows = micro_batch.unwrap_or(batch);
        // Each thread has a piece of the batch at a time, and the gradient of it.
        let lanes_n = threads_n.min(batch / rows.max(1)).max(1);
        let copies = if rows < batch { 2.0 + f64::from(lanes_n) } else { 2.0 };
        let values_n = model.params_n() as f64;
        let moment = match moments {
            MomentFormat::F32 => WORD,
            MomentFormat::Fp8 => FP8,
        };
        let moments = 2.0 * moment * values_n;
        Self {
            weights: copies * WORD * values_n,
            moments,
            activations: activations(model, rows * lanes_n),
            checkpoint: WORD * values_n + moments,
        }
    }

    #[must_use]
    pub fn total(&self) -> f64 {
        self.weights + self.moments + self.activations + self.checkpoint
    }
}

/// Of `rows` sequences.
fn activations(model: &ModelSpec, rows: u32) -> f64 {
    let width = f64::from(model.width);
    let inner = f64::from(model.heads_n) * f64::from(model.head_width);
    // The input, both norms' outputs, the stream between the halves; the mixer's input and output.
    let (mixer, widest) = match model.family {
        Family::Gpt => (4.0 * inner, 3.0 * inner),
        Family::Qlstm => (7.0 * inner, 4.0 * inner),
        // The hidden states of the tokens before as well.
        Family::Lstm => (8.0 * inner, 4.0 * inner),
        Family::External => (0.0, 0.0),
    };
    let variant = &model.variant;
    let hidden = f64::from(model.hidden_width());
    let halves = if variant.gated { 2.0 } else { 1.0 };
    let chosen = variant.experts.as_ref().map_or(1.0, |experts| f64::from(experts.top_k));
    let routed = if variant.experts.is_some() { 2.0 * width * chosen } else { 0.0 };
    // What groups of dimensions read and say, and gradients of both.
    let grouped = if variant.routed_groups().is_some() { 2.0 * width } else { 0.0 };
    let mlp = chosen * hidden * (1.0 + halves) + routed + grouped;
    let block = 4.0 * width + mixer + mlp;
    // Gradients of the stream before and after a block, and of its widest activation.
    let temporary = 4.0 * width + grouped + inner + (chosen * hidden * halves).max(widest);
    // Of every stream the norm and its gradient; what weighs them, what it makes of them and gradients.
    let streams_n = variant.parallel().map_or(1.0, |streams| f64::from(streams.count));
    let weighing = if streams_n > 1.0 { 5.0 * width + 2.0 * streams_n } else { 0.0 };
    let head = streams_n * 2.0 * width + weighing + f64::from(model.vocabulary_n);
    let per_token = streams_n * (f64::from(model.layers_n) * block + temporary) + head;
    f64::from(rows) * f64::from(model.sequence) * per_token * WORD
}

/// Bytes for people: `3.2 GiB`.
#[must_use]
pub fn human_bytes(bytes: f64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} for weights and gradients, {} for the optimiser's moments, {} for activations, {} for a \
             checkpoint",
            human_bytes(self.total()),
            human_bytes(self.weights),
            human_bytes(self.moments),
            human_bytes(self.activations),
            human_bytes(self.checkpoint)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_the_unit_that_suits_them() {
        for (bytes, said) in [
            (512.0, "0.5 KiB"),
            (3.0 * 1024.0 * 1024.0, "3.0 MiB"),
            (3.25 * 1024.0_f64.powi(3), "3.2 GiB"),
            (5000.0 * 1024.0_f64.powi(4), "5000.0 TiB"),
        ] {
            assert_eq!(human_bytes(bytes), said);
        }
    }
}
