use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name, in bytes.
const LONGEST: usize = 64;

/// The name of a user or of a token: 1 to 64 letters, digits and `. _ - @`, in lower case, beginning with a letter or
/// a digit. So two names that look alike are one, and a name is harmless wherever it is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct PrincipalName(String);

/// It is no name of a user or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to {LONGEST} letters from a to z, digits and . _ - @, and begins with a letter or a digit"
)]
pub struct PrincipalNameError;

impl PrincipalName {
    /// As it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PrincipalName {
    type Err = PrincipalNameError;

    fn from_str(text: &str) -> Result<Self, PrincipalNameError> {
        let begins = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        let fits = text.len() <= LONGEST
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte));
        if begins && fits { Ok(Self(text.to_ascii_lowercase())) } else { Err(PrincipalNameError) }
    }
}

impl TryFrom<String> for PrincipalName {
    type Error = PrincipalNameError;

    fn try_from(text: String) -> Result<Self, PrincipalNameError> {
        text.parse()
    }
}

impl fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
