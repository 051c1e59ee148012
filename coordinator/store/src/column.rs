//! How core's types lie in columns: times as `timestamptz`, accelerator time as whole
//! milliseconds, results as the JSON of their serde form.

use sea_orm::JsonValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sweep_core::clock::Timestamp;
use sweep_core::units::AcceleratorTime;
use time::OffsetDateTime;

use crate::error::Error;

pub(crate) fn to_at(time: Timestamp) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.0) * 1_000_000)
        .map_err(|source| Error::Unstorable { what: "time", source: source.into() })
}

pub(crate) fn from_at(at: OffsetDateTime) -> Timestamp {
    let ms = at.unix_timestamp_nanos().div_euclid(1_000_000);
    Timestamp(i64::try_from(ms).expect("an OffsetDateTime ends with the year 9999"))
}

pub(crate) fn to_ms(time: AcceleratorTime) -> Result<i64, Error> {
    to_n("accelerator time", time.ms())
}

pub(crate) fn from_ms(ms: i64) -> Result<AcceleratorTime, Error> {
    from_n("accelerator time", ms).map(AcceleratorTime::from_ms)
}

/// Counts are stored as signed 64-bit integers.
pub(crate) fn to_n(what: &'static str, count: u64) -> Result<i64, Error> {
    i64::try_from(count).map_err(|source| Error::Unstorable { what, source: source.into() })
}

pub(crate) fn from_n<N: TryFrom<i64>>(what: &'static str, count: i64) -> Result<N, Error>
where
    N::Error: std::error::Error + Send + Sync + 'static,
{
    N::try_from(count).map_err(|source| Error::Corrupt { what, source: source.into() })
}

/// Refuses what would not read back: JSON has no infinity, and writes it as null.
pub(crate) fn to_json<T>(what: &'static str, value: &T) -> Result<JsonValue, Error>
where
    T: Serialize + DeserializeOwned,
{
    let json = serde_json::to_value(value)
        .map_err(|source| Error::Unstorable { what, source: source.into() })?;
    T::deserialize(&json).map_err(|source| Error::Unstorable { what, source: source.into() })?;
    Ok(json)
}

pub(crate) fn from_json<T: DeserializeOwned>(
    what: &'static str,
    json: JsonValue,
) -> Result<T, Error> {
    serde_json::from_value(json).map_err(|source| Error::Corrupt { what, source: source.into() })
}

/// A name that an enum of core's is stored under.
pub(crate) fn from_name<T: DeserializeOwned>(what: &'static str, name: String) -> Result<T, Error> {
    from_json(what, JsonValue::String(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_and_after_1970_read_back() {
        for ms in [-1, 0, 1, 1_764_000_000_123] {
            assert_eq!(from_at(to_at(Timestamp(ms)).unwrap()), Timestamp(ms));
        }
        assert!(to_at(Timestamp(i64::MAX)).is_err());
    }

    #[test]
    fn what_json_cannot_hold_is_refused_on_the_way_in() {
        assert!(to_json("number", &1.5f64).is_ok());
        let refused = to_json("number", &f64::NAN).unwrap_err();
        assert!(matches!(refused, Error::Unstorable { what: "number", .. }));
    }
}
