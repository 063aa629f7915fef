//! Directories with all that is below them, kept in memory to be compared and put back.
//!
//! Files are kept with their mode, and two names of one file stay names of one file. Owners and times are not kept.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// A directory with its mode.
    Directory(u32),
    /// A file, by its number in [`Tree::files`].
    File(u64),
    /// A symbolic link to there.
    Link(PathBuf),
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct File {
    /// Its bytes.
    pub content: Vec<u8>,
    /// Its mode.
    pub mode: u32,
}

/// Absolute names below some directories, and the files that they lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tree {
    /// The directories themselves; they are not among the names.
    pub roots: BTreeSet<PathBuf>,
    /// What is below them.
    pub names: BTreeMap<PathBuf, Node>,
    /// The files by their number: the inode that they had when they were read.
    pub files: BTreeMap<u64, File>,
}

impl Tree {
    /// All below `roots`. Sockets and the like are left out. Panics when something cannot be read.
    #[track_caller]
    pub fn read(roots: &[PathBuf]) -> Self {
        let mut tree = Self { roots: roots.iter().cloned().collect(), ..Self::default() };
        roots.iter().for_each(|root| tree.read_directory(root));
        tree
    }

    fn read_directory(&mut self, directory: &Path) {
        for entry in fs_err::read_dir(directory).expect("a directory of the tree") {
            let path = entry.expect("an entry of a directory").path();
            let metadata = fs_err::symlink_metadata(&path).expect("what an entry is");
            let mode = metadata.mode() & 0o7777;
            if metadata.is_dir() {
                self.read_directory(&path);
                self.names.insert(path, Node::Directory(mode));
            } else if metadata.is_symlink() {
                let to = fs_err::read_link(&path).expect("where a link leads");
                self.names.insert(path, Node::Link(to));
            } else if metadata.is_file() {
                let content = fs_err::read(&path).expect("a file of the tree");
                self.files.insert(metadata.ino(), File { content, mode });
                self.names.insert(path, Node::File(metadata.ino()));
            }
        }
    }

    /// Removes what is below the roots, which must exist, and puts this in its place. Panics when that fails.
    #[track_caller]
    pub fn write(&self) {
        self.roots.iter().for_each(|root| empty(root));
        let mut written: BTreeMap<u64, &Path> = BTreeMap::new();
        // A directory comes before what is in it.
        for (path, node) in &self.names {
            match node {
                Node::Directory(mode) => {
                    fs_err::create_dir(path).expect("a directory of the tree");
                    set_mode(path, *mode);
                }
                Node::Link(to) => fs_err::os::unix::fs::symlink(to, path).expect("a link of the tree"),
                Node::File(number) => match written.get(number) {
                    Some(first) => fs_err::hard_link(first, path).expect("another name of a file"),
                    None => {
                        let file = &self.files[number];
                        fs_err::write(path, &file.content).expect("a file of the tree");
                        set_mode(path, file.mode);
                        written.insert(*number, path);
                    }
                },
            }
        }
    }

    /// The bytes of the file that a name leads to; none when it is no file.
    pub fn content(&self, name: &Path) -> Option<&[u8]> {
        match self.names.get(name)? {
            Node::File(number) => self.files.get(number).map(|file| file.content.as_slice()),
            Node::Directory(_) | Node::Link(_) => None,
        }
    }

    /// The same names with the same content and modes, whatever the numbers of the files are.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.names.len() == other.names.len()
            && self.names.iter().zip(&other.names).all(|((name, node), (other_name, other_node))| {
                name == other_name
                    && match (node, other_node) {
                        (Node::File(number), Node::File(other_number)) => {
                            self.files.get(number) == other.files.get(other_number)
                        }
                        _ => node == other_node,
                    }
            })
    }
}

fn empty(directory: &Path) {
    for entry in fs_err::read_dir(directory).expect("a directory of the tree") {
        let path = entry.expect("an entry of a directory").path();
        let is_directory = fs_err::symlink_metadata(&path).expect("what an entry is").is_dir();
        let removed = if is_directory { fs_err::remove_dir_all(&path) } else { fs_err::remove_file(&path) };
        removed.expect("an entry is removed");
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}
