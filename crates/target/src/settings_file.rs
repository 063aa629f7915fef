//! A product's settings file, and the edit that hands its references over.

use std::path::{Path, PathBuf};

use baton_textedit::{Change, EditError, JsonDocument, ParseError, Pointer, Scalar};
use baton_x509::{Fingerprint, Thumbprint, X509};
use fs_err as fs;

use crate::action::Action;
use crate::image::{FileImage, KeptFile};
use crate::inspection::{PlanError, TargetError};
use crate::product::Protocol;

/// A settings file as it was read.
pub(crate) struct SettingsFile {
    /// Where the product looks for it.
    pub(crate) path: PathBuf,
    /// The file itself, links followed.
    real_path: PathBuf,
    digest: Fingerprint,
    document: JsonDocument,
    /// The file was set aside: this is what it was, and it is put back by the next edit.
    kept: Option<FileImage>,
}

/// A place in a settings file that names a certificate.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The field that holds the thumbprint.
    pub(crate) field: Pointer,
    /// The object around it, when the field is called `thumbprint` and so may have siblings to change along.
    object: Option<Pointer>,
    /// The thumbprint it holds; `None` when it is empty or something else.
    pub(crate) thumbprint: Option<Thumbprint>,
}

impl SettingsFile {
    /// Reads a file; `None` when it does not exist.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, TargetError> {
        let content = match fs::read(path) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(TargetError::Io(cause)),
        };
        let document = parse(path, &content)?;
        let real_path = fs::canonicalize(path).map_err(TargetError::Io)?;
        let digest = Fingerprint::of(&content);
        Ok(Some(Self { path: path.to_owned(), real_path, digest, document, kept: None }))
    }

    /// A file that was set aside, as if it were there.
    pub(crate) fn kept(file: &KeptFile) -> Result<Self, TargetError> {
        let content = file.image.content();
        Ok(Self {
            path: file.path.clone(),
            real_path: file.path.clone(),
            digest: Fingerprint::of(content),
            document: parse(&file.path, content)?,
            kept: Some(file.image.clone()),
        })
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// The action that sets the file aside.
    pub(crate) fn set_aside(&self) -> Result<Action, PlanError> {
        let before = FileImage::read(&self.real_path).map_err(PlanError::Io)?;
        Ok(Action::SetFile { path: self.real_path.clone(), before, after: None })
    }

    /// The action that makes the file another one.
    pub(crate) fn set(&self, change: Change) -> Result<Action, PlanError> {
        let error = |cause: EditError| PlanError::Edit { path: self.path.clone(), cause };
        let patch = self.document.edit(&[change]).map_err(error)?;
        let before = FileImage::read(&self.real_path).map_err(PlanError::Io)?;
        let changed = || PlanError::Changed { path: self.path.clone() };
        let image = before.clone().ok_or_else(changed)?;
        let after = image.with_content(patch.apply(image.content()).map_err(|_| changed())?);
        Ok(Action::SetFile { path: self.real_path.clone(), before, after: Some(after) })
    }

    /// Every field called `thumbprint`, and every other string that is a thumbprint.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> = self
            .document
            .objects_with("thumbprint")
            .map(|object| Place {
                field: object.member("thumbprint"),
                object: Some(object.pointer().clone()),
                thumbprint: object.string("thumbprint").and_then(|text| text.parse().ok()),
            })
            .collect();
        for (field, scalar) in self.document.scalars() {
            let Some(thumbprint) = scalar.as_str().and_then(|text| text.parse().ok()) else { continue };
            if !places.iter().any(|place| place.field == field) {
                places.push(Place { field, object: None, thumbprint: Some(thumbprint) });
            }
        }
        places
    }

    /// What another field of the object around a place holds.
    pub(crate) fn value_beside(&self, place: &Place, field: &str) -> Option<Scalar<'_>> {
        self.document.value(&place.object.as_ref()?.member(field))
    }

    /// Every value of the file, with where it stands.
    pub(crate) fn scalars(&self) -> impl Iterator<Item = (Pointer, Scalar<'_>)> {
        self.document.scalars()
    }

    pub(crate) fn bool_at(&self, pointer: &str) -> Option<bool> {
        self.document.value(&pointer.parse().ok()?).and_then(Scalar::as_bool)
    }

    pub(crate) fn string_at(&self, pointer: &str) -> Option<&str> {
        self.document.value(&pointer.parse().ok()?).and_then(Scalar::as_str)
    }

    pub(crate) fn port_at(&self, pointer: &str) -> Option<u16> {
        self.document.value(&pointer.parse().ok()?).and_then(Scalar::as_number)?.parse().ok()
    }

    /// The edit that makes every one of `places` name the successor, and the web server speak `protocol` where one is
    /// given; `None` when all of that is so already.
    pub(crate) fn hand_over(
        &self,
        places: &[Place],
        successor: &X509,
        enable_tls: bool,
        protocol: Option<Protocol>,
    ) -> Result<Option<Action>, PlanError> {
        let mut changes = Vec::new();
        for place in places {
            changes.push((place.field.clone(), successor.thumbprint().to_string()));
            let Some(object) = &place.object else { continue };
            let siblings = [
                ("subjectAltName", first_name(successor)),
                ("issuer", successor.issuer().to_owned()),
                ("notAfter", successor.not_after_compact()),
            ];
            for (name, value) in siblings {
                let member = object.member(name);
                if self.document.value(&member).and_then(Scalar::as_str).is_some() {
                    changes.push((member, value));
                }
            }
        }
        let protocol = protocol.filter(|protocol| self.string_at("/protocol") != Some(protocol.as_written()));
        changes.extend(
            protocol.map(|protocol| (Pointer::root().member("protocol"), protocol.as_written().to_owned())),
        );
        let describe = |(field, value): &(Pointer, String)| {
            let before = self.document.value(field).and_then(Scalar::as_str).unwrap_or_default();
            (before != value).then(|| format!("{field}: {before:?} → {value:?}"))
        };
        let mut described: Vec<String> = changes.iter().filter_map(describe).collect();
        let mut changes: Vec<Change> =
            changes.into_iter().map(|(field, value)| Change::string(field, value)).collect();
        if enable_tls && self.bool_at("/tlsEnabled") == Some(false) {
            described.push("/tlsEnabled: false → true".to_owned());
            changes.push(Change::bool(Pointer::root().member("tlsEnabled"), true));
        }
        let error = |cause: EditError| PlanError::Edit { path: self.path.clone(), cause };
        let patch = self.document.edit(&changes).map_err(error)?;
        if let Some(kept) = &self.kept {
            let edited =
                patch.apply(kept.content()).map_err(|_| PlanError::Changed { path: self.path.clone() })?;
            return Ok(Some(Action::SetFile {
                path: self.path.clone(),
                before: FileImage::read(&self.path).map_err(PlanError::Io)?,
                after: Some(kept.with_content(edited)),
            }));
        }
        if patch.is_empty() {
            return Ok(None);
        }
        let content = fs::read(&self.real_path).map_err(PlanError::Io)?;
        let edited = patch.apply(&content).map_err(|_| PlanError::Changed { path: self.path.clone() })?;
        if Fingerprint::of(&content) != self.digest {
            return Err(PlanError::Changed { path: self.path.clone() });
        }
        Ok(Some(Action::Edit {
            path: self.real_path.clone(),
            before: self.digest,
            after: Fingerprint::of(&edited),
            patch,
            changes: described,
        }))
    }

    /// The file that an edit would replace.
    pub(crate) fn real_path(&self) -> &Path {
        &self.real_path
    }
}

fn parse(path: &Path, content: &[u8]) -> Result<JsonDocument, TargetError> {
    JsonDocument::parse(content)
        .map_err(|cause: ParseError| TargetError::Settings { path: path.to_owned(), cause })
}

/// The one name that the products keep: the first DNS name, its case kept; without any, the address or the
/// common name.
fn first_name(certificate: &X509) -> String {
    certificate
        .names()
        .into_iter()
        .next()
        .or_else(|| certificate.common_name().map(str::to_owned))
        .unwrap_or_default()
}
