//! The challenge dns-01 (RFC 8555, section 8.4): a TXT record that shows the CA who holds a name.
//!
//! A [`DnsSolver`] publishes the record, waits until **every** authoritative server of its zone shows it, and removes
//! it. Who changes the zone is a [provider](ProviderConfig): a dynamic update (RFC 2136) signed with TSIG (RFC 8945), a
//! command of the administrator, or the interface of a company that hosts zones.
//!
//! # Policy
//! - An alias at `_acme-challenge` is followed, as the CA follows it: a zone that takes no updates delegates its
//!   challenges to one that does.
//! - One value is added and exactly that value is removed. Others at the same name stay: a name and its wildcard have
//!   two values at one name in one order.
//! - Both ways are idempotent. [`Published`] is data that the caller keeps, so that what a crash left can be removed.
//! - The CA is told after the authoritative servers themselves were asked, one by one. What a resolver with its cache
//!   says does not count.
//! - What comes from the network is hostile: every exchange is bounded in time and size, every walk in its steps, and
//!   no name with unusual characters goes into a command or a message as it is.

mod address;
mod config;
mod delegation;
mod error;
mod exchange;
mod name;
mod name_servers;
mod propagation;
mod provider;
mod resolver;
mod solver;
mod tsig_key;
mod update_refusal;
mod zone;

pub use address::ServerAddress;
pub use config::{CommandConfig, DnsConfig, HostedConfig, ProviderConfig, Rfc2136Config};
pub use error::{ConfigError, DnsError, Lacking};
pub use exchange::ExchangeError;
pub use solver::{DnsSolver, Published};
pub use tsig_key::{KeyFileError, TsigAlgorithm};
pub use update_refusal::UpdateRefusal;
