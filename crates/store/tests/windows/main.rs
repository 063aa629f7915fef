//! The certificate stores of Windows. Each test has a store of its own, which it takes away again.

#![cfg(windows)]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

mod foreign;
mod import;
mod scene;
mod signing;
mod trash;
