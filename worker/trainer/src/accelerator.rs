//! What a run trains on.

use candle_core::Device;

use crate::error::Error;

/// An accelerator of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// As many cores; what is counted is the time of each.
    Cpu { threads_n: usize },
    /// One NVIDIA GPU, by its number. Needs the feature `cuda`.
    Cuda { index: u32 },
}

impl Default for Accelerator {
    fn default() -> Self {
        Self::CORE
    }
}

impl Accelerator {
    /// One core.
    pub const CORE: Self = Self::Cpu { threads_n: 1 };

    /// Threads of ours that share a training step.
    pub(crate) const fn threads_n(self) -> usize {
        match self {
            Self::Cpu { threads_n } => threads_n,
            Self::Cuda { .. } => 1,
        }
    }

    pub(crate) fn device(self) -> Result<Device, Error> {
        match self {
            Self::Cpu { .. } => Ok(Device::Cpu),
            Self::Cuda { index } => Ok(Device::new_cuda(index as usize)?),
        }
    }

    /// Kind, model name and units used, the device part of a
    /// [`ThroughputKey`](sweep_core::throughput::ThroughputKey): `cpu: AMD EPYC 7B13 x1`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Cpu { threads_n } => {
                let model = value_of("/proc/cpuinfo", "model name");
                let model = model.as_deref().unwrap_or(std::env::consts::ARCH);
                format!("cpu: {model} x{threads_n}")
            }
            Self::Cuda { .. } => {
                // Drivers list their GPUs by bus address; machines of mixed GPUs are not told
                // apart.
                let gpus = std::fs::read_dir("/proc/driver/nvidia/gpus").into_iter().flatten();
                let mut files = gpus.flatten().map(|gpu| gpu.path().join("information"));
                let model = files.find_map(|file| value_of(file, "Model"));
                format!("cuda: {} x1", model.as_deref().unwrap_or("NVIDIA GPU"))
            }
        }
    }
}

/// The value of the first line `key : value`.
fn value_of(file: impl AsRef<std::path::Path>, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = pairs.find(|(name, _)| name.trim() == key)?;
    Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_kind_and_count() {
        let name = Accelerator::CORE.name();
        assert!(name.starts_with("cpu: ") && name.ends_with(" x1"), "{name}");
        assert!(name.len() > "cpu:  x1".len());
        assert!(Accelerator::Cpu { threads_n: 4 }.name().ends_with(" x4"));
    }
}
