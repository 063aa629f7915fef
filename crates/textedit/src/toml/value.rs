//! Values, and how they are written.

use toml::de::DeValue;

/// A value, as it is read or to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TomlValue {
    /// A text, not escaped.
    String(String),
    /// A whole number.
    Integer(i64),
    /// `true` or `false`
    Bool(bool),
    /// Several values.
    Array(Vec<TomlValue>),
    /// Keys with values, in order of their names when they were read.
    Table(Vec<(String, TomlValue)>),
}

impl TomlValue {
    /// An array of texts.
    #[must_use]
    pub fn strings<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::Array(texts.into_iter().map(|text| Self::String(text.into())).collect())
    }

    pub(super) fn of(value: &DeValue<'_>) -> Option<Self> {
        Some(match value {
            DeValue::String(text) => Self::String(text.to_string()),
            DeValue::Integer(integer) => {
                Self::Integer(i64::from_str_radix(integer.as_str(), integer.radix()).ok()?)
            }
            DeValue::Boolean(truth) => Self::Bool(*truth),
            DeValue::Array(values) => {
                Self::Array(values.iter().map(|value| Self::of(value.get_ref())).collect::<Option<_>>()?)
            }
            DeValue::Table(table) => {
                let member = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
                    let key: &std::borrow::Cow<'_, str> = key.get_ref();
                    Some((key.to_string(), Self::of(value.get_ref())?))
                };
                Self::Table(table.iter().map(member).collect::<Option<_>>()?)
            }
            DeValue::Float(_) | DeValue::Datetime(_) => return None,
        })
    }

    /// Within one line.
    pub(super) fn token(&self) -> String {
        let list = |items: Vec<String>| items.join(", ");
        match self {
            Self::String(text) => quoted(text),
            Self::Integer(integer) => integer.to_string(),
            Self::Bool(truth) => truth.to_string(),
            Self::Array(values) => format!("[{}]", list(values.iter().map(Self::token).collect())),
            Self::Table(members) if members.is_empty() => "{}".to_owned(),
            Self::Table(members) => {
                let member = |(name, value): &(String, Self)| format!("{} = {}", key(name), value.token());
                format!("{{ {} }}", list(members.iter().map(member).collect()))
            }
        }
    }
}

/// A key, with quotes where it needs some.
pub(super) fn key(name: &str) -> String {
    let is_bare = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// A string on one line. What ends the line, or changes the order in which a reader sees the others, is escaped.
fn quoted(text: &str) -> String {
    let is_plain = !text.chars().any(is_escaped);
    if is_plain && text.contains('\\') && !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut token = String::with_capacity(text.len() + 2);
    token.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => token.extend(['\\', character]),
            character if is_escaped(character) => {
                token.push_str(&format!("\\u{:04X}", u32::from(character)));
            }
            character => token.push(character),
        }
    }
    token.push('"');
    token
}

/// All of them lie within the first plane, so that four digits name them.
fn is_escaped(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'
        )
}
