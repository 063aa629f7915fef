//! What the files hold that a server reads.

use std::fmt;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use baton_finding::{Explain as _, Finding};
use baton_x509::{Certificate, Fingerprint, PemContents};
use fs_err as fs;
use zeroize::Zeroizing;

use super::Files;
use crate::inspection::TargetError;

/// Most files are shorter.
const USUAL_LENGTH: usize = 16 * 1024;

/// What certificate and key of a target hold, as far as it can be understood.
#[derive(Clone)]
pub(super) struct Live {
    /// The certificate, without its key.
    pub(super) certificate: Option<Certificate>,
    /// Whether its key is beside it.
    pub(super) has_key: bool,
    /// What cannot be understood, since a handover mends it.
    pub(super) findings: Vec<Finding>,
}

/// What was understood of a target's files, for as long as they hold the same bytes. To read them costs little; to see
/// whether key and leaf belong together costs much, where a page shows a thousand targets.
#[derive(Clone, Default)]
pub struct Understood(Arc<Mutex<Option<(Digests, Live)>>>);

/// Of certificate file and key file, where they are there.
type Digests = [Option<Fingerprint>; 2];

impl fmt::Debug for Understood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Understood(…)")
    }
}

/// What is remembered makes no other target.
impl PartialEq for Understood {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Understood {}

impl Files {
    pub(super) fn live(&self) -> Result<Live, TargetError> {
        let texts = [read(&self.certificate)?, read(&self.key)?];
        let digests = [0, 1].map(|index: usize| texts[index].as_ref().map(|text| Fingerprint::of(text)));
        let mut understood = self.understood.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*understood {
            Some((known, live)) if *known == digests => Ok(live.clone()),
            _ => {
                let live = self.understand(&texts);
                *understood = Some((digests, live.clone()));
                Ok(live)
            }
        }
    }

    fn understand(&self, texts: &[Option<Zeroizing<Vec<u8>>>; 2]) -> Live {
        let mut contents = PemContents::default();
        let mut live = Live { certificate: None, has_key: false, findings: Vec::new() };
        for (path, text) in [&self.certificate, &self.key].into_iter().zip(texts) {
            let Some(text) = text else { continue };
            match PemContents::read(text) {
                Ok(found) => {
                    contents.certificates.extend(found.certificates);
                    contents.keys.extend(found.keys);
                }
                Err(error) => live.findings.push(Finding::warning(
                    error.code(),
                    format!("`{}` cannot be read: {error}", path.display()),
                    "the handover replaces it and keeps it as it is",
                )),
            }
        }
        if contents.certificates.is_empty() {
            return live;
        }
        let without_key = contents.certificates.clone();
        match Certificate::assemble(contents.certificates, contents.keys) {
            Ok(certificate) => {
                live.has_key = certificate.has_key();
                live.certificate = Some(certificate.without_key());
            }
            Err(error) => {
                live.findings.push(Finding::warning(
                    "live-pair-broken",
                    format!(
                        "`{}` and `{}` do not fit: {error}",
                        self.certificate.display(),
                        self.key.display()
                    ),
                    "the next restart of the server would fail; the handover mends it",
                ));
                live.certificate = Certificate::assemble(without_key, Vec::new()).ok();
            }
        }
        live
    }
}

/// A file, where it is there; it may hold a key.
fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, TargetError> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(TargetError::Io(cause)),
    };
    let mut text = Zeroizing::new(Vec::with_capacity(USUAL_LENGTH));
    // Up to no limit: a file by itself would be asked for its length before, which costs as much as to read it.
    file.take(u64::MAX).read_to_end(&mut text).map_err(TargetError::Io)?;
    Ok(Some(text))
}
