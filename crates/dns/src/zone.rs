//! The zone that a name belongs to: the nearest name above it, or itself, with an SOA record (RFC 1034, section 4.2).

use hickory_proto::rr::{Name, RecordType};

use crate::error::DnsError;
use crate::name;
use crate::resolver::Lookup;

/// Walks up from `record` until a name has an SOA record of its own.
pub(crate) async fn find(lookup: &impl Lookup, record: &Name) -> Result<Name, DnsError> {
    let mut at = record.clone();
    while !at.is_root() {
        let answers = lookup.lookup(&at, RecordType::SOA).await?;
        // An alias is answered with the SOA of where it leads to: that is not the zone of the alias.
        if answers.iter().any(|answer| answer.record_type() == RecordType::SOA && answer.name == at) {
            return Ok(at);
        }
        at = at.base_name();
    }
    Err(DnsError::ZoneNotFound { record: name::text(record) })
}
