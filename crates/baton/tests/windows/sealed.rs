//! What Baton keeps as secrets for itself alone is sealed for this machine, and the next process opens it.

use std::path::{Path, PathBuf};

use crate::world::World;

const SETTINGS: &str = "[[issuer]]\nname = 'house'\nkind = 'internal'\n\n\
    [[issuer]]\nname = 'person'\nkind = 'manual'\n\n\
    [[certificate]]\nname = 'site'\nnames = ['localhost']\nissuer = 'house'\n\n\
    [[certificate]]\nname = 'by-hand'\nnames = ['www.example.com']\nissuer = 'person'\n";

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => files.extend(self::files(&entry.path())),
            false => files.push(entry.path()),
        }
    }
    files
}

fn shows_key(path: &Path) -> bool {
    fs_err::read(path).unwrap().windows(11).any(|part| part == b"PRIVATE KEY")
}

#[test]
fn keys_of_the_ca_and_of_requests_are_sealed_and_opened_again() {
    let world = World::with_settings(SETTINGS);
    world.baton(&["renew", "site"]).expect(0);
    let asked = world.baton(&["request", "by-hand", "--json"]).expect(0).json();

    let data = world.path("baton-data");
    let (ca, requests) = (data.join("ca/house"), data.join("requests"));
    let mut kept = vec![ca.join("root.key"), ca.join("intermediate.pem")];
    kept.extend(files(&requests).into_iter().filter(|path| path.extension().is_some_and(|it| it == "json")));
    assert_eq!(kept.len(), 3);
    for path in &kept {
        assert!(fs_err::read(path).unwrap().starts_with(b"BATON SEALED 1\n"), "{}", path.display());
    }
    // The store is one of plain files, which servers may read too.
    let shown: Vec<PathBuf> = files(&data).into_iter().filter(|path| shows_key(path)).collect();
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(shown[0].starts_with(data.join("certificates")), "{shown:?}");

    // Each is another process.
    world.baton(&["renew", "site", "--force"]).expect(0);
    let again = world.baton(&["request", "by-hand", "--json"]).expect(0).json();
    assert_eq!((&again["id"], &again["is_new"]), (&asked["id"], &serde_json::Value::Bool(false)));
}

#[test]
fn what_does_not_open_is_told_and_kept() {
    let world = World::with_settings(SETTINGS);
    world.baton(&["renew", "site"]).expect(0);
    world.baton(&["request", "by-hand"]).expect(0);
    let data = world.path("baton-data");
    let intermediate = data.join("ca/house/intermediate.pem");
    let sealed = fs_err::read(&intermediate).unwrap();
    let torn = &sealed[..sealed.len() - 20];
    fs_err::write(&intermediate, torn).unwrap();

    let ran = world.baton(&["renew", "site", "--force", "--json"]);

    assert_ne!(ran.exit, 0);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("secret-does-not-open") && told.contains("intermediate.pem"), "{told}");
    assert!(told.contains("put it back from a backup of this machine"), "{told}");
    assert_eq!(fs_err::read(&intermediate).unwrap(), torn);
    // Put back, it is used on.
    fs_err::write(&intermediate, &sealed).unwrap();
    world.baton(&["renew", "site", "--force"]).expect(0);

    // Of another machine.
    let is_request = |path: &PathBuf| path.extension().is_some_and(|it| it == "json");
    let request = files(&data.join("requests")).into_iter().find(is_request).unwrap();
    fs_err::write(&request, b"BATON SEALED 1\nby another machine").unwrap();
    let told = world.baton(&["request", "list", "--json"]);
    let told = format!("{}{}", told.stdout, told.stderr);
    assert!(told.contains("is sealed, and does not open on this machine"), "{told}");
    assert!(request.exists());
}
