//! A product that is a service and serves a certificate, with its successor in the store.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use baton_testkit::product_server::Faults;
use baton_testkit::{Authority, IssuedCertificate, Product, ProductFixture, ProductService, TlsLoad};

use crate::machine_store::MachineStore;
use crate::world::{Ran, World, quoted};

pub(crate) const HOST: &str = "sap.example.com";

/// Side by side a call of the service manager has failed once with an invalid handle: of Wine, or of these tests.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub(crate) fn turn() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the successor is before the handover.
#[derive(Clone, Copy)]
pub(crate) enum NewIsIn {
    /// Put there by whoever got it.
    ProductStore,
    /// It is put into the product's by the handover.
    OwnStore,
}

pub(crate) struct Scene {
    // Before the fixture: a service that runs keeps its directory.
    pub(crate) service: ProductService,
    pub(crate) world: World,
    pub(crate) fixture: ProductFixture,
    pub(crate) old: IssuedCertificate,
    pub(crate) new: IssuedCertificate,
    /// Where the product takes its certificates from, unless that is a directory.
    machine_store: Option<MachineStore>,
    authority: Authority,
    _turn: MutexGuard<'static, ()>,
}

impl Scene {
    /// A product as the service `name`, which runs; `more` are settings of the target.
    pub(crate) fn new(product: Product, name: &str, faults: &Faults, more: &str) -> Self {
        let turn = turn();
        let authority = Authority::new("Test CA");
        let old = authority.issue(&[HOST]).sign();
        let new = authority.issue(&[HOST]).sign();
        let fixture = ProductFixture::new(product);
        fixture.enable_tls(&old);
        fixture.install(&new);
        fixture.set_faults(faults);
        let service = fixture.install_service(name);
        let world = World::new();
        let scene = Self { service, world, fixture, old, new, machine_store: None, authority, _turn: turn };
        scene.service.start();
        scene.write_settings(more);
        scene
    }

    /// The same with the old certificate in Local Machine, Personal, as the products have it, and the new one there too
    /// or still in Baton's own store.
    pub(crate) fn in_machine_store(product: Product, name: &str, new_is_in: NewIsIn) -> Self {
        let turn = turn();
        let authority = Authority::new("Test CA of the machine");
        // Wine has no other keys.
        let old = authority.issue(&[HOST]).rsa2048().sign();
        let new = authority.issue(&[HOST]).rsa2048().sign();
        let fixture = ProductFixture::new(product).in_windows_store("My");
        fixture.refer_to(&old);
        let service = fixture.install_service(name);
        let world = World::new();
        let machine_store = MachineStore::of(&authority, &[&old, &new]);
        let scene = Self {
            service,
            world,
            fixture,
            old,
            new,
            machine_store: Some(machine_store),
            authority,
            _turn: turn,
        };
        scene.write_settings("");
        scene.import(&scene.old, &["--target", "sap"]);
        match new_is_in {
            NewIsIn::ProductStore => scene.import(&scene.new, &["--target", "sap"]),
            NewIsIn::OwnStore => scene.import(&scene.new, &[]),
        }
        scene.service.start();
        scene
    }

    fn import(&self, certificate: &IssuedCertificate, store: &[&str]) {
        certificate.write_files(&self.world.path("import.pem"), &self.world.path("import.key"));
        let import = ["import", "import.pem", "--key", "import.key"];
        self.world.baton(&[&["store"], store, &import].concat()).expect(0);
        for file in ["import.pem", "import.key"] {
            fs_err::remove_file(self.world.path(file)).unwrap();
        }
    }

    /// Who may use its key in the product's store.
    pub(crate) fn permissions(&self, certificate: &IssuedCertificate) -> serde_json::Value {
        let ran = self.world.baton(&["store", "permissions", &certificate.thumbprint, "--json"]).expect(0);
        ran.json()["entries"].clone()
    }

    /// Whether the product's store has it.
    pub(crate) fn is_in_product_store(&self, certificate: &IssuedCertificate) -> bool {
        let ran = self.world.baton(&["store", "--target", "sap", "show", &certificate.thumbprint, "--json"]);
        match ran.exit {
            0 => ran.json()["has_key"] == true,
            _ => {
                assert!(ran.expect(3).stdout.contains("certificate-not-found"));
                false
            }
        }
    }

    pub(crate) fn write_settings(&self, more: &str) {
        fs_err::write(self.world.path("root.pem"), self.authority.root_pem()).unwrap();
        let store = match &self.machine_store {
            Some(_) => "store = { kind = 'windows', provider = 'capi' }\n".to_owned(),
            None => format!("store = {}\n", quoted(&self.fixture.store())),
        };
        self.world.write_settings(&format!(
            "[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '10s'\n\n\
             [[issuer]]\nname = 'house'\nkind = 'manual'\nroot = 'root.pem'\n\n\
             [[target]]\nname = 'sap'\nproduct = '{}'\ndirectory = {}\n{store}{}{more}\n",
            self.fixture.product().key(),
            quoted(&self.fixture.directory()),
            self.endpoints_setting(),
        ));
    }

    /// Has Baton go to the product's directory by another path.
    pub(crate) fn reach_product_by(&self, path: &Path) {
        let settings = fs_err::read_to_string(self.world.path("baton.toml")).unwrap();
        let own = quoted(&self.fixture.directory());
        assert!(settings.contains(&own), "{settings}");
        self.world.write_settings(&settings.replace(&own, &quoted(path)));
    }

    /// Xtract Core tells its ports; those of the others are not the usual ones here.
    fn endpoints_setting(&self) -> String {
        if self.fixture.product() == Product::XtractCore {
            return String::new();
        }
        let endpoints: Vec<String> = self
            .tls_ports()
            .iter()
            .map(|name| format!("{{ address = '{}', name = '{HOST}' }}", self.fixture.address(name)))
            .collect();
        format!("endpoints = [{}]\n", endpoints.join(", "))
    }

    fn tls_ports(&self) -> Vec<String> {
        let mut names = self.fixture.product().port_names();
        names.retain(|name| name.ends_with("-tls"));
        names
    }

    pub(crate) fn swap(&self) -> Ran {
        self.world.baton(&["swap", &self.old.thumbprint, &self.new.thumbprint, "--json"])
    }

    pub(crate) fn swap_back(&self) -> Ran {
        self.world.baton(&["swap", &self.new.thumbprint, &self.old.thumbprint])
    }

    pub(crate) fn references(&self) -> Vec<(PathBuf, String)> {
        let read = |path: PathBuf| (path.clone(), fs_err::read_to_string(path).unwrap());
        self.fixture.reference_files().into_iter().map(read).collect()
    }

    /// What names the new certificate now is otherwise as it was.
    #[track_caller]
    pub(crate) fn assert_handed_over(&self, before: Vec<(PathBuf, String)>) {
        for ((path, before), (_, after)) in before.into_iter().zip(self.references()) {
            let handed_over = before
                .replace(&self.old.thumbprint, &self.new.thumbprint)
                .replace(&self.old.not_after_text(), &self.new.not_after_text());
            assert_eq!(after, handed_over, "{}", path.display());
        }
    }

    /// Every TLS port shows this certificate, and nothing else, to a client that trusts the CA.
    #[track_caller]
    pub(crate) fn assert_served(&self, certificate: &IssuedCertificate) {
        for name in self.tls_ports() {
            let address = self.fixture.address(&name);
            let load = TlsLoad::start(address, HOST, self.authority.root_pem(), Duration::ZERO);
            load.wait_for_handshakes(3);
            let report = load.stop();
            let seen: Vec<&str> = report.thumbprints.iter().map(|seen| seen.thumbprint.as_str()).collect();
            assert_eq!(seen, [certificate.thumbprint.as_str()], "at {name}: {:?}", report.failures);
        }
    }
}
