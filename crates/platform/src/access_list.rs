//! Who may do what with a private key of Windows: its access list, as value.
//!
//! An access list comes out of a security descriptor and goes into one ([MS-DTYP] 2.4.6). Entries of kinds that are not
//! known here are kept as they are, so that a list that is copied is copied whole.

mod descriptor;
mod sid;

use serde::{Deserialize, Serialize};

pub use descriptor::InvalidDescriptor;
pub use sid::{InvalidSid, Sid};

/// Rights that stand for others ([MS-DTYP] 2.4.3), and what they stand for with a file, which most keys are.
const GENERIC: [(u32, u32); 4] =
    [(0x8000_0000, 0x0012_0089), (0x4000_0000, 0x0012_0116), (0x2000_0000, 0x0012_00A0), (0x1000_0000, FULL)];
const FULL: u32 = 0x001F_01FF;
/// To read a key: its data, its attributes and its access list.
const READ: u32 = 0x0002_0089;
/// What the dialog *Manage private keys* gives as *Read*.
const GENERIC_READ: u32 = 0x8000_0000;

/// The entry came from the object around.
const INHERITED: u8 = 0x10;
/// The entry is for objects below alone.
const INHERIT_ONLY: u8 = 0x08;

/// What an entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies.
    Deny,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// It allows something to an account or a group, or denies it.
    Account {
        /// Which of the two.
        effect: Effect,
        /// How it is inherited ([MS-DTYP] 2.4.4.1).
        flags: u8,
        /// The rights.
        mask: u32,
        /// The account or group.
        sid: Sid,
    },
    /// It is of a kind that is not known here; its bytes.
    Other(Vec<u8>),
}

/// An access list: its entries in their order. The first that speaks of a right decides.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AccessList {
    /// The entries.
    pub entries: Vec<Entry>,
}

/// What an account can do with a key, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Everything.
    Full,
    /// It can use the key.
    Read,
    /// Something, and not enough to use the key.
    Partial,
}

/// An account that a service runs as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name, as the service's configuration has it.
    pub name: String,
    /// What it is for access lists.
    pub sid: Sid,
}

impl Account {
    /// The account of that name, where the name alone says which it is: Local System and its like, and the virtual
    /// account of a service. `None` for one that must be looked up.
    pub fn well_known(name: &str) -> Option<Self> {
        let name = if name.is_empty() { "LocalSystem" } else { name };
        let (domain, own) = name.rsplit_once('\\').unwrap_or_default();
        let is = |text: &str, wanted: &str| text.eq_ignore_ascii_case(wanted);
        let is_authority = is(domain, "NT AUTHORITY");
        let sid = if is(name, "LocalSystem") || (is_authority && is(own, "SYSTEM")) {
            Sid::LOCAL_SYSTEM
        } else if is_authority && (is(own, "LocalService") || is(own, "LOCAL SERVICE")) {
            Sid::LOCAL_SERVICE
        } else if is_authority && (is(own, "NetworkService") || is(own, "NETWORK SERVICE")) {
            Sid::NETWORK_SERVICE
        } else if is(domain, "NT SERVICE") && !own.is_empty() {
            Sid::of_service(own)
        } else {
            return None;
        };
        Some(Self { name: name.to_owned(), sid })
    }

    /// All that access lists may call it: itself, and the groups that every service of its kind is in. What else it is a
    /// member of is not known here.
    fn identities(&self) -> Vec<Sid> {
        let mut identities = vec![self.sid.clone(), Sid::EVERYONE, Sid::AUTHENTICATED_USERS];
        if self.sid == Sid::LOCAL_SYSTEM {
            identities.push(Sid::ADMINISTRATORS);
        } else {
            identities.extend([Sid::USERS, Sid::SERVICE]);
        }
        if self.sid.is_service() {
            identities.push(Sid::ALL_SERVICES);
        }
        identities
    }
}

impl AccessList {
    /// Reads the access list of a security descriptor in its self-relative form. Without any, everyone may do
    /// everything.
    pub fn from_descriptor(bytes: &[u8]) -> Result<Self, InvalidDescriptor> {
        let list = descriptor::read(bytes)?;
        Ok(list.unwrap_or_else(|| Self {
            entries: vec![Entry::Account { effect: Effect::Allow, flags: 0, mask: FULL, sid: Sid::EVERYONE }],
        }))
    }

    /// A security descriptor that holds this list and nothing else.
    pub fn to_descriptor(&self) -> Result<Vec<u8>, InvalidDescriptor> {
        descriptor::write(self)
    }

    /// Whether a service's account can use the key, by itself or as a member of the groups of all services.
    pub fn may_read(&self, account: &Account) -> bool {
        let identities = account.identities();
        let mut wanted = READ;
        for entry in &self.entries {
            let Entry::Account { effect, flags, mask, sid } = entry else { continue };
            if flags & INHERIT_ONLY != 0 || !identities.contains(sid) {
                continue;
            }
            match effect {
                Effect::Deny if meaning(*mask) & wanted != 0 => return false,
                Effect::Deny => {}
                Effect::Allow => wanted &= !meaning(*mask),
            }
            if wanted == 0 {
                return true;
            }
        }
        false
    }

    /// The same with all that another list says and this one does not.
    #[must_use]
    pub fn with_entries_of(mut self, other: &Self) -> Self {
        for entry in &other.entries {
            // What the other has from its surroundings becomes its own here.
            let own = match entry {
                Entry::Account { effect, flags, mask, sid } => {
                    let flags = flags & !INHERITED;
                    Entry::Account { effect: *effect, flags, mask: *mask, sid: sid.clone() }
                }
                Entry::Other(bytes) => Entry::Other(bytes.clone()),
            };
            if !self.entries.iter().any(|known| says_the_same(known, &own)) {
                self.entries.push(own);
            }
        }
        self.in_order()
    }

    /// The same with the right to use the key for an account, where it does not have it by an entry of its own.
    #[must_use]
    pub fn with_read_for(mut self, account: &Account) -> Self {
        let has_own = |entry: &Entry| match entry {
            Entry::Account { effect: Effect::Allow, flags, mask, sid } => {
                flags & INHERIT_ONLY == 0 && *sid == account.sid && meaning(*mask) & READ == READ
            }
            _ => false,
        };
        if !self.entries.iter().any(has_own) {
            let sid = account.sid.clone();
            self.entries.push(Entry::Account { effect: Effect::Allow, flags: 0, mask: GENERIC_READ, sid });
        }
        self.in_order()
    }

    /// Own entries before inherited ones, and what denies before what allows: the order that Windows demands.
    fn in_order(mut self) -> Self {
        self.entries.sort_by_key(|entry| match entry {
            Entry::Account { effect, flags, .. } => (flags & INHERITED != 0, *effect == Effect::Allow),
            Entry::Other(bytes) => (bytes.get(1).is_some_and(|flags| flags & INHERITED != 0), true),
        });
        self
    }
}

impl Entry {
    /// What it allows or denies with the key itself, in one word; `None` where it is for objects below alone, or of a kind
    /// that is not known here.
    pub fn access(&self) -> Option<Access> {
        let Self::Account { mask, flags, .. } = self else { return None };
        if flags & INHERIT_ONLY != 0 {
            return None;
        }
        let mask = meaning(*mask);
        Some(match () {
            () if mask & FULL == FULL => Access::Full,
            () if mask & READ == READ => Access::Read,
            () => Access::Partial,
        })
    }
}

/// The rights of a mask, those that stand for others replaced by them.
fn meaning(mask: u32) -> u32 {
    let stands_for = |(generic, rights): &(u32, u32)| if mask & generic != 0 { *rights } else { 0 };
    GENERIC.iter().map(stands_for).fold(mask & 0x0FFF_FFFF, |rights, more| rights | more)
}

fn says_the_same(one: &Entry, other: &Entry) -> bool {
    match (one, other) {
        (
            Entry::Account { effect: effect_1, flags: flags_1, mask: mask_1, sid: sid_1 },
            Entry::Account { effect: effect_2, flags: flags_2, mask: mask_2, sid: sid_2 },
        ) => {
            effect_1 == effect_2
                && flags_1 & !INHERITED == flags_2 & !INHERITED
                && meaning(*mask_1) == meaning(*mask_2)
                && sid_1 == sid_2
        }
        (Entry::Other(one), Entry::Other(other)) => one == other,
        _ => false,
    }
}
