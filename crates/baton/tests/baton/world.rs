//! A working directory with settings, in which `baton` is run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A working directory of its own; everything that a test makes is below it.
pub(crate) struct World {
    directory: TempDir,
}

/// What a run of `baton` ended with.
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn with_settings(text: &str) -> Self {
        let world = Self::new();
        world.write_settings(text);
        world
    }

    pub(crate) fn write_settings(&self, text: &str) {
        fs_err::write(self.path("baton.toml"), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
        command
            .current_dir(self.root())
            .args(arguments)
            .env_remove("BATON_DATA")
            .env_remove("BATON_SETTINGS")
            .env_remove("BATON_LISTEN")
            .env("COLUMNS", "100");
        command
    }

    pub(crate) fn baton(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }

    /// Everything below the working directory, for tests of what is left behind.
    pub(crate) fn listing(&self) -> Vec<String> {
        fn collect(root: &Path, directory: &Path, names: &mut Vec<String>) {
            for entry in fs_err::read_dir(directory).unwrap() {
                let entry = entry.unwrap();
                names.push(entry.path().strip_prefix(root).unwrap().display().to_string());
                if entry.file_type().unwrap().is_dir() {
                    collect(root, &entry.path(), names);
                }
            }
        }
        let mut names = Vec::new();
        collect(self.root(), self.root(), &mut names);
        names.sort();
        names
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Asserts the exit code, and shows everything when it is another one.
    #[track_caller]
    pub(crate) fn expect(self, exit: i32) -> Self {
        assert_eq!(self.exit, exit, "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The one JSON object that was printed.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr));
        assert_eq!(value["schema"], "baton/1");
        value
    }

    /// The codes of all findings of the one object.
    #[track_caller]
    pub(crate) fn codes(&self) -> Vec<String> {
        let json = self.json();
        let findings = json["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    }
}

/// A path as a TOML string.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}

/// An argument list as a TOML array.
pub(crate) fn list(argv: &[String]) -> String {
    let quoted: Vec<String> = argv.iter().map(|argument| format!("'{argument}'")).collect();
    format!("[{}]", quoted.join(", "))
}
