//! What Baton's tests stand on, and nothing that Baton itself stands on.
//!
//! This crate is an independent witness: it depends on no other crate of the workspace, so that a mistake in
//! Baton cannot hide behind the same mistake here. It makes its own certificates ([`authority`]), asks servers
//! with OpenSSL's command line ([`openssl`]) or with rustls under load ([`load`]), and hands over to real peers:
//! nginx ([`nginx`]) and a stand-in for the four Windows server products ([`product_server`], [`product`]). ACME
//! clients get their certificates from Pebble ([`pebble`]), with renewal information and profiles by an [`acme_proxy`]
//! in front of it, and may answer it by a [`webroot`] or in a zone of BIND or Knot ([`name_server`]). Other CAs are `openssl
//! ca` ([`openssl_authority`]) and a stand-in for Active Directory Certificate Services ([`certreq`]). Alerts arrive at a
//! [`receiver`] of webhooks or a [`mail_server`], and metrics go to a real [`prometheus`]. It stops a program at each of
//! its system calls ([`tracer`]), builds what a power cut leaves ([`power_cut`]), and keeps whole directories to put them
//! back ([`tree`]). A real browser ([`chromium`]) opens the pages.
//!
//! # Policy
//! - Fixtures panic with the full story (argument list, exit code, standard error): a test that cannot be set up
//!   is a failed test. What may fail *as part of a test* answers with a `Result`.
//! - Nothing here sleeps for a guess: [`condition`] waits until something is so, up to a limit.
//! - Everything is safe in parallel, within one process and between processes: temporary directories,
//!   [reserved ports](port::ReservedPort), no fixed names, no global state.
//! - What a fixture starts, it ends by process id when it is dropped.
//!
//! The servers and everything built on them need Unix; [`authority`], [`openssl`] and [`load`] work everywhere.

#![expect(clippy::panic, reason = "fixtures of tests: what cannot be set up is a failed test")]

pub mod authority;
pub mod condition;
pub mod invocation;
pub mod load;
#[cfg(unix)]
pub mod mail_server;
pub mod openssl;
#[cfg(unix)]
pub mod openssl_authority;
pub mod port;
pub mod program;
#[cfg(unix)]
pub mod receiver;
#[cfg(unix)]
pub mod webroot;

#[cfg(unix)]
mod acceptor;
#[cfg(unix)]
pub mod acme_proxy;
#[cfg(unix)]
pub mod certreq;
#[cfg(unix)]
pub mod chromium;
#[cfg(target_os = "linux")]
pub mod name_server;
#[cfg(unix)]
pub mod nginx;
#[cfg(unix)]
pub mod pebble;
#[cfg(unix)]
pub mod process;
pub mod product;
pub mod product_server;
#[cfg(unix)]
pub mod prometheus;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod power_cut;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod tracer;
#[cfg(unix)]
pub mod tree;

#[cfg(windows)]
pub mod share;

mod digest;
#[cfg(unix)]
mod server;

#[cfg(unix)]
pub use acme_proxy::{AcmeProxy, RecordedOrder, RenewalAnswer, certificate_identifier};
pub use authority::{Authority, IssuedCertificate};
#[cfg(unix)]
pub use certreq::Certreq;
pub use digest::{fingerprint, thumbprint};
pub use load::{LoadReport, TlsLoad};
#[cfg(unix)]
pub use mail_server::{MailOptions, MailServer, MailTls, ReceivedMail};
#[cfg(target_os = "linux")]
pub use name_server::NameServer;
#[cfg(unix)]
pub use nginx::Nginx;
#[cfg(unix)]
pub use openssl_authority::OpensslAuthority;
#[cfg(unix)]
pub use pebble::{Pebble, PebbleOptions};
#[cfg(windows)]
pub use product::ProductService;
pub use product::{ProductFixture, SettingsShape};
pub use product_server::Product;
pub use program::program;
#[cfg(unix)]
pub use prometheus::Prometheus;
#[cfg(unix)]
pub use receiver::{Answer, Received, Receiver};
#[cfg(unix)]
pub use webroot::Webroot;
