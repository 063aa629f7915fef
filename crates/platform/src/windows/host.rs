//! This machine and the account that runs the program.

#![expect(
    unsafe_code,
    reason = "the standard library does not tell the name of the machine, nor what it really is"
)]

use std::path::{Path, PathBuf};
use std::ptr::null_mut;

use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::SystemInformation::{ComputerNamePhysicalDnsHostname, GetComputerNameExW};

use super::{registry, security, succeeded, wide};

/// The machine's host name; `None` where the system tells none.
fn name() -> Option<String> {
    let mut length = 0;
    // SAFETY: without a place for the answer it says how long it is, and fails.
    unsafe {
        GetComputerNameExW(ComputerNamePhysicalDnsHostname, null_mut(), &raw mut length);
    }
    let mut name = vec![0_u16; length as usize];
    // SAFETY: the place for the answer is as long as it says.
    let answer =
        unsafe { GetComputerNameExW(ComputerNamePhysicalDnsHostname, name.as_mut_ptr(), &raw mut length) };
    succeeded(answer).ok()?;
    String::from_utf16(name.get(..length as usize)?).ok()
}

/// The machine's host name in lower case, without a trailing dot; `None` where it is no DNS name.
///
/// Names that a certificate cannot carry (underscores, blanks, empty labels) are not passed on.
pub fn host_name() -> Option<String> {
    crate::host_name::sound(&name()?)
}

/// Where programs keep what all accounts share.
#[expect(clippy::disallowed_methods, reason = "the system's own variable: no setting of ours")]
pub fn program_data() -> Option<PathBuf> {
    std::env::var_os("ProgramData").map(PathBuf::from)
}

/// Where the settings of the machine are, as a file of that name. Every account may make one there: so it is `None` where
/// the file belongs to another account than this one, the administrators or the system.
pub fn settings_file(name: &str) -> Option<PathBuf> {
    let path = program_data()?.join("Baton").join(name);
    let Ok(owner) = security::owner(&path) else { return Some(path) };
    let is_own = security::own_sid().is_ok_and(|own| own == owner);
    if is_own || owner == security::ADMINISTRATORS || owner == security::SYSTEM {
        return Some(path);
    }
    tracing::warn!("`{}` belongs to {} and is not used", path.display(), account_name(&owner));
    None
}

/// Whether the file or directory belongs to the account that runs this program; `None` when it is absent. What
/// administrators and the system have made belongs to each administrator.
pub fn is_ours(path: &Path) -> std::io::Result<Option<bool>> {
    match security::owner(path) {
        Ok(owner) => {
            let is_shared = owner == security::ADMINISTRATORS || owner == security::SYSTEM;
            Ok(Some(owner == security::own_sid()? || (is_shared && security::is_administrator())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(crate::durable::with_path(&error, "read the owner of", path)),
    }
}

/// Whether this program runs with the rights of an administrator.
pub fn is_administrator() -> bool {
    security::is_administrator()
}

/// The system and its version, as people name them.
pub fn system() -> String {
    let value = |name| registry::machine_text(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion", name);
    let name = value("ProductName").unwrap_or_else(|| "Windows".to_owned());
    let version = value("DisplayVersion").map(|version| format!(" {version}")).unwrap_or_default();
    let build = value("CurrentBuildNumber").map(|build| format!(", build {build}")).unwrap_or_default();
    format!("{name}{version}{build}, {}", std::env::consts::ARCH)
}

/// The version of Wine, where the system is Wine and not Windows.
pub fn wine_version() -> Option<String> {
    let library = wide("ntdll.dll");
    // SAFETY: the name ends in a zero; every program has this library for as long as it runs.
    let library = unsafe { GetModuleHandleW(library.as_ptr()) };
    if library.is_null() {
        return None;
    }
    // SAFETY: the library is loaded, and the name ends in a zero.
    let function = unsafe { GetProcAddress(library, c"wine_get_version".as_ptr().cast()) }?;
    // SAFETY: Wine documents it as a function without arguments that gives a text with a closing zero; nobody else has it.
    let version = unsafe {
        let function: extern "C" fn() -> *const std::ffi::c_char = std::mem::transmute(function);
        std::ffi::CStr::from_ptr(function())
    };
    Some(version.to_string_lossy().into_owned())
}

/// The name of the account that runs this program, or its SID.
pub fn account() -> String {
    security::own_sid().map_or_else(|_| "an unknown account".to_owned(), |sid| account_name(&sid))
}

/// The name of the account that a file belongs to, or its SID.
pub fn owner(path: &Path) -> std::io::Result<String> {
    Ok(account_name(&security::owner(path)?))
}

fn account_name(sid: &str) -> String {
    security::account_name(sid).unwrap_or_else(|_| sid.to_owned())
}

/// Whether an address is one of this machine's own.
pub fn is_own_address(address: std::net::IpAddr) -> bool {
    address.is_loopback() || std::net::UdpSocket::bind((address, 0)).is_ok()
}
