//! What a server or a program says, made fit for a terminal and a log.

/// The most characters of one message.
const MOST: usize = 500;

/// Without control characters and of bounded length: a server's words are shown to people, and nothing in them may
/// move a cursor or fill a screen.
pub(crate) fn plain(text: &str) -> String {
    let mut plain: String = text
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() || is_invisible(c) { '\u{FFFD}' } else { c })
        .collect();
    if text.chars().nth(MOST).is_some() {
        plain.push('…');
    }
    plain
}

/// The end of what a program wrote, in one line: it tells why it failed.
pub(crate) fn ending(output: &str) -> String {
    let lines: Vec<&str> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let text = lines.join("; ");
    let surplus = text.chars().count().saturating_sub(MOST);
    let end: String = text.chars().skip(surplus).collect();
    if surplus > 0 { format!("…{}", plain(&end)) } else { plain(&end) }
}

/// Characters that reorder or hide others (Unicode's bidirectional and zero-width controls).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::{ending, plain};

    #[test]
    fn nothing_in_a_message_moves_the_cursor_or_fills_the_screen() {
        assert_eq!(plain("a\u{1b}[2Jb\r\nc\u{202e}d"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}d");
        assert_eq!(plain(&"x".repeat(10_000)).chars().count(), 501);
        assert_eq!(plain("straße"), "straße");
    }

    #[test]
    fn the_end_of_an_output_is_one_line() {
        assert_eq!(ending("\n  one\r\n\n\ttwo \u{1b}[31m\n"), "one; two \u{fffd}[31m");
        assert_eq!(ending(&format!("{}end", "x".repeat(10_000))), format!("…{}end", "x".repeat(497)));
        assert_eq!(ending(""), "");
    }
}
