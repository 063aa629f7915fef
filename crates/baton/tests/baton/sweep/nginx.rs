//! A real nginx whose PEM files are adopted by the handover.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use baton_testkit::tree::Tree;
use baton_testkit::{Authority, IssuedCertificate, Nginx};

use crate::sweep::scene::{Scene, check_pair};
use crate::world::{World, list, quoted};

const HOST: &str = "www.example.com";

/// An nginx that reloads, or whose reload fails: then all is rolled back.
pub(super) struct NginxScene<const REFUSES: bool> {
    world: World,
    nginx: Nginx,
    old: IssuedCertificate,
    new: IssuedCertificate,
    beginning: Tree,
}

impl<const REFUSES: bool> NginxScene<REFUSES> {
    /// A reload that fails as long as the live file is the successor's: told by the end of its signature.
    fn refuse_the_successor(&self) -> Vec<String> {
        let unique =
            self.new.certificate_pem.lines().rev().find(|line| !line.is_empty() && !line.starts_with('-'));
        let script = self.world.path("reload.sh");
        let text = format!(
            "grep -qF '{}' {} && exit 1\nexec {}\n",
            unique.unwrap(),
            self.world.path("tls/site.pem").display(),
            self.nginx.reload_command().join(" ")
        );
        fs_err::write(&script, text).unwrap();
        vec!["sh".to_owned(), script.display().to_string()]
    }

    fn write_settings(&self, activate: &[String]) {
        self.world.write_settings(&format!(
            "[proof]\nover = '60ms'\nquiet = '30ms'\ndeadline = '10s'\n\n\
             [[issuer]]\nname = 'house'\nkind = 'manual'\nroot = 'root.pem'\n\n\
             [[target]]\nname = 'website'\nkind = 'files'\ncertificate = {}\nkey = {}\n\
             check = {}\nactivate = {}\nendpoints = [{{ address = '{}', name = '{HOST}' }}]\n",
            quoted(&self.world.path("tls/site.pem")),
            quoted(&self.world.path("tls/site.key")),
            list(&self.nginx.check_command()),
            list(activate),
            self.nginx.address(),
        ));
    }
}

impl<const REFUSES: bool> Scene for NginxScene<REFUSES> {
    const NAME: &'static str = if REFUSES { "nginx that refuses" } else { "nginx" };
    const EXIT: i32 = if REFUSES { 4 } else { 0 };

    fn prepare() -> Self {
        let authority = Authority::new("Test CA");
        let (old, new) = (authority.issue(&[HOST]).sign(), authority.issue(&[HOST]).sign());
        let world = World::new();
        fs_err::create_dir(world.path("tls")).unwrap();
        let (certificate, key) = (world.path("tls/site.pem"), world.path("tls/site.key"));
        old.write_files(&certificate, &key);
        let nginx = Nginx::start(&certificate, &key);
        fs_err::write(world.path("root.pem"), authority.root_pem()).unwrap();
        new.write_files(&world.path("new.pem"), &world.path("new.key"));
        let mut scene = Self { world, nginx, old, new, beginning: Tree::default() };
        scene.write_settings(&if REFUSES {
            scene.refuse_the_successor()
        } else {
            scene.nginx.reload_command()
        });
        scene.beginning = Tree::read(&[scene.world.root().to_owned()]);
        scene
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
        self.nginx.stop();
    }

    fn start(&mut self) -> Result<(), String> {
        // A boot may bring up the successor; if the reload failed on for ever, nothing could bring the old one back.
        self.mend();
        self.nginx.start_again()
    }

    fn restart(&self) {
        let command = self.nginx.reload_command();
        baton_testkit::invocation::run(&command, std::time::Duration::from_secs(20))
            .unwrap()
            .expect_success();
    }

    fn mend(&self) {
        self.write_settings(&self.nginx.reload_command());
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        vec![self.nginx.address()]
    }

    fn host(&self) -> &str {
        HOST
    }

    fn named(&self) -> Result<&IssuedCertificate, String> {
        let (certificate, key) = (self.world.path("tls/site.pem"), self.world.path("tls/site.key"));
        let is_old = check_pair(&certificate, &key, &self.old);
        let is_new = check_pair(&certificate, &key, &self.new);
        match (is_old, is_new) {
            (Ok(()), _) => Ok(&self.old),
            (_, Ok(())) => Ok(&self.new),
            (Err(old), Err(new)) => Err(format!("neither the old pair nor the new one: {old}; {new}")),
        }
    }

    fn stores(&self) -> Vec<PathBuf> {
        vec![self.world.path("baton-data/certificates")]
    }

    fn may_change(&self, name: &Path) -> bool {
        name.starts_with(self.world.path("tls"))
    }
}
