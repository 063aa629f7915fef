//! The solver: publish, wait until it is seen, remove.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::rr::Name;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::config::DnsConfig;
use crate::error::{ConfigError, DnsError};
use crate::propagation::{self, Expected};
use crate::provider::Provider;
use crate::resolver::Resolver;
use crate::{delegation, name, name_servers, zone};

/// How long it may take to find out where a record belongs.
const LOCATE_LIMIT: Duration = Duration::from_secs(60);

/// One value of a record, as it is published or about to be. It is all that removing it takes: keep it as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Published {
    /// The name that is proven, without `*.` and without the dot at the end.
    pub domain: String,
    /// The name of the TXT record, after all aliases; without the dot at the end.
    pub record: String,
    /// The zone that it is in; without the dot at the end.
    pub zone: String,
    /// The value: the digest of the key authorization in base64url (RFC 8555, section 8.4).
    pub value: String,
}

/// Answers dns-01 for one issuer.
#[derive(Debug)]
pub struct DnsSolver {
    provider: Provider,
    resolver: Resolver,
    zone: Option<Name>,
    authoritative: Vec<SocketAddr>,
    deadline: Duration,
}

impl DnsSolver {
    /// Reads keys and credentials, and checks what can be checked without the network.
    pub fn new(config: DnsConfig) -> Result<Self, ConfigError> {
        let zone = match config.zone {
            Some(zone) => match name::parse(&zone) {
                Ok(name) => Some(name),
                Err(reason) => return Err(ConfigError::Zone { zone, reason }),
            },
            None => None,
        };
        Ok(Self {
            provider: Provider::new(config.provider)?,
            resolver: Resolver::new(config.resolvers)?,
            zone,
            authoritative: config.authoritative,
            deadline: config.deadline,
        })
    }

    /// Finds out where the value for `domain` belongs, and changes nothing. A caller that must be able to clean up
    /// after a crash keeps what this answers, and then [adds](Self::add) it.
    ///
    /// `domain` is the name without `*.`. Takes a minute at most.
    pub async fn locate(&self, domain: &str, value: &str) -> Result<Published, DnsError> {
        let challenge = name::challenge(domain)
            .map_err(|reason| DnsError::Domain { domain: domain.to_owned(), reason })?;
        check_value(value)?;
        let place = async {
            let record = delegation::follow(&self.resolver, challenge).await?;
            let zone = match &self.zone {
                Some(zone) => zone.clone(),
                None => zone::find(&self.resolver, &record).await?,
            };
            Ok((record, zone))
        };
        let late = |_| DnsError::LookupTimedOut { domain: domain.to_owned(), limit: LOCATE_LIMIT };
        let (record, zone) = timeout(LOCATE_LIMIT, place).await.map_err(late)??;
        let (record_text, zone_text) = (name::text(&record), name::text(&zone));
        if !zone.zone_of(&record) {
            return Err(DnsError::NotInZone { record: record_text, zone: zone_text });
        }
        let domain = domain.strip_suffix('.').unwrap_or(domain).to_ascii_lowercase();
        Ok(Published { domain, record: record_text, zone: zone_text, value: value.to_owned() })
    }

    /// Adds exactly this value to the record. Others at the same name stay. Adding it twice changes nothing more.
    pub async fn add(&self, published: &Published) -> Result<(), DnsError> {
        published.names()?;
        self.provider.add(&self.resolver, published).await
    }

    /// [Finds](Self::locate) the place of the record and [adds](Self::add) the value there.
    pub async fn publish(&self, domain: &str, value: &str) -> Result<Published, DnsError> {
        let published = self.locate(domain, value).await?;
        self.add(&published).await?;
        Ok(published)
    }

    /// How long the settings give the servers to show a record.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Waits until every authoritative server shows every value; asks each one directly, with growing pauses.
    ///
    /// After `deadline` it fails with [`DnsError::NotVisible`], which names each server that lacks a value. What was
    /// begun before is finished, so it may take a few seconds longer. A server's address that this machine has no
    /// route to (IPv6, where there is only IPv4) does not count when the same server shows the value at another one.
    pub async fn wait_until_visible(
        &self,
        published: &[Published],
        deadline: Duration,
    ) -> Result<(), DnsError> {
        let mut expected = Vec::new();
        for published in published {
            let (record, zone) = published.names()?;
            expected.push(Expected { record, zone, value: published.value.clone() });
        }
        let named = self.authoritative.iter();
        let named = named
            .map(|address| name_servers::NameServer { name: address.to_string(), addresses: vec![*address] })
            .collect();
        propagation::wait(&self.resolver, named, expected, deadline).await
    }

    /// Removes exactly this value. A value that is not there is no failure, nor is a record that is gone.
    pub async fn remove(&self, published: &Published) -> Result<(), DnsError> {
        published.names()?;
        self.provider.remove(&self.resolver, published).await
    }
}

impl Published {
    /// Record and zone as names. What was kept in a file may have been changed there.
    pub(crate) fn names(&self) -> Result<(Name, Name), DnsError> {
        check_value(&self.value)?;
        match (name::parse(&self.record), name::parse(&self.zone)) {
            (Ok(record), Ok(zone)) if zone.zone_of(&record) => Ok((record, zone)),
            _ => Err(DnsError::Damaged { record: self.record.clone() }),
        }
    }
}

/// What a CA asks for is base64url (RFC 4648, section 5); a string of a TXT record has at most 255 octets.
fn check_value(value: &str) -> Result<(), DnsError> {
    let is_sound = (1..=255).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_sound { Ok(()) } else { Err(DnsError::Value { value: value.to_owned() }) }
}
