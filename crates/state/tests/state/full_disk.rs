//! A disk that is full for a while, on a small file system of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use baton_state::{AccessLevel, State};

use crate::{name, noon};

struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Self {
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(at).status();
        assert!(done.unwrap().success(), "a small file system is mounted, which takes root");
        Self(at.to_owned())
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// SQLite ends the transaction that found no room by itself, and whoever counts transactions must notice.
#[tokio::test]
async fn what_could_not_be_written_for_want_of_room_can_be_written_later() {
    let directory = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(directory.path());
    let state = State::open(&directory.path().join("state.db")).await.unwrap();
    let add = async |number: usize| {
        let name = name(&format!("user-{number}"));
        state.add_user(&name, AccessLevel::ReadExecute, &"hash".repeat(500), noon()).await
    };
    add(0).await.unwrap();
    let mut filler = fs_err::File::create(disk.filler()).unwrap();
    while filler.write_all(&[0; 4096]).is_ok() {}
    let mut refused = 0;
    for number in 1..200 {
        refused += usize::from(add(number).await.is_err());
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "the disk is full");
    assert!(!state.users().await.unwrap().is_empty(), "what is there can be read");

    drop(filler);
    fs_err::remove_file(disk.filler()).unwrap();

    assert!(add(1000).await.unwrap());
    assert!(state.users().await.unwrap().iter().any(|user| user.name.as_str() == "user-1000"));
}
