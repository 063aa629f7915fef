//! The resolvers of this machine, or those that the settings name.

use std::net::SocketAddr;

use hickory_proto::rr::{Name, Record, RecordType};

use crate::address::DNS_PORT;
use crate::error::{ConfigError, DnsError};
use crate::exchange::{self, ExchangeError, Recursion};
use crate::name;

/// Where a system says which resolvers it has (resolv.conf(5)).
const SYSTEM: &str = "/etc/resolv.conf";

/// How often all of them are asked before a question is given up.
const ROUNDS: usize = 2;

/// Whoever answers questions about names.
pub(crate) trait Lookup: Sync {
    /// The records of one type at one name, nearest answer first; none when there are none.
    ///
    /// Records of other names and types may be among them: an answer carries the aliases on its way.
    fn lookup(
        &self,
        name: &Name,
        record_type: RecordType,
    ) -> impl Future<Output = Result<Vec<Record>, DnsError>> + Send;
}

/// Servers that find out for others (RFC 1034, section 5.3.1).
#[derive(Debug)]
pub(crate) struct Resolver {
    servers: Vec<SocketAddr>,
}

impl Resolver {
    /// The servers named, or those of the system.
    pub(crate) fn new(named: Vec<SocketAddr>) -> Result<Self, ConfigError> {
        if !named.is_empty() {
            return Ok(Self { servers: named });
        }
        let text = fs_err::read(SYSTEM).map_err(ConfigError::SystemResolver)?;
        Ok(Self { servers: nameservers_of(&text) })
    }
}

impl Lookup for Resolver {
    async fn lookup(&self, name: &Name, record_type: RecordType) -> Result<Vec<Record>, DnsError> {
        let mut last = None;
        for _ in 0..ROUNDS {
            for server in &self.servers {
                let answer = exchange::ask(*server, name, record_type, Recursion::Desired)
                    .await
                    .and_then(exchange::expect_answer);
                match answer {
                    Ok(answer) => return Ok(answer.answers),
                    Err(cause) => last = Some((*server, cause)),
                }
            }
        }
        let (server, cause) =
            last.unwrap_or_else(|| (([127, 0, 0, 1], DNS_PORT).into(), ExchangeError::Silent));
        Err(DnsError::Lookup { name: name::text(name), record_type: record_type.to_string(), server, cause })
    }
}

/// The resolvers of a `resolv.conf`; without any, the one on this machine, as resolv.conf(5) has it.
fn nameservers_of(text: &[u8]) -> Vec<SocketAddr> {
    let named = resolv_conf::Config::parse(text).map(|config| config.nameservers).unwrap_or_default();
    let mut servers: Vec<SocketAddr> =
        named.iter().map(|address| SocketAddr::new(address.into(), DNS_PORT)).collect();
    if servers.is_empty() {
        servers.push(([127, 0, 0, 1], DNS_PORT).into());
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_resolvers_are_read_from_its_file() {
        let text = b"# made by hand\nsearch example.com\nnameserver 192.0.2.1\nnameserver 2001:db8::1\noptions edns0\n";
        let expected: Vec<SocketAddr> =
            vec!["192.0.2.1:53".parse().unwrap(), "[2001:db8::1]:53".parse().unwrap()];
        assert_eq!(nameservers_of(text), expected);
        for without in [&b""[..], b"search example.com\n", b"\xff\xfe nonsense \0"] {
            assert_eq!(nameservers_of(without), ["127.0.0.1:53".parse().unwrap()]);
        }
    }
}

/// A map that answers like a resolver.
#[cfg(test)]
pub(crate) mod fake {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use hickory_proto::rr::RData;
    use hickory_proto::rr::rdata::{CNAME, SOA};

    use super::*;

    #[derive(Default)]
    pub(crate) struct Answers {
        records: BTreeMap<(Name, RecordType), Vec<Record>>,
        asked: AtomicUsize,
    }

    impl Answers {
        pub(crate) fn alias(&mut self, from: &str, to: &str) {
            let (from, to) = (name::parse(from).unwrap(), name::parse(to).unwrap());
            let alias = Record::from_rdata(from.clone(), 60, RData::CNAME(CNAME(to)));
            self.records.insert((from, RecordType::CNAME), vec![alias]);
        }

        pub(crate) fn zone(&mut self, zone: &str) {
            let zone = name::parse(zone).unwrap();
            let soa = SOA::new(zone.clone(), zone.clone(), 1, 1, 1, 1, 1);
            let record = Record::from_rdata(zone.clone(), 60, RData::SOA(soa));
            self.records.insert((zone, RecordType::SOA), vec![record]);
        }

        /// How many questions came.
        pub(crate) fn asked(&self) -> usize {
            self.asked.load(Ordering::Relaxed)
        }
    }

    impl Lookup for Answers {
        async fn lookup(&self, name: &Name, record_type: RecordType) -> Result<Vec<Record>, DnsError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            Ok(self.records.get(&(name.clone(), record_type)).cloned().unwrap_or_default())
        }
    }

    /// Carries out what never waits.
    pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("it waits"),
        }
    }
}
