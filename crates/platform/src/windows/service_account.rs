//! The accounts that services run as.

#![expect(unsafe_code, reason = "the calls of the system take and give raw memory")]

use std::io;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_SERVICE_DOES_NOT_EXIST};
use windows_sys::Win32::Security::{LookupAccountNameW, SID_NAME_USE};
use windows_sys::Win32::System::Services::{
    CloseServiceHandle, OpenSCManagerW, OpenServiceW, QUERY_SERVICE_CONFIGW, QueryServiceConfigW, SC_HANDLE,
    SC_MANAGER_CONNECT, SERVICE_QUERY_CONFIG,
};

use super::{security, succeeded, wide};
use crate::access_list::{Account, Sid};

/// The account that a service runs as, by the service's configuration; `None` where there is no such service.
pub fn service_account(service: &str) -> io::Result<Option<Account>> {
    // SAFETY: no names mean this machine and its only database.
    let manager = Handle::of(unsafe { OpenSCManagerW(null(), null(), SC_MANAGER_CONNECT) })?;
    let name = wide(service);
    // SAFETY: the manager is open, and the name ends in a zero.
    let service = match Handle::of(unsafe { OpenServiceW(manager.0, name.as_ptr(), SERVICE_QUERY_CONFIG) }) {
        Ok(service) => service,
        Err(error) if error.raw_os_error() == Some(ERROR_SERVICE_DOES_NOT_EXIST.cast_signed()) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut length = 0;
    // SAFETY: the service is open; without a place for the answer the call says how long it is, and fails.
    let told = succeeded(unsafe { QueryServiceConfigW(service.0, null_mut(), 0, &raw mut length) });
    if let Err(error) = told
        && error.raw_os_error() != Some(ERROR_INSUFFICIENT_BUFFER.cast_signed())
    {
        return Err(error);
    }
    // Aligned as the structure needs it, whose texts are in the same memory.
    let mut memory = vec![0_u64; (length as usize).max(size_of::<QUERY_SERVICE_CONFIGW>()).div_ceil(8)];
    let place = memory.as_mut_ptr().cast::<QUERY_SERVICE_CONFIGW>();
    // SAFETY: the place for the answer is at least as long as it says.
    succeeded(unsafe { QueryServiceConfigW(service.0, place, length, &raw mut length) })?;
    // SAFETY: the call has filled the structure in; the text ends in a zero or is null, as it is for drivers.
    let account = unsafe { security::text_or_empty((*place).lpServiceStartName) };
    account_named(&account).map(Some)
}

/// The account of that name.
pub fn account_named(name: &str) -> io::Result<Account> {
    if let Some(account) = Account::well_known(name) {
        return Ok(account);
    }
    // `.` is this machine, which the look-up asks first.
    let wanted = wide(name.strip_prefix(r".\").unwrap_or(name));
    let (mut sid, mut domain) = ([0_u64; 9], [0_u16; 256]);
    let (mut sid_length, mut domain_length) = (size_of_val(&sid) as u32, domain.len() as u32);
    let mut kind: SID_NAME_USE = 0;
    // SAFETY: the name ends in a zero, and the places for answers are as long as they say.
    succeeded(unsafe {
        LookupAccountNameW(
            null(),
            wanted.as_ptr(),
            sid.as_mut_ptr().cast(),
            &raw mut sid_length,
            domain.as_mut_ptr(),
            &raw mut domain_length,
            &raw mut kind,
        )
    })?;
    let bytes: Vec<u8> = sid.iter().flat_map(|word| word.to_le_bytes()).collect();
    Ok(Account { name: name.to_owned(), sid: Sid::from_bytes(&bytes).map_err(io::Error::other)? })
}

/// The name of an account or group with its domain; `None` where nobody knows it any more.
pub fn account_name(sid: &Sid) -> Option<String> {
    security::account_name(&sid.to_string()).ok()
}

/// The service manager, or a service of it.
struct Handle(SC_HANDLE);

impl Handle {
    fn of(handle: SC_HANDLE) -> io::Result<Self> {
        if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(handle)) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and is closed once.
        unsafe {
            CloseServiceHandle(self.0);
        }
    }
}
