//! Tells people what is wrong.
//!
//! The policy:
//!
//! - **Once per cause**: a trouble is told when it begins, when it becomes more urgent, again after an interval as long
//!   as it lasts, and once more when it is over. What changes is decided without clock or database ([`decide`]).
//! - **Sure first**: what may be gone at the next look is looked at twice before anyone is told ([`Suspicions`]).
//! - **Nothing is forgotten**: what is to be told is durable before it is sent, and stays until the receiver has said
//!   yes. So a notice may come twice after a crash; its number is the same then.
//! - **Nobody waits**: each channel delivers by itself, within a time, and with growing pauses after a failure. Neither
//!   renewals nor other channels notice.
//! - **Nothing is given away**: of a URL only scheme and host are ever shown; passwords come from files.
//!
//! A [`Heartbeat`] is the other way round: whoever hears nothing any more knows that Baton itself has stopped.

mod alarm;
mod channel;
mod decide;
mod error;
mod heartbeat;
mod mail;
mod message;
mod notice;
mod receiver;
mod suspicion;
mod url;

pub use alarm::Alarm;
pub use channel::{Channel, Program, Transport, Webhook};
pub use decide::{Decision, Policy, Told, decide};
pub use error::DeliveryError;
pub use heartbeat::{Heartbeat, Pulse};
pub use mail::{Credentials, Encryption, InvalidMailbox, Mail, Mailbox, parse_mailbox};
pub use message::Message;
pub use notice::{Event, Notice};
pub use suspicion::{Sifted, Suspicions};
pub use url::{InvalidUrl, SecretUrl};
