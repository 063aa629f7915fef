//! An edit as data: which bytes of a file are replaced by which, and the way back.
//!
//! A patch carries the old bytes beside the new ones. So it can be kept in a journal before it is made, it proves
//! at every splice that it meets the file it was made for, and it knows its own inverse. Whether the *rest* of the
//! file is still the same it cannot know; the caller compares digests of the whole file.

mod hexadecimal;

use baton_finding::Explain;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The replacement of one run of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splice {
    /// Where the old bytes begin, counted in bytes from the start of the file **before** the patch.
    pub offset: usize,
    /// The bytes that must be there; hexadecimal when serialised.
    #[serde(with = "hexadecimal")]
    pub old: Vec<u8>,
    /// The bytes that take their place; hexadecimal when serialised.
    #[serde(with = "hexadecimal")]
    pub new: Vec<u8>,
}

/// Splices of one file that are made together, in the order of the file and apart from each other.
///
/// Serialised as `{"splices": [{"offset": 30, "old": "74727565", "new": "66616c7365"}]}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Patch {
    splices: Vec<Splice>,
}

/// What a journal hands back, before it is known to be a patch.
#[derive(Deserialize)]
struct Unchecked {
    splices: Vec<Splice>,
}

impl Patch {
    /// A patch of these splices.
    ///
    /// # Errors
    /// When they overlap or are out of order, or reach beyond what a file can hold.
    pub fn new(splices: Vec<Splice>) -> Result<Self, PatchError> {
        // The end of the last splice, before and after the patch.
        let (mut end_before, mut end_after) = (0_usize, 0_usize);
        for Splice { offset, old, new } in &splices {
            let gap = offset.checked_sub(end_before).ok_or(PatchError::Overlap { offset: *offset })?;
            let ends = (
                offset.checked_add(old.len()),
                end_after.checked_add(gap).and_then(|start| start.checked_add(new.len())),
            );
            let (Some(before), Some(after)) = ends else {
                return Err(PatchError::Unreachable { offset: *offset });
            };
            (end_before, end_after) = (before, after);
        }
        Ok(Self { splices })
    }

    /// A patch of splices that are known to be in order and apart.
    pub(crate) fn in_order(splices: Vec<Splice>) -> Self {
        debug_assert!(Self::new(splices.clone()).is_ok());
        Self { splices }
    }

    /// Whether the patch changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.splices.is_empty()
    }

    /// The splices, in the order of the file.
    #[must_use]
    pub fn splices(&self) -> &[Splice] {
        &self.splices
    }

    /// The file after the patch.
    ///
    /// # Errors
    /// When the old bytes of a splice are not where they should be. A patch that was already applied is such a
    /// case: compare digests first to tell *done* from *changed by someone else*.
    pub fn apply(&self, file: &[u8]) -> Result<Vec<u8>, ConflictError> {
        let mut patched = Vec::with_capacity(file.len());
        let mut done = 0;
        for Splice { offset, old, new } in &self.splices {
            let end = offset + old.len();
            let present = file.get(*offset..end).ok_or(ConflictError::Shorter { offset: *offset, end })?;
            if present != old {
                return Err(ConflictError::Different { offset: *offset });
            }
            patched.extend_from_slice(&file[done..*offset]);
            patched.extend_from_slice(new);
            done = end;
        }
        patched.extend_from_slice(&file[done..]);
        Ok(patched)
    }

    /// The patch that undoes this one. Its offsets count in the patched file.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let (mut end_before, mut end_after) = (0, 0);
        let splices = self.splices.iter().map(|Splice { offset, old, new }| {
            let start_after = end_after + (offset - end_before);
            end_before = offset + old.len();
            end_after = start_after + new.len();
            Splice { offset: start_after, old: new.clone(), new: old.clone() }
        });
        Self { splices: splices.collect() }
    }
}

impl TryFrom<Unchecked> for Patch {
    type Error = PatchError;

    fn try_from(unchecked: Unchecked) -> Result<Self, PatchError> {
        Self::new(unchecked.splices)
    }
}

/// Why splices do not make a patch. Offsets count bytes in the file before the patch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatchError {
    /// A splice begins before the one ahead of it ends.
    #[error("the splice at byte {offset} overlaps the one before it")]
    Overlap {
        /// Where the splice begins.
        offset: usize,
    },
    /// A splice reaches further than a file can be long.
    #[error("the splice at byte {offset} reaches beyond the end of any file")]
    Unreachable {
        /// Where the splice begins.
        offset: usize,
    },
}

impl Explain for PatchError {
    fn code(&self) -> &'static str {
        "patch-invalid"
    }

    fn hint(&self) -> Option<String> {
        Some("the record of the edit is damaged: put the file back from a backup by hand".to_owned())
    }
}

/// Why a patch does not fit a file. Nothing was changed; offsets count bytes in the file as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConflictError {
    /// Other bytes stand where the splice expects its old ones.
    #[error("the file holds other bytes than expected at byte {offset}")]
    Different {
        /// Where the splice begins.
        offset: usize,
    },
    /// The file ends before the splice does.
    #[error("the file ends before the expected bytes {offset} to {end}")]
    Shorter {
        /// Where the splice begins.
        offset: usize,
        /// Where its old bytes end, exclusive.
        end: usize,
    },
}

impl Explain for ConflictError {
    fn code(&self) -> &'static str {
        "file-changed"
    }

    fn hint(&self) -> Option<String> {
        Some("someone else has changed the file since it was read: look at it, then start again".to_owned())
    }
}
