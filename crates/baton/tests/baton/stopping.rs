//! How `up` ends while a change is under way.

use std::process::{Command, Stdio};
use std::time::Duration;

use baton_testkit::condition::{wait_for, wait_until};
use baton_testkit::port::ReservedPort;
use baton_testkit::{Authority, Nginx, openssl};

use crate::world::{World, list, quoted};

const SITE: &str = "www.example.com";

#[test]
fn what_waits_for_a_change_that_was_begun_on_a_page_does_not_hold_the_end_up() {
    let world = World::new();
    let site = Authority::new("Test CA").issue(&[SITE]).sign();
    let (certificate, key) = (world.path("site.pem"), world.path("site.key"));
    site.write_files(&certificate, &key);
    let nginx = Nginx::start(&certificate, &key);
    let (script, hang) = (world.path("activate.sh"), world.path("hang"));
    // While there is a pipe, nobody writes into it.
    let reload = nginx.reload_command().join(" ");
    fs_err::write(&script, format!("test -e {0} && cat {0}\n{reload}\n", hang.display())).unwrap();
    let settings = |names: &[&str]| {
        format!(
            "[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '5s'\n\n\
             [[target]]\nname = 'website'\nkind = 'files'\ncertificate = {}\nkey = {}\nactivate = {}\n\
             endpoints = [{{ address = '{}', name = '{SITE}' }}]\n\n\
             [[certificate]]\nname = 'site'\nnames = {}\nissuer = 'internal'\ntargets = ['website']\n",
            quoted(&certificate),
            quoted(&key),
            list(&["sh".to_owned(), script.display().to_string()]),
            nginx.address(),
            list(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()),
        )
    };
    world.write_settings(&settings(&[SITE]));
    let port = ReservedPort::new();
    let told = world.path("told");
    let listen = port.address().to_string();
    let mut up = world.command(&["up", "--listen", &listen]);
    let mut up =
        up.stdout(Stdio::null()).stderr(fs_err::File::create(&told).unwrap().into_file()).spawn().unwrap();
    let has_told = |words: &str| fs_err::read_to_string(&told).unwrap().contains(words);
    wait_until("it is up", Duration::from_secs(30), || has_told("Ctrl-C"));
    world.baton(&["renew"]);
    let first = openssl::served_certificate(nginx.address(), SITE).unwrap().thumbprint;
    assert_ne!(first, site.thumbprint);

    nix::unistd::mkfifo(&hang, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let base = format!("https://localhost:{}", port.address().port());
    let begun = Command::new("curl")
        .args(["-sk", "-o", "/dev/null", "-w", "%{http_code}", "-d", "change=renew&certificate=site"])
        .args(["-H", &format!("Origin: {base}"), &format!("{base}/operations")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&begun.stdout), "303");
    let count = |words: &str| fs_err::read_to_string(&told).unwrap().matches(words).count();
    wait_until("it has switched", Duration::from_secs(30), || count("switch done") == 3);
    // The schedule wants another certificate now, and waits for the page's.
    world.write_settings(&settings(&[SITE, "other.example.com"]));
    wait_until("it waits", Duration::from_secs(30), || {
        has_told("another change of certificate \"site\" is under way")
    });

    baton_testkit::process::terminate(up.id()).unwrap();
    let ended = wait_for(Duration::from_secs(60), || up.try_wait().unwrap()).expect("it ends");
    assert_eq!(ended.code(), Some(0));
    assert!(!has_told("a handover is still under way"), "{}", fs_err::read_to_string(&told).unwrap());

    // The page's change is in the journal, and the next start finishes it.
    fs_err::remove_file(&hang).unwrap();
    let resumed = world.baton(&["resume", "--json"]).expect(0);
    assert_eq!(resumed.json()["outcome"], "served", "{}", resumed.stdout);
    assert_ne!(openssl::served_certificate(nginx.address(), SITE).unwrap().thumbprint, first);
}
