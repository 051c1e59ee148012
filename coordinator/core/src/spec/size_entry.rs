//! Reads one entry of `sizes`: a bare name, or a map.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::{NamedSize, SizeEntry};
use crate::units::TokensPerSecond;

/// The map form. Not derived on [`SizeEntry`] itself, whose reader also takes a bare name.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SizeMap {
    /// One of Languini Kitchen's sizes; then no other shape is given.
    #[serde(default)]
    name: Option<NamedSize>,
    /// Width of the residual stream.
    #[serde(default)]
    width: Option<u32>,
    #[serde(default)]
    layers: Option<u32>,
    /// Heads; they divide the width. By default one per 16 of width, as far as that divides it.
    #[serde(default)]
    heads: Option<u32>,
    /// Throughput on the reference accelerator, used instead of a measurement.
    #[serde(default)]
    throughput: Option<TokensPerSecond>,
}

impl<'de> Deserialize<'de> for SizeEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl<'de> Visitor<'de> for SizeVisitor {
    type Value = SizeEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size such as `small` or `{ width: 64, layers: 2 }`")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<SizeEntry, E> {
        let named = NamedSize::deserialize(StrDeserializer::<E>::new(name))?;
        let named = Some(named);
        Ok(SizeEntry { named, width: None, layers: None, heads: None, throughput: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<SizeEntry, A::Error> {
        let SizeMap { name: named, width, layers, heads, throughput } =
            SizeMap::deserialize(MapAccessDeserializer::new(access))?;
        Ok(SizeEntry { named, width, layers, heads, throughput })
    }
}

impl JsonSchema for SizeEntry {
    fn schema_name() -> Cow<'static, str> {
        "SizeEntry".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = generator.subschema_for::<NamedSize>();
        let map = generator.subschema_for::<SizeMap>();
        json_schema!({ "anyOf": [name, map] })
    }
}
