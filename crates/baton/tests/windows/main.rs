//! The command line on Windows: what only Windows has, with real services of the service control manager.

#![cfg(windows)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up is a failed test")]

mod init;
mod local_machine;
mod machine_store;
mod own_service;
mod scene;
mod sealed;
mod selftest;
mod services;
mod settings;
mod sweep;
#[path = "../baton/world.rs"]
#[expect(dead_code, reason = "what the tests on Linux need beside")]
mod world;
