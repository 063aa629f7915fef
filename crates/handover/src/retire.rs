//! The end of the old certificate: never in the same breath as the proof of the new one.

use baton_finding::Explain as _;
use baton_platform::clock;
use baton_state::{Replaced, Retirement};
use baton_x509::{Fingerprint, Thumbprint};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::HandoverError;
use crate::find::SearchIn;

/// A certificate that was removed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Retired {
    /// The certificate.
    pub thumbprint: Thumbprint,
    /// The target that used it.
    pub target: String,
    /// `false`: it is in the trash now; `true`: it was there, and is gone for good.
    pub deleted: bool,
}

/// A certificate that was replaced and stays for now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The certificate.
    pub thumbprint: Thumbprint,
    /// The target that used it.
    pub target: String,
    /// When its grace period ends.
    pub due: Timestamp,
    /// Whether it is in the trash already.
    pub in_trash: bool,
    /// Why it stays.
    pub reason: String,
}

impl Engine {
    /// Puts a certificate that Baton brought on the list of those to be retired.
    pub async fn retire_later(&self, old: Fingerprint, now: Timestamp) -> Result<(), HandoverError> {
        Ok(self.state.record_replaced(&self.replaced(old, ""), now).await?)
    }

    /// A certificate that is replaced at a target, and stays for the grace period.
    pub(crate) fn replaced(&self, old: Fingerprint, target: &str) -> Replaced {
        Replaced { fingerprint: old, target: target.to_owned(), grace: self.grace }
    }

    /// Retires what is due: first into the trash, and after a second grace period for good. A certificate that is
    /// needed anywhere, or of which that cannot be known, stays.
    ///
    /// One that Baton did not bring is not ours to remove, since whoever did may use it elsewhere: `foreign` says
    /// that those may go too.
    pub async fn retire_due(
        &self,
        places: SearchIn<'_>,
        foreign: bool,
        dry_run: bool,
    ) -> Result<(Vec<Retired>, Vec<Kept>), HandoverError> {
        let now = clock::now();
        let (mut retired, mut kept) = (Vec::new(), Vec::new());
        for retirement in self.state.retirements().await? {
            let due_at = if retirement.discarded { retirement.shred_at } else { retirement.discard_at };
            let mut reason = self.stays(&retirement, due_at, now, places, foreign).await?;
            if reason.is_none()
                && !dry_run
                && let Err(error) = self.remove(&retirement, places).await
            {
                tracing::warn!(thumbprint = %retirement.thumbprint, "not retired: {}", error.chain());
                reason = Some(error.chain());
            }
            match reason {
                Some(reason) => kept.push(Kept {
                    thumbprint: retirement.thumbprint,
                    target: retirement.target,
                    due: due_at,
                    in_trash: retirement.discarded,
                    reason,
                }),
                None => retired.push(Retired {
                    thumbprint: retirement.thumbprint,
                    target: retirement.target,
                    deleted: retirement.discarded,
                }),
            }
        }
        Ok((retired, kept))
    }

    /// Why a certificate stays where it is, for now.
    async fn stays(
        &self,
        retirement: &Retirement,
        due_at: Timestamp,
        now: Timestamp,
        places: SearchIn<'_>,
        foreign: bool,
    ) -> Result<Option<String>, HandoverError> {
        if retirement.foreign && !foreign {
            return Ok(Some(
                "Baton did not bring it: `baton retire --foreign` removes it all the same".to_owned(),
            ));
        }
        if due_at > now {
            return Ok(Some(format!("its grace period ends at {due_at:.0}")));
        }
        if retirement.discarded {
            return Ok(None);
        }
        let search = self.find(retirement.thumbprint, places).await?;
        Ok(search.reason().map(|reason| format!("it is still in use: {reason}")))
    }

    /// From the store into the trash, or out of the trash for good.
    async fn remove(&self, retirement: &Retirement, places: SearchIn<'_>) -> Result<(), HandoverError> {
        let thumbprint = retirement.thumbprint;
        let failed =
            |cause: Box<dyn std::error::Error + Send + Sync>| HandoverError::Retire { thumbprint, cause };
        let stores = || places.targets.iter().map(|target| target.store.as_ref()).chain([places.store]);
        if retirement.discarded {
            stores()
                .try_for_each(|store| store.shred(thumbprint))
                .map_err(|error| failed(Box::new(error)))?;
            tracing::info!(%thumbprint, "deleted: certificate and key are gone from the trash");
            return Ok(self.state.cancel_retirement(retirement.fingerprint).await?);
        }
        let mut copies = places.targets.iter();
        copies
            .try_for_each(|target| target.remove_copies(thumbprint))
            .map_err(|error| failed(Box::new(error)))?;
        stores().try_for_each(|store| store.discard(thumbprint)).map_err(|error| failed(Box::new(error)))?;
        tracing::info!(%thumbprint, "retired: certificate and key are in the trash");
        Ok(self.state.record_discarded(retirement.fingerprint).await?)
    }

    /// When the next certificate is to be retired.
    pub async fn next_retirement(&self) -> Result<Option<Timestamp>, HandoverError> {
        let retirements = self.state.retirements().await?;
        let own = retirements.iter().filter(|retirement| !retirement.foreign);
        Ok(own.map(|r| if r.discarded { r.shred_at } else { r.discard_at }).min())
    }
}
