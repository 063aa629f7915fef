//! Security descriptors as bytes, in their self-relative form ([MS-DTYP] 2.4.6), as far as their access list goes.

use super::{AccessList, Effect, Entry, Sid};

/// How long the part before everything else is.
const HEADER: usize = 20;
/// How long the part of an access list before its entries is ([MS-DTYP] 2.4.5).
const LIST_HEADER: usize = 8;
/// There is an access list; it is not to be mixed with that of the object around; all offsets are within.
const CONTROL: u16 = 0x0004 | 0x1000 | 0x8000;
const HAS_LIST: u16 = 0x0004;
/// `ACCESS_ALLOWED_ACE_TYPE` and `ACCESS_DENIED_ACE_TYPE` ([MS-DTYP] 2.4.4.1).
const ALLOWED: u8 = 0;
const DENIED: u8 = 1;

/// The bytes are no security descriptor, or the list is too long for one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the access list is damaged or too long")]
pub struct InvalidDescriptor;

/// `None` where the descriptor has no access list.
pub(super) fn read(bytes: &[u8]) -> Result<Option<AccessList>, InvalidDescriptor> {
    let word = |bytes: &[u8], at: usize| {
        let word = bytes.get(at..).and_then(|rest| rest.first_chunk::<2>());
        word.map(|word| u16::from_le_bytes(*word)).ok_or(InvalidDescriptor)
    };
    if bytes.len() < HEADER || bytes.first() != Some(&1) {
        return Err(InvalidDescriptor);
    }
    let offset = bytes.get(16..).and_then(|rest| rest.first_chunk::<4>()).ok_or(InvalidDescriptor)?;
    let offset = usize::try_from(u32::from_le_bytes(*offset)).map_err(|_| InvalidDescriptor)?;
    if word(bytes, 2)? & HAS_LIST == 0 || offset == 0 {
        return Ok(None);
    }
    let list = bytes.get(offset..).ok_or(InvalidDescriptor)?;
    let list = list.get(..usize::from(word(list, 2)?)).ok_or(InvalidDescriptor)?;
    let mut rest = list.get(LIST_HEADER..).ok_or(InvalidDescriptor)?;
    let mut entries = Vec::new();
    for _ in 0..word(list, 4)? {
        let length = usize::from(word(rest, 2)?);
        let (entry, behind) = rest.split_at_checked(length).ok_or(InvalidDescriptor)?;
        entries.push(read_entry(entry)?);
        rest = behind;
    }
    Ok(Some(AccessList { entries }))
}

fn read_entry(bytes: &[u8]) -> Result<Entry, InvalidDescriptor> {
    let (header, body) = bytes.split_first_chunk::<4>().ok_or(InvalidDescriptor)?;
    let effect = match header[0] {
        ALLOWED => Effect::Allow,
        DENIED => Effect::Deny,
        _ => return Ok(Entry::Other(bytes.to_vec())),
    };
    let (mask, sid) = body.split_first_chunk::<4>().ok_or(InvalidDescriptor)?;
    let sid = Sid::from_bytes(sid).map_err(|_| InvalidDescriptor)?;
    Ok(Entry::Account { effect, flags: header[1], mask: u32::from_le_bytes(*mask), sid })
}

pub(super) fn write(list: &AccessList) -> Result<Vec<u8>, InvalidDescriptor> {
    let entries = list.entries.iter().map(entry_bytes).collect::<Result<Vec<_>, _>>()?;
    let length = LIST_HEADER + entries.iter().map(Vec::len).sum::<usize>();
    let short = |number: usize| u16::try_from(number).map_err(|_| InvalidDescriptor);
    let mut bytes = vec![1, 0];
    bytes.extend_from_slice(&CONTROL.to_le_bytes());
    // Neither owner, nor group, nor audit list; the access list follows at once.
    for offset in [0, 0, 0, HEADER as u32] {
        bytes.extend_from_slice(&offset.to_le_bytes());
    }
    // Lists with entries of objects have a revision of their own.
    let is_plain = list.entries.iter().all(|entry| matches!(entry, Entry::Account { .. }));
    bytes.extend_from_slice(&[if is_plain { 2 } else { 4 }, 0]);
    bytes.extend_from_slice(&short(length)?.to_le_bytes());
    bytes.extend_from_slice(&short(entries.len())?.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend(entries.concat());
    Ok(bytes)
}

fn entry_bytes(entry: &Entry) -> Result<Vec<u8>, InvalidDescriptor> {
    let (effect, flags, mask, sid) = match entry {
        Entry::Account { effect, flags, mask, sid } => (effect, *flags, *mask, sid.to_bytes()),
        Entry::Other(bytes) => return Ok(bytes.clone()),
    };
    let kind = if *effect == Effect::Allow { ALLOWED } else { DENIED };
    let length = u16::try_from(8 + sid.len()).map_err(|_| InvalidDescriptor)?;
    let mut bytes = vec![kind, flags];
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&mask.to_le_bytes());
    bytes.extend_from_slice(&sid);
    Ok(bytes)
}
