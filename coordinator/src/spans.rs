//! One trace of each sweep: from whoever submitted it over the leases and the worker to the refits.
//!
//! The trace of a sweep is remembered as long as the process lives. After a restart it is one whose
//! number is the sweep's, so that what follows is still one trace.

use axum::http::HeaderMap;
use sweep_core::ids::SweepId;
use sweep_runtime::trace::{self, TRACEPARENT};
use tracing::Span;

use crate::context::Context;

/// Calls that come once a second of every run: their spans would be many and tell little.
const UNTRACED: [&str; 2] = ["/Heartbeat", "/PushMetrics"];

/// The span of a call whose caller names one of its own. Others, such as the questions of idle workers,
/// have none.
pub(crate) fn of_call(headers: &HeaderMap, path: &str) -> Span {
    let parent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    match parent {
        Some(parent) if !UNTRACED.iter().any(|untraced| path.ends_with(untraced)) => {
            let span = tracing::info_span!("call", otel.name = path, otel.kind = "server");
            trace::continue_from(&span, parent);
            span
        }
        _ => Span::none(),
    }
}

/// Remembers the current span as the one that began a sweep.
pub(crate) fn begin(context: &Context, sweep: SweepId) {
    if let Some(current) = trace::current() {
        context.live().traces.insert(sweep, current);
    }
}

/// Makes a span part of the trace of its sweep.
pub(crate) fn of_sweep(context: &Context, sweep: SweepId, span: Span) -> Span {
    let begun = context.live().traces.get(&sweep).cloned();
    trace::continue_from(&span, &begun.unwrap_or_else(|| derived(sweep)));
    span
}

/// The trace of a sweep that was submitted before this process began.
fn derived(sweep: SweepId) -> String {
    let number = sweep.0.simple().to_string();
    format!("00-{number}-{}-01", &number[16..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_of_an_earlier_process_has_always_the_same_trace() {
        let sweep: SweepId = "01a23257-7e95-74f7-9919-b1798070b50c".parse().unwrap();
        let expected = "00-01a232577e9574f79919b1798070b50c-9919b1798070b50c-01";
        assert_eq!(derived(sweep), expected);
    }
}
