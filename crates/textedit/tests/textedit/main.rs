//! The crate through its public surface. Results are read back by other people's parsers: `serde_json` for JSON,
//! `encoding_rs` for UTF-16.

mod encoding;
mod insert;
mod json;
mod nesting;
mod patch;
mod pointer;
mod properties;
mod toml;
mod toml_properties;

use baton_textedit::{Change, JsonDocument, Pointer};

/// The sample of `tls.json` that is published for Xtract Core, tabs and odd indentation included.
const TLS_JSON: &str = "{\n\t\"tlsEnabled\": true,\n\t\"certificate\": {\n\t\"subjectAltName\": \"BOB.theobald.local\",\n\t\
    \"issuer\": \"CN=Theobald CA, DC=theobald, DC=local\",\n\t\"notAfter\": \"20250717T152041.000Z\",\n\t\
    \"thumbprint\": \"0C32EEE1053DA57E88E6AE22832DFB13775250F9\"\n\t}\n}";

fn at(pointer: &str) -> Pointer {
    pointer.parse().expect("a pointer")
}

fn parse(bytes: &[u8]) -> JsonDocument {
    JsonDocument::parse(bytes).expect("valid JSON")
}

/// Makes the changes, checks that the inverse restores the file, and gives the edited file.
#[track_caller]
fn edited(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let patch = parse(bytes).edit(changes).expect("an edit");
    let edited = patch.apply(bytes).expect("a patch that fits");
    assert_eq!(patch.inverse().apply(&edited).expect("an inverse that fits"), bytes);
    edited
}

/// The same for text in UTF-8.
#[track_caller]
fn edited_text(text: &str, changes: &[Change]) -> String {
    String::from_utf8(edited(text.as_bytes(), changes)).expect("UTF-8")
}
