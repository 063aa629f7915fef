//! Why a server does not make a dynamic update (RFC 2136, section 3; RFC 8945, section 5).

use baton_finding::{Explain, Retry};

/// Why a server does not make a dynamic update.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateRefusal {
    /// BADKEY: the server has no key of that name and algorithm (RFC 8945, section 5.2.1).
    #[error("the server does not know the key {key:?} with {algorithm} (BADKEY)")]
    UnknownKey {
        /// The key's name.
        key: String,
        /// Its algorithm.
        algorithm: String,
    },
    /// BADSIG: the signature does not verify (RFC 8945, section 5.2.2).
    #[error("the secret of the key {key:?} is another one at the server (BADSIG)")]
    WrongSecret {
        /// The key's name.
        key: String,
    },
    /// BADTIME: the clocks differ too much (RFC 8945, section 5.2.3).
    #[error("the clock of the server differs from the one here by {seconds} s (BADTIME)")]
    Clock {
        /// By how much: positive when the server is ahead.
        seconds: i64,
    },
    /// The answer has no signature of the key, or a wrong one: it may be anybody's.
    #[error("the answer is not signed with the key {key:?}: {reason}")]
    Unsigned {
        /// The key's name.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// REFUSED: the server's rules do not let this key change this record.
    #[error("the server refuses the change (REFUSED)")]
    Refused,
    /// NOTAUTH without an error of the signature: the server is not the zone's.
    #[error("the server has no such zone (NOTAUTH)")]
    NotAuthoritative,
    /// NOTZONE: the record is not within the zone.
    #[error("the record is not within the zone (NOTZONE)")]
    NotZone,
    /// NOTIMP: the server takes no updates.
    #[error("the server takes no updates (NOTIMP)")]
    NotImplemented,
    /// SERVFAIL: the server could not, for reasons of its own.
    #[error("the server failed (SERVFAIL)")]
    ServerFailed,
    /// Another code.
    #[error("the server answered {code}")]
    Other {
        /// The code.
        code: String,
    },
}

impl Explain for UpdateRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownKey { .. } => "dns-key-unknown",
            Self::WrongSecret { .. } => "dns-key-wrong",
            Self::Clock { .. } => "dns-clock-differs",
            Self::Unsigned { .. } => "dns-answer-unsigned",
            Self::Refused => "dns-update-refused",
            Self::NotAuthoritative => "dns-not-authoritative",
            Self::NotZone => "dns-not-in-zone",
            Self::NotImplemented => "dns-update-unsupported",
            Self::ServerFailed | Self::Other { .. } => "dns-update-failed",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Clock { .. } | Self::Unsigned { .. } | Self::ServerFailed | Self::Other { .. } => {
                Retry::Backoff
            }
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownKey { .. } => {
                "give the server the key under this very name and algorithm, and reload it".to_owned()
            }
            Self::WrongSecret { .. } => "copy the key file from the server again".to_owned(),
            Self::Clock { .. } => "set the clocks: both machines should take their time by NTP".to_owned(),
            Self::Unsigned { .. } => {
                "see that `server` is the primary itself, and that nothing between answers for it".to_owned()
            }
            Self::Refused => {
                "let the key change TXT records at this name: `update-policy` of BIND, `acl` of Knot"
                    .to_owned()
            }
            Self::NotAuthoritative => "name the primary server of the zone in `server`".to_owned(),
            Self::NotZone => "take `zone` away, and it is looked for".to_owned(),
            Self::NotImplemented => "name a server that takes dynamic updates in `server`".to_owned(),
            Self::ServerFailed => {
                "look into the server's log: often it cannot write its zone or its journal".to_owned()
            }
            Self::Other { .. } => "look into the server's log".to_owned(),
        })
    }
}
