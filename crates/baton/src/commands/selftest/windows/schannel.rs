//! A certificate of the store served by the system itself, as the products serve theirs.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use baton_platform::certificate_store::CertificateStore;
use baton_platform::schannel::Credentials;

use super::super::bench::Bench;
use super::super::line::{NotPassed, Proven};
use super::super::tls::ask;
use super::store::{Kind, imported, location};

/// How long the server waits for its client.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn served(bench: &Bench, kind: Kind) -> Proven {
    let certificate = imported(bench, kind)?;
    let store = CertificateStore::open_existing(location().into(), bench.name())?;
    let stored = store.and_then(|store| store.find(certificate.thumbprint().as_bytes()));
    let stored = stored.ok_or_else(|| NotPassed::Failed("the certificate is not in its store".to_owned()))?;
    let credentials = Credentials::new(&stored)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let server = std::thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        credentials.shake_hands(&mut stream)
    });
    let shown = ask(bench, address, &certificate);
    // A client that was never there would leave the server waiting.
    drop(TcpStream::connect(address));
    match (shown, server.join()) {
        (Ok(shown), _) => Ok(shown),
        // What the server says of it tells more than what the client sees.
        (Err(_), Ok(Err(error))) => Err(NotPassed::from(error)),
        (Err(error), _) => Err(error),
    }
}
