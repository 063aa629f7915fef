//! The certificate before, for people who want it back after the new one was proven.

use baton_finding::Finding;
use baton_state::{Handover, Outcome};
use baton_store::Store;
use baton_target::Target;
use baton_x509::Certificate;

use crate::engine::Engine;
use crate::error::HandoverError;
use crate::record::Record;

impl Engine {
    /// The part of a target that a handover was about.
    pub fn part_of(&self, handover: &Handover, target: &Target) -> Result<Target, HandoverError> {
        Ok(target.only(Record::read(handover)?.server))
    }

    /// The certificate that a handover has replaced, with its key: out of the stores, or out of the copy that the
    /// target keeps. Refused when the target has moved on since, or when there is nothing to go back to.
    pub fn previous(
        &self,
        handover: &Handover,
        target: &Target,
        store: &dyn Store,
    ) -> Result<Certificate, Finding> {
        let (id, new) = (handover.id, handover.begun.new);
        if handover.outcome != Some(Outcome::Served) {
            let outcome = handover.outcome.map_or_else(|| "open".to_owned(), |outcome| outcome.to_string());
            return Err(Finding::error(
                "nothing-to-roll-back",
                format!("handover {id} ended as {outcome}: the certificate before is in place"),
                "`baton history` shows the handovers; `baton resume` finishes or undoes an open one",
            ));
        }
        let Some(old) = handover.begun.old.filter(|old| *old != new) else {
            return Err(Finding::error(
                "no-previous-certificate",
                format!("handover {id} was the first certificate of {target}"),
                "hand it over to another one with `baton swap`",
            ));
        };
        let current = target.inspect().map_err(|error| Finding::from_error(&error))?.current;
        if current != Some(new) {
            let names = current.map_or_else(|| "no certificate".to_owned(), |current| current.to_string());
            return Err(Finding::error(
                "superseded",
                format!("{target} names {names} by now, not {new}, which handover {id} gave it"),
                "`baton history` shows the later handover; give its number",
            ));
        }
        let found = match store.find(old).map_err(|error| Finding::from_error(&error))? {
            Some(found) => Some(found),
            None => target.store.find(old).map_err(|error| Finding::from_error(&error))?,
        };
        found.filter(Certificate::has_key).or_else(|| target.read_copy(old)).ok_or_else(|| {
            Finding::error(
                "old-not-recoverable",
                format!("the certificate before, {old}, is not at hand with its key"),
                format!("`baton store restore {old}` takes it out of the trash, as long as it is there"),
            )
        })
    }
}
