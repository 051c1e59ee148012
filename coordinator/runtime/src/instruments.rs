//! What a coordinator counts and measures. Each instrument exists once: Prometheus reads it at
//! `/metrics`, and a collector is sent it where one is named.
//!
//! Names are those of OpenTelemetry; Prometheus writes `.` as `_` and adds unit and kind, as
//! [`Instrument::prometheus_name`] says.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, MeterProvider as _};
use opentelemetry_otlp::{MetricExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use prometheus::{Registry, TextEncoder};

use crate::error::Error;

/// Between two times that a collector is sent everything.
const PUSH_INTERVAL: Duration = Duration::from_secs(15);
/// Upper ends of the buckets of durations, in seconds: from a query to a refit of many runs.
const SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// What an instrument tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// How much there is now.
    Gauge,
    /// How often something has happened.
    Counter,
    /// How long something takes.
    Histogram,
}

/// One instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    pub name: &'static str,
    pub kind: Kind,
    /// As UCUM writes it; `{run}` counts runs.
    pub unit: &'static str,
    /// What tells its values apart; empty where it has one.
    pub label: &'static str,
    pub what: &'static str,
}

const fn gauge(
    name: &'static str,
    unit: &'static str,
    label: &'static str,
    what: &'static str,
) -> Instrument {
    Instrument { name, kind: Kind::Gauge, unit, label, what }
}

const fn counter(name: &'static str, unit: &'static str, what: &'static str) -> Instrument {
    Instrument { name, kind: Kind::Counter, unit, label: "", what }
}

const fn duration(name: &'static str, what: &'static str) -> Instrument {
    Instrument { name, kind: Kind::Histogram, unit: "s", label: "", what }
}

const RUNS: Instrument = gauge("sweepctl.runs", "{run}", "state", "Runs of all sweeps");
const QUEUE_LENGTH: Instrument =
    gauge("sweepctl.queue.length", "{run}", "", "Runs that wait for a worker");
const QUEUE_WAIT: Instrument = gauge(
    "sweepctl.queue.wait",
    "s",
    "",
    "Until a worker is probably free for the run that waits last",
);
const LEASES: Instrument = gauge("sweepctl.leases", "{lease}", "", "Runs that workers hold");
const WORKERS: Instrument =
    gauge("sweepctl.workers", "{worker}", "", "Worker processes that asked for work lately");
const GRANTED: Instrument =
    gauge("sweepctl.ledger.granted", "h", "project", "Accelerator time granted to sweeps");
const RESERVED: Instrument = gauge(
    "sweepctl.ledger.reserved",
    "h",
    "project",
    "Accelerator time promised to runs in progress",
);
const SPENT: Instrument =
    gauge("sweepctl.ledger.spent", "h", "project", "Accelerator time used up");
const CONNECTIONS: Instrument =
    gauge("sweepctl.database.connections", "{connection}", "state", "Connections of the pool");
const CLAIMS: Instrument = counter("sweepctl.claims", "{run}", "Runs that workers were given");
const CLAIM_DURATION: Instrument =
    duration("sweepctl.claim.duration", "From a worker's question for work to its run");
const HEARTBEATS: Instrument =
    counter("sweepctl.heartbeats", "{heartbeat}", "Heartbeats of runs in progress");
const POINTS: Instrument =
    counter("sweepctl.metric.points", "{point}", "Metric points that were stored");
const REFIT_DURATION: Instrument =
    duration("sweepctl.refit.duration", "A refit of the laws of one sweep");

/// Every instrument.
pub const ALL: [Instrument; 14] = [
    RUNS,
    QUEUE_LENGTH,
    QUEUE_WAIT,
    LEASES,
    WORKERS,
    GRANTED,
    RESERVED,
    SPENT,
    CONNECTIONS,
    CLAIMS,
    CLAIM_DURATION,
    HEARTBEATS,
    POINTS,
    REFIT_DURATION,
];

impl Instrument {
    /// What Prometheus calls it.
    #[must_use]
    pub fn prometheus_name(&self) -> String {
        let unit = match self.unit {
            "s" => "_seconds",
            "h" => "_hours",
            _ => "",
        };
        let kind = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{}{unit}{kind}", self.name.replace('.', "_"))
    }
}

/// What gauges tell, as it was looked up last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// By state.
    pub runs: Vec<(String, u64)>,
    pub queue_length: u64,
    /// None where it cannot be told.
    pub queue_wait_seconds: Option<f64>,
    pub leases: u64,
    pub workers: u64,
    /// By project.
    pub ledgers: Vec<(String, Hours)>,
    /// In use, and idle.
    pub connections: [u64; 2],
}

/// Hours of a project's sweeps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hours {
    pub granted: f64,
    pub reserved: f64,
    pub spent: f64,
}

type Shared = Arc<Mutex<Observed>>;

/// The instruments of one coordinator.
pub struct Instruments {
    provider: SdkMeterProvider,
    registry: Registry,
    is_pushed: bool,
    observed: Shared,
    claims: Counter<u64>,
    claim_seconds: Histogram<f64>,
    heartbeats: Counter<u64>,
    points: Counter<u64>,
    refit_seconds: Histogram<f64>,
}

impl Instruments {
    /// Instruments that Prometheus can read, and that are sent to the collector at `otlp`.
    ///
    /// # Errors
    /// When the address is none.
    ///
    /// # Panics
    /// Outside a tokio runtime, where a collector is named.
    pub fn new(otlp: Option<&str>) -> Result<Self, Error> {
        let registry = Registry::new();
        let broken =
            |error: &dyn std::fmt::Display| Error::Telemetry { message: error.to_string() };
        let prometheus = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_target_info()
            .scope_info_enabled(false)
            .build()
            .map_err(|error| broken(&error))?;
        let resource = Resource::builder().with_service_name("sweepctl").build();
        let mut provider =
            SdkMeterProvider::builder().with_resource(resource).with_reader(prometheus);
        if let Some(endpoint) = otlp {
            let exporter = MetricExporter::builder().with_tonic().with_endpoint(endpoint).build();
            let exporter = exporter.map_err(|error| broken(&error))?;
            let reader = PeriodicReader::builder(exporter).with_interval(PUSH_INTERVAL).build();
            provider = provider.with_reader(reader);
        }
        let provider = provider.build();
        let meter = provider.meter("sweepctl");
        let observed = Shared::default();
        observe(&meter, &observed);
        let count = |of: Instrument| {
            meter.u64_counter(of.name).with_unit(of.unit).with_description(of.what).build()
        };
        let time = |of: Instrument| {
            let histogram = meter.f64_histogram(of.name).with_unit(of.unit);
            histogram.with_description(of.what).with_boundaries(SECONDS.to_vec()).build()
        };
        Ok(Self {
            registry,
            is_pushed: otlp.is_some(),
            observed,
            claims: count(CLAIMS),
            claim_seconds: time(CLAIM_DURATION),
            heartbeats: count(HEARTBEATS),
            points: count(POINTS),
            refit_seconds: time(REFIT_DURATION),
            provider,
        })
    }

    /// A worker was given a run, so long after it asked.
    pub fn claimed(&self, took: Duration) {
        self.claims.add(1, &[]);
        self.claim_seconds.record(took.as_secs_f64(), &[]);
    }

    pub fn heartbeat(&self) {
        self.heartbeats.add(1, &[]);
    }

    pub fn points_stored(&self, n: usize) {
        self.points.add(n as u64, &[]);
    }

    pub fn refitted(&self, took: Duration) {
        self.refit_seconds.record(took.as_secs_f64(), &[]);
    }

    /// A collector is sent the values, and nobody asks before.
    #[must_use]
    pub const fn is_pushed(&self) -> bool {
        self.is_pushed
    }

    /// Sets what gauges tell.
    pub fn set(&self, observed: Observed) {
        *self.observed.lock().unwrap_or_else(PoisonError::into_inner) = observed;
    }

    /// Everything in the text format of Prometheus.
    ///
    /// # Errors
    /// When a value cannot be written.
    pub fn prometheus(&self) -> Result<String, Error> {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather());
        text.map_err(|error| Error::Telemetry { message: error.to_string() })
    }

    /// Sends what is left. A collector that does not answer is given up.
    pub fn finish(&self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::debug!(%error, "the last values were not sent");
        }
    }
}

/// Registers the gauges.
fn observe(meter: &Meter, observed: &Shared) {
    gauge_of(meter, observed, RUNS, |now| by(RUNS, now.runs.iter().map(|(k, n)| (k, *n as f64))));
    gauge_of(meter, observed, QUEUE_LENGTH, |now| vec![(now.queue_length as f64, vec![])]);
    gauge_of(meter, observed, QUEUE_WAIT, |now| {
        now.queue_wait_seconds.into_iter().map(|seconds| (seconds, vec![])).collect()
    });
    gauge_of(meter, observed, LEASES, |now| vec![(now.leases as f64, vec![])]);
    gauge_of(meter, observed, WORKERS, |now| vec![(now.workers as f64, vec![])]);
    gauge_of(meter, observed, GRANTED, |now| by(GRANTED, hours(now, |hours| hours.granted)));
    gauge_of(meter, observed, RESERVED, |now| by(RESERVED, hours(now, |hours| hours.reserved)));
    gauge_of(meter, observed, SPENT, |now| by(SPENT, hours(now, |hours| hours.spent)));
    gauge_of(meter, observed, CONNECTIONS, |now| {
        let states = ["used".to_owned(), "idle".to_owned()];
        by(CONNECTIONS, states.iter().zip(now.connections.map(|n| n as f64)))
    });
}

/// Values of a gauge with their labels.
type Values = Vec<(f64, Vec<KeyValue>)>;

fn by<'a>(of: Instrument, values: impl Iterator<Item = (&'a String, f64)>) -> Values {
    values.map(|(name, value)| (value, vec![KeyValue::new(of.label, name.clone())])).collect()
}

fn hours(now: &Observed, of: fn(&Hours) -> f64) -> impl Iterator<Item = (&String, f64)> {
    now.ledgers.iter().map(move |(project, hours)| (project, of(hours)))
}

fn gauge_of(meter: &Meter, observed: &Shared, of: Instrument, values: fn(&Observed) -> Values) {
    let observed = Arc::clone(observed);
    meter
        .f64_observable_gauge(of.name)
        .with_unit(of.unit)
        .with_description(of.what)
        .with_callback(move |observer| {
            let now = observed.lock().unwrap_or_else(PoisonError::into_inner);
            for (value, labels) in values(&now) {
                observer.observe(value, &labels);
            }
        })
        .build();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instrument_is_read_by_its_name() {
        let instruments = Instruments::new(None).unwrap();
        instruments.claimed(Duration::from_millis(3));
        instruments.heartbeat();
        instruments.points_stored(5);
        instruments.refitted(Duration::from_millis(40));
        let hours = Hours { granted: 3.0, reserved: 1.0, spent: 0.5 };
        instruments.set(Observed {
            runs: vec![("running".to_owned(), 2)],
            queue_length: 7,
            queue_wait_seconds: Some(12.5),
            ledgers: vec![("vision".to_owned(), hours)],
            connections: [1, 3],
            ..Observed::default()
        });
        let text = instruments.prometheus().unwrap();
        for instrument in ALL {
            let name = instrument.prometheus_name();
            let help = format!("# HELP {name} {}", instrument.what);
            assert!(text.contains(&help), "{help}\n{text}");
        }
        for line in [
            "sweepctl_claims_total 1",
            "sweepctl_metric_points_total 5",
            "sweepctl_ledger_spent_hours{project=\"vision\"} 0.5",
            "sweepctl_queue_length 7",
            "sweepctl_claim_duration_seconds_bucket{le=\"0.005\"} 1",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}\n{text}");
        }
    }
}
