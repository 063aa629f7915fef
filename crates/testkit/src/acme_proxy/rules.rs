//! What RFC 9773 and the profiles extension ask of a server.

use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::exchange::{Answer, Question};
use super::identifier::{Issued, is_identifier};
use super::{Known, RecordedOrder, RenewalAnswer};

/// The path of the `renewalInfo` resource, with its last slash.
pub(super) const RENEWAL_INFO: &str = "/renewal-info/";

/// How long a client is told to wait where the test says nothing: what section 4.3 names for its examples.
const ASK_AGAIN: Duration = Duration::from_secs(6 * 60 * 60);

impl Known {
    /// The directory with what the proxy adds: RFC 9773, section 3; the profiles draft, section 3.
    pub(super) fn directory(&self, host: &str, mut directory: Value) -> Value {
        directory["renewalInfo"] = format!("https://{host}{}", RENEWAL_INFO.trim_end_matches('/')).into();
        if !self.profiles.is_empty() {
            let about = |name: &String| (name.clone(), Value::from(format!("https://{host}/about/{name}")));
            directory["meta"]["profiles"] = Value::Object(self.profiles.iter().map(about).collect());
        }
        directory
    }

    /// RFC 9773, section 4.2.
    pub(super) fn renewal_info(&mut self, identifier: &str) -> Answer {
        self.questions.push(identifier.to_owned());
        let known = self.issued.iter().find(|issued| issued.identifier == identifier);
        let answer = match (self.answers.get(identifier), known) {
            (Some(answer), _) => answer.clone(),
            (None, Some(issued)) => usual(issued),
            (None, None) if !is_identifier(identifier) => {
                return problem(400, "malformed", "that is no certificate identifier");
            }
            (None, None) => RenewalAnswer::Problem { status: 404, retry_after: None },
        };
        let (answer, retry_after) = match answer {
            RenewalAnswer::Window { start, end, explanation, retry_after } => {
                let mut body = json!({"suggestedWindow": {"start": text(start), "end": text(end)}});
                if let Some(explanation) = explanation {
                    body["explanationURL"] = explanation.into();
                }
                (Answer::new(200, "application/json", body.to_string()), retry_after)
            }
            RenewalAnswer::Problem { status: 404, retry_after } => {
                (problem(404, "malformed", "that certificate is not known"), retry_after)
            }
            RenewalAnswer::Problem { status, retry_after } => {
                (problem(status, "serverInternal", "the test says so"), retry_after)
            }
            RenewalAnswer::Nonsense(body) => (Answer::new(200, "application/json", body), None),
        };
        match retry_after {
            Some(pause) => answer.with_header("Retry-After", &pause.as_secs().to_string()),
            None => answer,
        }
    }

    /// Records a new order, and refuses what speaks against RFC 9773, section 5, or the profiles draft, section 4.
    /// Which of the recorded orders it is; `None` for what cannot be read, which is for Pebble to refuse.
    pub(super) fn new_order(&mut self, question: &Question) -> Result<Option<usize>, Answer> {
        let Some((protected, payload)) = signed(question) else { return Ok(None) };
        let account = protected["kid"].as_str().unwrap_or_default();
        let field = |name: &str| payload.get(name).map(|value| value.as_str().unwrap_or_default().to_owned());
        let identifiers = payload["identifiers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let identifier =
            |it: &Value| format!("{}:{}", plain(&it["type"]), plain(&it["value"]).to_lowercase());
        let mut order = RecordedOrder {
            identifiers: identifiers.iter().map(identifier).collect(),
            replaces: field("replaces"),
            profile: field("profile"),
            refused: None,
        };
        let refusal = self.refusal(&order, account);
        order.refused = refusal.map(|(_, kind, _)| kind.to_owned());
        self.orders.push(order);
        let Some((status, kind, detail)) = refusal else { return Ok(Some(self.orders.len() - 1)) };
        let answer = problem(status, kind, detail);
        Err(match self.rate_limit {
            Some(pause) => answer.with_header("Retry-After", &pause.as_secs().to_string()),
            None => answer,
        })
    }

    fn refusal(&self, order: &RecordedOrder, account: &str) -> Option<(u16, &'static str, &'static str)> {
        if self.rate_limit.is_some() {
            return Some((429, "rateLimited", "too many new orders"));
        }
        if order.profile.as_ref().is_some_and(|profile| !self.profiles.contains(profile)) {
            return Some((400, "invalidProfile", "that profile is not offered"));
        }
        let replaces = order.replaces.as_ref()?;
        if !is_identifier(replaces) {
            return Some((400, "malformed", "\"replaces\" is no certificate identifier"));
        }
        let Some(issued) = self.issued.iter().find(|issued| issued.identifier == *replaces) else {
            return Some((404, "malformed", "the certificate to replace is not known"));
        };
        if issued.account != account {
            return Some((403, "unauthorized", "the certificate to replace belongs to another account"));
        }
        if !order.identifiers.iter().any(|identifier| issued.names.contains(identifier)) {
            return Some((
                400,
                "malformed",
                "the certificate to replace shares no identifier with the order",
            ));
        }
        let is_valid = |position: &&usize| !self.invalid.contains(*position);
        let mut others = self.accepted.values().filter(is_valid).map(|position| &self.orders[*position]);
        let is_replaced = others.any(|other| other.replaces.as_ref() == Some(replaces));
        is_replaced.then_some((409, "alreadyReplaced", "another order replaces that certificate"))
    }

    /// Follows what becomes of an order, and reflects what it was asked for with. `asked` is which of the recorded
    /// orders this answers, where it answers one.
    pub(super) fn learn_order(&mut self, asked: Option<usize>, answer: &mut Answer) {
        let Ok(mut order) = serde_json::from_slice::<Value>(&answer.body) else { return };
        let Some(finalize) = order["finalize"].as_str().map(str::to_owned) else { return };
        if let Some(position) = asked.filter(|_| answer.status == 201) {
            self.accepted.insert(finalize.clone(), position);
        }
        let Some(position) = self.accepted.get(&finalize).copied() else { return };
        if order["status"] == "invalid" {
            self.invalid.insert(position);
        }
        let recorded = &self.orders[position];
        for (name, value) in [("replaces", &recorded.replaces), ("profile", &recorded.profile)] {
            if let Some(value) = value {
                order[name] = value.as_str().into();
            }
        }
        answer.body = order.to_string().into_bytes();
    }

    /// Remembers a certificate that is downloaded.
    pub(super) fn learn_certificate(&mut self, question: &Question, answer: &Answer) {
        let kind = answer.header("Content-Type").unwrap_or_default();
        if answer.status != 200 || !kind.starts_with("application/pem-certificate-chain") {
            return;
        }
        let account = signed(question).map(|(protected, _)| plain(&protected["kid"]).to_owned());
        let leaf = CertificateDer::from_pem_slice(&answer.body).ok();
        let issued = leaf.and_then(|leaf| Issued::read(&leaf, account.unwrap_or_default()));
        self.issued
            .extend(issued.filter(|new| self.issued.iter().all(|old| old.identifier != new.identifier)));
    }
}

/// A window of a thirtieth of the lifetime, from its two thirds on.
fn usual(issued: &Issued) -> RenewalAnswer {
    let total = issued.not_after.duration_since(issued.not_before).unwrap_or_default();
    let start = issued.not_before + total * 2 / 3;
    RenewalAnswer::Window { start, end: start + total / 30, explanation: None, retry_after: Some(ASK_AGAIN) }
}

/// The protected header and the payload of a signed request (RFC 8555, section 6.2).
fn signed(question: &Question) -> Option<(Value, Value)> {
    let envelope: Value = serde_json::from_slice(&question.body).ok()?;
    let part = |name: &str| BASE64URL_NOPAD.decode(envelope[name].as_str()?.as_bytes()).ok();
    let protected = serde_json::from_slice(&part("protected")?).ok()?;
    // A POST-as-GET has an empty payload.
    let payload = serde_json::from_slice(&part("payload")?).unwrap_or(Value::Null);
    Some((protected, payload))
}

fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn text(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).expect("a year of four digits")
}

/// RFC 8555, section 6.7.
fn problem(status: u16, kind: &str, detail: &str) -> Answer {
    let body =
        json!({"type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail, "status": status});
    Answer::new(status, "application/problem+json", body.to_string())
}
