//! What is due when, and the loop that keeps it so.
//!
//! [`Renewals`] renews one certificate: it decides whether it is due, gets the successor, makes it durable, and
//! hands every target over by the engine. A successor that was issued and not handed over is a state of its own:
//! it is tried again from the certificate at hand, without a new order. [`Scheduler`] does that for all of them,
//! each at its time.

mod renewals;
mod run;
mod vitals;
mod work;

pub use renewals::{
    AcceptError, Answer, KeyChoice, ManagedCertificate, RenewError, RenewOptions, Renewals, RequestOptions,
    Requested,
};
pub use run::{Scheduler, Supervisor};
pub use vitals::Vitals;
