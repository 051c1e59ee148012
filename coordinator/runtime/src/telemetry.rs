//! Logs on stderr, and spans for a collector where one is named.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::{EnvFilter, Registry, filter, fmt};

use crate::error::Error;

/// Replaces what the verbosity asks for, in the notation of `tracing_subscriber::EnvFilter`.
const FILTER_VARIABLE: &str = "SWEEP_LOG";
/// Crates whose spans a collector is sent: those of libraries would be many and tell little.
const COLLECTED: [&str; 4] = ["sweepctl", "coordinator", "worker", "sweep_store"];

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, with the fields of the spans around it.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Logs {
    /// Warnings and errors at 0; 1 info, 2 debug, 3 trace. `SWEEP_LOG` overrides it.
    pub verbosity: u8,
    pub colour: bool,
    pub format: Format,
}

/// Where spans are sent.
#[derive(Clone, Copy, Debug)]
pub struct Collector<'a> {
    /// OTLP over gRPC, e.g. `http://127.0.0.1:4317`.
    pub endpoint: &'a str,
    /// What this process is called.
    pub service: &'a str,
}

/// What has to be ended with the process.
#[derive(Debug, Default)]
#[must_use]
pub struct Telemetry {
    spans: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Sends the spans that are left. A collector that does not answer is given up.
    pub fn finish(self) {
        if let Some(spans) = self.spans
            && let Err(error) = spans.shutdown()
        {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

/// Sends logs to `writer`, and spans to `collector`. A second call changes nothing.
///
/// # Errors
/// When `SWEEP_LOG` is not a filter or the collector's address is none.
///
/// # Panics
/// Outside a tokio runtime, where a collector is named.
pub fn init<W>(logs: Logs, collector: Option<Collector<'_>>, writer: W) -> Result<Telemetry, Error>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = match std::env::var(FILTER_VARIABLE) {
        Ok(value) if !value.is_empty() => {
            EnvFilter::try_new(&value).map_err(|source| Error::LogFilter { value, source })?
        }
        _ => EnvFilter::new(directives(logs.verbosity)),
    };
    let spans = collector.map(|collector| exported(&collector)).transpose()?;
    let sent = spans.as_ref().map(|spans| {
        let layer = tracing_opentelemetry::layer().with_tracer(spans.tracer("sweepctl"));
        layer.with_location(false).with_threads(false).with_filter(filter::filter_fn(is_collected))
    });
    let lines = fmt::layer().with_writer(writer).with_target(logs.verbosity > 1);
    let lines = match logs.format {
        Format::Text => lines.with_ansi(logs.colour).with_filter(filter).boxed(),
        Format::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    // Only a second call fails, and the first one's subscriber is as good.
    let _ = tracing::subscriber::set_global_default(Registry::default().with(lines).with(sent));
    Ok(Telemetry { spans })
}

fn exported(collector: &Collector<'_>) -> Result<SdkTracerProvider, Error> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(collector.endpoint).build();
    let exporter = exporter.map_err(|error| Error::Telemetry { message: error.to_string() })?;
    let resource = Resource::builder().with_service_name(collector.service.to_owned()).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

fn is_collected(of: &Metadata<'_>) -> bool {
    let krate = of.target().split("::").next().unwrap_or_default();
    of.is_span() && *of.level() <= Level::INFO && COLLECTED.contains(&krate)
}

/// Our own crates grow talkative first; libraries only at the last step.
const fn directives(verbosity: u8) -> &'static str {
    match verbosity {
        0 => "warn",
        1 => "info,sqlx=warn,h2=warn,hyper=warn",
        2 => "debug,sqlx=info,h2=info,hyper=info",
        _ => "trace",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_in_json_names_the_run_and_the_attempt() {
        let lines = Lines::default();
        let writer = lines.clone();
        let logs = Logs { format: Format::Json, ..Logs::default() };
        init(logs, None, move || writer.clone()).unwrap().finish();
        let span = tracing::warn_span!("train", run = "4f1c09ab", attempt = 2);
        span.in_scope(|| tracing::warn!(step = 7, "a checkpoint is passed over"));
        tracing::info!("nobody asked");
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["level"], &line["step"]), (&"WARN".into(), &7.into()));
        assert_eq!(line["message"], "a checkpoint is passed over");
        let span = &line["span"];
        assert_eq!((&span["run"], &span["attempt"]), (&"4f1c09ab".into(), &2.into()));
    }
}
