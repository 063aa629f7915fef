//! The end of the old certificate: never in the same breath as the proof of the new one.

use std::sync::Arc;

use baton_platform::clock;
use baton_state::Retirement;
use baton_store::Store;
use baton_target::Target;
use baton_x509::{Fingerprint, Thumbprint};
use jiff::{SignedDuration, Timestamp};

use crate::engine::Engine;
use crate::error::HandoverError;
use crate::running::Running;

impl Engine {
    /// When the certificate before may go: after the grace period. One that lives less long than that is of no
    /// use for a roll back once it has expired, so it waits only as long as it lives.
    pub(crate) async fn retirement_of(
        &self,
        running: &Running<'_>,
        now: Timestamp,
    ) -> Result<Option<Retirement>, HandoverError> {
        match running.old_fingerprint() {
            Some(old) => self.retirement(old, &running.target.name, now).await,
            None => Ok(None),
        }
    }

    /// Puts a certificate that Baton brought on the list of those to be retired.
    pub async fn retire_later(&self, old: Fingerprint, now: Timestamp) -> Result<(), HandoverError> {
        if let Some(retirement) = self.retirement(old, "", now).await? {
            self.state.record_retirement(&retirement).await?;
        }
        Ok(())
    }

    async fn retirement(
        &self,
        old: Fingerprint,
        target: &str,
        now: Timestamp,
    ) -> Result<Option<Retirement>, HandoverError> {
        // One that Baton did not bring is not ours to remove: whoever did may use it elsewhere.
        let record = self.state.certificate(old).await?.filter(|record| !record.foreign);
        Ok(record.map(|record| {
            let lifetime = record.not_after.duration_since(record.not_before);
            let grace = self.grace.min(lifetime).max(SignedDuration::ZERO);
            let discard_at = now.saturating_add(grace).unwrap_or(now);
            Retirement {
                fingerprint: old,
                thumbprint: record.thumbprint,
                target: target.to_owned(),
                discard_at,
                discarded: false,
                shred_at: discard_at.saturating_add(grace).unwrap_or(discard_at),
            }
        }))
    }

    /// Retires what is due: first into the trash, and after a second grace period for good. A certificate that
    /// a target still names, or that an endpoint was last seen to serve, stays.
    pub async fn retire_due(
        &self,
        store: &dyn Store,
        targets: &[Arc<Target>],
    ) -> Result<Vec<Thumbprint>, HandoverError> {
        let now = clock::now();
        let mut retired = Vec::new();
        for mut retirement in self.state.retirements().await? {
            if retirement.discarded {
                if retirement.shred_at <= now
                    && targets
                        .iter()
                        .map(|target| target.store.as_ref())
                        .chain([store])
                        .all(|store| store.shred(retirement.thumbprint).is_ok())
                {
                    self.state.cancel_retirement(retirement.fingerprint).await?;
                }
                continue;
            }
            if retirement.discard_at > now || self.is_in_use(retirement.thumbprint, targets).await? {
                continue;
            }
            let removed = targets.iter().try_for_each(|target| target.remove_copies(retirement.thumbprint));
            if let Err(error) = removed {
                tracing::warn!(thumbprint = %retirement.thumbprint, "not retired: {error}");
                continue;
            }
            let stores = targets.iter().map(|target| target.store.as_ref()).chain([store]);
            if let Err(error) = stores.into_iter().try_for_each(|store| store.discard(retirement.thumbprint))
            {
                tracing::warn!(thumbprint = %retirement.thumbprint, "not retired: {error}");
                continue;
            }
            tracing::info!(thumbprint = %retirement.thumbprint, "retired: certificate and key are in the trash");
            retired.push(retirement.thumbprint);
            retirement.discarded = true;
            self.state.record_retirement(&retirement).await?;
        }
        Ok(retired)
    }

    /// When the next certificate is to be retired.
    pub async fn next_retirement(&self) -> Result<Option<Timestamp>, HandoverError> {
        let retirements = self.state.retirements().await?;
        Ok(retirements.iter().map(|r| if r.discarded { r.shred_at } else { r.discard_at }).min())
    }

    async fn is_in_use(
        &self,
        thumbprint: Thumbprint,
        targets: &[Arc<Target>],
    ) -> Result<bool, HandoverError> {
        for target in targets {
            match target.inspect() {
                Ok(inspection) if inspection.current != Some(thumbprint) => {}
                // Named; or not to be known, which is taken for named.
                _ => return Ok(true),
            }
            if !self.state.open_handovers(&target.name).await?.is_empty() {
                return Ok(true);
            }
        }
        let observations = self.state.observations().await?;
        Ok(observations
            .iter()
            .any(|o| o.served.as_ref().is_some_and(|served| served.thumbprint == thumbprint)))
    }
}
