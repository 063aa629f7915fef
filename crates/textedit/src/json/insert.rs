//! A new member behind one that is there.
//!
//! As every splice, this one never finds its old bytes again once it was made: they reach from the sibling's value to the
//! end of the object, or through the name of the next member, and between the two is the new one.

use super::JsonDocument;
use super::edit::{EditError, NewValue, quoted};
use super::pointer::Pointer;
use super::tree::Value;
use crate::{Patch, Splice};

pub(super) fn patch(
    document: &JsonDocument,
    sibling: &Pointer,
    name: &str,
    value: &NewValue,
) -> Result<Patch, EditError> {
    let missing = || EditError::Missing { pointer: sibling.clone() };
    let object = sibling.parent().ok_or_else(missing)?;
    let node = match document.root.places(sibling).as_slice() {
        [] => return Err(missing()),
        [node] => *node,
        // Behind which of them it belongs nobody can say.
        _ => return Err(EditError::Ambiguous { pointer: sibling.clone() }),
    };
    if !document.root.places(&object).iter().any(|node| matches!(node.value, Value::Object(_))) {
        return Err(missing());
    }
    let place = object.member(name);
    if !document.root.places(&place).is_empty() {
        return Err(EditError::Present { pointer: place });
    }
    let text = &document.text;
    let end = end_of_old(text, node.span.end).ok_or_else(missing)?;
    let separator = separator(&text[..node.span.start]);
    let inserted = format!(
        "{},{separator}{}: {}{}",
        &text[node.span.clone()],
        quoted(name),
        value.token(),
        &text[node.span.end..end]
    );
    let encoding = document.encoding;
    Ok(Patch::in_order(vec![Splice {
        offset: encoding.offset_behind(&text[..node.span.start]),
        old: encoding.encode_fragment(&text[node.span.start..end]),
        new: encoding.encode_fragment(&inserted),
    }]))
}

/// Behind the brace that closes the object, or behind the name of the next member.
fn end_of_old(text: &str, from: usize) -> Option<usize> {
    let first = from + text.get(from..)?.find(|character: char| !character.is_ascii_whitespace())?;
    if text[first..].starts_with('}') {
        return Some(first + 1);
    }
    let name = first + text[first..].find('"')?;
    let mut is_escaped = false;
    for (offset, byte) in text.as_bytes()[name + 1..].iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(name + 1 + offset + 1),
            _ => {}
        }
    }
    None
}

/// What stands between two members: a line end and the indentation of the sibling where it has a line of its own, else a
/// blank.
fn separator(before: &str) -> String {
    let Some(line_start) = before.rfind('\n').map(|position| position + 1) else { return " ".to_owned() };
    let line = &before[line_start..];
    let indentation = &line[..line.len() - line.trim_start().len()];
    if !line.trim_start().starts_with('"') {
        return " ".to_owned();
    }
    let line_end = if before[..line_start].ends_with("\r\n") { "\r\n" } else { "\n" };
    format!("{line_end}{indentation}")
}
