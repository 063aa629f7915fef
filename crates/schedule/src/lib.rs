//! When a certificate is due, how long to wait after a failure, and when a person must look.
//!
//! The policy, for certificates that live for minutes or for years alike:
//!
//! - **Due** when its issuer suggests it: at a moment chosen within its window ([`RenewalWindow`], RFC 9773, ACME
//!   Renewal Information). Where it suggests none, or an invalid one, or does not answer: at two thirds of the
//!   lifetime, at half when it is short, spread deterministically ([`due`]). Never later than when a quarter of the
//!   lifetime is left ([`latest`]).
//! - **Asked** at least twice a day, for a window may change: because a certificate is about to be revoked, say
//!   ([`ask_again`]).
//! - **Again** after pauses that grow, but never so far that a short lifetime passes by ([`backoff_within`]). They
//!   hold within a suggested window too: RFC 9773, section 4.2, leaves them to the client.
//! - **Limits** of an issuer are shared by all its certificates ([`Limits`]).
//! - **Attention** by the share of the lifetime that is left, not by days ([`attention`]).
//!
//! An [`Agenda`] puts all of it together, for one certificate or for a hundred thousand.
//!
//! This crate is pure: it asks neither clock nor random numbers. The same certificate has the same moments
//! after a restart, on another machine, and in the next version. A clock that was wrong for a while does no harm
//! that outlasts it: no moment to wait for is further away than the pause that was meant.

mod agenda;
mod attention;
mod backoff;
mod due;
mod lifetime;
mod limit;
mod queue;
mod situation;
mod spread;
mod window;

pub use agenda::{Agenda, CertificateId, IssuerId};
pub use attention::{Attention, attention};
pub use backoff::{backoff, backoff_within};
pub use due::due;
pub use lifetime::Lifetime;
pub use limit::{Limiter, Limits, Rate};
pub use situation::{Held, Next, Reason, Situation, Task, Tries, latest};
pub use window::{RenewalWindow, Suggestion, ask_after_failure, ask_again};
