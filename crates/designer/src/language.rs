//! The languages of the pages.
//!
//! All that a page says of itself stands in two tables, one line for each text with all its languages: a text that
//! lacks one does not compile, and neither does one that names a value it is not given. What is told by the engine
//! (findings, plans, the output of commands) is in English, as on the command line, and is marked as such.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;

mod sentences;
mod words;

/// A language that the pages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Language {
    #[default]
    English,
    German,
}

impl Language {
    /// Its tag (RFC 5646).
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The one that a reader likes best, as their browser says (RFC 9110, section 12.5.4); English for who reads
    /// neither.
    fn preferred(accepted: &str) -> Self {
        let mut best = (0.0, Self::English);
        for part in accepted.split(',') {
            let (range, weight) = match part.split_once(';') {
                None => (part, 1.0),
                Some((range, parameter)) => {
                    let weight = parameter.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok());
                    (range, weight.unwrap_or(0.0))
                }
            };
            let language = match range.trim().split('-').next().unwrap_or_default() {
                tag if tag.eq_ignore_ascii_case("en") => Self::English,
                tag if tag.eq_ignore_ascii_case("de") => Self::German,
                _ => continue,
            };
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }
}

impl Language {
    /// The one that whoever sent these headers likes best.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        accepted.map(Self::preferred).unwrap_or_default()
    }
}

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}
