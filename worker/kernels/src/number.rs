//! Number formats of few bits, simulated in f32.
//!
//! A format is the set of values it can hold; [`Format::round`] takes a value to the nearest of them
//! and saturates at the largest. Everything is `#[inline(always)]`, to take on the instruction set of
//! the `kernel!` calling it.

/// A number format of at most eight bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Symmetric integers of this many bits, `-(2^(b-1) - 1)` to `2^(b-1) - 1`: zero is one of them,
    /// and with two bits only -1, 0 and 1 are left.
    Int(u8),
    /// Four bits: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives (OCP Microscaling, section 5.3.3).
    E2m1,
    /// Eight bits, largest 448 (Micikevicius et al., arXiv:2209.05433, table 1).
    E4m3,
    /// Eight bits, largest 57,344 (the same).
    E5m2,
}

/// What rounding to a floating format needs.
#[derive(Clone, Copy, Debug)]
pub struct Float {
    /// `2^s + 1`, s the bits of an f32's 24 that are left out.
    pub splitter: f32,
    /// The smallest normal value.
    pub normal_min: f32,
    /// The distance of the values below it.
    pub quantum: f32,
}

impl Format {
    /// The largest value.
    #[inline(always)]
    pub fn max(self) -> f32 {
        match self {
            Self::Int(bits) => ((1_u32 << (bits - 1)) - 1) as f32,
            Self::E2m1 => 6.0,
            Self::E4m3 => 448.0,
            Self::E5m2 => 57_344.0,
        }
    }

    /// Exponents that a value may have: powers of two between the largest and the smallest normal value,
    /// or between the largest and one.
    pub const fn exponents_n(self) -> u32 {
        match self {
            Self::Int(bits) => bits as u32 - 1,
            Self::E2m1 => 4,
            Self::E4m3 => 16,
            Self::E5m2 => 32,
        }
    }

    /// How a floating format rounds; none for integers.
    pub const fn float(self) -> Option<Float> {
        match self {
            Self::Int(_) => None,
            Self::E2m1 => Some(Float { splitter: 4_194_305.0, normal_min: 1.0, quantum: 0.5 }),
            Self::E4m3 => {
                Some(Float { splitter: 1_048_577.0, normal_min: 0.015_625, quantum: 0.001_953_125 })
            }
            Self::E5m2 => Some(Float {
                splitter: 2_097_153.0,
                normal_min: 6.103_515_6e-5,
                quantum: 1.525_878_9e-5,
            }),
        }
    }

    /// The value, or the largest that there is.
    #[inline(always)]
    pub(crate) fn clamp(self, value: f32) -> f32 {
        let max = self.max();
        let clamped = if value > max { max } else { value };
        if clamped < -max { -max } else { clamped }
    }

    /// The nearest value of the format. Between two that are equally near it takes either.
    #[inline(always)]
    pub fn round(self, value: f32) -> f32 {
        let clamped = self.clamp(value);
        match self.float() {
            None => whole(clamped),
            Some(Float { splitter, normal_min, quantum }) => {
                // Dekker's splitting (Numerische Mathematik 18, 1971) rounds to fewer bits.
                let scaled = clamped * splitter;
                let normal = scaled - (scaled - clamped);
                let small = whole(clamped * (1.0 / quantum)) * quantum;
                if clamped.abs() < normal_min { small } else { normal }
            }
        }
    }
}

/// Calls a function with its format, one that is known where it is called: that leaves no choices to the
/// loops of a function that is inlined.
macro_rules! known {
    ($format:expr, $name:ident($($arg:expr),* $(,)?)) => {
        match $format {
            Format::Int(bits) => $name(Format::Int(bits), $($arg),*),
            Format::E2m1 => $name(Format::E2m1, $($arg),*),
            Format::E4m3 => $name(Format::E4m3, $($arg),*),
            Format::E5m2 => $name(Format::E5m2, $($arg),*),
        }
    };
}

pub(crate) use known;

/// The nearest integer, for values below 2^22.
#[inline(always)]
pub(crate) fn whole(value: f32) -> f32 {
    /// 1.5 x 2^23: a sum with it has no bits left below one.
    const ROUND: f32 = 12_582_912.0;
    (value + ROUND) - ROUND
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All values of a floating format by its definition, from its bits.
    fn values(exponent_bits: u32, mantissa_bits: u32, max: f64) -> Vec<f64> {
        let bias = (1 << (exponent_bits - 1)) - 1;
        let mut values: Vec<f64> = (0..1 << exponent_bits)
            .flat_map(|exponent: i32| {
                (0..1 << mantissa_bits).map(move |mantissa| {
                    let fraction = f64::from(mantissa) / f64::from(1 << mantissa_bits);
                    let scale = f64::from((exponent.max(1) - bias) as f32).exp2();
                    scale * if exponent == 0 { fraction } else { 1.0 + fraction }
                })
            })
            .filter(|value| *value <= max)
            .collect();
        values.extend(values.clone().iter().map(|value| -value));
        values
    }

    fn grids() -> Vec<(Format, Vec<f64>)> {
        let integers = [2, 3, 4, 6, 8].map(|bits| {
            let format = Format::Int(bits);
            let max = (1 << (bits - 1)) - 1;
            (format, (-max..=max).map(f64::from).collect())
        });
        let floats = [
            (Format::E2m1, values(2, 1, 6.0)),
            (Format::E4m3, values(4, 3, 448.0)),
            (Format::E5m2, values(5, 2, 57_344.0)),
        ];
        integers.into_iter().chain(floats).collect()
    }

    #[test]
    fn the_grids_are_those_of_the_formats() {
        let found: Vec<usize> = grids().iter().map(|(_, grid)| grid.len()).collect();
        // With both zeros of the floats; NaN and infinities have no place here.
        assert_eq!(found, [3, 7, 15, 63, 255, 16, 254, 248]);
        for (format, grid) in grids() {
            let max = grid.iter().copied().fold(0.0, f64::max);
            assert_eq!(f64::from(format.max()), max, "{format:?}");
        }
    }

    #[test]
    fn every_value_of_a_format_stays_as_it_is() {
        for (format, grid) in grids() {
            for value in grid {
                assert_eq!(f64::from(format.round(value as f32)), value, "{format:?}");
            }
        }
    }

    #[test]
    fn any_other_goes_to_the_nearest() {
        for (format, grid) in grids() {
            for i in -4000..=4000_i32 {
                // Densely about zero, and beyond the largest value.
                let value = format.max() * 1.3 * (i as f32 / 4000.0).powi(5);
                let rounded = f64::from(format.round(value));
                assert!(grid.contains(&rounded), "{format:?}: {value} became {rounded}");
                let apart = |grid: f64| (grid - f64::from(value)).abs();
                let nearest = grid.iter().copied().map(apart).fold(f64::INFINITY, f64::min);
                assert!(apart(rounded) <= nearest, "{format:?}: {value} became {rounded}");
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        assert!(grids().iter().all(|(format, _)| format.round(f32::NAN).is_nan()));
    }
}
