//! The restart of a service, whatever its manager.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Exit, Order, Refusal, Service, ServiceError, State, Status, log};

/// How long a service must be said to run before it is taken for running.
pub(super) const SETTLING: Duration = Duration::from_secs(1);

/// Between two looks at least, and at most.
const LOOKS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How long a process that was ended may take to be gone.
const ENDING: Duration = Duration::from_secs(10);

/// The service manager of a system. Its calls may block for a while.
pub(crate) trait Services: Send + Sync + 'static {
    /// What it says of a service.
    fn status(&self, name: &str) -> Result<Status, Refusal>;
    /// Tells a service to stop, and does not wait for it.
    fn stop(&self, name: &str) -> Result<(), Refusal>;
    /// Tells a service to start, and does not wait for it.
    fn start(&self, name: &str) -> Result<(), Refusal>;
    /// The services that depend on one and do not stand still, in the order in which they can be stopped.
    fn running_dependents(&self, name: &str) -> Result<Vec<String>, Refusal>;
    /// Ends a process.
    fn end(&self, process: u32) -> Result<(), Refusal>;
}

pub(super) async fn stop(services: impl Services, service: &Service) -> Result<String, ServiceError> {
    let mut restart = Restart::of(services, service);
    restart.stop(&service.name).await?;
    Ok(restart.done.join("\n"))
}

pub(super) async fn start(services: impl Services, service: &Service) -> Result<String, ServiceError> {
    let mut restart = Restart::of(services, service);
    restart.start(&service.name).await?;
    Ok(restart.done.join("\n"))
}

pub(super) async fn restart(
    services: impl Services,
    service: &Service,
    dependents: &[String],
) -> Result<String, ServiceError> {
    let mut restart = Restart::of(services, service);
    let name = service.name.as_str();
    let running = restart.ask(name, Order::Look, |services, name| services.running_dependents(name)).await;
    let running = running.map_err(|refusal| refusal.of(name, Order::Look))?;
    for (position, dependent) in running.iter().enumerate() {
        if let Err(error) = restart.stop(dependent).await {
            // The service itself runs still: those that were stopped for it have no reason to stand still.
            for stopped in running[..position].iter().rev() {
                let _ = restart.start(stopped).await;
            }
            return Err(error);
        }
    }
    restart.stop(name).await?;
    restart.start(name).await?;
    let before = dependents.iter().filter(|before| !running.contains(before)).rev();
    for dependent in running.iter().rev().chain(before) {
        restart.start(dependent).await?;
    }
    Ok(restart.done.join("\n"))
}

struct Restart<'a, S> {
    services: Arc<S>,
    service: &'a Service,
    /// What was done, in lines.
    done: Vec<String>,
}

impl<'a, S: Services> Restart<'a, S> {
    fn of(services: S, service: &'a Service) -> Self {
        Self { services: Arc::new(services), service, done: Vec::new() }
    }

    async fn stop(&mut self, name: &str) -> Result<(), ServiceError> {
        let begun = Instant::now();
        let mut is_told = false;
        loop {
            let status = self.status(name).await?;
            if status.state == State::Stopped {
                if is_told {
                    self.done.push(format!("stopped the service `{name}` in {}", seconds(begun)));
                }
                return Ok(());
            }
            if !is_told && status.state != State::Stopping {
                match self.ask(name, Order::Stop, |services, name| services.stop(name)).await {
                    Ok(()) => is_told = true,
                    // Looked at again: it has stopped meanwhile, or is about to start or stop.
                    Err(Refusal::Already | Refusal::NotNow) => {}
                    Err(refusal) => return Err(refusal.of(name, Order::Stop)),
                }
            }
            if begun.elapsed() >= self.service.time_limit {
                return self.end_hung(name, status).await;
            }
            self.pause(begun, status.wait_hint).await;
        }
    }

    /// It has not stopped in time.
    async fn end_hung(&mut self, name: &str, status: Status) -> Result<(), ServiceError> {
        let limit = self.service.time_limit;
        // What depends on the service is none of the settings', and is not ended by them.
        let process = status.process.filter(|_| self.service.ends_hung && name == self.service.name);
        let Some(process) = process else {
            let log = log::end_of(self.service.log.as_deref());
            return Err(ServiceError::Hung { name: name.to_owned(), state: status.state, limit, log });
        };
        let ended = self.ask(name, Order::End, move |services, _| services.end(process)).await;
        ended.map_err(|refusal| refusal.of(name, Order::End))?;
        let begun = Instant::now();
        loop {
            let status = self.status(name).await?;
            if status.state == State::Stopped {
                let limit = limit.as_secs();
                self.done.push(format!(
                    "ended process {process} of the service `{name}`, which did not stop within {limit} s"
                ));
                return Ok(());
            }
            if begun.elapsed() >= ENDING {
                return Err(ServiceError::Lost { name: name.to_owned(), process, state: status.state });
            }
            sleep(LOOKS.0).await;
        }
    }

    async fn start(&mut self, name: &str) -> Result<(), ServiceError> {
        let begun = Instant::now();
        let (mut is_told, mut runs_since) = (false, None);
        loop {
            let status = self.status(name).await?;
            match status.state {
                State::Running => {
                    let since: Instant = *runs_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= SETTLING {
                        self.done.push(format!("started the service `{name}` in {}", seconds(begun)));
                        return Ok(());
                    }
                }
                State::Stopped if is_told => return Err(self.died(name, status.exit)),
                State::Stopped => {
                    match self.ask(name, Order::Start, |services, name| services.start(name)).await {
                        Ok(()) | Err(Refusal::Already) => is_told = true,
                        Err(Refusal::NotNow) => {}
                        Err(Refusal::NoAnswer(code)) => return Err(self.died(name, Exit::System(code))),
                        Err(refusal) => return Err(refusal.of(name, Order::Start)),
                    }
                }
                State::Starting | State::Stopping | State::Paused => runs_since = None,
            }
            if runs_since.is_none() && begun.elapsed() >= self.service.time_limit {
                return Err(ServiceError::NotRunning {
                    name: name.to_owned(),
                    state: status.state,
                    limit: self.service.time_limit,
                    log: log::end_of(self.service.log.as_deref()),
                });
            }
            let hint = if runs_since.is_some() { Duration::ZERO } else { status.wait_hint };
            self.pause(begun, hint).await;
        }
    }

    fn died(&self, name: &str, exit: Exit) -> ServiceError {
        ServiceError::Died { name: name.to_owned(), exit, log: log::end_of(self.service.log.as_deref()) }
    }

    async fn status(&self, name: &str) -> Result<Status, ServiceError> {
        let status = self.ask(name, Order::Look, |services, name| services.status(name)).await;
        status.map_err(|refusal| refusal.of(name, Order::Look))
    }

    /// A call that may block, on a thread of its own.
    async fn ask<T: Send + 'static>(
        &self,
        name: &str,
        order: Order,
        call: impl FnOnce(&S, &str) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        tracing::debug!(service = name, "{order}");
        let (services, name) = (Arc::clone(&self.services), name.to_owned());
        let answer = tokio::task::spawn_blocking(move || call(&services, &name)).await;
        answer.unwrap_or_else(|error| Err(Refusal::Other(std::io::Error::other(error))))
    }

    /// Until the next look: a tenth of what the service says that it needs, within bounds and never beyond the limit.
    async fn pause(&self, begun: Instant, wait_hint: Duration) {
        let left = self.service.time_limit.saturating_sub(begun.elapsed()).max(LOOKS.0);
        sleep((wait_hint / 10).clamp(LOOKS.0, LOOKS.1).min(left)).await;
    }
}

fn seconds(begun: Instant) -> String {
    format!("{:.1} s", begun.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests;
