//! Measures throughputs for the coordinator.

use sweep_core::clock::Timestamp;
use sweep_core::throughput::{Throughput, ThroughputKey, ThroughputSource};
use sweep_proto::v1::calibration_report::Outcome;
use sweep_proto::v1::{CalibrationAssignment, CalibrationReport};
use sweep_proto::{WireError, document};
use sweep_trainer::{Probe, Subject};

use crate::Error;
use crate::agent::Agent;
use crate::client::Client;

pub(crate) async fn work(agent: &Agent, assignment: CalibrationAssignment) -> Result<(), Error> {
    let CalibrationAssignment { keys } = assignment;
    let mut subjects = Vec::new();
    for key in &keys {
        let ThroughputKey { model, batch, .. } = document::decode(key)?;
        subjects.push(Subject { model, batch });
    }
    let accelerator = agent.options.accelerator;
    let probed = tokio::task::spawn_blocking(move || sweep_trainer::probe(&subjects, accelerator));
    let outcomes = match probed.await? {
        Ok(probes) => probes
            .iter()
            .map(|probe| Outcome::Measured(document::encode(&measured(probe))))
            .collect(),
        Err(error) => vec![Outcome::Failed(error.to_string()); keys.len()],
    };
    for (key, outcome) in keys.into_iter().zip(outcomes) {
        if !report(agent, CalibrationReport { key, outcome: Some(outcome) }).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// False when nobody answers while we are told to stop.
async fn report(agent: &Agent, report: CalibrationReport) -> Result<bool, Error> {
    let send = |mut client: Client, report| async move { client.finish_calibration(report).await };
    match agent.insist(report, send).await {
        Ok(_) => Ok(true),
        Err(_) if *agent.stopping.borrow() => Ok(false),
        Err(status) => Err(WireError::of(&status).into()),
    }
}

fn measured(probe: &Probe) -> Throughput {
    Throughput {
        tokens_per_second: probe.tokens_per_second,
        spread: probe.spread,
        windows_n: probe.windows_n,
        reference: Some(probe.reference),
        source: ThroughputSource::Measured,
        // The coordinator has the clock that counts.
        measured_at: Timestamp(0),
    }
}
