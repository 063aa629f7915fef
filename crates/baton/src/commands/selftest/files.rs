//! Files, locks, the local socket, secrets.

use std::io::Read as _;
use std::path::Path;

use baton_platform::durable::{self, Attributes};
use baton_platform::local_socket::LocalListener;
use baton_platform::lock::FileLock;
use baton_platform::sealed;
use fs_err as fs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::bench::Bench;
use super::line::{Line, Proven, ensure};
use super::peer;

pub(super) fn lines() -> Vec<Line> {
    vec![
        Line::new("files-replaced", replaced),
        Line::new("files-private", private)
            .not_under_wine("Wine keeps of an access list what fits into a Unix mode"),
        #[cfg(unix)]
        Line::new("files-links", links),
        Line::new("locks", locks),
        Line::new("local-socket", socket),
        Line::new("secrets", secrets),
    ]
}

/// A file that somebody reads is replaced: they read on what they have opened, everyone else the new content.
fn replaced(bench: &Bench) -> Proven {
    let path = bench.path("replaced");
    durable::replace(&path, b"old", Attributes::private_file())?;
    let mut reader = open_shared(&path)?;
    durable::replace(&path, b"new", Attributes::of(&path)?)?;
    let mut seen = String::new();
    reader.read_to_string(&mut seen)?;
    ensure(seen == "old", || format!("who had it open reads {seen:?} and not what was there"))?;
    let seen = fs::read_to_string(&path)?;
    ensure(seen == "new", || format!("whoever opens it reads {seen:?} and not the new content"))?;
    Ok("while it was open".to_owned())
}

#[cfg(unix)]
fn open_shared(path: &Path) -> std::io::Result<fs::File> {
    fs::File::open(path)
}

/// As programs of Windows open what may be replaced meanwhile.
#[cfg(windows)]
fn open_shared(path: &Path) -> std::io::Result<fs::File> {
    use std::os::windows::fs::OpenOptionsExt as _;
    const READ_WRITE_DELETE: u32 = 7;
    let mut options = std::fs::OpenOptions::new();
    options.read(true).share_mode(READ_WRITE_DELETE);
    fs::OpenOptions::from_options(options).open(path)
}

/// What is private is so when it is read back, and stays so when it is replaced.
fn private(bench: &Bench) -> Proven {
    let (directory, path) = (bench.path("private"), bench.path("private").join("file"));
    durable::create_private_directory(&directory)?;
    durable::create_private_file(&path)?;
    ensure(durable::is_private(&directory)?, || "others may enter a private directory".to_owned())?;
    ensure(durable::is_private(&path)?, || "others may read a private file".to_owned())?;
    durable::replace(&path, b"again", Attributes::of(&path)?)?;
    ensure(durable::is_private(&path)?, || "others may read a private file once it is replaced".to_owned())?;
    Ok("file and directory, read back".to_owned())
}

/// A link leads elsewhere by one rename.
#[cfg(unix)]
fn links(bench: &Bench) -> Proven {
    let link = bench.path("link");
    for to in ["first", "second"] {
        fs::write(bench.path(to), to)?;
        durable::replace_with_link(&link, Path::new(to))?;
        let seen = fs::read_to_string(&link)?;
        ensure(seen == to, || format!("the link leads to {seen:?} and not to {to:?}"))?;
    }
    Ok("replaced in one step".to_owned())
}

/// A lock keeps another process out for as long as it is held.
fn locks(bench: &Bench) -> Proven {
    let path = bench.path("lock");
    let lock = FileLock::try_acquire(&path)?;
    ensure(lock.is_some(), || "a new lock is held by somebody".to_owned())?;
    for (lock, expected) in [(lock, "held"), (None, "free")] {
        let seen = bench.ask_peer("lock", &path)?;
        ensure(seen == expected, || format!("another process finds it {seen} and not {expected}"))?;
        drop(lock);
    }
    Ok("seen by another process".to_owned())
}

/// Another process of this account reaches the socket by which commands reach a running `baton up`.
fn socket(bench: &Bench) -> Proven {
    let path = bench.path("local.sock");
    let listener = bench.wait(async { LocalListener::bind(&path) })??;
    let answering = bench.spawn(async move {
        // Whoever has connected and hears nothing says so.
        if let Ok(stream) = listener.accept().await {
            let (mut reader, mut writer) = stream.into_split();
            let _ = writer.write_all(b"heard\n").await;
            // It is the other who ends it: a pipe that is closed may forget what was not read yet.
            let _ = reader.read(&mut [0]).await;
        }
    });
    let said = bench.ask_peer("socket", &path);
    answering.abort();
    let said = said?;
    ensure(said == "heard", || format!("another process hears {said:?}"))?;
    Ok("another process was heard".to_owned())
}

/// A secret is kept, and another process of this machine opens it.
fn secrets(bench: &Bench) -> Proven {
    const SECRET: &[u8] = b"a secret of the self-test";
    let path = bench.path("secret");
    sealed::replace(&path, SECRET)?;
    let seen = bench.ask_peer("sealed", &path)?;
    ensure(seen == peer::digest(SECRET), || format!("another process reads something else: {seen}"))?;
    let bytes = fs::read(&path)?;
    if cfg!(windows) {
        ensure(!bytes.windows(SECRET.len()).any(|part| part == SECRET), || "the file shows it".to_owned())?;
        return Ok("sealed, and opened by another process".to_owned());
    }
    Ok("plain in a private file, as on every Unix".to_owned())
}
