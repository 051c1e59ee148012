//! Tests of the whole: one binary, one module per subject.

mod house;
mod main_job;
mod refusals;
mod sandbox;
