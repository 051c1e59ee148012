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
use crate::external;

pub(crate) async fn work(agent: &Agent, assignment: CalibrationAssignment) -> Result<(), Error> {
    let mut ours = Vec::new();
    let mut external = Vec::new();
    for text in assignment.keys {
        let key: ThroughputKey = document::decode(&text)?;
        match key.external.clone() {
            None => {
                let ThroughputKey { model, batch, micro_batch, .. } = key;
                ours.push((text, Subject { model, batch, micro_batch }));
            }
            Some(subject) => external.push((text, key, subject)),
        }
    }
    if !probe(agent, ours).await? {
        return Ok(());
    }
    let mut stopping = agent.stopping.clone();
    for (text, key, subject) in external {
        let outcome = tokio::select! {
            // A command that is measured ends with the measurement.
            _ = stopping.wait_for(|stop| *stop) => return Ok(()),
            measured = external::measure(&key, &subject, &agent.options) => match measured {
                Ok(throughput) => Outcome::Measured(document::encode(&throughput)),
                Err(message) => Outcome::Failed(message),
            },
        };
        if !report(agent, CalibrationReport { key: text, outcome: Some(outcome) }).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Measures what the built-in trainer trains, all together; false as [`report`].
async fn probe(agent: &Agent, keys: Vec<(String, Subject)>) -> Result<bool, Error> {
    if keys.is_empty() {
        return Ok(true);
    }
    let accelerator = agent.options.accelerator;
    let (keys, subjects): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
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
            return Ok(false);
        }
    }
    Ok(true)
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
