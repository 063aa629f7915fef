//! Distinguished names as .NET prints them.
//!
//! The products' settings files hold the issuer in the form of .NET's `X509Certificate2.Issuer`: the
//! relative names in reverse order of their encoding, `CN=…, DC=…`, joined by comma and blank, quoted where
//! a value holds a character of the notation (Win32 `CertNameToStr` with `CERT_X500_NAME_STR` and
//! `CERT_NAME_STR_REVERSE_FLAG`).

use x509_parser::prelude::{AttributeTypeAndValue, X509Name};

/// Attribute types with a short name in that notation.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "S"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "T"),
    ("2.5.4.13", "Description"),
    ("2.5.4.17", "PostalCode"),
    ("2.5.4.18", "POBox"),
    ("2.5.4.20", "Phone"),
    ("2.5.4.42", "G"),
    ("2.5.4.43", "I"),
    ("2.5.4.46", "dnQualifier"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "E"),
];

pub(crate) fn display(name: &X509Name<'_>) -> String {
    let mut relative_names: Vec<String> =
        name.iter_rdn().map(|rdn| rdn.iter().map(attribute).collect::<Vec<_>>().join(" + ")).collect();
    relative_names.reverse();
    relative_names.join(", ")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    let label = SHORT_NAMES
        .iter()
        .find(|(known, _)| *known == oid)
        .map_or_else(|| format!("OID.{oid}"), |(_, label)| (*label).to_owned());
    format!("{label}={}", quoted(&value(attribute)))
}

/// The attribute's text; a string type that no one uses any more is shown by its bytes, as `#hex`.
fn value(attribute: &AttributeTypeAndValue<'_>) -> String {
    if let Ok(text) = attribute.as_str() {
        return text.to_owned();
    }
    let data = attribute.attr_value().data;
    match attribute.attr_value().tag().0 {
        // BMPString (X.690, 8.23): UTF-16, big-endian.
        30 => String::from_utf16_lossy(
            &data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect::<Vec<_>>(),
        ),
        // TeletexString: in practice Latin-1.
        20 => data.iter().map(|&byte| char::from(byte)).collect(),
        _ => data.iter().fold("#".to_owned(), |text, byte| format!("{text}{byte:02X}")),
    }
}

fn quoted(value: &str) -> String {
    let special = |c: char| matches!(c, ',' | '+' | '=' | '"' | '\n' | '\r' | '<' | '>' | '#' | ';');
    let blank_edge = value.starts_with(' ') || value.ends_with(' ');
    if value.is_empty() || blank_edge || value.contains(special) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}
