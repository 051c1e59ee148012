//! The loop of a worker: lease, work, report, again.

use std::future::Future;
use std::time::Duration;

use sweep_core::code::ErrorCode;
use sweep_proto::v1::lease_reply::Work;
use sweep_proto::v1::{Idle, LeaseReply, LeaseRequest};
use sweep_proto::{TlsFault, WireError};
use sweep_trainer::TRAINER_VERSION;
use tokio::sync::watch;
use tonic::{Response, Status};

use crate::client::{self, Client};
use crate::{Error, Options, calibration, training};

/// What the parts of a worker share.
#[derive(Clone)]
pub(crate) struct Agent {
    pub(crate) options: Options,
    pub(crate) client: Client,
    /// True once the worker was told to stop.
    pub(crate) stopping: watch::Receiver<bool>,
    /// What it asks for work with, again and again.
    request: LeaseRequest,
}

/// Works until `stop` resolves; a run in progress is then handed back with a checkpoint.
///
/// # Errors
/// When the coordinator's address is none, or it refuses this worker. An absent coordinator is
/// waited for.
pub async fn run(
    options: Options,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let client = client::connect(&options.server)?;
    if options.server.speaks_tls().await {
        // It would be waited for without end.
        let source = fault(&TlsFault::SpeaksTls);
        return Err(Error::Unreachable { url: options.server.url, source });
    }
    let (sender, stopping) = watch::channel(false);
    let waiting = tokio::spawn(async move {
        stop.await;
        sender.send_replace(true);
        // Kept alive: a closed channel would read as never stopping.
        sender.closed().await;
    });
    let request = LeaseRequest {
        worker_id: options.id.to_string(),
        device: options.accelerator.name(),
        trainer: TRAINER_VERSION.to_owned(),
    };
    let agent = Agent { options, client, stopping, request };
    let worked = agent.work().await;
    waiting.abort();
    worked
}

impl Agent {
    /// Sends a request until the coordinator has answered.
    ///
    /// # Errors
    /// As [`client::insist`].
    pub(crate) async fn insist<R: Clone, T, Fut>(
        &self,
        request: R,
        send: impl Fn(Client, R) -> Fut,
    ) -> Result<T, Status>
    where
        Fut: Future<Output = Result<Response<T>, Status>>,
    {
        client::insist(&self.stopping, || send(self.client.clone(), request.clone())).await
    }

    async fn work(mut self) -> Result<(), Error> {
        while !*self.stopping.borrow() {
            let Some(work) = self.lease().await? else { return Ok(()) };
            match work {
                Work::Run(assignment) => training::work(&self, assignment).await?,
                Work::Calibration(assignment) => calibration::work(&self, assignment).await?,
                Work::Idle(Idle { retry_after_ms }) => {
                    let pause = Duration::from_millis(u64::from(retry_after_ms));
                    let stop = self.stopping.wait_for(|stop| *stop);
                    // Either way the loop looks again.
                    let _ = tokio::time::timeout(pause, stop).await;
                }
            }
        }
        Ok(())
    }

    /// Asks for work; None when told to stop while the coordinator is absent.
    async fn lease(&self) -> Result<Option<Work>, Error> {
        let send = |mut client: Client, request| async move { client.lease(request).await };
        match self.insist(self.request.clone(), send).await {
            Ok(LeaseReply { work }) => Ok(work),
            Err(_) if *self.stopping.borrow() => Ok(None),
            Err(status) => {
                let source = match TlsFault::of(&status) {
                    Some(found) => fault(&found),
                    None => WireError::of(&status),
                };
                let url = self.options.server.url.clone();
                Err(match source.code {
                    ErrorCode::Internal => Error::Unreachable { url, source },
                    _ => Error::Refused(source),
                })
            }
        }
    }
}

/// Why no connection comes about, as the coordinator itself would say it.
fn fault(fault: &TlsFault) -> WireError {
    WireError::new(ErrorCode::Internal, fault.to_string()).with_hint(fault.hint())
}
