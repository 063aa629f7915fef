//! tls-alpn-01 (RFC 8737): the CA opens a TLS connection that offers `acme-tls/1` alone, and looks for a self-signed
//! certificate with the digest of the key authorization.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use instant_acme::Identifier;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::AcmeError;
use super::ports::{Answer, Answers, Ports};

/// The protocol that the CA offers (RFC 8737, 6.2).
pub const ACME_TLS: &[u8] = b"acme-tls/1";

const CHALLENGE: &str = "tls-alpn-01";

/// A listener of our own, open while an order needs it; shared by all orders that use its port.
pub struct TlsResponder {
    ports: Ports,
    answers: Arc<Answers<CertifiedKey>>,
}

impl fmt::Debug for TlsResponder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsResponder").field("ports", &self.ports).finish_non_exhaustive()
    }
}

impl TlsResponder {
    /// One that will listen on `addresses`; without any, another listener answers with
    /// [`configuration`](Self::configuration).
    pub fn new(addresses: Vec<SocketAddr>) -> Self {
        Self { ports: Ports::new(CHALLENGE, addresses), answers: Arc::default() }
    }

    pub(super) async fn answer(
        &self,
        server_name: String,
        certificate: CertifiedKey,
    ) -> Result<Answer, AcmeError> {
        let acceptor = TlsAcceptor::from(self.configuration()?);
        let serve = move |stream| converse(stream, acceptor.clone());
        self.ports.answer(&self.answers, &server_name, certificate, serve).await
    }

    /// TLS that shows the certificates of the challenges under way and speaks nothing else: for a listener that
    /// serves other things too, and sees that a client offers [`ACME_TLS`].
    pub fn configuration(&self) -> Result<Arc<ServerConfig>, AcmeError> {
        let failed = |error: rustls::Error| AcmeError::Make {
            what: "the answer to tls-alpn-01",
            reason: error.to_string(),
        };
        let mut configuration = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Resolver(Arc::clone(&self.answers))));
        configuration.alpn_protocols = vec![ACME_TLS.to_vec()];
        configuration.session_storage = Arc::new(NoServerSessionStorage {});
        configuration.send_tls13_tickets = 0;
        Ok(Arc::new(configuration))
    }
}

/// The handshake is the answer; after it there is nothing to say (RFC 8737, 3).
async fn converse(stream: TcpStream, acceptor: TlsAcceptor) {
    if let Ok(mut stream) = acceptor.accept(stream).await {
        let _ = stream.shutdown().await;
    }
}

struct Resolver(Arc<Answers<CertifiedKey>>);

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Nobody else is shown a certificate that leads to no root.
        let offers = hello.alpn()?.eq([ACME_TLS]);
        self.0.find(&hello.server_name()?.to_ascii_lowercase()).filter(|_| offers)
    }
}

/// The name that the CA sends: an address is asked for by its name in the reverse zone (RFC 8738, 6).
pub(super) fn server_name(identifier: &Identifier) -> Result<String, AcmeError> {
    match identifier {
        Identifier::Dns(name) => Ok(name.to_ascii_lowercase()),
        Identifier::Ip(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            Ok(format!("{d}.{c}.{b}.{a}.in-addr.arpa"))
        }
        Identifier::Ip(IpAddr::V6(address)) => {
            let digits: Vec<String> = address
                .octets()
                .iter()
                .rev()
                .flat_map(|byte| [byte & 0x0F, byte >> 4])
                .map(|digit| format!("{digit:x}"))
                .collect();
            Ok(format!("{}.ip6.arpa", digits.join(".")))
        }
        _ => Err(AcmeError::Nonsense {
            action: "reading the challenge",
            reason: "the name is of an unknown kind".to_owned(),
        }),
    }
}

/// The certificate of RFC 8737, 3: for the one name, with the digest in a critical extension.
pub(super) fn certificate(identifier: &Identifier, digest: &[u8]) -> Result<CertifiedKey, AcmeError> {
    let what = "the certificate for tls-alpn-01";
    let failed = |error: rcgen::Error| AcmeError::Make { what, reason: error.to_string() };
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![match identifier {
        Identifier::Ip(address) => SanType::IpAddress(*address),
        other => SanType::DnsName(other.authorized(false).to_string().try_into().map_err(failed)?),
    }];
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    // The library's own check of the pair refuses the critical extension, which it does not know.
    let signer = aws_lc_rs::sign::any_ecdsa_type(&private)
        .map_err(|error| AcmeError::Make { what, reason: error.to_string() })?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_asked_for_by_their_reverse_names() {
        let name = |text: &str| server_name(&Identifier::Ip(text.parse().unwrap())).unwrap();
        assert_eq!(name("192.0.2.7"), "7.2.0.192.in-addr.arpa");
        assert_eq!(
            name("2001:db8::1"),
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }
}
