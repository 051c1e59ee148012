//! From the specification of a model to its blocks and kernels.

use std::sync::Arc;

use sweep_core::variant::{Family, ModelSpec, NofM, Position};
use sweep_kernels::{Embedding, Head, Prefix, Queries, Shape, Streams};

use super::block::{Block, Residual};
use super::reduce::{self, Parts};
use super::{gpt, lstm, qlstm};
use crate::error::Error;

/// The residual blocks, without their weights.
pub(super) fn blocks(spec: &ModelSpec) -> Result<Vec<Arc<dyn Block>>, Error> {
    (0..spec.layers_n).map(|_| block_of(spec, Parts::of(&spec.variant))).collect()
}

/// A block of the family, its linear layers held so.
pub(super) fn block_of(spec: &ModelSpec, held: Parts) -> Result<Arc<dyn Block>, Error> {
    let alibi = spec.position == Some(Position::Alibi);
    let rotary = spec.position == Some(Position::Rotary);
    let queries = Queries { normed: spec.variant.qk_norm, rotary };
    Ok(match spec.family {
        Family::Gpt => {
            let prefix = spec.variant.parallel().map(|streams| Prefix {
                streams_n: streams.count as usize,
                len: streams.prefix as usize,
            });
            Arc::new(Residual::new(gpt::Gpt { alibi, queries, prefix }, held))
        }
        Family::Qlstm => Arc::new(Residual::new(qlstm::Qlstm, held)),
        Family::Lstm => Arc::new(Residual::new(lstm::Lstm, held)),
        Family::External => return Err(Error::NotOurs),
    })
}

pub(super) fn check(spec: &ModelSpec) -> Result<(), Error> {
    let sizes = [
        spec.width,
        spec.layers_n,
        spec.heads_n,
        spec.head_width,
        spec.hidden_width(),
        spec.vocabulary_n,
        spec.sequence,
    ];
    if sizes.contains(&0) {
        return Err(Error::Shape {
            family: spec.family.to_string(),
            shape: spec.size_label(),
            reason: "one of its sizes is zero",
        });
    }
    if spec.position == Some(Position::Rotary) && !spec.head_width.is_multiple_of(2) {
        return Err(Error::Shape {
            family: spec.family.to_string(),
            shape: spec.size_label(),
            reason: "rotary positions need heads of even width",
        });
    }
    if let Some(groups) = &spec.variant.hidden_groups
        && (groups.count == 0 || !spec.width.is_multiple_of(groups.count))
    {
        return Err(Error::Shape {
            family: spec.family.to_string(),
            shape: spec.size_label(),
            reason: "groups of hidden dimensions do not divide its width",
        });
    }
    if spec.variant.parallel().is_some() && spec.family != Family::Gpt {
        return Err(Error::Shape {
            family: spec.family.to_string(),
            shape: spec.size_label(),
            reason: "streams begin behind prefixes of attention, and it has none",
        });
    }
    if let Some(NofM { of, .. }) = spec.variant.sparsity {
        let latent = spec.variant.experts.as_ref().and_then(|experts| experts.latent);
        let read = latent.unwrap_or(spec.width);
        let inputs = [spec.width, spec.heads_n * spec.head_width, spec.hidden_width(), read];
        if inputs.iter().any(|inputs| !inputs.is_multiple_of(of)) {
            return Err(Error::Shape {
                family: spec.family.to_string(),
                shape: spec.size_label(),
                reason: "groups of sparse weights do not divide the inputs of its layers",
            });
        }
    }
    Ok(())
}

/// Of the tokens of a batch.
pub(super) fn shape(spec: &ModelSpec, batch: usize, sequence: usize) -> Shape {
    Shape {
        batch,
        sequence,
        width: spec.width as usize,
        heads_n: spec.heads_n as usize,
        head_width: spec.head_width as usize,
        mlp_width: spec.hidden_width() as usize,
    }
}

/// Of what the blocks read of them: the sequences of stream after stream.
pub(super) fn block_shape(spec: &ModelSpec, batch: usize, sequence: usize) -> Shape {
    shape(spec, batch * streams_n(spec), sequence)
}

/// How often every token is read.
pub(super) fn streams_n(spec: &ModelSpec) -> usize {
    spec.variant.parallel().map_or(1, |streams| streams.count as usize)
}

pub(super) fn embedding(spec: &ModelSpec, batch: usize, sequence: usize) -> Embedding {
    Embedding {
        batch,
        sequence,
        width: spec.width as usize,
        vocabulary_n: spec.vocabulary_n as usize,
        learned_positions: spec.position == Some(Position::Learned),
    }
}

pub(super) fn head(spec: &ModelSpec, tokens_n: usize) -> Head {
    Head {
        tokens_n,
        width: spec.width as usize,
        vocabulary_n: spec.vocabulary_n as usize,
        norm: reduce::norm_of(spec.variant.norm),
        z_loss: spec.variant.z_loss_weight() as f32,
        streams: spec.variant.parallel().map(|streams| Streams {
            count: streams.count as usize,
            smoothing: streams.smoothing as f32,
        }),
    }
}
