//! Gradients of a batch that is trained on in pieces, because its activations would not fit into memory
//! at once.
//!
//! Pieces are equal, so the batch's mean loss is the mean of theirs, and its gradient likewise. What is
//! minimised beside the cross-entropy is taken piece by piece too: the balance of experts, which is no
//! mean over tokens, then is that within a piece.

use candle_core::Tensor;

use crate::data::TokenBatch;
use crate::error::Error;
use crate::model::{Model, State};

/// As [`Model::loss_and_gradients`], `micro_batch` sequences at a time.
pub(crate) fn loss_and_gradients(
    model: &Model,
    tokens: &TokenBatch,
    state: &mut State,
    micro_batch: Option<u32>,
) -> Result<(f64, Vec<Tensor>), Error> {
    let rows = micro_batch.map_or(tokens.batch, |rows| rows as usize);
    if rows >= tokens.batch {
        return model.loss_and_gradients(tokens, state);
    }
    let share = rows as f64 / tokens.batch as f64;
    let (mut loss, mut gradients) = (0.0, Vec::new());
    let mut states = Vec::new();
    for first in (0..tokens.batch).step_by(rows) {
        let mut own = state.rows(first, rows)?;
        let (piece, more) = model.loss_and_gradients(&tokens.rows(first, rows), &mut own)?;
        loss += piece * share;
        gradients = if gradients.is_empty() {
            more
        } else {
            let sums = gradients.iter().zip(&more).map(|(sum, more)| sum + more);
            sums.collect::<Result<_, _>>()?
        };
        states.push(own);
    }
    *state = State::joined(&states)?;
    let means = gradients.iter().map(|sum| sum * share);
    Ok((loss, means.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use sweep_core::variant::{Family, ModelSpec, Position, Variant};
    use sweep_corpus::Tokens;

    use super::*;
    use crate::data::{Source, TrainingData};
    use crate::model::Path;

    fn model(family: Family, path: Path) -> Model {
        let spec = ModelSpec {
            family,
            width: 16,
            layers_n: 2,
            heads_n: 2,
            head_width: 8,
            mlp_width: 32,
            position: (family == Family::Gpt).then_some(Position::Learned),
            vocabulary_n: 256,
            sequence: 12,
            variant: Variant::BASELINE,
        };
        Model::new(&spec, 0.2, 3, &Device::Cpu, path).unwrap()
    }

    /// Two steps, so that the second begins with what the first remembered.
    #[test]
    fn a_batch_in_pieces_has_the_loss_and_gradients_of_the_whole() {
        let text = [Tokens::U8(include_bytes!("accumulate.rs"))];
        for (family, path) in [
            (Family::Gpt, Path::Fused),
            (Family::Qlstm, Path::Fused),
            (Family::Qlstm, Path::Composition),
        ] {
            let model = model(family, path);
            let whole = |micro_batch| {
                let mut data = TrainingData::new(Source::alone(text), 0, 0, 6, 12).unwrap();
                let mut state = model.initial_state();
                let mut step = |step| {
                    let tokens = data.step(step);
                    loss_and_gradients(&model, &tokens, &mut state, micro_batch).unwrap()
                };
                step(1);
                step(2)
            };
            let (loss, gradients) = whole(None);
            for micro_batch in [1, 2, 3, 6, 7] {
                let (in_pieces, sums) = whole(Some(micro_batch));
                assert!((in_pieces / loss - 1.0).abs() < 1e-6, "{family} {micro_batch}");
                for (sum, gradient) in sums.iter().zip(&gradients) {
                    let (sum, gradient): (Vec<f32>, Vec<f32>) =
                        (sum.to_vec1().unwrap(), gradient.to_vec1().unwrap());
                    let largest = gradient.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
                    let apart = sum.iter().zip(&gradient).map(|(a, b)| (a - b).abs());
                    let apart = apart.fold(0.0, f32::max);
                    assert!(apart < 1e-5 * largest.max(1e-3), "{family} {micro_batch}: {apart}");
                }
            }
        }
    }
}
