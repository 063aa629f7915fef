//! Lines of a text, by offsets in it.

/// Where the line begins that an offset is in.
pub(super) fn start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |end| end + 1)
}

/// Where the line ends that an offset is in, behind its line end.
pub(super) fn end(text: &str, offset: usize) -> usize {
    text[offset..].find('\n').map_or(text.len(), |end| offset + end + 1)
}

/// The line end that the file uses.
pub(super) fn ending(text: &str) -> &'static str {
    match text.find('\n') {
        Some(end) if text[..end].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// What a line is, that starts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Blank,
    Comment,
    Other,
}

pub(super) fn kind(text: &str, start: usize) -> Line {
    let line = text[start..end(text, start)].trim();
    match line.as_bytes().first() {
        None => Line::Blank,
        Some(b'#') => Line::Comment,
        Some(_) => Line::Other,
    }
}

/// Where the blanks end that a line begins with.
pub(super) fn indentation(text: &str, offset: usize) -> &str {
    let line = &text[start(text, offset)..];
    let end = line.find(|character| character != ' ' && character != '\t').unwrap_or(line.len());
    &line[..end]
}
