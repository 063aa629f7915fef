//! Waiting until the authoritative servers show what was published.
//!
//! A CA asks any one of them, from several places (RFC 8555, section 8.4): one that lags fails the challenge. So each
//! is asked by itself, with recursion off, and only an authoritative answer counts (RFC 1035, section 4.1.1, AA).

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::{DnsError, Lacking};
use crate::exchange::{self, ExchangeError, Recursion};
use crate::name;
use crate::name_servers::{self, NameServer};
use crate::resolver::Lookup;

/// The pause after the first look; each later one is half as long again.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What a look may take at the deadline: the last one is finished.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// One value that must be seen.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) record: Name,
    pub(crate) zone: Name,
    pub(crate) value: String,
}

/// One address that has not shown all values of one record yet.
#[derive(Debug)]
struct Pending {
    server: String,
    address: Option<SocketAddr>,
    record: Name,
    values: HashSet<String>,
    reason: Reason,
}

/// What a server said instead of the value.
#[derive(Debug)]
enum Reason {
    NotAsked,
    NoAddress,
    Unanswered(ExchangeError),
    NotAuthoritative,
    Absent { others: usize },
}

/// Waits until every server shows every value: those that are `named`, else those that each zone names.
pub(crate) async fn wait(
    lookup: &impl Lookup,
    named: Vec<NameServer>,
    expected: Vec<Expected>,
    deadline: Duration,
) -> Result<(), DnsError> {
    let begin = Instant::now();
    let end = begin + deadline;
    let mut pending = pending(lookup, named, expected).await?;
    let mut seen = HashSet::new();
    let mut pause = FIRST_PAUSE;
    loop {
        let last = Instant::now() >= end;
        let limit = end.max(Instant::now() + LAST_LOOK);
        join_all(pending.iter_mut().map(|pending| look(pending, limit))).await;
        settle(&mut pending, &mut seen);
        if pending.is_empty() {
            return Ok(());
        }
        if last {
            let lacking = pending.iter().map(Pending::lacking).collect();
            return Err(DnsError::NotVisible { waited: begin.elapsed(), lacking });
        }
        tracing::debug!("{} servers do not show the record yet", pending.len());
        sleep_until(end.min(Instant::now() + pause)).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// Takes away who shows all values, and whom this machine has no route to where the same server was seen elsewhere.
fn settle(pending: &mut Vec<Pending>, seen: &mut HashSet<(String, Name)>) {
    for done in pending.iter().filter(|pending| pending.values.is_empty()) {
        seen.insert((done.server.clone(), done.record.clone()));
    }
    pending.retain(|pending| {
        let is_elsewhere = || seen.contains(&(pending.server.clone(), pending.record.clone()));
        !(pending.values.is_empty() || pending.has_no_route() && is_elsewhere())
    });
}

/// Every address of every server with every record that it must show.
async fn pending(
    lookup: &impl Lookup,
    named: Vec<NameServer>,
    expected: Vec<Expected>,
) -> Result<Vec<Pending>, DnsError> {
    let mut records: BTreeMap<(Name, Name), HashSet<String>> = BTreeMap::new();
    for Expected { record, zone, value } in expected {
        records.entry((zone, record)).or_default().insert(value);
    }
    let mut of_zone: BTreeMap<Name, Vec<NameServer>> = BTreeMap::new();
    let mut pending = Vec::new();
    for ((zone, record), values) in records {
        if !of_zone.contains_key(&zone) {
            let servers =
                if named.is_empty() { name_servers::of_zone(lookup, &zone).await? } else { named.clone() };
            of_zone.insert(zone.clone(), servers);
        }
        for server in of_zone.get(&zone).into_iter().flatten() {
            let new = |address, reason| Pending {
                server: server.name.clone(),
                address,
                record: record.clone(),
                values: values.clone(),
                reason,
            };
            if server.addresses.is_empty() {
                pending.push(new(None, Reason::NoAddress));
            }
            pending.extend(server.addresses.iter().map(|address| new(Some(*address), Reason::NotAsked)));
        }
    }
    Ok(pending)
}

/// Asks once, and strikes out the values that the server shows.
async fn look(pending: &mut Pending, limit: Instant) {
    let Some(address) = pending.address else { return };
    let asked = exchange::ask(address, &pending.record, RecordType::TXT, Recursion::Not);
    let answer = timeout_at(limit, asked).await.unwrap_or(Err(ExchangeError::Silent));
    let answer = match answer.and_then(exchange::expect_answer) {
        Ok(answer) => answer,
        Err(cause) => {
            pending.reason = Reason::Unanswered(cause);
            return;
        }
    };
    if !answer.metadata.authoritative {
        pending.reason = Reason::NotAuthoritative;
        return;
    }
    let shown = values_of(&answer, &pending.record);
    pending.values.retain(|value| !shown.contains(value));
    pending.reason = Reason::Absent { others: shown.len() };
}

/// The values of the record: of each, its strings put together (RFC 8555, section 8.4; RFC 7208, section 3.3).
fn values_of(answer: &Message, record: &Name) -> HashSet<String> {
    let of_record = answer.answers.iter().filter(|answer| answer.name == *record);
    of_record
        .filter_map(|answer| match &answer.data {
            RData::TXT(text) => String::from_utf8(text.txt_data.concat()).ok(),
            _ => None,
        })
        .collect()
}

impl Pending {
    fn has_no_route(&self) -> bool {
        matches!(self.reason, Reason::Unanswered(ExchangeError::NoRoute))
    }

    fn lacking(&self) -> Lacking {
        let reason = match &self.reason {
            Reason::NotAsked => "it was not asked".to_owned(),
            Reason::NoAddress => "its name has no address".to_owned(),
            Reason::Unanswered(cause) => match std::error::Error::source(cause) {
                Some(source) => format!("{cause}: {source}"),
                None => cause.to_string(),
            },
            Reason::NotAuthoritative => "it does not answer for the zone".to_owned(),
            Reason::Absent { others: 0 } => "it has no such record".to_owned(),
            Reason::Absent { others: 1 } => "it has another value".to_owned(),
            Reason::Absent { others } => format!("it has {others} other values"),
        };
        Lacking {
            server: self.server.clone(),
            address: self.address,
            record: name::text(&self.record),
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_route_counts_unless_its_server_was_seen_at_another() {
        let record = name::parse("_acme-challenge.example").unwrap();
        let looked = |server: &str, address: &str, values: &[&str], reason| Pending {
            server: server.to_owned(),
            address: Some(address.parse().unwrap()),
            record: record.clone(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            reason,
        };
        let no_route = || Reason::Unanswered(ExchangeError::NoRoute);
        let mut pending = vec![
            looked("ns1", "192.0.2.1:53", &["v"], Reason::Absent { others: 0 }),
            looked("ns1", "[2001:db8::1]:53", &["v"], no_route()),
            looked("ns2", "192.0.2.2:53", &[], Reason::Absent { others: 1 }),
            looked("ns2", "[2001:db8::2]:53", &["v"], no_route()),
            looked("ns2", "192.0.2.22:53", &["v"], Reason::Unanswered(ExchangeError::Silent)),
            looked("ns3", "[2001:db8::3]:53", &["v"], no_route()),
        ];
        let mut seen = HashSet::new();
        settle(&mut pending, &mut seen);
        let left = |pending: &[Pending]| -> Vec<String> {
            pending.iter().map(|pending| pending.address.unwrap().to_string()).collect()
        };
        assert_eq!(left(&pending), ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.22:53", "[2001:db8::3]:53"]);

        // Seen later: what has no route goes then, and what only it could show stays.
        pending[0].values.clear();
        settle(&mut pending, &mut seen);
        assert_eq!(left(&pending), ["192.0.2.22:53", "[2001:db8::3]:53"]);
        assert_eq!(pending[1].lacking().reason, "this machine has no route to it");
    }
}
