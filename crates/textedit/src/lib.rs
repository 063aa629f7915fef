//! Byte-exact edits of settings files, with their undo.
//!
//! A settings file belongs to its product and to the people who look after it, not to Baton. So nothing is
//! ever parsed and written out again: a parser only says *where* a value stands, and the edit replaces the
//! bytes of that one value. Encoding, byte order mark, line ends, indentation, unknown members, the digits of
//! a number and a missing line end at the close of the file all stay as they were.
//!
//! Every edit is a [`Patch`]: splices that carry the old bytes beside the new ones. It can be kept in a
//! journal before it is made, it refuses a file that has changed meanwhile, and its
//! [inverse](Patch::inverse) restores the file to the bit.
//!
//! What cannot be understood completely is refused, with line and column: a guess in someone else's settings
//! file is worse than no edit.
//!
//! This crate is pure: bytes in, values out. It opens no file.
//!
//! ```
//! use baton_textedit::{Change, JsonDocument};
//!
//! let file = b"{\r\n\t\"tlsEnabled\": true,\r\n\t\"certificate\": {\"thumbprint\": \"0C32\"}\r\n}";
//! let document = JsonDocument::parse(file)?;
//! let changes: Vec<Change> = document
//!     .objects_with("thumbprint")
//!     .filter(|object| object.string("thumbprint") == Some("0C32"))
//!     .map(|object| Change::string(object.member("thumbprint"), "A7F1"))
//!     .collect();
//!
//! let patch = document.edit(&changes)?;
//! let edited = patch.apply(file)?;
//! assert!(edited.ends_with(b"{\"thumbprint\": \"A7F1\"}\r\n}"));
//! assert_eq!(patch.inverse().apply(&edited)?, file);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod encoding;
mod json;
mod patch;
mod toml;

pub use encoding::{DecodeError, Encoding};
pub use json::{
    Change, EditError, JsonDocument, JsonObject, MAXIMUM_DEPTH, NewValue, ParseError, Pointer, PointerError,
    Scalar,
};
pub use patch::{ConflictError, Patch, PatchError, Splice};
pub use toml::{
    TomlChange, TomlDocument, TomlEditError, TomlEntry, TomlParseError, TomlPlace, TomlTable, TomlValue,
};
