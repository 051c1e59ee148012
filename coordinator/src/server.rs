//! A coordinator on a port: tasks and services over one database.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sweep_core::clock::SystemClock;
use sweep_store::Store;
use tokio::net::TcpListener;
use tonic::transport::ServerTlsConfig;
use tonic::transport::server::TcpIncoming;

use crate::context::Context;
use crate::doors::{self, Auth, Limits, TlsFiles};
use crate::{Error, api, health, observed, rest, tasks};

/// Where to listen and what to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The HTTP side; none without it.
    pub http: Option<rest::Options>,
    /// Collector that instruments are sent to (OTLP over gRPC).
    pub otlp: Option<String>,
    /// `sqlite:///path` or `postgres://...`.
    pub database_url: String,
    /// Corpora and checkpoints, shared with the workers.
    pub data_dir: PathBuf,
    /// Only a loopback address is served without.
    pub auth: Auth,
    /// Holds the token of the first administrator; without it one is made, in the data directory.
    pub bootstrap_token_file: Option<PathBuf>,
    /// None for a server that speaks in clear.
    pub tls: Option<TlsFiles>,
    pub limits: Limits,
    /// How long calls in progress may take to end once the server is asked to stop.
    pub grace: Duration,
}

/// A coordinator that has its ports and its database, and answers nobody yet.
pub struct Bound {
    context: Context,
    listener: TcpListener,
    address: SocketAddr,
    http: Option<rest::Bound>,
    tls: Option<ServerTlsConfig>,
    grace: Duration,
}

impl Bound {
    /// Takes the addresses and opens the database.
    ///
    /// # Errors
    /// When the database cannot be opened or is of a newer version, or an address is taken or would let
    /// strangers in.
    pub async fn new(options: Options) -> Result<Self, Error> {
        let http_address = options.http.as_ref().map(|http| http.listen);
        for address in [Some(options.listen), http_address].into_iter().flatten() {
            doors::must_be_safe(options.auth, address)?;
        }
        let tls = options.tls.as_ref().map(TlsFiles::read).transpose()?;
        let (listener, address) = listen(options.listen).await?;
        let http = match &options.http {
            Some(http) => {
                let tls = options.tls.as_ref().map(TlsFiles::acceptor).transpose()?;
                Some(rest::Bound::new(http).await?.with_tls(tls))
            }
            None => None,
        };
        let directory = |source| Error::Directory { path: options.data_dir.clone(), source };
        std::fs::create_dir_all(&options.data_dir).map_err(directory)?;
        let store = open(&options.database_url).await?;
        let context = Context::new(store, Arc::new(SystemClock), &options.data_dir);
        let context = context.with_auth(options.auth).with_limits(options.limits);
        let context =
            observed::instrumented(context, options.http.is_some(), options.otlp.as_deref())?;
        let token_file = options.bootstrap_token_file.as_deref();
        doors::bootstrap(&context, &options.data_dir, token_file).await?;
        Ok(Self { context, listener, address, http, tls, grace: options.grace })
    }

    /// Where workers and clients reach it.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the HTTP side is reached, if there is one.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(rest::Bound::address)
    }

    /// Serves until `stop` resolves. From then on no run is given out and watchers are told; calls in
    /// progress end, within the grace. Workers keep their runs and report again when a coordinator is
    /// there. `hurry` ends it at once.
    ///
    /// # Errors
    /// When the gRPC server stops by itself.
    pub async fn serve(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
        hurry: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        let Self { context, listener, address, http, tls, grace } = self;
        tracing::info!(%address, "serving");
        let mut tasks = tasks::spawn_all(&context);
        let http = http.map(|http| http.serve(&context));
        // On the heap: it holds the whole server, and would be moved with every future around it.
        let serving = Box::pin(run_to_the_end(&context, listener, tls, stop));
        tokio::select! {
            served = serving => served?,
            () = overdue(&context, grace) => tracing::warn!("calls in progress are cut"),
            () = hurry => tracing::warn!("asked twice to stop: calls in progress are cut"),
        }
        drop(http);
        tasks.shutdown().await;
        observed::finish(&context).await;
        context.store.close().await?;
        Ok(())
    }
}

/// Answers calls until `stop` resolves and those in progress have ended.
pub(crate) async fn run_to_the_end(
    context: &Context,
    listener: TcpListener,
    tls: Option<ServerTlsConfig>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let (reporter, health) = tonic_health::server::health_reporter();
    let router = api::router(context, tls)?.add_service(health);
    let closing = context.clone();
    let stop = async move {
        stop.await;
        tracing::info!("asked to stop: calls in progress may end");
        closing.close();
    };
    tokio::select! {
        served = router.serve_with_incoming_shutdown(incoming, stop) => Ok(served?),
        () = health::keep(context.clone(), reporter) => Ok(()),
    }
}

/// Resolves when the end has begun and taken too long.
async fn overdue(context: &Context, grace: Duration) {
    let mut closing = context.closing();
    // Whoever closes lives as long as the context that is borrowed here.
    let _ = closing.wait_for(|is_closing| *is_closing).await;
    tokio::time::sleep(grace).await;
}

pub(crate) async fn open(database_url: &str) -> Result<Store, Error> {
    let store = Store::open(database_url).await?;
    store.migrate().await?;
    Ok(store)
}

/// Takes the address, so that a taken one is an error before anything is promised.
pub(crate) async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let taken = |source| Error::AddressInUse { address: address.to_string(), source };
    let listener = TcpListener::bind(address).await.map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    Ok((listener, address))
}

/// Answers calls until `stop` resolves, and cuts those in progress: of a coordinator that only this machine
/// knows.
pub(crate) async fn run(
    context: &Context,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let router = api::router(context, None)?;
    // Open watches would keep a graceful shutdown waiting for ever: calls in flight are few and
    // short, so they are cut with the server.
    tokio::select! {
        served = router.serve_with_incoming(incoming) => served?,
        () = stop => {}
    }
    Ok(())
}
