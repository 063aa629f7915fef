//! JSON settings: where a value stands, and the patch that replaces it.
//!
//! The grammar is that of RFC 8259 and nothing beside it; see [`JsonDocument::parse`] for what is refused.
//!
//! **Duplicate member names** are legal but ambiguous: RFC 8259, section 4, leaves it to the reader which one
//! counts. .NET and most others take the last, some the first. So reading answers as a reader that takes the
//! last ([`JsonDocument::value`]), and editing changes *every* occurrence: whichever one the product reads, it
//! reads the new value. Names are compared decoded, so `"\u0061"` is a duplicate of `"a"`.

mod edit;
mod grammar;
mod insert;
mod object;
mod pointer;
mod tree;

pub use edit::{Change, EditError, NewValue};
pub use grammar::{MAXIMUM_DEPTH, ParseError};
pub use object::{JsonObject, Scalar};
pub use pointer::{Pointer, PointerError};

use self::tree::{Node, Value};
use crate::{Encoding, Patch};

/// A JSON file that was understood completely, ready to be searched and edited.
#[derive(Debug, Clone)]
pub struct JsonDocument {
    encoding: Encoding,
    text: String,
    root: Node,
}

impl JsonDocument {
    /// Reads a whole file, byte order mark included.
    ///
    /// Duplicate names and numbers of any size are accepted and preserved.
    ///
    /// # Errors
    /// When the bytes are not text in the encoding they announce; when the text is not JSON (comments, trailing
    /// commas, single quotes, raw control characters in strings and escapes that name half a surrogate pair
    /// are refused too); when it is nested deeper than [`MAXIMUM_DEPTH`]; when there is no value at all.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let (encoding, text) = Encoding::decode(bytes).map_err(ParseError::Encoding)?;
        let root = grammar::parse(&text)?;
        Ok(Self { encoding, text, root })
    }

    /// The encoding of the file, which every edit keeps.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Every object, at any depth and in the order of the file, that has a member of this name whose value is a
    /// string. Of duplicate members one string is enough. Duplicate objects come one by one, with equal pointers.
    pub fn objects_with(&self, name: &str) -> impl Iterator<Item = JsonObject<'_>> {
        self.root.walk().filter_map(move |(pointer, node)| match &node.value {
            Value::Object(members) => {
                let object = JsonObject::new(pointer, members);
                object.string(name).is_some().then_some(object)
            }
            _ => None,
        })
    }

    /// Every value that is neither object nor array, at any depth and in the order of the file, duplicates
    /// included: for references whose member name is not known beforehand.
    pub fn scalars(&self) -> impl Iterator<Item = (Pointer, Scalar<'_>)> {
        self.root.walk().filter_map(|(pointer, node)| Some((pointer, Scalar::of(node)?)))
    }

    /// The value that a pointer leads to, for a reader that takes the last of duplicate names; nothing when the
    /// place does not exist or holds an object or an array.
    #[must_use]
    pub fn value(&self, pointer: &Pointer) -> Option<Scalar<'_>> {
        let node =
            pointer.steps().iter().try_fold(&self.root, |node, step| node.children(step).next_back())?;
        Scalar::of(node)
    }

    /// The patch that makes all changes at once, on the file as it was parsed.
    ///
    /// A change touches every place that its pointer leads to, by way of duplicate names at any level. A place
    /// that already holds the wanted value is left alone, however it is escaped; so the patch is
    /// [empty](Patch::is_empty) when nothing is left to do. Strings are written with the escapes that JSON
    /// demands and no others; all other characters stand as they are, in the encoding of the file.
    ///
    /// # Errors
    /// When a pointer leads nowhere; when a place, or one of its duplicates, holds a value of another kind; when
    /// two changes want different values in one place.
    pub fn edit(&self, changes: &[Change]) -> Result<Patch, EditError> {
        edit::patch(self, changes)
    }

    /// The patch that puts a new member behind another one, `sibling`, of the same object: on a line of its own where the
    /// sibling has one, with the sibling's indentation.
    ///
    /// # Errors
    /// When the pointer leads to no member, or to several of the same name; when the object has a member of that name
    /// already.
    pub fn insert_after(&self, sibling: &Pointer, name: &str, value: &NewValue) -> Result<Patch, EditError> {
        insert::patch(self, sibling, name, value)
    }
}
