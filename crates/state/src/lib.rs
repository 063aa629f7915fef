//! What Baton remembers: the journal of handovers, certificates, proofs, observations, renewals and alerts;
//! and who may use the Designer, and what they did there.
//!
//! SQLite in WAL mode with `synchronous=FULL`: a write has reached the disk when its call returns, and the
//! engine relies on that, but for the one that says that a look has begun. No write transaction is ever held across a
//! wait for anything else.

mod access_level;
mod alert;
mod api_token;
mod audit;
mod certificate;
mod database;
mod error;
mod issuer;
mod journal;
mod key;
mod measure;
mod observation;
mod principal;
mod recovery;
mod renewal;
mod rescue;
mod retirement;
mod session;
mod sign_in_attempt;
mod suggestion;
mod token_hash;
mod user;

pub use access_level::AccessLevel;
pub use alert::{Alert, AlertChanges, AlertChannel, WaitingNotice};
pub use api_token::ApiToken;
pub use audit::{AuditEntry, NewAuditEntry};
pub use certificate::{CertificateRecord, Met, Origin};
pub use database::State;
pub use error::StateError;
pub use issuer::IssuerUse;
pub use journal::{
    Closing, Handover, HandoverFilter, HandoverId, NewHandover, Outcome, ProofRecord, Step, StepOutcome,
    StepRecord,
};
pub use key::KeyRecord;
pub use measure::{HANDOVER_SECONDS, HandoverTimes, Measures};
pub use observation::{Observation, Served};
pub use principal::{PrincipalName, PrincipalNameError};
pub use recovery::Recovery;
pub use renewal::{Attempts, Awaiting, InForce, Renewal, Standing};
pub use rescue::Rescue;
pub use retirement::{Replaced, Retirement};
pub use session::Session;
pub use sign_in_attempt::{AttemptSubject, AttemptVerdict, SignInAttempt};
pub use suggestion::{SuggestedWindow, SuggestionRecord};
pub use token_hash::TokenHash;
pub use user::User;
