//! TLS by Baton itself, asked by the same handshake that proves a handover.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use baton_designer::{CertificateFiles, HotCertificate};
use baton_platform::durable::{self, Attributes};
use baton_target::{KeyFamily, Seen, probe};
use baton_x509::{Certificate, KeyAlgorithm};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::bench::{Bench, HOST};
use super::line::{Line, NotPassed, Proven, ensure};

/// How long one handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

pub(super) fn lines() -> Vec<Line> {
    [("rsa", KeyAlgorithm::Rsa2048), ("ecdsa", KeyAlgorithm::EcdsaP256)]
        .map(|(kind, algorithm)| Line::new(format!("tls-{kind}"), move |bench| served(bench, algorithm)))
        .into()
}

fn served(bench: &Bench, algorithm: KeyAlgorithm) -> Proven {
    let certificate = bench.certificate(algorithm)?;
    let files = write(bench, &certificate)?;
    let hot = HotCertificate::load(files)?;
    let listener = bench.wait(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))??;
    let address = listener.local_addr()?;
    let serving = bench.spawn(serve(listener, hot));
    let shown = ask(bench, address, &certificate);
    serving.abort();
    shown
}

/// The files of a certificate, as a server reads them.
pub(super) fn write(bench: &Bench, certificate: &Certificate) -> Result<CertificateFiles, NotPassed> {
    let files = files(bench.path("served"));
    let key = certificate.key().ok_or_else(|| NotPassed::Failed("the certificate has no key".to_owned()))?;
    durable::create_private_directory(&bench.path("served"))?;
    durable::replace(&files.certificate, certificate.to_pem().as_bytes(), Attributes::private_file())?;
    durable::replace(&files.key, key.to_pem().as_bytes(), Attributes::private_file())?;
    Ok(files)
}

/// Where they are in a directory.
pub(super) fn files(directory: PathBuf) -> CertificateFiles {
    CertificateFiles { certificate: directory.join("certificate.pem"), key: directory.join("key.pem") }
}

/// Shakes hands with whoever comes, for as long as it is not dropped.
pub(super) async fn serve(listener: TcpListener, certificate: Arc<HotCertificate>) {
    let acceptor = TlsAcceptor::from(certificate.configuration());
    while let Ok((stream, _)) = listener.accept().await {
        // What went wrong the client says.
        let _ = acceptor.accept(stream).await;
    }
}

/// Shakes hands with an address, which must show this certificate and prove that it has its key.
pub(super) fn ask(bench: &Bench, address: SocketAddr, certificate: &Certificate) -> Proven {
    match bench.wait(probe(address, HOST, KeyFamily::Any, HANDSHAKE))? {
        Seen::Served(handshake) => {
            let thumbprint = handshake.leaf.thumbprint();
            ensure(thumbprint == certificate.thumbprint(), || {
                format!("it serves {thumbprint} and not {}", certificate.thumbprint())
            })?;
            Ok(format!("a handshake by {}", handshake.tls_version))
        }
        seen => Err(NotPassed::Failed(format!("it {seen}"))),
    }
}
