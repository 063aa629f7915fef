//! What can go wrong, and what the reader can do about it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use baton_finding::{Explain, Retry};
use baton_platform::command::CommandError;

use crate::exchange::ExchangeError;
use crate::tsig_key::KeyFileError;
use crate::update_refusal::UpdateRefusal;

/// The settings of dns-01 cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The zone is no name.
    #[error("{zone:?} is no zone: {reason}")]
    Zone {
        /// What was given.
        zone: String,
        /// Why.
        reason: &'static str,
    },
    /// The system does not say which resolvers it has.
    #[error("the resolvers of this machine are not known")]
    SystemResolver(#[source] std::io::Error),
    /// The key of the updates cannot be used.
    #[error("the key in `{}` cannot be used", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: KeyFileError,
    },
    /// A list of arguments is empty.
    #[error("the command to {purpose} a record is empty")]
    NoCommand {
        /// "publish", "remove".
        purpose: &'static str,
    },
    /// The company that hosts the zones cannot be asked.
    #[error("the provider {provider:?} cannot be used: {reason}")]
    Provider {
        /// Which one.
        provider: String,
        /// Why; no secret is in it.
        reason: String,
        /// What to do.
        hint: String,
    },
}

impl Explain for ConfigError {
    fn code(&self) -> &'static str {
        match self {
            Self::Zone { .. } => "dns-zone-invalid",
            Self::SystemResolver(_) => "dns-resolver-unknown",
            Self::Key { .. } => "dns-key-unusable",
            Self::NoCommand { .. } => "command-empty",
            Self::Provider { .. } => "dns-provider-unusable",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Zone { .. } => "write the zone as example.com".to_owned(),
            Self::SystemResolver(_) => "name them: resolver = [\"192.0.2.1:53\"]".to_owned(),
            Self::Key { cause, .. } => cause.hint(),
            Self::NoCommand { .. } => "give the program with its arguments".to_owned(),
            Self::Provider { hint, .. } => hint.clone(),
        })
    }
}

/// A server that does not show a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// The name of the server, as the zone gives it.
    pub server: String,
    /// Where it was asked; `None` when its name stands for no address.
    pub address: Option<SocketAddr>,
    /// The name of the record.
    pub record: String,
    /// What it said instead.
    pub reason: String,
}

/// A record was not published, not seen, or not removed.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// The name cannot be proven by dns-01.
    #[error("{domain:?} cannot be proven by dns-01: {reason}")]
    Domain {
        /// The name.
        domain: String,
        /// Why.
        reason: &'static str,
    },
    /// The value is none that a CA asks for.
    #[error("{value:?} is no value of a challenge: it has 1 to 255 letters, digits, `-` and `_`")]
    Value {
        /// The value.
        value: String,
    },
    /// No resolver gave an answer.
    #[error("{record_type} of {name} cannot be looked up at {server}")]
    Lookup {
        /// What was asked for.
        name: String,
        /// Its type.
        record_type: String,
        /// The resolver that was asked last.
        server: SocketAddr,
        /// What came back.
        #[source]
        cause: ExchangeError,
    },
    /// All the answers together took too long.
    #[error("the place of the record for {domain} was not found within {} s", .limit.as_secs())]
    LookupTimedOut {
        /// The name that is proven.
        domain: String,
        /// The limit.
        limit: Duration,
    },
    /// Aliases lead in a circle.
    #[error("the aliases lead in a circle: {}", .path.join(" → "))]
    AliasLoop {
        /// The names, in order.
        path: Vec<String>,
    },
    /// There are too many aliases.
    #[error("there are too many aliases: {}", .path.join(" → "))]
    AliasTooLong {
        /// The names, in order.
        path: Vec<String>,
    },
    /// An alias leads to a name with unusual characters.
    #[error("an alias leads to an unusual name: {}", .path.join(" → "))]
    AliasOdd {
        /// The names, in order.
        path: Vec<String>,
    },
    /// No name above the record is a zone.
    #[error("no zone was found for {record}")]
    ZoneNotFound {
        /// The name of the record.
        record: String,
    },
    /// The record does not belong into the zone that the settings name.
    #[error("{record} is not in the zone {zone}")]
    NotInZone {
        /// The name of the record.
        record: String,
        /// The zone.
        zone: String,
    },
    /// What was kept about a record is damaged.
    #[error("what was kept about the record {record:?} is damaged")]
    Damaged {
        /// The name of the record, as it was kept.
        record: String,
    },
    /// The zone names no server.
    #[error("the zone {zone} names no server")]
    NoNameServers {
        /// The zone.
        zone: String,
    },
    /// The zone names more servers, or a server more addresses, than any zone needs.
    #[error("the zone {zone} names {number} servers or addresses of one")]
    TooManyNameServers {
        /// The zone.
        zone: String,
        /// How many.
        number: usize,
    },
    /// The primary server stands for no address.
    #[error("the name of the server {server} has no address")]
    ServerUnknown {
        /// The server.
        server: String,
    },
    /// The primary server gave no answer to the update.
    #[error("{record} cannot be changed at {server}")]
    Unanswered {
        /// The name of the record.
        record: String,
        /// The server.
        server: SocketAddr,
        /// What came back.
        #[source]
        cause: ExchangeError,
    },
    /// The primary server did not make the change.
    #[error("{record} was not changed in the zone {zone} at {server}")]
    Refused {
        /// The name of the record.
        record: String,
        /// The zone.
        zone: String,
        /// The server.
        server: SocketAddr,
        /// Why.
        #[source]
        refusal: Box<UpdateRefusal>,
    },
    /// The administrator's command did not do its work.
    #[error("{record} was not changed by the command")]
    Command {
        /// The name of the record.
        record: String,
        /// Why.
        #[source]
        cause: CommandError,
    },
    /// The company that hosts the zone did not make the change.
    #[error("{record} was not changed at {provider}: {reason}")]
    Provider {
        /// The name of the record.
        record: String,
        /// Which company.
        provider: String,
        /// What it said; no secret is in it.
        reason: String,
        /// Whether trying again can help.
        retry: Retry,
        /// What to do.
        hint: String,
    },
    /// At the deadline a server did not show a record.
    #[error("after {} s {}", .waited.as_secs(), describe(.lacking))]
    NotVisible {
        /// How long it was waited.
        waited: Duration,
        /// Who lacks what.
        lacking: Vec<Lacking>,
    },
}

fn describe(lacking: &[Lacking]) -> String {
    let each = lacking.iter().map(|lacking| {
        let Lacking { server, address, record, reason } = lacking;
        let address = address.map(|address| address.to_string()).filter(|address| address != server);
        let address = address.map(|address| format!(" ({address})")).unwrap_or_default();
        format!("{server}{address} does not show {record}: {reason}")
    });
    each.collect::<Vec<_>>().join("; ")
}

impl Explain for DnsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Domain { .. } => "dns-name-invalid",
            Self::Value { .. } => "dns-value-invalid",
            Self::Lookup { .. } | Self::LookupTimedOut { .. } | Self::ServerUnknown { .. } => {
                "dns-lookup-failed"
            }
            Self::AliasLoop { .. } | Self::AliasTooLong { .. } | Self::AliasOdd { .. } => {
                "dns-alias-unusable"
            }
            Self::ZoneNotFound { .. } => "dns-zone-not-found",
            Self::NotInZone { .. } => "dns-not-in-zone",
            Self::Damaged { .. } => "dns-record-damaged",
            Self::NoNameServers { .. } | Self::TooManyNameServers { .. } => "dns-servers-unknown",
            Self::Unanswered { .. } => "dns-server-unreachable",
            Self::Refused { refusal, .. } => refusal.code(),
            Self::Command { cause, .. } => cause.code(),
            Self::Provider { .. } => "dns-provider-failed",
            Self::NotVisible { .. } => "dns-not-visible",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Domain { .. } | Self::Value { .. } | Self::Damaged { .. } | Self::NotInZone { .. } => {
                Retry::Never
            }
            Self::AliasLoop { .. } | Self::AliasTooLong { .. } | Self::AliasOdd { .. } => Retry::Never,
            Self::Refused { refusal, .. } => refusal.retry(),
            Self::Provider { retry, .. } => *retry,
            _ => Retry::Backoff,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Domain { .. } | Self::Value { .. } => return None,
            Self::Lookup { .. } | Self::LookupTimedOut { .. } => {
                "see that this machine's resolvers answer, or name others: resolver = [\"192.0.2.1:53\"]".to_owned()
            }
            Self::AliasLoop { .. } | Self::AliasTooLong { .. } | Self::AliasOdd { .. } => {
                "correct the CNAME records: the last one must lead to the name where the record is to be".to_owned()
            }
            Self::ZoneNotFound { .. } => {
                "see that the domain is registered and delegated, or name its zone: zone = \"example.com\"".to_owned()
            }
            Self::NotInZone { .. } => {
                "take `zone` away, and it is looked for; or lead the record into it with a CNAME".to_owned()
            }
            Self::Damaged { record } => format!("remove the TXT record {record:?} by hand"),
            Self::NoNameServers { .. } | Self::TooManyNameServers { .. } => {
                "name the servers to ask: authoritative = [\"192.0.2.1:53\"]".to_owned()
            }
            Self::ServerUnknown { .. } => "correct `server`, or give its address".to_owned(),
            Self::Unanswered { .. } => {
                "see that it runs, and that a firewall lets TCP through to it: updates go over TCP".to_owned()
            }
            Self::Refused { refusal, .. } => refusal.hint()?,
            Self::Command { cause, .. } => cause.hint()?,
            Self::Provider { hint, .. } => hint.clone(),
            Self::NotVisible { .. } => {
                "see why the zone does not get there; a server that this machine cannot reach is left out with \
                 authoritative = [\"192.0.2.1:53\"]"
                    .to_owned()
            }
        })
    }
}
