//! A network of a test's own, with one machine outside of it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use baton_testkit::condition::wait_until;
use baton_testkit::process::terminate;
use nix::sched::{CloneFlags, unshare};

/// The address of this machine, as the outside knows it.
pub(crate) const INSIDE: &str = "10.213.7.1";

/// A network with one machine outside of it. It ends with the test.
pub(crate) struct Network {
    outside: Child,
}

impl Network {
    /// Moves this thread, and every process that it starts, into a network of its own.
    pub(crate) fn enter() -> Self {
        unshare(CloneFlags::CLONE_NEWNET).expect("a network of its own, which takes root");
        let outside = Command::new("unshare")
            .args(["-n", "sh", "-c", "echo ready; exec sleep 600"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut network = Self { outside };
        let mut ready = [0; 6];
        std::io::Read::read_exact(network.outside.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let pid = network.outside.id().to_string();
        for command in [
            "ip link set lo up".to_owned(),
            format!("ip link add inside type veth peer name outside netns {pid}"),
            format!("ip address add {INSIDE}/24 dev inside"),
            "ip link set inside up".to_owned(),
            format!("nsenter -t {pid} -n ip address add 10.213.7.2/24 dev outside"),
            format!("nsenter -t {pid} -n ip link set outside up"),
        ] {
            run(&command);
        }
        network
    }

    /// What a command says that is run outside.
    pub(crate) fn outside(&self, command: &[&str]) -> std::process::Output {
        let pid = self.outside.id().to_string();
        let mut nsenter = Command::new("nsenter");
        nsenter.args(["-t", &pid, "-n"]).args(command).stdin(Stdio::null()).output().unwrap()
    }

    /// What a shell writes before a command that is to be run outside.
    pub(crate) fn prefix(&self) -> String {
        format!("nsenter -t {} -n", self.outside.id())
    }

    /// Starts a command outside.
    pub(crate) fn start_outside(&self, command: &[&str]) -> Child {
        let pid = self.outside.id().to_string();
        let mut nsenter = Command::new("nsenter");
        nsenter.args(["-t", &pid, "-n"]).args(command);
        nsenter.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Keeps every packet that the outside sees, until it is asked what there was.
    pub(crate) fn capture(&self, file: &Path) -> Capture {
        let path = file.display().to_string();
        let tcpdump = self.start_outside(&[
            "tcpdump",
            "-i",
            "outside",
            "-w",
            &path,
            "-U",
            "--immediate-mode",
            "-s",
            "0",
            "-Z",
            "root",
        ]);
        // The head of the file is there when it listens.
        wait_until("the capture begins", Duration::from_secs(10), || {
            fs_err::metadata(file).is_ok_and(|metadata| metadata.len() >= 24)
        });
        Capture { tcpdump, file: file.to_owned() }
    }

    /// Whether the port answers a connection from outside.
    pub(crate) fn reaches(&self, port: u16) -> bool {
        let url = format!("telnet://{INSIDE}:{port}");
        let curl = ["curl", "-s", "--connect-timeout", "1", "--max-time", "1", "-w", "%{time_connect}", &url];
        let output = self.outside(&curl);
        String::from_utf8_lossy(&output.stdout).trim().parse::<f64>().is_ok_and(|seconds| seconds > 0.0)
    }
}

/// What the outside sees.
pub(crate) struct Capture {
    tcpdump: Child,
    file: PathBuf,
}

impl Capture {
    /// All that was seen, as it was on the wire.
    pub(crate) fn seen(mut self) -> Vec<u8> {
        terminate(self.tcpdump.id()).unwrap();
        self.tcpdump.wait().unwrap();
        fs_err::read(&self.file).unwrap()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.outside.kill();
        let _ = self.outside.wait();
    }
}

pub(crate) fn run(command: &str) {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}
