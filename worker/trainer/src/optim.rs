//! Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101) and clipping by the
//! gradient's global norm.
//!
//! Matrices decay, embeddings among them; gains and biases do not, because smaller ones are not simpler
//! models. Languini Kitchen has no decay at all, which is the default here.

use std::cell::RefCell;
use std::ops::Range;
use std::time::Duration;

use candle_core::{CpuStorage, Device, InplaceOp1, Layout, Tensor};
use sweep_core::variant::{MomentFormat, OptimiserSpec};
use sweep_kernels::Fp8Moment;

use crate::error::Error;
use crate::lanes::share;
use crate::model::{Model, with_slice};
use crate::widths::Scales;

/// The optimiser of one run.
pub(crate) struct Adam {
    spec: OptimiserSpec,
    /// Of every part.
    segments: Vec<Vec<Segment>>,
    moments: Vec<Moments>,
}

/// Neighbours in a part that are moved alike.
#[derive(Clone, Debug, PartialEq)]
struct Segment {
    range: Range<usize>,
    /// Times the learning rate.
    rate: f64,
    /// Weight decay per unit of learning rate, whatever `rate` is.
    decay: f64,
}

/// The segments of a part, as few as there can be.
fn segments(spec: &OptimiserSpec, width: u32, layout: &sweep_kernels::Layout) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for parameter in layout.params() {
        let Scales { rate, .. } = Scales::of(spec, width, parameter.name);
        let is_matrix = matches!(parameter.dims, sweep_kernels::Dims::Matrix { .. });
        let decay = if is_matrix { spec.weight_decay } else { 0.0 };
        match segments.last_mut().filter(|last| (last.rate, last.decay) == (rate, decay)) {
            Some(last) => last.range.end = parameter.range().end,
            None => segments.push(Segment { range: parameter.range(), rate, decay }),
        }
    }
    segments
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
        let moments = moments.collect::<Result<_, Error>>()?;
        let width = model.spec().width;
        let parts = model.parts().iter();
        let segments = parts.map(|part| segments(spec, width, &part.layout)).collect();
        Ok(Self { spec: spec.clone(), segments, moments })
    }

    /// One step, `step` counted from 1, its parts shared by `threads_n` threads. Returns the gradient's
    /// norm before clipping, and the CPU time of threads that are not the caller's; where the norm is
    /// not finite the weights stay as they are.
    pub(crate) fn step(
        &mut self,
        model: &Model,
        gradients: &[Tensor],
        step: u64,
        learning_rate: f64,
        threads_n: usize,
    ) -> Result<(f64, Duration), Error> {
        let squares = share(gradients.iter().collect(), threads_n, sum_of_squares)?;
        let norm = squares.found.iter().sum::<f64>().sqrt();
        if !norm.is_finite() {
            return Ok((norm, squares.elsewhere));
        }
        let scale = if norm > self.spec.clip_norm { self.spec.clip_norm / norm } else { 1.0 };
        let kernel = self.kernel(learning_rate);
        let spec = &self.spec;
        let parts = model.parts().iter().zip(gradients).zip(&self.segments).zip(&mut self.moments);
        let moved =
            share(parts.collect(), threads_n, |(((part, gradient), segments), moments)| {
                match moments {
                    Moments::Host { .. } | Moments::Fp8 { .. } => {
                        let moments = RefCell::new(moments);
                        let scale = scale as f32;
                        let op = HostStep { kernel, segments, step, scale, gradient, moments };
                        part.weights.inplace_op1(&op)?;
                    }
                    Moments::Device { first, second } => {
                        let gradient = (gradient * scale)?;
                        let weights = part.weights.as_detached_tensor();
                        let moments = (first, second);
                        let update = composed(spec, &gradient, moments, step)?;
                        let updated = moved(segments, &weights, &update, learning_rate)?;
                        part.weights.set(&updated)?;
                    }
                }
                Ok(())
            })?;
        Ok((norm, squares.elsewhere + moved.elsewhere))
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
            weight_decay: 0.0,
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

fn sum_of_squares(gradient: &Tensor) -> Result<f64, Error> {
    Ok(match gradient.device() {
        Device::Cpu => with_slice(gradient, sweep_kernels::sum_of_squares)?,
        _ => f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?),
    })
}

/// The fused step as an operation on a variable.
struct HostStep<'a> {
    /// Without decay.
    kernel: sweep_kernels::Adam,
    segments: &'a [Segment],
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
        with_slice(self.gradient, |gradient| match &mut **self.moments.borrow_mut() {
            Moments::Host { first, second } => self.exactly(weights, gradient, first, second),
            Moments::Fp8 { first, second } => self.in_groups(weights, gradient, first, second),
            Moments::Device { .. } => unreachable!("weights on a CPU have their moments there"),
        })
    }
}

impl HostStep<'_> {
    fn exactly(
        &self,
        weights: &mut [f32],
        gradient: &[f32],
        first: &mut [f32],
        second: &mut [f32],
    ) {
        for Segment { range, rate, decay } in self.segments {
            let kernel = sweep_kernels::Adam {
                learning_rate: (f64::from(self.kernel.learning_rate) * rate) as f32,
                // The kernel multiplies it by the rate.
                weight_decay: (decay / rate) as f32,
                ..self.kernel
            };
            let of = |all: &Range<usize>| all.clone();
            kernel.step(
                self.step,
                self.scale,
                &mut weights[of(range)],
                &gradient[of(range)],
                &mut first[of(range)],
                &mut second[of(range)],
            );
        }
    }

    /// Groups of moments lie across segments: all are moved at once, then each by its own rate.
    fn in_groups(
        &self,
        weights: &mut [f32],
        gradient: &[f32],
        first: &mut Fp8Moment,
        second: &mut Fp8Moment,
    ) {
        let before = weights.to_vec();
        self.kernel.step_fp8(self.step, self.scale, weights, gradient, first, second);
        for Segment { range, rate, decay } in self.segments {
            let rate = *rate as f32;
            let kept = 1.0 - self.kernel.learning_rate * *decay as f32;
            if (rate, kept) == (1.0, 1.0) {
                continue;
            }
            let both = weights[range.clone()].iter_mut().zip(&before[range.clone()]);
            both.for_each(|(weight, before)| *weight = before * kept + (*weight - before) * rate);
        }
    }
}

/// The same step in tensor operations: what is taken away per unit of learning rate.
fn composed(
    spec: &OptimiserSpec,
    gradient: &Tensor,
    (first, second): (&mut Tensor, &mut Tensor),
    step: u64,
) -> Result<Tensor, Error> {
    let exponent = step as f64;
    *first = ((&*first * spec.beta1)? + (gradient * (1.0 - spec.beta1))?)?;
    *second = ((&*second * spec.beta2)? + (gradient.sqr()? * (1.0 - spec.beta2))?)?;
    let mean = (&*first / (1.0 - spec.beta1.powf(exponent)))?;
    let square = (&*second / (1.0 - spec.beta2.powf(exponent)))?;
    Ok((mean / (square.sqrt()? + spec.epsilon)?)?)
}

/// The weights after a step of tensor operations.
fn moved(
    segments: &[Segment],
    weights: &Tensor,
    update: &Tensor,
    learning_rate: f64,
) -> Result<Tensor, Error> {
    let moved = segments.iter().map(|Segment { range, rate, decay }| -> Result<Tensor, Error> {
        let of = |all: &Tensor| all.narrow(0, range.start, range.len());
        let kept = (of(weights)? * (1.0 - learning_rate * decay))?;
        Ok((kept - (of(update)? * (learning_rate * rate))?)?)
    });
    Ok(Tensor::cat(&moved.collect::<Result<Vec<_>, _>>()?, 0)?)
}

#[cfg(test)]
mod tests {
    use sweep_core::variant::{Family, ModelSpec, Position, Variant};

    use super::*;
    use crate::model::Path;

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
        let segments = [Segment { range: 0..100, rate: 1.0, decay: 0.1 }];
        for step in 1..=20 {
            let gradient: Vec<f32> = wave(step as f32).collect();
            kernel.step(step, 1.0, &mut fused, &gradient, &mut first, &mut second);
            let both = (&mut moments.0, &mut moments.1);
            let update = composed(&spec, &tensor(&gradient), both, step).unwrap();
            weights = moved(&segments, &weights, &update, 0.01).unwrap();
        }
        for (composed, fused) in weights.to_vec1::<f32>().unwrap().iter().zip(&fused) {
            assert!((composed - fused).abs() < 1e-5, "{composed} and {fused}");
        }
    }

    fn model(width: u32) -> Model {
        let spec = ModelSpec {
            family: Family::Gpt,
            width,
            layers_n: 1,
            heads_n: 2,
            head_width: width / 2,
            mlp_width: 4 * width,
            position: Some(Position::Learned),
            vocabulary_n: 32,
            sequence: 8,
            variant: Variant::BASELINE,
        };
        Model::new(&spec, 0.1, 1, &Device::Cpu, Path::Fused).unwrap()
    }

    /// All weights by part and name.
    fn weights(model: &Model) -> Vec<(&'static str, Vec<f32>)> {
        let parts = model.parts().iter().flat_map(|part| {
            let all: Vec<f32> = part.weights.to_vec1().unwrap();
            let cut = |p: &sweep_kernels::Param| (p.name, all[p.range()].to_vec());
            part.layout.params().iter().map(cut).collect::<Vec<_>>()
        });
        parts.collect()
    }

    fn gradients(model: &Model, value: f32) -> Vec<Tensor> {
        let of = |part: &crate::model::Part| Tensor::full(value, part.layout.len(), &Device::Cpu);
        model.parts().iter().map(|part| of(part).unwrap()).collect()
    }

    /// Where nothing pulls, matrices shrink by rate times decay; gains and biases stay.
    #[test]
    fn matrices_decay_and_gains_and_biases_do_not() {
        for moments in [MomentFormat::F32, MomentFormat::Fp8] {
            let spec = OptimiserSpec { weight_decay: 0.5, moments, ..OptimiserSpec::for_width(16) };
            let model = model(16);
            let before = weights(&model);
            let mut adam = Adam::new(&spec, &model).unwrap();
            adam.step(&model, &gradients(&model, 0.0), 1, 0.1, 1).unwrap();
            for ((name, before), (_, after)) in before.iter().zip(weights(&model)) {
                let is_matrix = name.ends_with("_w") || ["token", "position"].contains(name);
                let kept = if is_matrix { 0.95 } else { 1.0 };
                for (before, after) in before.iter().zip(&after) {
                    assert!((after - before * kept).abs() < 1e-6, "{moments:?} {name}");
                }
            }
        }
    }

    /// A gradient of one sign moves every weight by the learning rate, and so by its share of it.
    #[test]
    fn learning_rates_follow_the_width_where_they_are_to() {
        for (width, mu_p) in [(16, false), (64, true), (256, true)] {
            for moments in [MomentFormat::F32, MomentFormat::Fp8] {
                let spec = OptimiserSpec { mu_p, moments, ..OptimiserSpec::for_width(64) };
                let model = model(width);
                let before = weights(&model);
                let mut adam = Adam::new(&spec, &model).unwrap();
                adam.step(&model, &gradients(&model, 1e-3), 1, 0.1, 1).unwrap();
                for ((name, before), (_, after)) in before.iter().zip(weights(&model)) {
                    let rate = match (*name, width) {
                        ("token", 256) => 0.5,
                        (name, 256) if name.ends_with("_w") => 0.25,
                        _ => 1.0,
                    };
                    let step = f64::from(before[0] - after[0]) / 0.1;
                    assert!((step / rate - 1.0).abs() < 0.07, "{moments:?} {width} {name}: {step}");
                }
            }
        }
    }
}
