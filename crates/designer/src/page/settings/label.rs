//! What kinds of tables and their keys are called. A key without words of its own stands for itself.

use crate::language::Language;
use crate::settings::SettingsKind;

/// All of a kind.
pub(super) fn kind(kind: SettingsKind, t: Language) -> &'static str {
    match kind {
        SettingsKind::Certificate => t.settings_certificates(),
        SettingsKind::Issuer => t.settings_issuers(),
        SettingsKind::Target => t.targets(),
        SettingsKind::Alert => t.settings_alerts(),
        SettingsKind::Heartbeat => t.settings_heartbeat(),
        SettingsKind::Proof => t.settings_proof(),
        SettingsKind::Probe => t.settings_probe(),
        SettingsKind::Retire => t.settings_retire(),
    }
}

/// One of them.
pub(super) fn one(kind: SettingsKind, t: Language) -> &'static str {
    match kind {
        SettingsKind::Certificate => t.certificate(),
        SettingsKind::Issuer => t.settings_issuer(),
        SettingsKind::Target => t.target(),
        SettingsKind::Alert => t.settings_alert(),
        other => self::kind(other, t),
    }
}

pub(super) fn key(key: &str, t: Language) -> String {
    let words = match key {
        "name" => t.settings_name(),
        "names" => t.names(),
        "issuer" => t.settings_issuer(),
        "key" => t.key(),
        "successor" => t.settings_successor(),
        "allow-same-key" => t.settings_allow_same_key(),
        "longest-key-age" => t.settings_longest_key_age(),
        "targets" => t.targets(),
        "kind" => t.settings_kind(),
        "lifetime" => t.settings_lifetime(),
        "permitted" => t.settings_permitted(),
        "directory" => t.settings_directory(),
        "contact" => t.settings_contact(),
        "challenge" => t.settings_challenge(),
        "http-port" => t.settings_http_port(),
        "tls-port" => t.settings_tls_port(),
        "challenge-addresses" => t.settings_challenge_addresses(),
        "profile" => t.settings_profile(),
        "authority" => t.settings_authority(),
        "template" => t.settings_template(),
        "poll" => t.settings_poll(),
        "time-limit" => t.settings_time_limit(),
        "product" => t.settings_product(),
        "endpoints" => t.settings_endpoints(),
        "service" => t.settings_service(),
        "attention" => t.settings_attention(),
        "remind" => t.settings_remind(),
        "interval" => t.settings_interval(),
        "connections" => t.settings_connections(),
        "over" => t.settings_over(),
        "quiet" => t.settings_quiet(),
        "deadline" => t.settings_deadline(),
        "grace" => t.settings_grace(),
        other => return other.to_owned(),
    };
    words.to_owned()
}
