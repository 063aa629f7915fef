//! Who may do what with an object: accounts by their SIDs, access lists as text (SDDL, [MS-DTYP] 2.5.1).

#![expect(unsafe_code, reason = "the calls of the system take and give raw memory")]

use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle, RawHandle};
use std::path::Path;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{ERROR_SUCCESS, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW, ConvertSidToStringSidW,
    ConvertStringSecurityDescriptorToSecurityDescriptorW, ConvertStringSidToSidW, GetNamedSecurityInfoW,
    GetSecurityInfo, SDDL_REVISION_1, SE_FILE_OBJECT, SE_KERNEL_OBJECT, SetNamedSecurityInfoW,
};
use windows_sys::Win32::Security::{
    ACL, CheckTokenMembership, DACL_SECURITY_INFORMATION, GetSecurityDescriptorControl,
    GetSecurityDescriptorDacl, GetTokenInformation, LookupAccountSidW, OWNER_SECURITY_INFORMATION,
    PROTECTED_DACL_SECURITY_INFORMATION, PSID, SE_DACL_PROTECTED, SECURITY_ATTRIBUTES, SID_NAME_USE,
    TOKEN_QUERY, TOKEN_USER, TokenUser, UNPROTECTED_DACL_SECURITY_INFORMATION,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::{succeeded, wide, wide_path};

/// The local system, as which services run.
pub(super) const SYSTEM: &str = "S-1-5-18";
/// The group of the administrators, who own what an elevated process makes.
pub(super) const ADMINISTRATORS: &str = "S-1-5-32-544";

/// Memory that the system has allocated, and is given back to it.
struct Local(*mut c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: it came from a call that says to free it by LocalFree, and is freed once.
        unsafe {
            LocalFree(self.0);
        }
    }
}

/// A security descriptor.
pub(super) struct Descriptor {
    memory: Local,
}

impl Descriptor {
    /// Reads its text.
    pub(super) fn parse(text: &str) -> io::Result<Self> {
        let (text, mut descriptor) = (wide(text), null_mut());
        // SAFETY: the text ends in a zero, and the place for the answer lives through the call.
        succeeded(unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                null_mut(),
            )
        })?;
        Ok(Self { memory: Local(descriptor) })
    }

    /// Its access list as text, always the same for the same.
    pub(super) fn text(&self) -> io::Result<String> {
        let mut text = null_mut();
        // SAFETY: the descriptor is the system's own, and lives through the call.
        succeeded(unsafe {
            ConvertSecurityDescriptorToStringSecurityDescriptorW(
                self.memory.0,
                SDDL_REVISION_1,
                DACL_SECURITY_INFORMATION,
                &raw mut text,
                null_mut(),
            )
        })?;
        let memory = Local(text.cast());
        // SAFETY: the call has given a text with a closing zero.
        Ok(unsafe { text_at(memory.0.cast()) })
    }

    /// As calls take it that make an object. It must not outlive the descriptor.
    pub(super) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: self.memory.0,
            bInheritHandle: 0,
        }
    }
}

/// An object that nobody but the running account, the administrators and the system may use: its access list as text.
/// Of a directory it is handed down.
pub(super) fn private_access(is_directory: bool) -> io::Result<String> {
    let flags = if is_directory { "OICI" } else { "" };
    let own = own_sid()?;
    Ok(format!("D:P(A;{flags};FA;;;SY)(A;{flags};FA;;;BA)(A;{flags};FA;;;{own})"))
}

/// A directory that belongs to the administrators, and that nobody but them and the system may use; it is handed down.
pub(super) fn administrators_access() -> &'static str {
    "O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
}

/// The access list of a file or directory, as text.
pub(super) fn access(path: &Path) -> io::Result<String> {
    let name = wide_path(path);
    let mut descriptor = null_mut();
    // SAFETY: the name ends in a zero; the places for answers live through the call, and those not wanted are null.
    let answer = unsafe {
        GetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    refused(answer)?;
    Descriptor { memory: Local(descriptor) }.text()
}

/// Gives a file or directory an access list. What its directory hands down it keeps, unless the list says that it is
/// protected from that.
pub(super) fn set_access(path: &Path, access: &str) -> io::Result<()> {
    let descriptor = Descriptor::parse(access)?;
    let (mut present, mut list, mut defaulted) = (0, null_mut::<ACL>(), 0);
    let (mut control, mut revision) = (0, 0);
    // SAFETY: the descriptor is the system's own, and the places for answers live through the calls.
    unsafe {
        succeeded(GetSecurityDescriptorDacl(
            descriptor.memory.0,
            &raw mut present,
            &raw mut list,
            &raw mut defaulted,
        ))?;
        succeeded(GetSecurityDescriptorControl(descriptor.memory.0, &raw mut control, &raw mut revision))?;
    }
    let inheritance = if control & SE_DACL_PROTECTED == 0 {
        UNPROTECTED_DACL_SECURITY_INFORMATION
    } else {
        PROTECTED_DACL_SECURITY_INFORMATION
    };
    let name = wide_path(path);
    // SAFETY: the name ends in a zero, and the list is part of the descriptor, which lives through the call.
    refused(unsafe {
        SetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION | inheritance,
            null_mut(),
            null_mut(),
            list,
            null(),
        )
    })
}

/// The SID of the account that a file or directory belongs to.
pub(super) fn owner(path: &Path) -> io::Result<String> {
    let name = wide_path(path);
    let (mut owner, mut descriptor) = (null_mut(), null_mut());
    // SAFETY: the name ends in a zero; the places for answers live through the call, and those not wanted are null.
    let answer = unsafe {
        GetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut owner,
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    refused(answer)?;
    let _descriptor = Local(descriptor);
    // SAFETY: the SID is part of the descriptor, which lives through the call.
    unsafe { sid_text(owner) }
}

/// The SID of the account that an open pipe belongs to.
pub(super) fn owner_of_pipe(pipe: RawHandle) -> io::Result<String> {
    let (mut owner, mut descriptor) = (null_mut(), null_mut());
    // SAFETY: whoever lends the handle has it open; the places for answers live through the call.
    let answer = unsafe {
        GetSecurityInfo(
            pipe as HANDLE,
            SE_KERNEL_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut owner,
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    refused(answer)?;
    let _descriptor = Local(descriptor);
    // SAFETY: the SID is part of the descriptor, which lives through the call.
    unsafe { sid_text(owner) }
}

/// The SID of the account that runs this program.
pub(super) fn own_sid() -> io::Result<String> {
    let mut token: HANDLE = null_mut();
    // SAFETY: the handle of the own process is always valid, and the place for the answer lives through the call.
    succeeded(unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) })?;
    // SAFETY: the call has given a handle, which nobody else has.
    let token = unsafe { OwnedHandle::from_raw_handle(token as RawHandle) };
    // As many bytes as a user's SID ever needs, aligned as the system wants it.
    let mut user = [0_u64; 32];
    let mut length = 0;
    // SAFETY: the place for the answer is as long as it says.
    succeeded(unsafe {
        GetTokenInformation(
            token.as_raw_handle() as HANDLE,
            TokenUser,
            user.as_mut_ptr().cast(),
            size_of_val(&user) as u32,
            &raw mut length,
        )
    })?;
    // SAFETY: the call has filled in a TOKEN_USER, whose SID is in the same memory.
    unsafe { sid_text((*user.as_ptr().cast::<TOKEN_USER>()).User.Sid) }
}

/// Whether this program runs with the rights of an administrator.
pub(super) fn is_administrator() -> bool {
    let Ok(group) = parse_sid(ADMINISTRATORS) else { return false };
    let mut is_member = 0;
    // SAFETY: the SID and the place for the answer live through the call; no token means that of this program.
    let answer = unsafe { CheckTokenMembership(null_mut(), group.0, &raw mut is_member) };
    answer != 0 && is_member != 0
}

/// The name of an account, with its domain.
pub(super) fn account_name(sid: &str) -> io::Result<String> {
    let sid = parse_sid(sid)?;
    let (mut name, mut domain) = ([0_u16; 256], [0_u16; 256]);
    let (mut name_length, mut domain_length) = (name.len() as u32, domain.len() as u32);
    let mut kind: SID_NAME_USE = 0;
    // SAFETY: the SID lives through the call, and the places for answers are as long as they say.
    succeeded(unsafe {
        LookupAccountSidW(
            null(),
            sid.0,
            name.as_mut_ptr(),
            &raw mut name_length,
            domain.as_mut_ptr(),
            &raw mut domain_length,
            &raw mut kind,
        )
    })?;
    let text = |units: &[u16], length: u32| String::from_utf16_lossy(&units[..length as usize]);
    let (name, domain) = (text(&name, name_length), text(&domain, domain_length));
    Ok(if domain.is_empty() { name } else { format!("{domain}\\{name}") })
}

fn parse_sid(text: &str) -> io::Result<Local> {
    let (text, mut sid) = (wide(text), null_mut());
    // SAFETY: the text ends in a zero, and the place for the answer lives through the call.
    succeeded(unsafe { ConvertStringSidToSidW(text.as_ptr(), &raw mut sid) })?;
    Ok(Local(sid))
}

/// # Safety
/// The SID must be a valid one.
unsafe fn sid_text(sid: PSID) -> io::Result<String> {
    let mut text = null_mut();
    // SAFETY: the SID is valid, and the place for the answer lives through the call.
    succeeded(unsafe { ConvertSidToStringSidW(sid, &raw mut text) })?;
    let memory = Local(text.cast());
    // SAFETY: the call has given a text with a closing zero.
    Ok(unsafe { text_at(memory.0.cast()) })
}

/// # Safety
/// There must be a text with a closing zero.
pub(super) unsafe fn text_at(text: *const u16) -> String {
    // SAFETY: up to the closing zero all units are the text's.
    let length = (0..).take_while(|offset| unsafe { *text.add(*offset) } != 0).count();
    // SAFETY: as many units were just read.
    String::from_utf16_lossy(unsafe { std::slice::from_raw_parts(text, length) })
}

/// # Safety
/// There must be a text with a closing zero, or null.
pub(super) unsafe fn text_or_empty(text: *const u16) -> String {
    // SAFETY: the text is not null, and ends in a zero.
    if text.is_null() { String::new() } else { unsafe { text_at(text) } }
}

/// What a call says that answers with an error's number.
fn refused(answer: u32) -> io::Result<()> {
    if answer == ERROR_SUCCESS { Ok(()) } else { Err(io::Error::from_raw_os_error(answer.cast_signed())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_access_list_names_three_accounts_and_is_understood() {
        for is_directory in [false, true] {
            let text = private_access(is_directory).unwrap();
            assert_eq!(text.matches("(A;").count(), 3, "{text}");
            assert!(text.starts_with("D:P(") && text.contains(&own_sid().unwrap()), "{text}");
            assert!(Descriptor::parse(&text).is_ok(), "{text}");
        }
        assert!(Descriptor::parse("nonsense").is_err());
        assert!(!account_name(&own_sid().unwrap()).unwrap().is_empty());
    }

    #[test]
    #[ignore = "needs Windows: Wine keeps of an access list what fits into a Unix mode"]
    fn what_is_private_is_read_back_as_it_was_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        crate::durable::create_private_file(&path).unwrap();
        let own = own_sid().unwrap();
        let read = access(&path).unwrap();
        assert_eq!(read, format!("D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{own})"));
        set_access(&path, "D:P(A;;FR;;;SY)").unwrap();
        assert_eq!(access(&path).unwrap(), "D:P(A;;FR;;;SY)");
    }
}
