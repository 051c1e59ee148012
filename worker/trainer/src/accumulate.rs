//! Gradients of a batch that is trained on in pieces: because its activations would not fit into memory
//! at once, or because several threads share it.
//!
//! Pieces are equal, so the batch's mean loss is the mean of theirs, and its gradient likewise. What is
//! minimised beside the cross-entropy is taken piece by piece too: the balance of experts, which is no
//! mean over tokens, then is that within a piece.

use std::time::Duration;

use candle_core::{CpuStorage, InplaceOp2, Layout, Tensor};

use crate::data::TokenBatch;
use crate::error::Error;
use crate::lanes::{Shared, share};
use crate::model::{Model, State};

/// The threads that share a batch: each has the weights of one model, and memory of its own.
pub(crate) struct Lanes {
    /// Of the threads that are not the caller's.
    others: Vec<Model>,
}

/// What a batch found.
pub(crate) struct Found {
    pub(crate) loss: f64,
    /// By the weights of each part.
    pub(crate) gradients: Vec<Tensor>,
    /// CPU time of threads that are not the caller's.
    pub(crate) elsewhere: Duration,
}

/// A piece of a batch for one thread.
struct Job<'a> {
    model: &'a Model,
    tokens: TokenBatch,
    state: State,
}

impl Lanes {
    pub(crate) fn new(model: &Model, threads_n: usize) -> Result<Self, Error> {
        let others = (1..threads_n).map(|_| model.sharing_weights()).collect::<Result<_, _>>()?;
        Ok(Self { others })
    }

    pub(crate) fn threads_n(&self) -> usize {
        1 + self.others.len()
    }

    /// As [`Model::loss_and_gradients`], `micro_batch` sequences at a time on each thread.
    pub(crate) fn loss_and_gradients(
        &self,
        model: &Model,
        tokens: &TokenBatch,
        state: &mut State,
        micro_batch: Option<u32>,
    ) -> Result<Found, Error> {
        let rows = micro_batch.map_or(tokens.batch, |rows| rows as usize);
        if rows >= tokens.batch {
            let (loss, gradients) = model.loss_and_gradients(tokens, state)?;
            return Ok(Found { loss, gradients, elsewhere: Duration::ZERO });
        }
        let share_of_batch = rows as f64 / tokens.batch as f64;
        let models: Vec<&Model> = std::iter::once(model).chain(&self.others).collect();
        let firsts: Vec<usize> = (0..tokens.batch).step_by(rows).collect();
        let (mut loss, mut elsewhere) = (0.0, Duration::ZERO);
        let (mut gradients, mut states) = (Vec::new(), Vec::new());
        for round in firsts.chunks(models.len()) {
            let mut jobs = Vec::new();
            for (&first, &model) in round.iter().zip(&models) {
                let (tokens, state) = (tokens.rows(first, rows), state.rows(first, rows)?);
                jobs.push(Job { model, tokens, state });
            }
            let pieces = share(jobs, self.threads_n(), |mut job| {
                let found = job.model.loss_and_gradients(&job.tokens, &mut job.state)?;
                Ok((found, job.state))
            })?;
            elsewhere += pieces.elsewhere;
            for ((piece, more), own) in pieces.found {
                loss += piece * share_of_batch;
                states.push(own);
                let is_last = states.len() == firsts.len();
                let scale = if is_last { share_of_batch as f32 } else { 1.0 };
                elsewhere += self.add(&mut gradients, more, scale)?;
            }
        }
        *state = State::joined(&states)?;
        Ok(Found { loss, gradients, elsewhere })
    }

    /// `sums = (sums + more) scale`, part by part.
    fn add(
        &self,
        sums: &mut Vec<Tensor>,
        more: Vec<Tensor>,
        scale: f32,
    ) -> Result<Duration, Error> {
        if sums.is_empty() {
            *sums = more;
            return Ok(Duration::ZERO);
        }
        let jobs = sums.iter().zip(&more).collect();
        let Shared { elsewhere, .. } = share(jobs, self.threads_n(), |(sum, more)| {
            if sum.device().is_cpu() {
                return Ok(sum.inplace_op2(more, &AddScaled(scale))?);
            }
            Ok(())
        })?;
        for (sum, more) in sums.iter_mut().zip(&more).filter(|(sum, _)| !sum.device().is_cpu()) {
            *sum = ((&*sum + more)? * f64::from(scale))?;
        }
        Ok(elsewhere)
    }
}

/// `sum = (sum + more) scale`, without memory of its own.
struct AddScaled(f32);

impl InplaceOp2 for AddScaled {
    fn name(&self) -> &'static str {
        "add_scaled"
    }

    fn cpu_fwd(
        &self,
        sum: &mut CpuStorage,
        sum_layout: &Layout,
        more: &CpuStorage,
        more_layout: &Layout,
    ) -> candle_core::Result<()> {
        let (CpuStorage::F32(sum), CpuStorage::F32(more)) = (sum, more) else {
            candle_core::bail!("gradients are of 32 bits");
        };
        let places = (sum_layout.contiguous_offsets(), more_layout.contiguous_offsets());
        let (Some((from, to)), Some((more_from, more_to))) = places else {
            candle_core::bail!("gradients are contiguous");
        };
        for (sum, more) in sum[from..to].iter_mut().zip(&more[more_from..more_to]) {
            *sum = (*sum + more) * self.0;
        }
        Ok(())
    }
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
            let batch = |micro_batch, threads_n| {
                let mut data = TrainingData::new(Source::alone(text), 0, 0, 6, 12).unwrap();
                let mut state = model.initial_state();
                let mut step = |step| {
                    let tokens = data.step(step);
                    let lanes = Lanes::new(&model, threads_n).unwrap();
                    let found = lanes.loss_and_gradients(&model, &tokens, &mut state, micro_batch);
                    let Found { loss, gradients, .. } = found.unwrap();
                    (loss, gradients)
                };
                step(1);
                step(2)
            };
            let (loss, gradients) = batch(None, 1);
            for micro_batch in [1, 2, 3, 6, 7] {
                let (in_pieces, sums) = batch(Some(micro_batch), 1);
                for threads_n in [2, 3, 5] {
                    let (shared, shared_sums) = batch(Some(micro_batch), threads_n);
                    assert_eq!(shared, in_pieces, "{family} {micro_batch} on {threads_n} threads");
                    for (shared, sum) in shared_sums.iter().zip(&sums) {
                        let bits = |tensor: &Tensor| tensor.to_vec1::<f32>().unwrap();
                        assert_eq!(bits(shared), bits(sum), "{threads_n} threads");
                    }
                }
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
