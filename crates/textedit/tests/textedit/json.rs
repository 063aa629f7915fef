//! JSON: what is found, what an edit changes, what is refused.

use baton_finding::{Explain as _, Finding};
use baton_textedit::{Change, EditError, JsonDocument, ParseError, Scalar};

use crate::{TLS_JSON, at, edited_text, parse};

#[test]
fn the_published_sample_is_handed_over() {
    let document = parse(TLS_JSON.as_bytes());
    let objects: Vec<_> = document.objects_with("thumbprint").collect();
    let [certificate] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!(certificate.pointer().to_string(), "/certificate");
    assert_eq!(certificate.string("thumbprint"), Some("0C32EEE1053DA57E88E6AE22832DFB13775250F9"));
    assert_eq!(certificate.string("issuer"), Some("CN=Theobald CA, DC=theobald, DC=local"));
    assert_eq!(certificate.string("serial"), None);
    assert_eq!(document.value(&at("/tlsEnabled")), Some(Scalar::Bool(true)));

    let values = [
        ("subjectAltName", "sap.example.com"),
        ("issuer", "CN=R\"1\", O=Let's Encrypt, C=US"),
        ("notAfter", "20270304T050607.000Z"),
        ("thumbprint", "A7F1EEE1053DA57E88E6AE22832DFB1377525000"),
    ];
    let changes: Vec<_> =
        values.iter().map(|(name, value)| Change::string(certificate.member(name), *value)).collect();
    let expected = "{\n\t\"tlsEnabled\": true,\n\t\"certificate\": {\n\t\"subjectAltName\": \"sap.example.com\",\n\t\
        \"issuer\": \"CN=R\\\"1\\\", O=Let's Encrypt, C=US\",\n\t\"notAfter\": \"20270304T050607.000Z\",\n\t\
        \"thumbprint\": \"A7F1EEE1053DA57E88E6AE22832DFB1377525000\"\n\t}\n}";
    let edited = edited_text(TLS_JSON, &changes);
    assert_eq!(edited, expected);

    let theirs: serde_json::Value = serde_json::from_str(&edited).unwrap();
    for (name, value) in values {
        assert_eq!(theirs["certificate"][name], value);
    }
}

#[test]
fn tls_is_switched_by_one_word() {
    let off = edited_text(TLS_JSON, &[Change::bool(at("/tlsEnabled"), false)]);
    assert_eq!(off, TLS_JSON.replace("true", "false"));
    assert_eq!(edited_text(&off, &[Change::bool(at("/tlsEnabled"), true)]), TLS_JSON);
}

#[test]
fn everything_but_the_value_stays() {
    let table = [
        // Carriage returns and line feeds, trailing blanks, no line end at the close.
        (
            "{\r\n\t\"a\" :\t\"old\" ,  \r\n\r\n \"z\": [ ]\r\n}",
            "{\r\n\t\"a\" :\t\"NEW\" ,  \r\n\r\n \"z\": [ ]\r\n}",
        ),
        // Carriage returns alone, and white space around the value.
        ("\r {\r\"a\":\r\"old\"\r}\n\n", "\r {\r\"a\":\r\"NEW\"\r}\n\n"),
        // Numbers that no number type holds.
        (
            r#"{"n":1e400,"a":"old","m":123456789012345678901234567890,"f":-0.10E+01}"#,
            r#"{"n":1e400,"a":"NEW","m":123456789012345678901234567890,"f":-0.10E+01}"#,
        ),
        // Escapes in the neighbours, and in the name.
        (
            r#"{"\u0061":"\u006fld","b":"\/\u00e9\ud834\udd1e"}"#,
            r#"{"\u0061":"NEW","b":"\/\u00e9\ud834\udd1e"}"#,
        ),
        // Duplicates are all changed: a reader may take the first or the last.
        (r#"{"a":"old","a":"other","\u0061":"NEW"}"#, r#"{"a":"NEW","a":"NEW","\u0061":"NEW"}"#),
    ];
    for (before, after) in table {
        assert_eq!(edited_text(before, &[Change::string(at("/a"), "NEW")]), after);
    }
}

#[test]
fn big_numbers_are_read_as_they_are_written() {
    let document = parse(br#"{"a": 1e400, "b": [-0, 123456789012345678901234567890], "c": null, "d": {}}"#);
    assert_eq!(document.value(&at("/a")).and_then(Scalar::as_number), Some("1e400"));
    assert_eq!(document.value(&at("/b/0")), Some(Scalar::Number("-0")));
    assert_eq!(document.value(&at("/b/1")), Some(Scalar::Number("123456789012345678901234567890")));
    assert_eq!(document.value(&at("/b/01")), None);
    assert_eq!(document.value(&at("/b/2")), None);
    assert_eq!(document.value(&at("/c")), Some(Scalar::Null));
    assert_eq!(document.value(&at("/d")), None);
    assert_eq!(document.value(&at("")), None);
}

#[test]
fn objects_are_found_at_any_depth_in_the_order_of_the_file() {
    let document = parse(
        br#"[{"thumbprint":"1","in":{"thumbprint":"2"}},{"thumbprint":3},{"no":{"a/b~":[{"thumbprint":"4"}]}},"thumbprint"]"#,
    );
    let found: Vec<_> = document
        .objects_with("thumbprint")
        .map(|object| (object.pointer().to_string(), object.string("thumbprint").unwrap()))
        .collect();
    let expected = [("/0", "1"), ("/0/in", "2"), ("/2/no/a~1b~0/0", "4")];
    assert_eq!(found, expected.map(|(pointer, value)| (pointer.to_owned(), value)));
}

#[test]
fn scalars_are_found_under_any_name() {
    let document = parse(br#"{"a": ["x", {"b": "x", "b": true}], "c": 1}"#);
    let found: Vec<_> = document.scalars().map(|(pointer, value)| (pointer.to_string(), value)).collect();
    let expected = [
        ("/a/0", Scalar::String("x")),
        ("/a/1/b", Scalar::String("x")),
        ("/a/1/b", Scalar::Bool(true)),
        ("/c", Scalar::Number("1")),
    ];
    assert_eq!(found, expected.map(|(pointer, value)| (pointer.to_owned(), value)));
}

#[test]
fn duplicates_are_read_as_by_one_who_takes_the_last() {
    let document = parse(br#"{"o": {"a": "1", "b": "2"}, "o": {"a": "3", "a": "4", "a": 5}}"#);
    assert_eq!(document.value(&at("/o/a")), Some(Scalar::Number("5")));
    assert_eq!(document.value(&at("/o/b")), None);
    let objects: Vec<_> = document.objects_with("a").collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0].pointer(), objects[1].pointer());
    assert_eq!(objects[1].string("a"), Some("4"));
    assert_eq!(objects[1].strings("a").collect::<Vec<_>>(), ["3", "4"]);
    assert_eq!(objects[1].value("a"), Some(Scalar::Number("5")));
}

#[test]
fn duplicates_at_any_level_are_edited_together() {
    let before = r#"{"o":{"a":"1"},"o":{"a":"2","a":"3"},"o":null}"#;
    let after = r#"{"o":{"a":"N"},"o":{"a":"N","a":"N"},"o":null}"#;
    assert_eq!(edited_text(before, &[Change::string(at("/o/a"), "N")]), after);
}

#[test]
fn a_wanted_value_that_is_there_is_left_alone() {
    let document = parse(br#"{"a": "\u0041\/", "b": true}"#);
    let patch = document.edit(&[Change::string(at("/a"), "A/"), Change::bool(at("/b"), true)]).unwrap();
    assert!(patch.is_empty());
    assert!(document.edit(&[]).unwrap().is_empty());
}

#[test]
fn every_character_can_be_written() {
    let value: String =
        ('\0'..='\u{2FF}').chain(['\u{2028}', '\u{FEFF}', '\u{FFFF}', '😀', '\u{10FFFF}']).collect();
    let edited = edited_text(r#"["old"]"#, &[Change::string(at("/0"), value.as_str())]);
    assert_eq!(serde_json::from_str::<Vec<String>>(&edited).unwrap(), [value.as_str()]);
    assert_eq!(parse(edited.as_bytes()).value(&at("/0")), Some(Scalar::String(&value)));
    assert!(edited.contains(r#"\u0000\u0001"#) && edited.contains(r#"\t\n"#) && edited.contains("ÿĀ"));
}

#[test]
fn an_edit_that_cannot_be_meant_is_refused() {
    let document = parse(br#"{"s": "x", "n": 1, "o": {}, "mixed": "x", "mixed": null}"#);
    let (missing, kind, contradiction) = ("json-value-missing", "json-value-kind", "json-edits-contradict");
    let table = [
        (vec![Change::string(at("/gone"), "")], missing, r#"the file has no value at "/gone""#),
        (vec![Change::string(at("/s/0"), "")], missing, r#"the file has no value at "/s/0""#),
        (vec![Change::string(at("/n"), "")], kind, r#"the value at "/n" is a number, not a string"#),
        (vec![Change::bool(at("/s"), true)], kind, r#"the value at "/s" is a string, not a bool"#),
        (vec![Change::string(at(""), "")], kind, r#"the value at "" is an object, not a string"#),
        (vec![Change::string(at("/mixed"), "")], kind, r#"the value at "/mixed" is null, not a string"#),
        (
            vec![Change::string(at("/s"), "x"), Change::string(at("/s"), "y")],
            contradiction,
            r#"two different values are wanted at "/s""#,
        ),
    ];
    for (changes, code, message) in table {
        let error = document.edit(&changes).unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (code, message));
    }
    let twice = [Change::string(at("/s"), "y"), Change::string(at("/s"), "y")];
    assert_eq!(document.edit(&twice).unwrap().splices().len(), 1);
    assert_eq!(document.edit(&twice[..1]), document.edit(&twice));
    assert!(matches!(document.edit(&[Change::bool(at("/o"), true)]), Err(EditError::Kind { .. })));
}

#[test]
fn what_is_not_json_is_refused_with_its_place() {
    let table = [
        ("{\r\n\t// TLS\r\n}", 2, 2, "comments are not allowed"),
        ("{\r\"a\": 1, /* b */\r\"b\": 2}", 2, 9, "comments are not allowed"),
        ("{\"a\": 1,\n}", 1, 8, "trailing commas are not allowed"),
        ("[\"ä😀\", 1,]", 1, 9, "trailing commas are not allowed"),
        ("{'a': 1}", 1, 2, "single-quoted strings are not allowed"),
        ("{a: 1}", 1, 2, "expected string for object property"),
        ("{\"a\": 1 \"b\": 2}", 1, 8, "expected comma"),
        ("[0xFF]", 1, 2, "hexadecimal numbers are not allowed"),
        ("[+1]", 1, 2, "unary plus on numbers is not allowed"),
        ("[.5]", 1, 2, "leading or trailing decimal points on numbers are not allowed"),
        ("[5.]", 1, 2, "leading or trailing decimal points on numbers are not allowed"),
        ("[-Infinity]", 1, 2, "infinity and NaN are not allowed"),
        ("[\"\\x41\"]", 1, 3, "invalid escape"),
        (
            "[\"\\ud834\"]",
            1,
            3,
            "invalid unicode escape sequence. 'd834 (unpaired high surrogate)' is not a valid UTF8 character",
        ),
        ("{} {}", 1, 4, "text cannot contain more than one JSON value"),
        ("{\"a\": \"b\n\"}", 1, 9, "control character within a string must be escaped: U+000A"),
        ("{\"a\tb\": \"c\"}", 1, 4, "control character within a string must be escaped: U+0009"),
        ("{\n\u{A0}\"a\": 1}", 2, 1, "unexpected character between values: U+00A0"),
        ("{\"a\": \"\\\"\", \x0B\"b\": 1}", 1, 13, "unexpected character between values: U+000B"),
    ];
    for (text, line, column, problem) in table {
        let error = JsonDocument::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error, ParseError::Syntax { line, column, problem: problem.to_owned() }, "{text:?}");
        assert_eq!(error.to_string(), format!("{problem} (line {line}, column {column})"));
        assert_eq!(error.code(), "json-syntax");
    }
    for text in ["", " \r\n\t"] {
        assert_eq!(JsonDocument::parse(text.as_bytes()).unwrap_err(), ParseError::Empty);
    }
}

#[test]
fn an_error_becomes_a_finding() {
    let error = JsonDocument::parse(b"{,}").unwrap_err();
    let finding = Finding::from_error(&error);
    assert_eq!(finding.code, "json-syntax");
    assert_eq!(finding.message, "unexpected token in object (line 1, column 2)");
    assert!(!finding.hint.is_empty());
}
