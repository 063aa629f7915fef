//! What the pages show, asked of whoever has it.

use std::pin::Pin;

use baton_handover::{Report, Status};

use crate::metrics::Measurements;

/// A future on the heap, so that a trait with it can be an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the overview shows; implemented by the binary, which owns the engine and the settings.
///
/// All of it is asked when someone looks, and only then. An `Err` is told as it stands.
pub trait Overview: Send + Sync {
    /// How everything stands now.
    fn status(&self) -> BoxFuture<'_, Result<Status, String>>;

    /// The last handovers, the newest first; how many is up to the implementation.
    fn handovers(&self) -> BoxFuture<'_, Result<Vec<Report>, String>>;

    /// The numbers for monitoring systems.
    fn measurements(&self) -> BoxFuture<'_, Result<Measurements, String>>;
}
