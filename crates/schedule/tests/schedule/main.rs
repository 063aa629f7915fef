//! The schedule through its public surface.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

mod agenda;
mod moments;
mod simulation;
mod window;
