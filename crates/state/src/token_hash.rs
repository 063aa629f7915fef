use std::fmt;

/// SHA-256 of a token that someone else keeps. A token is random and long, so its hash tells nothing of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    pub(crate) fn as_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// It is of no use to anyone, and still belongs in no log.
impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}
