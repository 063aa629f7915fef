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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::resolver::fake::{Answers, run};

    proptest! {
        #[test]
        fn the_longest_zone_that_the_name_is_in_is_found(
            labels in proptest::collection::vec("[a-c]", 1..8),
            zones in proptest::collection::vec(proptest::collection::vec("[a-c]", 1..5), 0..12),
        ) {
            let mut answers = Answers::default();
            for zone in &zones {
                answers.zone(&zone.join("."));
            }
            let longest = zones.iter().filter(|zone| labels.ends_with(zone)).max_by_key(|zone| zone.len());
            let found = run(find(&answers, &name::parse(&labels.join(".")).unwrap()));
            prop_assert!(answers.asked() <= labels.len());
            match (found, longest) {
                (Ok(found), Some(longest)) => prop_assert_eq!(name::text(&found), longest.join(".")),
                (Err(DnsError::ZoneNotFound { .. }), None) => {}
                (found, longest) => prop_assert!(false, "{found:?} {longest:?}"),
            }
        }
    }
}
