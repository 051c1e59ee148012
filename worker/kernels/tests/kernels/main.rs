//! The kernels against a naive double-precision reference, and properties they must have.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod adam;
mod check;
mod embedding;
mod gpt;
mod head;
mod lstm;
mod qlstm;
mod reference;
mod reuse;
