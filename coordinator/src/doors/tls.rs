//! The coordinator's certificate and its key.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tonic::transport::{Identity, ServerTlsConfig};

use crate::Error;

/// A handshake that takes longer than this is none.
pub(crate) const HANDSHAKE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, then those of the authorities between it and the one that clients know.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl TlsFiles {
    /// Reads them for gRPC. A key that others can read is told of.
    pub(crate) fn read(&self) -> Result<ServerTlsConfig, Error> {
        let (certificate, key) = self.texts()?;
        if is_readable_by_others(&self.key) {
            let key = self.key.display();
            tracing::warn!(%key, "others can read the key: `chmod 600` leaves it to its owner");
        }
        let identity = Identity::from_pem(certificate, key);
        Ok(ServerTlsConfig::new().identity(identity).timeout(HANDSHAKE_TIMEOUT))
    }

    /// Reads them for HTTP/1.1.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, Error> {
        let (certificate, key) = self.texts()?;
        let unusable = |source: Box<dyn std::error::Error + Send + Sync>| {
            let (certificate, key) = (self.certificate.clone(), self.key.clone());
            Error::UnusableTls { certificate, key, source }
        };
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
        let chain = chain.map_err(|error| unusable(error.into()))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
        let key = key.map_err(|error| unusable(error.into()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| unusable(error.into()))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn texts(&self) -> Result<(String, String), Error> {
        Ok((read(&self.certificate, "CERTIFICATE")?, read(&self.key, "PRIVATE KEY")?))
    }
}

fn read(path: &Path, kind: &'static str) -> Result<String, Error> {
    let pem = std::fs::read_to_string(path)
        .map_err(|source| Error::UnreadablePem { path: path.to_owned(), source })?;
    let is_so = pem.lines().any(|line| line.starts_with("-----BEGIN") && line.contains(kind));
    if is_so { Ok(pem) } else { Err(Error::NoPem { path: path.to_owned(), kind }) }
}

fn is_readable_by_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_pem_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let certificate = file("cert", "-----BEGIN CERTIFICATE-----\n");
        let key = file("key", "-----BEGIN EC PRIVATE KEY-----\n");
        let files = TlsFiles { certificate: certificate.clone(), key: key.clone() };
        files.read().unwrap();
        assert!(is_readable_by_others(&key));
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!is_readable_by_others(&key));
        // Taken for each other.
        let swapped = TlsFiles { certificate: key, key: certificate };
        let refused = swapped.read().unwrap_err();
        assert!(matches!(&refused, Error::NoPem { kind: "CERTIFICATE", .. }), "{refused}");
        let missing = TlsFiles { key: folder.path().join("nowhere"), ..files };
        assert!(matches!(missing.read(), Err(Error::UnreadablePem { .. })));
    }
}
