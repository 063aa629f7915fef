//! RSA keys as the older cryptographic providers of Windows take and give them: PRIVATEKEYBLOB ("RSA/Schannel Key BLOBs"
//! in its documentation). All numbers are little endian, and each has a width that follows from that of the modulus.

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag, Tagged as _};
use zeroize::Zeroizing;

use crate::key::PrivateKey;

/// `rsaEncryption` (RFC 8017, A.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// PRIVATEKEYBLOB in version 2, for a key that exchanges keys: `CALG_RSA_KEYX`. Schannel takes no other.
const HEADER: [u8; 8] = [7, 2, 0, 0, 0, 0xA4, 0, 0];
/// A key pair follows, and not a public key alone.
const MAGIC: &[u8; 4] = b"RSA2";
/// Header, magic, length of the modulus in bits, public exponent.
const START: usize = 20;

impl PrivateKey {
    /// An RSA key as PRIVATEKEYBLOB; `None` for any other kind of key, and for an RSA key of an unusual shape: primes of
    /// different lengths, or a public exponent of more than 32 bits.
    pub fn to_key_blob(&self) -> Option<Zeroizing<Vec<u8>>> {
        let pkcs8 = self.to_pkcs8().ok()?;
        let [modulus, public, private, rest @ ..] = numbers(&pkcs8)?;
        let (whole, half) = (modulus.len(), modulus.len().checked_div(2)?);
        let mut exponent = [0; 4];
        exponent.get_mut(4_usize.checked_sub(public.len())?..)?.copy_from_slice(public);
        let mut blob = Zeroizing::new(Vec::with_capacity(START + 2 * whole + 5 * half));
        blob.extend_from_slice(&HEADER);
        blob.extend_from_slice(MAGIC);
        blob.extend_from_slice(&u32::try_from(whole * 8).ok()?.to_le_bytes());
        blob.extend_from_slice(&u32::from_be_bytes(exponent).to_le_bytes());
        let fields = [(modulus, whole)].into_iter().chain(rest.map(|number| (number, half)));
        for (number, width) in fields.chain([(private, whole)]) {
            let padding = width.checked_sub(number.len())?;
            blob.extend(number.iter().rev());
            blob.extend(std::iter::repeat_n(0, padding));
        }
        (whole % 2 == 0).then_some(blob)
    }

    /// The key of a PRIVATEKEYBLOB; `None` for anything else.
    pub fn from_key_blob(blob: &[u8]) -> Option<Self> {
        let (start, mut rest) = blob.split_at_checked(START)?;
        let (header, start) = start.split_at_checked(8)?;
        let (magic, start) = start.split_at_checked(4)?;
        let (bits, exponent) = start.split_first_chunk::<4>()?;
        // The version and what the key is for may be others; that it is a key pair may not.
        if header.first() != HEADER.first() || magic != MAGIC {
            return None;
        }
        let whole = usize::try_from(u32::from_le_bytes(*bits)).ok()?.checked_div(8)?;
        let mut take = |width: usize| {
            let (number, behind) = rest.split_at_checked(width)?;
            rest = behind;
            Some(big_endian(number.iter().rev()))
        };
        let modulus = take(whole)?;
        let mut parts = [const { None }; 5];
        for part in &mut parts {
            *part = Some(take(whole / 2)?);
        }
        let private = take(whole)?;
        let [prime_1, prime_2, exponent_1, exponent_2, coefficient] = parts;
        let public = big_endian(exponent.iter().rev());
        let numbers = [
            big_endian([0].iter()),
            modulus,
            public,
            private,
            prime_1?,
            prime_2?,
            exponent_1?,
            exponent_2?,
            coefficient?,
        ];
        // The sum is exact, so that no copy of the key stays behind in freed memory.
        let encoded = |number: &Zeroizing<Vec<u8>>| UintRef::new(number).and_then(|it| it.to_der());
        let mut content = Zeroizing::new(Vec::with_capacity(blob.len() + 64));
        for number in &numbers {
            content.extend_from_slice(&Zeroizing::new(encoded(number).ok()?));
        }
        let pkcs1 = Zeroizing::new(AnyRef::new(Tag::Sequence, &content).ok()?.to_der().ok()?);
        Self::from_der(&pkcs1)
    }
}

/// The numbers of an RSA key in PKCS#8 (RFC 8017, A.1.2): modulus, public and private exponent, then the primes, their
/// exponents and the coefficient, big endian without leading zeros.
fn numbers(pkcs8: &[u8]) -> Option<[&[u8]; 8]> {
    let key = AnyRef::from_der(pkcs8).ok()?;
    let mut fields = SliceReader::new(key.value()).ok()?;
    let _version = UintRef::decode(&mut fields).ok()?;
    let algorithm = AnyRef::decode(&mut fields).ok()?;
    let mut algorithm = SliceReader::new(algorithm.value()).ok()?;
    if ObjectIdentifier::decode(&mut algorithm).ok()? != RSA {
        return None;
    }
    let key = <&OctetStringRef>::decode(&mut fields).ok()?;
    let key = AnyRef::from_der(key.as_bytes()).ok().filter(|key| key.tag() == Tag::Sequence)?;
    let mut fields = SliceReader::new(key.value()).ok()?;
    let _version = UintRef::decode(&mut fields).ok()?;
    let mut numbers = [&[] as &[u8]; 8];
    for number in &mut numbers {
        *number = UintRef::decode(&mut fields).ok()?.as_bytes();
    }
    fields.is_finished().then_some(numbers)
}

/// Without leading zeros, but for zero itself.
fn big_endian<'a>(bytes: impl Iterator<Item = &'a u8> + Clone) -> Zeroizing<Vec<u8>> {
    let significant = bytes.clone().skip_while(|byte| **byte == 0).count();
    let zeros = bytes.clone().count() - significant;
    let mut number = Zeroizing::new(Vec::with_capacity(significant.max(1)));
    number.extend(bytes.skip(zeros));
    if number.is_empty() {
        number.push(0);
    }
    number
}
