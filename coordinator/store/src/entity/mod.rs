//! The tables as sea-orm sees them: private, and checked against the real schema by a test.
#![expect(unreachable_pub, reason = "sea-orm's derive makes public items")]

pub(crate) mod api_token;
pub(crate) mod api_token_revocation;
pub(crate) mod attempt_output;
pub(crate) mod control_event;
pub(crate) mod forecast;
pub(crate) mod import;
pub(crate) mod import_withdrawal;
pub(crate) mod lease;
pub(crate) mod ledger;
pub(crate) mod ledger_entry;
pub(crate) mod metric_chunk;
pub(crate) mod observation;
pub(crate) mod plan;
pub(crate) mod plan_run;
pub(crate) mod project;
pub(crate) mod project_change;
pub(crate) mod proposal;
pub(crate) mod proposal_decision;
pub(crate) mod run;
pub(crate) mod sweep;
pub(crate) mod throughput;
