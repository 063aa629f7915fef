//! The engine: one target is moved from its certificate to the successor, or everything is as before.
//!
//! ```text
//! check ─► stage ─► switch ─► activate ─► prove ─► (grace period) ─► retire
//!             ▲________ roll back ________│
//! ```
//!
//! The journal is written, and durable, before a step acts and after it has acted. A step's actions are known
//! beforehand and idempotent both ways, so [`Engine::resume`] needs nothing but the journal and the target:
//! an interruption before the switch was complete is undone, one after it is proven, or else undone. *Served*
//! is said by handshakes alone.

mod check;
mod engine;
mod error;
mod find;
mod key_age;
mod known_chain;
mod observe;
mod previous;
mod record;
mod recover;
mod report;
mod resume;
mod retire;
mod roll_back;
mod running;
mod situation;
mod soundness;
mod status;
mod tls_on;
mod trouble;
mod trust;
mod window;

pub use engine::{Engine, Purpose, Request};
pub use error::HandoverError;
pub use find::{Place, PlaceKind, Search, SearchIn};
pub use key_age::{key_compromised, key_old};
pub use recover::{RecoverRequest, Reset};
pub use report::{ProofReport, Report, SCHEMA, StepReport};
pub use retire::{Kept, Retired};
pub use situation::{lifetime, situation};
pub use status::{DueReason, ServedReport, Status, StatusRow, Subject, WindowReport};
pub use trouble::{About, Certainty, Trouble, awaiting_approval};
pub use trust::KnownRoots;
pub use window::Watched;
