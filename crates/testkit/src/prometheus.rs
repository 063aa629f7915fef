//! A real Prometheus on a free port of the loopback interface, which scrapes what is under test and evaluates its rules.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::condition::wait_for;
use crate::port::ReservedPort;
use crate::process;

/// How long it may take to start or to end.
const LIMIT: Duration = Duration::from_secs(30);

/// A running Prometheus; ended by its process id when dropped.
#[derive(Debug)]
pub struct Prometheus {
    server: Child,
    port: ReservedPort,
    directory: TempDir,
}

impl Prometheus {
    /// Starts Prometheus with the job `baton`, which scrapes `https://TARGET/metrics` every second and trusts the root
    /// in the PEM file `root`, and with the alert rules in the file `rules`. Waits until it is ready.
    ///
    /// Panics with its own words when it does not start.
    #[track_caller]
    pub fn start(target: &str, root: &Path, rules: &Path) -> Self {
        let (directory, port) = (tempfile::tempdir().expect("a temporary directory"), ReservedPort::new());
        let configuration = format!(
            "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\nrule_files: ['{}']\nscrape_configs:\n  \
             - job_name: baton\n    scheme: https\n    tls_config:\n      ca_file: '{}'\n    static_configs:\n      \
             - targets: ['{target}']\n",
            rules.display(),
            root.display(),
        );
        let path = |name: &str| directory.path().join(name);
        fs_err::write(path("prometheus.yml"), configuration).expect("a configuration for Prometheus");
        let log = fs_err::File::create(path("log")).expect("a log for Prometheus").into_file();
        let server = Command::new("prometheus")
            .arg(format!("--config.file={}", path("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", path("data").display()))
            .arg(format!("--web.listen-address={}", port.address()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus starts");
        let prometheus = Self { server, port, directory };
        if wait_for(LIMIT, || prometheus.get("/-/ready").filter(|answer| answer.starts_with("HTTP/1.0 200")))
            .is_none()
        {
            panic!("prometheus is not ready: {}", prometheus.log());
        }
        prometheus
    }

    /// The answer of its HTTP interface to a path below `/api/v1/`.
    #[track_caller]
    pub fn api(&self, path: &str) -> Value {
        let answer = self.get(&format!("/api/v1/{path}")).unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let value: Value = match serde_json::from_str(body) {
            Ok(value) => value,
            Err(error) => panic!("{path}: {error} in {answer}"),
        };
        assert_eq!(value["status"], "success", "{path}: {value}");
        value["data"].clone()
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        fs_err::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// HTTP/1.0, so that the answer ends with the connection.
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.port.address()).ok()?;
        stream.set_read_timeout(Some(LIMIT)).ok()?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let asked = process::terminate(self.server.id());
        let ended = wait_for(LIMIT, || self.server.try_wait().transpose());
        if asked.is_err() || ended.is_none() {
            let _ = self.server.kill();
            let _ = self.server.wait();
        }
    }
}
