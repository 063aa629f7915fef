use std::ffi::OsStr;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use baton_platform::durable::{self, Attributes, TEMPORARY_PREFIX};
use fs_err as fs;

#[test]
fn a_file_is_made_and_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    durable::replace(&path, b"one", Attributes::private_file()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"one");
    let before = Attributes::of(&path).unwrap();
    durable::replace(&path, b"two", before.clone()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(Attributes::of(&path).unwrap(), before);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_reader_keeps_what_it_has_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    durable::replace(&path, b"one", Attributes::public_file()).unwrap();
    // As Rust opens files, they may be deleted meanwhile.
    let mut reader = fs::File::open(&path).unwrap();
    durable::replace(&path, b"two", Attributes::of(&path).unwrap()).unwrap();
    let mut seen = String::new();
    reader.read_to_string(&mut seen).unwrap();
    assert_eq!(seen, "one");
    assert_eq!(fs::read(&path).unwrap(), b"two");
}

#[cfg(windows)]
#[test]
fn a_file_that_someone_holds_for_a_moment_is_waited_for() {
    use std::os::windows::fs::OpenOptionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    durable::replace(&path, b"one", Attributes::public_file()).unwrap();
    let attributes = Attributes::of(&path).unwrap();
    let mut exclusive = std::fs::OpenOptions::new();
    let holder = exclusive.read(true).share_mode(0).open(&path).unwrap();
    let release = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(holder);
    });
    durable::replace(&path, b"two", attributes.clone()).unwrap();
    release.join().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    // Who does not let go is told of, and nothing is changed.
    let holder = exclusive.open(&path).unwrap();
    durable::replace(&path, b"three", attributes).unwrap_err();
    drop(holder);
    assert_eq!(fs::read(&path).unwrap(), b"two");
    let names: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["file"], "nothing is left beside it");
}

/// Windows has a limit of 260 characters for the calls that are not asked for more.
#[test]
fn a_path_may_be_long() {
    let root = tempfile::tempdir().unwrap();
    replace_rename_and_remove_deep_below(root.path());
}

#[cfg(windows)]
#[test]
fn a_path_on_a_share_may_be_long() {
    let root = tempfile::tempdir().unwrap();
    replace_rename_and_remove_deep_below(&baton_testkit::share::on_share(root.path()));
    assert!(root.path().join("a".repeat(120)).is_dir(), "it is the same disk");
}

fn replace_rename_and_remove_deep_below(root: &Path) {
    let mut directory = root.to_owned();
    for name in ["a", "b", "c"] {
        directory.push(name.repeat(120));
        durable::create_private_directory(&directory).unwrap();
    }
    let path = directory.join("file");
    durable::replace(&path, b"one", Attributes::private_file()).unwrap();
    let reader = fs::File::open(&path).unwrap();
    durable::replace(&path, b"two", Attributes::of(&path).unwrap()).unwrap();
    drop(reader);
    durable::rename(&path, &directory.join("other")).unwrap();
    assert_eq!(fs::read(directory.join("other")).unwrap(), b"two");
    durable::remove_file(&directory.join("other")).unwrap();
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
}

#[test]
fn a_directory_appears_with_its_files_and_goes_with_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("entry");
    let files: [(&OsStr, &[u8], Attributes); 2] = [
        (OsStr::new("certificate.pem"), b"certificate", Attributes::public_file()),
        (OsStr::new("key.pem"), b"key", Attributes::private_file()),
    ];
    durable::create_directory_with(&path, Attributes::private_directory(), &files).unwrap();
    assert_eq!(fs::read(path.join("key.pem")).unwrap(), b"key");
    let again = durable::create_directory_with(&path, Attributes::private_directory(), &files);
    assert!(again.is_err(), "it exists");
    assert_eq!(fs::read(path.join("certificate.pem")).unwrap(), b"certificate");
    durable::rename(&path, &directory.path().join("trash")).unwrap();
    durable::remove_directory(&directory.path().join("trash")).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    durable::remove_directory(&path).unwrap();
}

#[test]
fn a_file_is_put_back_from_where_it_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (path, kept) = (directory.path().join("file"), directory.path().join("kept"));
    fs::write(&path, "one").unwrap();
    durable::create_directory_of(&kept, Attributes::private_directory(), &[(OsStr::new("one"), &path)])
        .unwrap();
    durable::replace(&path, b"two", Attributes::of(&path).unwrap()).unwrap();
    for _ in 0..2 {
        durable::put_back(&path, &kept.join("one")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }
    assert_eq!(fs::read(kept.join("one")).unwrap(), b"one");
    durable::remove_file(&path).unwrap();
    durable::remove_file(&path).unwrap();
    let absent = durable::put_back(&path, &directory.path().join("absent")).unwrap_err();
    assert_eq!(absent.kind(), ErrorKind::NotFound);
}

#[test]
fn what_a_crash_has_left_is_removed_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for name in [&format!("{TEMPORARY_PREFIX}a1-file"), &format!("{TEMPORARY_PREFIX}a2-other"), "file"] {
        fs::write(path(name), "").unwrap();
    }
    durable::remove_leftovers_of(&path("file")).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    durable::remove_leftovers(directory.path()).unwrap();
    assert!(path("file").exists());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_is_made_private_is_ours() {
    let directory = tempfile::tempdir().unwrap();
    let private = directory.path().join("a/b");
    durable::create_private_directory(&private).unwrap();
    durable::create_private_directory(&private).unwrap();
    durable::create_private_file(&private.join("file")).unwrap();
    durable::create_private_file(&private.join("file")).unwrap();
    assert_eq!(baton_platform::host::is_ours(&private.join("file")).unwrap(), Some(true));
    assert_eq!(baton_platform::host::is_ours(&private.join("absent")).unwrap(), None);
    assert!(durable::is_writable(&private) && durable::is_writable(&private.join("file")));
    assert!(!durable::is_writable(&private.join("absent")));
    let temporary = durable::temporary_for(&private.join("copy")).unwrap();
    fs::write(&temporary, "copy").unwrap();
    durable::persist(temporary, &private.join("copy")).unwrap();
    assert_eq!(fs::read(private.join("copy")).unwrap(), b"copy");
}
