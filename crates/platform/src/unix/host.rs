//! This machine and the account that runs the program.

use std::path::{Path, PathBuf};

use fs_err as fs;

/// The machine's host name in lower case, without a trailing dot; `None` where it is no DNS name.
///
/// Names that a certificate cannot carry (underscores, blanks, empty labels) are not passed on.
pub fn host_name() -> Option<String> {
    crate::host_name::sound(&nix::unistd::gethostname().ok()?.into_string().ok()?)
}

/// Where the settings of the machine are, as a file of that name.
pub fn settings_file(name: &str) -> Option<PathBuf> {
    Some(Path::new("/etc/baton").join(name))
}

/// Where programs keep what all accounts share. On this system each has a place of its own.
pub fn program_data() -> Option<PathBuf> {
    None
}

/// Whether the file or directory belongs to the account that runs this program; `None` when it is absent.
pub fn is_ours(path: &Path) -> std::io::Result<Option<bool>> {
    use std::os::unix::fs::MetadataExt as _;
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.uid() == nix::unistd::geteuid().as_raw())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether this program runs as root.
pub fn is_administrator() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The system and its version, as people name them.
pub fn system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map_or_else(|| std::env::consts::OS.to_owned(), |name| name.trim_matches('"').to_owned());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = if kernel.is_empty() { kernel } else { format!(", kernel {}", kernel.trim()) };
    format!("{name}{kernel}, {}", std::env::consts::ARCH)
}

/// The version of Wine, where the system is Wine and not Windows: it never is.
pub fn wine_version() -> Option<String> {
    None
}

/// The name of the account that runs this program, or its number.
pub fn account() -> String {
    account_name(nix::unistd::geteuid().as_raw())
}

/// The name of the account that a file belongs to, or its number.
pub fn owner(path: &Path) -> std::io::Result<String> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(account_name(fs::metadata(path)?.uid()))
}

fn account_name(uid: u32) -> String {
    match nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}

/// Whether an address is one of this machine's own.
pub fn is_own_address(address: std::net::IpAddr) -> bool {
    address.is_loopback() || std::net::UdpSocket::bind((address, 0)).is_ok()
}
