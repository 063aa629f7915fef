//! PEM files that are replaced instead of linked: on systems without symbolic links, and in the same way on all others.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use baton_platform::door::Doorkeeper;
use baton_store::{CertificateFile, DirectoryStore};
use baton_target::{
    Action, Activation, Files, Guard, Kind, Placement, Plan, Policy, Target, Tls, Understood,
};
use baton_testkit::{Authority, IssuedCertificate};
use baton_x509::Certificate;
use fs_err as fs;

struct Scene {
    directory: tempfile::TempDir,
    target: Target,
}

impl Scene {
    fn new(prepare: impl FnOnce(&Path, &IssuedCertificate)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let live = directory.path().join("live");
        fs::create_dir(&live).unwrap();
        prepare(&live, &Authority::new("CA").issue(&["a.example"]).sign());
        let target = Target {
            name: "t".to_owned(),
            kind: Kind::Files(Files {
                certificate: live.join("site.pem"),
                key: live.join("site.key"),
                check: None,
                time_limit: Duration::from_secs(5),
                placement: Placement::Copies,
                understood: Understood::default(),
            }),
            store: Arc::new(DirectoryStore::open(&directory.path().join("store")).unwrap()),
            activation: Some(Activation::Watches),
            endpoints: Vec::new(),
            policy: Policy::default(),
            doors: Doorkeeper { directory: directory.path().join("doors"), commands: None },
            guard: Guard { always: false, tls: Tls::Off, ports: Vec::new(), limit: Duration::from_secs(60) },
            nodes: Vec::new(),
        };
        Self { directory, target }
    }

    fn successor(&self) -> Certificate {
        let issued = Authority::new("CA").issue(&["a.example"]).sign();
        let path = |name| self.directory.path().join(name);
        issued.write_files(&path("new.pem"), &path("new.key"));
        CertificateFile { path: &path("new.pem"), key: Some(&path("new.key")), password: None }
            .read()
            .unwrap()
    }

    fn plan(&self, successor: &Certificate) -> Plan {
        let (plan, findings) =
            self.target.plan(&self.target.inspect().unwrap(), successor, false, None).unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap()
    }

    /// Each action twice, a failure after each of them, and each undo twice; at last all of them.
    async fn hand_over(&self, successor: &Certificate) {
        let plan = self.plan(successor);
        let actions: Vec<Action> = plan.stage.into_iter().chain(plan.switch).collect();
        let before = self.tree();
        for done in 0..=actions.len() {
            for action in &actions[..done] {
                self.apply(action, successor).await;
                let once = self.tree();
                self.apply(action, successor).await;
                assert!(self.tree() == once, "{action}");
            }
            for action in actions.iter().rev() {
                action.undo(self.target.context(None)).await.unwrap();
                action.undo(self.target.context(None)).await.unwrap();
            }
            assert!(self.tree() == before, "after {done} of {}", actions.len());
        }
        for action in &actions {
            self.apply(action, successor).await;
        }
        let inspection = self.target.inspect().unwrap();
        assert!(inspection.findings.is_empty(), "certificate and key fit: {:?}", inspection.findings);
        assert_eq!(inspection.current, Some(successor.thumbprint()));
    }

    async fn apply(&self, action: &Action, successor: &Certificate) {
        action.apply(self.target.context(Some(successor))).await.unwrap();
    }

    /// Every file and directory of the target, with what it holds.
    fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut tree, mut open) = (BTreeMap::new(), vec![self.directory.path().join("live")]);
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(&directory).unwrap() {
                let path = entry.unwrap().path();
                assert!(!fs::symlink_metadata(&path).unwrap().is_symlink(), "{}", path.display());
                if path.is_dir() {
                    open.push(path.clone());
                    tree.insert(path, Vec::new());
                } else {
                    tree.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        tree
    }
}

fn pair(live: &Path, old: &IssuedCertificate) {
    old.write_files(&live.join("site.pem"), &live.join("site.key"));
}

#[tokio::test]
async fn a_failure_after_each_action_leaves_nothing_behind() {
    for prepare in [
        pair,
        |_: &Path, _: &IssuedCertificate| {},
        |live: &Path, old: &IssuedCertificate| fs::write(live.join("site.pem"), &old.chain_pem).unwrap(),
    ] {
        let scene = Scene::new(prepare);
        scene.hand_over(&scene.successor()).await;
    }
}

#[tokio::test]
async fn what_is_in_a_version_is_not_kept_twice() {
    let scene = Scene::new(pair);
    let (first, second) = (scene.successor(), scene.successor());
    scene.hand_over(&first).await;
    // It is in use, so it is no copy that could be removed.
    assert!(scene.target.copies(first.thumbprint()).is_empty());
    let plan = scene.plan(&second);
    assert!(matches!(plan.switch.as_slice(), [Action::Place { .. }, Action::Place { .. }]), "{plan:?}");
    scene.hand_over(&second).await;
    assert_eq!(scene.target.copies(first.thumbprint()).len(), 1);
    // And back to it.
    scene.hand_over(&first).await;
    assert!(scene.target.copies(first.thumbprint()).is_empty());
}

#[tokio::test]
async fn what_someone_else_has_written_meanwhile_stays() {
    let scene = Scene::new(pair);
    let successor = scene.successor();
    let plan = scene.plan(&successor);
    for action in plan.stage.iter().chain(&plan.switch) {
        scene.apply(action, &successor).await;
    }
    // As a crash between two renames would leave it.
    let key = scene.directory.path().join("live/site.key");
    let before = fs::read(scene.directory.path().join("live/site.key")).unwrap();
    fs::remove_file(&key).unwrap();
    // As a renewal by another program would.
    let path = scene.directory.path().join("live/site.pem");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "another").unwrap();
    for action in plan.switch.iter().rev() {
        action.undo(scene.target.context(None)).await.unwrap();
    }
    assert_eq!(fs::read(&path).unwrap(), b"another");
    assert_ne!(fs::read(&key).unwrap(), before, "it is the key from before the handover");
}

/// What is remembered of the files is forgotten with their bytes, be it the key's alone.
#[test]
fn files_that_someone_changes_are_understood_anew() {
    let scene = Scene::new(|live, old| old.write_files(&live.join("site.pem"), &live.join("site.key")));
    let Kind::Files(files) = &scene.target.kind else { unreachable!() };
    let look = || {
        let inspection = scene.target.inspect().unwrap();
        let codes: Vec<&str> = inspection.findings.iter().map(|finding| finding.code.as_str()).collect();
        (inspection.current.unwrap().to_string(), codes.join(" "))
    };
    let before = look();
    assert_eq!((before.1.as_str(), look()), ("", before.clone()));
    let key = fs::read(&files.key).unwrap();

    let other = Authority::new("CA").issue(&["b.example"]).sign();
    fs::write(&files.key, &other.key_pem).unwrap();
    for _ in 0..2 {
        assert_eq!(look(), (before.0.clone(), "live-pair-broken".to_owned()));
    }
    fs::write(&files.key, &key).unwrap();
    assert_eq!(look(), before);
    other.write_files(&files.certificate, &files.key);
    assert_eq!(look(), (other.thumbprint, String::new()));
}
