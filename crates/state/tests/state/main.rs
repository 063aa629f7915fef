//! What the database promises those who rely on it, asked of a real one.

#![expect(clippy::unwrap_used, reason = "what these functions of tests cannot do is a failed test")]

mod broken_off;
mod full_disk;
mod people;
mod sign_in;

use baton_state::{PrincipalName, State, TokenHash};
use jiff::Timestamp;
use tempfile::TempDir;

/// A new database; the directory goes with it.
async fn database() -> (TempDir, State) {
    let directory = tempfile::tempdir().unwrap();
    let state = State::open(&directory.path().join("state.db")).await.unwrap();
    (directory, state)
}

fn noon() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

fn name(text: &str) -> PrincipalName {
    text.parse().unwrap()
}

fn token(number: u8) -> TokenHash {
    TokenHash([number; 32])
}
