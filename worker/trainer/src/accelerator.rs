//! What a run trains on.

use candle_core::Device;

use crate::error::Error;

/// An accelerator of this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accelerator {
    /// One core.
    #[default]
    Cpu,
    /// One NVIDIA GPU, by its number. Needs the feature `cuda`.
    Cuda { index: u32 },
}

impl Accelerator {
    pub(crate) fn device(self) -> Result<Device, Error> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda { index } => Ok(Device::new_cuda(index as usize)?),
        }
    }

    /// Kind, model name and units used, the device part of a
    /// [`ThroughputKey`](sweep_core::throughput::ThroughputKey): `cpu: AMD EPYC 7B13 x1`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Cpu => {
                let model = value_of("/proc/cpuinfo", "model name");
                format!("cpu: {} x1", model.as_deref().unwrap_or(std::env::consts::ARCH))
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
        let name = Accelerator::Cpu.name();
        assert!(name.starts_with("cpu: ") && name.ends_with(" x1"), "{name}");
        assert!(name.len() > "cpu:  x1".len());
    }
}
