//! The directories that a person names, and what in them is worth a look.

use std::path::{Path, PathBuf};

use baton_finding::Finding;
use fs_err as fs;

/// How deep below a named directory is looked: a folder of folders, each with a product, and the client's folder of a CA.
const DEEPEST: usize = 3;

/// How many directories are looked at below each named one.
const MOST: usize = 2000;

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Directories that may be those of products.
    pub(crate) products: Vec<PathBuf>,
    /// Files called `nginx.conf`.
    pub(crate) nginx: Vec<PathBuf>,
    /// Directories with the renewals of certbot.
    pub(crate) certbot: Vec<PathBuf>,
    /// Renewals of win-acme and simple-acme.
    pub(crate) renewals: Vec<PathBuf>,
}

/// Looks through directories. What is no directory, or cannot be read, is told.
pub(crate) fn walk(directories: &[PathBuf], findings: &mut Vec<Finding>) -> Places {
    let mut places = Places::default();
    for directory in directories {
        let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.clone());
        let mut left = MOST;
        places.visit(&absolute, DEEPEST, &mut left, findings);
        if left == 0 {
            findings.push(Finding::warning(
                "directory-too-large",
                format!(
                    "`{}` has more than {MOST} directories, and was not looked through",
                    directory.display()
                ),
                "name the directory of the product itself",
            ));
        }
    }
    places
}

impl Places {
    fn visit(&mut self, directory: &Path, depth: usize, left: &mut usize, findings: &mut Vec<Finding>) {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let entries = match entries(directory) {
            Ok(entries) => entries,
            Err(error) => {
                findings.push(unreadable(&error));
                return;
            }
        };
        let has = |name: &str| entries.iter().any(|path| path.file_name().is_some_and(|own| own == name));
        let is_product = has("theobald.service.definition.json") || has_servers(directory);
        if is_product {
            self.products.push(directory.to_owned());
        }
        if has("nginx.conf") && directory.join("nginx.conf").is_file() {
            self.nginx.push(directory.join("nginx.conf"));
        }
        if has("renewal") && has("live") {
            self.certbot.push(directory.join("renewal"));
        }
        for path in &entries {
            let is_link = path.is_symlink();
            if is_renewal(path) && path.is_file() {
                self.renewals.push(path.clone());
            } else if path.is_dir() && !is_link && depth > 0 && !is_product {
                self.visit(path, depth - 1, left, findings);
            }
        }
    }
}

/// Whether a file is a renewal of win-acme or simple-acme, by its name.
pub(crate) fn is_renewal(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".renewal.json"))
}

/// The settings of a product's servers are in `config/server*`.
fn has_servers(directory: &Path) -> bool {
    let Ok(entries) = entries(&directory.join("config")) else { return false };
    let is_servers = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        ["server", "servers"].contains(&name.as_ref()) && path.is_dir()
    };
    entries.iter().any(is_servers)
}

/// What a directory holds, in the order of the names.
pub(crate) fn entries(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}

/// A directory that cannot be looked through.
pub(crate) fn unreadable(error: &std::io::Error) -> Finding {
    Finding::warning(
        "directory-unreadable",
        error.to_string(),
        "run Baton as an account that may read it, or name another directory",
    )
}
