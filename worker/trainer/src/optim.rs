//! Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101) and clipping by the
//! gradient's global norm.

use std::cell::RefCell;

use candle_core::{CpuStorage, Device, InplaceOp1, Layout, Tensor};
use sweep_core::variant::{MomentFormat, OptimiserSpec};
use sweep_kernels::Fp8Moment;

use crate::error::Error;
use crate::model::{Model, with_slice};

/// The optimiser of one run.
pub(crate) struct Adam {
    spec: OptimiserSpec,
    moments: Vec<Moments>,
}

/// Running means of a part's gradient and of its square.
pub(crate) enum Moments {
    /// Plain vectors, for the fused step.
    Host {
        first: Vec<f32>,
        second: Vec<f32>,
    },
    /// In eight bits, for the fused step.
    Fp8 {
        first: Fp8Moment,
        second: Fp8Moment,
    },
    Device {
        first: Tensor,
        second: Tensor,
    },
}

impl Adam {
    pub(crate) fn new(spec: &OptimiserSpec, model: &Model) -> Result<Self, Error> {
        let moments = model.parts().iter().map(|part| {
            let len = part.layout.len();
            match (spec.moments, part.weights.device()) {
                (MomentFormat::F32, device) => Moments::new(vec![0.0; len], vec![0.0; len], device),
                (MomentFormat::Fp8, Device::Cpu) => {
                    let zeros = Fp8Moment::zeros(len);
                    Ok(Moments::Fp8 { first: zeros.clone(), second: zeros })
                }
                (MomentFormat::Fp8, _) => Err(Error::MomentsOnDevice),
            }
        });
        Ok(Self { spec: spec.clone(), moments: moments.collect::<Result<_, Error>>()? })
    }

    /// One step, `step` counted from 1. Returns the gradient's norm before clipping; where that
    /// is not finite the weights stay as they are.
    pub(crate) fn step(
        &mut self,
        model: &Model,
        gradients: &[Tensor],
        step: u64,
        learning_rate: f64,
    ) -> Result<f64, Error> {
        let norm = norm(gradients)?;
        if !norm.is_finite() {
            return Ok(norm);
        }
        let scale = if norm > self.spec.clip_norm { self.spec.clip_norm / norm } else { 1.0 };
        let kernel = self.kernel(learning_rate);
        let parts = model.parts().iter().zip(gradients).zip(&mut self.moments);
        for ((part, gradient), moments) in parts {
            match moments {
                Moments::Host { .. } | Moments::Fp8 { .. } => {
                    let moments = RefCell::new(moments);
                    let op = HostStep { kernel, step, scale: scale as f32, gradient, moments };
                    part.weights.inplace_op1(&op)?;
                }
                Moments::Device { first, second } => {
                    let gradient = (gradient * scale)?;
                    let weights = part.weights.as_detached_tensor();
                    let moments = (first, second);
                    let rate = learning_rate;
                    let updated = composed(&self.spec, &weights, &gradient, moments, step, rate)?;
                    part.weights.set(&updated)?;
                }
            }
        }
        Ok(norm)
    }

    pub(crate) fn moments(&self) -> &[Moments] {
        &self.moments
    }

    pub(crate) fn set_moments(&mut self, moments: Vec<Moments>) {
        self.moments = moments;
    }

    fn kernel(&self, learning_rate: f64) -> sweep_kernels::Adam {
        sweep_kernels::Adam {
            learning_rate: learning_rate as f32,
            beta1: self.spec.beta1 as f32,
            beta2: self.spec.beta2 as f32,
            eps: self.spec.epsilon as f32,
            weight_decay: self.spec.weight_decay as f32,
        }
    }
}

impl Moments {
    pub(crate) fn new(first: Vec<f32>, second: Vec<f32>, device: &Device) -> Result<Self, Error> {
        if device.is_cpu() {
            return Ok(Self::Host { first, second });
        }
        let len = first.len();
        Ok(Self::Device {
            first: Tensor::from_vec(first, len, device)?,
            second: Tensor::from_vec(second, len, device)?,
        })
    }
}

/// Euclidean norm over all parts.
fn norm(gradients: &[Tensor]) -> Result<f64, Error> {
    let mut sum = 0.0;
    for gradient in gradients {
        sum += match gradient.device() {
            Device::Cpu => with_slice(gradient, sweep_kernels::sum_of_squares)?,
            _ => f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?),
        };
    }
    Ok(sum.sqrt())
}

/// The fused step as an operation on a variable.
struct HostStep<'a> {
    kernel: sweep_kernels::Adam,
    step: u64,
    scale: f32,
    gradient: &'a Tensor,
    moments: RefCell<&'a mut Moments>,
}

impl InplaceOp1 for HostStep<'_> {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn cpu_fwd(&self, weights: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (CpuStorage::F32(weights), Some((start, end))) = (weights, layout.contiguous_offsets())
        else {
            candle_core::bail!("weights are contiguous and of 32 bits");
        };
        let weights = &mut weights[start..end];
        let Self { kernel, step, scale, .. } = *self;
        with_slice(self.gradient, |gradient| match &mut **self.moments.borrow_mut() {
            Moments::Host { first, second } => {
                kernel.step(step, scale, weights, gradient, first, second);
            }
            Moments::Fp8 { first, second } => {
                kernel.step_fp8(step, scale, weights, gradient, first, second);
            }
            Moments::Device { .. } => unreachable!("weights on a CPU have their moments there"),
        })
    }
}

/// The same step in tensor operations: the new weights.
fn composed(
    spec: &OptimiserSpec,
    weights: &Tensor,
    gradient: &Tensor,
    (first, second): (&mut Tensor, &mut Tensor),
    step: u64,
    learning_rate: f64,
) -> Result<Tensor, Error> {
    let exponent = step as f64;
    *first = ((&*first * spec.beta1)? + (gradient * (1.0 - spec.beta1))?)?;
    *second = ((&*second * spec.beta2)? + (gradient.sqr()? * (1.0 - spec.beta2))?)?;
    let mean = (&*first / (1.0 - spec.beta1.powf(exponent)))?;
    let square = (&*second / (1.0 - spec.beta2.powf(exponent)))?;
    let update = (mean / (square.sqrt()? + spec.epsilon)?)?;
    let kept = (weights * (1.0 - learning_rate * spec.weight_decay))?;
    Ok((kept - (update * learning_rate)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path of a GPU is checked here against the fused one.
    #[test]
    fn the_composed_step_equals_the_fused_one() {
        let spec = OptimiserSpec { weight_decay: 0.1, ..OptimiserSpec::for_width(64) };
        let wave = |phase: f32| (0..100).map(move |i| (i as f32 * 0.37 + phase).sin());
        let mut fused: Vec<f32> = wave(0.0).collect();
        let (mut first, mut second) = (vec![0.0; 100], vec![0.0; 100]);
        let tensor = |values: &[f32]| Tensor::from_slice(values, 100, &Device::Cpu).unwrap();
        let mut weights = tensor(&fused);
        let mut moments = (tensor(&first), tensor(&second));
        let kernel = sweep_kernels::Adam {
            learning_rate: 0.01,
            beta1: spec.beta1 as f32,
            beta2: spec.beta2 as f32,
            eps: spec.epsilon as f32,
            weight_decay: 0.1,
        };
        for step in 1..=20 {
            let gradient: Vec<f32> = wave(step as f32).collect();
            kernel.step(step, 1.0, &mut fused, &gradient, &mut first, &mut second);
            let both = (&mut moments.0, &mut moments.1);
            weights = composed(&spec, &weights, &tensor(&gradient), both, step, 0.01).unwrap();
        }
        for (composed, fused) in weights.to_vec1::<f32>().unwrap().iter().zip(&fused) {
            assert!((composed - fused).abs() < 1e-5, "{composed} and {fused}");
        }
    }
}
