//! Why no secure connection came about, in words that help.

use std::error::Error;
use std::io;

use rustls::{CertificateError, Error as RustlsError, InvalidMessage};

/// What is wrong between a client and a coordinator that both are there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    #[error("nobody that is trusted here vouches for the coordinator's certificate")]
    UnknownAuthority,
    #[error("the coordinator's certificate has expired")]
    Expired,
    #[error("the coordinator's certificate is not valid yet")]
    NotYetValid,
    #[error("the coordinator's certificate is for another name")]
    OtherName,
    #[error("the coordinator's certificate cannot be accepted: {0}")]
    BadCertificate(String),
    #[error("the coordinator speaks TLS, and was spoken to without")]
    SpeaksTls,
    #[error("the coordinator speaks no TLS")]
    SpeaksNoTls,
}

impl TlsFault {
    /// Finds it among the causes of a failed connection or call.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            let inner = inner.and_then(|inner| inner.downcast_ref::<RustlsError>());
            if let Some(found) = inner.or_else(|| error.downcast_ref()).and_then(Self::of_tls) {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    fn of_tls(error: &RustlsError) -> Option<Self> {
        Some(match error {
            RustlsError::InvalidCertificate(error) => match error {
                // A chain that ends with an authority of the same name has a bad signature.
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    Self::UnknownAuthority
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    Self::Expired
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    Self::NotYetValid
                }
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => Self::OtherName,
                other => Self::BadCertificate(other.to_string()),
            },
            RustlsError::InvalidMessage(InvalidMessage::InvalidContentType) => Self::SpeaksNoTls,
            _ => return None,
        })
    }

    /// A certificate was shown, and is not accepted.
    pub(crate) const fn is_of_certificate(&self) -> bool {
        !matches!(self, Self::SpeaksTls | Self::SpeaksNoTls)
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::UnknownAuthority => {
                "`--ca FILE` or SWEEP_CA names the certificate of the authority that signed it"
            }
            Self::Expired | Self::BadCertificate(_) => {
                "whoever runs the coordinator has to give it another: `sweepctl serve --tls-cert`"
            }
            Self::NotYetValid => "is the clock of this machine right?",
            Self::OtherName => "take the name or address that the certificate is for",
            Self::SpeaksTls => "its address begins with `https://`",
            Self::SpeaksNoTls => "its address begins with `http://`",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("transport error")]
    struct Wrapped(#[source] io::Error);

    fn of(error: RustlsError) -> Option<TlsFault> {
        TlsFault::of(&Wrapped(io::Error::new(io::ErrorKind::InvalidData, error)))
    }

    #[test]
    fn a_fault_is_found_below_what_wraps_it() {
        let bad = |error| of(RustlsError::InvalidCertificate(error));
        assert_eq!(bad(CertificateError::UnknownIssuer), Some(TlsFault::UnknownAuthority));
        assert_eq!(bad(CertificateError::Expired), Some(TlsFault::Expired));
        assert_eq!(bad(CertificateError::NotValidForName), Some(TlsFault::OtherName));
        assert!(matches!(bad(CertificateError::Revoked), Some(TlsFault::BadCertificate(_))));
        let plain = RustlsError::InvalidMessage(InvalidMessage::InvalidContentType);
        assert_eq!(of(plain), Some(TlsFault::SpeaksNoTls));
        assert_eq!(of(RustlsError::DecryptError), None);
    }
}
