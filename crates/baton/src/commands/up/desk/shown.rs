//! What of the settings may be shown: no secret is.

use baton_alarm::SecretUrl;
use baton_designer::{Problem, ProblemKind, SettingsKind, ShownSetting};
use baton_finding::Explain;
use baton_textedit::{TomlChange, TomlDocument, TomlEntry, TomlPlace, TomlTable, TomlValue};
use similar::TextDiff;

/// The keys whose value may hold a secret: URLs of alerts and signs of life.
const SECRET: &str = "url";

/// A key with its value as it is written.
pub(super) fn setting(kind: Option<SettingsKind>, entry: TomlEntry<'_>) -> ShownSetting {
    let is_secret = may_be_secret(kind) && entry.key() == SECRET;
    let value = match entry.value() {
        Some(TomlValue::String(url)) if is_secret => shown_url(&url),
        _ if is_secret => "…".to_owned(),
        // Of a table within a line, such as a list of headers, nothing but its URLs may be secret.
        _ => without_secret_urls(entry.source()),
    };
    ShownSetting { key: entry.key().to_owned(), value }
}

fn may_be_secret(kind: Option<SettingsKind>) -> bool {
    matches!(kind, Some(SettingsKind::Alert | SettingsKind::Heartbeat))
}

/// Scheme and host, as everywhere.
fn shown_url(url: &str) -> String {
    url.parse::<SecretUrl>().map_or_else(|_| "…".to_owned(), |url| format!("{url}/…"))
}

/// What a change makes of a file, without the secrets around it.
pub(super) fn diff(name: &str, before: &str, after: &str) -> Result<String, Problem> {
    let (before, after) = (without_secrets(before)?, without_secrets(after)?);
    let diff = TextDiff::from_lines(&before, &after);
    Ok(diff.unified_diff().context_radius(3).header(name, name).to_string())
}

/// A file without its secrets. They go by their place first, however they are written, and then from comments too.
fn without_secrets(text: &str) -> Result<String, Problem> {
    let document = TomlDocument::parse(text.as_bytes()).map_err(|error| not_editable(&error))?;
    let alerts = document.tables(SettingsKind::Alert.key()).filter_map(|table| {
        let (array, name) = (SettingsKind::Alert.key().to_owned(), table.string("name")?.to_owned());
        masked(TomlPlace::Element { array, name }, table)
    });
    let heartbeat = document.table(SettingsKind::Heartbeat.key());
    let place = TomlPlace::Table(SettingsKind::Heartbeat.key().to_owned());
    let heartbeat = heartbeat.and_then(|table| masked(place, table));
    let changes: Vec<TomlChange> = alerts.chain(heartbeat).collect();
    let patch = document.edit(&changes).map_err(|error| not_editable(&error))?;
    let masked = patch.apply(text.as_bytes()).map_err(|error| not_editable(&error))?;
    let masked = String::from_utf8_lossy(&masked);
    Ok(masked.split_inclusive('\n').map(line_without_secrets).collect())
}

fn masked(place: TomlPlace, table: TomlTable<'_>) -> Option<TomlChange> {
    let url = table.string(SECRET)?;
    Some(TomlChange::Set { place, key: SECRET.to_owned(), value: TomlValue::String(shown_url(url)) })
}

/// The directory of a CA is no secret, and is what changes are about.
fn line_without_secrets(line: &str) -> String {
    let key = line.trim_start().trim_start_matches('#').trim_start();
    if key.starts_with("directory") { line.to_owned() } else { without_secret_urls(line) }
}

/// Of every URL the scheme and the host.
fn without_secret_urls(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, behind) = rest.split_at(at + 3);
        shown.push_str(before);
        let is_end = |character: char| character.is_whitespace() || "\"'<>`".contains(character);
        let end = behind.find(is_end).unwrap_or(behind.len());
        let (url, after) = behind.split_at(end);
        let host = url.find(['/', '?', '#', '\\']).unwrap_or(url.len());
        // A name and a password would stand before the host.
        match url[..host].rfind('@') {
            Some(user) => shown.push_str(&format!("…{}", &url[user..host])),
            None => shown.push_str(&url[..host]),
        }
        if host < url.len() && url[host..] != *"/" {
            shown.push_str("/…");
        } else {
            shown.push_str(&url[host..]);
        }
        rest = after;
    }
    shown + rest
}

/// The file is written in a way that is not changed here.
pub(super) fn not_editable(error: &(impl Explain + ?Sized)) -> Problem {
    Problem {
        kind: ProblemKind::Refused,
        code: "settings-not-editable".to_owned(),
        message: error.to_string(),
        hint: error.hint(),
    }
}
