//! Owner, mode and extended attributes of files, and the calls that make changes of them durable.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Serialize};
use tempfile::{Builder, NamedTempFile, TempPath};

use crate::durable::with_path;

/// Links are as good as files.
pub(crate) const HAS_LINKS: bool = true;

/// Extended attributes that speak of the content: those of another content would be wrong.
const OF_THE_CONTENT: [&str; 2] = ["security.ima", "security.evm"];

/// Owner, group, mode and extended attributes of a file or directory. POSIX ACLs and SELinux labels are extended
/// attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// User id of the owner.
    owner: u32,
    /// Group id.
    group: u32,
    /// Permission bits.
    mode: u32,
    /// Extended attributes: name and value.
    #[serde(with = "as_text")]
    extended: Vec<(OsString, Vec<u8>)>,
}

impl Attributes {
    /// Those of an existing file or directory; links are followed.
    pub fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let extended = extended(path).map_err(|error| with_path(&error, "read the attributes of", path))?;
        Ok(Self { owner: metadata.uid(), group: metadata.gid(), mode: metadata.mode() & 0o7777, extended })
    }

    /// Those of a file that nobody but its owner may read.
    pub fn private_file() -> Self {
        Self::own(0o600)
    }

    /// Those of a directory that nobody but its owner may enter.
    pub fn private_directory() -> Self {
        Self::own(0o700)
    }

    /// Those of a file that everyone may read.
    pub fn public_file() -> Self {
        Self::own(0o644)
    }

    /// The running account's own, with the given mode.
    fn own(mode: u32) -> Self {
        let (owner, group) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        Self { owner, group, mode, extended: Vec::new() }
    }

    pub(crate) fn set_on(&self, path: &Path) -> io::Result<()> {
        let present = Self::of(path)?;
        if (present.owner, present.group) != (self.owner, self.group) {
            std::os::unix::fs::chown(path, Some(self.owner), Some(self.group))
                .map_err(|error| with_path(&error, "change the owner of", path))?;
        }
        for (name, value) in &self.extended {
            if !present.extended.iter().any(|(there, same)| there == name && same == value) {
                xattr::set(path, name, value)
                    .map_err(|error| with_path(&error, "keep the attributes of", path))?;
            }
        }
        // After the owner and the ACL: a change of them may change bits of the mode.
        if Self::of(path)?.mode != self.mode {
            fs::set_permissions(path, std::fs::Permissions::from_mode(self.mode))?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "owner {}:{}, mode {:04o}", self.owner, self.group, self.mode)?;
        self.extended.iter().try_for_each(|(name, _)| write!(f, ", {}", name.to_string_lossy()))
    }
}

/// In the journal names are text.
mod as_text {
    use std::ffi::OsString;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(
        extended: &[(OsString, Vec<u8>)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let texts: Vec<_> = extended.iter().map(|(name, value)| (name.to_string_lossy(), value)).collect();
        texts.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(OsString, Vec<u8>)>, D::Error> {
        let texts = Vec::<(String, Vec<u8>)>::deserialize(deserializer)?;
        Ok(texts.into_iter().map(|(name, value)| (OsString::from(name), value)).collect())
    }
}

/// An empty temporary file that nobody but its owner may read.
pub(crate) fn temporary_file(
    builder: &Builder<'_, '_>,
    directory: &Path,
    _meant_for: Option<&Attributes>,
) -> io::Result<NamedTempFile> {
    builder.tempfile_in(directory)
}

/// Makes a new file that nobody but its owner may read.
pub(crate) fn create_private_file(path: &Path) -> io::Result<fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).write(true).mode(0o600);
    fs::OpenOptions::from_options(options).open(path)
}

/// Opens the file of a lock; makes it where it is absent, for its owner only.
pub(crate) fn open_lock_file(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    Ok(fs::OpenOptions::from_options(options).open(path)?.into_parts().0)
}

/// Makes a directory that nobody but its owner may enter.
pub(crate) fn create_private_directory(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

/// Syncs the content of a file.
pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// Syncs a directory, so that the names in it survive a power cut.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// Gives a temporary file its name, whatever file was there.
pub(crate) fn persist(temporary: TempPath, path: &Path, _attributes: Option<&Attributes>) -> io::Result<()> {
    temporary.persist(path).map_err(|error| error.error)
}

/// Renames; a file that is there is replaced.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Removes a file or a link.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Makes a symbolic link to `to`.
pub(crate) fn symlink(to: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, link)
}

/// Whether the running account may write to a file or into a directory (access(2)).
pub(crate) fn is_writable(path: &Path) -> bool {
    nix::unistd::access(path, nix::unistd::AccessFlags::W_OK).is_ok()
}

/// Whether it belongs to this account, and its mode says nothing for others.
pub(crate) fn is_private(path: &Path) -> io::Result<bool> {
    let metadata = fs::metadata(path)?;
    Ok(metadata.uid() == nix::unistd::geteuid().as_raw() && metadata.mode() & 0o077 == 0)
}

fn extended(path: &Path) -> io::Result<Vec<(OsString, Vec<u8>)>> {
    if !xattr::SUPPORTED_PLATFORM {
        return Ok(Vec::new());
    }
    let names = match xattr::list_deref(path) {
        Ok(names) => names,
        // The file system has none.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut attributes = Vec::new();
    for name in names.filter(|name| !OF_THE_CONTENT.iter().any(|other| name == other)) {
        if let Some(value) = xattr::get_deref(path, &name)? {
            attributes.push((name, value));
        }
    }
    Ok(attributes)
}
