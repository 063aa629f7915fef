//! A path as another machine would name it: by the share that Windows has of every disk for its administrators. In the
//! Wine prefix of the tests it leads to the same disk.

use std::path::{Component, Path, PathBuf, Prefix};

/// The same file by `\\localhost\c$`.
///
/// Panics when the path does not begin with a disk.
#[track_caller]
pub fn on_share(path: &Path) -> PathBuf {
    let mut components = path.components();
    let Some(Component::Prefix(prefix)) = components.next() else { panic!("{} has no disk", path.display()) };
    let Prefix::Disk(disk) = prefix.kind() else { panic!("{} is not on a disk", path.display()) };
    let root = format!(r"\\localhost\{}$\", char::from(disk.to_ascii_lowercase()));
    Path::new(&root).join(components.as_path().strip_prefix(r"\").unwrap_or(components.as_path()))
}
