//! The part of Markdown that the article uses, by its blocks; and texts broken into lines that fit.

/// One block of an article.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Block<'a> {
    /// Its level and its title.
    Heading(usize, &'a str),
    /// A line of a block of code; the fences have `Fence`.
    Code(&'a str),
    /// The begin or the end of a block of code.
    Fence(&'a str),
    /// An empty line.
    Blank,
    /// What stands before its first line, and its words.
    Text(String, Vec<String>),
}

/// The blocks of an article.
pub(crate) fn blocks(markdown: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut is_code = false;
    let mut is_text = false;
    for line in markdown.lines() {
        let goes_on = std::mem::replace(&mut is_text, false);
        if line.starts_with("```") {
            is_code = !is_code;
            blocks.push(Block::Fence(line));
        } else if is_code {
            blocks.push(Block::Code(line));
        } else if let Some((level, title)) = heading(line) {
            blocks.push(Block::Heading(level, title));
        } else if line.is_empty() {
            blocks.push(Block::Blank);
        } else {
            is_text = true;
            match (blocks.last_mut(), marker(line)) {
                (Some(Block::Text(_, text)), None) if goes_on => text.extend(words(line)),
                (_, marker) => {
                    let begin = marker.unwrap_or(line.len() - line.trim_start().len());
                    blocks.push(Block::Text(line[..begin].to_owned(), words(&line[begin..])));
                }
            }
        }
    }
    blocks
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|&byte| byte == b'#').count();
    let title = line[level..].strip_prefix(' ')?;
    (1..=6).contains(&level).then_some((level, title))
}

/// Where the text of an item of a list, or of a quote, begins.
fn marker(line: &str) -> Option<usize> {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if text.starts_with("- ") || text.starts_with("> ") {
        return Some(indent + 2);
    }
    (digits > 0 && text[digits..].starts_with(". ")).then_some(indent + digits + 2)
}

/// A text at its blanks, but for those in code.
pub(crate) fn words(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let length = match character {
            '\\' => rest.chars().take(2).map(char::len_utf8).sum(),
            '`' => span(rest),
            ' ' => {
                words.push(std::mem::take(&mut word));
                rest = rest.trim_start();
                continue;
            }
            _ => character.len_utf8(),
        };
        word.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// How long a code span is, with its backticks.
pub(crate) fn span(text: &str) -> usize {
    let ticks = text.bytes().take_while(|&byte| byte == b'`').count();
    text[ticks..].find(&text[..ticks]).map_or(ticks, |end| end + 2 * ticks)
}

/// Breaks a text into lines, each under the text of the first. `shown` tells how a word is written, and how many
/// characters wide it is then.
pub(crate) fn broken(
    mark: &str,
    words: &[String],
    width: usize,
    shown: impl Fn(&str) -> (String, usize),
) -> Vec<String> {
    let indent = mark.chars().count();
    let hang = if mark.contains(['>', '│']) { mark.to_owned() } else { " ".repeat(indent) };
    let (mut lines, mut line, mut length) = (Vec::new(), mark.to_owned(), indent);
    for (position, word) in words.iter().enumerate() {
        let (text, size) = shown(word);
        if position > 0 && length + 1 + size > width && begins_no_block(word) {
            lines.push(std::mem::replace(&mut line, hang.clone()));
            length = indent;
        } else if position > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(&text);
        length += size;
    }
    lines.push(line);
    lines
}

/// Whether a line may begin with the word: it makes no list, heading, quote or rule of its text.
fn begins_no_block(word: &str) -> bool {
    let is_number =
        word.ends_with(['.', ')']) && word[..word.len() - 1].bytes().all(|byte| byte.is_ascii_digit());
    let is_rule = word.chars().all(|character| "-+*=_".contains(character));
    !(is_number || is_rule || word.starts_with(['#', '>']) || word.starts_with("```"))
}
