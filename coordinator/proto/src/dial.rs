//! How a client reaches a coordinator: its address, and what it shows there.

use std::time::Duration;

use sweep_core::token::Secret;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

use crate::tls::TlsFault;
use crate::trace::traced;

/// A connection that shows the token, if there is one, with every call.
pub type Line = InterceptedService<Channel, Credentials>;

/// A handshake that takes longer than this is none.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a coordinator is, and what to show there.
#[derive(Clone, Debug)]
pub struct Dial {
    pub url: String,
    pub token: Option<Secret>,
    /// Who may vouch for the coordinator, as PEM; none for the authorities that browsers trust.
    pub authority: Option<Vec<u8>>,
}

impl Dial {
    /// Without a token.
    #[must_use]
    pub const fn open(url: String) -> Self {
        Self { url, token: None, authority: None }
    }

    /// Whether nobody on the way can read along.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.url.starts_with("https://")
    }

    /// What connects, when it is told to.
    ///
    /// # Errors
    /// When the address is none.
    pub fn endpoint(&self) -> Result<Endpoint, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(self.url.clone())?;
        if !self.is_secure() {
            return Ok(endpoint);
        }
        let tls = ClientTlsConfig::new().timeout(HANDSHAKE_TIMEOUT);
        endpoint.tls_config(match &self.authority {
            Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
            None => tls.with_webpki_roots(),
        })
    }

    /// Whether the coordinator at an address without TLS speaks it after all. Such a one only hangs up, as
    /// one does that went away: asked so, it shows a certificate.
    pub async fn speaks_tls(&self) -> bool {
        let Some(place) = self.url.strip_prefix("http://") else { return false };
        let secure = Self::open(format!("https://{place}"));
        let Ok(endpoint) = secure.endpoint() else { return false };
        match endpoint.connect_timeout(HANDSHAKE_TIMEOUT).connect().await {
            Ok(_) => true,
            Err(error) => TlsFault::of(&error).is_some_and(|fault| fault.is_of_certificate()),
        }
    }

    /// The channel of an endpoint, as clients want it. `span` names the span that a call is made in.
    #[must_use]
    pub fn line(&self, channel: Channel, span: fn() -> Option<String>) -> Line {
        InterceptedService::new(channel, Credentials::new(self.token.as_ref(), span))
    }
}

/// The headers of every call: who asks, and in which span.
#[derive(Clone, Debug)]
pub struct Credentials {
    authorization: Option<MetadataValue<Ascii>>,
    span: fn() -> Option<String>,
}

impl Credentials {
    /// A token that no header can hold is none that a coordinator knows: it will say so.
    fn new(token: Option<&Secret>, span: fn() -> Option<String>) -> Self {
        let header = token.map(|token| format!("Bearer {}", token.expose()).parse());
        let mut header = header.and_then(Result::<MetadataValue<Ascii>, _>::ok);
        if let Some(header) = &mut header {
            // Neither logs nor the compression of headers keep it.
            header.set_sensitive(true);
        }
        Self { authorization: header, span }
    }
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(header) = &self.authorization {
            request.metadata_mut().insert("authorization", header.clone());
        }
        Ok(traced(request, (self.span)().as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_sent_and_not_printed() {
        let token = Some(Secret::new("swp_0123abcd_secret".to_owned()));
        let dial = Dial { token, ..Dial::open("http://127.0.0.1:7700".to_owned()) };
        let mut credentials =
            Credentials::new(dial.token.as_ref(), || Some("00-1-2-01".to_owned()));
        let request = credentials.call(Request::new(())).unwrap();
        let sent = request.metadata().get("authorization").unwrap();
        assert_eq!(sent.to_str().unwrap(), "Bearer swp_0123abcd_secret");
        assert_eq!(request.metadata().get("traceparent").unwrap(), "00-1-2-01");
        for printed in [format!("{dial:?}"), format!("{credentials:?}"), format!("{request:?}")] {
            assert!(!printed.contains("secret"), "{printed}");
        }
        assert!(
            Credentials::new(None, || None).call(Request::new(())).unwrap().metadata().is_empty()
        );
    }
}
