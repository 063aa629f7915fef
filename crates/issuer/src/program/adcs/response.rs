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
