//! Random tokens: for a browser that is signed in, for programs, for the link of the first user.
//!
//! A token has 256 bits from the system's generator. Baton keeps its SHA-256 alone, so whoever reads the database
//! cannot use it.

use std::fmt;

use aws_lc_rs::{digest, rand};
use baton_finding::{Explain, Retry};
use baton_state::TokenHash;
use data_encoding::BASE64URL_NOPAD;
use jiff::SignedDuration;
use zeroize::Zeroizing;

/// What a token for programs begins with, so that those who look for secrets in files can tell what it is.
const API_PREFIX: &str = "baton_";

/// How long the link for the first user is good.
pub const FIRST_LINK_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// A secret that someone else keeps.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

/// There is no token.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers for a token")]
pub struct TokenError;

impl Explain for TokenError {
    fn code(&self) -> &'static str {
        "random-numbers-missing"
    }

    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn hint(&self) -> Option<String> {
        Some("see what the system says of its random number generator".to_owned())
    }
}

impl Token {
    /// A new one, for a browser or a link.
    pub fn new() -> Result<Self, TokenError> {
        Self::with_prefix("")
    }

    /// A new one for a program.
    pub fn for_program() -> Result<Self, TokenError> {
        Self::with_prefix(API_PREFIX)
    }

    fn with_prefix(prefix: &str) -> Result<Self, TokenError> {
        let mut secret = Zeroizing::new([0; 32]);
        rand::fill(&mut *secret).map_err(|_| TokenError)?;
        let mut text = Zeroizing::new(prefix.to_owned());
        BASE64URL_NOPAD.encode_append(&*secret, &mut text);
        Ok(Self(text))
    }

    /// What someone has sent as a token.
    pub fn given(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The secret itself: for the one who is to keep it, and for nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it here.
    pub fn hash(&self) -> TokenHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref());
        TokenHash(hash)
    }
}

/// A secret belongs in no log.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// The link by which the first user comes in, at a Designer that answers at `base`.
pub fn first_link(base: &str, token: &Token) -> String {
    format!("{base}/first-user?token={}", token.expose())
}
