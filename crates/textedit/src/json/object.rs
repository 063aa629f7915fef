//! What a reader sees: objects and plain values.

use super::pointer::Pointer;
use super::tree::{Member, Node, Value};

/// A value that is neither object nor array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'document> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it is written in the file, for the caller to parse: JSON bounds neither size nor digits.
    Number(&'document str),
    /// A string, decoded.
    String(&'document str),
}

impl<'document> Scalar<'document> {
    /// The value, when it is a bool.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The digits as written, when it is a number.
    #[must_use]
    pub fn as_number(self) -> Option<&'document str> {
        match self {
            Self::Number(digits) => Some(digits),
            _ => None,
        }
    }

    /// The decoded value, when it is a string.
    #[must_use]
    pub fn as_str(self) -> Option<&'document str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn of(node: &'document Node) -> Option<Self> {
        match &node.value {
            Value::Null => Some(Self::Null),
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Number(digits) => Some(Self::Number(digits)),
            Value::String(value) => Some(Self::String(value)),
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// An object in a file.
#[derive(Debug, Clone)]
pub struct JsonObject<'document> {
    pointer: Pointer,
    members: &'document [Member],
}

impl<'document> JsonObject<'document> {
    pub(super) fn new(pointer: Pointer, members: &'document [Member]) -> Self {
        Self { pointer, members }
    }

    /// Where the object stands.
    #[must_use]
    pub fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    /// Where a member of this object stands, or would stand: for a [`Change`](super::Change).
    #[must_use]
    pub fn member(&self, name: &str) -> Pointer {
        self.pointer.member(name)
    }

    /// The decoded string that a member holds. Of duplicate members it is the last one that holds a string;
    /// [`JsonObject::strings`] has them all.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<&'document str> {
        self.strings(name).last()
    }

    /// The decoded strings of all members of this name, in the order of the file: more than one only where the
    /// name is duplicated.
    pub fn strings(&self, name: &str) -> impl Iterator<Item = &'document str> {
        self.named(name).filter_map(|node| Scalar::of(node)?.as_str())
    }

    /// What a member holds, for a reader that takes the last of duplicates; nothing when there is no such member
    /// or it holds an object or an array.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Scalar<'document>> {
        self.named(name).last().and_then(Scalar::of)
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &'document Node> {
        self.members.iter().filter(move |member| member.name == name).map(|member| &member.value)
    }
}
