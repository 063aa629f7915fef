//! Passwords: what is kept of them, and whether one is right.
//!
//! argon2id (RFC 9106) with the least parameters that OWASP recommends: 19 MiB, two passes, one lane. It is worked
//! out beside the threads that serve, and never more than [`AT_ONCE`] at a time, so that many who sign in at once
//! cost no more memory and delay nobody else. For a user that does not exist as much is worked out as for one that
//! does: how long an answer takes tells nothing.

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use aws_lc_rs::rand;
use baton_finding::{Explain, Retry};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::language::Language;

/// In KiB.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How many are worked out at a time.
const AT_ONCE: usize = 2;

/// The shortest password that is taken, in characters.
const SHORTEST: usize = 12;

/// The longest, in bytes.
const LONGEST: usize = 1024;

static WORKING: Semaphore = Semaphore::const_new(AT_ONCE);

/// A password is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// It could be guessed.
    #[error("the password has fewer than {SHORTEST} characters")]
    TooShort,
    /// It is no password, but a file.
    #[error("the password has more than {LONGEST} bytes")]
    TooLong,
    /// The hash cannot be worked out.
    #[error("the hash of the password cannot be worked out")]
    Failed,
}

impl Explain for PasswordError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooShort => "password-too-short",
            Self::TooLong => "password-too-long",
            Self::Failed => "password-not-hashed",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::TooShort | Self::TooLong => Retry::Never,
            Self::Failed => Retry::Backoff,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::TooShort => {
                "take a longer one: a few words that have nothing to do with each other".to_owned()
            }
            Self::TooLong => "see that the right file was given".to_owned(),
            Self::Failed => format!("see that {} MiB of memory are free", MEMORY / 1024),
        })
    }
}

impl Language {
    /// Why a password is not taken, as a sentence of a page.
    pub(super) fn password_refused(self, error: &PasswordError) -> String {
        match error {
            PasswordError::TooShort => self.password_too_short(),
            PasswordError::TooLong => self.password_too_long(),
            PasswordError::Failed => self.password_not_hashed(),
        }
        .to_owned()
    }
}

/// What is kept of a new password: a PHC string.
pub async fn hash_password(password: Zeroizing<String>) -> Result<String, PasswordError> {
    if password.chars().count() < SHORTEST {
        return Err(PasswordError::TooShort);
    }
    if password.len() > LONGEST {
        return Err(PasswordError::TooLong);
    }
    work(move || {
        let mut salt = [0; 16];
        rand::fill(&mut salt).ok()?;
        let parameters = Params::new(MEMORY, PASSES, LANES, None).ok()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt).ok()?;
        Some(hash.to_string())
    })
    .await
    .ok_or(PasswordError::Failed)
}

/// Whether a password is the one of which `kept` was kept; nothing was kept: no, after as much work.
pub(crate) async fn is_right(password: Zeroizing<String>, kept: Option<String>) -> bool {
    let is_known = kept.is_some();
    let matches = work(move || {
        let kept = kept.unwrap_or_else(decoy);
        // With the parameters that stand in what was kept.
        Argon2::default().verify_password(password.as_bytes(), kept.as_str()).ok()
    });
    matches.await.is_some() && is_known
}

/// The form of a hash, of no password.
fn decoy() -> String {
    let (salt, hash) = ("A".repeat(22), "A".repeat(43));
    format!("$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}${salt}${hash}")
}

async fn work<T: Send + 'static>(work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    // It is never closed.
    let _turn = WORKING.acquire().await.ok()?;
    spawn_blocking(work).await.ok().flatten()
}
