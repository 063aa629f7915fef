//! What an administrator says about dns-01, as plain values.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::address::ServerAddress;
use crate::tsig_key::TsigAlgorithm;

/// How dns-01 is answered.
#[derive(Debug, Clone)]
pub struct DnsConfig {
    /// Who changes the zone.
    pub provider: ProviderConfig,
    /// The zone that the records go into; `None`: it is looked for (SOA, RFC 1035, section 3.3.13).
    pub zone: Option<String>,
    /// The resolvers that are asked for aliases, zones and name servers; empty: those of the system.
    pub resolvers: Vec<SocketAddr>,
    /// The servers that must show a record before the CA is told; empty: all that the zone names (NS), on port 53.
    pub authoritative: Vec<SocketAddr>,
    /// How long these may take to show a record.
    pub deadline: Duration,
}

/// Who changes the zone.
#[derive(Debug, Clone)]
pub enum ProviderConfig {
    /// A dynamic update (RFC 2136), signed with TSIG (RFC 8945).
    Rfc2136(Rfc2136Config),
    /// A command of the administrator.
    Command(CommandConfig),
    /// The interface of a company that hosts zones. Only in builds with the feature `dns-update`.
    Hosted(HostedConfig),
}

/// A server that takes dynamic updates.
#[derive(Debug, Clone)]
pub struct Rfc2136Config {
    /// The primary server of the zone.
    pub server: ServerAddress,
    /// The file with the key: as BIND writes it, or its secret alone in base64.
    pub key_file: PathBuf,
    /// The key's name. Needed where the file has the secret alone, or several keys.
    pub key_name: Option<String>,
    /// The key's algorithm; default: the one in the file, else hmac-sha256.
    pub algorithm: Option<TsigAlgorithm>,
    /// How long others may keep the record.
    pub ttl: Duration,
}

/// Commands that change the zone, as lists of arguments.
///
/// `{domain}`, `{record}` and `{value}` in an argument stand for the name that is proven, the name of the record and
/// its value. The environment has them as `BATON_DOMAIN`, `BATON_RECORD` and `BATON_VALUE`. Names have no dot at the
/// end.
#[derive(Debug, Clone)]
pub struct CommandConfig {
    /// Adds the value to the record.
    pub publish: Vec<String>,
    /// Removes the value from the record. A value that is not there is no failure.
    pub remove: Vec<String>,
    /// How long each of them may run.
    pub time_limit: Duration,
}

/// A company that hosts zones.
#[derive(Debug, Clone)]
pub struct HostedConfig {
    /// Which one: `cloudflare`, `desec`, `hetzner`, …
    pub provider: String,
    /// A file with what it asks for: lines of `key = "value"`.
    pub credentials: PathBuf,
    /// How long others may keep the record.
    pub ttl: Duration,
}
