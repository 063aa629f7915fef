//! Directories and files as a disk has them, and what changes them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::hash::{Hash as _, Hasher};
use std::path::{Path, PathBuf};

use crate::tree::{File, Node, Tree};

/// The number of a directory.
pub(super) type DirectoryId = usize;

/// The number of a file.
pub(super) type FileId = usize;

/// What a name in a directory leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Directory(DirectoryId),
    File(FileId),
    Link(PathBuf),
}

/// A change of one name; none removes it.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) directory: DirectoryId,
    pub(super) name: OsString,
    pub(super) entry: Option<Entry>,
}

/// What a program did, in the order in which it did it.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    /// Names that change together; the text is for messages.
    Names(Vec<Change>, String),
    /// Bytes at an offset.
    Write { file: FileId, offset: usize, bytes: Vec<u8>, name: PathBuf },
    /// A file gets a length.
    Resize { file: FileId, length: usize, name: PathBuf },
    /// A file gets a mode.
    FileMode { file: FileId, mode: u32, name: PathBuf },
    /// A directory gets a mode.
    DirectoryMode { directory: DirectoryId, mode: u32, name: PathBuf },
    /// All of a file is durable; without its mode, after fdatasync.
    SyncFile { file: FileId, with_mode: bool, name: PathBuf },
    /// All names of a directory are durable.
    SyncDirectory { directory: DirectoryId, name: PathBuf },
}

impl Operation {
    pub(super) fn is_of_names(&self) -> bool {
        matches!(self, Self::Names(..))
    }

    /// The file whose content or mode it changes.
    pub(super) fn file(&self) -> Option<FileId> {
        match self {
            Self::Write { file, .. } | Self::Resize { file, .. } | Self::FileMode { file, .. } => Some(*file),
            _ => None,
        }
    }

    /// What must be synced before this is durable: all of it.
    fn parts(&self) -> BTreeSet<Part> {
        match self {
            Self::Names(changes, _) => {
                changes.iter().map(|change| Part::Directory(change.directory)).collect()
            }
            Self::Write { file, .. } | Self::Resize { file, .. } => [Part::Content(*file)].into(),
            Self::FileMode { file, .. } => [Part::Mode(*file)].into(),
            Self::DirectoryMode { directory, .. } => [Part::Directory(*directory)].into(),
            Self::SyncFile { .. } | Self::SyncDirectory { .. } => BTreeSet::new(),
        }
    }

    fn makes_durable(&self, part: Part) -> bool {
        match (self, part) {
            (Self::SyncFile { file, .. }, Part::Content(other)) => *file == other,
            (Self::SyncFile { file, with_mode, .. }, Part::Mode(other)) => *file == other && *with_mode,
            (Self::SyncDirectory { directory, .. }, Part::Directory(other)) => *directory == other,
            _ => false,
        }
    }
}

/// What is synced as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Directory(DirectoryId),
    Content(FileId),
    Mode(FileId),
}

/// The positions of the operations before `cut` that no sync before `cut` has made durable.
pub(super) fn pending(operations: &[Operation], cut: usize) -> Vec<usize> {
    let is_durable = |position: usize| {
        let later = &operations[position + 1..cut];
        operations[position]
            .parts()
            .into_iter()
            .all(|part| later.iter().any(|operation| operation.makes_durable(part)))
    };
    (0..cut).filter(|&position| !is_durable(position)).collect()
}

/// All directories and files by their numbers, those included that have no name.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    pub(super) roots: BTreeMap<PathBuf, DirectoryId>,
    pub(super) directories: Vec<(u32, BTreeMap<OsString, Entry>)>,
    pub(super) files: Vec<File>,
}

impl Disk {
    pub(super) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Names(changes, _) => {
                for change in changes {
                    let entries = &mut self.directories[change.directory].1;
                    match &change.entry {
                        Some(entry) => entries.insert(change.name.clone(), entry.clone()),
                        None => entries.remove(&change.name),
                    };
                }
            }
            Operation::Write { file, offset, bytes, .. } => {
                let content = &mut self.files[*file].content;
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
            Operation::Resize { file, length, .. } => self.files[*file].content.resize(*length, 0),
            Operation::FileMode { file, mode, .. } => self.files[*file].mode = *mode,
            Operation::DirectoryMode { directory, mode, .. } => self.directories[*directory].0 = *mode,
            Operation::SyncFile { .. } | Operation::SyncDirectory { .. } => {}
        }
    }

    /// The directory at an absolute path without links in it; none outside of the roots.
    pub(super) fn directory(&self, path: &Path) -> Option<DirectoryId> {
        let (root, id) = self.roots.iter().find(|(root, _)| path.starts_with(root))?;
        path.strip_prefix(root).ok()?.components().try_fold(*id, |id, component| {
            match self.directories[id].1.get(component.as_os_str()) {
                Some(Entry::Directory(id)) => Some(*id),
                _ => None,
            }
        })
    }

    /// All that has a name.
    pub(super) fn tree(&self) -> Tree {
        let mut tree = Tree { roots: self.roots.keys().cloned().collect(), ..Tree::default() };
        self.roots.iter().for_each(|(path, id)| self.add_directory(path, *id, &mut tree));
        tree
    }

    /// Hashes all that has a name; `changes` stands for what a file holds.
    pub(super) fn hash_names(&self, changes: &BTreeMap<FileId, Vec<usize>>, hasher: &mut impl Hasher) {
        self.roots.values().for_each(|id| self.hash_directory(*id, changes, hasher));
    }

    fn hash_directory(
        &self,
        id: DirectoryId,
        changes: &BTreeMap<FileId, Vec<usize>>,
        hasher: &mut impl Hasher,
    ) {
        let (mode, entries) = &self.directories[id];
        let entries: Vec<_> = entries.iter().filter(|(name, _)| !is_shared_memory(name)).collect();
        (mode, entries.len()).hash(hasher);
        for (name, entry) in entries {
            name.hash(hasher);
            match entry {
                Entry::File(id) => (id, changes.get(id)).hash(hasher),
                Entry::Link(to) => to.hash(hasher),
                Entry::Directory(id) => self.hash_directory(*id, changes, hasher),
            }
        }
    }

    fn add_directory(&self, path: &Path, id: DirectoryId, tree: &mut Tree) {
        for (name, entry) in &self.directories[id].1 {
            let path = path.join(name);
            let node = match entry {
                Entry::File(_) if is_shared_memory(name) => continue,
                Entry::File(id) => {
                    tree.files.insert(*id as u64, self.files[*id].clone());
                    Node::File(*id as u64)
                }
                Entry::Link(to) => Node::Link(to.clone()),
                Entry::Directory(id) => {
                    // Of two renames the later may be there alone: then a directory has two names.
                    self.add_directory(&path, *id, tree);
                    Node::Directory(self.directories[*id].0)
                }
            };
            tree.names.insert(path, node);
        }
    }
}

/// The shared memory of SQLite: nothing of it is ever on the disk that counts.
fn is_shared_memory(name: &OsStr) -> bool {
    name.to_string_lossy().ends_with("-shm")
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Names(_, text) => formatter.write_str(text),
            Self::Write { offset, bytes, name, .. } => {
                write!(formatter, "write {} bytes at {offset} of {}", bytes.len(), name.display())
            }
            Self::Resize { length, name, .. } => {
                write!(formatter, "make {} {length} bytes long", name.display())
            }
            Self::FileMode { mode, name, .. } | Self::DirectoryMode { mode, name, .. } => {
                write!(formatter, "give {} the mode {mode:o}", name.display())
            }
            Self::SyncFile { name, .. } | Self::SyncDirectory { name, .. } => {
                write!(formatter, "sync {}", name.display())
            }
        }
    }
}
