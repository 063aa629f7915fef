//! New members behind those that are there.

use baton_finding::Explain as _;
use baton_textedit::{JsonDocument, NewValue, Pointer};

/// The file with `"new": true` behind the member that the pointer leads to. The way back is tried too, and a second try.
#[track_caller]
fn inserted(file: &[u8], sibling: &str) -> Vec<u8> {
    let document = JsonDocument::parse(file).expect("what fits");
    let sibling: Pointer = sibling.parse().expect("what fits");
    let patch = document.insert_after(&sibling, "new", &NewValue::Bool(true)).expect("what fits");
    let edited = patch.apply(file).expect("what fits");
    assert_eq!(patch.inverse().apply(&edited).expect("what fits"), file);
    assert!(patch.apply(&edited).is_err(), "the patch was made twice");
    JsonDocument::parse(&edited).expect("what fits");
    edited
}

#[track_caller]
fn refused(file: &str, sibling: &str) -> &'static str {
    let document = JsonDocument::parse(file.as_bytes()).expect("what fits");
    let sibling: Pointer = sibling.parse().expect("what fits");
    document.insert_after(&sibling, "new", &NewValue::Bool(true)).expect_err("no place").code()
}

#[test]
fn a_member_goes_behind_its_sibling_in_the_manner_of_the_file() {
    for (file, sibling, expected) in [
        (r#"{"a": 1}"#, "/a", r#"{"a": 1, "new": true}"#),
        (r#"{"a": 1, "b": 2}"#, "/a", r#"{"a": 1, "new": true, "b": 2}"#),
        ("{\n  \"a\": 1\n}\n", "/a", "{\n  \"a\": 1,\n  \"new\": true\n}\n"),
        (
            "{\r\n\t\"a\": [1,\r\n\t2],\r\n\t\"b\": 2}",
            "/a",
            "{\r\n\t\"a\": [1,\r\n\t2],\r\n\t\"new\": true,\r\n\t\"b\": 2}",
        ),
        (r#"[{"a": "}\"", "q\"": {}}]"#, "/0/a", r#"[{"a": "}\"", "new": true, "q\"": {}}]"#),
    ] {
        let edited = inserted(file.as_bytes(), sibling);
        assert_eq!(String::from_utf8(edited).expect("what fits"), expected);
    }
}

#[test]
fn the_encoding_of_the_file_stays() {
    let utf16 = |text: &str| -> Vec<u8> {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [0xFF, 0xFE].into_iter().chain(units).collect()
    };
    let edited = inserted(&utf16("{\"\u{fc}\": \"\u{1F511}\"}"), "/\u{fc}");
    assert_eq!(edited, utf16("{\"\u{fc}\": \"\u{1F511}\", \"new\": true}"));
}

#[test]
fn what_is_there_already_or_nowhere_or_twice_is_refused() {
    assert_eq!(refused(r#"{"a": 1, "new": null}"#, "/a"), "json-value-present");
    assert_eq!(refused(r#"{"a": 1}"#, "/b"), "json-value-missing");
    assert_eq!(refused(r#"{"a": 1}"#, ""), "json-value-missing");
    assert_eq!(refused(r#"{"a": [1, 2]}"#, "/a/0"), "json-value-missing");
    assert_eq!(refused(r#"{"a": 1, "a": 2}"#, "/a"), "json-value-ambiguous");
}
