//! Connections behind TLS, for the HTTP server. One that is slow to shake hands holds up nobody else.

use std::io;
use std::net::SocketAddr;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::doors::HANDSHAKE_TIMEOUT;

/// Handshakes in progress; whoever comes then waits in the queue of the system.
const HANDSHAKES_MAX: usize = 256;

pub(super) struct Secure {
    listener: TcpListener,
    tls: TlsAcceptor,
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl Secure {
    pub(super) fn new(listener: TcpListener, tls: TlsAcceptor) -> Self {
        Self { listener, tls, handshakes: JoinSet::new() }
    }

    fn shake(&mut self, stream: TcpStream, from: SocketAddr) {
        let handshake = timeout(HANDSHAKE_TIMEOUT, self.tls.accept(stream));
        self.handshakes.spawn(async move {
            match handshake.await {
                Ok(Ok(stream)) => Some((stream, from)),
                Ok(Err(error)) => {
                    tracing::debug!(%from, %error, "no handshake");
                    None
                }
                Err(_) => None,
            }
        });
    }
}

impl Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let has_room = self.handshakes.len() < HANDSHAKES_MAX;
            tokio::select! {
                // As axum's own: what fails to connect is waited out and tried again.
                (stream, from) = Listener::accept(&mut self.listener), if has_room => {
                    self.shake(stream, from);
                }
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
