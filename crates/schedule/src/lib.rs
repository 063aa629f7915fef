//! When a certificate is due, how long to wait after a failure, and when a person must look.
//!
//! The policy, for certificates that live for minutes or for years alike:
//!
//! - **Due** at two thirds of the lifetime, at half when it is short, spread deterministically ([`due`]). An issuer
//!   may know better, for its load or because it is about to revoke: where it suggests a renewal window by RFC
//!   9773 (ACME Renewal Information), that goes first. This is the schedule to fall back to where it suggests
//!   none, or an invalid one (section 4.2), or does not answer.
//! - **Again** after pauses that grow, but never so far that a short lifetime passes by ([`backoff_within`]). They
//!   hold within a suggested window too: RFC 9773, section 4.2, leaves them to the client.
//! - **Attention** by the share of the lifetime that is left, not by days ([`attention`]).
//!
//! This crate is pure: it asks neither clock nor random numbers. The same certificate has the same moments
//! after a restart, on another machine, and in the next version.

mod attention;
mod backoff;
mod due;
mod lifetime;
mod spread;

pub use attention::{Attention, attention};
pub use backoff::{backoff, backoff_within};
pub use due::due;
pub use lifetime::Lifetime;
