//! Servers with zones, and solvers that use them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use baton_dns::{DnsConfig, DnsSolver, ProviderConfig, Rfc2136Config};
use baton_testkit::NameServer;
use baton_testkit::name_server::{Options, Place, Software, TransferKey, Zone};
use tempfile::TempDir;

/// A digest as a CA asks for it.
pub(crate) const VALUE: &str = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";
/// Another one, which begins with a hyphen.
pub(crate) const OTHER: &str = "-oqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX_";

/// A server with zones that one key may change, and its key file.
pub(crate) struct World {
    pub(crate) server: NameServer,
    pub(crate) key: TransferKey,
    pub(crate) directory: TempDir,
}

impl World {
    /// A server of `software` with these zones: name and records.
    pub(crate) fn new(software: Software, zones: &[(&str, &str)]) -> Self {
        Self::with_key(software, zones, TransferKey::new("baton.key", "hmac-sha256"))
    }

    pub(crate) fn with_key(software: Software, zones: &[(&str, &str)], key: TransferKey) -> Self {
        let place = Place::new(software);
        let address = place.address();
        let zones = zones
            .iter()
            .map(|(name, records)| Zone::Primary {
                name: (*name).to_owned(),
                records: format!("@ IN NS ns1\nns1 IN A {}\n{records}", address.ip()),
                key: Some(key.clone()),
                secondaries: Vec::new(),
            })
            .collect();
        let server =
            NameServer::start(Options { software, place, zones, notify_delay: Duration::from_secs(1) });
        Self::around(server, key)
    }

    pub(crate) fn around(server: NameServer, key: TransferKey) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs_err::write(directory.path().join("baton.key"), key.file()).unwrap();
        Self { server, key, directory }
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.directory.path().join("baton.key")
    }

    /// What an administrator would set: the server is resolver, primary and the one that must show the record.
    pub(crate) fn config(&self) -> DnsConfig {
        config_at(self.server.address(), self.key_file())
    }

    pub(crate) fn solver(&self) -> DnsSolver {
        DnsSolver::new(self.config()).unwrap()
    }
}

pub(crate) fn config_at(server: SocketAddr, key_file: PathBuf) -> DnsConfig {
    DnsConfig {
        provider: ProviderConfig::Rfc2136(Rfc2136Config {
            server: server.to_string().parse().unwrap(),
            key_file,
            key_name: None,
            algorithm: None,
            ttl: Duration::from_secs(60),
        }),
        zone: None,
        resolvers: vec![server],
        authoritative: vec![server],
        deadline: Duration::from_secs(30),
    }
}

/// The update configuration of a config.
pub(crate) fn rfc2136(config: &mut DnsConfig) -> &mut Rfc2136Config {
    match &mut config.provider {
        ProviderConfig::Rfc2136(config) => config,
        _ => panic!("not by updates"),
    }
}

/// Several values as `NameServer::txt` gives them.
pub(crate) fn values(values: &[&str]) -> std::collections::BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}
