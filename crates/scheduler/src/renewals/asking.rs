//! Asking an issuer when a certificate is to be renewed: RFC 9773.

use baton_finding::{Explain as _, Retry};
use baton_issuer::RenewalInfo;
use baton_platform::clock;
use baton_schedule::{RenewalWindow, Suggestion, ask_after_failure, ask_again};
use baton_state::{InForce, SuggestedWindow, SuggestionRecord};
use jiff::Timestamp;

use super::{RenewError, Renewals};

/// As many failures as lead to the longest pause: for what will not be mended by asking soon again.
const LONG_TERM: u32 = 4;

impl Renewals {
    /// Asks about the certificate in force, and keeps the answer: window, chosen moment, and when to ask again.
    pub(crate) async fn ask(&self, name: &str) -> Result<(), RenewError> {
        let certificate = self.named(name)?;
        let standing = self.engine.state().standing(name).await?;
        let Some(current) = &standing.current else { return Ok(()) };
        let store_error = |cause| RenewError::Store { name: name.to_owned(), cause };
        let before = standing.suggestion;
        let leaf = self.store.find(current.thumbprint).map_err(store_error)?;
        let answer = match &leaf {
            Some(found) => certificate.issuer.renewal_info(found.leaf()).await,
            // It cannot be named without the certificate itself.
            None => Ok(None),
        };
        let now = clock::now();
        let record = match answer {
            Ok(Some(info)) => answered(current, before, &info, now),
            Ok(None) => nothing(current, ask_again(None, now)),
            Err(error) => {
                tracing::info!(certificate = name, "the issuer did not say when to renew: {}", error.chain());
                if let Retry::At(until) = error.retry() {
                    self.rest(&certificate.issuer_name, until, now).await?;
                }
                failed(current, before, error.retry() == Retry::Never, now)
            }
        };
        Ok(self.engine.state().record_suggestion(name, &record).await?)
    }
}

fn answered(
    current: &InForce,
    before: Option<SuggestionRecord>,
    info: &RenewalInfo,
    now: Timestamp,
) -> SuggestionRecord {
    let Some(window) = RenewalWindow::new(info.start, info.end) else {
        return failed(current, before, true, now);
    };
    let known = before.and_then(|before| before.window);
    let known = known.and_then(|known| {
        Some(Suggestion { window: RenewalWindow::new(known.start, known.end)?, chosen: known.chosen })
    });
    let suggestion = Suggestion::renewed(known, window, current.fingerprint.as_bytes());
    let (start, end, chosen) = (window.start(), window.end(), suggestion.chosen);
    SuggestionRecord {
        certificate: current.fingerprint,
        window: Some(SuggestedWindow { start, end, chosen }),
        explanation: info.explanation.clone(),
        ask_at: ask_again(Some(info.ask_again), now),
        attempts: 0,
    }
}

fn nothing(current: &InForce, ask_at: Timestamp) -> SuggestionRecord {
    SuggestionRecord {
        certificate: current.fingerprint,
        window: None,
        explanation: None,
        ask_at,
        attempts: 0,
    }
}

/// No answer, or none that can be used: what was said before holds on.
fn failed(
    current: &InForce,
    before: Option<SuggestionRecord>,
    is_long_term: bool,
    now: Timestamp,
) -> SuggestionRecord {
    let before = before.unwrap_or_else(|| nothing(current, now));
    let attempts = if is_long_term { LONG_TERM } else { before.attempts.saturating_add(1) };
    let ask_at = ask_after_failure(attempts, current.fingerprint.as_bytes(), now);
    SuggestionRecord { ask_at, attempts, ..before }
}
