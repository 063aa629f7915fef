//! Where the program of a registered service is, as the registry has it.

#![expect(unsafe_code, reason = "the standard library does not read the registry")]

use std::path::PathBuf;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_SZ, RegGetValueW};

use super::wide;

/// The program of a service; `None` where no service of that name is registered. Variables in its path are replaced.
pub fn program(service: &str) -> Option<PathBuf> {
    // It would name another key.
    if service.is_empty() || service.contains('\\') {
        return None;
    }
    let key = wide(format!(r"SYSTEM\CurrentControlSet\Services\{service}"));
    let value = wide("ImagePath");
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
    Some(PathBuf::from(first_argument(&String::from_utf16(&text).ok()?)))
}

/// The program of a command line: what stands in quotes, else what ends in `.exe`.
fn first_argument(command: &str) -> String {
    if let Some((program, _)) = command.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        return program.to_owned();
    }
    let end = command.to_ascii_lowercase().find(".exe").map_or(command.len(), |start| start + 4);
    command[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_found_by_its_name() {
        // The service manager of Windows, and of Wine, has this one.
        let program = program("RpcSs").expect("a service that every system has");
        assert!(
            program.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("exe")),
            "{program:?}"
        );
        assert_eq!(super::program("no such service"), None);
        assert_eq!(super::program(r"..\Services\RpcSs"), None);
    }

    #[test]
    fn the_program_of_a_command_line_may_be_quoted() {
        assert_eq!(
            first_argument(r#""C:\Program Files\yunIO\yunIO.exe" --service"#),
            r"C:\Program Files\yunIO\yunIO.exe"
        );
        assert_eq!(first_argument(r"C:\XtractCore\listener.EXE run"), r"C:\XtractCore\listener.EXE");
        assert_eq!(first_argument(r"C:\driver"), r"C:\driver");
    }
}
