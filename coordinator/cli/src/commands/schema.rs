//! `sweepctl schema`: what other programs check budget.yaml and the HTTP API by.

use clap::{Args, ValueEnum};

use crate::context::Context;
use crate::failure::{ExitStatus, Failure};

const EXAMPLES: &str = "Examples:
  sweepctl schema > budget.schema.json
  sweepctl schema openapi > openapi.json";

/// Print the JSON schema of budget.yaml, or the OpenAPI document of the HTTP API
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Schema {
    /// Of what
    #[arg(value_enum, default_value_t = Of::Budget)]
    of: Of,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    /// budget.yaml
    Budget,
    /// The HTTP API
    Openapi,
}

pub(crate) fn run(arguments: &Schema, context: &Context) -> Result<ExitStatus, Failure> {
    match arguments.of {
        Of::Budget => context.printer.json(&sweep_core::spec::json_schema())?,
        Of::Openapi => context.printer.json(&coordinator::rest::openapi())?,
    }
    Ok(ExitStatus::Done)
}
