//! The parsed file: values with the place they take in the text.

use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;

use super::pointer::{Pointer, Step};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// In bytes of the decoded text; with the quotes, for a string.
    pub(super) span: Range<usize>,
    pub(super) value: Value,
}

/// A value, decoded.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// As it is written: no number type holds what JSON allows.
    Number(String),
    String(String),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

/// A member of an object. Members keep their order and their duplicates.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Decoded.
    pub(super) name: String,
    pub(super) value: Node,
}

impl Value {
    /// What to call such a value in a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl Node {
    /// This node and everything below it, in the order of the file.
    pub(super) fn walk(&self) -> impl Iterator<Item = (Pointer, &Self)> {
        let mut pending = vec![(Pointer::root(), self)];
        std::iter::from_fn(move || {
            let (pointer, node) = pending.pop()?;
            match &node.value {
                Value::Array(items) => {
                    pending.extend(items.iter().enumerate().rev().map(|(i, item)| (pointer.index(i), item)));
                }
                Value::Object(members) => {
                    pending.extend(members.iter().rev().map(|m| (pointer.member(&m.name), &m.value)));
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
            Some((pointer, node))
        })
    }

    /// Where one step of a pointer leads from here: to several places when a name is there several times.
    pub(super) fn children(&self, step: &Step) -> impl DoubleEndedIterator<Item = &Self> {
        let (items, members): (&[Self], &[Member]) = match &self.value {
            Value::Array(items) => (items, &[]),
            Value::Object(members) => (&[], members),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (&[], &[]),
        };
        let item = step.as_index().and_then(|index| items.get(index));
        item.into_iter().chain(members.iter().filter(|m| m.name == step.as_str()).map(|m| &m.value))
    }

    /// Every place that a pointer leads to, in the order of the file.
    pub(super) fn places(&self, pointer: &Pointer) -> Vec<&Self> {
        let mut places = vec![self];
        for step in pointer.steps() {
            places = places.into_iter().flat_map(|node| node.children(step)).collect();
        }
        places
    }
}

/// Takes over what the parser found. Recursive: the caller has bounded the depth.
impl From<ast::Value<'_>> for Node {
    fn from(value: ast::Value<'_>) -> Self {
        let range = value.range();
        let value = match value {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
            ast::Value::NumberLit(literal) => Value::Number(literal.value.to_owned()),
            ast::Value::StringLit(literal) => Value::String(literal.value.into_owned()),
            ast::Value::Array(array) => Value::Array(array.elements.into_iter().map(Self::from).collect()),
            ast::Value::Object(object) => Value::Object(
                object
                    .properties
                    .into_iter()
                    .map(|property| Member {
                        name: property.name.into_string(),
                        value: property.value.into(),
                    })
                    .collect(),
            ),
        };
        Self { span: range.start..range.end, value }
    }
}
