//! What the journal knows of a certificate, as the schedule wants to know it.

use baton_schedule::{Held, Lifetime, RenewalWindow, Situation, Suggestion, Tries};
use baton_state::{Attempts, InForce, Standing};
use jiff::Timestamp;

/// What the schedule decides by. `is_asked` is whether the issuer can suggest anything; `is_wanted` whether a
/// certificate is still what the settings ask for.
pub fn situation(standing: &Standing, is_asked: bool, is_wanted: impl Fn(&InForce) -> bool) -> Situation {
    let held = |certificate: &InForce| {
        let lifetime = lifetime(certificate);
        if is_wanted(certificate) {
            Held::new(lifetime, certificate.fingerprint.as_bytes())
        } else {
            Held::unwanted(lifetime)
        }
    };
    let told = standing.suggestion.as_ref().filter(|_| is_asked);
    let suggestion = told.and_then(|told| told.window).and_then(|window| {
        let chosen = window.chosen;
        Some(Suggestion { window: RenewalWindow::new(window.start, window.end)?, chosen })
    });
    Situation {
        current: standing.current.as_ref().map(held),
        pending: standing.pending.as_ref().map(held),
        suggestion,
        ask_at: is_asked.then(|| told.map_or(Timestamp::MIN, |told| told.ask_at)),
        issuing: tries(&standing.issuing),
        rest_until: standing.rest_until,
        handover: tries(&standing.handover),
    }
}

/// The validity of a certificate.
pub fn lifetime(certificate: &InForce) -> Lifetime {
    Lifetime { not_before: certificate.not_before, not_after: certificate.not_after }
}

fn tries(attempts: &Attempts) -> Tries {
    Tries { attempts: attempts.failed, retry_at: attempts.retry_at }
}
