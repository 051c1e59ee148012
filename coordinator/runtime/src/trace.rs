//! One trace over several processes: what a span is called in the headers of a call (W3C Trace
//! Context), and how a span of another process becomes the parent of one here.
//!
//! Where nobody collects spans, a span has no name and nothing is sent.

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Header of a call, and field of a message, that names the span a call is made in.
pub const TRACEPARENT: &str = "traceparent";

/// Names the current span for another process; none where nobody collects spans.
#[must_use]
pub fn current() -> Option<String> {
    name(&Span::current())
}

/// Names a span for another process; none where nobody collects it.
#[must_use]
pub fn name(span: &Span) -> Option<String> {
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut headers);
    headers.remove(TRACEPARENT)
}

/// Makes the span of another process the parent of this one. A name that is none changes nothing.
pub fn continue_from(span: &Span, traceparent: &str) {
    let headers = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let parent = TraceContextPropagator::new().extract(&headers);
    // Refused where nobody collects spans, and then it does not matter.
    let _ = span.set_parent(parent);
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn a_span_of_another_process_is_the_parent() {
        let collected = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(collected.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!("child");
            continue_from(&span, parent);
            let named = name(&span).unwrap();
            assert!(named.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{named}");
            assert_ne!(named, parent);
            span.in_scope(|| assert_eq!(current(), Some(named)));
        });
        let spans = collected.get_finished_spans().unwrap();
        assert_eq!(spans[0].parent_span_id.to_string(), "b7ad6b7169203331");
        assert_eq!(
            spans[0].span_context.trace_id().to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
    }

    #[test]
    fn where_nobody_collects_spans_nothing_is_sent() {
        let span = tracing::info_span!("alone");
        continue_from(&span, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert_eq!(name(&span), None);
        assert_eq!(current(), None);
    }
}
