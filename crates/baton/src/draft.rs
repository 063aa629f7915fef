//! The settings that `baton init` writes: what was found, as `baton.toml`.
//!
//! What can be used as it is stands there as settings. What a person has to complete or to decide stands there as
//! comments, with the reason: lines of settings begin with `#` alone, words for people with `#` and a blank. So the file
//! always passes `baton check` as it is, and nothing is changed at a server because of a guess.

use std::collections::BTreeSet;
use std::path::Path;

use baton_detect::{Found, FoundProduct, FoundServer};
use baton_target::ProductKind;

use crate::settings::{Loaded, Settings, machine_file, rules};
use crate::wiring::DESIGNER;
use text::{comment, string};

mod product;
mod server;
pub(crate) mod text;

/// A target with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DraftTarget {
    /// Its name in the settings.
    pub(crate) name: String,
    /// Why it cannot be used as it is; empty when it can.
    pub(crate) reasons: Vec<String>,
    /// What is known of it, for people.
    pub(crate) notes: Vec<String>,
    /// `[[target]]`, line by line.
    settings: Vec<String>,
    /// Its certificate: notes, and settings for a person to take.
    certificate: Vec<String>,
}

/// Settings for what was found and is in no settings yet.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) targets: Vec<DraftTarget>,
    /// yunIO has the port that Baton's Designer would take.
    has_yunio: bool,
}

impl Draft {
    /// Of what was found; `known` are settings that exist.
    pub(crate) fn of(found: &Found, known: &Loaded) -> Self {
        let mut names = Names::of(&known.settings);
        let mut targets = Vec::new();
        for product in found.products.iter().filter(|product| !is_known_product(known, product)) {
            targets.push(product::target(product, found.renewal_of_product(product), &mut names));
        }
        for server in found.servers.iter().filter(|server| !is_known_server(known, server)) {
            targets.push(server::target(server, found.renewal_of_server(server), &mut names));
        }
        let is_yunio = |product: &FoundProduct| product.kind() == Some(ProductKind::Yunio);
        Self { targets, has_yunio: found.products.iter().any(is_yunio) }
    }

    /// How many targets can be used as they are.
    pub(crate) fn live(&self) -> usize {
        self.targets.iter().filter(|target| target.reasons.is_empty()).count()
    }

    /// A whole new file at `path`.
    pub(crate) fn file(&self, path: &Path) -> String {
        let mut lines = vec![
            comment("Settings of Baton, for what `baton init` has found on this machine."),
            comment(
                "`baton check` looks at everything and changes nothing at the servers. Lines that begin with # and no",
            ),
            comment(
                "blank are settings that you complete or choose: take the # away. All keys are in docs/settings.md.",
            ),
        ];
        if cfg!(unix) && machine_file().is_some_and(|machine| machine == path) {
            lines.extend([String::new(), "data = \"/var/lib/baton\"".to_owned()]);
        }
        if self.has_yunio {
            lines.extend([
                String::new(),
                comment("yunIO's Designer has port 8177, which Baton's would take."),
                "[designer]".to_owned(),
                "listen = \"8277\"".to_owned(),
            ]);
        }
        if self.targets.is_empty() {
            lines.extend([
                String::new(),
                comment("Nothing was found. Name the directory of a product, or the one with nginx.conf:"),
                comment("  baton init --dry-run DIRECTORY"),
            ]);
        }
        lines.join("\n") + "\n" + &self.targets()
    }

    /// What would be added to settings that exist.
    pub(crate) fn targets(&self) -> String {
        self.targets.iter().map(DraftTarget::text).collect()
    }

    /// Reads the draft back as the settings that it is going to be.
    pub(crate) fn check(path: &Path, text: &str) -> Result<(), String> {
        let loaded = Loaded::of_text(path.to_owned(), text.to_owned()).map_err(|error| error.to_string())?;
        rules::check(&loaded).map_err(|failure| failure.chain.join(": "))
    }
}

impl DraftTarget {
    fn text(&self) -> String {
        let mut lines = vec![String::new()];
        lines.extend(self.notes.iter().map(|note| comment(note)));
        lines.extend(self.reasons.iter().map(|reason| comment(reason)));
        let mark = if self.reasons.is_empty() { "" } else { "#" };
        lines.extend(self.settings.iter().map(|line| format!("{mark}{line}")));
        lines.push(String::new());
        lines.extend(self.certificate.iter().cloned());
        lines.join("\n") + "\n"
    }
}

/// `[[certificate]]` for a person to take, with the internal CA, which needs nothing else.
fn certificate(target: &str, names: &[String]) -> Vec<String> {
    let mut lines = vec![
        comment(
            "Nobody was seen to renew this certificate. Baton does with these lines; \"internal\" is its own CA, which",
        ),
        comment(
            "clients have to trust first. For others (Let's Encrypt, AD CS, by hand) add an [[issuer]] and name it.",
        ),
    ];
    if names.is_empty() {
        lines.push(comment(
            "The names of the certificate in use could not be read: write those that clients use.",
        ));
    }
    let names = if names.is_empty() { &["sap.example.com".to_owned()] } else { names };
    let list: Vec<String> = names.iter().map(|name| string(name)).collect();
    lines.extend([
        "#[[certificate]]".to_owned(),
        format!("#name = {}", string(target)),
        format!("#names = [{}]", list.join(", ")),
        "#issuer = \"internal\"".to_owned(),
        format!("#targets = [{}]", string(target)),
    ]);
    lines
}

fn is_known_product(known: &Loaded, product: &FoundProduct) -> bool {
    let mut directories = known.settings.target.iter().filter_map(|target| {
        let usual = target.product.map(ProductKind::from).and_then(ProductKind::default_directory);
        target.directory.clone().or(usual.map(Into::into))
    });
    directories.any(|directory| is_same(&known.resolve(&directory), &product.directory))
}

fn is_known_server(known: &Loaded, server: &FoundServer) -> bool {
    let mut certificates = known.settings.target.iter().filter_map(|target| target.certificate.as_ref());
    certificates.any(|certificate| is_same(&known.resolve(certificate), &server.certificate))
}

/// Directories are compared without their links; the files of a server may be links themselves.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| match (
        path.parent().and_then(|parent| fs_err::canonicalize(parent).ok()),
        path.file_name(),
    ) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => path.to_owned(),
    };
    real(one) == real(other)
}

/// The names that targets and certificates have already.
struct Names(BTreeSet<String>);

impl Names {
    fn of(known: &Settings) -> Self {
        let targets = known.target.iter().map(|target| target.name.clone());
        let certificates = known.certificate.iter().map(|certificate| certificate.name.clone());
        Self(targets.chain(certificates).chain([DESIGNER.to_owned()]).collect())
    }

    /// A name that nobody has yet: `wanted` as far as a name may be so, with a number where it is taken.
    fn take(&mut self, wanted: &str) -> String {
        let sound: String =
            wanted
                .chars()
                .map(|character| {
                    if character.is_ascii_alphanumeric() || "-_.".contains(character) {
                        character
                    } else {
                        '-'
                    }
                })
                .take(80)
                .collect();
        let sound = sound.trim_matches(['.', '-']);
        let base = if sound.is_empty() { "server" } else { sound };
        let mut name = base.to_owned();
        let mut number = 1_u32;
        while !self.0.insert(name.clone()) {
            number += 1;
            name = format!("{base}-{number}");
        }
        name
    }
}
