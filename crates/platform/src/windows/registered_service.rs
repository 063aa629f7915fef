//! Where the program of a registered service is, as the registry has it.

use std::path::PathBuf;

use super::registry;

/// The program of a service; `None` where no service of that name is registered. Variables in its path are replaced.
pub fn program(service: &str) -> Option<PathBuf> {
    // It would name another key.
    if service.is_empty() || service.contains('\\') {
        return None;
    }
    let command =
        registry::machine_text(&format!(r"SYSTEM\CurrentControlSet\Services\{service}"), "ImagePath")?;
    Some(PathBuf::from(first_argument(&command)))
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
