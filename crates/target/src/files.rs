//! Targets that read PEM files: nginx and its like, and our own listener.
//!
//! The first handover *adopts* the files: both paths become links through one `current` link into a version
//! directory, and what was there is kept in a version directory of its own. From then on a switch is one
//! rename of `current`, so no reader ever finds a certificate beside the wrong key.
//!
//! ```text
//! /etc/nginx/tls/site.pem ─► site.pem.versions/current/certificate.pem
//! /etc/nginx/tls/site.key ─► site.pem.versions/current/key.pem
//! /etc/nginx/tls/site.pem.versions/
//!   current ─► 2E9B…         the one link that a switch renames
//!   0C32…/                   certificate.pem and key.pem as they were found
//!   2E9B…/                   certificate.pem and key.pem of the successor
//! ```
//!
//! Where symbolic links are not possible ([`Placement::Copies`]), both files become further names of those in the version
//! directory, or copies of them, the key first, once both are durable there. Between the two renames a reader finds the old certificate beside the new
//! key; a handover that was interrupted there is undone by the next start.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_finding::Finding;
use baton_platform::durable::{HAS_LINKS, is_temporary, is_writable, remove_leftovers, remove_leftovers_of};
use baton_x509::{Certificate, PemContents, Thumbprint};
use fs_err as fs;

use crate::action::{Action, Before, CERTIFICATE, KEY};
use crate::inspection::{Actions, Found, Inspection, PlanError, Reference, TargetError, Tls};

mod live;

pub use live::Understood;

const CURRENT: &str = "current";

/// A pair of PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The file with the leaf and its chain.
    pub certificate: PathBuf,
    /// The file with the private key.
    pub key: PathBuf,
    /// The server's own test of its configuration.
    pub check: Option<Vec<String>>,
    /// How long that test may run.
    pub time_limit: Duration,
    /// How the successor gets to the two paths.
    pub placement: Placement,
    /// What was understood of the files when they were looked at last.
    pub understood: Understood,
}

/// How the files of a version get to the paths that the server reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// The paths are links through `current`: one rename switches both.
    Links,
    /// The paths are files, and are replaced one after the other.
    Copies,
}

impl Placement {
    /// Links where this system has them.
    pub fn of_this_system() -> Self {
        if HAS_LINKS { Self::Links } else { Self::Copies }
    }
}

pub(crate) struct FoundFiles {
    adopted: bool,
    /// What the live files hold, when it can be read.
    thumbprint: Option<Thumbprint>,
}

impl Files {
    /// Looks at the live files.
    pub(crate) fn inspect(&self) -> Result<Inspection, TargetError> {
        let mut findings = Vec::new();
        let mut directories: Vec<&Path> =
            [&self.certificate, &self.key].map(|path| path.parent().unwrap_or(Path::new("/"))).into();
        // Mostly both are in one.
        directories.dedup();
        for directory in directories {
            if !directory.is_dir() {
                return Err(TargetError::NoDirectory(directory.to_owned()));
            }
            if !is_writable(directory) {
                findings.push(not_writable(directory));
            }
        }
        let live = self.live()?;
        findings.extend(live.findings);
        let thumbprint = live.certificate.as_ref().map(Certificate::thumbprint);
        let reference = |path: &Path, names| Reference { place: path.display().to_string(), names };
        Ok(Inspection {
            references: vec![
                reference(&self.certificate, thumbprint),
                reference(&self.key, thumbprint.filter(|_| live.has_key)),
            ],
            current: thumbprint,
            certificate: live.certificate,
            tls: Tls::On,
            dependents: Vec::new(),
            findings,
            found: Found::Files(FoundFiles { adopted: self.is_adopted(), thumbprint }),
        })
    }

    /// The actions that hand the files over.
    pub(crate) fn plan(&self, found: &FoundFiles, successor: &Certificate) -> Result<Actions, PlanError> {
        let versions = self.versions();
        let directory = self.certificate.parent().unwrap_or(Path::new("."));
        let mut actions = Actions::default();
        if !versions.is_dir() {
            actions.stage.push(Action::MakeDirectory { path: versions.clone(), like: directory.to_owned() });
        }
        let (version, is_new) = version_for(&versions, successor).map_err(PlanError::Io)?;
        if is_new {
            actions.stage.push(Action::MakeVersion {
                path: versions.join(&version),
                certificate_like: self.certificate.clone(),
                key_like: self.key.clone(),
            });
        }
        if let Some(argv) = &self.check {
            actions.stage.push(Action::ConfigTest {
                argv: argv.clone(),
                time_limit: self.time_limit,
                certificate: (versions.join(&version).join(CERTIFICATE), self.certificate.clone()),
                key: (versions.join(&version).join(KEY), self.key.clone()),
            });
        }
        if self.placement == Placement::Copies {
            self.plan_copies(found, &version, &mut actions);
        } else if found.adopted {
            let before = fs::read_link(versions.join(CURRENT)).map_err(PlanError::Io)?;
            actions.switch.push(self.link_current(&version, Before::Link(before)));
        } else {
            self.plan_adoption(found, &version, &mut actions)?;
        }
        Ok(actions)
    }

    /// Links instead of files, in an order that never shows half a pair: what the paths hold stays the same
    /// until the one rename at the end.
    fn plan_adoption(
        &self,
        found: &FoundFiles,
        version: &Path,
        actions: &mut Actions,
    ) -> Result<(), PlanError> {
        let versions = self.versions();
        let paths = [(&self.key, KEY), (&self.certificate, CERTIFICATE)];
        let present = paths.iter().any(|(path, _)| fs::symlink_metadata(path).is_ok());
        if !present {
            actions.switch.push(self.link_current(version, self.current_before()));
            for (path, name) in paths {
                actions.switch.push(self.link_path(path, name, Before::Absent));
            }
            return Ok(());
        }
        let original =
            free_name(&versions, &found.thumbprint.map_or("original".to_owned(), |old| old.to_string()));
        let kept = versions.join(&original);
        actions.switch.push(Action::KeepOriginal {
            path: kept.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone(),
        });
        actions.switch.push(self.link_current(&original, self.current_before()));
        for (path, name) in paths {
            let before = match fs::symlink_metadata(path) {
                Ok(metadata) if metadata.file_type().is_symlink() => {
                    Before::Link(fs::read_link(path).map_err(PlanError::Io)?)
                }
                Ok(_) => Before::File(kept.join(name)),
                Err(_) => Before::Absent,
            };
            actions.switch.push(self.link_path(path, name, before));
        }
        actions.switch.push(self.link_current(version, Before::Link(original)));
        Ok(())
    }

    /// Copies over the files, the key first. What is there is kept, unless a version holds the same already.
    fn plan_copies(&self, found: &FoundFiles, version: &Path, actions: &mut Actions) {
        let versions = self.versions();
        // What a link leads to is kept and replaced, and not the link.
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let (certificate, key) = (real(&self.certificate), real(&self.key));
        let kept = match self.current() {
            Some(kept) => kept,
            None => {
                let name = found.thumbprint.map_or("original".to_owned(), |old| old.to_string());
                let kept = versions.join(free_name(&versions, &name));
                if key.exists() || certificate.exists() {
                    actions.switch.push(Action::KeepOriginal {
                        path: kept.clone(),
                        certificate: certificate.clone(),
                        key: key.clone(),
                    });
                }
                kept
            }
        };
        for (path, name) in [(key, KEY), (certificate, CERTIFICATE)] {
            let before = if path.exists() { Before::File(kept.join(name)) } else { Before::Absent };
            let from = versions.join(version).join(name);
            actions.switch.push(Action::Place { path, from, before });
        }
    }

    /// The version directory whose files are the live ones.
    fn current(&self) -> Option<PathBuf> {
        let versions = self.versions();
        if self.placement == Placement::Links {
            return fs::read_link(versions.join(CURRENT)).ok().map(|name| versions.join(name));
        }
        let read = |path: &Path| fs::read(path).ok().map(zeroize::Zeroizing::new);
        let (certificate, key) = (read(&self.certificate)?, read(&self.key)?);
        let is_live = |path: &Path| {
            read(&path.join(CERTIFICATE)).is_some_and(|text| *text == *certificate)
                && read(&path.join(KEY)).is_some_and(|text| *text == *key)
        };
        let entries = fs::read_dir(&versions).ok()?.filter_map(Result::ok);
        entries
            .map(|entry| entry.path())
            .filter(|path| path.is_dir() && !is_temporary(path))
            .find(|path| is_live(path))
    }

    /// The live files, when they hold the certificate.
    pub(crate) fn mentions(&self, thumbprint: Thumbprint) -> Result<Vec<String>, TargetError> {
        let is_live = self.live()?.certificate.is_some_and(|live| live.thumbprint() == thumbprint);
        Ok(if is_live { vec![self.certificate.display().to_string()] } else { Vec::new() })
    }

    /// A certificate with its key out of a version directory.
    pub(crate) fn read_version(&self, thumbprint: Thumbprint) -> Option<Certificate> {
        self.versions_of(thumbprint).into_iter().find_map(|path| {
            let certificate = PemContents::read(&fs::read(path.join(CERTIFICATE)).ok()?).ok()?;
            let key = zeroize::Zeroizing::new(fs::read(path.join(KEY)).ok()?);
            let keys = PemContents::read(&key).ok()?.keys;
            Certificate::assemble(certificate.certificates, keys).ok()
        })
    }

    /// The version directories that hold the certificate, with their keys, but for the current one.
    pub(crate) fn versions_of(&self, thumbprint: Thumbprint) -> Vec<PathBuf> {
        let versions = self.versions();
        let current = self.current();
        let holds = |path: &Path| {
            let text = fs::read(path.join(CERTIFICATE)).ok();
            let contents = text.and_then(|text| PemContents::read(&text).ok());
            contents
                .is_some_and(|contents| contents.certificates.iter().any(|c| c.thumbprint() == thumbprint))
        };
        let Ok(entries) = fs::read_dir(&versions) else { return Vec::new() };
        entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .filter(|path| current.as_ref() != Some(path))
            .filter(|path| holds(path))
            .collect()
    }

    /// Removes what an interrupted change left beside the files, and in the directory of the versions.
    pub(crate) fn remove_leftovers(&self) -> std::io::Result<()> {
        let versions = self.versions();
        [&self.certificate, &self.key, &versions]
            .into_iter()
            .try_for_each(|path| remove_leftovers_of(path))?;
        if versions.is_dir() { remove_leftovers(&versions) } else { Ok(()) }
    }

    fn versions(&self) -> PathBuf {
        let mut name =
            self.certificate.file_name().map_or_else(|| OsString::from("certificate"), OsString::from);
        name.push(".versions");
        self.certificate.with_file_name(name)
    }

    fn is_adopted(&self) -> bool {
        let leads =
            |path: &Path, name: &str| fs::read_link(path).is_ok_and(|to| to == self.link_target(path, name));
        leads(&self.certificate, CERTIFICATE) && leads(&self.key, KEY)
    }

    /// Relative within one directory, so that the whole directory can be moved; absolute across.
    fn link_target(&self, path: &Path, name: &str) -> PathBuf {
        let versions = self.versions();
        if path.parent() == self.certificate.parent() {
            Path::new(versions.file_name().unwrap_or_default()).join(CURRENT).join(name)
        } else {
            versions.join(CURRENT).join(name)
        }
    }

    fn link_path(&self, path: &Path, name: &str, before: Before) -> Action {
        Action::Link { path: path.to_owned(), to: self.link_target(path, name), before }
    }

    fn link_current(&self, version: &Path, before: Before) -> Action {
        Action::Link { path: self.versions().join(CURRENT), to: version.to_owned(), before }
    }

    fn current_before(&self) -> Before {
        fs::read_link(self.versions().join(CURRENT)).map_or(Before::Absent, Before::Link)
    }
}

/// The name of the version directory for a certificate, and whether it is yet to be made.
fn version_for(versions: &Path, certificate: &Certificate) -> std::io::Result<(PathBuf, bool)> {
    let text = certificate.to_pem();
    for name in candidate_names(&certificate.thumbprint().to_string()) {
        let path = versions.join(&name);
        if !path.exists() {
            return Ok((name, true));
        }
        let same_certificate =
            fs::read(path.join(CERTIFICATE)).is_ok_and(|present| present == text.as_bytes());
        let key = certificate.key().map(|key| key.to_pem());
        let same_key = fs::read(path.join(KEY)).ok().as_deref() == key.as_ref().map(|key| key.as_bytes());
        if same_certificate && same_key {
            return Ok((name, false));
        }
    }
    Err(std::io::Error::other(format!("no free name in `{}`", versions.display())))
}

fn free_name(versions: &Path, name: &str) -> PathBuf {
    candidate_names(name)
        .find(|candidate| !versions.join(candidate).exists())
        .unwrap_or_else(|| PathBuf::from(name))
}

fn candidate_names(name: &str) -> impl Iterator<Item = PathBuf> {
    let name = name.to_owned();
    (1..1000)
        .map(move |number| PathBuf::from(if number == 1 { name.clone() } else { format!("{name}-{number}") }))
}

pub(crate) fn not_writable(path: &Path) -> Finding {
    Finding::error(
        "target-not-writable",
        format!("`{}` cannot be written by the account that runs Baton", path.display()),
        "run Baton as an account that may write there",
    )
}
