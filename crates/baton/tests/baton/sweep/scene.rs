//! A target that is handed over again and again from the same beginning, and what must hold for it at any time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use baton_testkit::condition::wait_for;
use baton_testkit::tree::{Node, Tree};
use baton_testkit::{IssuedCertificate, openssl};

use crate::world::{Ran, World};

/// How long a server may take until it shows what it should: a command of a killed `baton` may still be under way.
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// A target with Baton's settings for it.
pub(super) trait Scene: Send {
    /// For messages.
    const NAME: &'static str;

    /// What a swap ends with that is left alone.
    const EXIT: i32;

    /// Makes it; the old certificate is served.
    fn prepare() -> Self;

    /// Where `baton` runs.
    fn world(&self) -> &World;

    /// Certificates and settings before the handover and after it.
    fn old(&self) -> &IssuedCertificate;

    /// The successor; it lies beside the settings as `new.pem` and `new.key`.
    fn successor(&self) -> &IssuedCertificate;

    /// All as it was at the beginning.
    fn beginning(&self) -> &Tree;

    /// Ends the server, as the end of the power does.
    fn stop(&mut self);

    /// Starts the server from what is on the disk, as a boot would; the error is what it said.
    fn start(&mut self) -> Result<(), String>;

    /// Makes a server that may run take up what is on the disk.
    fn restart(&self);

    /// Takes away what speaks against the successor, so that a swap succeeds.
    fn mend(&self);

    /// Where the server is asked, and for which name.
    fn addresses(&self) -> Vec<std::net::SocketAddr>;

    /// The server name of all requests.
    fn host(&self) -> &str;

    /// The one certificate that all references name; the error says what is wrong with them.
    fn named(&self) -> Result<&IssuedCertificate, String>;

    /// The directories that may hold the successor's key, apart from where it came from.
    fn stores(&self) -> Vec<PathBuf>;

    /// The handover that is broken off.
    fn swap(&self) -> Command {
        self.world().command(&["swap", &self.old().thumbprint, "new.pem", "--key", "new.key"])
    }

    /// Puts everything back; the old certificate is served.
    fn reset(&self) {
        self.beginning().write();
        self.restart();
        self.wait_until_served(self.old()).unwrap();
    }

    /// What must hold for the outside at any moment; the error is what it sees.
    fn check_outside(&self) -> Result<(), String> {
        Ok(())
    }

    /// All that is below the scene's directories now.
    fn tree(&self) -> Tree {
        let roots: Vec<PathBuf> = self.beginning().roots.iter().cloned().collect();
        Tree::read(&roots)
    }

    /// Asks every address with OpenSSL until it shows the certificate.
    fn wait_until_served(&self, certificate: &IssuedCertificate) -> Result<(), String> {
        for address in self.addresses() {
            let mut seen = String::new();
            wait_for(LIMIT, || {
                seen = match openssl::served_certificate(address, self.host()) {
                    Ok(served) if served.fingerprint == certificate.fingerprint => return Some(()),
                    Ok(served) => served.thumbprint,
                    Err(error) => error,
                };
                None
            })
            .ok_or_else(|| format!("{address} shows {seen}, not {}", certificate.thumbprint))?;
        }
        Ok(())
    }

    /// What must hold for a scene that is at rest: one certificate is named, with its key, and served; nothing is
    /// left behind, and no key is lost.
    fn check_at_rest(&self) -> Result<(), String> {
        let named = self.named()?;
        self.wait_until_served(named)?;
        let tree = self.tree();
        if let Some(leftover) = tree.names.keys().find(|name| is_temporary(name)) {
            return Err(format!("{} is left", leftover.display()));
        }
        // Everything that was there before is there still, but for what a handover is there to change.
        for (name, node) in &self.beginning().names {
            let is_key = name.extension().is_some_and(|extension| extension == "key" || extension == "pem");
            if is_key && matches!(node, Node::File(_)) {
                let content = fs_err::read(name).map_err(|error| format!("a key is lost: {error}"))?;
                if self.beginning().content(name) != Some(content.as_slice()) && !self.may_change(name) {
                    return Err(format!("{} has changed", name.display()));
                }
            }
        }
        for store in self.stores() {
            let entry = store.join(&self.successor().thumbprint);
            if entry.exists() {
                check_entry(&entry, self.successor())?;
            }
        }
        Ok(())
    }

    /// Whether a handover changes what this name leads to.
    fn may_change(&self, name: &Path) -> bool;
}

/// `baton resume` after a crash, and all that must hold then.
pub(super) fn check_recovery<S: Scene>(scene: &S) -> Result<(), String> {
    let world = scene.world();
    let first = world.baton(&["resume", "-v"]);
    // Before there is a data directory nothing can have been interrupted, and that is what it says.
    let nothing_begun = !world.path("baton-data").exists() && first.stderr.contains("no data directory");
    if ![0, 4].contains(&first.exit) && !nothing_begun {
        return Err(format!("resume: {}", told(&first)));
    }
    scene.check_at_rest().map_err(|error| format!("after resume: {error}\n{}", told(&first)))?;

    check_journal(scene).map_err(|error| format!("{error}\n{}", told(&first)))?;

    let before = scene.tree();
    let second = world.baton(&["resume"]);
    if !nothing_begun && (second.exit != 0 || !second.stderr.contains("nothing was interrupted")) {
        return Err(format!("the second resume: {}\nthe first: {}", told(&second), told(&first)));
    }
    let is_of_target = |name: &Path| !name.starts_with(world.path("baton-data"));
    let only_target = |mut tree: Tree| {
        tree.names.retain(|name, _| is_of_target(name));
        tree
    };
    if !only_target(before).is_same_as(&only_target(scene.tree())) {
        return Err("the second resume changed something".to_owned());
    }

    scene.mend();
    let swapped = Ran::from(scene.swap().output().map_err(|error| error.to_string())?);
    if swapped.exit != 0 {
        return Err(format!("the following swap: {}\nresume: {}", told(&swapped), told(&first)));
    }
    if scene.named()?.thumbprint != scene.successor().thumbprint {
        return Err("the following swap has not changed the references".to_owned());
    }
    for store in scene.stores() {
        check_entry(&store.join(&scene.successor().thumbprint), scene.successor())?;
    }
    scene.check_at_rest().map_err(|error| format!("after the following swap: {error}"))
}

/// What the journal says of the handover is what the target names: nothing served is forgotten, nothing is left open.
fn check_journal(scene: &impl Scene) -> Result<(), String> {
    let newest = newest_handover(scene)?;
    let outcome = newest.as_ref().map(|report| report["outcome"].as_str().unwrap_or("open"));
    let expected = match outcome {
        Some("served") => scene.successor(),
        Some("rolled-back") | None => scene.old(),
        Some(other) => return Err(format!("the journal says {other}")),
    };
    match scene.named()? {
        named if named.thumbprint == expected.thumbprint => Ok(()),
        named => Err(format!("the journal says {outcome:?}, and {} is named", named.thumbprint)),
    }
}

/// The last handover that the journal has, as `baton history` tells it.
fn newest_handover(scene: &impl Scene) -> Result<Option<serde_json::Value>, String> {
    if !scene.world().path("baton-data").exists() {
        return Ok(None);
    }
    let history = scene.world().baton(&["history", "--json"]);
    if history.exit != 0 {
        return Err(format!("history: {}", told(&history)));
    }
    let newest = history.stdout.lines().next().map(serde_json::from_str);
    newest.transpose().map_err(|error| format!("{error}: {}", history.stdout))
}

/// Whether the journal holds a handover that was interrupted.
pub(super) fn is_interrupted(scene: &impl Scene) -> Result<bool, String> {
    Ok(newest_handover(scene)?.is_some_and(|report| report["outcome"].is_null()))
}

fn told(ran: &Ran) -> String {
    format!("exit code {}\n{}{}", ran.exit, ran.stdout, ran.stderr)
}

/// An entry of a directory store, whole, with its key.
fn check_entry(entry: &Path, certificate: &IssuedCertificate) -> Result<(), String> {
    check_pair(&entry.join("certificate.pem"), &entry.join("key.pem"), certificate)
}

/// Certificate and key are the ones that were issued.
pub(super) fn check_pair(chain: &Path, key: &Path, certificate: &IssuedCertificate) -> Result<(), String> {
    for (path, expected) in [(chain, &certificate.chain_pem), (key, &certificate.key_pem)] {
        let text = fs_err::read_to_string(path).map_err(|error| error.to_string())?;
        if !text.split_whitespace().eq(expected.split_whitespace()) {
            return Err(format!("{} is not that of {}", path.display(), certificate.thumbprint));
        }
    }
    Ok(())
}

fn is_temporary(name: &Path) -> bool {
    name.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".baton-tmp-"))
}
