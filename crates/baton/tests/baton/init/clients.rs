//! Who renews a certificate already: certbot and lego by the files that they write.

use std::path::PathBuf;

use baton_testkit::Nginx;

use super::{HOST, Scene, servers_in};
use crate::world::World;

/// What certbot 2.1 keeps of a certificate: the link that servers read, and the file that says how it is renewed.
fn certbot(world: &World, hook: &str) -> PathBuf {
    let (live, renewal) = (world.path("letsencrypt/live/site"), world.path("letsencrypt/renewal"));
    fs_err::create_dir_all(&renewal).unwrap();
    let path = |name: &str| live.join(name).display().to_string();
    let text = format!(
        "# renew_before_expiry = 30 days\nversion = 2.1.0\narchive_dir = {}\ncert = {}\nprivkey = {}\nchain = {}\n\
         fullchain = {}\n\n# Options used in the renewal process\n[renewalparams]\naccount = 0123\n\
         authenticator = webroot\nserver = https://acme-v02.api.letsencrypt.org/directory\n{hook}\
         [[webroot_map]]\n{HOST} = /var/www\n",
        world.path("letsencrypt/archive/site").display(),
        path("cert.pem"),
        path("privkey.pem"),
        path("chain.pem"),
        path("fullchain.pem"),
    );
    fs_err::write(renewal.join("site.conf"), text).unwrap();
    live
}

impl Scene {
    /// An nginx that reads a pair of files, and what init says of it.
    fn nginx_with(&self, directory: &str, certificate: &str, key: &str) -> Nginx {
        let directory = self.world.path(directory);
        fs_err::create_dir_all(&directory).unwrap();
        let (certificate, key) = (directory.join(certificate), directory.join(key));
        self.authority.issue(&[HOST]).sign().write_files(&certificate, &key);
        Nginx::start(&certificate, &key)
    }
}

#[test]
fn a_server_that_reads_the_files_of_certbot_is_told_how_to_get_its_own() {
    let scene = Scene::new();
    certbot(&scene.world, "renew_hook = systemctl reload nginx\n");
    let nginx = scene.nginx_with("letsencrypt/live/site", "fullchain.pem", "privkey.pem");
    let found = scene.init(&["--json"], nginx.prefix()).expect(0).json();
    assert_eq!(servers_in(&found, scene.world.root()).len(), 1);
    let renewals = found["renewals"].as_array().unwrap();
    let renewal = renewals.iter().find(|renewal| renewal["name"] == "site").unwrap();
    assert_eq!((&renewal["client"], &renewal["names"]), (&"certbot".into(), &serde_json::json!([HOST])));
    assert_eq!(renewal["step"], serde_json::json!({"kind": "script", "program": "systemctl reload nginx"}));

    let settings = scene.settings();
    let live = scene.world.path("letsencrypt/live/site/fullchain.pem");
    let named = format!("#   cp -L {} {}/tls/{HOST}.pem\n", live.display(), nginx.prefix().display());
    assert!(settings.contains(&named), "{settings}");
    assert!(
        settings.contains("certbot reconfigure --cert-name site --deploy-hook \"baton hook certbot\"\n"),
        "{settings}"
    );
    assert!(!settings.contains("[[certificate]]\n"), "certbot goes on to renew it: {settings}");
    assert!(!settings.lines().any(|line| line.starts_with("certificate =")), "not as it is: {settings}");
    scene.world.baton(&["check"]).expect(0);
}

#[test]
fn a_server_with_files_of_its_own_that_certbot_hands_over_is_a_target_at_once() {
    let scene = Scene::new();
    let live = certbot(&scene.world, "renew_hook = baton hook certbot\n");
    fs_err::create_dir_all(&live).unwrap();
    scene.authority.issue(&[HOST]).sign().write_files(&live.join("fullchain.pem"), &live.join("privkey.pem"));
    let nginx = scene.nginx_with("tls", "site.pem", "site.key");
    let letsencrypt = scene.world.path("letsencrypt");
    let mut command = scene.world.command(&["init", "--json"]);
    let ran =
        crate::world::Ran::from(command.args([nginx.prefix(), letsencrypt.as_path()]).output().unwrap());
    ran.expect(0);
    let settings = scene.settings();
    assert!(settings.contains("# certbot calls Baton afterwards.\n"), "{settings}");
    assert!(!settings.contains("[[certificate]]\n"), "{settings}");
    let checked = scene.world.baton(&["check"]).expect(0).stdout;
    assert!(checked.contains(": sound"), "{checked}");
}

#[test]
fn lego_is_known_by_what_it_writes_beside_a_certificate() {
    let scene = Scene::new();
    let nginx = scene.nginx_with("certificates", "site.crt", "site.key");
    let json = format!("{{\n\t\"domain\": \"{HOST}\",\n\t\"certUrl\": \"https://ca.example.net/1\"\n}}");
    fs_err::write(scene.world.path("certificates/site.json"), json).unwrap();
    let found = scene.init(&["--json"], nginx.prefix()).expect(0).json();
    let renewals = found["renewals"].as_array().unwrap();
    let renewal = renewals.iter().find(|renewal| renewal["client"] == "lego").unwrap();
    assert_eq!(renewal["step"]["kind"], "told-at-each-call");
    let settings = scene.settings();
    assert!(settings.contains("nginx reads the files of lego"), "{settings}");
    assert!(settings.contains("--renew-hook \"baton hook lego\"\n"), "{settings}");
}
