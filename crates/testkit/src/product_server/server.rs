//! The start of a server: read everything, then open every port, then say so.

use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::arguments::{self, ServerArguments};
use super::certificate::{CertificateError, Served, StorePlace, Thumbprint};
use super::endpoint::{self, TlsPort, UnknownPort};
use super::faults::Faults;
use super::http::Pages;
use super::listener::{self, Listener};
use super::pid_file::{PidFile, PidFileError};
use super::report::ReadyReport;
use super::settings::{self, Reach, ServerSettings, Settings, SettingsError};

/// A server did not start.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The pid file cannot be written, or its server still runs.
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The certificate cannot be served.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A port on the command line is not one of the product's.
    #[error(transparent)]
    UnknownPort(#[from] UnknownPort),
    /// The fault `refuse-thumbprint`.
    #[error("certificate {0} is refused")]
    Refused(String),
    /// The fault `serve-instead` names what is no thumbprint.
    #[error("{0:?} is no thumbprint")]
    NoThumbprint(String),
    /// A port cannot be opened.
    #[error("cannot listen on port {port} of {address} for {name}")]
    Bind {
        /// The endpoint's name.
        name: String,
        /// The address to listen on.
        address: IpAddr,
        /// The port.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot accept connections")]
    Accept {
        /// Why not.
        source: io::Error,
    },
    /// The report cannot be written.
    #[error("cannot write the report {}", path.display())]
    Report {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Nobody reads standard output.
    #[error("{0}")]
    Output(String),
}

/// Serves until the process is ended by a signal, or until the time of `--end-after` is over.
pub(super) fn run(arguments: &ServerArguments, pid_file: Option<&Path>) -> Result<(), ServerError> {
    let start = Instant::now();
    let _pid_file = pid_file.map(PidFile::take).transpose()?;
    let report = open(arguments, &Faults::read(&arguments.directory)?)?;
    arguments::print(&report.to_json()).map_err(ServerError::Output)?;
    serve(start, arguments.end_after);
    Ok(())
}

/// Reads everything, opens every port, and serves them in the background for the life of the process.
pub(super) fn open(arguments: &ServerArguments, faults: &Faults) -> Result<ReadyReport, ServerError> {
    let start = Instant::now();
    let mut settings = settings::read(arguments.product, &arguments.directory)?;
    let overrides = endpoint::overrides(arguments.product, &arguments.ports)?;
    for server in &mut settings.servers {
        server.endpoint = server.endpoint.with_ports(&overrides);
    }
    let certificates = certificates(&settings, faults, &arguments.store)?;

    let delay = Duration::from_millis(faults.start_delay_ms);
    while start.elapsed() < delay {
        thread::park_timeout(delay.saturating_sub(start.elapsed()));
    }

    let address = address(settings.reach, arguments.address);
    let mut report = ReadyReport {
        pid: std::process::id(),
        tls: false,
        thumbprint: None,
        endpoints: Default::default(),
        thumbprints: Default::default(),
        ports: Default::default(),
    };
    let mut listeners = Vec::new();
    for (server, certificate) in settings.servers.iter().zip(certificates) {
        listeners.push(listen(server, certificate, address, arguments, faults, &mut report)?);
    }
    for listener in listeners {
        listener.accept_in_background().map_err(|source| ServerError::Accept { source })?;
    }

    if let Some(path) = &arguments.ready {
        report.write(path).map_err(|source| ServerError::Report { path: path.clone(), source })?;
    }
    Ok(report)
}

/// The certificate of each endpoint that shall speak TLS, in the order of the endpoints.
fn certificates(
    settings: &Settings,
    faults: &Faults,
    store: &StorePlace,
) -> Result<Vec<Option<Served>>, ServerError> {
    let parse =
        |text: &String| Thumbprint::parse(text).ok_or_else(|| ServerError::NoThumbprint(text.clone()));
    let refused = faults.refuse_thumbprint.as_ref().map(parse).transpose()?;
    let instead = faults.serve_instead.as_ref().map(parse).transpose()?;

    let load = |server: &ServerSettings| -> Result<Option<Served>, ServerError> {
        let Some(own) = speaks_tls(server) else { return Ok(None) };
        if Some(own) == refused.as_ref() {
            return Err(ServerError::Refused(own.to_string()));
        }
        let served = Served::load(store, own)?;
        instead.as_ref().map_or(Ok(Some(served)), |other| Ok(Some(Served::load(store, other)?)))
    };
    settings.servers.iter().map(load).collect()
}

fn speaks_tls(server: &ServerSettings) -> Option<&Thumbprint> {
    match server.endpoint.tls {
        TlsPort::Own(_) | TlsPort::Same => server.certificate.as_ref(),
        TlsPort::Never => None,
    }
}

fn address(reach: Reach, command_line: Option<IpAddr>) -> IpAddr {
    match (reach, command_line) {
        (Reach::Localhost, _) | (Reach::CommandLine, None) => Ipv4Addr::LOCALHOST.into(),
        (Reach::Any, None) => Ipv4Addr::UNSPECIFIED.into(),
        (Reach::CommandLine | Reach::Any, Some(address)) => address,
    }
}

/// Opens the one port of an endpoint that is to answer, and enters it in the report.
fn listen(
    server: &ServerSettings,
    certificate: Option<Served>,
    address: IpAddr,
    arguments: &ServerArguments,
    faults: &Faults,
    report: &mut ReadyReport,
) -> Result<Listener, ServerError> {
    let endpoint = server.endpoint;
    let plain = (endpoint.name.to_owned(), endpoint.plain);
    let (active, idle) = match (endpoint.tls, &certificate) {
        (TlsPort::Own(tls), Some(_)) => ((endpoint.tls_name(), tls), Some(plain)),
        (TlsPort::Own(tls), None) => (plain, Some((endpoint.tls_name(), tls))),
        (TlsPort::Same | TlsPort::Never, _) => (plain, None),
    };

    let bind = |name: &str, port| {
        listener::bind(address, port)
            .and_then(|socket| listener::reachable_address(&socket).map(|reachable| (socket, reachable)))
            .map_err(|source| ServerError::Bind { name: name.to_owned(), address, port, source })
    };
    let (name, port) = active;
    let (socket, reachable): (TcpListener, _) = bind(&name, port)?;
    if let Some((idle_name, idle_port)) = idle {
        // A port that nobody chose is chosen now, so that it is known before TLS is switched on or off.
        let number = if idle_port == 0 { bind(&idle_name, 0)?.1.port() } else { idle_port };
        report.ports.insert(idle_name, number);
    }
    report.ports.insert(name.clone(), reachable.port());
    report.endpoints.insert(name.clone(), reachable);
    if let Some(served) = &certificate {
        report.tls = true;
        report.thumbprint.get_or_insert_with(|| served.thumbprint.to_string());
        report.thumbprints.insert(name, served.thumbprint.to_string());
    }

    let pages = Pages { product: arguments.product, endpoint: endpoint.name, access: server.access };
    let tls = certificate.filter(|_| !faults.plain_on_tls_port).map(|served| served.config);
    Ok(Listener { socket, pages, tls })
}

/// The workers do the rest.
fn serve(start: Instant, end_after: Option<Duration>) {
    loop {
        match end_after.map(|limit| limit.saturating_sub(start.elapsed())) {
            Some(Duration::ZERO) => return,
            Some(rest) => thread::park_timeout(rest),
            None => thread::park(),
        }
    }
}
