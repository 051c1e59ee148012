//! The kernels of `sweep-kernels` as operations of candle's graph.

use std::sync::{Arc, Mutex};

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, DType, Layout, Result, Shape as Dims, Storage, Tensor, Var,
};
use sweep_kernels::{Embedding, Head, HeadSaved, Scratch, Shape};

use super::block::{Block, Gradients};

const LOCK: &str = "no thread panics while it holds this";

/// Token vectors of `ids`, `[batch, sequence, width]`.
pub(super) fn embed(weights: &Var, kernel: Embedding, ids: Vec<u32>) -> Result<Tensor> {
    weights.apply_op1(Embed { kernel, ids })
}

/// One residual block; `cell` is what it remembers, before and then after.
pub(super) fn block(
    block: &Arc<dyn Block>,
    shape: Shape,
    weights: &Var,
    x: &Tensor,
    cell: &mut Option<Tensor>,
    scratch: &Arc<Mutex<Scratch>>,
) -> Result<Tensor> {
    let len = block.cell_len(shape);
    let before = match cell.take() {
        Some(cell) => cell.flatten_all()?.to_vec1()?,
        None => vec![0.0; len],
    };
    let carried = Arc::new(Mutex::new(before));
    let op = FusedBlock {
        block: Arc::clone(block),
        shape,
        cell: Arc::clone(&carried),
        scratch: Arc::clone(scratch),
    };
    let y = x.apply_op2(weights, op)?;
    if len > 0 {
        let after = std::mem::take(&mut *carried.lock().expect(LOCK));
        *cell = Some(Tensor::from_vec(after, (shape.batch, len / shape.batch), x.device())?);
    }
    Ok(y)
}

/// Mean cross-entropy of the batch: a scalar, and the root of the graph.
pub(super) fn head_loss(x: &Tensor, weights: &Tensor, op: HeadLoss) -> Result<Tensor> {
    x.apply_op2(weights, op)
}

/// Cross-entropy of every token in nats.
pub(super) fn nll(
    x: &Tensor,
    weights: &Tensor,
    targets: &[u32],
    kernel: Head,
    saved: &Mutex<HeadSaved>,
) -> Result<Vec<f32>> {
    let mut nll = vec![0.0; targets.len()];
    let mut saved = saved.lock().expect(LOCK);
    with_slice(weights, |weights| {
        with_slice(x, |x| kernel.nll(weights, x, targets, &mut nll, &mut saved))
    })??;
    Ok(nll)
}

/// Calls `work` with the elements of a contiguous tensor on the CPU.
pub(crate) fn with_slice<T>(tensor: &Tensor, work: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(work(slice(storage, layout)?)),
        _ => candle_core::bail!("a fused operation was given a tensor of another device"),
    }
}

/// The elements of a contiguous layout.
fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice()?[start..end]),
        None => candle_core::bail!("a fused operation was given a strided tensor"),
    }
}

struct Embed {
    kernel: Embedding,
    ids: Vec<u32>,
}

impl CustomOp1 for Embed {
    fn name(&self) -> &'static str {
        "embed"
    }

    fn cpu_fwd(&self, weights: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Dims)> {
        let Embedding { batch, sequence, width, .. } = self.kernel;
        let mut y = vec![0.0; batch * sequence * width];
        self.kernel.forward(slice(weights, layout)?, &self.ids, &mut y);
        Ok((CpuStorage::F32(y), Dims::from((batch, sequence, width))))
    }

    fn bwd(&self, weights: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let mut dweights = vec![0.0; weights.elem_count()];
        with_slice(dy, |dy| self.kernel.backward(&self.ids, dy, &mut dweights))?;
        Ok(Some(Tensor::from_vec(dweights, weights.dims(), weights.device())?))
    }
}

struct FusedBlock {
    block: Arc<dyn Block>,
    shape: Shape,
    cell: Arc<Mutex<Vec<f32>>>,
    scratch: Arc<Mutex<Scratch>>,
}

impl CustomOp2 for FusedBlock {
    fn name(&self) -> &'static str {
        "block"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weights: &CpuStorage,
        weights_layout: &Layout,
    ) -> Result<(CpuStorage, Dims)> {
        let mut y = vec![0.0; x_layout.shape().elem_count()];
        self.block.forward(
            self.shape,
            slice(weights, weights_layout)?,
            slice(x, x_layout)?,
            &mut self.cell.lock().expect(LOCK),
            &mut y,
            &mut self.scratch.lock().expect(LOCK),
        );
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weights: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut dx = vec![0.0; x.elem_count()];
        let mut dweights = vec![0.0; weights.elem_count()];
        let gradients = Gradients { x: &mut dx, weights: &mut dweights };
        let mut scratch = self.scratch.lock().expect(LOCK);
        with_slice(weights, |weights| {
            with_slice(x, |x| {
                with_slice(dy, |dy| {
                    self.block.backward(self.shape, weights, x, dy, gradients, &mut scratch);
                })
            })
        })???;
        let dx = Tensor::from_vec(dx, x.dims(), x.device())?;
        let dweights = Tensor::from_vec(dweights, weights.dims(), weights.device())?;
        Ok((Some(dx), Some(dweights)))
    }
}

/// The final norm, the projection to the vocabulary and the mean cross-entropy.
pub(super) struct HeadLoss {
    pub(super) kernel: Head,
    pub(super) targets: Vec<u32>,
    pub(super) saved: Arc<Mutex<HeadSaved>>,
    pub(super) scratch: Arc<Mutex<Scratch>>,
}

impl CustomOp2 for HeadLoss {
    fn name(&self) -> &'static str {
        "head_loss"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weights: &CpuStorage,
        weights_layout: &Layout,
    ) -> Result<(CpuStorage, Dims)> {
        let (x, weights) = (slice(x, x_layout)?, slice(weights, weights_layout)?);
        let mut saved = self.saved.lock().expect(LOCK);
        let loss = self.kernel.forward(weights, x, &self.targets, &mut saved);
        Ok((CpuStorage::F32(vec![loss]), Dims::from(())))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weights: &Tensor,
        _: &Tensor,
        dloss: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        debug_assert_eq!(dloss.dtype(), DType::F32);
        debug_assert_eq!(dloss.to_scalar::<f32>().ok(), Some(1.0), "the loss is the root");
        let mut dx = vec![0.0; x.elem_count()];
        let mut dweights = vec![0.0; weights.elem_count()];
        let mut saved = self.saved.lock().expect(LOCK);
        let mut scratch = self.scratch.lock().expect(LOCK);
        with_slice(weights, |weights| {
            with_slice(x, |x| {
                self.kernel.backward(weights, x, &mut dx, &mut dweights, &mut saved, &mut scratch);
            })
        })??;
        let dx = Tensor::from_vec(dx, x.dims(), x.device())?;
        let dweights = Tensor::from_vec(dweights, weights.dims(), weights.device())?;
        Ok((Some(dx), Some(dweights)))
    }
}
