//! Identities, one type per kind, so that a run's id cannot be passed where a sweep's is meant.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id that sorts by the time it was made (UUID version 7).
            #[must_use]
            #[expect(clippy::disallowed_methods, reason = "here ids are made")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id that `name` always has within `parent` (UUID version 5): planning twice
            /// names the same things alike.
            #[must_use]
            pub fn derived(parent: Uuid, name: &str) -> Self {
                Self(Uuid::new_v5(&parent, name.as_bytes()))
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": "uuid" })
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// One submitted budget.yaml.
    SweepId
    /// One immutable plan of a sweep.
    PlanId
    /// One training job of a plan.
    RunId
    /// One worker process, for as long as it lives.
    WorkerId
    /// One immutable fit of a law.
    FitId
    /// Runs of another tool, imported together.
    ImportId
    /// One immutable crossover forecast.
    ForecastId
    /// Runs that were proposed together.
    ProposalId
}
