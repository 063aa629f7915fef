//! How values enter the article: as text, as code, as an argument of a command.

/// Without what a terminal or a browser would act on: control characters, and invisible marks that turn text around.
pub(crate) fn visible(text: &str) -> String {
    let is_mark = |character: char| {
        matches!(character, '\u{AD}' | '\u{61C}' | '\u{FEFF}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
    };
    text.chars().filter(|&character| !character.is_control() && !is_mark(character)).collect()
}

/// As text: no character of it is Markdown (CommonMark 0.31, 2.4) or HTML.
pub(crate) fn text(value: &str) -> String {
    let mut escaped = String::new();
    for character in visible(value).chars() {
        if r"\`*_[]<>#|&~!".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// As a code span (CommonMark 0.31, 6.1): between more backticks than are in it.
pub(crate) fn code(value: &str) -> String {
    let value = visible(value);
    let mut longest = 0;
    let mut present = 0;
    for character in value.chars() {
        present = if character == '`' { present + 1 } else { 0 };
        longest = longest.max(present);
    }
    let fence = "`".repeat(longest + 1);
    let blank = if value.starts_with('`') || value.ends_with('`') { " " } else { "" };
    match value.as_str() {
        "" => "(empty)".to_owned(),
        value => format!("{fence}{blank}{value}{blank}{fence}"),
    }
}

/// As one argument of a command line, for a POSIX shell.
pub(crate) fn argument(value: &str) -> String {
    let value = visible(value);
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.,:/@%+=".contains(character);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value;
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// As one argument between the quotes of Windows, which know no way to write a quote that every program reads.
pub(crate) fn quoted(value: &str) -> String {
    format!("\"{}\"", visible(value).replace(['"', '%'], ""))
}

/// As a text in TOML (TOML 1.0, string).
pub(crate) fn toml(value: &str) -> String {
    toml::Value::String(visible(value)).to_string()
}
