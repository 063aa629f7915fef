//! The CA's response (RFC 5272, *full PKI response*), as far as its status goes: it says the same in every language.
//!
//! Its signature is not verified: nothing is done because of it but to wait, or to show the words of `certreq`.

use std::path::Path;

use baton_platform::foreign_file;
use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Reader as _, SliceReader};

const LONGEST: u64 = 1024 * 1024;

/// `id-signedData` (RFC 5652, 5.1).
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// `id-cct-PKIResponse` (RFC 5272, 3.2.2).
const PKI_RESPONSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.12.3");
/// `id-cmc-statusInfo` (RFC 5272, 6.1.1).
const STATUS_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.7.1");

/// `CMCStatus` (RFC 5272, 6.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// `success`.
    Issued,
    /// `pending`.
    Pending,
    /// Any other.
    Failed,
}

/// The status in a response file; `None` where there is none that can be read.
pub(super) fn status(path: &Path) -> Option<Status> {
    let content = foreign_file::read(path, LONGEST).ok()?;
    status_of(&content).ok().flatten()
}

fn status_of(content: &[u8]) -> der::Result<Option<Status>> {
    let [content_type, signed_data] = fields(AnyRef::from_der(content)?)?;
    if content_type.decode_as::<ObjectIdentifier>()? != SIGNED_DATA {
        return Ok(None);
    }
    let [_version, _digests, encapsulated] = fields(AnyRef::from_der(signed_data.value())?)?;
    let [content_type, content] = fields(encapsulated)?;
    if content_type.decode_as::<ObjectIdentifier>()? != PKI_RESPONSE {
        return Ok(None);
    }
    let octets = AnyRef::from_der(content.value())?;
    let [controls] = fields(AnyRef::from_der(octets.value())?)?;
    let mut reader = SliceReader::new(controls.value())?;
    while !reader.is_finished() {
        let [_id, kind, values] = fields(AnyRef::decode(&mut reader)?)?;
        if kind.decode_as::<ObjectIdentifier>()? == STATUS_INFO {
            let [information] = fields(values)?;
            let [status] = fields(information)?;
            return Ok(Some(match status.decode_as::<u8>()? {
                0 => Status::Issued,
                3 => Status::Pending,
                _ => Status::Failed,
            }));
        }
    }
    Ok(None)
}

/// The first parts of a sequence or a set.
fn fields<const COUNT: usize>(whole: AnyRef<'_>) -> der::Result<[AnyRef<'_>; COUNT]> {
    let mut reader = SliceReader::new(whole.value())?;
    let mut fields = [AnyRef::NULL; COUNT];
    for field in &mut fields {
        *field = AnyRef::decode(&mut reader)?;
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Pending*, as `openssl asn1parse -genconf` writes it; the content of a PKIResponse, and nobody has signed it.
    const PENDING: &str = "304906092a864886f70d010702a03c303a0201033100303106082b06010505070c03a02504233021301b301902\
         010106082b06010505070701310a30080201033003020101300030003100";

    fn bytes() -> Vec<u8> {
        (0..PENDING.len() / 2)
            .map(|at| u8::from_str_radix(&PENDING[2 * at..2 * at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn the_status_is_read() {
        let (pending, at) =
            (bytes(), bytes().windows(5).position(|found| found == [2, 1, 3, 48, 3]).unwrap());
        assert_eq!(status_of(&pending), Ok(Some(Status::Pending)));
        for (code, status) in [(0, Status::Issued), (2, Status::Failed), (9, Status::Failed)] {
            let mut other = pending.clone();
            other[at + 2] = code;
            assert_eq!(status_of(&other), Ok(Some(status)));
        }
    }

    #[test]
    fn whatever_is_damaged_says_nothing_that_could_be_believed() {
        let whole = bytes();
        for length in 0..whole.len() {
            assert!(!matches!(status_of(&whole[..length]), Ok(Some(_))), "{length}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            // Nothing to assert but that it ends: a number in it may be another one now.
            let _ = status_of(&damaged);
        }
    }
}
