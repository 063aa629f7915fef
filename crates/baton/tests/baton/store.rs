//! `baton store`, with OpenSSL as the one who makes and reads the files.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use baton_testkit::Authority;

use crate::world::World;

fn openssl(world: &World, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").current_dir(world.root()).args(arguments).output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn scene() -> (World, baton_testkit::IssuedCertificate) {
    let world = World::new();
    let certificate = Authority::new("Test CA").issue(&["a.example.com"]).sign();
    certificate.write_files(&world.path("a.pem"), &world.path("a.key"));
    fs_err::write(world.path("password"), "correct horse\n").unwrap();
    (world, certificate)
}

#[test]
fn pem_is_imported_listed_exported_removed_and_restored() {
    let (world, certificate) = scene();
    let imported = world.baton(&["store", "import", "a.pem", "--json"]).expect(0).json();
    assert_eq!(imported["thumbprint"], certificate.thumbprint.as_str());
    assert_eq!(imported["has_key"], true);
    assert_eq!(imported["chain_length"], 1);

    let list = world.baton(&["store", "list", "--json"]).expect(0).json();
    assert_eq!(list["certificates"][0]["fingerprint"], certificate.fingerprint.as_str());
    let entry = world.path("baton-data/certificates").join(&certificate.thumbprint);
    let mode = |path: &std::path::Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&entry), 0o700);
    assert_eq!(mode(&entry.join("key.pem")), 0o600);

    let exported = world.baton(&["store", "export", &certificate.thumbprint]).expect(0);
    assert_eq!(exported.stdout.trim(), certificate.chain_pem.trim());
    assert!(!exported.stdout.contains("PRIVATE KEY"));

    world.baton(&["store", "remove", &certificate.thumbprint]).expect(0);
    assert!(!entry.exists());
    world.baton(&["store", "show", &certificate.thumbprint]).expect(3);
    world.baton(&["store", "restore", &certificate.thumbprint]).expect(0);
    assert!(entry.join("key.pem").is_file());
    world.baton(&["store", "import", "a.pem"]).expect(0);
}

#[test]
fn pfx_of_both_ages_is_imported_and_a_new_one_is_read_by_openssl() {
    let (world, certificate) = scene();
    let make = ["pkcs12", "-export", "-in", "a.pem", "-inkey", "a.key", "-passout", "file:password"];
    for (name, more) in [
        ("new.pfx", &["-out", "new.pfx"][..]),
        (
            "old.pfx",
            &[
                "-out",
                "old.pfx",
                "-legacy",
                "-certpbe",
                "PBE-SHA1-3DES",
                "-keypbe",
                "PBE-SHA1-3DES",
                "-macalg",
                "sha1",
            ][..],
        ),
    ] {
        openssl(&world, &[&make[..], more].concat());
        let world = (World::new(), &world);
        let file = world.1.path(name).display().to_string();
        let password = world.1.path("password").display().to_string();
        let import = ["store", "import", &file, "--password-file", &password, "--json"];
        let imported = world.0.baton(&import).expect(0).json();
        assert_eq!(imported["thumbprint"], certificate.thumbprint.as_str(), "{name}");
        assert_eq!(imported["chain_length"], 1, "{name}");
        assert_eq!(imported["has_key"], true, "{name}");

        let export =
            ["store", "export", &certificate.thumbprint, "--pfx", "out.pfx", "--password-file", &password];
        world.0.baton(&export).expect(0);
        let mode = fs_err::metadata(world.0.path("out.pfx")).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let passin = format!("file:{password}");
        let text = openssl(&world.0, &["pkcs12", "-in", "out.pfx", "-nodes", "-passin", &passin]);
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2);
        assert_eq!(text.matches("BEGIN PRIVATE KEY").count(), 1);
    }
}

#[test]
fn a_wrong_password_is_told_and_nothing_is_made() {
    let (world, _) = scene();
    openssl(
        &world,
        &[
            "pkcs12",
            "-export",
            "-in",
            "a.pem",
            "-inkey",
            "a.key",
            "-passout",
            "file:password",
            "-out",
            "a.pfx",
        ],
    );
    fs_err::write(world.path("wrong"), "incorrect\n").unwrap();
    let before = world.listing();
    let ran = world.baton(&["store", "import", "a.pfx", "--password-file", "wrong"]).expect(3);
    assert!(ran.stderr.contains("the password does not open the PFX"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: put the right password"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("incorrect"), "the password is not shown");
    world.baton(&["store", "import", "a.pfx"]).expect(3);
    assert_eq!(world.listing(), before);
}

#[test]
fn a_certificate_without_its_key_is_refused() {
    let (world, _) = scene();
    fs_err::remove_file(world.path("a.key")).unwrap();
    let before = world.listing();
    let ran = world.baton(&["store", "import", "a.pem", "--json"]).expect(3);
    assert_eq!(ran.json()["error"]["code"], "key-missing");
    let other = Authority::new("Test CA").issue(&["b.example.com"]).sign();
    fs_err::write(world.path("other.key"), &other.key_pem).unwrap();
    let mut expected = before.clone();
    expected.push("other.key".to_owned());
    expected.sort();
    let ran = world.baton(&["store", "import", "a.pem", "--key", "other.key", "--json"]).expect(3);
    assert_eq!(ran.json()["error"]["code"], "key-does-not-match");
    assert_eq!(world.listing(), expected);
}

#[test]
fn a_store_of_windows_is_an_error_of_the_settings_here() {
    let (world, _) = scene();
    for (settings, message) in [
        ("[store]\nkind = \"windows\"\n", "a store of the kind \"windows\" is on Windows alone"),
        ("[store]\nname = \"My\"\n", "`name` is for a store of the kind \"windows\""),
        ("[store]\nexportable = false\n", "`exportable` is for a store of the kind \"windows\""),
        ("[store]\nkind = \"windows\"\nname = \"A\\\\B\"\n", "cannot be the name of a certificate store"),
        (
            "[[target]]\nname = \"a\"\nproduct = \"yunio\"\ndirectory = \"a\"\nstore = { kind = \"windows\" }\n",
            "a store of the kind \"windows\" is on Windows alone",
        ),
        (
            "[[target]]\nname = \"a\"\nproduct = \"yunio\"\ndirectory = \"a\"\nstore = { nam = \"My\" }\n",
            "this is no store: write \"PATH\"",
        ),
    ] {
        fs_err::write(world.path("baton.toml"), settings).unwrap();
        for command in [&["store", "import", "a.pem"][..], &["check"]] {
            let ran = world.baton(command).expect(2);
            assert!(ran.stderr.contains(message), "{settings}{command:?}: {}", ran.stderr);
        }
    }
}

#[test]
fn the_store_of_a_target_is_named_by_the_target() {
    let (world, certificate) = scene();
    let settings = "[[target]]\nname = \"a\"\nproduct = \"yunio\"\ndirectory = \"a\"\nstore = \"of-a\"\n";
    fs_err::write(world.path("baton.toml"), settings).unwrap();
    world.baton(&["store", "import", "a.pem", "--target", "a"]).expect(0);
    assert!(world.path("of-a").join(&certificate.thumbprint).is_dir());
    world.baton(&["store", "show", &certificate.thumbprint]).expect(3);
    world.baton(&["store", "--target", "a", "remove", &certificate.thumbprint]).expect(0);
    world.baton(&["store", "restore", &certificate.thumbprint]).expect(3);
    world.baton(&["store", "restore", "--target", "a", &certificate.thumbprint]).expect(0);
    let ran = world.baton(&["store", "list", "--target", "b", "--json"]).expect(2);
    assert_eq!(ran.json()["error"]["code"], "target-unknown");
}

#[test]
fn keys_that_are_files_have_no_permissions_of_their_own() {
    let (world, certificate) = scene();
    world.baton(&["store", "import", "a.pem"]).expect(0);
    let ran = world.baton(&["store", "permissions", &certificate.thumbprint, "--json"]).expect(3);
    assert_eq!(ran.json()["error"]["code"], "permissions-of-files");
}
