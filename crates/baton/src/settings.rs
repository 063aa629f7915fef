//! `baton.toml`: read once, checked at the edge.
//!
//! Unknown keys are errors that name the line and the nearest known key. Paths are relative to the settings file.
//! The reference is `docs/settings.md`; the schema (`baton check --schema`) is made from these types.

use std::ops::Range;
use std::path::{Path, PathBuf};

use baton_finding::Explain;
use baton_platform::host;
use fs_err as fs;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

pub(crate) use store::{LocationSetting, ProviderSetting, StoreKind, StoreNameSetting, TargetStoreSetting};
pub(crate) use values::{
    Access, Address, AlertKind, Challenge, EndpointSetting, IssuerKind, KeyKind, MailTls, Product, Span,
    Successor, TargetKind, Urgency, Url,
};

pub(crate) mod activation;
pub(crate) mod alerts;
pub(crate) mod dns;
pub(crate) mod rules;
pub(crate) mod store;
mod values;

/// What settings are called when nobody names a file.
pub(crate) const FILE: &str = "baton.toml";

/// What `baton.toml` says.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(title = "baton.toml")]
pub(crate) struct Settings {
    /// Where the journal, the internal CA and the locks are; default `baton-data` beside the settings.
    pub(crate) data: Option<PathBuf>,
    /// Where certificates and keys are kept.
    pub(crate) store: StoreSettings,
    /// Where successors come from.
    pub(crate) issuer: Vec<IssuerSettings>,
    /// Servers that name a certificate.
    pub(crate) target: Vec<TargetSettings>,
    /// Certificates that are kept fresh.
    pub(crate) certificate: Vec<CertificateSettings>,
    /// The web interface of `baton up`.
    pub(crate) designer: DesignerSettings,
    /// When a new certificate counts as proven.
    pub(crate) proof: ProofSettings,
    /// How `baton up` looks at what is served.
    pub(crate) probe: ProbeSettings,
    /// The end of old certificates.
    pub(crate) retire: RetireSettings,
    /// Who is told when something is wrong.
    pub(crate) alert: Vec<AlertSettings>,
    /// Signs of life of `baton up`.
    pub(crate) heartbeat: Option<HeartbeatSettings>,
}

/// `[store]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct StoreSettings {
    /// What kind of store it is.
    pub(crate) kind: StoreKind,
    /// directory: its path; default `certificates` in the data directory.
    pub(crate) path: Option<PathBuf>,
    /// windows: whose store it is; default local-machine.
    pub(crate) location: Option<LocationSetting>,
    /// windows: its name; default My, which the system's dialogs call Personal.
    pub(crate) name: Option<StoreNameSetting>,
    /// windows: where the keys go that are put in; default cng.
    pub(crate) provider: Option<ProviderSetting>,
    /// windows: whether keys that are put in can be taken out again; default false.
    pub(crate) exportable: Option<bool>,
}

/// `[[issuer]]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct IssuerSettings {
    /// Its name, for `issuer = …` of a certificate.
    pub(crate) name: String,
    /// What kind of issuer it is.
    pub(crate) kind: IssuerKind,
    /// internal: how long its certificates live; default 47d.
    pub(crate) lifetime: Option<Span>,
    /// internal: names, and all below them, that the CA may issue for, beside this host's and those of its
    /// certificates. Taken when the CA is made.
    #[serde(default)]
    pub(crate) permitted: Vec<values::NameSetting>,
    /// all but internal: a PEM file with the roots that its certificates lead to, and with acme its own server's; with
    /// adcs and command also intermediates that it leaves out.
    pub(crate) root: Option<PathBuf>,
    /// acme: the URL of its directory, or letsencrypt, letsencrypt-staging, zerossl, google.
    pub(crate) directory: Option<values::DirectoryUrl>,
    /// acme: whom the CA may write to, such as mailto:admin@example.com.
    pub(crate) contact: Option<values::Contact>,
    /// acme: how the CA is shown that the names are ours.
    pub(crate) challenge: Option<Challenge>,
    /// acme: the port on which http-01 is answered while an order runs; default 80.
    pub(crate) http_port: Option<std::num::NonZeroU16>,
    /// acme: the document root of a web server that answers http-01 in place of a port of ours.
    pub(crate) webroot: Option<PathBuf>,
    /// acme: the port on which tls-alpn-01 is answered; default 443.
    pub(crate) tls_port: Option<std::num::NonZeroU16>,
    /// acme: the addresses of this machine on which challenges are answered; default all.
    pub(crate) challenge_addresses: Option<Vec<std::net::IpAddr>>,
    /// acme: the account that the CA gave out by other means, to which ours is bound.
    pub(crate) external_account: Option<ExternalAccountSettings>,
    /// acme: the profile to order, where the CA has several.
    pub(crate) profile: Option<String>,
    /// acme: how dns-01 is answered.
    pub(crate) dns: Option<dns::DnsSettings>,
    /// command: the program that asks the CA, as a list of arguments. `{request}` stands for the file with the request
    /// in PEM, `{request-der}` for the same in DER, `{certificate}` for the file that it must write.
    pub(crate) command: Option<Vec<String>>,
    /// command: how long it may run; default 60s.
    pub(crate) time_limit: Option<Span>,
    /// adcs: the CA, as HOST\CA name.
    pub(crate) authority: Option<String>,
    /// adcs, command: the certificate template, by its name without blanks or by its object identifier.
    pub(crate) template: Option<values::TemplateName>,
    /// adcs: after how long a request that waits for its approval is asked for again; default 15m.
    pub(crate) poll: Option<Span>,
}

/// `external-account` of an issuer
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ExternalAccountSettings {
    /// The key identifier that the CA gave out.
    pub(crate) key_id: String,
    /// A file with the MAC key that the CA gave out, in base64url.
    pub(crate) key_file: PathBuf,
}

/// `[[target]]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TargetSettings {
    /// Its name.
    pub(crate) name: String,
    /// What kind of target it is; not needed with `product`.
    pub(crate) kind: Option<TargetKind>,
    /// The product, when it is one.
    pub(crate) product: Option<Product>,
    /// product: where it is installed; default where its setup puts it.
    pub(crate) directory: Option<PathBuf>,
    /// product: the certificate store that it reads: a path, or a table like `[store]`. Default `[store]`; on Windows
    /// LocalMachine\My, unless `[store]` is one of Windows.
    pub(crate) store: Option<TargetStoreSetting>,
    /// files: the PEM file with the leaf and its chain.
    pub(crate) certificate: Option<PathBuf>,
    /// files: the PEM file with the private key.
    pub(crate) key: Option<PathBuf>,
    /// files: the server's own test of its configuration, as a list of arguments. `{certificate}` and `{key}`
    /// stand for the staged files.
    pub(crate) check: Option<Vec<String>>,
    /// The command that reloads or restarts the server, as a list of arguments; an empty list for a server that
    /// watches its files.
    pub(crate) activate: Option<Vec<String>>,
    /// Windows: the service that is restarted instead of a command; default the product's.
    pub(crate) service: Option<activation::ServiceSetting>,
    /// Where it can be asked which certificate it serves.
    #[serde(default)]
    pub(crate) endpoints: Vec<EndpointSetting>,
    /// How long each of its commands may run, and its service may take to stop and to start; default 60s.
    pub(crate) time_limit: Option<Span>,
    /// When a new certificate counts as proven here; default `[proof]`.
    pub(crate) proof: Option<ProofSettings>,
    /// Its ports are closed to the outside while it is handed over.
    pub(crate) guard: Option<GuardSettings>,
    /// product: the other machines whose servers read the same settings files, from a share.
    #[serde(default)]
    pub(crate) nodes: Vec<NodeSettings>,
}

/// One of the `nodes` of a target
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct NodeSettings {
    /// Its name.
    pub(crate) name: String,
    /// A command that prints whether the certificate store there has `{thumbprint}`, as a list of arguments: `baton
    /// store show {thumbprint} --json`, run on that machine.
    pub(crate) check: Vec<String>,
    /// The command that restarts the server there, as a list of arguments.
    pub(crate) activate: Vec<String>,
}

/// `guard` of a target
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct GuardSettings {
    /// At every handover; otherwise with `--guarded` alone. Default true.
    pub(crate) always: Option<bool>,
    /// product: whether TLS is off meanwhile, as its maker describes a renewal with the same key; default off.
    pub(crate) tls: Option<values::TlsMeanwhile>,
    /// The ports that are closed; default all that are known.
    pub(crate) ports: Vec<std::num::NonZeroU16>,
    /// How long the ports may stay closed when Baton itself is gone; default 2m.
    pub(crate) limit: Option<Span>,
    /// A command that closes the ports, as a list of arguments; default this system's firewall.
    pub(crate) close: Option<Vec<String>>,
    /// A command that opens them.
    pub(crate) open: Option<Vec<String>>,
}

/// `[[certificate]]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CertificateSettings {
    /// Its name.
    pub(crate) name: String,
    /// DNS names and IP addresses; the first is the common name.
    pub(crate) names: Vec<values::NameSetting>,
    /// The name of its issuer.
    pub(crate) issuer: String,
    /// The kind of its keys; default ecdsa-p256.
    #[serde(default)]
    pub(crate) key: KeyKind,
    /// Whether a successor has a new key; default new-key.
    #[serde(default)]
    pub(crate) successor: Successor,
    /// Whether `--same-key` may keep the key although successors have a new one; default false.
    #[serde(default)]
    pub(crate) allow_same_key: bool,
    /// How old a key that is kept is meant to become: older ones are warned about; default 730d.
    pub(crate) longest_key_age: Option<Span>,
    /// The names of the targets that use it.
    #[serde(default)]
    pub(crate) targets: Vec<String>,
}

/// `[designer]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct DesignerSettings {
    /// Where it listens; default 127.0.0.1:8177. Off the loopback interface with access = "authenticated" alone.
    #[schemars(with = "Option<Address>")]
    pub(crate) listen: Option<Spanned<Address>>,
    /// Who is let in; default anonymous.
    pub(crate) access: Access,
}

/// `[proof]`
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct ProofSettings {
    /// How many connections in a row must show the new certificate; default 5.
    #[schemars(range(min = 1))]
    pub(crate) connections: Option<std::num::NonZeroU32>,
    /// Over how long a time, at the least; default 1s.
    pub(crate) over: Option<Span>,
    /// For how long nothing else must have been seen; default 500ms.
    pub(crate) quiet: Option<Span>,
    /// How long to try; default 60s.
    pub(crate) deadline: Option<Span>,
}

/// `[probe]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct ProbeSettings {
    /// How often `baton up` asks every endpoint what it serves; default 5m.
    pub(crate) interval: Option<Span>,
}

/// `[retire]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct RetireSettings {
    /// How long an old certificate stays in the store after the proof of the new one, and again in the trash;
    /// default 7d.
    pub(crate) grace: Option<Span>,
}

/// `[[alert]]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AlertSettings {
    /// Its name.
    pub(crate) name: String,
    /// How it is told.
    pub(crate) kind: AlertKind,
    /// The least urgency that is told; default soon.
    #[serde(default)]
    pub(crate) attention: Urgency,
    /// After how long it is told again while it lasts; default 24h.
    pub(crate) remind: Option<Span>,
    /// webhook: where JSON is posted to. Only its scheme and host are ever shown.
    pub(crate) url: Option<Url>,
    /// webhook, mail: a PEM file with the roots of a private server.
    pub(crate) root: Option<PathBuf>,
    /// mail: the server, as HOST or HOST:PORT; default port 587, 465 with tls = "implicit", 25 with tls = "off".
    pub(crate) server: Option<String>,
    /// mail: how it is protected on its way to the server; default starttls.
    pub(crate) tls: Option<MailTls>,
    /// mail: who we are to the server; default nobody.
    pub(crate) user: Option<String>,
    /// mail: a file with the password of `user`, read for each mail.
    pub(crate) password_file: Option<PathBuf>,
    /// mail: who writes.
    pub(crate) from: Option<String>,
    /// mail: who gets it.
    pub(crate) to: Option<Vec<String>>,
    /// command: the program that reads JSON from its standard input, as a list of arguments.
    pub(crate) command: Option<Vec<String>>,
    /// command: how long it may run; default 60s.
    pub(crate) time_limit: Option<Span>,
}

/// `[heartbeat]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HeartbeatSettings {
    /// What is asked for with each sign of life. Only its scheme and host are ever shown.
    pub(crate) url: Url,
    /// How often; default 1m.
    pub(crate) interval: Option<Span>,
}

/// Settings, and where they came from.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// The file; `None` when there is none.
    pub(crate) path: Option<PathBuf>,
    /// What stands in it.
    pub(crate) text: String,
    pub(crate) settings: Settings,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("the settings cannot be read")]
    Io(#[source] std::io::Error),
    #[error("{}:{line}:{column}: {message}", .path.display())]
    Syntax { path: PathBuf, line: usize, column: usize, message: String, hint: Option<String> },
    #[error("{}: {message}", .path.display())]
    Value { path: PathBuf, message: String, hint: String },
}

impl Explain for SettingsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "settings-unreadable",
            Self::Syntax { .. } | Self::Value { .. } => "settings-wrong",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io(_) => Some("name the file with --settings".to_owned()),
            Self::Syntax { hint, .. } => hint.clone(),
            Self::Value { hint, .. } => Some(hint.clone()),
        }
    }
}

impl Loaded {
    /// Reads the named file, or the first default one that exists; without any, the settings are empty.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, SettingsError> {
        let path = match named {
            Some(path) => Some(path.to_owned()),
            None => [PathBuf::from(FILE)].into_iter().chain(machine_file()).find(|path| path.exists()),
        };
        let Some(path) = path else { return Ok(Self::default()) };
        let text = fs::read_to_string(&path).map_err(SettingsError::Io)?;
        Self::of_text(path, text)
    }

    /// Reads the text of a file, as it is or is going to be.
    pub(crate) fn of_text(path: PathBuf, text: String) -> Result<Self, SettingsError> {
        let settings = toml::from_str(&text).map_err(|error| syntax_error(&path, &text, &error))?;
        Ok(Self { path: Some(path), text, settings })
    }

    /// A path of the settings, which is relative to their file.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.directory().join(path)
    }

    /// The directory of the settings file; without one, the working directory.
    pub(crate) fn directory(&self) -> PathBuf {
        let parent = self.path.as_deref().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
        std::path::absolute(if parent.as_os_str().is_empty() { Path::new(".") } else { &parent })
            .unwrap_or(parent)
    }

    /// The same, about the value that stands at `span`.
    pub(crate) fn wrong_at(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> SettingsError {
        let path = self.path.clone().unwrap_or_else(|| PathBuf::from(FILE));
        let (line, column) = position(&self.text, span.start);
        SettingsError::Syntax { path, line, column, message: message.into(), hint: Some(hint.into()) }
    }

    /// An error about a value that is well formed and does not fit.
    pub(crate) fn wrong(&self, message: impl Into<String>, hint: impl Into<String>) -> SettingsError {
        let path = self.path.clone().unwrap_or_else(|| PathBuf::from(FILE));
        SettingsError::Value { path, message: message.into(), hint: hint.into() }
    }
}

/// The settings of the machine, which are looked for after those in the working directory.
pub(crate) fn machine_file() -> Option<PathBuf> {
    host::settings_file(FILE)
}

fn syntax_error(path: &Path, text: &str, error: &toml::de::Error) -> SettingsError {
    let (line, column) = position(text, error.span().map_or(0, |span| span.start));
    let message = error.message().to_owned();
    let hint = nearest_key(&message).map(|nearest| format!("did you mean `{nearest}`?"));
    SettingsError::Syntax { path: path.to_owned(), line, column, message, hint }
}

/// Line and column of a place in a text, both counted from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    (line, column)
}

/// The known key that is most like the unknown one: serde's message quotes the unknown key first, then the known.
fn nearest_key(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    if !message.starts_with("unknown") {
        return None;
    }
    let unknown = quoted.next()?;
    quoted
        .map(|known| (strsim::jaro_winkler(unknown, known), known))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known.to_owned())
}
