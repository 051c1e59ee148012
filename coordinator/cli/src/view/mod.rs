//! What people read, made from the nouns of `sweep-core` by pure functions.

pub(crate) mod budget;
pub(crate) mod compare;
pub(crate) mod control;
pub(crate) mod corpus;
pub(crate) mod doctor;
pub(crate) mod event;
pub(crate) mod families;
pub(crate) mod fit;
pub(crate) mod fit_figure;
pub(crate) mod forecast;
pub(crate) mod import;
pub(crate) mod law_card;
pub(crate) mod laws;
pub(crate) mod live;
pub(crate) mod metrics;
pub(crate) mod mistakes;
pub(crate) mod own_laws;
pub(crate) mod plan;
pub(crate) mod proposals;
pub(crate) mod propose;
pub(crate) mod query;
pub(crate) mod queue;
pub(crate) mod runs;
pub(crate) mod scoreboard;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod token;

use sweep_core::units::three_digits;
pub(crate) use sweep_core::words::counted;

/// Three significant digits also of small numbers: `1.84`, `0.0312`, `4.1e-5`.
pub(crate) fn significant(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 0.1 || magnitude == 0.0 {
        three_digits(value)
    } else if magnitude >= 0.001 {
        let decimals = if magnitude >= 0.01 { 4 } else { 5 };
        format!("{value:.decimals$}")
    } else {
        format!("{value:.2e}")
    }
}

/// A signed share in per cent: `+3.1 %`.
pub(crate) fn signed_percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent.abs() >= LONG { format!("{percent:+.1e} %") } else { format!("{percent:+.1} %") }
}

/// A share in per cent: `3.12 %`, and a power of ten where that would be a row of digits.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= LONG { format!("{percent:.1e} %") } else { format!("{percent:.2} %") }
}

/// Per cent from here on are no longer read digit by digit.
const LONG: f64 = 1e6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_keep_three_digits() {
        for (value, text) in [
            (1.8412, "1.84"),
            (0.312_34, "0.312"),
            (0.031_234, "0.0312"),
            (0.003_123_4, "0.00312"),
            (4.1e-5, "4.10e-5"),
            (0.0, "0"),
            (-0.5, "-0.5"),
        ] {
            assert_eq!(significant(value), text);
        }
        assert_eq!(signed_percent(-0.0123), "-1.2 %");
        assert_eq!((signed_percent(1e50), percent(1e50)), ("+1.0e52 %".into(), "1.0e52 %".into()));
        assert_eq!(percent(0.012_34), "1.23 %");
    }
}
