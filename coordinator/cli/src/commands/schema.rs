//! `sweepctl schema`: the JSON schema of budget.yaml.

use crate::context::Context;
use crate::failure::{ExitStatus, Failure};

pub(crate) fn run(context: &Context) -> Result<ExitStatus, Failure> {
    context.printer.json(&sweep_core::spec::json_schema())?;
    Ok(ExitStatus::Done)
}
