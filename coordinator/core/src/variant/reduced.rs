//! Operands of few bits and sparse weights, as budget.yaml writes them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::is_default;
use crate::units::Share;

/// A number format that training simulates. Symmetric: zero is a value, and none has a larger
/// negative than positive one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NumberFormat {
    /// -1, 0 and 1.
    Int2,
    Int3,
    Int4,
    Int6,
    Int8,
    /// 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
    Fp4E2m1,
    /// Largest 448 (Micikevicius et al., arXiv 2209.05433).
    Fp8E4m3,
    /// Largest 57,344.
    Fp8E5m2,
}

/// Which values share a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScaleGroup {
    /// The whole matrix: `tensor`.
    Tensor,
    /// All that is summed into one output: `channel`.
    Channel,
    /// This many neighbours along the contraction; the last of a row may be fewer.
    Size(u32),
}

impl Default for ScaleGroup {
    fn default() -> Self {
        Self::Size(128)
    }
}

/// How the scale of a group is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScaleRule {
    /// The largest magnitude of the group over the largest value of the format.
    #[default]
    Absmax,
    /// From the mean magnitude, of weights in integers (StatsQ of Liu et al., arXiv 2302.02210); the
    /// levels are halves of odd numbers, none is zero. Activations are scaled by their largest.
    Statistics,
    /// As by the largest, but replaced by the share of it, half to all in steps of 1/32, that makes the
    /// squared error least. Of FP4 and FP8 a searched exponent bias (Liu et al., LLM-FP4, arXiv
    /// 2310.16836).
    Searched,
    /// Trained with the weights (LSQ of Esser et al., arXiv 1902.08153). Activations have one scale for
    /// each group of features, or for a whole layer.
    Learned,
}

/// Towards the end holds the weights that surely round as they do, so that those near a threshold can
/// settle (confidence-guided annealing of Liu et al., arXiv 2302.02210, section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Freeze {
    /// Share of the steps at the end in which weights are held, e.g. `20 %`.
    pub last: Share,
    /// Held is what lies further than this from where its rounding would change, in steps of the grid;
    /// 0.005 by default.
    #[serde(default = "margin")]
    pub margin: f64,
}

const fn margin() -> f64 {
    0.005
}

// Neither is NaN: validation refuses it.
impl Eq for Freeze {}

impl std::hash::Hash for Freeze {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.last.0.to_bits(), self.margin.to_bits()).hash(state);
    }
}

/// Quantization-aware training of all linear layers of the blocks; embedding, norms and head stay in
/// full precision. Gradients pass straight through the rounding and are multiplied with the rounded
/// operands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quantization {
    /// Format of the weights, e.g. `int4`; none for full precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<NumberFormat>,
    /// Format of the layers' inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activations: Option<NumberFormat>,
    /// Values that share a scale along the contraction, e.g. `32`; or `channel`, or `tensor`. 128 by
    /// default.
    #[serde(default)]
    pub group: ScaleGroup,
    /// Format of the inputs of the MLP's second layer, which have the heaviest tails, where it is
    /// another than that of the other activations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fc2_activations: Option<NumberFormat>,
    /// How scales are found: `absmax` by default, `statistics`, `searched`, or `learned`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scale: ScaleRule,
    /// Holds the weights that are far from a threshold in the last steps, e.g. `{ last: 20 % }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Freeze>,
}

impl Quantization {
    /// Trained scales of the weights of a layer.
    pub(super) fn weight_scales_n(&self, inputs: u64, outputs: u64) -> u64 {
        if self.scale != ScaleRule::Learned || self.weights.is_none() {
            return 0;
        }
        match self.group {
            ScaleGroup::Tensor => 1,
            ScaleGroup::Channel => outputs,
            ScaleGroup::Size(size) => inputs.div_ceil(u64::from(size)) * outputs,
        }
    }

    /// Trained scales of the inputs of a layer whose format is this.
    pub(super) fn input_scales_n(&self, format: Option<NumberFormat>, inputs: u64) -> u64 {
        if self.scale != ScaleRule::Learned || format.is_none() {
            return 0;
        }
        match self.group {
            ScaleGroup::Tensor | ScaleGroup::Channel => 1,
            ScaleGroup::Size(size) => inputs.div_ceil(u64::from(size)),
        }
    }
}

impl NumberFormat {
    /// As budget.yaml writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Int2 => "int2",
            Self::Int3 => "int3",
            Self::Int4 => "int4",
            Self::Int6 => "int6",
            Self::Int8 => "int8",
            Self::Fp4E2m1 => "fp4-e2m1",
            Self::Fp8E4m3 => "fp8-e4m3",
            Self::Fp8E5m2 => "fp8-e5m2",
        }
    }

    #[must_use]
    pub const fn is_integer(self) -> bool {
        matches!(self, Self::Int2 | Self::Int3 | Self::Int4 | Self::Int6 | Self::Int8)
    }
}

/// Sparse weights, such as `2:4`: of every M neighbours along the contraction the N largest stay, in
/// all linear layers of the blocks, chosen anew in every step. Gradients reach the others too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NofM {
    pub keep: u32,
    pub of: u32,
}

impl fmt::Display for NofM {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.keep, self.of)
    }
}

impl FromStr for NofM {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = text.split_once(':').and_then(|(keep, of)| {
            Some(Self { keep: keep.trim().parse().ok()?, of: of.trim().parse().ok()? })
        });
        read.filter(|NofM { keep, of }| *keep > 0 && keep <= of).ok_or_else(|| {
            format!("`{text}` is no sparsity, expected how many of how many weights stay, as `2:4`")
        })
    }
}

impl Serialize for NofM {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NofM {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for NofM {
    fn schema_name() -> Cow<'static, str> {
        "NofM".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[1-9][0-9]*:[1-9][0-9]*$",
            "description": "Of every M neighbouring weights the N largest stay: `N:M`, e.g. `2:4`.",
        })
    }
}

impl Serialize for ScaleGroup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Tensor => serializer.serialize_str("tensor"),
            Self::Channel => serializer.serialize_str("channel"),
            Self::Size(size) => serializer.serialize_u32(*size),
        }
    }
}

impl<'de> Deserialize<'de> for ScaleGroup {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GroupVisitor)
    }
}

struct GroupVisitor;

impl Visitor<'_> for GroupVisitor {
    type Value = ScaleGroup;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("how many values share a scale, such as `32`, or `channel`, or `tensor`")
    }

    fn visit_u64<E: Error>(self, size: u64) -> Result<ScaleGroup, E> {
        match u32::try_from(size) {
            Ok(size) if size > 0 => Ok(ScaleGroup::Size(size)),
            _ => Err(E::custom(format!("a group of {size} values, expected 1 to {}", u32::MAX))),
        }
    }

    fn visit_i64<E: Error>(self, size: i64) -> Result<ScaleGroup, E> {
        self.visit_u64(u64::try_from(size).unwrap_or(0))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<ScaleGroup, E> {
        match name {
            "tensor" => Ok(ScaleGroup::Tensor),
            "channel" => Ok(ScaleGroup::Channel),
            other => Err(E::custom(format!(
                "`{other}` is no group, expected a number such as `32`, or `channel`, or `tensor`"
            ))),
        }
    }
}

impl JsonSchema for ScaleGroup {
    fn schema_name() -> Cow<'static, str> {
        "ScaleGroup".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Which values share a scale.",
            "anyOf": [
                { "type": "integer", "minimum": 1, "description": "So many along the contraction." },
                { "const": "channel", "description": "All that is summed into one output." },
                { "const": "tensor", "description": "The whole matrix." },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparsity_is_read_and_written() {
        let two_of_four: NofM = "2:4".parse().unwrap();
        assert_eq!((two_of_four.keep, two_of_four.of), (2, 4));
        assert_eq!(two_of_four.to_string(), "2:4");
        for wrong in ["", "2", "2:", "0:4", "5:4", "-1:4", "a:b"] {
            let said = wrong.parse::<NofM>().unwrap_err();
            assert!(said.contains("as `2:4`"), "{said}");
        }
    }

    #[test]
    fn groups_are_numbers_or_names() {
        for (text, group) in [
            ("32", ScaleGroup::Size(32)),
            ("\"channel\"", ScaleGroup::Channel),
            ("\"tensor\"", ScaleGroup::Tensor),
        ] {
            let read: ScaleGroup = serde_json::from_str(text).unwrap();
            assert_eq!(read, group);
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
        for wrong in ["0", "-3", "\"row\""] {
            assert!(serde_json::from_str::<ScaleGroup>(wrong).is_err(), "{wrong}");
        }
    }
}
