//! The origin's certificate and key.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use super::{ALPN, Fingerprint};

/// The name in the certificate. Nothing depends on it.
const CERTIFICATE_NAME: &str = "cortex-link";
/// The length of a line of PEM (RFC 7468).
const PEM_COLUMNS: usize = 64;

/// The certificate and private key that the origin shows to workers.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// Why an identity can't be created or parsed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("expected a PEM file with a certificate and its private key")]
    Pem,
    #[error("can't create a certificate: {0}")]
    Make(#[from] rcgen::Error),
    #[error("invalid certificate: {0}")]
    Tls(#[from] rustls::Error),
}

impl Identity {
    /// Generates a key and a certificate for it.
    ///
    /// # Errors
    /// Returns an error if the cryptographic library fails.
    pub fn generate() -> Result<Self, IdentityError> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new([CERTIFICATE_NAME.to_owned()])?.self_signed(&key)?;
        let certificate = certificate.der().clone();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok(Self { certificate, key })
    }

    /// Parses the output of [`Self::certificate_pem`] and [`Self::key_pem`], in one text or one
    /// after the other.
    ///
    /// # Errors
    /// Returns an error if the certificate or the key is missing.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        Ok(Self {
            certificate: CertificateDer::from_pem_slice(certificate).map_err(|_| IdentityError::Pem)?,
            key: PrivateKeyDer::from_pem_slice(key).map_err(|_| IdentityError::Pem)?,
        })
    }

    /// Returns the certificate for workers, in PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// Returns the private key in PEM. It is secret.
    #[must_use]
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", self.key.secret_der())
    }

    /// Returns the fingerprint by which workers identify the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    /// Returns the TLS 1.3 acceptor for workers.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, IdentityError> {
        let config = ServerConfig::builder_with_provider(cortex_platform::crypto::provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth();
        let mut config = config.with_single_cert(vec![self.certificate.clone()], self.key.clone_key())?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.fingerprint())
    }
}

/// Returns the fingerprint of a PEM certificate.
///
/// # Errors
/// Returns an error if the text has no certificate.
pub fn fingerprint_of_pem(text: &[u8]) -> Result<Fingerprint, IdentityError> {
    let certificate = CertificateDer::from_pem_slice(text).map_err(|_| IdentityError::Pem)?;
    Ok(Fingerprint::of(&certificate))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(PEM_COLUMNS));
        pem.push_str(line);
        pem.push('\n');
        rest = next;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_the_same_after_it_was_written_and_read() {
        let made = Identity::generate().unwrap();
        let (certificate, key) = (made.certificate_pem(), made.key_pem());
        let read = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(read.fingerprint(), made.fingerprint());
        assert_eq!(fingerprint_of_pem(certificate.as_bytes()).unwrap(), made.fingerprint());
        assert!(read.acceptor().is_ok());
        assert!(certificate.lines().all(|line| line.len() <= PEM_COLUMNS));
        assert!(!format!("{made:?}").contains("PRIVATE"));
    }

    #[test]
    fn two_identities_differ_and_their_parts_do_not_mix() {
        let (one, other) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        assert_ne!(one.fingerprint(), other.fingerprint());
        let mixed = Identity::from_pem(one.certificate_pem().as_bytes(), other.key_pem().as_bytes()).unwrap();
        assert!(matches!(mixed.acceptor(), Err(IdentityError::Tls(_))));
    }

    #[test]
    fn text_that_is_not_pem_is_refused() {
        let made = Identity::generate().unwrap();
        let (certificate, key) = (made.certificate_pem(), made.key_pem());
        assert!(Identity::from_pem(b"", key.as_bytes()).is_err());
        assert!(Identity::from_pem(certificate.as_bytes(), certificate.as_bytes()).is_err());
        assert!(fingerprint_of_pem(key.as_bytes()).is_err());
    }
}
