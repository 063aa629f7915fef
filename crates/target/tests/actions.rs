//! The saga tests of what a handover does to a target: each action twice, a failure after each of them with a
//! check that nothing is left behind, each undo twice.

// Owners, modes and inodes are compared; what holds everywhere is in `copies.rs`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use baton_platform::door::Doorkeeper;
use baton_store::{CertificateFile, DirectoryStore, SharedStore};
use baton_target::{
    Action, Activation, Files, Guard, KeptFile, Kind, Placement, Plan, Policy, Product, ProductKind, Target,
    Tls, Understood,
};
use baton_testkit::{Authority, IssuedCertificate};
use baton_x509::Certificate;

struct Scene {
    directory: tempfile::TempDir,
    target: Target,
    successor: Certificate,
}

/// Everything that can be seen of a tree: for each path its kind, owner, mode, inode, content or link.
type Tree = BTreeMap<PathBuf, (u32, u32, u64, Vec<u8>)>;

impl Scene {
    /// A pair of PEM files, in one directory or in two, and the successor in the store.
    fn files(certificate: &str, key: &str, prepare: impl FnOnce(&Path, &IssuedCertificate)) -> Self {
        Self::placed(Placement::Links, certificate, key, prepare)
    }

    fn placed(
        placement: Placement,
        certificate: &str,
        key: &str,
        prepare: impl FnOnce(&Path, &IssuedCertificate),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let path = |name: &str| root.join("live").join(name);
        for file in [certificate, key] {
            fs_err::create_dir_all(path(file).parent().unwrap()).unwrap();
        }
        prepare(&root.join("live"), &Authority::new("CA").issue(&["a.example"]).sign());
        let kind = Kind::Files(Files {
            certificate: path(certificate),
            key: path(key),
            check: None,
            time_limit: Duration::from_secs(5),
            placement,
            understood: Understood::default(),
        });
        Self::new(directory, kind)
    }

    /// A product whose settings name a certificate that is in the store.
    fn product() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let old = Authority::new("CA").issue(&["a.example"]).sign();
        let product = directory.path().join("live");
        let servers = product.join("config/servers");
        fs_err::create_dir_all(&servers).unwrap();
        fs_err::write(servers.join("tls.json"), baton_testkit::product::settings_text::tls_json(true, &old))
            .unwrap();
        old.write_to_store(&directory.path().join("store"));
        let kind = Kind::Product(Product { kind: ProductKind::Yunio, directory: product, server: None });
        Self::new(directory, kind)
    }

    fn new(directory: tempfile::TempDir, kind: Kind) -> Self {
        let store: SharedStore = Arc::new(DirectoryStore::open(&directory.path().join("store")).unwrap());
        let issued = Authority::new("CA").issue(&["a.example"]).sign();
        let (pem, key) = (directory.path().join("new.pem"), directory.path().join("new.key"));
        issued.write_files(&pem, &key);
        let successor = CertificateFile { path: &pem, key: Some(&key), password: None }.read().unwrap();
        let target = Target {
            name: "t".to_owned(),
            kind,
            store,
            activation: Some(Activation::Watches),
            endpoints: Vec::new(),
            policy: Policy::default(),
            doors: Doorkeeper { directory: directory.path().join("doors"), commands: None },
            guard: Guard { always: false, tls: Tls::Off, ports: Vec::new(), limit: Duration::from_secs(60) },
            nodes: Vec::new(),
        };
        Self { directory, target, successor }
    }

    fn plan(&self) -> Plan {
        let inspection = self.target.inspect().unwrap();
        let (plan, findings) = self.target.plan(&inspection, &self.successor, false, None).unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        // As the journal keeps it.
        serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap()
    }

    fn actions(plan: &Plan) -> Vec<Action> {
        plan.stage.iter().chain(&plan.switch).cloned().collect()
    }

    /// The live files and the store's entries; not the store's own lock and trash.
    fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        collect(self.directory.path(), &self.directory.path().join("live"), &mut tree);
        for entry in fs_err::read_dir(self.directory.path().join("store")).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().len() == 40 {
                collect(self.directory.path(), &path, &mut tree);
            }
        }
        tree
    }

    fn live(&self) -> Tree {
        let mut tree = Tree::new();
        collect(self.directory.path(), &self.directory.path().join("live"), &mut tree);
        tree
    }

    async fn apply(&self, action: &Action) {
        action.apply(self.target.context(Some(&self.successor))).await.unwrap();
    }

    async fn undo(&self, action: &Action) {
        // After a crash the successor may be gone.
        action.undo(self.target.context(None)).await.unwrap();
    }

    fn named(&self) -> String {
        self.target.inspect().unwrap().current.unwrap().to_string()
    }
}

fn collect(root: &Path, path: &Path, tree: &mut Tree) {
    let metadata = fs_err::symlink_metadata(path).unwrap();
    let is_directory = metadata.is_dir();
    let content = if metadata.file_type().is_symlink() {
        fs_err::read_link(path).unwrap().display().to_string().into_bytes()
    } else if is_directory {
        Vec::new()
    } else {
        fs_err::read(path).unwrap()
    };
    // A link is made anew by an undo, and a settings file is replaced by each edit, so their inodes may differ. A
    // PEM file must be the very same.
    let is_pem = metadata.is_file() && path.extension().is_none_or(|extension| extension != "json");
    let inode = if is_pem { metadata.ino() } else { 0 };
    tree.insert(
        path.strip_prefix(root).unwrap().to_owned(),
        (metadata.uid(), metadata.mode(), inode, content),
    );
    if is_directory {
        for entry in fs_err::read_dir(path).unwrap() {
            collect(root, &entry.unwrap().path(), tree);
        }
    }
}

fn plain(live: &Path, old: &IssuedCertificate) {
    old.write_files(&live.join("site.pem"), &live.join("site.key"));
    fs_err::set_permissions(live.join("site.key"), std::fs::Permissions::from_mode(0o640)).unwrap();
}

fn scenes() -> Vec<(&'static str, Scene)> {
    vec![
        ("files in one directory", Scene::files("site.pem", "site.key", plain)),
        (
            "files in two directories",
            Scene::files("certs/site.pem", "private/site.key", |live, old| {
                old.write_files(&live.join("certs/site.pem"), &live.join("private/site.key"));
            }),
        ),
        (
            "links of another client",
            Scene::files("site.pem", "site.key", |live, old| {
                old.write_files(&live.join("archive1.pem"), &live.join("archive1.key"));
                std::os::unix::fs::symlink("archive1.pem", live.join("site.pem")).unwrap();
                std::os::unix::fs::symlink("archive1.key", live.join("site.key")).unwrap();
            }),
        ),
        ("no files yet", Scene::files("site.pem", "site.key", |_, _| {})),
        (
            "a certificate without its key",
            Scene::files("site.pem", "site.key", |live, old| {
                fs_err::write(live.join("site.pem"), &old.chain_pem).unwrap();
            }),
        ),
        (
            "rubbish",
            Scene::files("site.pem", "site.key", |live, _| {
                fs_err::write(live.join("site.pem"), "rubbish").unwrap();
                fs_err::write(live.join("site.key"), "more").unwrap();
            }),
        ),
        ("a product", Scene::product()),
        ("copies in one directory", Scene::placed(Placement::Copies, "site.pem", "site.key", plain)),
        (
            "copies in two directories",
            Scene::placed(Placement::Copies, "certs/site.pem", "private/site.key", |live, old| {
                old.write_files(&live.join("certs/site.pem"), &live.join("private/site.key"));
            }),
        ),
        (
            "copies where links lead",
            Scene::placed(Placement::Copies, "site.pem", "site.key", |live, old| {
                old.write_files(&live.join("archive1.pem"), &live.join("archive1.key"));
                std::os::unix::fs::symlink("archive1.pem", live.join("site.pem")).unwrap();
                std::os::unix::fs::symlink("archive1.key", live.join("site.key")).unwrap();
            }),
        ),
        (
            "copies where no files are yet",
            Scene::placed(Placement::Copies, "site.pem", "site.key", |_, _| {}),
        ),
        (
            "a copy of a certificate without its key",
            Scene::placed(Placement::Copies, "site.pem", "site.key", |live, old| {
                fs_err::write(live.join("site.pem"), &old.chain_pem).unwrap();
            }),
        ),
    ]
}

#[tokio::test]
async fn a_failure_after_each_action_leaves_nothing_behind() {
    for (name, scene) in scenes() {
        let before = scene.tree();
        let actions = Scene::actions(&scene.plan());
        for done in 0..=actions.len() {
            for action in &actions[..done] {
                scene.apply(action).await;
            }
            // All of them, also those that were never done; and each undo twice.
            for action in actions.iter().rev() {
                scene.undo(action).await;
                scene.undo(action).await;
            }
            assert!(scene.tree() == before, "{name}: after {done} of {}", actions.len());
        }
    }
}

#[tokio::test]
async fn each_action_twice_is_the_same_as_once() {
    for (name, scene) in scenes() {
        for action in Scene::actions(&scene.plan()) {
            scene.apply(&action).await;
            let once = scene.tree();
            scene.apply(&action).await;
            assert!(scene.tree() == once, "{name}: {action}");
        }
        assert_eq!(scene.named(), scene.successor.thumbprint().to_string(), "{name}");
    }
}

#[tokio::test]
async fn before_the_last_action_readers_of_the_files_see_the_old_pair() {
    let scene = Scene::files("site.pem", "site.key", plain);
    let old = scene.named();
    let actions = Scene::actions(&scene.plan());
    for action in &actions {
        let inspection = scene.target.inspect().unwrap();
        assert!(inspection.findings.is_empty(), "certificate and key fit: {:?}", inspection.findings);
        assert_eq!(inspection.current.unwrap().to_string(), old);
        scene.apply(action).await;
    }
    let inspection = scene.target.inspect().unwrap();
    assert!(inspection.findings.is_empty());
    assert_eq!(inspection.current, Some(scene.successor.thumbprint()));
    // The next handover of adopted files switches one link.
    let back = scene.target.plan(&inspection, &scene.successor, false, None).unwrap().0;
    assert!(back.switch.len() <= 1, "{back:?}");
}

#[tokio::test]
async fn a_settings_file_that_someone_changed_is_not_touched() {
    let scene = Scene::product();
    let plan = scene.plan();
    let file = scene.directory.path().join("live/config/servers/tls.json");
    let changed = fs_err::read_to_string(&file).unwrap().replace("true", "false");
    fs_err::write(&file, &changed).unwrap();
    let before = scene.live();
    for action in &plan.switch {
        let context = scene.target.context(Some(&scene.successor));
        assert!(action.apply(context).await.is_err());
        assert!(action.undo(context).await.is_err());
    }
    assert!(scene.live() == before);
}

/// Each action twice, a failure after each of them, and each undo twice.
async fn try_saga(scene: &Scene, actions: &[Action]) {
    let before = scene.tree();
    for done in 0..=actions.len() {
        for action in &actions[..done] {
            scene.apply(action).await;
            let once = scene.tree();
            scene.apply(action).await;
            assert!(scene.tree() == once, "{action}");
        }
        for action in actions.iter().rev() {
            scene.undo(action).await;
            scene.undo(action).await;
        }
        assert!(scene.tree() == before, "after {done} of {}", actions.len());
    }
}

#[tokio::test]
async fn a_reset_and_what_puts_it_back_are_undone_after_any_failure() {
    let scene = Scene::product();
    let reset = scene.target.reset(&scene.target.inspect().unwrap()).unwrap();
    let [Action::SetFile { path, before: Some(image), after: None }] = reset.as_slice() else {
        panic!("one file is set aside: {reset:?}");
    };
    try_saga(&scene, &reset).await;
    scene.apply(&reset[0]).await;
    assert!(!path.exists());

    let kept = [KeptFile { path: path.clone(), image: image.clone() }];
    let plan = || {
        let inspection = scene.target.inspect_with(&kept).unwrap();
        Scene::actions(&scene.target.plan(&inspection, &scene.successor, false, None).unwrap().0)
    };
    try_saga(&scene, &plan()).await;
    // The product may make a file of its own at its start.
    fs_err::write(path, "{\"tlsEnabled\": false}").unwrap();
    try_saga(&scene, &plan()).await;
    for action in plan() {
        scene.apply(&action).await;
    }
    assert_eq!(scene.named(), scene.successor.thumbprint().to_string());
}

#[tokio::test]
async fn a_window_with_tls_off_is_undone_after_any_failure() {
    let scene = Scene::product();
    let permission = scene.directory.path().join("live/config/servers/permission.json");
    fs_err::write(&permission, "no JSON at all").unwrap();
    fs_err::set_permissions(&permission, std::fs::Permissions::from_mode(0o640)).unwrap();
    let inspection = scene.target.inspect().unwrap();
    let window = scene.target.window(&inspection, &[]).unwrap();
    let switch: Vec<Action> = window.back.iter().cloned().chain(scene.plan().switch).collect();
    let all: Vec<&Action> = window.off.iter().chain(&switch).collect();
    assert_eq!(all.len(), 5, "access control and TLS off, both back, and the references");
    let before = scene.tree();
    for done in 0..=all.len() {
        for action in &all[..done] {
            scene.apply(action).await;
            let once = scene.tree();
            scene.apply(action).await;
            assert!(scene.tree() == once, "{action}");
        }
        if done == window.off.len() {
            assert!(!permission.exists());
            assert_eq!(scene.target.inspect().unwrap().tls, Tls::Off);
            // The product may make one of its own while it has none.
            fs_err::write(&permission, "everyone").unwrap();
        }
        // As the engine goes back: what was set aside, where the switch had not begun with it; then all.
        for action in window.off.iter().rev() {
            let _ = action.undo(scene.target.context(None)).await;
        }
        for action in switch.iter().rev().chain(window.off.iter().rev()) {
            scene.undo(action).await;
            scene.undo(action).await;
        }
        assert!(scene.tree() == before, "after {done} of {}", all.len());
    }
}
