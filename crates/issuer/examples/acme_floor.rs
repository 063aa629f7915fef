//! The least that a certificate by ACME costs: the library over our client, nothing kept, nothing checked. What
//! `scripts/bench/acme` measures Baton against.
//!
//! `acme_floor DIRECTORY_URL ROOT.pem HTTP_PORT COUNT`: one account, then so many certificates; prints the median
//! milliseconds of one, key and request included.

#![expect(clippy::print_stdout, reason = "a figure for a script")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use baton_http::{Bytes, Client, Limits, Trusted};
use http_body_util::BodyExt as _;
use instant_acme::{
    Account, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType, Error, HttpClient, Identifier,
    NewAccount, NewOrder, OrderStatus,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

struct Transport(Client);

impl HttpClient for Transport {
    fn request(
        &self,
        request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let request = http::Request::from_parts(parts, body.to_bytes());
            let answer = client.send(request).await.map_err(|error| Error::Other(Box::new(error)))?;
            Ok(answer.map(http_body_util::Full::new).into())
        })
    }
}

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, root, port, count] = arguments.as_slice() else {
        return Err("usage: acme_floor DIRECTORY_URL ROOT.pem HTTP_PORT COUNT".into());
    };
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    let answer: Arc<Mutex<String>> = Arc::default();
    let shown = Arc::clone(&answer);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let body = shown.lock().map(|body| body.clone()).unwrap_or_default();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    let limits = Limits { time: Duration::from_secs(30), body: 1024 * 1024 };
    let client = Client::secure(&Trusted::Only(vec![CertificateDer::from_pem_file(root)?]), limits)?;
    let new = NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
    let builder = Account::builder_with_http(Box::new(Transport(client)));
    let (account, _) = builder.create(&new, url.clone(), None).await?;
    let mut took = Vec::new();
    for number in 0..count.parse::<usize>()? {
        let began = Instant::now();
        obtain(&account, &format!("floor{number}.example.com"), &answer).await?;
        took.push(began.elapsed());
    }
    took.sort();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    println!("{:.1}", median.as_secs_f64() * 1e3);
    Ok(())
}

async fn obtain(account: &Account, name: &str, answer: &Mutex<String>) -> Result<String, Failure> {
    let identifiers = [Identifier::Dns(name.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Pending {
            let mut challenge = authorization.challenge(ChallengeType::Http01).ok_or("no http-01")?;
            *answer.lock().map_err(|_| "poisoned")? = challenge.key_authorization().as_str().to_owned();
            challenge.set_ready().await?;
        }
    }
    let pause = Duration::from_millis(5);
    while order.refresh().await?.status == OrderStatus::Pending {
        tokio::time::sleep(pause).await;
    }
    let key = rcgen::KeyPair::generate()?;
    let request = rcgen::CertificateParams::new(vec![name.to_owned()])?.serialize_request(&key)?;
    order.finalize_csr(request.der()).await?;
    loop {
        if let Some(certificate) = order.certificate().await? {
            return Ok(certificate);
        }
        tokio::time::sleep(pause).await;
    }
}
