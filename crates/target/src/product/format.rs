//! Whether the settings files have the form that is known here. One of a newer product may describe its certificate in
//! fields that would go on describing the old one; it is refused rather than edited by half.

use baton_finding::Finding;
use baton_textedit::{Pointer, Scalar};
use baton_x509::X509;

use crate::settings_file::{Place, SettingsFile};

/// The switch of `tls.json`.
const SWITCH: &str = "/tlsEnabled";
/// The member of a certificate object by which it is found.
const THUMBPRINT: &str = "thumbprint";
/// How many hexadecimal digits SHA-256 has.
const FINGERPRINT_DIGITS: usize = 64;

/// What makes a file one of an unknown form; `certificate` is the one that `places` name, where it is known.
pub(super) fn unknown(file: &SettingsFile, places: &[Place], certificate: Option<&X509>) -> Option<Finding> {
    let field = switch_of_another_kind(file)
        .or_else(|| thumbprint_of_another_kind(file))
        .or_else(|| description_that_would_stay(file, places, certificate))?;
    Some(Finding::error(
        "settings-format-unknown",
        format!(
            "{}#{field} is nothing that this version of Baton knows: the product seems to be newer",
            file.path.display()
        ),
        "see whether there is a newer Baton; until then pick the certificate in the product's own Designer",
    ))
}

fn switch_of_another_kind(file: &SettingsFile) -> Option<String> {
    let is_switch = |field: &str| field == SWITCH;
    let is_other = |value: Scalar<'_>| value.as_bool().is_none();
    (file.path.ends_with("servers/tls.json")).then(|| field_where(file, is_switch, is_other)).flatten()
}

/// A number, or whatever else; nothing is nothing in the files of today too.
fn thumbprint_of_another_kind(file: &SettingsFile) -> Option<String> {
    let is_thumbprint = |field: &str| field.rsplit('/').next() == Some(THUMBPRINT);
    field_where(file, is_thumbprint, |value| value.as_number().is_some() || value.as_bool().is_some())
}

/// What says of the certificate in use what no field of today says, beside its thumbprint or below.
fn description_that_would_stay(
    file: &SettingsFile,
    places: &[Place],
    certificate: Option<&X509>,
) -> Option<String> {
    let around = |place: &Place| {
        let field = place.field.to_string();
        field.rsplit_once('/').map_or_else(String::new, |(around, _)| format!("{around}/"))
    };
    let around: Vec<String> = places.iter().map(around).collect();
    let is_beside = |field: &str| around.iter().any(|around| field.starts_with(around.as_str()));
    let describes = |value: Scalar<'_>| {
        let digits = |text: &str| -> String {
            text.chars()
                .filter(|letter| letter.is_ascii_alphanumeric())
                .collect::<String>()
                .to_ascii_lowercase()
        };
        let text = value.as_str().map(digits).unwrap_or_default();
        let is_hexadecimal = text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let serial = certificate.map(|certificate| digits(certificate.serial()));
        (text.len() == FINGERPRINT_DIGITS && is_hexadecimal) || (!text.is_empty() && Some(text) == serial)
    };
    field_where(file, is_beside, describes)
}

fn field_where(
    file: &SettingsFile,
    is_field: impl Fn(&str) -> bool,
    is_value: impl Fn(Scalar<'_>) -> bool,
) -> Option<String> {
    let field = |(field, value): (Pointer, Scalar<'_>)| {
        let field = field.to_string();
        (is_field(&field) && is_value(value)).then_some(field)
    };
    file.scalars().find_map(field)
}
