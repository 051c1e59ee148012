//! Calls to the coordinator that outlast its absence.

use std::future::Future;
use std::time::Duration;

use sweep_core::code::ErrorCode;
use sweep_proto::dial::{Dial, Line};
use sweep_proto::v1::worker_service_client::WorkerServiceClient;
use sweep_proto::{TlsFault, WireError};
use sweep_runtime::trace;
use tokio::sync::watch;
use tonic::{Code, Response, Status};

use crate::Error;

pub(crate) type Client = WorkerServiceClient<Line>;

/// A call that takes longer than this is repeated: the coordinator answers in milliseconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Once the worker was told to stop, an absent coordinator is waited for this long.
const PATIENCE_WHEN_STOPPING: Duration = Duration::from_secs(5);

/// Connects when the first call needs it.
pub(crate) fn connect(server: &Dial) -> Result<Client, Error> {
    let bad = |source| Error::BadAddress { url: server.url.clone(), source };
    let endpoint = server.endpoint().map_err(bad)?;
    let endpoint = endpoint.timeout(CALL_TIMEOUT).tcp_nodelay(true);
    Ok(WorkerServiceClient::new(server.line(endpoint.connect_lazy(), trace::current)))
}

/// Repeats `call` until the coordinator has answered. Every call may be repeated: the coordinator
/// takes a repetition for the same message.
///
/// # Errors
/// The coordinator's refusal; or, once `stopping` is true, that it does not answer.
pub(crate) async fn insist<T, F, Fut>(
    stopping: &watch::Receiver<bool>,
    mut call: F,
) -> Result<T, Status>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Response<T>, Status>>,
{
    let mut backoff = BACKOFF_MIN;
    let mut stopping = stopping.clone();
    let mut impatient_since = None;
    loop {
        match call().await {
            Ok(response) => return Ok(response.into_inner()),
            Err(status) if !is_absence(&status) => return Err(status),
            Err(status) => {
                if let Some(ms) = WireError::of(&status).retry_after_ms {
                    backoff = Duration::from_millis(ms).clamp(BACKOFF_MIN, BACKOFF_MAX);
                }
                if *stopping.borrow() {
                    let since = *impatient_since.get_or_insert_with(tokio::time::Instant::now);
                    if since.elapsed() > PATIENCE_WHEN_STOPPING {
                        return Err(status);
                    }
                }
                tracing::debug!(%status, ?backoff, "the coordinator does not answer");
            }
        }
        if *stopping.borrow() {
            tokio::time::sleep(backoff).await;
        } else {
            // Being told to stop ends the wait early.
            let _ = tokio::time::timeout(backoff, stopping.wait_for(|stop| *stop)).await;
        }
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

/// The coordinator did not answer, as opposed to refused; its own refusals carry details. One whose
/// disk is full is as good as absent until somebody has made room, and so is one that says when to come
/// again: it has no time now, or its database is being restarted.
fn is_absence(status: &Status) -> bool {
    if TlsFault::of(status).is_some() {
        // Waiting would not mend it.
        return false;
    }
    if !status.details().is_empty() {
        let error = WireError::of(status);
        return error.code == ErrorCode::Storage || error.retry_after_ms.is_some();
    }
    matches!(
        status.code(),
        Code::Unavailable | Code::Unknown | Code::DeadlineExceeded | Code::Cancelled
    )
}
