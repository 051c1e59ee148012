//! Numbers in sentences: as long as somebody reads, and no longer.

/// Numbers from here on are no longer read digit by digit.
const LONG: f64 = 1e6;

/// With `decimals`, or as a power of ten where that would be a row of digits.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if value.is_finite() && value.abs() >= LONG {
        format!("{value:.1e}")
    } else {
        format!("{value:.decimals$}")
    }
}

/// A coefficient: four decimals, or four digits and a power of ten.
pub(crate) fn coefficient(value: f64) -> String {
    if value == 0.0 || (1e-3..LONG).contains(&value.abs()) {
        format!("{value:.4}")
    } else {
        format!("{value:.3e}")
    }
}

/// As somebody gave it.
pub(crate) fn given(value: f64) -> String {
    if value == 0.0 || !value.is_finite() || (1e-6..LONG).contains(&value.abs()) {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_a_row_of_digits() {
        for (found, expected) in [
            (fixed(12.345, 1), "12.3"),
            (fixed(-1e60, 1), "-1.0e60"),
            (fixed(f64::INFINITY, 2), "inf"),
            (coefficient(406.4), "406.4000"),
            (coefficient(7.175_095e-66), "7.175e-66"),
            (coefficient(0.0), "0.0000"),
            (given(1e-6), "0.000001"),
            (given(-1.0), "-1"),
            (given(f64::MAX), "1.7976931348623157e308"),
            (given(f64::NAN), "NaN"),
        ] {
            assert_eq!(found, expected);
        }
    }
}
