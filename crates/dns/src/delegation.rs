//! Aliases at the name of a challenge are followed to where the record really belongs.
//!
//! A CA follows them (RFC 8555, section 8.4, by way of RFC 1034, section 3.6.2), so that a zone can leave its
//! challenges to another one: `_acme-challenge.www.example.com. CNAME www.acme.example.net.`

use hickory_proto::rr::{Name, RData, RecordType};

use crate::error::DnsError;
use crate::name;
use crate::resolver::Lookup;

/// How many aliases are followed.
pub(crate) const LONGEST: usize = 8;

/// The name that `challenge` leads to: itself, where no alias stands there.
pub(crate) async fn follow(lookup: &impl Lookup, challenge: Name) -> Result<Name, DnsError> {
    let mut path = vec![challenge];
    loop {
        let at = &path[path.len() - 1];
        let answers = lookup.lookup(at, RecordType::CNAME).await?;
        let next = answers.into_iter().find_map(|record| match record.data {
            RData::CNAME(target) if record.name == *at => Some(target.0),
            _ => None,
        });
        let shown = |path: &[Name]| path.iter().map(name::text).collect::<Vec<_>>();
        let Some(next) = next else { return Ok(path.swap_remove(path.len() - 1)) };
        if path.contains(&next) {
            path.push(next);
            return Err(DnsError::AliasLoop { path: shown(&path) });
        }
        path.push(next);
        if !name::is_plain(&path[path.len() - 1]) {
            return Err(DnsError::AliasOdd { path: shown(&path) });
        }
        if path.len() > LONGEST + 1 {
            return Err(DnsError::AliasTooLong { path: shown(&path) });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::resolver::fake::{Answers, run};

    fn node(number: usize) -> String {
        format!("n{number}.example")
    }

    proptest! {
        #[test]
        fn any_map_of_aliases_ends_at_its_end_or_with_an_error(
            aliases in proptest::collection::btree_map(0..14_usize, 0..14_usize, 0..14),
            start in 0..14_usize,
        ) {
            let mut answers = Answers::default();
            for (from, to) in &aliases {
                answers.alias(&node(*from), &node(*to));
            }
            // The same walk over numbers: how many steps to the end, if there is one.
            let steps: Vec<usize> = std::iter::successors(Some(start), |at| aliases.get(at).copied()).take(20).collect();
            let is_circle = steps.len() == 20;
            let found = run(follow(&answers, name::parse(&node(start)).unwrap()));
            prop_assert!(answers.asked() <= LONGEST + 1);
            match found {
                Ok(end) => {
                    prop_assert!(!is_circle && steps.len() <= LONGEST + 1);
                    prop_assert_eq!(name::text(&end), node(steps[steps.len() - 1]));
                }
                Err(DnsError::AliasLoop { path }) => {
                    prop_assert!(is_circle);
                    prop_assert!(path[..path.len() - 1].contains(&path[path.len() - 1]));
                }
                Err(DnsError::AliasTooLong { .. }) => prop_assert!(steps.len() > LONGEST + 1),
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
    }
}
