//! Compute classes: how long a run may use its accelerator (Languini Kitchen, arXiv 2309.11197).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::AcceleratorTime;

/// A budget of accelerator time for one run. Runs of one class are compared with each other.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct ComputeClass(AcceleratorTime);

impl ComputeClass {
    /// The five classes of Languini Kitchen, in hours of one RTX 3090.
    pub const H6: Self = Self(AcceleratorTime::from_hours(6));
    pub const H12: Self = Self(AcceleratorTime::from_hours(12));
    pub const H24: Self = Self(AcceleratorTime::from_hours(24));
    pub const H48: Self = Self(AcceleratorTime::from_hours(48));
    pub const H96: Self = Self(AcceleratorTime::from_hours(96));
    pub const LANGUINI: [Self; 5] = [Self::H6, Self::H12, Self::H24, Self::H48, Self::H96];

    #[must_use]
    pub const fn new(time: AcceleratorTime) -> Self {
        Self(time)
    }

    #[must_use]
    pub const fn time(self) -> AcceleratorTime {
        self.0
    }

    #[must_use]
    pub fn hours(self) -> f64 {
        self.0.hours()
    }

    /// Optimiser steps that fill this class, whatever hardware then trains them:
    /// `round(hours x 3600 x tokens/s / (batch x sequence))`, with `batch` in sequences and
    /// `sequence` in tokens. Zero when not even one step fits.
    #[must_use]
    pub fn steps(self, tokens_per_second: f64, batch: u32, sequence: u32) -> u64 {
        let tokens = self.0.seconds() * tokens_per_second;
        (tokens / (f64::from(batch) * f64::from(sequence))).round() as u64
    }
}

impl fmt::Display for ComputeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ten best published configurations of Languini Kitchen (repository
    /// languini-kitchen/languini-kitchen at bb7afb4): class, tokens/s on an RTX 3090, sequences
    /// per batch, steps.
    #[test]
    fn published_step_counts_come_out_exactly() {
        use ComputeClass as C;
        let gpt_small = 55_416.0;
        let gpt_medium = 16_618.0;
        let qlstm_small = 11_143.0;
        for (class, tokens_per_second, batch, steps) in [
            (C::H6, gpt_small, 128, 18_265),
            (C::H12, gpt_small, 128, 36_529),
            (C::H24, gpt_small, 256, 36_529),
            (C::H48, gpt_medium, 256, 21_908),
            (C::H96, gpt_medium, 256, 43_817),
            (C::H6, 94_781.0, 80, 49_982),
            (C::H12, 36_930.0, 80, 38_950),
            (C::H24, qlstm_small, 84, 22_385),
            (C::H48, qlstm_small, 80, 47_010),
            (C::H96, qlstm_small, 160, 47_010),
        ] {
            assert_eq!(class.steps(tokens_per_second, batch, 512), steps, "{class} batch {batch}");
        }
    }

    #[test]
    fn a_class_too_short_for_one_step_has_none() {
        let class = ComputeClass::new(AcceleratorTime::from_ms(1));
        assert_eq!(class.steps(1000.0, 4, 128), 0);
    }
}
