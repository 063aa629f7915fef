//! `baton service`: Baton itself as a Windows service.

use std::net::TcpStream;
use std::sync::MutexGuard;
use std::time::Duration;

use baton_testkit::TlsLoad;
use baton_testkit::port::ReservedPort;

use crate::scene::turn;
use crate::world::{Ran, World};

/// A machine on which Baton is installed, and removed in the end: there is one service of that name.
struct Machine {
    world: World,
    port: ReservedPort,
    _turn: MutexGuard<'static, ()>,
}

impl Machine {
    fn new() -> Self {
        let turn = turn();
        let port = ReservedPort::new();
        let world = World::with_settings(&format!(
            "data = 'private\\data'\n[designer]\nlisten = '{}'\n[proof]\nover = '200ms'\nquiet = '100ms'\n",
            port.number()
        ));
        Self { world, port, _turn: turn }
    }

    fn service(&self, command: &str) -> Ran {
        self.world.baton(&["service", command, "--settings", "baton.toml"])
    }

    fn log(&self) -> String {
        fs_err::read_to_string(self.world.path("private/data/log/baton.log")).unwrap_or_default()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.service("uninstall");
    }
}

#[test]
fn baton_is_installed_started_stopped_and_removed() {
    let machine = Machine::new();
    for command in ["start", "stop", "uninstall"] {
        let ran = machine.service(command).expect(3);
        assert!(ran.stderr.contains("Baton is no service of this machine\n"), "{command}: {}", ran.stderr);
    }

    let ran = machine.service("install").expect(0);
    assert!(ran.stderr.contains("starts with it"), "{}", ran.stderr);
    let ran = machine.service("install").expect(3);
    assert!(ran.stderr.contains("a service of this machine already"), "{}", ran.stderr);
    // Nobody has started it.
    assert_eq!(machine.log(), "");

    for _ in 0..2 {
        machine.service("start").expect(0);
        let report = machine.world.baton(&["renew", "--force", "--json"]).expect(0).json();
        let served = report["new"].as_str().unwrap().to_owned();
        let root = machine.world.baton(&["ca", "root"]).expect(0).stdout;
        let load = TlsLoad::start(machine.port.address(), "localhost", &root, Duration::ZERO);
        load.wait_for_handshakes(2);
        assert!(load.stop().seen(&served).is_some(), "{served}");
        // Started twice it runs.
        machine.service("start").expect(0);

        machine.service("stop").expect(0);
        assert!(TcpStream::connect(machine.port.address()).is_err());
        assert!(machine.log().ends_with("the service is told to stop: stopping\n"), "{}", machine.log());
        machine.service("stop").expect(0);
    }
    assert!(machine.log().contains("served: the new certificate is proven"), "{}", machine.log());

    machine.service("start").expect(0);
    machine.service("uninstall").expect(0);
    assert!(TcpStream::connect(machine.port.address()).is_err());
    machine.service("start").expect(3);
    assert!(machine.world.path("private/data/state.db").exists());
}

#[test]
fn a_service_with_wrong_settings_tells_its_exit_code_and_why() {
    let machine = Machine::new();
    machine.service("install").expect(0);
    let settings = fs_err::read_to_string(machine.world.path("baton.toml")).unwrap();
    machine.world.write_settings(&format!("{settings}\n[[target]]\nname = 'a'\nkind = 'files'\n"));

    let ran = machine.service("start").expect(1);

    assert!(
        ran.stderr.contains("the service `Baton` ended at its start, with exit code 2"),
        "{}",
        ran.stderr
    );
    assert!(machine.log().contains("the target \"a\" lacks its files"), "{}", machine.log());
    // Mended, it starts.
    machine.world.write_settings(&settings);
    machine.service("start").expect(0);
}

#[test]
fn a_service_needs_settings_and_whoever_starts_it() {
    let world = World::new();
    // As on a machine that has no settings of its own.
    let mut install = world.command(&["service", "install"]);
    let ran = Ran::from(install.env("ProgramData", world.root()).output().unwrap()).expect(2);
    assert!(ran.stderr.contains("a service needs settings"), "{}", ran.stderr);
    let ran = world.baton(&["service", "run"]).expect(3);
    assert!(ran.stderr.contains("only the service manager can start this"), "{}", ran.stderr);
    assert!(world.listing().is_empty());
}
