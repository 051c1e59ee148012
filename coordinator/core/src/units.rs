//! Quantities with their units: parsed from what people write, printed as people read.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const MS_PER_HOUR: f64 = 3_600_000.0;

/// Time on one accelerator, in whole milliseconds, so that a ledger adds up exactly.
///
/// On a CPU the accelerator is one core and the clock is the process's CPU clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AcceleratorTime(u64);

impl AcceleratorTime {
    pub const ZERO: Self = Self(0);

    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    #[must_use]
    pub const fn from_hours(hours: u64) -> Self {
        Self(hours * 3_600_000)
    }

    /// Rounds to the nearest millisecond; negative and NaN seconds become zero.
    #[must_use]
    pub fn from_seconds_f64(seconds: f64) -> Self {
        Self((seconds * 1000.0).round().max(0.0) as u64)
    }

    #[must_use]
    pub const fn ms(self) -> u64 {
        self.0
    }

    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    #[must_use]
    pub fn hours(self) -> f64 {
        self.0 as f64 / MS_PER_HOUR
    }

    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(ms) => Some(Self(ms)),
            None => None,
        }
    }

    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    #[must_use]
    pub const fn saturating_mul(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// Scales by a non-negative factor, rounded to the nearest millisecond.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor).round() as u64)
    }
}

impl Sum for AcceleratorTime {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, |a, b| Self(a.0.saturating_add(b.0)))
    }
}

impl fmt::Display for AcceleratorTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&human_hours(self.hours()))
    }
}

/// Why a written quantity could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error("`{value}` has no unit; expected {expected}")]
    NoUnit { value: String, expected: &'static str },
    #[error("`{value}` does not start with a number; expected {expected}")]
    NoNumber { value: String, expected: &'static str },
    #[error("`{unit}` in `{value}` is not a unit here; expected {expected}")]
    UnknownUnit { value: String, unit: String, expected: &'static str },
    #[error("`{value}` is negative; expected {expected}")]
    Negative { value: String, expected: &'static str },
    #[error("`{value}` is out of range; expected {expected}")]
    OutOfRange { value: String, expected: &'static str },
}

/// Splits `"2.5 h"` into its number and its unit.
fn split(value: &str, expected: &'static str) -> Result<(f64, String), QuantityError> {
    let text = value.trim();
    // An exponent belongs to the number (`1e3 h`), a letter on its own is the unit.
    let mut end = 0;
    let bytes = text.as_bytes();
    while end < bytes.len() {
        let byte = bytes[end];
        let is_exponent = (byte == b'e' || byte == b'E')
            && end > 0
            && bytes.get(end + 1).is_some_and(|b| b.is_ascii_digit() || *b == b'-' || *b == b'+');
        let is_sign =
            (byte == b'-' || byte == b'+') && (end == 0 || matches!(bytes[end - 1], b'e' | b'E'));
        if byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b',') || is_exponent || is_sign {
            end += 1;
        } else {
            break;
        }
    }
    let digits: String = text[..end].chars().filter(|c| !matches!(c, '_' | ',')).collect();
    let number: f64 = digits
        .parse()
        .map_err(|_| QuantityError::NoNumber { value: value.to_owned(), expected })?;
    if number < 0.0 {
        return Err(QuantityError::Negative { value: value.to_owned(), expected });
    }
    if !number.is_finite() {
        return Err(QuantityError::OutOfRange { value: value.to_owned(), expected });
    }
    Ok((number, text[end..].trim().to_owned()))
}

const EXPECTED_TIME: &str = "an accelerator time such as `20s`, `45 min`, `6h` or `2d`";

impl FromStr for AcceleratorTime {
    type Err = QuantityError;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        parse_ms(value, EXPECTED_TIME).map(Self)
    }
}

/// Reads a time in whole milliseconds.
fn parse_ms(value: &str, expected: &'static str) -> Result<u64, QuantityError> {
    let (number, unit) = split(value, expected)?;
    let ms_per_unit = match unit.as_str() {
        "" => return Err(QuantityError::NoUnit { value: value.to_owned(), expected }),
        "ms" => 1.0,
        "s" | "sec" | "second" | "seconds" => 1000.0,
        "m" | "min" | "minute" | "minutes" => 60_000.0,
        "h" | "hour" | "hours" => MS_PER_HOUR,
        "kh" => 1e3 * MS_PER_HOUR,
        "Mh" => 1e6 * MS_PER_HOUR,
        "d" | "day" | "days" => 24.0 * MS_PER_HOUR,
        _ => return Err(QuantityError::UnknownUnit { value: value.to_owned(), unit, expected }),
    };
    let ms = (number * ms_per_unit).round();
    // Beyond 2^53 ms (285,000 years) milliseconds stop being exact.
    if ms > 9_007_199_254_740_992.0 {
        return Err(QuantityError::OutOfRange { value: value.to_owned(), expected });
    }
    Ok(ms as u64)
}

const EXPECTED_WALL_TIME: &str = "a time such as `30 s`, `10 min` or `1h`";

/// Time by the clock on the wall, in whole milliseconds: what people and queues wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(u64);

impl WallTime {
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    #[must_use]
    pub const fn ms(self) -> u64 {
        self.0
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&human_hours(self.0 as f64 / MS_PER_HOUR))
    }
}

impl FromStr for WallTime {
    type Err = QuantityError;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        parse_ms(value, EXPECTED_WALL_TIME).map(Self)
    }
}

/// Prints hours in the unit a person would choose: `800 ms`, `20 s`, `15 min`, `6 h`, `50 kh`.
#[must_use]
pub fn human_hours(hours: f64) -> String {
    let seconds = hours * 3600.0;
    let (value, unit) = if seconds == 0.0 {
        (0.0, "s")
    } else if seconds < 0.9995 {
        (seconds * 1000.0, "ms")
    } else if seconds < 119.95 {
        (seconds, "s")
    } else if seconds < 7199.5 {
        (seconds / 60.0, "min")
    } else if hours < 9999.5 {
        (hours, "h")
    } else if hours < 999_500.0 {
        (hours / 1e3, "kh")
    } else {
        (hours / 1e6, "Mh")
    };
    format!("{} {unit}", three_digits(value))
}

/// Three significant digits without a trailing fraction of zeros: `0.125`, `12.5`, `1250`.
#[must_use]
pub fn three_digits(value: f64) -> String {
    let magnitude = value.abs();
    let decimals = if magnitude >= 99.95 || magnitude == 0.0 {
        0
    } else if magnitude >= 9.995 {
        1
    } else if magnitude >= 0.9995 {
        2
    } else {
        3
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Prints a count with a metric suffix: `512`, `1.2k`, `110M`, `4.79B`.
#[must_use]
pub fn human_count(count: f64) -> String {
    let (value, unit) = match count.abs() {
        c if c >= 999.5e9 => (count / 1e12, "T"),
        c if c >= 999.5e6 => (count / 1e9, "B"),
        c if c >= 999.5e3 => (count / 1e6, "M"),
        c if c >= 999.5 => (count / 1e3, "k"),
        _ => (count, ""),
    };
    format!("{}{unit}", three_digits(value))
}

const EXPECTED_TOKENS: &str = "a token count such as `512 tokens`, `64k tokens` or `2.5B tokens`";
const EXPECTED_SEQUENCES: &str = "a number of sequences such as `4 sequences`";

fn parse_count(value: &str, noun: &str, expected: &'static str) -> Result<u64, QuantityError> {
    let (number, unit) = split(value, expected)?;
    let plain = unit.trim_end_matches('s');
    let Some(prefix) = plain.strip_suffix(noun.trim_end_matches('s')) else {
        let value = value.to_owned();
        return Err(if unit.is_empty() {
            QuantityError::NoUnit { value, expected }
        } else {
            QuantityError::UnknownUnit { value, unit, expected }
        });
    };
    let factor = match prefix.trim() {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "B" | "G" => 1e9,
        "T" => 1e12,
        _ => {
            let value = value.to_owned();
            return Err(QuantityError::UnknownUnit { value, unit, expected });
        }
    };
    let count = number * factor;
    if count.fract() != 0.0 || count > 1e18 {
        return Err(QuantityError::OutOfRange { value: value.to_owned(), expected });
    }
    Ok(count as u64)
}

/// A number of training tokens (D).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tokens(pub u64);

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.0 == 1 { "token" } else { "tokens" };
        f.pad(&format!("{} {unit}", human_count(self.0 as f64)))
    }
}

impl FromStr for Tokens {
    type Err = QuantityError;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        parse_count(value, "token", EXPECTED_TOKENS).map(Self)
    }
}

/// A number of sequences per optimiser step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequences(pub u32);

impl fmt::Display for Sequences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.0 == 1 { "sequence" } else { "sequences" };
        f.pad(&format!("{} {unit}", self.0))
    }
}

impl FromStr for Sequences {
    type Err = QuantityError;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let count = parse_count(value, "sequence", EXPECTED_SEQUENCES)?;
        let value = value.to_owned();
        let expected = EXPECTED_SEQUENCES;
        u32::try_from(count).map(Self).map_err(|_| QuantityError::OutOfRange { value, expected })
    }
}

const EXPECTED_SPEED: &str = "a throughput such as `55416 tokens/s` or `12k tokens/s`";

/// Training throughput: tokens per accelerator second.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct TokensPerSecond(pub f64);

impl fmt::Display for TokensPerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} tokens/s", human_count(self.0)))
    }
}

impl FromStr for TokensPerSecond {
    type Err = QuantityError;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let (number, unit) = split(value, EXPECTED_SPEED)?;
        let factor = match unit.as_str() {
            "tokens/s" => 1.0,
            "k tokens/s" | "ktokens/s" => 1e3,
            "M tokens/s" | "Mtokens/s" => 1e6,
            "" => {
                return Err(QuantityError::NoUnit {
                    value: value.to_owned(),
                    expected: EXPECTED_SPEED,
                });
            }
            _ => {
                let value = value.to_owned();
                return Err(QuantityError::UnknownUnit { value, unit, expected: EXPECTED_SPEED });
            }
        };
        if number == 0.0 {
            return Err(QuantityError::OutOfRange {
                value: value.to_owned(),
                expected: EXPECTED_SPEED,
            });
        }
        Ok(Self(number * factor))
    }
}

const EXPECTED_SHARE: &str = "a percentage between 0 % and 100 % such as `90 %`";

/// A share of one, written as a percentage.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(pub f64);

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} %", three_digits(self.0 * 100.0)))
    }
}

impl FromStr for Share {
    type Err = QuantityError;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let (number, unit) = split(value, EXPECTED_SHARE)?;
        match unit.as_str() {
            "%" if number <= 100.0 => Ok(Self(number / 100.0)),
            "%" => {
                Err(QuantityError::OutOfRange { value: value.to_owned(), expected: EXPECTED_SHARE })
            }
            "" => Err(QuantityError::NoUnit { value: value.to_owned(), expected: EXPECTED_SHARE }),
            _ => {
                let value = value.to_owned();
                Err(QuantityError::UnknownUnit { value, unit, expected: EXPECTED_SHARE })
            }
        }
    }
}

/// Each quantity is written as one string, so that its unit cannot be left out.
macro_rules! quantity_as_string {
    ($($type:ident => $expected:expr, $write:expr;)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: de::Error>(self, value: &str) -> Result<$type, E> {
                        value.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let write: fn(&$type) -> String = $write;
                serializer.serialize_str(&write(self))
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $expected })
            }
        }
    )*};
}

quantity_as_string! {
    AcceleratorTime => EXPECTED_TIME, |t| format!("{}ms", t.0);
    WallTime => EXPECTED_WALL_TIME, |t| format!("{}ms", t.0);
    Tokens => EXPECTED_TOKENS, |t| format!("{} tokens", t.0);
    Sequences => EXPECTED_SEQUENCES, |s| format!("{} sequences", s.0);
    TokensPerSecond => EXPECTED_SPEED, |t| format!("{} tokens/s", t.0);
    Share => EXPECTED_SHARE, |s| format!("{} %", s.0 * 100.0);
}

#[cfg(test)]
mod tests;
