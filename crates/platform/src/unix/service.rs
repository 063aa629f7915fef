//! Services by name: on this system the administrator's own commands restart them.

use std::convert::Infallible;

use crate::service::{Refusal, ServiceError, Services, Status};

/// Whether this system restarts services by their names.
pub const IS_AVAILABLE: bool = false;

/// The service manager that would.
pub(crate) struct SystemServices(Infallible);

impl SystemServices {
    pub(crate) fn open(name: &str) -> Result<Self, ServiceError> {
        Err(ServiceError::Unavailable { name: name.to_owned() })
    }
}

impl Services for SystemServices {
    fn status(&self, _name: &str) -> Result<Status, Refusal> {
        match self.0 {}
    }

    fn stop(&self, _name: &str) -> Result<(), Refusal> {
        match self.0 {}
    }

    fn start(&self, _name: &str) -> Result<(), Refusal> {
        match self.0 {}
    }

    fn running_dependents(&self, _name: &str) -> Result<Vec<String>, Refusal> {
        match self.0 {}
    }

    fn end(&self, _process: u32) -> Result<(), Refusal> {
        match self.0 {}
    }
}
