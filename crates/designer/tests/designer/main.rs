//! The Designer from outside: real TLS connections to a listener in this process, with a handshake verified by
//! rustls, by OpenSSL or by curl, and requests written out by hand.
//!
//! Where a time limit is waited for, tokio's clock is paused: it runs on to the limit at once.

#![expect(clippy::unwrap_used, reason = "what these functions of tests cannot do is a failed test")]

mod access;
mod api;
mod certificate;
mod changes;
mod client;
#[cfg(target_os = "linux")]
mod cost;
#[cfg(target_os = "linux")]
mod descriptors;
mod fixed;
mod language;
mod listener;
mod listing;
mod metrics;
mod overview;
mod pages;
mod requests;
mod routes;
mod sample;
mod settings;
mod shutdown;
mod site;

use std::sync::OnceLock;

use baton_testkit::{Authority, IssuedCertificate};

/// One authority for the whole test program.
fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new("Designer Test"))
}

fn issue() -> IssuedCertificate {
    authority().issue(&["localhost", "127.0.0.1", "::1"]).sign()
}
