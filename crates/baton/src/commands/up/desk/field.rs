//! Which keys of the settings can be edited from a page, and how.
//!
//! The table names what may be edited; a key that is not in it is shown, and nothing more. No command, no path and no
//! secret is in it, so that none can come from a page. What a key is for, and what there is to choose from, comes from
//! the schema of the settings.

use std::sync::LazyLock;

use baton_designer::SettingsKind;
use baton_textedit::{TomlTable, TomlValue};
use serde_json::Value;

use crate::settings::Settings;

/// A key that can be edited.
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) shape: Shape,
    /// The kinds of issuers or targets that have it; empty for all.
    kinds: &'static [&'static str],
}

/// What its value is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Texts,
    Number,
    Truth,
    /// One of those that the schema lists.
    Listed,
    /// The name of an issuer.
    Issuer,
    /// Names of targets.
    Targets,
    /// Addresses, each with a server name behind it where that is another.
    Endpoints,
}

const fn field(key: &'static str, shape: Shape) -> Field {
    Field { key, shape, kinds: &[] }
}

const fn field_of(key: &'static str, shape: Shape, kinds: &'static [&'static str]) -> Field {
    Field { key, shape, kinds }
}

const CERTIFICATE: &[Field] = &[
    field("names", Shape::Texts),
    field("issuer", Shape::Issuer),
    field("key", Shape::Listed),
    field("successor", Shape::Listed),
    field("allow-same-key", Shape::Truth),
    field("longest-key-age", Shape::Text),
    field("targets", Shape::Targets),
];

const ISSUER: &[Field] = &[
    field_of("directory", Shape::Text, &["acme"]),
    field_of("contact", Shape::Text, &["acme"]),
    field_of("challenge", Shape::Listed, &["acme"]),
    field_of("http-port", Shape::Number, &["acme"]),
    field_of("tls-port", Shape::Number, &["acme"]),
    field_of("challenge-addresses", Shape::Texts, &["acme"]),
    field_of("profile", Shape::Text, &["acme"]),
    field_of("lifetime", Shape::Text, &["internal"]),
    field_of("permitted", Shape::Texts, &["internal"]),
    field_of("authority", Shape::Text, &["adcs"]),
    field_of("template", Shape::Text, &["adcs", "command"]),
    field_of("poll", Shape::Text, &["adcs"]),
    field_of("time-limit", Shape::Text, &["command"]),
];

const TARGET: &[Field] = &[
    field_of("product", Shape::Listed, &["product"]),
    field("endpoints", Shape::Endpoints),
    field_of("service", Shape::Text, &["product"]),
    field("time-limit", Shape::Text),
];

const ALERT: &[Field] = &[field("attention", Shape::Listed), field("remind", Shape::Text)];

const PROOF: &[Field] = &[
    field("connections", Shape::Number),
    field("over", Shape::Text),
    field("quiet", Shape::Text),
    field("deadline", Shape::Text),
];

const INTERVAL: &[Field] = &[field("interval", Shape::Text)];

const RETIRE: &[Field] = &[field("grace", Shape::Text)];

/// What a new issuer says first; one that is there keeps its kind.
const ISSUER_KIND: Field = field("kind", Shape::Listed);

/// The issuers that need neither a command nor a path.
pub(super) const NEW_ISSUERS: [&str; 4] = ["acme", "internal", "adcs", "manual"];

/// The keys of a table that is there.
pub(super) fn fields(kind: SettingsKind, table: TomlTable<'_>) -> Vec<&'static Field> {
    let own_kind = match kind {
        SettingsKind::Issuer => table.string("kind").unwrap_or_default(),
        SettingsKind::Target if table.entry("product").is_some() => "product",
        SettingsKind::Target => "files",
        _ => "",
    };
    of_kind(kind, own_kind)
}

/// The keys of a table that is to be added, of some variant.
pub(super) fn new_fields(kind: SettingsKind, variant: &str) -> Vec<&'static Field> {
    let mut fields = of_kind(kind, if kind == SettingsKind::Target { "product" } else { variant });
    if kind == SettingsKind::Issuer {
        fields.insert(0, &ISSUER_KIND);
    }
    fields
}

fn of_kind(kind: SettingsKind, own_kind: &str) -> Vec<&'static Field> {
    let all = match kind {
        SettingsKind::Certificate => CERTIFICATE,
        SettingsKind::Issuer => ISSUER,
        SettingsKind::Target => TARGET,
        SettingsKind::Alert => ALERT,
        SettingsKind::Heartbeat | SettingsKind::Probe => INTERVAL,
        SettingsKind::Proof => PROOF,
        SettingsKind::Retire => RETIRE,
    };
    all.iter().filter(|field| field.kinds.is_empty() || field.kinds.contains(&own_kind)).collect()
}

impl Shape {
    /// What a value is made of, as it is entered; nothing for one that is written in another way.
    pub(super) fn entered(self, value: &TomlValue) -> Option<Vec<String>> {
        match (self, value) {
            (Self::Text | Self::Listed | Self::Issuer, TomlValue::String(text)) => Some(vec![text.clone()]),
            (Self::Number, TomlValue::Integer(number)) => Some(vec![number.to_string()]),
            (Self::Truth, TomlValue::Bool(truth)) => Some(vec![truth.to_string()]),
            (Self::Texts | Self::Targets, TomlValue::Array(values)) => values.iter().map(text).collect(),
            (Self::Endpoints, TomlValue::Array(values)) => values.iter().map(endpoint).collect(),
            _ => None,
        }
    }

    /// The value that was entered; nothing where the key is to go.
    pub(super) fn value(self, entered: &[String]) -> Result<Option<TomlValue>, String> {
        if entered.iter().any(|text| text.chars().any(char::is_control)) {
            return Err("control characters are in no setting".to_owned());
        }
        let value = match (self, entered) {
            (_, []) => return Ok(None),
            (Self::Texts | Self::Targets, texts) => TomlValue::strings(texts),
            (Self::Endpoints, texts) => {
                TomlValue::Array(texts.iter().map(|text| endpoint_value(text)).collect())
            }
            (Self::Number, [text]) => {
                text.parse().map_or_else(|_| TomlValue::String(text.clone()), TomlValue::Integer)
            }
            (Self::Truth, [text]) => {
                text.parse().map_or_else(|_| TomlValue::String(text.clone()), TomlValue::Bool)
            }
            (Self::Text | Self::Listed | Self::Issuer, [text]) => TomlValue::String(text.clone()),
            (Self::Text | Self::Listed | Self::Issuer | Self::Number | Self::Truth, _) => {
                return Err("one value is expected".to_owned());
            }
        };
        Ok(Some(value))
    }
}

fn text(value: &TomlValue) -> Option<String> {
    match value {
        TomlValue::String(text) => Some(text.clone()),
        _ => None,
    }
}

fn endpoint(value: &TomlValue) -> Option<String> {
    match value {
        TomlValue::String(address) => Some(address.clone()),
        TomlValue::Table(members) => {
            let member =
                |key: &str| members.iter().find(|(name, _)| name == key).and_then(|(_, value)| text(value));
            (members.len() == 2).then_some(())?;
            Some(format!("{} {}", member("address")?, member("name")?))
        }
        _ => None,
    }
}

/// `HOST:PORT`, or `HOST:PORT NAME`.
fn endpoint_value(text: &str) -> TomlValue {
    let of = |text: &str| TomlValue::String(text.to_owned());
    match text.split_once(char::is_whitespace) {
        // Keys are read back in the order of their names, so equal endpoints are equal.
        Some((address, name)) => TomlValue::Table(vec![
            ("address".to_owned(), of(address)),
            ("name".to_owned(), of(name.trim_start())),
        ]),
        None => of(text),
    }
}

static SCHEMA: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(Settings).to_value());

/// What a key is for.
pub(super) fn explanation(kind: SettingsKind, key: &str) -> &'static str {
    property(kind, key).and_then(|property| property["description"].as_str()).unwrap_or_default()
}

/// What there is to choose from.
pub(super) fn listed(kind: SettingsKind, key: &str) -> Vec<String> {
    let values = property(kind, key).and_then(resolved);
    let options = values.and_then(|values| values["oneOf"].as_array().or(values["enum"].as_array()));
    let option = |option: &Value| option["const"].as_str().or(option.as_str()).map(str::to_owned);
    options.into_iter().flatten().filter_map(option).collect()
}

fn property(kind: SettingsKind, key: &str) -> Option<&'static Value> {
    let table = SCHEMA["properties"].get(kind.key())?;
    let table = if kind.has_names() { &table["items"] } else { table };
    resolved(table)?["properties"].get(key)
}

/// What a part of the schema refers to.
fn resolved(part: &'static Value) -> Option<&'static Value> {
    let reference = part["$ref"].as_str();
    let reference =
        reference.or_else(|| part["anyOf"].as_array()?.iter().find_map(|part| part["$ref"].as_str()));
    SCHEMA.pointer(reference?.strip_prefix('#')?)
}
