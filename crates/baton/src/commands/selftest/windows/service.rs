//! A service for a while: Baton's own program, which shows a certificate.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use baton_designer::HotCertificate;
use baton_platform::durable::{self, Attributes};
use baton_platform::host;
use baton_platform::own_service::{self, OwnService, OwnServiceError};
use baton_platform::service::{Service, ServiceError, State};
use baton_platform::service_manager::ServiceManager;
use baton_platform::signals::StopSignals;
use baton_x509::KeyAlgorithm;
use fs_err as fs;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use super::super::bench::Bench;
use super::super::line::{Line, NotPassed, Proven, ensure};
use super::super::tls;
use crate::cli::Cli;
use crate::failure::Exit;

/// Where the service says at which address it listens, in the directory of its certificate.
const ADDRESS: &str = "address";

/// How long it may take to start or to stop.
const TIME_LIMIT: Duration = Duration::from_secs(60);

pub(super) fn line() -> Line {
    Line::new("service", restarted).for_administrators()
}

fn service(name: &str) -> Service {
    Service { name: name.to_owned(), time_limit: TIME_LIMIT, ends_hung: false, log: None }
}

/// Installed, started, restarted, stopped, removed; after each start another handshake.
fn restarted(bench: &Bench) -> Proven {
    let certificate = bench.certificate(KeyAlgorithm::EcdsaP256)?;
    tls::write(bench, &certificate)?;
    let directory = bench.path("served");
    let program = std::env::current_exe()?.display().to_string();
    let argv = [program.as_str(), "selftest", "serve", &directory.display().to_string()].map(str::to_owned);
    let own = OwnService { command: argv.to_vec(), data: directory.clone() };
    let not_set = own_service::install_temporary(bench.name(), &own)?;
    let service = service(bench.name());

    bench.wait(service.start())??;
    let first = address(&directory)?;
    tls::ask(bench, first, &certificate)?;
    let process = service.status()?.process;

    durable::remove_file(&directory.join(ADDRESS))?;
    bench.wait(service.restart(&[]))??;
    let second = address(&directory)?;
    tls::ask(bench, second, &certificate)?;
    let restarted = service.status()?.process;
    ensure(process.is_some() && restarted.is_some() && process != restarted, || {
        "it is the same process after a restart".to_owned()
    })?;

    bench.wait(service.stop())??;
    let state = service.status()?.state;
    ensure(state == State::Stopped, || format!("it is {state} after it was stopped"))?;
    let connected = std::net::TcpStream::connect(second);
    ensure(connected.is_err(), || "somebody listens at its address after it was stopped".to_owned())?;

    bench.wait(own_service::uninstall_temporary(bench.name()))??;
    let found = service.status();
    ensure(matches!(found, Err(ServiceError::Missing { .. })), || {
        "the service manager knows it after it was removed".to_owned()
    })?;
    let done = "installed, started, restarted, stopped and removed, with handshakes";
    if not_set.is_empty() {
        return Ok(done.to_owned());
    }
    // Windows sets all of it; of Wine it is known that it does not.
    ensure(host::wine_version().is_some(), || not_set.join("; "))?;
    Ok(format!("{done}; needs Windows: {}", not_set.join("; ")))
}

fn address(directory: &Path) -> Result<SocketAddr, NotPassed> {
    Ok(fs::read_to_string(directory.join(ADDRESS))?.parse()?)
}

/// Removes the service of a run.
pub(super) fn clear_away(name: &str, runtime: &Handle) -> std::io::Result<()> {
    match runtime.block_on(own_service::uninstall_temporary(name)) {
        // Without the right to remove one, none was made.
        Ok(()) | Err(OwnServiceError::Missing | OwnServiceError::NotPermitted) => Ok(()),
        Err(error) => Err(std::io::Error::other(error)),
    }
}

/// Is that service, until the service control manager wants it to stop.
pub(crate) fn run_as_service(cli: &Cli, directory: PathBuf) -> ExitCode {
    let runtime = crate::runtime(&cli.command);
    let main = move || {
        let Ok(runtime) = &runtime else { return Exit::Failed as u8 };
        match runtime.block_on(serve(&directory)) {
            Ok(()) => Exit::Done as u8,
            // Nobody reads what it would say; its exit code is told by the service manager.
            Err(_) => Exit::Failed as u8,
        }
    };
    match own_service::dispatch(main) {
        Ok(()) => Exit::Done.into(),
        Err(_) => Exit::Refused.into(),
    }
}

async fn serve(directory: &Path) -> std::io::Result<()> {
    let certificate =
        HotCertificate::load(tls::files(directory.to_owned())).map_err(std::io::Error::other)?;
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?.to_string();
    durable::replace(&directory.join(ADDRESS), address.as_bytes(), Attributes::private_file())?;
    let mut stop = StopSignals::listen()?;
    if let Some(manager) = ServiceManager::new([None; 3])? {
        manager.ready();
    }
    tokio::select! {
        () = tls::serve(listener, certificate) => {}
        _ = stop.recv() => {}
    }
    Ok(())
}
