//! Values of the registry.

#![expect(unsafe_code, reason = "the standard library does not read the registry")]

use std::ptr::null_mut;

use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_SZ, RegGetValueW};

use super::wide;

/// The text of a value of the machine, variables in it replaced; `None` where there is none of that name.
pub(super) fn machine_text(key: &str, value: &str) -> Option<String> {
    let (key, value) = (wide(key), wide(value));
    // One with variables counts as such, once they are replaced; to ask for both kinds is refused by some versions.
    let kinds = RRF_RT_REG_SZ;
    let mut text = vec![0_u16; 32 * 1024];
    let mut bytes = u32::try_from(text.len() * 2).ok()?;
    // SAFETY: both names end in a zero, and the place for the answer is as long as it is said to be.
    let answer = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            key.as_ptr(),
            value.as_ptr(),
            kinds,
            null_mut(),
            text.as_mut_ptr().cast(),
            &raw mut bytes,
        )
    };
    if answer != ERROR_SUCCESS {
        return None;
    }
    text.truncate((bytes as usize / 2).saturating_sub(1));
    String::from_utf16(&text).ok()
}
