//! All changes below some directories, as the system calls of a traced program make them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hasher as _};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::libc;

use super::disk::{self, Change, DirectoryId, Disk, Entry, FileId, Operation};
use crate::tracer::{Call, Moment};
use crate::tree::{File, Tree};

/// What a program has changed below some directories, in its order. Give it every [`Call`].
#[derive(Clone, Debug)]
pub struct Recording {
    before: Disk,
    now: Disk,
    operations: Vec<Operation>,
    /// Which file has an inode number now: the system gives the number of a removed file to another one.
    inodes: BTreeMap<u64, FileId>,
}

impl Recording {
    /// Begins with all that is below `roots` now, which is durable. Panics when it cannot be read.
    #[track_caller]
    pub fn begin(roots: &[PathBuf]) -> Self {
        let empty = Disk::default();
        let mut recording =
            Self { before: empty.clone(), now: empty, operations: Vec::new(), inodes: BTreeMap::new() };
        for root in roots {
            let path = fs_err::canonicalize(root).expect("a directory to record");
            let id = recording.read_directory(&path);
            recording.now.roots.insert(path, id);
        }
        recording.before = recording.now.clone();
        recording
    }

    fn read_directory(&mut self, path: &Path) -> DirectoryId {
        let mode = fs_err::metadata(path).expect("a directory").mode() & 0o7777;
        let id = self.new_directory(mode);
        for entry in fs_err::read_dir(path).expect("a directory") {
            let entry = entry.expect("an entry of a directory");
            let path = entry.path();
            let metadata = fs_err::symlink_metadata(&path).expect("what an entry is");
            let read = if metadata.is_dir() {
                Entry::Directory(self.read_directory(&path))
            } else if metadata.is_symlink() {
                Entry::Link(fs_err::read_link(&path).expect("where a link leads"))
            } else if let Some(id) = self.inodes.get(&metadata.ino()) {
                Entry::File(*id)
            } else {
                let content = fs_err::read(&path).expect("a file");
                Entry::File(self.new_file(metadata.ino(), content, metadata.mode() & 0o7777))
            };
            self.now.directories[id].1.insert(entry.file_name(), read);
        }
        id
    }

    fn new_directory(&mut self, mode: u32) -> DirectoryId {
        // Numbers are the same in both: one that is made later is empty before.
        self.before.directories.push((mode, BTreeMap::new()));
        self.now.directories.push((mode, BTreeMap::new()));
        self.now.directories.len() - 1
    }

    fn new_file(&mut self, inode: u64, content: Vec<u8>, mode: u32) -> FileId {
        self.before.files.push(File { content: Vec::new(), mode });
        self.now.files.push(File { content, mode });
        self.inodes.insert(inode, self.now.files.len() - 1);
        self.now.files.len() - 1
    }

    /// Notes what a call has changed. Panics when it changed something in a way that is not known here.
    #[track_caller]
    pub fn observe(&mut self, call: &Call) {
        if call.moment() == Moment::Exit
            && call.result().is_some_and(|result| result >= 0)
            && let Err(error) = self.note(call)
        {
            panic!("{call} cannot be recorded: {error}");
        }
    }

    /// The directories as the program left them: what [`Tree::read`] gives, when nothing was missed.
    pub fn end(&self) -> Tree {
        self.now.tree()
    }

    /// How many operations were recorded.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// True when the program has changed nothing.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    pub(super) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    pub(super) fn pending(&self, cut: usize) -> Vec<usize> {
        disk::pending(&self.operations, cut)
    }

    pub(super) fn replay(&self, cut: usize, takes: impl Fn(usize, &Operation) -> bool) -> Tree {
        let mut disk = self.before.clone();
        let taken = self.operations[..cut].iter().enumerate().filter(|(at, operation)| takes(*at, operation));
        taken.for_each(|(_, operation)| disk.apply(operation));
        disk.tree()
    }

    /// The same number for states that are the same: the names, and which operations made up each file that has one.
    pub(super) fn signature(&self, cut: usize, takes: impl Fn(usize, &Operation) -> bool) -> u64 {
        let (roots, directories) = (self.before.roots.clone(), self.before.directories.clone());
        let mut disk = Disk { roots, directories, files: Vec::new() };
        let mut changes: BTreeMap<FileId, Vec<usize>> = BTreeMap::new();
        for (position, operation) in self.operations[..cut].iter().enumerate() {
            if takes(position, operation) {
                match operation.file() {
                    Some(file) => changes.entry(file).or_default().push(position),
                    None => disk.apply(operation),
                }
            }
        }
        let mut hasher = DefaultHasher::new();
        disk.hash_names(&changes, &mut hasher);
        hasher.finish()
    }

    fn add(&mut self, operation: Operation) {
        self.now.apply(&operation);
        self.operations.push(operation);
    }

    fn note(&mut self, call: &Call) -> io::Result<()> {
        let here = libc::AT_FDCWD;
        match call.number() {
            libc::SYS_open => self.opened(call, here, 0, call.number_argument(1)),
            libc::SYS_openat => self.opened(call, call.number_argument(0), 1, call.number_argument(2)),
            libc::SYS_creat => self.opened(call, here, 0, libc::O_CREAT | libc::O_TRUNC),
            libc::SYS_write => self.written(call, None, &call.bytes(1, result(call))?),
            libc::SYS_pwrite64 => self.written(call, Some(length(call, 3)?), &call.bytes(1, result(call))?),
            libc::SYS_writev => self.written(call, None, &vectored(call)?),
            libc::SYS_ftruncate => self.resized(call, length(call, 1)?),
            libc::SYS_fsync | libc::SYS_fdatasync => self.synced(call),
            libc::SYS_mkdir => self.made_directory(call, here, 0),
            libc::SYS_mkdirat => self.made_directory(call, call.number_argument(0), 1),
            libc::SYS_rename => self.renamed(call, (here, 0), (here, 1)),
            libc::SYS_renameat | libc::SYS_renameat2 => {
                self.renamed(call, (call.number_argument(0), 1), (call.number_argument(2), 3))
            }
            libc::SYS_link => self.linked(call, (here, 0), (here, 1)),
            libc::SYS_linkat => self.linked(call, (call.number_argument(0), 1), (call.number_argument(2), 3)),
            libc::SYS_symlink => self.made_link(call, here, 1),
            libc::SYS_symlinkat => self.made_link(call, call.number_argument(1), 2),
            libc::SYS_unlink | libc::SYS_rmdir => self.removed(call, here, 0),
            libc::SYS_unlinkat => self.removed(call, call.number_argument(0), 1),
            libc::SYS_chmod => self.mode_of_path(call, here, 0, call.argument(1)),
            libc::SYS_fchmodat => self.mode_of_path(call, call.number_argument(0), 1, call.argument(2)),
            libc::SYS_fchmod => self.mode_of_descriptor(call),
            libc::SYS_mmap => self.mapped(call),
            libc::SYS_sendfile | libc::SYS_fallocate | libc::SYS_pwritev => self.must_be_elsewhere(call, 0),
            libc::SYS_copy_file_range | libc::SYS_splice => self.must_be_elsewhere(call, 2),
            libc::SYS_truncate | libc::SYS_mknod | libc::SYS_setxattr | libc::SYS_lsetxattr => {
                match self.place(call, here, 0)? {
                    Some(_) => Err(unknown()),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn opened(&mut self, call: &Call, directory: i32, argument: usize, flags: i32) -> io::Result<()> {
        if flags & (libc::O_CREAT | libc::O_TRUNC) == 0 || flags & libc::O_TMPFILE == libc::O_TMPFILE {
            return Ok(());
        }
        let Some((parent, name, path)) = self.place(call, directory, argument)? else { return Ok(()) };
        match self.now.directories[parent].1.get(&name) {
            None => {
                let metadata = fs_err::metadata(descriptor_path(call, result(call)))?;
                let id = self.new_file(metadata.ino(), Vec::new(), metadata.mode() & 0o7777);
                self.change_names(
                    format!("make {}", path.display()),
                    [(parent, name, Some(Entry::File(id)))],
                );
                Ok(())
            }
            Some(Entry::File(file)) if flags & libc::O_TRUNC != 0 => {
                let file = *file;
                self.add(Operation::Resize { file, length: 0, name: path });
                Ok(())
            }
            Some(Entry::File(_)) => Ok(()),
            // Through a link, or a directory that was opened to be made.
            Some(_) => Err(unknown()),
        }
    }

    fn written(&mut self, call: &Call, offset: Option<usize>, bytes: &[u8]) -> io::Result<()> {
        let descriptor = call.number_argument(0);
        let Some((file, name)) = self.file(call, descriptor)? else { return Ok(()) };
        let offset = match offset {
            Some(offset) => offset,
            None => position(call, descriptor)?.checked_sub(bytes.len()).ok_or_else(unknown)?,
        };
        self.add(Operation::Write { file, offset, bytes: bytes.to_owned(), name });
        Ok(())
    }

    fn resized(&mut self, call: &Call, length: usize) -> io::Result<()> {
        if let Some((file, name)) = self.file(call, call.number_argument(0))? {
            self.add(Operation::Resize { file, length, name });
        }
        Ok(())
    }

    fn synced(&mut self, call: &Call) -> io::Result<()> {
        let descriptor = call.number_argument(0);
        let with_mode = call.number() == libc::SYS_fsync;
        if let Some((file, name)) = self.file(call, descriptor)? {
            self.add(Operation::SyncFile { file, with_mode, name });
        } else {
            let name = call.descriptor(descriptor)?;
            if let Some(directory) = self.now.directory(&name) {
                self.add(Operation::SyncDirectory { directory, name });
            }
        }
        Ok(())
    }

    fn made_directory(&mut self, call: &Call, directory: i32, argument: usize) -> io::Result<()> {
        let Some((parent, name, path)) = self.place(call, directory, argument)? else { return Ok(()) };
        let id = self.new_directory(fs_err::metadata(&path)?.mode() & 0o7777);
        let entry = Some(Entry::Directory(id));
        self.change_names(format!("make the directory {}", path.display()), [(parent, name, entry)]);
        Ok(())
    }

    fn renamed(&mut self, call: &Call, from: (i32, usize), to: (i32, usize)) -> io::Result<()> {
        let (from, to) = (self.place(call, from.0, from.1)?, self.place(call, to.0, to.1)?);
        match (from, to) {
            (None, None) => Ok(()),
            (Some((parent, name, path)), Some((new_parent, new_name, new_path))) => {
                let entry = self.now.directories[parent].1.get(&name).cloned().ok_or_else(unknown)?;
                // One file under both names: rename(2) does nothing.
                if matches!(entry, Entry::File(_))
                    && self.now.directories[new_parent].1.get(&new_name) == Some(&entry)
                {
                    return Ok(());
                }
                let text = format!("rename {} to {}", path.display(), new_path.display());
                self.change_names(text, [(parent, name, None), (new_parent, new_name, Some(entry))]);
                Ok(())
            }
            _ => Err(unknown()),
        }
    }

    fn linked(&mut self, call: &Call, from: (i32, usize), to: (i32, usize)) -> io::Result<()> {
        let (from, to) = (self.place(call, from.0, from.1)?, self.place(call, to.0, to.1)?);
        match (from, to) {
            (None, None) => Ok(()),
            (Some((parent, name, path)), Some((new_parent, new_name, new_path))) => {
                let entry = self.now.directories[parent].1.get(&name).cloned();
                let text = format!("link {} to {}", new_path.display(), path.display());
                self.change_names(text, [(new_parent, new_name, Some(entry.ok_or_else(unknown)?))]);
                Ok(())
            }
            _ => Err(unknown()),
        }
    }

    fn made_link(&mut self, call: &Call, directory: i32, argument: usize) -> io::Result<()> {
        let Some((parent, name, path)) = self.place(call, directory, argument)? else { return Ok(()) };
        let to = call.path(0)?;
        let text = format!("link {} to {}", path.display(), to.display());
        self.change_names(text, [(parent, name, Some(Entry::Link(to)))]);
        Ok(())
    }

    fn removed(&mut self, call: &Call, directory: i32, argument: usize) -> io::Result<()> {
        let Some((parent, name, path)) = self.place(call, directory, argument)? else { return Ok(()) };
        self.change_names(format!("remove {}", path.display()), [(parent, name, None)]);
        Ok(())
    }

    fn mode_of_path(&mut self, call: &Call, directory: i32, argument: usize, mode: u64) -> io::Result<()> {
        let Some((parent, name, path)) = self.place(call, directory, argument)? else { return Ok(()) };
        let mode = u32::try_from(mode).map_err(io::Error::other)? & 0o7777;
        let operation = match self.now.directories[parent].1.get(&name) {
            Some(&Entry::File(file)) => Operation::FileMode { file, mode, name: path },
            Some(&Entry::Directory(directory)) => Operation::DirectoryMode { directory, mode, name: path },
            _ => return Err(unknown()),
        };
        self.add(operation);
        Ok(())
    }

    fn mode_of_descriptor(&mut self, call: &Call) -> io::Result<()> {
        let mode = u32::try_from(call.argument(1)).map_err(io::Error::other)? & 0o7777;
        if let Some((file, name)) = self.file(call, call.number_argument(0))? {
            self.add(Operation::FileMode { file, mode, name });
        }
        Ok(())
    }

    /// What is written through a mapping that others see is not seen here.
    fn mapped(&mut self, call: &Call) -> io::Result<()> {
        let (access, flags) = (call.number_argument(2), call.number_argument(3));
        if access & libc::PROT_WRITE == 0 || flags & libc::MAP_SHARED == 0 {
            return Ok(());
        }
        match self.file(call, call.number_argument(4))? {
            Some((_, name)) if !name.to_string_lossy().ends_with("-shm") => Err(unknown()),
            _ => Ok(()),
        }
    }

    fn must_be_elsewhere(&mut self, call: &Call, argument: usize) -> io::Result<()> {
        match self.file(call, call.number_argument(argument))? {
            Some(_) => Err(unknown()),
            None => Ok(()),
        }
    }

    fn change_names<const N: usize>(
        &mut self,
        text: String,
        changes: [(DirectoryId, OsString, Option<Entry>); N],
    ) {
        let changes = changes.map(|(directory, name, entry)| Change { directory, name, entry });
        self.add(Operation::Names(changes.into(), text));
    }

    /// Directory, name and whole path of what a call names; none outside of the roots.
    fn place(
        &self,
        call: &Call,
        directory: i32,
        argument: usize,
    ) -> io::Result<Option<(DirectoryId, OsString, PathBuf)>> {
        let path = call.absolute(directory, &call.path(argument)?)?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
        let Ok(parent) = fs_err::canonicalize(parent) else { return Ok(None) };
        let path = parent.join(name);
        Ok(self.now.directory(&parent).map(|parent| (parent, name.to_owned(), path)))
    }

    /// The file behind a descriptor; none when it is not one of ours.
    fn file(&self, call: &Call, descriptor: i32) -> io::Result<Option<(FileId, PathBuf)>> {
        let name = call.descriptor(descriptor)?;
        if !self.now.roots.keys().any(|root| name.starts_with(root)) {
            return Ok(None);
        }
        let metadata =
            fs_err::metadata(descriptor_path(call, usize::try_from(descriptor).map_err(io::Error::other)?))?;
        Ok(self.inodes.get(&metadata.ino()).filter(|_| metadata.is_file()).map(|id| (*id, name)))
    }
}

fn descriptor_path(call: &Call, descriptor: usize) -> String {
    format!("/proc/{}/fd/{descriptor}", call.program())
}

/// Where the next byte goes (proc_pid_fdinfo(5)).
fn position(call: &Call, descriptor: i32) -> io::Result<usize> {
    let text = fs_err::read_to_string(format!("/proc/{}/fdinfo/{descriptor}", call.program()))?;
    let position = text.lines().find_map(|line| line.strip_prefix("pos:"));
    position.and_then(|position| position.trim().parse().ok()).ok_or_else(unknown)
}

/// The bytes of a vectored write that were written.
fn vectored(call: &Call) -> io::Result<Vec<u8>> {
    const VECTOR: usize = 16;
    let vectors = call.bytes(1, length(call, 2)? * VECTOR)?;
    let mut bytes = Vec::new();
    for vector in vectors.chunks_exact(VECTOR) {
        let number = |half: &[u8]| usize::from_ne_bytes(half.try_into().unwrap_or_default());
        bytes.extend(call.memory(number(&vector[..8]), number(&vector[8..]))?);
    }
    bytes.truncate(result(call));
    Ok(bytes)
}

fn result(call: &Call) -> usize {
    call.result().and_then(|result| usize::try_from(result).ok()).unwrap_or(0)
}

fn length(call: &Call, argument: usize) -> io::Result<usize> {
    usize::try_from(call.argument(argument)).map_err(io::Error::other)
}

fn unknown() -> io::Error {
    io::Error::other("this is not known to the recording")
}
