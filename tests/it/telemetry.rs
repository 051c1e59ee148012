//! One trace of a sweep over all its processes, as a real collector receives it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use opentelemetry_proto::tonic::collector::metrics::v1 as metrics;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1 as traces;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use sweep_runtime::instruments;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::sandbox::{Sandbox, budget_over};

/// What was received: spans with the service they come from, and the last value of each metric.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Received>>);

#[derive(Clone, Default)]
struct Received {
    spans: Vec<(String, Span)>,
    metrics: Vec<(String, f64)>,
}

impl Collector {
    /// Listens on a free port of this machine.
    async fn start() -> Result<(Self, String)> {
        let collector = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = Server::builder()
            .add_service(TraceServiceServer::new(collector.clone()))
            .add_service(MetricsServiceServer::new(collector.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Ok((collector, url))
    }

    fn note(&self, note: impl FnOnce(&mut Received)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn received(&self) -> Received {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn service(resource: Option<&Resource>) -> String {
    let attributes = resource.into_iter().flat_map(|resource| &resource.attributes);
    let name =
        attributes.filter(|attribute| attribute.key == "service.name").find_map(|attribute| {
            match attribute.value.as_ref()?.value.as_ref()? {
                Value::StringValue(name) => Some(name.clone()),
                _ => None,
            }
        });
    name.unwrap_or_default()
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<traces::ExportTraceServiceRequest>,
    ) -> Result<Response<traces::ExportTraceServiceResponse>, Status> {
        for of_resource in request.into_inner().resource_spans {
            let service = service(of_resource.resource.as_ref());
            let spans = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.note(|received| {
                received.spans.extend(spans.map(|span| (service.clone(), span)));
            });
        }
        Ok(Response::new(traces::ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<metrics::ExportMetricsServiceRequest>,
    ) -> Result<Response<metrics::ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_metrics);
        for metric in scopes.flat_map(|scope| scope.metrics) {
            let value = match metric.data {
                Some(Data::Sum(sum)) => sum.data_points.last().and_then(|point| point.value),
                Some(Data::Gauge(gauge)) => gauge.data_points.last().and_then(|point| point.value),
                Some(Data::Histogram(histogram)) => {
                    histogram.data_points.last().map(|point| Number::AsDouble(point.count as f64))
                }
                _ => None,
            };
            let value = match value {
                Some(Number::AsDouble(value)) => value,
                Some(Number::AsInt(value)) => value as f64,
                None => continue,
            };
            self.note(|received| received.metrics.push((metric.name, value)));
        }
        Ok(Response::new(metrics::ExportMetricsServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_is_one_trace_from_its_submission_over_the_workers_to_the_refits() -> Result<()> {
    let (collector, url) = Collector::start().await?;
    let arms = "  - { name: gpt, family: gpt, sizes: [{ width: 16, layers: 1, throughput: 20k \
                tokens/s }] }\n";
    let sandbox = Sandbox::new(&budget_over("traced", "[250 ms, 500 ms]", arms));
    let submitted = {
        let (submit, otlp) = (["submit", "budget.yaml", "--otlp"], url.clone());
        tokio::task::spawn_blocking(move || {
            sandbox.succeed(&[&submit[..], &[otlp.as_str()]].concat());
            sandbox
        })
    };
    let _sandbox = submitted.await?;
    let Received { spans, metrics } = collector.received();
    let told: Vec<String> = spans.iter().map(|(of, span)| format!("{of}: {}", span.name)).collect();
    let one = |name: &str| {
        let found = spans.iter().find(|(_, span)| span.name == name);
        found.map(|(_, span)| span).with_context(|| format!("no `{name}` among {told:#?}"))
    };
    let all = |name: &str| -> Vec<&(String, Span)> {
        spans.iter().filter(|(_, span)| span.name == name).collect()
    };
    let command = spans.iter().find(|(service, span)| {
        service == "sweepctl-submit" && span.name == "command" && span.parent_span_id.is_empty()
    });
    let (_, command) = command.with_context(|| format!("no command among {told:#?}"))?;
    let submit = one("/sweep.v1.SweepService/Submit")?;
    assert_eq!(submit.parent_span_id, command.span_id);
    assert_eq!(one("database create_sweep")?.parent_span_id, submit.span_id);
    let leases: BTreeSet<_> =
        all("lease").into_iter().map(|(_, span)| span.span_id.clone()).collect();
    let trains = all("train");
    assert_eq!((leases.len(), trains.len()), (2, 2), "{told:#?}");
    for (service, train) in &trains {
        assert_eq!(service, "sweepctl-worker");
        assert!(leases.contains(&train.parent_span_id));
    }
    for (service, finish) in all("/sweep.v1.WorkerService/Finish") {
        assert_eq!(service, "sweepctl-submit");
        assert!(trains.iter().any(|(_, train)| train.span_id == finish.parent_span_id));
    }
    assert_eq!(all("database succeed").len(), 2);
    for (_, span) in all("lease").into_iter().chain(all("refit")) {
        assert_eq!(span.parent_span_id, submit.span_id, "{}", span.name);
    }
    let refits: Vec<_> = all("refit").into_iter().map(|(_, span)| span.span_id.clone()).collect();
    assert!(!refits.is_empty());
    for (_, stored) in all("database put_forecast") {
        assert!(refits.contains(&stored.parent_span_id));
    }
    let of_sweep = ["/sweep", "database", "lease", "train", "refit"];
    for (service, span) in &spans {
        if of_sweep.iter().any(|name| span.name.starts_with(name)) {
            assert_eq!(span.trace_id, command.trace_id, "{service}: {}", span.name);
        }
    }
    let last =
        |name: &str| metrics.iter().rev().find(|(of, _)| of == name).map(|(_, value)| *value);
    assert_eq!(last("sweepctl.claims"), Some(2.0), "{metrics:?}");
    assert_eq!(last("sweepctl.claim.duration"), Some(2.0));
    assert_eq!(last("sweepctl.refit.duration"), Some(refits.len() as f64));
    assert!(last("sweepctl.metric.points").is_some_and(|points| points > 0.0));
    Ok(())
}

#[test]
fn the_dashboard_and_the_page_name_the_instruments_there_are() -> Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let known: BTreeSet<String> =
        instruments::ALL.iter().map(instruments::Instrument::prometheus_name).collect();
    let dashboard = fs::read_to_string(docs.join("grafana.json"))?;
    serde_json::from_str::<serde_json::Value>(&dashboard)?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = dashboard.split(|c| !is_name(c)).filter(|word| word.starts_with("sweepctl_"));
    let shown: BTreeSet<String> =
        words.map(|word| word.trim_end_matches("_bucket").to_owned()).collect();
    assert_eq!(shown, known);
    let page = fs::read_to_string(docs.join("telemetry.md"))?;
    for of in instruments::ALL {
        let label = if of.label.is_empty() { String::new() } else { format!("`{}` ", of.label) };
        let (prometheus, name, what) = (of.prometheus_name(), of.name, of.what);
        let row = format!("| `{prometheus}` | `{name}` | {label}| {what} |");
        ensure!(page.contains(&row), "the page lacks `{row}`");
    }
    Ok(())
}

#[test]
fn log_lines_may_be_json() -> Result<()> {
    let arms = "  - { name: gpt, family: gpt, sizes: [{ width: 16, layers: 1, throughput: 20k \
                tokens/s }] }\n";
    let sandbox = Sandbox::new(&budget_over("logged", "[250 ms]", arms));
    let output = sandbox.run(&["submit", "budget.yaml", "-v", "--log-format", "json"]);
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stderr = String::from_utf8(output.stderr)?;
    let lines = stderr.lines().filter(|line| line.starts_with('{'));
    let objects: Result<Vec<serde_json::Value>, _> = lines.map(serde_json::from_str).collect();
    let objects = objects?;
    ensure!(!objects.is_empty(), "{stderr}");
    for object in objects {
        ensure!(object["level"].is_string() && object["timestamp"].is_string(), "{object}");
    }
    Ok(())
}
