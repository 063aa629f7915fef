//! A product as a Windows service: made, started and looked at by the service control manager.

use std::path::PathBuf;
use std::time::Duration;

use windows_service::service::{
    Service, ServiceAccess, ServiceErrorControl, ServiceInfo, ServiceStartType, ServiceState, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::{ProductFixture, stand_in, text};
use crate::condition::wait_for;

/// How long a service may take to be as it is waited for.
const LIMIT: Duration = Duration::from_secs(60);

/// A service of a test. Stopped and deleted when dropped.
#[derive(Debug)]
pub struct ProductService {
    name: String,
    log: PathBuf,
}

impl ProductFixture {
    /// Makes the product a service with this name, which nobody has started yet.
    #[track_caller]
    pub fn install_service(&self, name: &str) -> ProductService {
        let arguments = ["service", "--name", name, "--log"].map(str::to_owned).into_iter();
        let arguments = arguments.chain([text(&self.service_log())]).chain(self.server_arguments());
        let information = ServiceInfo {
            name: name.into(),
            display_name: format!("{name} of a test").into(),
            service_type: ServiceType::OWN_PROCESS,
            start_type: ServiceStartType::OnDemand,
            error_control: ServiceErrorControl::Normal,
            executable_path: stand_in().into(),
            launch_arguments: arguments.map(Into::into).collect(),
            dependencies: Vec::new(),
            account_name: None,
            account_password: None,
        };
        // What a killed test has left behind goes first.
        drop(ProductService { name: name.to_owned(), log: self.service_log() });
        let manager = manager();
        // A service that was deleted is gone with the last handle to it, wherever that is.
        let made = wait_for(LIMIT, || manager.create_service(&information, ServiceAccess::QUERY_STATUS).ok());
        made.unwrap_or_else(|| panic!("the service {name} cannot be made"));
        ProductService { name: name.to_owned(), log: self.service_log() }
    }

    /// What the stand-in writes while it is a service.
    pub fn service_log(&self) -> PathBuf {
        self.root.path().join("run/service.log")
    }
}

impl ProductService {
    /// Starts it, and waits until it runs; panics with its log when it does not.
    #[track_caller]
    pub fn start(&self) {
        let service = self.open().expect("the service of a test");
        service.start::<&str>(&[]).expect("a service that starts");
        let ended = wait_for(LIMIT, || match self.state() {
            Some(state @ (ServiceState::Running | ServiceState::Stopped)) => Some(state),
            _ => None,
        });
        if ended != Some(ServiceState::Running) {
            let log = fs_err::read_to_string(&self.log).unwrap_or_default();
            panic!("the service {} is {ended:?}\n{log}", self.name);
        }
    }

    /// Whether the service control manager says that it runs.
    pub fn is_running(&self) -> bool {
        self.state() == Some(ServiceState::Running)
    }

    /// Whether the service control manager says that it does not run.
    pub fn is_stopped(&self) -> bool {
        self.state() == Some(ServiceState::Stopped)
    }

    /// Its process, while it runs.
    pub fn process(&self) -> Option<u32> {
        self.open().ok()?.query_status().ok()?.process_id
    }

    fn state(&self) -> Option<ServiceState> {
        self.open().ok()?.query_status().ok().map(|status| status.current_state)
    }

    fn open(&self) -> windows_service::Result<Service> {
        let access = ServiceAccess::QUERY_STATUS | ServiceAccess::START | ServiceAccess::STOP;
        manager().open_service(&self.name, access | ServiceAccess::DELETE)
    }
}

impl Drop for ProductService {
    fn drop(&mut self) {
        let Ok(service) = self.open() else { return };
        // It may have stopped, or be about to.
        let _ = service.stop();
        wait_for(LIMIT, || (self.state() == Some(ServiceState::Stopped)).then_some(()));
        let _ = service.delete();
    }
}

fn manager() -> ServiceManager {
    let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    ServiceManager::local_computer(None::<&str>, access).expect("the service control manager")
}
