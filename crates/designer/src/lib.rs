//! The Designer: Baton's web interface.
//!
//! How every certificate stands at every endpoint, and the last handovers. Beside it are the same things as numbers
//! for Prometheus, at `/metrics`.
//!
//! # Policy
//! - It listens over TLS only, and without users on the loopback interface only: there whoever reaches the port is Server
//!   Admin ([`Listener::bind`] refuses more). With [`Access::Authenticated`] people sign in, and programs show a token.
//! - A browser on this machine runs strangers' pages too. A page that names this listener by a name of its own
//!   (DNS rebinding) is refused by that name; a page that frames or embeds this one is refused by the headers.
//! - The Designer is a target of Baton like any other: its certificate is swapped while it runs
//!   ([`HotCertificate`] is a [`HotSwap`](baton_target::HotSwap)), without a lost or a paused connection.
//! - Pages work without JavaScript; what scripts there are come from this server as files, and none stands in a page.
//! - Every route is a row of one table (`router.rs`) and names the [`Level`] that it asks for: there is no way to
//!   serve a page without one. What changes anything is taken from our own pages and from programs, never from the
//!   page of a stranger.
//! - What there is to show comes from the binary through [`Overview`]; this crate knows no step of a handover.

mod access;
mod api;
mod change;
mod connection;
mod form;
mod guard;
mod handler;
mod hosts;
mod language;
mod listener;
mod look;
mod metrics;
mod operation;
mod overview;
mod page;
mod problem;
mod route;
mod router;
mod same_origin;
mod settings;
mod tls;
mod write_limit;

pub use access::{
    Access, FIRST_LINK_LIFETIME, Identity, Level, PasswordError, Token, TokenError, Via, first_link,
    hash_password,
};
pub use change::{Actions, Change, Done, SuccessorKey, Upload};
pub use listener::{BindError, Listener, Site};
pub use look::{
    CertificateLook, Choice, EndpointLook, KnownCertificate, ManagedLook, PendingRequest, ProductLook,
    ServerLook, StoreLook, StoredCertificate, TargetLook,
};
pub use metrics::Measurements;
pub use overview::{BoxFuture, Overview};
pub use problem::{Problem, ProblemKind};
pub use route::RouteDescription;
pub use router::route_descriptions;
pub use settings::{
    Control, FoundServer, KeyProblem, SettingsChange, SettingsDesk, SettingsDraft, SettingsEdit,
    SettingsField, SettingsForm, SettingsKind, SettingsLook, SettingsPlan, SettingsRefusal, SettingsSaved,
    SettingsTable, SettingsValues, ShownSetting,
};
pub use tls::{CertificateFiles, HotCertificate, LoadError};
