//! Accounts and groups as Windows names them for itself ([MS-DTYP] 2.4.2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

/// More parts than any SID has ([MS-DTYP] 2.4.2.2).
const MOST_PARTS: usize = 15;

/// A security identifier, shown as `S-1-5-18`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sid {
    authority: u64,
    parts: Parts,
}

/// The parts behind the authority; those of well-known SIDs are constants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Parts {
    count: usize,
    values: [u32; MOST_PARTS],
}

/// The text or the bytes are no security identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no security identifier, like S-1-5-18")]
pub struct InvalidSid;

impl Sid {
    /// Everyone.
    pub const EVERYONE: Self = Self::known(1, &[0]);
    /// Services, as a group.
    pub const SERVICE: Self = Self::known(5, &[6]);
    /// Everyone who has shown who they are.
    pub const AUTHENTICATED_USERS: Self = Self::known(5, &[11]);
    /// The account Local System.
    pub const LOCAL_SYSTEM: Self = Self::known(5, &[18]);
    /// The account Local Service.
    pub const LOCAL_SERVICE: Self = Self::known(5, &[19]);
    /// The account Network Service.
    pub const NETWORK_SERVICE: Self = Self::known(5, &[20]);
    /// The administrators of the machine.
    pub const ADMINISTRATORS: Self = Self::known(5, &[32, 544]);
    /// The users of the machine.
    pub const USERS: Self = Self::known(5, &[32, 545]);
    /// All services that have a SID of their own.
    pub const ALL_SERVICES: Self = Self::known(5, &[80, 0]);

    const fn known(authority: u64, known: &[u32]) -> Self {
        let mut values = [0; MOST_PARTS];
        let mut position = 0;
        while position < known.len() {
            values[position] = known[position];
            position += 1;
        }
        Self { authority, parts: Parts { count: known.len(), values } }
    }

    /// The SID of a service, which is that of its virtual account `NT SERVICE\NAME` too: made of the SHA-1 of its name in
    /// upper case, so that it is the same on every machine and known before the service is.
    pub fn of_service(name: &str) -> Self {
        let mut digest = Sha1::new();
        name.to_uppercase().encode_utf16().for_each(|unit| digest.update(unit.to_le_bytes()));
        let mut values = [0; MOST_PARTS];
        let digest = digest.finalize();
        let (words, _) = digest.as_chunks::<4>();
        let parts = std::iter::once(80).chain(words.iter().map(|word| u32::from_le_bytes(*word)));
        values.iter_mut().zip(parts).for_each(|(value, part)| *value = part);
        Self { authority: 5, parts: Parts { count: 6, values } }
    }

    /// Whether it is the SID of a service.
    pub fn is_service(&self) -> bool {
        self.authority == 5 && self.parts().first() == Some(&80) && self.parts().len() == 6
    }

    fn parts(&self) -> &[u32] {
        self.parts.values.get(..self.parts.count).unwrap_or_default()
    }

    fn new(authority: u64, parts: &[u32]) -> Result<Self, InvalidSid> {
        let mut values = [0; MOST_PARTS];
        values.get_mut(..parts.len()).ok_or(InvalidSid)?.copy_from_slice(parts);
        Ok(Self { authority, parts: Parts { count: parts.len(), values } })
    }

    /// Reads the bytes that a SID begins with; more may follow.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidSid> {
        let ([1, count, authority @ ..], rest) = bytes.split_first_chunk::<8>().ok_or(InvalidSid)? else {
            return Err(InvalidSid);
        };
        let authority = authority.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let (words, _) = rest.get(..usize::from(*count) * 4).ok_or(InvalidSid)?.as_chunks::<4>();
        let parts: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        Self::new(authority, &parts)
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let count = u8::try_from(self.parts().len()).unwrap_or_default();
        let [_, _, authority @ ..] = self.authority.to_be_bytes();
        let mut bytes = vec![1, count];
        bytes.extend_from_slice(&authority);
        bytes.extend(self.parts().iter().flat_map(|part| part.to_le_bytes()));
        bytes
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S-1-{}", self.authority)?;
        self.parts().iter().try_for_each(|part| write!(f, "-{part}"))
    }
}

impl FromStr for Sid {
    type Err = InvalidSid;

    fn from_str(text: &str) -> Result<Self, InvalidSid> {
        let mut numbers = text.strip_prefix("S-1-").ok_or(InvalidSid)?.split('-');
        let authority = numbers.next().and_then(|number| number.parse::<u64>().ok());
        let authority = authority.filter(|authority| *authority < 1 << 48).ok_or(InvalidSid)?;
        let parts: Result<Vec<u32>, _> = numbers.map(str::parse).collect();
        Self::new(authority, &parts.map_err(|_| InvalidSid)?)
    }
}

impl TryFrom<String> for Sid {
    type Error = InvalidSid;

    fn try_from(text: String) -> Result<Self, InvalidSid> {
        text.parse()
    }
}

impl From<Sid> for String {
    fn from(sid: Sid) -> Self {
        sid.to_string()
    }
}
