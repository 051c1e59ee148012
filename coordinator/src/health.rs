//! Whether this coordinator is well, by gRPC's health protocol
//! (<https://github.com/grpc/grpc/blob/master/doc/health-checking.md>).
//!
//! `liveness` serves for as long as the process answers; `readiness`, and the service without a name,
//! only while the database answers and nobody has asked to stop. Nobody signs in to ask.

use std::time::Duration;

use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::context::Context;

/// A probe learns of a database that went away this much later, at most.
const TICK: Duration = Duration::from_secs(1);
/// One that does not answer within this is as good as gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps the status true; never ends.
pub(crate) async fn keep(context: Context, reporter: HealthReporter) {
    reporter.set_service_status("liveness", ServingStatus::Serving).await;
    let mut closing = context.closing();
    loop {
        let is_closing = *closing.borrow_and_update();
        let answers = async { context.store.ping().await.is_ok() };
        let is_ready = !is_closing && tokio::time::timeout(PATIENCE, answers).await == Ok(true);
        let status = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in ["readiness", ""] {
            reporter.set_service_status(service, status).await;
        }
        // Either way the loop looks again.
        let _ = tokio::time::timeout(TICK, closing.changed()).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sweep_core::clock::SystemClock;
    use sweep_store::Store;
    use tonic::transport::{Channel, Endpoint};
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_client::HealthClient;

    use super::*;
    use crate::doors::Auth;
    use crate::server::{listen, run_to_the_end};

    /// Waits until a service has this status.
    async fn becomes(client: &HealthClient<Channel>, service: &str, expected: ServingStatus) {
        let request = HealthCheckRequest { service: service.to_owned() };
        let watched = client.clone().watch(request).await.expect("nobody signs in to ask");
        let mut watched = watched.into_inner();
        let limit = Duration::from_secs(60);
        let seen = tokio::time::timeout(limit, async {
            while let Ok(Some(told)) = watched.message().await {
                if told.status() == expected {
                    return true;
                }
            }
            false
        });
        assert_eq!(seen.await, Ok(true), "{service} does not become {expected:?}");
    }

    #[tokio::test]
    async fn a_coordinator_is_ready_while_its_database_answers_and_nobody_stops_it() {
        let folder = tempfile::tempdir().unwrap();
        let url = sweep_store::sqlite_url(&folder.path().join("sweep.db"));
        let store = Store::open(&url).await.unwrap();
        let context = Context::new(store, Arc::new(SystemClock), folder.path());
        let context = context.with_auth(Auth::Tokens);
        let (listener, address) = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let serving = context.clone();
        tokio::spawn(async move {
            run_to_the_end(&serving, listener, None, std::future::pending()).await
        });
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let client = HealthClient::new(endpoint.connect().await.unwrap());
        for service in ["liveness", "readiness", ""] {
            becomes(&client, service, ServingStatus::Serving).await;
        }
        context.store.close().await.unwrap();
        for service in ["readiness", ""] {
            becomes(&client, service, ServingStatus::NotServing).await;
        }
        becomes(&client, "liveness", ServingStatus::Serving).await;
    }
}
