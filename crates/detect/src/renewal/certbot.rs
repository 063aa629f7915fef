//! certbot: a file for each certificate in `renewal`, in the form `name = value` with sections.

use std::path::{Path, PathBuf};

use baton_finding::Finding;
use fs_err as fs;

use super::{Client, Renewal, Step, calls_baton};
use crate::nginx::leaf_of;
use crate::places::{entries, unreadable};

/// The directory with the renewals, of a server that reads `live/NAME/fullchain.pem`.
pub(super) fn directory_of(certificate: &Path) -> Option<PathBuf> {
    let live = certificate.parent()?.parent()?;
    let renewal = live.parent()?.join("renewal");
    (live.file_name()? == "live" && renewal.is_dir()).then_some(renewal)
}

/// Reads all renewals of a directory.
pub(super) fn read(directory: &Path, renewals: &mut Vec<Renewal>, findings: &mut Vec<Finding>) {
    let paths = match entries(directory) {
        Ok(paths) => paths,
        Err(error) => return findings.push(unreadable(&error)),
    };
    let has_hook_for_all = directory.parent().is_some_and(has_hook_for_all);
    for path in paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
    {
        match fs::read_to_string(&path) {
            Ok(text) => renewals.extend(renewal(&path, &text, has_hook_for_all, findings)),
            Err(error) => findings.push(unreadable(&error)),
        }
    }
}

fn renewal(path: &Path, text: &str, has_hook_for_all: bool, findings: &mut Vec<Finding>) -> Option<Renewal> {
    let value = |wanted: &str| {
        let lines = text.lines().filter_map(|line| line.split_once('='));
        let mut values =
            lines.filter(|(name, _)| name.trim() == wanted).map(|(_, value)| unquoted(value.trim()));
        values.next().filter(|value| !value.is_empty())
    };
    let Some(chain) = value("fullchain").map(PathBuf::from) else {
        findings.push(Finding::warning(
            "renewal-unreadable",
            format!("`{}` does not say where certbot keeps the certificate", path.display()),
            "`certbot certificates` tells what is wrong with it",
        ));
        return None;
    };
    let names = match leaf_of(&chain) {
        Ok(leaf) => leaf.names(),
        Err(finding) => {
            findings.push(finding);
            Vec::new()
        }
    };
    let step = if has_hook_for_all {
        Step::Baton
    } else {
        Step::of_command(&value("renew_hook").unwrap_or_default())
    };
    let further = ["cert", "privkey"].into_iter().filter_map(value).map(PathBuf::from);
    Some(Renewal {
        client: Client::Certbot,
        name: path.file_stem()?.to_string_lossy().into_owned(),
        file: path.to_owned(),
        names,
        files: further.chain([chain]).collect(),
        thumbprints: Vec::new(),
        step,
    })
}

/// certbot writes values with commas in quotes.
fn unquoted(value: &str) -> String {
    let in_quotes = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    in_quotes('"').or_else(|| in_quotes('\'')).unwrap_or(value).to_owned()
}

/// Whether a file among the deploy hooks for all certificates calls Baton.
fn has_hook_for_all(config: &Path) -> bool {
    let hooks = entries(&config.join("renewal-hooks/deploy")).unwrap_or_default();
    hooks.iter().filter_map(|path| fs::read_to_string(path).ok()).any(|text| text.lines().any(calls_baton))
}
