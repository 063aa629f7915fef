//! What a form brings: fields, or a file. All of it is bounded in size and in time.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use baton_target::Protocol;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::change::{Change, SuccessorKey, Upload};
use crate::language::Language;
use crate::problem::{Problem, ProblemKind};

/// The most that is read of a form, and of a file.
const LARGEST: usize = 1024 * 1024;

/// How long it may take to arrive.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The longest name of a file that is told.
const LONGEST_NAME: usize = 100;

/// The fields of a form, by their names.
pub(crate) struct Fields(HashMap<String, String>);

/// A form that is not what it should be, and the status that says so.
pub(crate) struct Rejection {
    pub(crate) code: StatusCode,
    pub(crate) problem: Problem,
}

impl Fields {
    /// Reads the body of a request.
    pub(crate) async fn read(request: Request, t: Language) -> Result<Self, Rejection> {
        Ok(Self(read_pairs(request, t).await?.into_iter().collect()))
    }

    /// The field of that name; empty where there is none.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// What is asked for.
    pub(crate) fn change(&self, t: Language) -> Result<Change, Rejection> {
        self.known_change().ok_or_else(|| incomplete(t))
    }

    /// Whose key a successor is to have.
    pub(crate) fn key(&self) -> SuccessorKey {
        match self.value("key") {
            "new" => SuccessorKey::New,
            "same" => SuccessorKey::Same,
            _ => SuccessorKey::AsSettled,
        }
    }

    /// Whether TLS is to be on: by its switch, or by the protocol of a product that has several.
    fn wants_tls(&self) -> bool {
        match self.value("protocol") {
            "" => self.value("tls") == "on",
            protocol => protocol != Protocol::Http.key(),
        }
    }

    /// The protocol that was chosen, of those with TLS; `None` outside for one that there is not.
    fn protocol(&self) -> Option<Option<Protocol>> {
        let chosen = Some(self.value("protocol")).filter(|protocol| !protocol.is_empty());
        let chosen: Option<Protocol> = chosen.map(str::parse).transpose().ok()?;
        Some(chosen.filter(|protocol| *protocol != Protocol::Http))
    }

    fn known_change(&self) -> Option<Change> {
        let given = |name: &str| Some(self.value(name).to_owned()).filter(|value| !value.is_empty());
        let target = || given("target");
        Some(match self.value("change") {
            // TLS that was on and is not chosen any more is switched off; nothing else is changed then.
            "swap" if self.value("was-on") == "yes" && !self.wants_tls() => {
                Change::TlsOff { target: target()? }
            }
            "swap" => {
                let new = self.value("new").parse().ok()?;
                Change::Swap {
                    target: target()?,
                    new,
                    configuration: match (self.value("same"), given("configuration")) {
                        ("on", _) => Some(new),
                        (_, configuration) => configuration.map(|given| given.parse()).transpose().ok()?,
                    },
                    enable_tls: self.wants_tls(),
                    protocol: self.protocol()?,
                }
            }
            "renew" => Change::Renew { certificate: given("certificate")?, key: self.key() },
            "accept" => Change::Accept { certificates: given("certificates")? },
            "roll-back" => {
                Change::RollBack { handover: baton_state::HandoverId(self.value("handover").parse().ok()?) }
            }
            "recover" => Change::Recover { target: target()? },
            "tls-off" => Change::TlsOff { target: target()? },
            "tls-on" => Change::TlsOn { target: target()? },
            _ => return None,
        })
    }
}

/// Reads the body of a request as names with values, of which several may have one name.
pub(crate) async fn read_pairs(request: Request, t: Language) -> Result<Vec<(String, String)>, Rejection> {
    let read = timeout(TIME_LIMIT, to_bytes(request.into_body(), LARGEST)).await;
    let body = read.map_err(|_| too_slow(t))?.map_err(|_| too_large(t))?;
    Ok(form_urlencoded::parse(&body).into_owned().collect())
}

/// Reads the file of a form, and the password beside it.
pub(crate) async fn read_upload(request: Request, t: Language) -> Result<Upload, Rejection> {
    let missing =
        || rejection(StatusCode::BAD_REQUEST, "upload-missing", t.upload_missing(), t.upload_hint());
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| missing())?;
    let read = async {
        let (mut file, mut password) = (None, None);
        while let Some(field) = form.next_field().await? {
            match field.name() {
                Some("file") => {
                    let name: String =
                        field.file_name().unwrap_or_default().chars().take(LONGEST_NAME).collect();
                    file = Some((name, Zeroizing::new(field.bytes().await?.to_vec())));
                }
                Some("password") => password = Some(Zeroizing::new(field.text().await?)),
                _ => {}
            }
        }
        Ok::<_, MultipartError>((file, password))
    };
    let read = timeout(TIME_LIMIT, read).await.map_err(|_| too_slow(t))?;
    let (file, password) = read.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(t),
        _ => missing(),
    })?;
    match file {
        Some((_, content)) if content.len() > LARGEST => Err(too_large(t)),
        Some((name, content)) if !content.is_empty() => {
            Ok(Upload { name, content, password: password.filter(|password| !password.is_empty()) })
        }
        _ => Err(missing()),
    }
}

/// The form lacks something that every form of ours has.
pub(crate) fn incomplete(t: Language) -> Rejection {
    rejection(StatusCode::BAD_REQUEST, "form-incomplete", t.form_incomplete(), t.form_hint())
}

fn too_large(t: Language) -> Rejection {
    rejection(StatusCode::PAYLOAD_TOO_LARGE, "upload-too-large", t.upload_too_large(), t.upload_hint())
}

fn too_slow(t: Language) -> Rejection {
    rejection(StatusCode::REQUEST_TIMEOUT, "upload-too-slow", t.upload_too_slow(), t.form_hint())
}

fn rejection(code: StatusCode, name: &str, message: &str, hint: &str) -> Rejection {
    let problem = Problem {
        kind: ProblemKind::Refused,
        code: name.to_owned(),
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
    };
    Rejection { code, problem }
}
