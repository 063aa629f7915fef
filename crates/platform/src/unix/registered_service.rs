//! Services by their names on Windows. On this system none has such a name.

use std::path::PathBuf;

/// The program of a service: `None`, whatever its name.
pub fn program(_service: &str) -> Option<PathBuf> {
    None
}
