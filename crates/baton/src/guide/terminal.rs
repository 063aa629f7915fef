//! The article on a terminal: the part of Markdown that the template uses, as lines that fit.
//!
//! Headings are bold and underlined, commands stand apart and are coloured; without colour the same is told by the
//! lines and the distance.

use comfy_table::Table;
use owo_colors::OwoColorize as _;

use crate::guide::blocks::{Block, blocks, broken, span, words};

/// Lines are not longer than this, however wide the terminal is.
const WIDEST: usize = 100;

/// Below this it is no use to break lines.
const NARROWEST: usize = 30;

/// The article for the terminal that standard output is.
pub(crate) fn for_terminal(markdown: &str) -> String {
    // A terminal that does not know its size says 0.
    let told = Table::new().width().map(usize::from).filter(|&width| width >= NARROWEST);
    let width = told.unwrap_or(WIDEST).min(WIDEST);
    let mut lines = Vec::new();
    for block in blocks(markdown) {
        match block {
            Block::Heading(level, title) => lines.extend(heading(level, title)),
            Block::Code(line) => lines.push(code(line)),
            Block::Fence(_) => {}
            Block::Blank => lines.push(String::new()),
            Block::Text(mark, words) => lines.extend(broken(&mark.replace('>', "│"), &words, width, shown)),
        }
    }
    lines.join("\n")
}

fn heading(level: usize, title: &str) -> Vec<String> {
    let (words, sizes): (Vec<String>, Vec<usize>) = words(title).iter().map(|word| shown(word)).unzip();
    let size = sizes.iter().sum::<usize>() + words.len().saturating_sub(1);
    let rule = match level {
        1 => Some("═"),
        2 => Some("─"),
        _ => None,
    };
    let title = words.join(" ").bold().to_string();
    std::iter::once(title).chain(rule.map(|rule| rule.repeat(size))).collect()
}

fn code(line: &str) -> String {
    match line.strip_prefix("$ ") {
        Some(command) => format!("    {} {}", "$".dimmed(), command.cyan()),
        None => format!("    {line}"),
    }
}

/// A word as it is shown, and how many characters wide it is then.
fn shown(word: &str) -> (String, usize) {
    let (mut shown, mut size) = (String::new(), 0);
    let mut rest = word;
    while let Some(character) = rest.chars().next() {
        if character == '`' {
            let ticks = rest.bytes().take_while(|&byte| byte == b'`').count();
            let length = span(rest);
            let code = rest[ticks..length.max(2 * ticks) - ticks].trim();
            shown.push_str(&code.cyan().to_string());
            size += code.chars().count();
            rest = &rest[length..];
            continue;
        }
        let is_escape = character == '\\' && rest.len() > 1;
        let visible = if is_escape { rest[1..].chars().next().unwrap_or_default() } else { character };
        // The marks of bold type and of emphasis; an escaped one is a character.
        if is_escape || character != '*' {
            shown.push(visible);
            size += 1;
        }
        rest = &rest[usize::from(is_escape) + visible.len_utf8()..];
    }
    (shown, size)
}
