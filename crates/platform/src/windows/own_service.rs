//! This program as a Windows service.
//!
//! It is started with the machine, as Local System: it must restart other services and read their keys. What it keeps is
//! for the administrators and the system alone. When it fails it is started again, after a pause that grows.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::Notify;
use windows_service::service::{
    ServiceAccess, ServiceAction, ServiceActionType, ServiceControl, ServiceControlAccept,
    ServiceErrorControl, ServiceExitCode, ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo,
    ServiceStartType, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_service::{Error, define_windows_service, service_dispatcher};
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_FAILED_SERVICE_CONTROLLER_CONNECT, ERROR_SERVICE_DOES_NOT_EXIST,
    ERROR_SERVICE_EXISTS, ERROR_SERVICE_MARKED_FOR_DELETE,
};

use super::{durable, event_log, security};
use crate::own_service::{OwnService, OwnServiceError};
use crate::service::{Service, ServiceError};

/// The name of the service.
pub(super) const NAME: &str = "Baton";

/// How long it may take to stop: handovers that are under way have 20 seconds.
const STOPPING: Duration = Duration::from_secs(60);

/// How long it may take to start: what was interrupted is finished first, as long as the servers take to prove it.
const STARTING: Duration = Duration::from_secs(600);

/// After how long it is started again, each time that it fails; the last for all that follow.
const AGAIN: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(60), Duration::from_secs(300)];

/// After how long without a failure they count from the first again.
const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);

/// What the service does, between its start and its end.
static MAIN: OnceLock<Box<dyn Fn() -> u8 + Send + Sync>> = OnceLock::new();

/// The way to the service control manager, once it has started this process.
static HANDLE: OnceLock<ServiceStatusHandle> = OnceLock::new();

/// That the service control manager wants it to stop.
static STOP: Notify = Notify::const_new();

/// Where the service keeps what it keeps, where the settings do not say it: beside them.
pub fn default_data() -> Option<PathBuf> {
    None
}

/// Makes the service and its data directory; what could not be set is told, in lines.
///
/// # Errors
/// Before anything is changed: when the account may not, or there is such a service.
pub async fn install(own: &OwnService) -> Result<Vec<String>, OwnServiceError> {
    install_as(NAME, own, ServiceStartType::AutoStart)
}

/// The same under another name, to be started by hand: a service for a while, beside the one of this machine.
///
/// # Errors
/// As [`install`].
pub fn install_temporary(name: &str, own: &OwnService) -> Result<Vec<String>, OwnServiceError> {
    install_as(name, own, ServiceStartType::OnDemand)
}

fn install_as(
    name: &str,
    own: &OwnService,
    start_type: ServiceStartType,
) -> Result<Vec<String>, OwnServiceError> {
    let manager = manager(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE)?;
    match manager.open_service(name, ServiceAccess::QUERY_STATUS) {
        Ok(_) => return Err(OwnServiceError::Installed),
        Err(error) if code(&error) == Some(ERROR_SERVICE_DOES_NOT_EXIST) => {}
        Err(error) => return Err(refused(error)),
    }
    make_data(&own.data)?;
    let (program, arguments) = own.command.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
    let information = ServiceInfo {
        name: name.into(),
        display_name: name.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type,
        error_control: ServiceErrorControl::Normal,
        executable_path: program.into(),
        launch_arguments: arguments.iter().map(OsString::from).collect(),
        dependencies: Vec::new(),
        account_name: None,
        account_password: None,
    };
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START;
    let service = manager.create_service(&information, access).map_err(refused)?;
    let again = |delay| ServiceAction { action_type: ServiceActionType::Restart, delay };
    let actions = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(FORGOTTEN),
        reboot_msg: None,
        command: None,
        actions: Some(AGAIN.map(again).to_vec()),
    };
    let set = [
        ("its description", service.set_description("Keeps TLS certificates fresh, and proves it.")),
        // Not the last of the services at boot, but after the network is there.
        ("its delayed start", service.set_delayed_auto_start(start_type == ServiceStartType::AutoStart)),
        ("its start after a failure", service.update_failure_actions(actions)),
        ("its start after an error", service.set_failure_actions_on_non_crash_failures(true)),
    ];
    let not_set = |(what, result): (&str, windows_service::Result<()>)| {
        result.err().map(|error| format!("{what} could not be set: {}", cause(error)))
    };
    let mut warnings: Vec<String> = set.into_iter().filter_map(not_set).collect();
    let registered = event_log::register(name);
    warnings.extend(
        registered.err().map(|error| format!("its source in the event log could not be set: {error}")),
    );
    Ok(warnings)
}

/// Stops the service and removes it. What it keeps stays.
pub async fn uninstall() -> Result<(), OwnServiceError> {
    uninstall_temporary(NAME).await
}

/// The same for one of another name.
pub async fn uninstall_temporary(name: &str) -> Result<(), OwnServiceError> {
    named(name, STOPPING).stop().await.map_err(of_service)?;
    let manager = manager(ServiceManagerAccess::CONNECT)?;
    manager
        .open_service(name, ServiceAccess::DELETE)
        .and_then(|service| service.delete())
        .map_err(refused)?;
    event_log::unregister(name);
    Ok(())
}

/// Starts the service, and waits until it runs; returns what was done.
pub async fn start() -> Result<String, OwnServiceError> {
    named(NAME, STARTING).start().await.map_err(of_service)
}

/// Stops the service, and waits until it has stopped; returns what was done.
pub async fn stop() -> Result<String, OwnServiceError> {
    named(NAME, STOPPING).stop().await.map_err(of_service)
}

fn named(name: &str, time_limit: Duration) -> Service {
    Service { name: name.to_owned(), time_limit, ends_hung: false, log: None }
}

fn of_service(error: ServiceError) -> OwnServiceError {
    match error {
        ServiceError::Missing { .. } => OwnServiceError::Missing,
        ServiceError::Denied { .. } => OwnServiceError::NotPermitted,
        error => OwnServiceError::Service(error),
    }
}

/// For the administrators and the system alone, whoever makes it; so is what is missing above it.
fn make_data(data: &Path) -> Result<(), OwnServiceError> {
    if data.is_dir() {
        return Ok(());
    }
    if let Some(above) = data.parent() {
        make_data(above)?;
    }
    durable::create_directory_with(data, security::administrators_access())
        .map_err(|cause| OwnServiceError::Io { what: format!("`{}`", data.display()), cause })
}

fn manager(access: ServiceManagerAccess) -> Result<ServiceManager, OwnServiceError> {
    ServiceManager::local_computer(None::<&str>, access).map_err(refused)
}

fn refused(error: Error) -> OwnServiceError {
    match code(&error) {
        Some(ERROR_ACCESS_DENIED) => OwnServiceError::NotPermitted,
        Some(ERROR_SERVICE_EXISTS | ERROR_SERVICE_MARKED_FOR_DELETE) => OwnServiceError::Installed,
        Some(ERROR_SERVICE_DOES_NOT_EXIST) => OwnServiceError::Missing,
        _ => OwnServiceError::Io { what: format!("the service `{NAME}`"), cause: cause(error) },
    }
}

fn code(error: &Error) -> Option<u32> {
    match error {
        Error::Winapi(error) => error.raw_os_error().map(i32::cast_unsigned),
        _ => None,
    }
}

fn cause(error: Error) -> std::io::Error {
    match error {
        Error::Winapi(error) => error,
        error => std::io::Error::other(error),
    }
}

define_windows_service!(entry, service_main);

/// Hands this process to the service control manager, which has started it: `main` is the service, from its start until
/// it is told to stop, and answers with an exit code. Call it once.
///
/// # Errors
/// When somebody else has started this process.
pub fn dispatch(main: impl Fn() -> u8 + Send + Sync + 'static) -> Result<(), OwnServiceError> {
    MAIN.get_or_init(|| Box::new(main));
    service_dispatcher::start(NAME, entry).map_err(|error| match code(&error) {
        Some(ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) => OwnServiceError::NotStarted,
        _ => refused(error),
    })
}

fn service_main(_arguments: Vec<OsString>) {
    let handler = |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown => {
            STOP.notify_one();
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    };
    let (Ok(handle), Some(main)) = (service_control_handler::register(NAME, handler), MAIN.get()) else {
        return;
    };
    let handle = *HANDLE.get_or_init(|| handle);
    tell(handle, ServiceState::StartPending, 0);
    let exit = main();
    tell(handle, ServiceState::Stopped, exit);
}

/// Waits until the service control manager wants this process to stop; for ever where it is no service.
pub(super) async fn told_to_stop() {
    STOP.notified().await;
}

/// The way to the service control manager, where it has started this process.
pub(super) fn handle() -> Option<ServiceStatusHandle> {
    HANDLE.get().copied()
}

pub(super) fn tell(handle: ServiceStatusHandle, current_state: ServiceState, exit: u8) {
    let pending = match current_state {
        ServiceState::StartPending => STARTING,
        ServiceState::StopPending => STOPPING,
        _ => Duration::ZERO,
    };
    let status = ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state,
        controls_accepted: match current_state {
            ServiceState::StartPending | ServiceState::Running => {
                ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN
            }
            _ => ServiceControlAccept::empty(),
        },
        exit_code: match exit {
            0 => ServiceExitCode::NO_ERROR,
            exit => ServiceExitCode::ServiceSpecific(exit.into()),
        },
        checkpoint: 0,
        wait_hint: pending,
        process_id: None,
    };
    if let Err(error) = handle.set_service_status(status) {
        tracing::warn!("the service control manager was not told: {error}");
    }
}
