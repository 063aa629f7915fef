//! yunIO with access control, behind a closed door: whatever is killed, the outside never sees it without TLS, nor
//! without its access control; and after a boot neither.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use baton_testkit::condition::wait_for;
use baton_testkit::product_server::Faults;
use baton_testkit::tree::Tree;
use baton_testkit::{Authority, IssuedCertificate, Product, ProductFixture};

use crate::network::{INSIDE, Network, run};
use crate::products::handed_over;
use crate::sweep::scene::{LIMIT, Scene, check_pair};
use crate::world::{World, list, quoted};

const HOST: &str = "sap.example.com";
const PLAIN: u16 = 8075;
const TLS: u16 = 8175;

/// A product that takes the successor, or that does not start with it: then all is rolled back.
pub(super) struct GuardedScene<const REFUSES: bool> {
    network: Network,
    world: World,
    fixture: ProductFixture,
    restart: Vec<String>,
    old: IssuedCertificate,
    new: IssuedCertificate,
    beginning: Tree,
}

impl<const REFUSES: bool> GuardedScene<REFUSES> {
    fn permission(&self) -> PathBuf {
        self.fixture.directory().join("config/servers/permission.json")
    }

    /// The answer to a request from outside; `000` for none.
    fn outside(&self, url: &str) -> String {
        let curl = ["curl", "-sk", "-o", "/dev/null", "--connect-timeout", "0.3", "--max-time", "2"];
        let output = self.network.outside(&[&curl[..], &["-w", "%{http_code}", url]].concat());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl<const REFUSES: bool> Scene for GuardedScene<REFUSES> {
    const NAME: &'static str = if REFUSES { "guarded product that refuses" } else { "guarded product" };
    const EXIT: i32 = if REFUSES { 4 } else { 0 };

    fn prepare() -> Self {
        let network = Network::enter();
        let authority = Authority::new("Test CA");
        let (old, new) = (authority.issue(&[HOST]).sign(), authority.issue(&[HOST]).sign());
        let fixture = ProductFixture::new(Product::Yunio);
        fixture.enable_tls(&old);
        let mut restart = fixture.restart_command();
        // Its usual ports, on all addresses.
        while let Some(position) = restart.iter().position(|word| word == "--port") {
            restart.drain(position..position + 2);
        }
        restart.extend(["--address".to_owned(), "0.0.0.0".to_owned()]);
        if REFUSES {
            let refuse_thumbprint = Some(new.thumbprint.clone());
            fixture.set_faults(&Faults { refuse_thumbprint, ..Faults::default() });
        }
        let world = World::new();
        fs_err::write(world.path("root.pem"), authority.root_pem()).unwrap();
        new.write_files(&world.path("new.pem"), &world.path("new.key"));
        world.write_settings(&format!(
            "[proof]\nover = '60ms'\nquiet = '30ms'\ndeadline = '10s'\n\n\
             [[issuer]]\nname = 'house'\nkind = 'manual'\nroot = 'root.pem'\n\n\
             [[target]]\nname = 'sap'\nproduct = 'yunio'\ndirectory = {}\nstore = {}\nactivate = {}\n\
             endpoints = {}\nguard = {{ limit = '10m' }}\n",
            quoted(&fixture.directory()),
            quoted(&fixture.store()),
            list(&restart),
            list(&[format!("127.0.0.1:{TLS}"), format!("{INSIDE}:{TLS}")]),
        ));
        let permission = fixture.directory().join("config/servers/permission.json");
        fs_err::write(permission, "{ \"access\": \"authenticated\" }").unwrap();
        run(&restart.join(" "));
        let beginning = Tree::read(&[world.root().to_owned(), fixture.directory(), fixture.store()]);
        Self { network, world, fixture, restart, old, new, beginning }
    }

    fn world(&self) -> &World {
        &self.world
    }

    fn old(&self) -> &IssuedCertificate {
        &self.old
    }

    fn successor(&self) -> &IssuedCertificate {
        &self.new
    }

    fn beginning(&self) -> &Tree {
        &self.beginning
    }

    fn stop(&mut self) {
        self.fixture.stop();
    }

    /// A boot: the firewall is empty but for the doors that the unit of the boot closes, before the product starts.
    fn start(&mut self) -> Result<(), String> {
        let doors = self.world.path("baton-data/doors");
        let boot = format!("flush ruleset; include \"{}/*.nft\"", doors.display());
        assert!(Command::new("nft").arg(boot).status().unwrap().success());
        let words = &self.restart;
        let output = Command::new(&words[0]).args(&words[1..]).output().map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    fn restart(&self) {
        assert!(Command::new("nft").args(["flush", "ruleset"]).status().unwrap().success());
        // A restart that a killed `baton` has begun may still be on its way, and take the ports in between.
        let words = &self.restart;
        let restart = || Command::new(&words[0]).args(&words[1..]).output().unwrap().status.success();
        assert!(wait_for(LIMIT, || restart().then_some(())).is_some(), "the product does not start");
    }

    fn reset(&self) {
        // What is removed now is still looked at by those who watched over the last window.
        let data = self.world.path("baton-data").display().to_string();
        assert!(wait_for(LIMIT, || (!is_watched(&data)).then_some(())).is_some(), "a watchdog does not end");
        self.beginning().write();
        self.restart();
        self.wait_until_served(self.old()).unwrap();
    }

    fn mend(&self) {
        self.fixture.clear_faults();
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        [Ipv4Addr::LOCALHOST, INSIDE.parse().unwrap()].map(|address| SocketAddr::from((address, TLS))).into()
    }

    fn host(&self) -> &str {
        HOST
    }

    fn named(&self) -> Result<&IssuedCertificate, String> {
        let path = self.fixture.tls_json();
        let before = self.beginning.content(&path).unwrap();
        let present = fs_err::read(&path).map_err(|error| error.to_string())?;
        let named = if present == before {
            &self.old
        } else if present == handed_over(before, &self.old, &self.new) {
            &self.new
        } else {
            let text = String::from_utf8_lossy(&present);
            return Err(format!("{} is neither as it was nor handed over:\n{text}", path.display()));
        };
        let permission = fs_err::read(self.permission()).map_err(|error| error.to_string())?;
        if Some(permission.as_slice()) != self.beginning.content(&self.permission()) {
            return Err("the access control is not as it was".to_owned());
        }
        // A machine that is busy answers late.
        let answer = || Some(self.outside(&format!("https://{INSIDE}:{TLS}/"))).filter(|tls| tls != "000");
        let (tls, tables) = (wait_for(LIMIT, answer).unwrap_or_else(|| "000".to_owned()), tables());
        if tls != "401" || !tables.is_empty() {
            return Err(format!("the outside is answered {tls}, and these tables are left: {tables}"));
        }
        let entry = self.fixture.store().join(&named.thumbprint);
        check_pair(&entry.join("certificate.pem"), &entry.join("key.pem"), named)?;
        Ok(named)
    }

    fn stores(&self) -> Vec<PathBuf> {
        vec![self.fixture.store(), self.world.path("baton-data/certificates")]
    }

    fn may_change(&self, _: &Path) -> bool {
        false
    }

    fn check_outside(&self) -> Result<(), String> {
        let plain = self.outside(&format!("http://{INSIDE}:{PLAIN}/"));
        let tls = self.outside(&format!("https://{INSIDE}:{TLS}/"));
        match (plain.as_str(), tls.as_str()) {
            ("000", "000" | "401") => Ok(()),
            _ => Err(format!("the outside is answered {plain} without TLS, {tls} with it")),
        }
    }
}

/// Whether a watchdog runs for this data directory.
fn is_watched(data: &str) -> bool {
    let processes = fs_err::read_dir("/proc").unwrap().flatten();
    let mut command_lines = processes.filter_map(|process| fs_err::read(process.path().join("cmdline")).ok());
    command_lines.any(|line| {
        let line = String::from_utf8_lossy(&line).into_owned();
        line.contains("watchdog") && line.contains(data)
    })
}

fn tables() -> String {
    let output = Command::new("nft").args(["list", "tables"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
