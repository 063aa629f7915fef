//! The Designer: Baton's web interface.
//!
//! One page so far: how every certificate stands at every endpoint, and the last handovers. It reads; nothing
//! can be changed from it. Beside it are the same things as numbers for Prometheus, at `/metrics`.
//!
//! # Policy
//! - It listens on the loopback interface only, and over TLS only. Nobody signs in yet, so whoever reaches the
//!   port sees the page: that must be people on this machine and nobody else ([`Listener::bind`] refuses more).
//! - A browser on this machine runs strangers' pages too. A page that names this listener by a name of its own
//!   (DNS rebinding) is refused by that name; a page that frames or embeds this one is refused by the headers.
//! - The Designer is a target of Baton like any other: its certificate is swapped while it runs
//!   ([`HotCertificate`] is a [`HotSwap`](baton_target::HotSwap)), without a lost or a paused connection.
//! - The page works without JavaScript, and none is ever allowed to run on it.
//! - What there is to show comes from the binary through [`Overview`]; this crate knows no step of a handover.

mod connection;
mod guard;
mod hosts;
mod listener;
mod metrics;
mod overview;
mod page;
mod router;
mod tls;

pub use listener::{BindError, Listener};
pub use metrics::Measurements;
pub use overview::{BoxFuture, Overview};
pub use tls::{CertificateFiles, HotCertificate, LoadError};
