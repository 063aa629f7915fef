//! Servers that name a certificate.
//!
//! A [`Target`] is a server that reads its certificate from somewhere: PEM files ([`Files`]) or a field of a
//! product's settings ([`Product`]). It can be looked at ([`Target::inspect`]), it says what a handover would
//! do to it ([`Target::plan`]) as a list of [`Action`]s that the engine journals, does and undoes, and it can
//! be told to take up what was changed ([`Target::activate`]). What it serves is asked by [`probe()`], over
//! real TLS, and never concluded from anything else.

mod action;
mod activation;
mod describe;
mod endpoint;
mod files;
mod guard;
mod image;
mod inspection;
mod key_access;
mod node;
mod probe;
mod product;
mod prove;
mod settings_file;
mod target;

pub use action::{Action, ActionContext, ActionError, ActionReport};
pub use activation::{Activation, ActivationError, HotSwap};
pub use endpoint::{Endpoint, EndpointAddress, InvalidEndpoint};
pub use files::{Files, Placement, Understood};
pub use guard::{Guard, WindowPlan};
pub use image::{FileImage, KeptFile};
pub use inspection::{Inspection, PlanError, Reference, TargetError, Tls};
pub use node::{Node, NodeError, THUMBPRINT};
pub use probe::{Handshake, KeyFamily, Seen, family_of, probe};
pub use product::{
    Listener, Look, Product, ProductKind, ProductServer, Protocol, Service, UnknownProduct, UnknownProtocol,
    UnknownServer,
};
pub use prove::{Counterpart, Expected, Policy, Proof, Unproven, prove};
pub use target::{Kind, Plan, Target};
