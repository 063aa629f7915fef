//! What the pages show, asked of whoever has it.

use std::pin::Pin;

use baton_handover::{Report, Status};
use baton_state::{HandoverFilter, HandoverId};
use baton_x509::Thumbprint;

use crate::look::{CertificateLook, ManagedLook, StoreLook, TargetLook};
use crate::metrics::Measurements;
use crate::problem::Problem;

/// A future on the heap, so that a trait with it can be an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the pages show; implemented by the binary, which owns the engine and the settings.
///
/// All of it is asked when someone looks, and only then. An `Err` is told as it stands.
pub trait Overview: Send + Sync {
    /// How everything stands now.
    fn status(&self) -> BoxFuture<'_, Result<Status, String>>;

    /// The last handovers that pass a filter, the newest first.
    fn handovers(&self, filter: HandoverFilter, limit: u32) -> BoxFuture<'_, Result<Vec<Report>, String>>;

    /// One handover.
    fn handover(&self, id: HandoverId) -> BoxFuture<'_, Result<Report, Problem>>;

    /// A target, with its endpoints asked now.
    fn target(&self, name: String) -> BoxFuture<'_, Result<TargetLook, Problem>>;

    /// What the store of the settings holds.
    fn store(&self) -> BoxFuture<'_, Result<StoreLook, Problem>>;

    /// One certificate of the store.
    fn certificate(&self, thumbprint: Thumbprint) -> BoxFuture<'_, Result<CertificateLook, Problem>>;

    /// A `[[certificate]]` of the settings.
    fn managed(&self, name: String) -> BoxFuture<'_, Result<ManagedLook, Problem>>;

    /// The numbers for monitoring systems.
    fn measurements(&self) -> BoxFuture<'_, Result<Measurements, String>>;
}
