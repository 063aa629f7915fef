//! A product in the older shape: two settings files name the certificate, and the target has a store of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use baton_testkit::condition::wait_for;
use baton_testkit::product_server::Faults;
use baton_testkit::tree::Tree;
use baton_testkit::{Authority, IssuedCertificate, Product, ProductFixture, SettingsShape};

use crate::products::handed_over;
use crate::sweep::scene::{LIMIT, Scene, check_pair};
use crate::world::{World, list, quoted};

const HOST: &str = "sap.example.com";

/// A product that takes the successor, or that does not start with it: then all is rolled back.
pub(super) struct ProductScene<const REFUSES: bool> {
    world: World,
    fixture: ProductFixture,
    old: IssuedCertificate,
    new: IssuedCertificate,
    beginning: Tree,
}

impl<const REFUSES: bool> Scene for ProductScene<REFUSES> {
    const NAME: &'static str = if REFUSES { "product that refuses" } else { "product" };
    const EXIT: i32 = if REFUSES { 4 } else { 0 };

    fn prepare() -> Self {
        let authority = Authority::new("Test CA");
        let (old, new) = (authority.issue(&[HOST]).sign(), authority.issue(&[HOST]).sign());
        let fixture = ProductFixture::with_shape(Product::XtractUniversal, SettingsShape::GeneralJson);
        fixture.enable_tls(&old);
        fixture.start();
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
             [[target]]\nname = 'sap'\nproduct = '{}'\ndirectory = {}\nstore = {}\nactivate = {}\n",
            fixture.product().key(),
            quoted(&fixture.directory()),
            quoted(&fixture.store()),
            list(&fixture.restart_command()),
        ));
        let beginning = Tree::read(&[world.root().to_owned(), fixture.directory(), fixture.store()]);
        Self { world, fixture, old, new, beginning }
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

    fn start(&mut self) -> Result<(), String> {
        self.fixture.try_start().map(drop)
    }

    fn restart(&self) {
        // A restart that a killed `baton` has begun may still be on its way, and take the ports in between.
        let mut said = String::new();
        let started = wait_for(LIMIT, || {
            self.fixture.stop();
            self.fixture.try_start().map_err(|error| said = error).ok()
        });
        assert!(started.is_some(), "the product does not start: {said}");
    }

    fn mend(&self) {
        self.fixture.clear_faults();
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        ["web-tls", "configuration"].map(|name| self.fixture.address(name)).into()
    }

    fn host(&self) -> &str {
        HOST
    }

    fn named(&self) -> Result<&IssuedCertificate, String> {
        let mut named = Vec::new();
        for path in self.fixture.reference_files() {
            let before = self.beginning.content(&path).unwrap();
            let present = fs_err::read(&path).map_err(|error| error.to_string())?;
            named.push(if present == before {
                &self.old
            } else if present == handed_over(before, &self.old, &self.new) {
                &self.new
            } else {
                let text = String::from_utf8_lossy(&present);
                return Err(format!("{} is neither as it was nor handed over:\n{text}", path.display()));
            });
        }
        let first = named[0];
        if named.iter().any(|other| other.thumbprint != first.thumbprint) {
            return Err("the settings files name two certificates".to_owned());
        }
        let entry = self.fixture.store().join(&first.thumbprint);
        check_pair(&entry.join("certificate.pem"), &entry.join("key.pem"), first)?;
        Ok(first)
    }

    fn stores(&self) -> Vec<PathBuf> {
        vec![self.fixture.store(), self.world.path("baton-data/certificates")]
    }

    fn may_change(&self, _: &Path) -> bool {
        false
    }
}
