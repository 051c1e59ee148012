//! Nested results as JSON documents, in the one form that the database holds too.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::message::Malformed;
use crate::v1::Document;

/// The document form of a result.
///
/// # Panics
/// Never for the types of `sweep-core`: their maps have string keys.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("the nouns of sweep-core always serialise")
}

/// Reads a document.
///
/// # Errors
/// [`Malformed`] when it is not what this version writes.
pub fn decode<T: DeserializeOwned>(json: &str) -> Result<T, Malformed> {
    serde_json::from_str(json).map_err(|error| Malformed::new("document", &error))
}

impl Document {
    /// Wraps a result.
    #[must_use]
    pub fn of<T: Serialize>(value: &T) -> Self {
        Self { json: encode(value) }
    }

    /// Unwraps a result.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Malformed> {
        decode(&self.json)
    }
}
