//! Which throughputs a sweep needs before it can be planned.

use sweep_core::clock::Timestamp;
use sweep_core::spec::{ArmSpec, Size, SweepSpec};
use sweep_core::sweep::Calibration;
use sweep_core::throughput::{ExternalSubject, Throughput, ThroughputKey, ThroughputSource};

/// The reference device whose time the classes are counted in, and the trainer measured on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub device: String,
    pub trainer: String,
}

/// One throughput per arm and size. Those declared in budget.yaml are known from the start; the
/// others have to be measured on the reference device.
#[must_use]
pub fn needed(spec: &SweepSpec, reference: &Reference) -> Vec<Calibration> {
    let mut needed = Vec::new();
    for arm in &spec.arms {
        for Size { name, model, throughput, .. } in arm.resolved_sizes(&spec.data) {
            let key = ThroughputKey {
                model: model.timed(),
                batch: spec.data.batch.0,
                micro_batch: spec.data.micro_batch.map(|micro| micro.0),
                device: reference.device.clone(),
                trainer: reference.trainer.clone(),
                external: external(spec, arm, &name),
            };
            let throughput = throughput.map(declared);
            needed.push(Calibration { arm: arm.name.clone(), size: name, key, throughput });
        }
    }
    needed
}

/// Of an arm that is trained by a command of its own.
fn external(spec: &SweepSpec, arm: &ArmSpec, size: &str) -> Option<ExternalSubject> {
    let trainer = arm.trainer.clone()?;
    Some(ExternalSubject {
        trainer,
        sweep: spec.name.clone(),
        arm: arm.name.clone(),
        size: size.to_owned(),
        corpus: spec.data.corpora_name(),
    })
}

fn declared(tokens_per_second: f64) -> Throughput {
    Throughput {
        tokens_per_second,
        spread: 0.0,
        windows_n: 0,
        reference: None,
        source: ThroughputSource::Declared,
        measured_at: Timestamp(0),
    }
}
