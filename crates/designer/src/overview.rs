//! What the pages show, asked of whoever has it.

use std::pin::Pin;

use baton_handover::{Report, Status};

/// A future on the heap, so that a trait with it can be an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the overview shows; implemented by the binary, which owns the engine and the settings.
///
/// Both are asked for every view of the page, and only then. An `Err` is told on the page as it stands.
pub trait Overview: Send + Sync {
    /// How everything stands now.
    fn status(&self) -> BoxFuture<'_, Result<Status, String>>;

    /// The last handovers, the newest first; how many is up to the implementation.
    fn handovers(&self) -> BoxFuture<'_, Result<Vec<Report>, String>>;
}
