//! Measures a throughput for the coordinator.

use sweep_core::clock::Timestamp;
use sweep_core::throughput::{Throughput, ThroughputKey, ThroughputSource};
use sweep_proto::v1::calibration_report::Outcome;
use sweep_proto::v1::{CalibrationAssignment, CalibrationReport};
use sweep_proto::{WireError, document};
use sweep_trainer::Probe;

use crate::Error;
use crate::agent::Agent;
use crate::client::Client;

pub(crate) async fn work(agent: &Agent, assignment: CalibrationAssignment) -> Result<(), Error> {
    let key: ThroughputKey = document::decode(&assignment.key)?;
    let accelerator = agent.options.accelerator;
    let probed = tokio::task::spawn_blocking(move || {
        sweep_trainer::probe(&key.model, key.batch, accelerator)
    });
    let outcome = match probed.await? {
        Ok(probe) => Outcome::Measured(document::encode(&measured(&probe))),
        Err(error) => Outcome::Failed(error.to_string()),
    };
    let report = CalibrationReport { key: assignment.key, outcome: Some(outcome) };
    let send = |mut client: Client, report| async move { client.finish_calibration(report).await };
    match agent.insist(report, send).await {
        Ok(_) => Ok(()),
        Err(_) if *agent.stopping.borrow() => Ok(()),
        Err(status) => Err(WireError::of(&status).into()),
    }
}

fn measured(probe: &Probe) -> Throughput {
    Throughput {
        tokens_per_second: probe.tokens_per_second,
        spread: probe.spread,
        windows_n: probe.windows_n,
        source: ThroughputSource::Measured,
        // The coordinator has the clock that counts.
        measured_at: Timestamp(0),
    }
}
