//! What a power cut can leave of the files that a program was writing.
//!
//! A kill leaves the page cache, so it cannot show a sync that is missing. Here all changes that a traced program
//! makes below some directories are [recorded](Recording), and the states are built that a disk may be in when the
//! power goes at any moment between two of them.
//!
//! # The model
//! It is as strict as POSIX permits, and stricter than the file systems of Linux are by default:
//! - What is written to a file, its length and its mode are durable after an fsync or fdatasync *of that file*. Until
//!   then each write may have reached the disk or not, whatever became of those before and after it.
//! - A name (made, renamed, linked, removed) is durable after an fsync *of its directory*. That ext4 also keeps the
//!   name of a new file that is synced itself does not count. Until then each change of a name may be there or not.
//! - A rename is one change: both names, or neither. Between two directories it is durable once both are synced.
//! - The bytes of one write arrive together. Owners and extended attributes are not looked at.
//! - A file that ends in `-shm` is the shared memory of SQLite: it is never there after a power cut.
//!
//! For each moment these are built: nothing of what is pending; all of it; each pending change alone; all but each
//! pending change; the names without the data, and the data without the names. States that are the same are built once.

use std::collections::BTreeSet;

pub use recording::Recording;

use crate::tree::Tree;
use disk::Operation;

mod disk;
mod recording;

/// A state that the disk may be in after the power went.
#[derive(Clone, Debug)]
pub struct State {
    /// After how many of the recorded operations the power went.
    pub cut: usize,
    chosen: Chosen,
}

/// Which of the pending changes have reached the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chosen {
    None,
    All,
    Only(usize),
    AllBut(usize),
    Names,
    Data,
}

impl Chosen {
    fn takes(self, position: usize, operation: &Operation) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Only(only) => position == only,
            Self::AllBut(except) => position != except,
            Self::Names => operation.is_of_names(),
            Self::Data => !operation.is_of_names(),
        }
    }
}

impl Recording {
    /// All states that are not the same, in the order of their moments.
    pub fn states(&self) -> Vec<State> {
        let mut known = BTreeSet::new();
        let mut states = Vec::new();
        for cut in 0..=self.operations().len() {
            let pending = self.pending(cut);
            let of_one = pending.iter().flat_map(|&one| [Chosen::Only(one), Chosen::AllBut(one)]);
            let of_all = [Chosen::None, Chosen::All, Chosen::Names, Chosen::Data];
            for chosen in of_all.into_iter().chain(of_one) {
                let takes = |position, operation: &Operation| {
                    pending.binary_search(&position).is_err() || chosen.takes(position, operation)
                };
                if known.insert(self.signature(cut, takes)) {
                    states.push(State { cut, chosen });
                }
            }
        }
        states
    }

    /// The directories as they are in a state.
    pub fn tree(&self, state: &State) -> Tree {
        let pending = self.pending(state.cut);
        self.replay(state.cut, |position, operation| {
            pending.binary_search(&position).is_err() || state.chosen.takes(position, operation)
        })
    }

    /// What happened, for messages.
    pub fn describe(&self, state: &State) -> String {
        let operation = |position: usize| self.operations()[position].to_string();
        let last = state.cut.checked_sub(1).map_or("nothing".to_owned(), operation);
        let kept = match state.chosen {
            Chosen::None => "nothing that is pending".to_owned(),
            Chosen::All => "all that is pending".to_owned(),
            Chosen::Only(only) => format!("of what is pending only: {}", operation(only)),
            Chosen::AllBut(except) => format!("all that is pending but: {}", operation(except)),
            Chosen::Names => "of what is pending the names".to_owned(),
            Chosen::Data => "of what is pending the data".to_owned(),
        };
        format!("cut after operation {} ({last}), kept: {kept}", state.cut)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::tracer::{Verdict, trace};

    /// What the file `new` may hold after a power cut; none when it is not there.
    fn contents(directory: &Path, program: &str, arguments: &[&str]) -> BTreeSet<Option<Vec<u8>>> {
        let directory = fs_err::canonicalize(directory).unwrap();
        let mut recording = Recording::begin(std::slice::from_ref(&directory));
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&directory);
        let traced = trace(&command, |call| {
            recording.observe(call);
            Verdict::Continue
        });
        assert_eq!(traced.exit, Some(0), "{}", traced.stderr);
        assert!(recording.end().is_same_as(&Tree::read(std::slice::from_ref(&directory))));
        let new = directory.join("new");
        let states = recording.states();
        states.iter().map(|state| recording.tree(state).content(&new).map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn a_name_and_its_data_are_lost_each_by_itself() {
        let directory = tempfile::tempdir().unwrap();
        fs_err::write(directory.path().join("old"), "content").unwrap();
        let seen = contents(directory.path(), "dd", &["if=old", "of=new"]);
        assert_eq!(seen, BTreeSet::from([None, Some(Vec::new()), Some(b"content".to_vec())]));
    }

    #[test]
    fn a_sync_keeps_the_data_and_not_the_name() {
        let directory = tempfile::tempdir().unwrap();
        fs_err::write(directory.path().join("old"), "12345678").unwrap();
        let arguments = ["if=old", "of=new", "bs=4", "conv=notrunc,fsync"];
        let seen = contents(directory.path(), "dd", &arguments);
        // Before the sync the second half may be there without the first.
        let parts: [&[u8]; 4] = [b"", b"1234", b"12345678", b"\0\0\0\x005678"];
        let expected: BTreeSet<_> = parts.into_iter().map(|part| Some(part.to_vec())).chain([None]).collect();
        assert_eq!(seen, expected);

        fs_err::remove_file(directory.path().join("new")).unwrap();
        let seen = contents(directory.path(), "mv", &["old", "new"]);
        assert_eq!(seen, BTreeSet::from([None, Some(b"12345678".to_vec())]));
        let seen = contents(directory.path(), "sync", &["."]);
        assert_eq!(seen, BTreeSet::from([Some(b"12345678".to_vec())]));
    }
}
