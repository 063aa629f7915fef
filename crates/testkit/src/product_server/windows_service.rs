//! The stand-in as a Windows service: started and stopped by the service control manager.
//!
//! An error at start ends it with the exit code 1 of its own, and is in its log.

use std::ffi::OsString;
use std::io::Write as _;
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::{define_windows_service, service_dispatcher};

use super::arguments::{WindowsServiceArguments, describe};
use super::faults::Faults;
use super::server;
use crate::condition::wait_for;

/// What the command line says: the service control manager calls [`main`] without it.
static ARGUMENTS: OnceLock<WindowsServiceArguments> = OnceLock::new();

define_windows_service!(entry, main);

/// Serves until the service control manager says to stop; fails when nobody but a person has started this.
pub(super) fn run(arguments: WindowsServiceArguments) -> Result<(), String> {
    let name = ARGUMENTS.get_or_init(|| arguments).name.as_str();
    service_dispatcher::start(name, entry).map_err(describe)
}

fn main(_arguments: Vec<OsString>) {
    let Some(arguments) = ARGUMENTS.get() else { return };
    let (sender, stop) = mpsc::channel();
    let handler = move |control| match control {
        ServiceControl::Stop => {
            let _ = sender.send(());
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    };
    let Ok(handle) = service_control_handler::register(&arguments.name, handler) else { return };
    let say = |state, exit| tell(handle, state, exit);
    let clean = ServiceExitCode::NO_ERROR;
    say(ServiceState::StartPending, clean);
    let faults = Faults::read(&arguments.server.directory);
    if let Some(code) = faults.as_ref().ok().and_then(|faults| faults.die_at_start) {
        log(arguments, &format!("error: told to die with {code}"));
        return say(ServiceState::Stopped, ServiceExitCode::ServiceSpecific(code));
    }
    let opened = match &faults {
        Ok(faults) => server::open(&arguments.server, faults).map_err(describe),
        Err(error) => Err(describe(error)),
    };
    match opened {
        Ok(report) => log(arguments, &report.to_json()),
        Err(message) => {
            log(arguments, &format!("error: {message}"));
            return say(ServiceState::Stopped, ServiceExitCode::ServiceSpecific(1));
        }
    }
    say(ServiceState::Running, clean);
    let _ = stop.recv();
    say(ServiceState::StopPending, clean);
    log(arguments, "told to stop");
    let delay = faults.map_or(0, |faults| faults.stop_delay_ms);
    // It serves on meanwhile.
    wait_for::<()>(Duration::from_millis(delay), || None);
    log(arguments, "stopped");
    say(ServiceState::Stopped, clean);
}

fn tell(handle: ServiceStatusHandle, current_state: ServiceState, exit_code: ServiceExitCode) {
    let controls_accepted = match current_state {
        ServiceState::Running => ServiceControlAccept::STOP,
        _ => ServiceControlAccept::empty(),
    };
    // Whoever waits for it sees that it was not told.
    let _ = handle.set_service_status(ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state,
        controls_accepted,
        exit_code,
        checkpoint: 0,
        wait_hint: Duration::from_secs(1),
        process_id: None,
    });
}

fn log(arguments: &WindowsServiceArguments, line: &str) {
    // A service has nobody else to tell.
    let file = fs_err::OpenOptions::new().create(true).append(true).open(&arguments.log);
    let _ = file.and_then(|mut file| writeln!(file, "{line}"));
}
