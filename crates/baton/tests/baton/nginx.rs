//! A real nginx as a target of the kind *files*.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::time::Duration;

use baton_testkit::{Authority, IssuedCertificate, Nginx, TlsLoad, openssl};

use crate::world::{Ran, World, list, quoted};

const HOST: &str = "www.example.com";

/// How many handovers under load: the short form, and the full one of `scripts/acceptance`.
const HANDOVERS: usize = 4;
const ALL_HANDOVERS: usize = 20;

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) nginx: Nginx,
    pub(crate) first: IssuedCertificate,
    authority: Authority,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let authority = Authority::new("Test CA");
        let first = authority.issue(&[HOST]).sign();
        fs_err::create_dir(world.path("tls")).unwrap();
        let (certificate, key) = (world.path("tls/site.pem"), world.path("tls/site.key"));
        first.write_files(&certificate, &key);
        fs_err::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
        let nginx = Nginx::start(&certificate, &key);
        fs_err::write(world.path("root.pem"), authority.root_pem()).unwrap();
        let scene = Self { world, nginx, first, authority };
        scene.write_settings(&scene.nginx.check_command(), &scene.nginx.reload_command());
        scene
    }

    fn write_settings(&self, check: &[String], activate: &[String]) {
        self.world.write_settings(&format!(
            "[proof]\ndeadline = '4s'\n\n\
             [[issuer]]\nname = 'house'\nkind = 'internal'\n\n\
             [[issuer]]\nname = 'old'\nkind = 'manual'\nroot = 'root.pem'\n\n\
             [[target]]\nname = 'website'\nkind = 'files'\ncertificate = {}\nkey = {}\n\
             check = {}\nactivate = {}\nendpoints = [{{ address = '{}', name = '{HOST}' }}]\n\n\
             [[certificate]]\nname = 'site'\nnames = ['{HOST}']\nissuer = 'house'\ntargets = ['website']\n",
            quoted(&self.certificate()),
            quoted(&self.key()),
            list(check),
            list(activate),
            self.nginx.address(),
        ));
    }

    fn certificate(&self) -> PathBuf {
        self.world.path("tls/site.pem")
    }

    fn key(&self) -> PathBuf {
        self.world.path("tls/site.key")
    }

    pub(crate) fn served(&self) -> String {
        openssl::served_certificate(self.nginx.address(), HOST).unwrap().thumbprint
    }

    pub(crate) fn renew(&self) -> Ran {
        self.world.baton(&["renew", "site", "--force", "--json"])
    }

    fn root(&self) -> String {
        self.world.baton(&["ca", "root"]).expect(0).stdout
    }

    /// What makes up the files: content, owner, mode, times, and whether it is a link.
    pub(crate) fn state(&self) -> Vec<(Vec<u8>, u32, u32, i64, u64, bool)> {
        [self.certificate(), self.key()]
            .iter()
            .map(|path| {
                let metadata = fs_err::symlink_metadata(path).unwrap();
                let content = fs_err::read(path).unwrap();
                let is_link = metadata.file_type().is_symlink();
                (content, metadata.uid(), metadata.mode(), metadata.mtime(), metadata.ino(), is_link)
            })
            .collect()
    }
}

#[test]
fn the_first_handover_adopts_the_files_and_the_next_ones_switch_one_link() {
    let scene = Scene::new();
    assert_eq!(scene.served(), scene.first.thumbprint);

    let first = scene.renew().expect(0).json();
    assert_eq!(first["outcome"], "served");
    assert_eq!(first["old"], scene.first.thumbprint.as_str());
    assert_eq!(scene.served(), first["new"].as_str().unwrap());
    assert!(fs_err::symlink_metadata(scene.certificate()).unwrap().file_type().is_symlink());
    let key_mode = fs_err::metadata(scene.key()).unwrap().mode() & 0o777;
    assert_eq!(key_mode, 0o640, "the key has the mode of the key before");
    let kept = scene.world.path("tls/site.pem.versions").join(&scene.first.thumbprint);
    assert!(kept.join("certificate.pem").is_file(), "what was there is kept");

    let link_before = fs_err::read_link(scene.certificate()).unwrap();
    let second = scene.renew().expect(0).json();
    assert_eq!(second["old"], first["new"]);
    assert_eq!(scene.served(), second["new"].as_str().unwrap());
    assert_eq!(fs_err::read_link(scene.certificate()).unwrap(), link_before, "only `current` moves");
    assert!(openssl::verify(scene.nginx.address(), HOST, &scene.root()));
}

/// About when a handover ended: its steps came one after the other.
fn ended_at(ran: &Ran) -> jiff::Timestamp {
    let report = ran.json();
    let began = report["started_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let seconds: f64 =
        report["steps"].as_array().unwrap().iter().map(|step| step["seconds"].as_f64().unwrap()).sum();
    began + jiff::SignedDuration::from_secs_f64(seconds)
}

#[test]
fn a_reload_that_does_nothing_ends_with_the_old_certificate_proven() {
    let scene = Scene::new();
    scene.write_settings(&scene.nginx.check_command(), &["true".to_owned()]);
    let before = scene.state();

    let ran = scene.renew().expect(6);
    assert_eq!(ran.json()["outcome"], "pending");
    assert!(ran.codes().contains(&"endpoint-serves-old".to_owned()));
    assert_eq!(scene.state(), before, "the very same files, no links");
    assert!(!scene.world.path("tls/site.pem.versions").exists(), "nothing is left behind");
    assert_eq!(scene.served(), scene.first.thumbprint);
    let pending = ran.json()["new"].as_str().unwrap().to_owned();
    // The handover has tries of its own: nothing is wrong with the issuing.
    let row = scene.world.baton(&["status", "--json"]).json()["rows"][0].clone();
    assert_eq!((&row["due_reason"], &row["pending"]), (&"pending".into(), &pending.as_str().into()));
    let retry = row["due"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let pause = retry.duration_since(ended_at(&ran)).as_secs();
    assert!((55..75).contains(&pause), "{pause} s");
    let codes: Vec<_> = row["findings"].as_array().unwrap().iter().map(|it| it["code"].clone()).collect();
    assert!(
        codes.contains(&"not-handed-over".into()) && !codes.contains(&"renewal-failing".into()),
        "{codes:?}"
    );

    // The same by `swap`, where nobody keeps anything for another try.
    let other = scene.authority.issue(&[HOST]).sign();
    other.write_files(&scene.world.path("other.pem"), &scene.world.path("other.key"));
    let ran = scene.world.baton(&["swap", "", "other.pem", "--json"]).expect(4);
    assert_eq!(ran.json()["outcome"], "rolled-back");
    assert_eq!(scene.state(), before);
    assert_eq!(scene.served(), scene.first.thumbprint);

    // With the cause mended, the certificate at hand is handed over: no new order.
    scene.write_settings(&scene.nginx.check_command(), &scene.nginx.reload_command());
    let ran = scene.world.baton(&["renew", "--json"]).expect(0);
    assert_eq!(ran.json()["new"], pending.as_str());
    assert_eq!(scene.served(), pending);
}

#[test]
fn a_configuration_that_nginx_refuses_never_becomes_live() {
    let scene = Scene::new();
    let before = scene.state();
    // A test that fails as soon as another key is in the place of the live one: what it sees is staged.
    let copy = scene.world.path("live.key");
    fs_err::copy(scene.key(), &copy).unwrap();
    let check = ["cmp".to_owned(), copy.display().to_string(), scene.key().display().to_string()];
    scene.write_settings(&check, &scene.nginx.reload_command());
    if !is_root() {
        // Without the right to private mounts the live files are tested, and that is said.
        assert!(scene.renew().expect(0).codes().contains(&"config-test-not-staged".to_owned()));
        return;
    }

    let ran = scene.renew().expect(6);

    assert!(ran.codes().contains(&"config-test-failed".to_owned()), "{:?}", ran.codes());
    assert_eq!(scene.state(), before);
    assert_eq!(scene.served(), scene.first.thumbprint);
    let steps = ran.json()["steps"].clone();
    let names: Vec<&str> =
        steps.as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(names, ["check", "stage", "roll-back"], "nothing was switched");
}

/// An argument list that kills the `baton` that runs it, as a power cut would.
fn killing() -> Vec<String> {
    ["sh", "-c", "kill -KILL $PPID; sleep 1"].map(str::to_owned).to_vec()
}

#[test]
fn a_kill_before_the_switch_is_undone_by_the_next_run() {
    let scene = Scene::new();
    let before = scene.state();
    scene.write_settings(&killing(), &scene.nginx.reload_command());
    assert_eq!(scene.renew().exit, -1, "killed in the middle of stage");
    assert!(scene.world.path("tls/site.pem.versions").exists(), "something was staged");

    // The next run undoes that first; its own config test then fails, so that nothing new is put in its place.
    scene.write_settings(&["false".to_owned()], &scene.nginx.reload_command());
    scene.renew().expect(6);

    assert_eq!(scene.state(), before, "identical to the bit");
    assert!(!scene.world.path("tls/site.pem.versions").exists(), "nothing is left behind");
    assert_eq!(scene.served(), scene.first.thumbprint);
    let first = scene.world.baton(&["history", "1", "--json"]).expect(0).json();
    assert_eq!(first["outcome"], "pending");
    assert_eq!(first["steps"].as_array().unwrap().last().unwrap()["step"], "roll-back");
}

#[test]
fn a_kill_after_the_switch_is_finished_by_the_next_run() {
    let scene = Scene::new();
    scene.write_settings(&scene.nginx.check_command(), &killing());
    assert_eq!(scene.renew().exit, -1, "killed in the middle of activate");
    assert_eq!(scene.served(), scene.first.thumbprint, "the old one is served on");

    scene.write_settings(&scene.nginx.check_command(), &scene.nginx.reload_command());
    let ran = scene.world.baton(&["renew", "--json"]).expect(0);

    assert_eq!(ran.json()["outcome"], "unchanged", "the interrupted handover was finished first");
    let first = scene.world.baton(&["history", "1", "--json"]).expect(0).json();
    assert_eq!(first["outcome"], "served");
    assert_eq!(scene.served(), first["new"].as_str().unwrap(), "no second order");
    assert_eq!(
        scene.world.baton(&["store", "list", "--json"]).expect(0).json()["certificates"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn handovers_under_load_fail_no_handshake() {
    let scene = Scene::new();
    // From the first handover on every certificate leads to the internal CA's root, which the load verifies.
    scene.renew().expect(0);
    let load = TlsLoad::start(scene.nginx.address(), HOST, &scene.root(), Duration::from_millis(5));
    let mut handed_over = Vec::new();
    for _ in 0..if crate::up::is_full() { ALL_HANDOVERS } else { HANDOVERS } {
        let report = scene.renew().expect(0).json();
        assert_eq!(report["outcome"], "served");
        let new = report["new"].as_str().unwrap().to_owned();
        // *Served* was said, so it must have been seen.
        assert_eq!(scene.served(), new);
        load.wait_for_handshakes(10);
        handed_over.push(new);
    }
    let report = load.stop();
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    for thumbprint in &handed_over {
        assert!(report.seen(thumbprint).is_some_and(|seen| seen.count > 0), "{thumbprint} was not seen");
    }
    println!("{} handovers, {} handshakes, 0 failed", handed_over.len(), report.handshakes);
}

#[test]
fn a_server_that_never_comes_up_is_left_without_files_as_it_was() {
    let scene = Scene::new();
    let fresh = scene.world.path("fresh");
    fs_err::create_dir(&fresh).unwrap();
    let port = baton_testkit::port::ReservedPort::new();
    scene.write_settings(&[], &[]);
    let settings = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    let settings = settings
        .replace(&quoted(&scene.certificate()), &quoted(&fresh.join("site.pem")))
        .replace(&quoted(&scene.key()), &quoted(&fresh.join("site.key")))
        .replace(&scene.nginx.address().to_string(), &port.address().to_string());
    scene.world.write_settings(&settings);

    let ran = scene.renew().expect(6);

    assert!(ran.codes().contains(&"endpoint-refused".to_owned()), "{:?}", ran.codes());
    assert!(fs_err::read_dir(&fresh).unwrap().next().is_none(), "nothing is left behind");
}

fn is_root() -> bool {
    let output = std::process::Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// nginx with an RSA and an ECDSA certificate for one name: two targets at one endpoint. Each is handed over and proven
/// by clients of its own family, and the other one stays.
#[test]
fn an_rsa_and_an_ecdsa_certificate_at_one_endpoint_are_told_apart() {
    const ECDSA: &str = "ECDSA+SHA256";
    const RSA: &str = "RSA-PSS+SHA256";
    let world = World::new();
    let authority = Authority::new("Test CA");
    let old = [authority.issue(&[HOST]).p256().sign(), authority.issue(&[HOST]).rsa2048().sign()];
    let new = [authority.issue(&[HOST]).p256().sign(), authority.issue(&[HOST]).rsa2048().sign()];
    fs_err::create_dir(world.path("tls")).unwrap();
    let path = |name: &str, suffix: &str| world.path(&format!("tls/{name}.{suffix}"));
    for (certificate, name) in old.iter().zip(["ecdsa", "rsa"]) {
        certificate.write_files(&path(name, "pem"), &path(name, "key"));
    }
    for (certificate, name) in new.iter().zip(["new-ecdsa", "new-rsa"]) {
        certificate.write_files(&world.path(&format!("{name}.pem")), &world.path(&format!("{name}.key")));
    }
    let (ecdsa, rsa) =
        ((path("ecdsa", "pem"), path("ecdsa", "key")), (path("rsa", "pem"), path("rsa", "key")));
    let nginx = Nginx::start_with(&[(&ecdsa.0, &ecdsa.1), (&rsa.0, &rsa.1)]);
    fs_err::write(world.path("root.pem"), authority.root_pem()).unwrap();
    let settings = |activate: &[String]| {
        let target = |name: &str| {
            format!(
                "[[target]]\nname = '{name}'\nkind = 'files'\ncertificate = {}\nkey = {}\nactivate = {}\n\
                 endpoints = [{{ address = '{}', name = '{HOST}' }}]\n\n",
                quoted(&path(name, "pem")),
                quoted(&path(name, "key")),
                list(activate),
                nginx.address()
            )
        };
        world.write_settings(&format!(
            "[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '3s'\n\n\
             [[issuer]]\nname = 'old'\nkind = 'manual'\nroot = 'root.pem'\n\n{}{}",
            target("ecdsa"),
            target("rsa")
        ));
    };
    settings(&nginx.reload_command());
    let served =
        |signatures| openssl::served_certificate_for(nginx.address(), HOST, signatures).unwrap().fingerprint;
    assert_eq!([served(ECDSA), served(RSA)], [old[0].fingerprint.clone(), old[1].fingerprint.clone()]);

    let report = world.baton(&["swap", "", "new-rsa.pem", "--target", "rsa", "--json"]).expect(0);
    assert_eq!(report.json()["proof"][0]["fingerprint"], new[1].fingerprint.as_str());
    assert_eq!(report.codes(), Vec::<String>::new(), "the other family's certificate is no stranger");
    assert_eq!([served(ECDSA), served(RSA)], [old[0].fingerprint.clone(), new[1].fingerprint.clone()]);

    // A reload that does nothing: the old ECDSA certificate is proven, beside the new RSA one.
    settings(&["true".to_owned()]);
    world.baton(&["swap", "", "new-ecdsa.pem", "--target", "ecdsa", "--json"]).expect(4);
    settings(&nginx.reload_command());
    world.baton(&["swap", "", "new-ecdsa.pem", "--target", "ecdsa", "--json"]).expect(0);
    assert_eq!([served(ECDSA), served(RSA)], [new[0].fingerprint.clone(), new[1].fingerprint.clone()]);
}

#[test]
fn pem_files_have_nothing_that_could_be_reset() {
    let scene = Scene::new();
    let before = scene.state();

    let refused = scene.world.baton(&["recover", "website", "--even-though-valid", "--json"]).expect(3);

    assert_eq!(refused.codes(), ["nothing-to-reset"]);
    assert_eq!(scene.state(), before);
}
