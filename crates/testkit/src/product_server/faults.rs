//! What a test can make the stand-in do wrong.

use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::settings::SettingsError;

/// The content of `DIR/faults.json`. All fields are optional; an unknown one is an error at start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Faults {
    /// Exit with an error at start when the settings name the certificate with this thumbprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refuse_thumbprint: Option<String>,
    /// Serve the certificate with this thumbprint from the store instead of the one that the settings name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serve_instead: Option<String>,
    /// Answer in plain HTTP where TLS should be spoken.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub plain_on_tls_port: bool,
    /// Wait this many milliseconds after the settings are read and before the first port is opened.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_delay_ms: u64,
    /// As a Windows service: end at start, with this exit code of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub die_at_start: Option<u32>,
    /// As a Windows service: serve on for this many milliseconds after it is told to stop.
    #[serde(skip_serializing_if = "is_zero")]
    pub stop_delay_ms: u64,
}

impl Faults {
    /// The name of the file in the product's directory.
    pub const FILE: &str = "faults.json";

    /// The faults of the product in `directory`; none when there is no file.
    pub(super) fn read(directory: &Path) -> Result<Self, SettingsError> {
        let path = directory.join(Self::FILE);
        match fs_err::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|source| SettingsError::Json { path, source })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(SettingsError::Read { source }),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
