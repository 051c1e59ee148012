//! Numbers as tables and people write them.

/// Quantities of a run outside these are a mistake in the table. Laws raise them to powers of two and
/// multiply them, which within these stays far from where numbers overflow.
const SMALLEST: f64 = 1e-60;
const LARGEST: f64 = 1e60;

/// A number that a law can pass through.
pub(crate) fn positive(text: &str) -> Option<f64> {
    number(text).filter(|value| (SMALLEST..=LARGEST).contains(value))
}

/// What [`positive`] would have read where it did not read `text`.
pub(crate) fn expected(text: &str) -> &'static str {
    let is_positive = |value: f64| value.is_finite() && value > 0.0;
    if number(text).is_some_and(is_positive) {
        "a number between 1e-60 and 1e60, as every quantity of a run is"
    } else {
        "a positive finite number such as `2.31`, `1.4e9` or `70B`"
    }
}

/// A number, with a metric suffix if it has one.
pub(crate) fn number(text: &str) -> Option<f64> {
    let factor = match text.chars().last()? {
        'k' | 'K' => 1e3,
        'M' => 1e6,
        'B' | 'G' => 1e9,
        'T' => 1e12,
        _ => return text.parse().ok(),
    };
    let number: f64 = text[..text.len() - 1].trim_end().parse().ok()?;
    Some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_run_has_are_told_from_what_is_no_number() {
        for (text, value) in [("70B", 7e10), ("1e60", 1e60), ("1e-60", 1e-60), ("0.5 k", 500.0)] {
            assert_eq!(positive(text), Some(value), "{text}");
        }
        for text in ["1e300", "1e-300", "1e61", "2e-308"] {
            assert_eq!(positive(text), None, "{text}");
            assert!(expected(text).contains("between 1e-60 and 1e60"), "{text}");
        }
        for text in ["", "nan", "inf", "-1", "0", "1e400", "abc", "B", "-inf"] {
            assert_eq!(positive(text), None, "{text}");
            assert!(expected(text).contains("positive finite number"), "{text}");
        }
    }
}
