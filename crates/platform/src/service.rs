//! Services of this system, by name: stopped, waited for, started, waited for.
//!
//! # Policy
//! - A service that is told to stop has its time limit, whatever it says of itself. What it says (the wait hint) decides
//!   how often it is looked at. One that does not stop in time is told, and its process ended only where that was asked
//!   for.
//! - Services that depend on it are stopped before it and started after it. Which ones ran before is for the caller to
//!   keep: a restart that was broken off is repeated with them.
//! - *Runs* is what the service manager says, and says still after a second: many a service is said to run,
//!   and dies of its settings a moment later.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use baton_finding::{Explain, Retry};

pub use crate::system::service::IS_AVAILABLE;
use crate::system::service::SystemServices;
pub(crate) use restart::Services;

mod log;
mod restart;

/// A service, and how it is restarted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name, as the service manager has it; not its display name.
    pub name: String,
    /// How long it may take to stop, and again to start.
    pub time_limit: Duration,
    /// Whether its process is ended when it does not stop in time.
    pub ends_hung: bool,
    /// Its log, or a directory of which the youngest file is the log: the end of it is told when the service fails.
    pub log: Option<PathBuf>,
}

/// How a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does not run.
    Stopped,
    /// It is told to start, and does not run yet.
    Starting,
    /// It runs.
    Running,
    /// It is told to stop, and runs still.
    Stopping,
    /// It is halted, or about to be, or about to go on.
    Paused,
}

/// What the service manager says of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// How it stands.
    pub state: State,
    /// How it ended, where it has.
    pub exit: Exit,
    /// How long it says that it needs for what it is about to do.
    pub wait_hint: Duration,
    /// Its process, where that is its own and no other service's.
    pub process: Option<u32>,
}

/// How a service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With a number of the system's errors; 0 is none.
    System(u32),
    /// With a number of its own.
    Own(u32),
}

/// What a service is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// To be looked at.
    Look,
    /// To stop.
    Stop,
    /// To start.
    Start,
    /// To end, although it does not stop.
    End,
}

/// A service was not restarted.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// This system restarts its services by commands.
    #[error("the service `{name}` cannot be restarted by its name on this system")]
    Unavailable {
        /// The service.
        name: String,
    },
    /// Nobody knows it.
    #[error("there is no service `{name}`")]
    Missing {
        /// The service.
        name: String,
    },
    /// The account has too few rights.
    #[error("this account may not {order} the service `{name}`")]
    Denied {
        /// The service.
        name: String,
        /// What was wanted.
        order: Order,
    },
    /// It is switched off.
    #[error("the service `{name}` is disabled")]
    Disabled {
        /// The service.
        name: String,
    },
    /// The service manager refuses.
    #[error("the service manager does not {order} the service `{name}`")]
    Refused {
        /// The service.
        name: String,
        /// What was wanted.
        order: Order,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// It does not stop.
    #[error("the service `{name}` is still {state} {} s after it was told to stop{log}", .limit.as_secs())]
    Hung {
        /// The service.
        name: String,
        /// How it stands.
        state: State,
        /// How long it had.
        limit: Duration,
        /// The end of its log.
        log: String,
    },
    /// Its process was ended, and the service manager has not noticed.
    #[error("process {process} of the service `{name}` was ended, and the service is {state} still")]
    Lost {
        /// The service.
        name: String,
        /// The process that was ended.
        process: u32,
        /// How the service stands.
        state: State,
    },
    /// It does not run.
    #[error("the service `{name}` is still {state} {} s after it was told to start{log}", .limit.as_secs())]
    NotRunning {
        /// The service.
        name: String,
        /// How it stands.
        state: State,
        /// How long it had.
        limit: Duration,
        /// The end of its log.
        log: String,
    },
    /// It ended as soon as it was started.
    #[error("the service `{name}` ended at its start, with {exit}{log}")]
    Died {
        /// The service.
        name: String,
        /// How it ended.
        exit: Exit,
        /// The end of its log.
        log: String,
    },
}

impl Service {
    /// What the service manager says of it, and whether this account may stop and start it. Changes nothing.
    ///
    /// # Errors
    /// When there is no such service, or it may not be restarted by this account.
    pub fn status(&self) -> Result<Status, ServiceError> {
        let status = SystemServices::open(&self.name)?.status(&self.name);
        status.map_err(|refusal| refusal.of(&self.name, Order::Look))
    }

    /// The services that depend on it and run now, in the order in which they are to be stopped.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub fn running_dependents(&self) -> Result<Vec<String>, ServiceError> {
        let dependents = SystemServices::open(&self.name)?.running_dependents(&self.name);
        dependents.map_err(|refusal| refusal.of(&self.name, Order::Look))
    }

    /// Stops it where it runs, and waits until it has stopped; returns what was done.
    ///
    /// # Errors
    /// When it does not stop.
    pub async fn stop(&self) -> Result<String, ServiceError> {
        restart::stop(SystemServices::open(&self.name)?, self).await
    }

    /// Starts it where it does not run, and waits until it runs; returns what was done.
    ///
    /// # Errors
    /// When it does not run in the end.
    pub async fn start(&self) -> Result<String, ServiceError> {
        restart::start(SystemServices::open(&self.name)?, self).await
    }

    /// Stops it where it runs, with what depends on it, and starts it; what depends on it is started where it ran before
    /// or is one of `dependents`. Returns what was done, in lines. May be repeated.
    ///
    /// # Errors
    /// When one of them does not stop, or does not run in the end.
    pub async fn restart(&self, dependents: &[String]) -> Result<String, ServiceError> {
        restart::restart(SystemServices::open(&self.name)?, self, dependents).await
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Paused => "paused",
        })
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(0) => f.write_str("exit code 0"),
            Self::System(code) => {
                write!(f, "error {code}: {}", std::io::Error::from_raw_os_error(code.cast_signed()))
            }
            Self::Own(code) => write!(f, "exit code {code}"),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Look => "look at",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::End => "end the process of",
        })
    }
}

/// Why the service manager does not do what it is told.
#[derive(Debug)]
#[cfg_attr(not(windows), expect(dead_code, reason = "this system has no such service manager"))]
pub(crate) enum Refusal {
    /// There is no such service, or it is about to be deleted.
    Missing,
    /// The account may not.
    Denied,
    /// The service is switched off.
    Disabled,
    /// It is so already: it does not run when it is to stop, or runs when it is to start.
    Already,
    /// It is in the middle of something else.
    NotNow,
    /// Its process has ended, or says nothing.
    NoAnswer(u32),
    /// Anything else.
    Other(std::io::Error),
}

impl Refusal {
    pub(crate) fn of(self, name: &str, order: Order) -> ServiceError {
        let name = name.to_owned();
        let cause = match self {
            Self::Missing => return ServiceError::Missing { name },
            Self::Denied => return ServiceError::Denied { name, order },
            Self::Disabled => return ServiceError::Disabled { name },
            Self::NoAnswer(code) => std::io::Error::from_raw_os_error(code.cast_signed()),
            Self::Already | Self::NotNow => std::io::Error::from(std::io::ErrorKind::ResourceBusy),
            Self::Other(cause) => cause,
        };
        ServiceError::Refused { name, order, cause }
    }
}

impl Explain for ServiceError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "service-unavailable",
            Self::Missing { .. } => "service-missing",
            Self::Denied { .. } => "service-access-denied",
            Self::Disabled { .. } => "service-disabled",
            Self::Refused { .. } => "service-refused",
            Self::Hung { .. } => "service-hung",
            Self::Lost { .. } => "service-lost",
            Self::NotRunning { .. } => "service-not-running",
            Self::Died { .. } => "service-died",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unavailable { .. } | Self::Missing { .. } | Self::Denied { .. } | Self::Disabled { .. } => {
                Retry::Never
            }
            _ => Retry::Backoff,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unavailable { .. } => "set `activate` of the target to the command that restarts it".to_owned(),
            Self::Missing { .. } => {
                "set `service` of the target to its name, as `sc.exe query` lists it after SERVICE_NAME".to_owned()
            }
            Self::Denied { .. } => "run Baton as administrator".to_owned(),
            Self::Disabled { name } => format!("enable it: sc.exe config \"{name}\" start= auto"),
            Self::Refused { name, .. } => format!("see what the service manager says: sc.exe queryex \"{name}\""),
            Self::Hung { .. } => {
                "it was not killed, and may stop yet: see what it waits for, and that it runs in the end. A longer \
                 `time-limit` gives it more time; `kill = true` in `service` of the target ends its process"
                    .to_owned()
            }
            Self::Lost { .. } => "start it by hand; where that is refused, restart the machine".to_owned(),
            Self::NotRunning { .. } => "give it more time with `time-limit`, or see what it waits for".to_owned(),
            Self::Died { .. } => "start it by hand, and see its log and the event log of the system".to_owned(),
        })
    }
}
