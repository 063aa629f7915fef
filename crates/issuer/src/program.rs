//! CAs that another program asks: any CA by a command of the administrator, and Active Directory Certificate Services.
//!
//! ```text
//! <data>/requests/<certificate>-<id>.json     0600: the key, and the request: durable before anyone sees it
//! <data>/exchange/                            0700
//!   <certificate>-<id>/                       0700: all that the program sees
//!     request.pem, request.der                the request
//!     certificate.pem, …                      what the program leaves
//! ```
//!
//! **The key never leaves.** The program gets the request alone, in a directory of its own.
//!
//! **No program is believed.** Whatever it says and whatever it ends with: the certificate must be there, and be for the
//! key and the names that were asked for. The other way round, a certificate that is there and leads to the issuer's
//! root is taken whatever the program ended with.
//!
//! **Nothing that was paid for is lost.** After a crash or a failure the same request is used again, and a certificate
//! that a program has left is looked at before it is run another time.

mod adcs;
mod command;
mod error;
mod exchange;

pub use adcs::{Adcs, AdcsSettings};
pub use command::{CommandAuthority, CommandSettings};
pub use error::{AwaitingApproval, ProgramError};
pub use exchange::ExchangeSettings;
