//! Text from outside in a settings file and on a terminal.

/// A line of words for people. What would end the line, or change the terminal, stands there in letters.
pub(crate) fn comment(words: &str) -> String {
    format!("# {}", one_line(words))
}

/// Text without control characters: each is shown as Rust writes it.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_direction(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Characters that change the order in which others are shown.
fn is_direction(character: char) -> bool {
    matches!(character, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// A TOML string on one line: without escapes where it holds backslashes, as paths of Windows do.
pub(crate) fn string(text: &str) -> String {
    let is_plain = !text.chars().any(|character| character.is_control() || is_direction(character));
    if is_plain && text.contains('\\') && !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut string = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => string.extend(['\\', character]),
            character if character.is_control() || is_direction(character) => {
                string.push_str(&format!("\\u{:04X}", u32::from(character)));
            }
            character => string.push(character),
        }
    }
    string.push('"');
    string
}

/// A TOML array of strings.
pub(crate) fn strings(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| string(text)).collect::<Vec<_>>().join(", "))
}

/// An argument of a command line as a person types it.
pub(crate) fn argument(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:\\=@%+,".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if cfg!(windows) { format!("\"{text}\"") } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
