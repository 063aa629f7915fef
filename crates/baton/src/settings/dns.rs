//! `[issuer.dns]`: how dns-01 is answered.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use baton_dns::{
    CommandConfig, DnsConfig, DnsSolver, HostedConfig, ProviderConfig, Rfc2136Config, ServerAddress,
    TsigAlgorithm,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::failure::{Exit, Failure};
use crate::settings::rules::{DEFAULT_TIME_LIMIT, wrong};
use crate::settings::{Loaded, Span};

/// How long others may keep a record.
const DEFAULT_TTL: Duration = Duration::from_secs(60);

/// How long every name server may take to show a record.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(5 * 60);

/// `[issuer.dns]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct DnsSettings {
    /// Who changes the zone.
    pub(crate) kind: DnsKind,
    /// The zone that the records go into; default: it is looked for.
    pub(crate) zone: Option<String>,
    /// The resolvers to ask where a record belongs; default: those of this machine.
    #[serde(default)]
    pub(crate) resolver: Vec<NameServerAddress>,
    /// The name servers that must show a record before the CA is told; default: all that the zone names.
    #[serde(default)]
    pub(crate) authoritative: Vec<NameServerAddress>,
    /// How long these may take; default 5m.
    pub(crate) deadline: Option<Span>,
    /// rfc2136: the primary name server of the zone, with or without a port.
    pub(crate) server: Option<ServerText>,
    /// rfc2136: the file with the TSIG key, as BIND writes it, or with its secret alone in base64.
    pub(crate) key: Option<PathBuf>,
    /// rfc2136: the name of the key; needed where the file has the secret alone, or several keys.
    pub(crate) key_name: Option<String>,
    /// rfc2136: the algorithm of the key; default: the one in the file, else hmac-sha256.
    pub(crate) algorithm: Option<TsigAlgorithmText>,
    /// command: adds a value to a record, as a list of arguments. `{domain}`, `{record}` and `{value}` stand for the
    /// name that is proven, the name of the record and the value.
    pub(crate) publish: Option<Vec<String>>,
    /// command: removes that value from the record again, as a list of arguments.
    pub(crate) remove: Option<Vec<String>>,
    /// command: how long each of them may run; default 60s.
    pub(crate) time_limit: Option<Span>,
    /// provider: which company hosts the zone.
    pub(crate) provider: Option<String>,
    /// provider: the file with what it asks for.
    pub(crate) credentials: Option<PathBuf>,
    /// rfc2136, provider: how long others may keep the record; default 60s.
    pub(crate) ttl: Option<Span>,
}

/// Who changes the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DnsKind {
    /// A name server that takes dynamic updates signed with TSIG (RFC 2136, RFC 8945).
    Rfc2136,
    /// A command of the administrator.
    Command,
    /// A company that hosts zones.
    Provider,
}

impl DnsKind {
    fn name(self) -> &'static str {
        match self {
            Self::Rfc2136 => "rfc2136",
            Self::Command => "command",
            Self::Provider => "provider",
        }
    }
}

/// An IP address of a name server, with or without a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct NameServerAddress(SocketAddr);

impl TryFrom<String> for NameServerAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let with_port = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
        with_port.or_else(|_| text.parse()).map(Self).map_err(|_| {
            format!("{text:?} is no IP address: write 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53")
        })
    }
}

/// A name server by its name or its IP address, with or without a port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct ServerText(ServerAddress);

impl TryFrom<String> for ServerText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

/// hmac-sha256, hmac-sha384 or hmac-sha512
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct TsigAlgorithmText(TsigAlgorithm);

impl TryFrom<String> for TsigAlgorithmText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

/// What answers dns-01 as the settings say; reads keys and credentials, and asks nobody.
pub(crate) fn dns_solver(loaded: &Loaded, settings: &DnsSettings) -> Result<DnsSolver, Failure> {
    let addresses = |list: &[NameServerAddress]| list.iter().map(|address| address.0).collect();
    let config = DnsConfig {
        provider: provider(loaded, settings)?,
        zone: settings.zone.clone(),
        resolvers: addresses(&settings.resolver),
        authoritative: addresses(&settings.authoritative),
        deadline: settings.deadline.map_or(DEFAULT_DEADLINE, Span::unsigned),
    };
    DnsSolver::new(config).map_err(|error| Failure::with(Exit::Usage, &error))
}

fn provider(loaded: &Loaded, settings: &DnsSettings) -> Result<ProviderConfig, Failure> {
    use DnsKind::{Command, Provider, Rfc2136};

    let keys = [
        ("server", settings.server.is_some(), &[Rfc2136][..]),
        ("key", settings.key.is_some(), &[Rfc2136]),
        ("key-name", settings.key_name.is_some(), &[Rfc2136]),
        ("algorithm", settings.algorithm.is_some(), &[Rfc2136]),
        ("publish", settings.publish.is_some(), &[Command]),
        ("remove", settings.remove.is_some(), &[Command]),
        ("time-limit", settings.time_limit.is_some(), &[Command]),
        ("provider", settings.provider.is_some(), &[Provider]),
        ("credentials", settings.credentials.is_some(), &[Provider]),
        ("ttl", settings.ttl.is_some(), &[Rfc2136, Provider]),
    ];
    let kind = settings.kind.name();
    if let Some((key, ..)) = keys.iter().find(|(_, is_set, of)| *is_set && !of.contains(&settings.kind)) {
        let message =
            format!("[issuer.dns] of the kind {kind:?} has the key `{key}`, which belongs to another");
        return Err(wrong(loaded, message, "take it away"));
    }
    let lacks = |key: &str, hint: &str| {
        wrong(loaded, format!("[issuer.dns] of the kind {kind:?} lacks the key `{key}`"), hint)
    };
    let ttl = settings.ttl.map_or(DEFAULT_TTL, Span::unsigned);
    Ok(match settings.kind {
        Rfc2136 => ProviderConfig::Rfc2136(Rfc2136Config {
            server: match &settings.server {
                Some(server) => server.0.clone(),
                None => return Err(lacks("server", "name the primary name server of the zone")),
            },
            key_file: match &settings.key {
                Some(key) => loaded.resolve(key),
                None => return Err(lacks("key", "name the file with the TSIG key")),
            },
            key_name: settings.key_name.clone(),
            algorithm: settings.algorithm.map(|algorithm| algorithm.0),
            ttl,
        }),
        Command => ProviderConfig::Command(CommandConfig {
            publish: match &settings.publish {
                Some(publish) => publish.clone(),
                None => return Err(lacks("publish", "give the command that adds a value to a record")),
            },
            remove: match &settings.remove {
                Some(remove) => remove.clone(),
                None => return Err(lacks("remove", "give the command that removes a value from a record")),
            },
            time_limit: settings.time_limit.map_or(DEFAULT_TIME_LIMIT, Span::unsigned),
        }),
        Provider => ProviderConfig::Hosted(HostedConfig {
            provider: match &settings.provider {
                Some(provider) => provider.clone(),
                None => return Err(lacks("provider", "name the company that hosts the zone")),
            },
            credentials: match &settings.credentials {
                Some(credentials) => loaded.resolve(credentials),
                None => return Err(lacks("credentials", "name the file with what it asks for")),
            },
            ttl,
        }),
    })
}
