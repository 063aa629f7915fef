//! One handshake with one address: what does it serve?
//!
//! The verifier takes any certificate, because an expired or foreign one is an answer too; but it does check
//! the handshake's signature, so the server is known to hold the key of what it shows. Whether the
//! certificate is the right one is decided by whoever asked. Sessions are never resumed: a resumed session
//! shows no certificate.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use baton_x509::{KeyAlgorithm, X509};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, NamedGroup, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Which keys the client says it can check; a server with two certificates answers by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyFamily {
    /// ECDSA and EdDSA.
    Ecdsa,
    /// RSA.
    Rsa,
    /// Whatever the server likes best.
    #[default]
    Any,
}

/// The family that a certificate's key belongs to.
pub fn family_of(certificate: &X509) -> KeyFamily {
    match certificate.key_algorithm() {
        KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 => KeyFamily::Ecdsa,
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => KeyFamily::Rsa,
        KeyAlgorithm::Other => KeyFamily::Any,
    }
}

/// A finished handshake.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// The certificate that the server showed.
    pub leaf: X509,
    /// What it sent beside, in its order.
    pub chain: Vec<X509>,
    /// `TLSv1.3` or `TLSv1.2`.
    pub tls_version: &'static str,
}

/// What an address answered.
#[derive(Debug, Clone)]
pub enum Seen {
    /// A TLS handshake came to its end.
    Served(Box<Handshake>),
    /// It speaks HTTP without TLS.
    PlainHttp,
    /// Nobody listens there.
    Refused,
    /// No answer within the time limit.
    TimedOut,
    /// Something answers, and it is no TLS handshake that ends.
    Failed(String),
}

impl Seen {
    /// The handshake, if there was one.
    pub fn handshake(&self) -> Option<&Handshake> {
        match self {
            Self::Served(handshake) => Some(handshake),
            _ => None,
        }
    }

    /// The stable code of this answer when a certificate was expected.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Served(_) => "endpoint-serves-other",
            Self::PlainHttp => "endpoint-plain-http",
            Self::Refused => "endpoint-refused",
            Self::TimedOut => "endpoint-timed-out",
            Self::Failed(_) => "endpoint-tls-failed",
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Served(handshake) => write!(f, "serves the certificate {}", handshake.leaf.thumbprint()),
            Self::PlainHttp => f.write_str("answers plain HTTP instead of TLS"),
            Self::Refused => f.write_str("refuses the connection"),
            Self::TimedOut => f.write_str("does not answer in time"),
            Self::Failed(reason) => write!(f, "fails the TLS handshake: {reason}"),
        }
    }
}

/// Opens a new connection to `address`, shakes hands for `name`, and closes it.
pub async fn probe(address: SocketAddr, name: &str, family: KeyFamily, time_limit: Duration) -> Seen {
    match tokio::time::timeout(time_limit, shake_hands(address, name, family)).await {
        Err(_) => Seen::TimedOut,
        Ok(Ok(handshake)) => Seen::Served(Box::new(handshake)),
        Ok(Err(error)) => {
            if matches!(error.kind(), io::ErrorKind::ConnectionRefused) {
                return Seen::Refused;
            }
            match tokio::time::timeout(time_limit, answers_plain_http(address)).await {
                Ok(Ok(true)) => Seen::PlainHttp,
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Seen::Refused,
                _ => Seen::Failed(error.to_string()),
            }
        }
    }
}

async fn shake_hands(address: SocketAddr, name: &str, family: KeyFamily) -> io::Result<Handshake> {
    let invalid = |error: &dyn fmt::Display| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    let server_name = ServerName::try_from(name.to_owned()).map_err(|error| invalid(&error))?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let connector = tokio_rustls::TlsConnector::from(client_configuration(family)?);
    let mut stream = connector.connect(server_name, stream).await?;
    let (_, connection) = stream.get_ref();
    let mut certificates = connection.peer_certificates().unwrap_or_default().iter();
    let leaf = certificates.next().ok_or_else(|| invalid(&"the server showed no certificate"))?;
    let handshake = Handshake {
        leaf: X509::from_der(leaf).map_err(|error| invalid(&error))?,
        // What cannot be read cannot help to build the chain either.
        chain: certificates.filter_map(|certificate| X509::from_der(certificate).ok()).collect(),
        tls_version: match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        },
    };
    // The answer is complete; a server that dislikes the early close changes nothing about it.
    let _ = stream.shutdown().await;
    Ok(handshake)
}

/// Asks in plain HTTP: a server that takes a TLS greeting for a bad request may just hang up on it.
async fn answers_plain_http(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
    let mut answer = Vec::new();
    let mut bounded = stream.take(64 * 1024);
    let mut buffer = [0; 512];
    while answer.len() < 5 {
        let count = bounded.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..count]);
    }
    if !answer.starts_with(b"HTTP/") {
        return Ok(false);
    }
    // nginx and its like answer a plain request on a TLS port in plain words: that is TLS all the same.
    bounded.read_to_end(&mut answer).await.ok();
    let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    Ok(!text.contains("plain http request was sent to https port")
        && !text.contains("speaking plain http to an ssl-enabled"))
}

fn client_configuration(family: KeyFamily) -> io::Result<Arc<ClientConfig>> {
    let mut provider = aws_lc_rs::default_provider();
    // The certificate does not depend on the key exchange, so what costs most is offered last and sent on demand.
    provider.kx_groups.sort_by_key(|group| group.name() == NamedGroup::X25519MLKEM768);
    let provider = Arc::new(provider);
    let verifier = AnyCertificate { schemes: schemes(family, &provider), provider: Arc::clone(&provider) };
    let mut configuration = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    configuration.resumption = Resumption::disabled();
    Ok(Arc::new(configuration))
}

fn schemes(family: KeyFamily, provider: &CryptoProvider) -> Vec<SignatureScheme> {
    let is_rsa = |scheme: &SignatureScheme| {
        matches!(
            scheme,
            SignatureScheme::RSA_PKCS1_SHA256
                | SignatureScheme::RSA_PKCS1_SHA384
                | SignatureScheme::RSA_PKCS1_SHA512
                | SignatureScheme::RSA_PSS_SHA256
                | SignatureScheme::RSA_PSS_SHA384
                | SignatureScheme::RSA_PSS_SHA512
        )
    };
    let mut schemes = provider.signature_verification_algorithms.supported_schemes();
    match family {
        KeyFamily::Any => {}
        KeyFamily::Rsa => schemes.retain(is_rsa),
        KeyFamily::Ecdsa => schemes.retain(|scheme| !is_rsa(scheme)),
    }
    schemes
}

#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
