//! TLS on again, with the certificate that the target names already: a handover to itself, with all its guarantees.

use baton_finding::Finding;
use baton_platform::clock;
use baton_state::Outcome;
use baton_target::{Kind, Target};
use baton_x509::Certificate;

use crate::engine::{Engine, Purpose, Request};
use crate::error::HandoverError;
use crate::report::Report;

impl Engine {
    /// Puts back what was set aside, switches TLS on, and proves it; or leaves all as it was.
    pub async fn switch_tls_on(&self, target: &Target, dry_run: bool) -> Result<Report, HandoverError> {
        if !dry_run {
            // What it names may be halfway between two.
            self.resume(target).await?;
        }
        let successor = match self.named_certificate(target).await {
            Ok(successor) => successor,
            Err(finding) => {
                let refused = Outcome::Refused;
                return Ok(Report::without_handover("", &target.name, refused, vec![finding], clock::now()));
            }
        };
        let request = Request {
            certificate: None,
            target,
            successor: &successor,
            old: None,
            purpose: Purpose::Swap,
            enable_tls: true,
            protocol: None,
            guarded: false,
            dry_run,
        };
        self.hand_over(&request).await
    }

    async fn named_certificate(&self, target: &Target) -> Result<Certificate, Finding> {
        if !matches!(target.kind, Kind::Product(_)) {
            return Err(Finding::error(
                "nothing-to-switch",
                format!("TLS of {target} is not switched by its certificate's settings"),
                "only the products have a switch for it",
            ));
        }
        let (_, inspection) = self.inspect(target).await?;
        let named = inspection.current.ok_or_else(|| {
            Finding::error(
                "reference-missing",
                format!("{target} names no certificate that TLS could be switched on with"),
                "hand one over: `baton swap \"\" THUMBPRINT --enable-tls`",
            )
        })?;
        let found = target.store.find(named).map_err(|error| Finding::from_error(&error))?;
        found.ok_or_else(|| {
            Finding::error(
                "certificate-not-found",
                format!("the certificate {named} that {target} names is not in the store {}", target.store.location()),
                "`baton store import FILE` brings it in; `baton swap \"\" THUMBPRINT --enable-tls` takes another one",
            )
        })
    }
}
