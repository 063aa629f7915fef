//! dns-01 on real name servers, and on servers that lie, stall and flood.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up is a failed test")]

mod command;
mod hostile;
mod key_file;
mod liar;
mod propagation;
mod updates;
mod world;
