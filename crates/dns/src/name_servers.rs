//! The authoritative servers of a zone: every one that it names, at every address that the name stands for.

use std::net::{IpAddr, SocketAddr};

use hickory_proto::rr::{Name, RData, RecordType};

use crate::address::{DNS_PORT, Host, ServerAddress};
use crate::error::DnsError;
use crate::name;
use crate::resolver::Lookup;

/// How many servers a zone may name, and how many addresses each of them may have.
const MOST: usize = 32;

/// One authoritative server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameServer {
    /// Its name; its address, where the settings say no more.
    pub(crate) name: String,
    /// Where it is asked; empty when its name stands for no address.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// The servers that the zone names (NS, RFC 1035, section 3.3.11).
pub(crate) async fn of_zone(lookup: &impl Lookup, zone: &Name) -> Result<Vec<NameServer>, DnsError> {
    let answers = lookup.lookup(zone, RecordType::NS).await?;
    let mut names: Vec<Name> = answers
        .into_iter()
        .filter_map(|record| match record.data {
            RData::NS(server) if record.name == *zone => Some(server.0),
            _ => None,
        })
        .collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err(DnsError::NoNameServers { zone: name::text(zone) });
    }
    bounded(zone, names.len())?;
    let mut servers = Vec::new();
    for server in names {
        let addresses = addresses_of(lookup, &server).await?;
        bounded(zone, addresses.len())?;
        let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, DNS_PORT)).collect();
        servers.push(NameServer { name: name::text(&server), addresses });
    }
    Ok(servers)
}

/// Every address of a server that the settings name.
pub(crate) async fn addresses_of_server(
    lookup: &impl Lookup,
    server: &ServerAddress,
) -> Result<Vec<SocketAddr>, DnsError> {
    let addresses = match &server.host {
        Host::Ip(ip) => vec![*ip],
        Host::Name(name) => addresses_of(lookup, name).await?,
    };
    Ok(addresses.into_iter().take(MOST).map(|address| SocketAddr::new(address, server.port)).collect())
}

/// All addresses of a name, IPv4 first.
async fn addresses_of(lookup: &impl Lookup, name: &Name) -> Result<Vec<IpAddr>, DnsError> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for record_type in [RecordType::A, RecordType::AAAA] {
        let answers = lookup.lookup(name, record_type).await?;
        addresses.extend(answers.into_iter().filter_map(|record| match record.data {
            RData::A(address) => Some(IpAddr::from(address.0)),
            RData::AAAA(address) => Some(IpAddr::from(address.0)),
            _ => None,
        }));
    }
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
}

fn bounded(zone: &Name, number: usize) -> Result<(), DnsError> {
    if number > MOST {
        return Err(DnsError::TooManyNameServers { zone: name::text(zone), number });
    }
    Ok(())
}
