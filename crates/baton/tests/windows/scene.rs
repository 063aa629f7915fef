//! A product that is a service and serves a certificate, with its successor in the store.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use baton_testkit::product_server::Faults;
use baton_testkit::{Authority, IssuedCertificate, Product, ProductFixture, ProductService, TlsLoad};

use crate::world::{Ran, World, quoted};

pub(crate) const HOST: &str = "sap.example.com";

/// Side by side a call of the service manager has failed once with an invalid handle: of Wine, or of these tests.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub(crate) fn turn() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct Scene {
    // Before the fixture: a service that runs keeps its directory.
    pub(crate) service: ProductService,
    pub(crate) world: World,
    pub(crate) fixture: ProductFixture,
    pub(crate) old: IssuedCertificate,
    pub(crate) new: IssuedCertificate,
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
        service.start();
        let world = World::new();
        fs_err::write(world.path("root.pem"), authority.root_pem()).unwrap();
        let scene = Self { service, world, fixture, old, new, authority, _turn: turn };
        scene.write_settings(more);
        scene
    }

    pub(crate) fn write_settings(&self, more: &str) {
        self.world.write_settings(&format!(
            "[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '10s'\n\n\
             [[issuer]]\nname = 'house'\nkind = 'manual'\nroot = 'root.pem'\n\n\
             [[target]]\nname = 'sap'\nproduct = '{}'\ndirectory = {}\nstore = {}\n{}{more}\n",
            self.fixture.product().key(),
            quoted(&self.fixture.directory()),
            quoted(&self.fixture.store()),
            self.endpoints_setting(),
        ));
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
