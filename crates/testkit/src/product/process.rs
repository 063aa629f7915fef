//! A product as a process: started, stopped and restarted by commands.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{ProductFixture, stand_in, text};
use crate::invocation::{self, Finished};
use crate::product_server::{self, ReadyReport, companion};

/// How long one command of the stand-in may take.
const LIMIT: Duration = Duration::from_secs(180);

/// After this many seconds a stand-in that a killed test has left behind ends by itself.
const END_AFTER: &str = "3600";

impl ProductFixture {
    /// The argument list that starts the product.
    pub fn start_command(&self) -> Vec<String> {
        self.service_command("start")
    }

    /// The argument list that restarts the product: what Baton's settings name as `activate`.
    pub fn restart_command(&self) -> Vec<String> {
        self.service_command("restart")
    }

    /// The argument list that stops the product.
    pub fn stop_command(&self) -> Vec<String> {
        vec![stand_in(), "stop".to_owned(), "--pid-file".to_owned(), text(&self.pid_file())]
    }

    /// Starts the product and waits until it is ready; panics with its standard error when it does not start.
    #[track_caller]
    pub fn start(&self) -> ReadyReport {
        parse(&command(&self.start_command()).expect_success())
    }

    /// Like [`start`](Self::start); the error is what the product said when it did not start.
    pub fn try_start(&self) -> Result<ReadyReport, String> {
        let finished = command(&self.start_command());
        if finished.succeeded() { Ok(parse(&finished)) } else { Err(finished.stderr) }
    }

    /// Stops the product and waits until it is gone; fine when it does not run.
    #[track_caller]
    pub fn stop(&self) {
        command(&self.stop_command()).expect_success();
    }

    /// Stops and starts the product and waits until it is ready.
    #[track_caller]
    pub fn restart(&self) -> ReadyReport {
        parse(&command(&self.restart_command()).expect_success())
    }

    /// The process id of the stand-in; none when it does not run.
    pub fn pid(&self) -> Option<u32> {
        product_server::running_pid(&self.pid_file()).expect("the state of the pid file")
    }

    /// The ports that are open now, by name; none when the product does not run.
    pub fn endpoints(&self) -> BTreeMap<String, SocketAddr> {
        let report =
            self.pid().and_then(|_| fs_err::read_to_string(companion(&self.pid_file(), "ready")).ok());
        let report = report.and_then(|json| ReadyReport::from_json(&json).ok());
        report.map(|report| report.endpoints).unwrap_or_default()
    }

    /// All that the stand-in has written to standard error, over all its starts.
    pub fn log(&self) -> String {
        fs_err::read_to_string(companion(&self.pid_file(), "log")).unwrap_or_default()
    }

    /// The stand-in's pid file, which also holds the lock that shows that it runs.
    pub fn pid_file(&self) -> PathBuf {
        self.root.path().join("run/pid")
    }

    fn service_command(&self, action: &str) -> Vec<String> {
        let mut arguments = vec![stand_in(), action.to_owned()];
        arguments.extend(self.server_arguments());
        arguments.extend(["--pid-file".to_owned(), text(&self.pid_file())]);
        arguments.extend(["--end-after".to_owned(), END_AFTER.to_owned()]);
        arguments
    }
}

impl Drop for ProductFixture {
    fn drop(&mut self) {
        if let Err(error) = product_server::stop(&self.pid_file()) {
            // A panic here would hide the one that may be under way.
            product_server::complain(&format!("warning: {error}"));
        }
    }
}

#[track_caller]
fn command(arguments: &[String]) -> Finished {
    match invocation::run(arguments, LIMIT) {
        Ok(finished) => finished,
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn parse(finished: &Finished) -> ReadyReport {
    match ReadyReport::from_json(&finished.stdout) {
        Ok(report) => report,
        Err(error) => panic!("`{}` answered no report: {error}\n{}", finished.command, finished.stdout),
    }
}
