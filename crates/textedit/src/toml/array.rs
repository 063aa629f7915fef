//! Another list of values in an array, with the comments that stand in it.

use std::ops::Range;

use super::lines;
use super::tree::Element;
use super::value::TomlValue;

/// An element as it is to be written.
struct Item<'a> {
    /// Where it stood, or what it takes the place of; nothing for one more.
    position: Option<usize>,
    /// What stands before it, from the end of the line before on.
    lead: String,
    text: String,
    /// What stands behind it on its line.
    trail: &'a str,
}

/// The array at `span` with other values. Elements that stay are written as they were. A comment behind an element goes
/// with it; one on a line of its own stays.
pub(super) fn rewritten(
    text: &str,
    span: Range<usize>,
    elements: &[Element],
    wanted: &[TomlValue],
) -> String {
    // What stands before the first element, between each two, and behind the last one.
    let mut gaps = Vec::new();
    let mut before = span.start + 1;
    for element in elements {
        gaps.push(&text[before..element.span.start]);
        before = element.span.end;
    }
    let last = &text[before..span.end - 1];
    gaps.push(last);
    let is_in_lines = gaps.iter().any(|gap| gap.contains('\n'));
    if elements.is_empty() && !is_in_lines {
        return TomlValue::Array(wanted.to_vec()).token();
    }
    let line = format!("{}{}", lines::ending(text), indentation(text, span.start, &gaps));
    // Each gap ends the line of what is before it, and leads to what is behind it.
    let gaps: Vec<(&str, String)> = gaps.iter().map(|gap| split(gap)).collect();
    let mut old: Vec<Option<Item<'_>>> = elements
        .iter()
        .enumerate()
        .map(|(position, element)| {
            let text = text[element.span.clone()].to_owned();
            let (lead, trail) = (gaps[position].1.clone(), gaps[position + 1].0);
            Some(Item { position: Some(position), lead, text, trail })
        })
        .collect();
    let mut items: Vec<Option<Item<'_>>> = Vec::new();
    for value in wanted {
        let known = (0..elements.len())
            .find(|position| old[*position].is_some() && elements[*position].value.as_ref() == Some(value));
        items.push(known.and_then(|position| old[position].take()));
    }
    // A new one takes the place of one that goes, below the comments that lead there.
    for (number, item) in items.iter_mut().enumerate().filter(|(_, item)| item.is_none()) {
        let place = old.get_mut(number).and_then(Option::take);
        let (position, lead) = place.map_or((None, line.clone()), |place| (place.position, place.lead));
        *item = Some(Item { position, lead, text: wanted[number].token(), trail: "" });
    }
    let gone = old.into_iter().flatten().filter(|item| item.lead.contains('#'));
    let mut orphans: Vec<Item<'_>> = gone.collect();

    let mut array = Writer { text: "[".to_owned(), is_in_comment: false, line };
    array.trail(gaps[0].0);
    let has_last_comma = has_comma(last) || elements.is_empty();
    let count = items.len();
    for (number, item) in items.into_iter().flatten().enumerate() {
        orphans.retain(|orphan| {
            let goes_first = item.position.is_some_and(|position| orphan.position < Some(position));
            if goes_first {
                array.comments(orphan);
            }
            !goes_first
        });
        match (is_in_lines, number) {
            (true, _) => array.lead(&item.lead),
            (false, 0) => array.lead(&gaps[0].1),
            (false, _) => array.lead(" "),
        }
        array.text.push_str(&item.text);
        if number + 1 < count || has_last_comma {
            array.text.push(',');
        }
        array.trail(item.trail);
    }
    for orphan in &orphans {
        array.comments(orphan);
    }
    array.lead(&gaps[elements.len()].1);
    array.text.push(']');
    array.text
}

/// An array that is put together.
struct Writer {
    text: String,
    /// What is written next would belong to a comment, unless it begins a line.
    is_in_comment: bool,
    /// A line end, with the indentation of elements.
    line: String,
}

impl Writer {
    fn lead(&mut self, lead: &str) {
        if self.is_in_comment && !lead.contains('\n') {
            self.text.push_str(&self.line);
        }
        self.text.push_str(lead);
        self.is_in_comment = false;
    }

    fn trail(&mut self, trail: &str) {
        self.text.push_str(trail);
        self.is_in_comment |= trail.contains('#');
    }

    /// The lines with comments before an element that goes.
    fn comments(&mut self, orphan: &Item<'_>) {
        let end = orphan.lead.rfind('\n').unwrap_or(0);
        let comments = orphan.lead[..end].trim_end_matches('\r');
        self.text.push_str(comments);
        self.is_in_comment |= comments.contains('#');
    }
}

/// The part of a gap that ends a line, and the rest; without the comma.
fn split(gap: &str) -> (&str, String) {
    let Some(end) = gap.find('\n') else { return ("", without_comma(gap)) };
    let end = if gap[..end].ends_with('\r') { end - 1 } else { end };
    let (trail, lead) = gap.split_at(end);
    let trail = match trail.find([',', '#']) {
        Some(comma) if trail[comma..].starts_with(',') => &trail[comma + 1..],
        _ => trail,
    };
    (trail, without_comma(lead))
}

/// A gap is white space, comments and at most one comma.
fn without_comma(gap: &str) -> String {
    let mut is_comment = false;
    let mut text = String::with_capacity(gap.len());
    for character in gap.chars() {
        match character {
            '#' => is_comment = true,
            '\n' => is_comment = false,
            _ => {}
        }
        if is_comment || character != ',' {
            text.push(character);
        }
    }
    text
}

fn has_comma(gap: &str) -> bool {
    without_comma(gap).len() < gap.len()
}

/// How far elements on lines of their own stand from the left: as the first of them does.
fn indentation(text: &str, open: usize, gaps: &[&str]) -> String {
    let leads = &gaps[..gaps.len() - 1];
    match leads.iter().find_map(|gap| gap.rsplit_once('\n')) {
        Some((_, indentation)) => without_comma(indentation),
        None => format!("{}  ", lines::indentation(text, open)),
    }
}
