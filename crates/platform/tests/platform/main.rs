//! What every system must do: files that are wholly there or not at all, locks, commands with a time limit, the local
//! socket.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

mod access_list;
mod command;
mod durable;
mod local_socket;
mod lock;
mod sealed;
