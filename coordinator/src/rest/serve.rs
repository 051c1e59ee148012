//! The HTTP side on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::HeaderValue;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::router;
use super::secure::Secure;
use crate::context::Context;
use crate::hub::Hub;
use crate::{Error, server};

/// Where to listen, and who may ask.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Origins whose pages may ask, e.g. `https://sweeps.example`; by default none but its own.
    pub origins: Vec<String>,
}

/// An address that was taken and is not answered yet.
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    origins: Vec<HeaderValue>,
    /// None where it speaks in clear.
    tls: Option<TlsAcceptor>,
}

impl Bound {
    /// Takes the address, so that a taken one is an error before anything is promised.
    pub(crate) async fn new(options: &Options) -> Result<Self, Error> {
        let origins = options.origins.iter().map(|origin| {
            let is_origin = origin.contains("://") && !origin.ends_with('/') && origin != "*";
            let value = HeaderValue::from_str(origin).ok().filter(|_| is_origin);
            value.ok_or_else(|| Error::BadOrigin { origin: origin.clone() })
        });
        let origins = origins.collect::<Result<_, _>>()?;
        let (listener, address) = server::listen(options.listen).await?;
        Ok(Self { listener, address, origins, tls: None })
    }

    /// The same, behind this certificate.
    pub(crate) fn with_tls(self, tls: Option<TlsAcceptor>) -> Self {
        Self { tls, ..self }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the set is dropped. Open streams of events are cut with it: whoever reads them
    /// asks again and goes on.
    pub(crate) fn serve(self, context: &Context) -> JoinSet<()> {
        let Self { listener, address, origins, tls } = self;
        let hub = Arc::new(Hub::new(context.now().0));
        let router = router(context, Arc::clone(&hub), &origins);
        let mut serving = JoinSet::new();
        let watched = context.clone();
        serving.spawn(async move { hub.watch(&watched).await });
        serving.spawn(async move {
            let served = match tls {
                Some(tls) => axum::serve(Secure::new(listener, tls), router).await,
                None => axum::serve(listener, router).await,
            };
            if let Err(error) = served {
                tracing::error!(%address, %error, "the HTTP server stopped");
            }
        });
        serving
    }
}
