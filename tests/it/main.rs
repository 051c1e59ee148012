//! Tests of the whole: one binary, one module per subject.

mod full_disk;
mod house;
mod main_job;
mod refusals;
mod sandbox;
