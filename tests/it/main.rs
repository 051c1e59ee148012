//! Tests of the whole: one binary, one module per subject.

mod api;
mod batches;
mod closed_loop;
mod control;
mod doors;
mod external;
mod faults;
mod full_disk;
mod house;
mod import;
mod losses;
mod main_job;
mod operations;
mod outcome;
mod refusals;
mod replicas;
mod sandbox;
mod served;
mod sim;
mod telemetry;
mod tls;
mod tokens;
