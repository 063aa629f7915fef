use std::fmt;
use std::str::FromStr;

use baton_http::Uri;

/// A URL whose path and query may hold a secret: only scheme, host and port are ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Uri);

/// The text is no URL. What it is, is not repeated: it may hold a secret.
#[derive(Debug, thiserror::Error)]
#[error("this is no URL: write https://HOST/PATH")]
pub struct InvalidUrl;

impl SecretUrl {
    pub(crate) fn uri(&self) -> &Uri {
        &self.0
    }
}

impl FromStr for SecretUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidUrl)?;
        let is_known = matches!(uri.scheme_str(), Some("http" | "https"));
        // A name and a password before the host would not be sent.
        let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        if is_known && has_host && !has_user { Ok(Self(uri)) } else { Err(InvalidUrl) }
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or_default();
        write!(f, "{scheme}://{}", self.0.authority().map_or("", |authority| authority.as_str()))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
