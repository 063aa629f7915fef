//! A real nginx on a free port of the loopback interface, as the peer of tests about PEM files.
//!
//! It runs from a temporary prefix with its own configuration, so that it touches no file of the machine's own
//! nginx. Its master stays a child of the test (`daemon off`), its two workers belong to the master.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::condition::wait_for;
use crate::port::ReservedPort;
use crate::process;

/// How long nginx may take to start or to end.
const LIMIT: Duration = Duration::from_secs(20);

/// How many ports are tried before a start is given up.
const ATTEMPTS: usize = 3;

/// A running nginx; ended by its process id when dropped.
#[derive(Debug)]
pub struct Nginx {
    master: Child,
    port: ReservedPort,
    prefix: TempDir,
}

impl Nginx {
    /// Starts nginx with the certificate file (leaf, then chain) and key file at these paths, and waits until it
    /// accepts connections. Every request is answered with 200 and `ok`.
    ///
    /// Panics with nginx's own words when it does not start.
    #[track_caller]
    pub fn start(certificate: &Path, key: &Path) -> Self {
        Self::start_with(&[(certificate, key)])
    }

    /// The same with several pairs, one for each family of keys: a client gets the one that it can check.
    #[track_caller]
    pub fn start_with(pairs: &[(&Path, &Path)]) -> Self {
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(pairs) {
                Ok(nginx) => return nginx,
                Err(message) => said = message,
            }
            if !said.contains("Address already in use") {
                break;
            }
        }
        panic!("nginx did not start: {said}");
    }

    /// Ends it; fine when it does not run.
    ///
    /// Panics when it does not end.
    #[track_caller]
    pub fn stop(&mut self) {
        // The master takes its workers with it on SIGTERM; killed outright it would leave them behind.
        process::terminate(self.master.id()).expect("a signal to nginx");
        let ended = wait_for(LIMIT, || self.master.try_wait().transpose());
        assert!(ended.is_some(), "nginx still runs after {} s: {}", LIMIT.as_secs(), self.log());
    }

    /// Starts it anew after a [`stop`](Self::stop), on the same port, with what its files hold now.
    ///
    /// The error is what nginx said when it did not start.
    pub fn start_again(&mut self) -> Result<(), String> {
        self.master = spawn(self.prefix.path())?;
        self.wait_until_ready()
    }

    /// Where it accepts TLS connections.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The process id of the master.
    pub fn pid(&self) -> u32 {
        self.master.id()
    }

    /// The directory that holds its configuration, its log and its pid file.
    pub fn prefix(&self) -> &Path {
        self.prefix.path()
    }

    /// The argument list that makes it read certificate and key again.
    pub fn reload_command(&self) -> Vec<String> {
        self.command(&["-s", "reload"])
    }

    /// The argument list of its configuration test, which reads certificate and key from their paths.
    pub fn check_command(&self) -> Vec<String> {
        self.command(&["-t"])
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        fs_err::read_to_string(error_log(self.prefix.path())).unwrap_or_default()
    }

    fn command(&self, arguments: &[&str]) -> Vec<String> {
        let own = arguments.iter().map(|&argument| argument.to_owned());
        base_command(self.prefix.path()).into_iter().chain(own).collect()
    }

    fn attempt(pairs: &[(&Path, &Path)]) -> Result<Self, String> {
        let (prefix, port) = (tempfile::tempdir().expect("a temporary directory"), ReservedPort::new());
        let configuration = configuration(port.address(), pairs);
        fs_err::write(prefix.path().join("nginx.conf"), configuration).expect("a configuration for nginx");

        let master = spawn(prefix.path())?;
        let mut nginx = Self { master, port, prefix };
        nginx.wait_until_ready().map(|()| nginx)
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let started = wait_for(LIMIT, || match self.master.try_wait() {
            Ok(Some(status)) => Some(Err(format!("{status}: {}", self.log()))),
            Ok(None) => {
                (TcpStream::connect(self.address()).is_ok() && self.has_written_its_pid()).then_some(Ok(()))
            }
            Err(error) => Some(Err(error.to_string())),
        });
        started.unwrap_or_else(|| Err(format!("no connection after {} s: {}", LIMIT.as_secs(), self.log())))
    }

    /// The reload command needs the file.
    fn has_written_its_pid(&self) -> bool {
        let written = fs_err::read_to_string(self.prefix.path().join("nginx.pid"));
        written.is_ok_and(|pid| pid.trim() == self.pid().to_string())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master takes its workers with it on SIGTERM; killed outright it would leave them behind.
        let asked = process::terminate(self.master.id());
        let ended = wait_for(LIMIT, || self.master.try_wait().transpose());
        if asked.is_err() || ended.is_none() {
            let _ = self.master.kill();
            let _ = self.master.wait();
        }
    }
}

fn spawn(prefix: &Path) -> Result<Child, String> {
    let command = base_command(prefix);
    Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot start {}: {error}", command[0]))
}

fn base_command(prefix: &Path) -> Vec<String> {
    let prefix_text = prefix.to_string_lossy().into_owned();
    let log = error_log(prefix).to_string_lossy().into_owned();
    vec![
        program(),
        "-p".to_owned(),
        prefix_text,
        "-c".to_owned(),
        "nginx.conf".to_owned(),
        "-e".to_owned(),
        log,
    ]
}

/// Debian keeps nginx in a directory that is not in every user's search path.
fn program() -> String {
    let debian = Path::new("/usr/sbin/nginx");
    if debian.exists() { debian.to_string_lossy().into_owned() } else { "nginx".to_owned() }
}

fn error_log(prefix: &Path) -> PathBuf {
    prefix.join("error.log")
}

fn configuration(address: SocketAddr, pairs: &[(&Path, &Path)]) -> String {
    let certificates: String = pairs
        .iter()
        .map(|(certificate, key)| {
            let (certificate, key) = (certificate.display(), key.display());
            format!("ssl_certificate \"{certificate}\"; ssl_certificate_key \"{key}\";\n        ")
        })
        .collect();
    format!(
        r#"daemon off;
worker_processes 2;
pid nginx.pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path client_body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {address} ssl;
        {certificates}location / {{ return 200 "ok\n"; }}
    }}
}}
"#
    )
}
