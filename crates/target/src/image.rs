//! A file as it was: content and attributes, enough to put it back to the bit.

use std::io;
use std::path::Path;

use baton_platform::durable::{self, Attributes};
use fs_err as fs;
use serde::{Deserialize, Serialize};

/// A small file as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileImage {
    content: Vec<u8>,
    #[serde(flatten)]
    attributes: Attributes,
}

impl FileImage {
    /// The file as it is now; `None` when there is none.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let content = match fs::read(path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(Self { content, attributes: Attributes::of(path)? }))
    }

    /// Its bytes.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The same file with other bytes.
    pub fn with_content(&self, content: Vec<u8>) -> Self {
        Self { content, ..self.clone() }
    }

    /// Puts it to `path`, durably and in one step.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        durable::replace(path, &self.content, self.attributes.clone())
    }
}

/// A settings file that was set aside, and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// Where it belongs.
    pub path: std::path::PathBuf,
    /// What it was.
    pub image: FileImage,
}
