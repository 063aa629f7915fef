//! Key files for TSIG: as BIND and its `tsig-keygen` write them, or a secret alone in base64.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use data_encoding::BASE64;
use hickory_proto::rr::{Name, TSigner, rdata::tsig};
use zeroize::{Zeroize as _, Zeroizing};

use crate::name;

mod bind;

/// How large a key file may be.
const LARGEST: u64 = 64 * 1024;

/// How an update is signed (RFC 8945, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TsigAlgorithm {
    /// hmac-sha256
    HmacSha256,
    /// hmac-sha384
    HmacSha384,
    /// hmac-sha512
    HmacSha512,
}

impl FromStr for TsigAlgorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "hmac-sha256" => Ok(Self::HmacSha256),
            "hmac-sha384" => Ok(Self::HmacSha384),
            "hmac-sha512" => Ok(Self::HmacSha512),
            _ => Err(format!("{text:?} is not supported: take hmac-sha256, hmac-sha384 or hmac-sha512")),
        }
    }
}

impl fmt::Display for TsigAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        })
    }
}

/// A key file is of no use. What is in it is never shown.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Io(#[source] std::io::Error),
    /// It is far larger than any key.
    #[error("it is too large for a key file")]
    TooLarge,
    /// It is neither of the two forms.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Where.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A secret is not base64, or is empty.
    #[error("the secret is not base64")]
    Secret,
    /// It has the secret alone, and the settings do not say the key's name.
    #[error("it has a secret without the name of the key")]
    NoName,
    /// The name is none.
    #[error("{name:?} is no name of a key: {reason}")]
    Name {
        /// The name.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// It has no key of the name that the settings say, or several and the settings say none.
    #[error("it has {}", .present.join(", "))]
    Which {
        /// The keys that it has.
        present: Vec<String>,
    },
    /// The algorithm cannot be used.
    #[error("the algorithm {0}")]
    Algorithm(String),
    /// The settings say another algorithm than the file.
    #[error("the key is for {file}, the settings say {settings}")]
    OtherAlgorithm {
        /// In the file.
        file: TsigAlgorithm,
        /// In the settings.
        settings: TsigAlgorithm,
    },
}

impl KeyFileError {
    /// What the reader can do.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Io(_) => "run Baton as an account that may read it",
            Self::TooLarge | Self::Syntax { .. } | Self::Secret => {
                "take the file as `tsig-keygen` writes it, or the secret in base64 alone"
            }
            Self::NoName => "set key-name to the name that the server knows",
            Self::Name { .. } => "set key-name to the name that the server knows, such as baton.example.com",
            Self::Which { .. } => "set key-name to one of them",
            Self::Algorithm(_) => "make a new key: tsig-keygen -a hmac-sha256 NAME",
            Self::OtherAlgorithm { .. } => "take `algorithm` away: the file says it",
        }
        .to_owned()
    }
}

/// A key: its name, its algorithm and its secret.
pub(crate) struct TsigKey {
    name: Name,
    algorithm: TsigAlgorithm,
    secret: Zeroizing<Vec<u8>>,
}

impl TsigKey {
    /// Reads a key file. The settings choose among several keys, and add what a secret alone does not say.
    pub(crate) fn read(
        path: &Path,
        name: Option<&str>,
        algorithm: Option<TsigAlgorithm>,
    ) -> Result<Self, KeyFileError> {
        if fs_err::metadata(path).map_err(KeyFileError::Io)?.len() > LARGEST {
            return Err(KeyFileError::TooLarge);
        }
        let bytes = Zeroizing::new(fs_err::read(path).map_err(KeyFileError::Io)?);
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| KeyFileError::Syntax { line: 1, reason: "it is no text" })?;
        Self::parse(text, name, algorithm)
    }

    /// Reads the text of a key file.
    pub(crate) fn parse(
        text: &str,
        name: Option<&str>,
        algorithm: Option<TsigAlgorithm>,
    ) -> Result<Self, KeyFileError> {
        if !text.contains('{') {
            let name = name.ok_or(KeyFileError::NoName)?;
            let secret = decoded(text)?;
            return Ok(Self {
                name: key_name(name)?,
                algorithm: algorithm.unwrap_or(TsigAlgorithm::HmacSha256),
                secret,
            });
        }
        let keys = bind::keys(text)?;
        let wanted = name.map(key_name).transpose()?;
        let mut found = Vec::new();
        let mut present = Vec::new();
        for key in keys {
            let name = key_name(&key.name)?;
            present.push(format!("the key {:?}", name::text(&name)));
            if wanted.as_ref().is_none_or(|wanted| *wanted == name) {
                found.push((name, key));
            }
        }
        if present.is_empty() {
            present.push("no key".to_owned());
        }
        let Some((name, key)) = found.pop().filter(|_| found.is_empty()) else {
            return Err(KeyFileError::Which { present });
        };
        let in_file: TsigAlgorithm = key.algorithm.parse().map_err(KeyFileError::Algorithm)?;
        if let Some(settings) = algorithm.filter(|algorithm| *algorithm != in_file) {
            return Err(KeyFileError::OtherAlgorithm { file: in_file, settings });
        }
        Ok(Self { name, algorithm: in_file, secret: decoded(&key.secret)? })
    }

    /// The name, for people.
    pub(crate) fn name_text(&self) -> String {
        name::text(&self.name)
    }

    /// What signs with it, and takes answers of clocks that differ by `fudge` seconds at most.
    pub(crate) fn signer(&self, fudge: u16) -> Result<TSigner, KeyFileError> {
        let algorithm = match self.algorithm {
            TsigAlgorithm::HmacSha256 => tsig::TsigAlgorithm::HmacSha256,
            TsigAlgorithm::HmacSha384 => tsig::TsigAlgorithm::HmacSha384,
            TsigAlgorithm::HmacSha512 => tsig::TsigAlgorithm::HmacSha512,
        };
        TSigner::new(self.secret.to_vec(), algorithm, self.name.clone(), fudge)
            .map_err(|error| KeyFileError::Algorithm(error.to_string()))
    }
}

fn key_name(text: &str) -> Result<Name, KeyFileError> {
    name::parse(text).map_err(|reason| KeyFileError::Name { name: text.to_owned(), reason })
}

/// A secret from base64, with blanks and line ends in it.
fn decoded(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let mut dense: String = text.split_ascii_whitespace().collect();
    let secret = BASE64.decode(dense.as_bytes());
    dense.zeroize();
    match secret {
        Ok(secret) if !secret.is_empty() => Ok(Zeroizing::new(secret)),
        _ => Err(KeyFileError::Secret),
    }
}
