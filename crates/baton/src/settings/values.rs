//! Values of the settings that are more than text: parsed where they are read.

use std::net::SocketAddr;
use std::time::Duration;

use baton_alarm::{Encryption, SecretUrl};
use baton_issuer::{InvalidTemplate, Template};
use baton_schedule::Attention;
use baton_scheduler::KeyChoice;
use baton_target::{EndpointAddress, ProductKind};
use baton_x509::{KeyAlgorithm, Name};
use jiff::{SignedDuration, SpanRelativeTo};
use schemars::JsonSchema;
use serde::Deserialize;

/// A time span: `90s`, `15m`, `12h`, `47d`, or several of them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct Span(SignedDuration);

impl Span {
    pub(crate) fn signed(self) -> SignedDuration {
        self.0
    }

    pub(crate) fn unsigned(self) -> Duration {
        self.0.unsigned_abs()
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no time span: write 90s, 15m, 12h or 47d");
        let span: jiff::Span = text.parse().map_err(|_| wrong())?;
        let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
        if duration <= SignedDuration::ZERO {
            return Err(format!("{text:?} is not a positive time span"));
        }
        Ok(Self(duration))
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// What kind of issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum IssuerKind {
    /// A CA that speaks ACME (RFC 8555).
    Acme,
    /// Active Directory Certificate Services, by `certreq`.
    Adcs,
    /// Any CA, by a command.
    Command,
    /// A small CA of Baton's own.
    Internal,
    /// A person asks for the certificate and brings it, with `baton request` and `baton accept`.
    Manual,
}

/// A certificate template of Active Directory Certificate Services.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct TemplateName(pub(crate) Template);

impl TryFrom<String> for TemplateName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: InvalidTemplate| error.to_string())
    }
}

/// How a CA is shown that the names are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum Challenge {
    /// A file over plain HTTP (RFC 8555, 8.3).
    #[serde(rename = "http-01")]
    Http01,
    /// A certificate in a TLS handshake (RFC 8737).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
    /// A record in the DNS (RFC 8555, 8.4).
    #[serde(rename = "dns-01")]
    Dns01,
}

/// The directory of an ACME server: its URL, or the name of a CA that everybody knows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct DirectoryUrl(pub(crate) String);

impl DirectoryUrl {
    /// CAs by name.
    const KNOWN: [(&str, &str); 4] = [
        ("letsencrypt", "https://acme-v02.api.letsencrypt.org/directory"),
        ("letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory"),
        ("zerossl", "https://acme.zerossl.com/v2/DV90"),
        ("google", "https://dv.acme-v02.api.pki.goog/directory"),
    ];
}

impl TryFrom<String> for DirectoryUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some((_, url)) = Self::KNOWN.iter().find(|(name, _)| *name == text) {
            return Ok(Self((*url).to_owned()));
        }
        // RFC 8555, 6.1: ACME is spoken over HTTPS alone.
        let has_host =
            text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        if !has_host || text.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
            let known: Vec<&str> = Self::KNOWN.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "{text:?} is no ACME directory: write its URL with https://, or one of {}",
                known.join(", ")
            ));
        }
        Ok(Self(text))
    }
}

/// A contact of an ACME account: a mail address, with or without `mailto:`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct Contact(pub(crate) String);

impl TryFrom<String> for Contact {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let address = text.strip_prefix("mailto:").unwrap_or(&text);
        let is_sound =
            address.split_once('@').is_some_and(|(local, host)| !local.is_empty() && host.contains('.'))
                && !address.bytes().any(|byte| byte.is_ascii_control() || b" ,?<>".contains(&byte));
        if !is_sound {
            return Err(format!("{text:?} is no contact: write mailto:admin@example.com"));
        }
        Ok(Self(format!("mailto:{address}")))
    }
}

/// How an alert is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AlertKind {
    /// JSON is posted to a URL.
    Webhook,
    /// By mail.
    Mail,
    /// A program reads JSON.
    Command,
}

/// From which urgency on an alert is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Urgency {
    /// Whatever needs a person, soon or now.
    #[default]
    Soon,
    /// Only what needs a person now.
    Now,
}

impl From<Urgency> for Attention {
    fn from(urgency: Urgency) -> Self {
        match urgency {
            Urgency::Soon => Self::Soon,
            Urgency::Now => Self::Now,
        }
    }
}

/// How mail is protected on its way to the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MailTls {
    /// TLS after a greeting in the clear; required.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// None.
    Off,
}

impl From<MailTls> for Encryption {
    fn from(tls: MailTls) -> Self {
        match tls {
            MailTls::Starttls => Self::StartTls,
            MailTls::Implicit => Self::Implicit,
            MailTls::Off => Self::Off,
        }
    }
}

/// A URL that may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct Url(pub(crate) SecretUrl);

impl TryFrom<String> for Url {
    type Error = baton_alarm::InvalidUrl;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

/// What kind of target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TargetKind {
    /// A server that reads PEM files.
    Files,
    /// One of the server products.
    Product,
}

/// Which product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Product {
    /// yunIO
    Yunio,
    /// Xtract Universal
    XtractUniversal,
    /// Board Connector
    BoardConnector,
    /// Xtract Core
    XtractCore,
}

impl From<Product> for ProductKind {
    fn from(product: Product) -> Self {
        match product {
            Product::Yunio => Self::Yunio,
            Product::XtractUniversal => Self::XtractUniversal,
            Product::BoardConnector => Self::BoardConnector,
            Product::XtractCore => Self::XtractCore,
        }
    }
}

/// What kind of key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum KeyKind {
    /// ECDSA on the curve P-256.
    #[default]
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256,
    /// ECDSA on the curve P-384.
    #[serde(rename = "ecdsa-p384")]
    EcdsaP384,
    /// RSA, 2048 bits.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// RSA, 3072 bits.
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// RSA, 4096 bits.
    #[serde(rename = "rsa-4096")]
    Rsa4096,
}

impl From<KeyKind> for KeyAlgorithm {
    fn from(kind: KeyKind) -> Self {
        match kind {
            KeyKind::EcdsaP256 => Self::EcdsaP256,
            KeyKind::EcdsaP384 => Self::EcdsaP384,
            KeyKind::Rsa2048 => Self::Rsa2048,
            KeyKind::Rsa3072 => Self::Rsa3072,
            KeyKind::Rsa4096 => Self::Rsa4096,
        }
    }
}

/// Whether TLS is off behind a closed door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TlsMeanwhile {
    /// It is switched off, and on again.
    Off,
    /// It stays on.
    On,
}

/// Whether a successor has a new key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Successor {
    /// A new key each time.
    #[default]
    NewKey,
    /// The key of the certificate before.
    SameKey,
}

impl From<Successor> for KeyChoice {
    fn from(successor: Successor) -> Self {
        match successor {
            Successor::NewKey => Self::NewKey,
            Successor::SameKey => Self::SameKey,
        }
    }
}

/// A DNS name or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct NameSetting(pub(crate) Name);

impl TryFrom<String> for NameSetting {
    type Error = baton_x509::InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

/// An address with a port, or a port on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct Address(pub(crate) SocketAddr);

impl std::str::FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(port) = text.parse::<u16>() {
            return Ok(Self(SocketAddr::from(([127, 0, 0, 1], port))));
        }
        let text =
            text.strip_prefix("localhost:").map_or(text.to_owned(), |port| format!("127.0.0.1:{port}"));
        text.parse()
            .map(Self)
            .map_err(|_| format!("{text:?} is no address: write 127.0.0.1:8177, [::1]:8177 or 8177"))
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Who is let into the Designer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Access {
    /// Whoever reaches the loopback interface of this machine, as its Server Admin.
    #[default]
    Anonymous,
    /// Users who sign in, and programs with a token.
    Authenticated,
}

impl From<Access> for baton_designer::Access {
    fn from(access: Access) -> Self {
        match access {
            Access::Anonymous => Self::Anonymous,
            Access::Authenticated => Self::Authenticated,
        }
    }
}

/// `"host:port"`, or `{ address = "host:port", name = "server name" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "this is no endpoint: write \"HOST:PORT\", or { address = \"HOST:PORT\", name = \"NAME\" }"
)]
pub(crate) enum EndpointSetting {
    /// Asked for its own host.
    Plain(EndpointText),
    /// Asked for another name.
    Named(NamedEndpoint),
}

/// An endpoint with the name to ask for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedEndpoint {
    /// Host and port.
    pub(crate) address: EndpointText,
    /// The server name in the TLS handshake.
    pub(crate) name: String,
}

/// Host and port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct EndpointText(EndpointAddress);

impl TryFrom<String> for EndpointText {
    type Error = baton_target::InvalidEndpoint;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl EndpointSetting {
    /// The address, and the name where one is given.
    pub(crate) fn parts(&self) -> (EndpointAddress, Option<String>) {
        match self {
            Self::Plain(address) => (address.0.clone(), None),
            Self::Named(named) => (named.address.0.clone(), Some(named.name.clone())),
        }
    }
}
