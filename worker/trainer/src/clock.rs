//! Accelerator time: what the ledger charges.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::accelerator::Accelerator;

/// Adds up the accelerator time of the sections it is given.
///
/// On a CPU this is the CPU time of the calling thread and of those that share its work, so that a busy
/// machine does not make a run dearer. On a GPU it is wall time.
pub(crate) struct Meter {
    accelerator: Accelerator,
    used: Duration,
}

impl Meter {
    pub(crate) const fn new(accelerator: Accelerator) -> Self {
        Self { accelerator, used: Duration::ZERO }
    }

    /// Runs `work`, which must leave nothing pending on the device, and charges its time.
    pub(crate) fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        match self.accelerator {
            Accelerator::Cpu { .. } => {
                let start = thread_cpu_time();
                let result = work();
                self.used += thread_cpu_time().saturating_sub(start);
                result
            }
            Accelerator::Cuda { .. } => {
                let start = Instant::now();
                let result = work();
                self.used += start.elapsed();
                result
            }
        }
    }

    /// Charges what was used outside of [`Self::time`]: by other threads, meanwhile.
    pub(crate) fn charge(&mut self, elsewhere: Duration) {
        self.used += elsewhere;
    }

    pub(crate) const fn used(&self) -> Duration {
        self.used
    }
}

/// CPU time of this thread so far.
pub(crate) fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_work_is_charged() {
        let mut meter = Meter::new(Accelerator::CORE);
        let sum = meter.time(|| (0..3_000_000u64).fold(0, |sum, x| sum ^ std::hint::black_box(x)));
        let charged = meter.used();
        assert!(charged > Duration::ZERO);
        std::hint::black_box(sum);
        (0..3_000_000u64).for_each(|x| {
            std::hint::black_box(x);
        });
        assert_eq!(meter.used(), charged);
    }
}
