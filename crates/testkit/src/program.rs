//! Where the programs of this workspace are, built when they must be.
//!
//! Cargo builds the programs of a package for that package's own integration tests only. A test of another crate
//! would find none, or worse: an old one, left by an earlier build. So a program is taken from beside the test
//! executable when it is newer than every source file it was made from (Cargo lists them in a `.d` file beside
//! it), and is built otherwise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::invocation;

/// Programs that were looked at in this process: each is built at most once.
static KNOWN: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());

/// How long a build may take, the wait for another build's lock included.
const BUILD_LIMIT: Duration = Duration::from_secs(900);

/// The path of the workspace's program `name` (`baton`, `product-server`), up to date.
///
/// Looks in the directory of Cargo's profile that the running test executable belongs to. When the program is
/// absent there or older than its sources, `cargo build -p <package> --bin <name>` is run once, with the same
/// profile and target directory. Panics when that fails. Not for builds with `--target`.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = known.get(name) {
        return path.clone();
    }
    let directory = profile_directory();
    let path = directory.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !is_up_to_date(&path) {
        build(name, &directory);
        if !path.is_file() {
            panic!("cargo built the program {name}, but not as {}", path.display());
        }
    }
    known.insert(name.to_owned(), path.clone());
    path
}

/// `target/debug`, from `target/debug/deps/some_test-0123456789abcdef` or from `target/debug/product-server`.
fn profile_directory() -> PathBuf {
    let executable = std::env::current_exe().expect("the path of the running executable");
    let directory = executable.parent().expect("the directory of the running executable");
    match directory.file_name() {
        Some(name) if name == "deps" => directory.parent().expect("the directory above deps").to_owned(),
        _ => directory.to_owned(),
    }
}

fn build(name: &str, profile_directory: &Path) {
    let package = match name {
        "product-server" => "baton-testkit",
        other => other,
    };
    let directory_name = profile_directory.file_name().unwrap_or_default().to_string_lossy();
    let profile = if directory_name == "debug" { "dev" } else { &directory_name };
    let target = profile_directory.parent().expect("the target directory").to_string_lossy();
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let workspace = Path::new(manifest).ancestors().nth(3).expect("the workspace above crates/testkit");
    let workspace_manifest = workspace.join("Cargo.toml");

    let arguments = [
        option_env!("CARGO").unwrap_or("cargo"),
        "build",
        "--quiet",
        "--manifest-path",
        &workspace_manifest.to_string_lossy(),
        "--target-dir",
        &target,
        "--profile",
        profile,
        "-p",
        package,
        "--bin",
        name,
    ];
    match invocation::run(&arguments, BUILD_LIMIT) {
        Ok(finished) => drop(finished.expect_success()),
        Err(error) => panic!("the program {name} is missing or old, and it cannot be built: {error}"),
    }
}

/// False when the program is absent or one of its source files is newer or gone.
fn is_up_to_date(path: &Path) -> bool {
    let Some(built) = modified(path) else { return false };
    let Ok(rule) = fs_err::read_to_string(path.with_extension("d")) else { return true };
    let sources = rule.split_once(": ").map_or("", |(_, sources)| sources.trim_end());
    split_unescaped(sources).iter().all(|source| modified(source).is_some_and(|changed| changed <= built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs_err::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// The paths of a make rule: blanks between them, a blank within one escaped by a backslash.
fn split_unescaped(sources: &str) -> Vec<PathBuf> {
    let marked = sources.replace("\\ ", "\0");
    marked.split_whitespace().map(|source| PathBuf::from(source.replace('\0', " "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_older_than_a_source_or_without_it_is_not_up_to_date() {
        let directory = tempfile::tempdir().unwrap();
        let (source, program) = (directory.path().join("a source.rs"), directory.path().join("program"));
        fs_err::write(&source, "").unwrap();
        fs_err::write(&program, "").unwrap();
        let escaped = source.to_string_lossy().replace(' ', "\\ ");
        let rule = format!("{}: {escaped} {escaped}\n", program.display());
        fs_err::write(directory.path().join("program.d"), rule).unwrap();
        let set = |path: &Path, seconds| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            fs_err::OpenOptions::new().write(true).open(path).unwrap().file().set_modified(time).unwrap();
        };

        set(&source, 1_000);
        set(&program, 2_000);
        assert!(is_up_to_date(&program));
        set(&source, 3_000);
        assert!(!is_up_to_date(&program));
        fs_err::remove_file(&source).unwrap();
        assert!(!is_up_to_date(&program));
        assert!(!is_up_to_date(&directory.path().join("absent")));
    }
}
