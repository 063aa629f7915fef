//! What holds for every file: nothing but the wanted values changes, and the way back leads to the same bytes.

use std::collections::BTreeMap;

use baton_textedit::{
    Change, EditError, Encoding, JsonDocument, NewValue, ParseError, Patch, Pointer, Scalar,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

use crate::parse;

fn white_space() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", "", " ", "\t", "\n", "\r\n", "\r", " \r\n\t\t", "    "])
}

/// Member names: few, so that duplicates are frequent; two of them are the same name, escaped differently.
fn name() -> impl Strategy<Value = &'static str> {
    select(vec![
        r#""thumbprint""#,
        r#""\u0074humbprint""#,
        r#""""#,
        r#""a/b""#,
        r#""m~n""#,
        r#""ö😀""#,
        r#""0""#,
    ])
}

fn scalar() -> impl Strategy<Value = String> {
    let fixed = select(vec![
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.50",
        "123456789012345678901234567890",
        "-1E+2",
        "1e-400",
        "65536",
        r#""""#,
        r#""\u00e9\ud834\udd1e\/\"\\""#,
        r#""// no comment""#,
        r#""{[,:]}""#,
        r#""\u0000\b\f\n\r\t""#,
        "\"\u{200E}0C32\u{2028}\u{7F}\"",
    ]);
    let string = any::<String>().prop_map(|value| serde_json::to_string(&value).expect("a string"));
    prop_oneof![2 => fixed.prop_map(str::to_owned), 1 => string]
}

/// A file as a person or a program might have written it.
fn document() -> impl Strategy<Value = String> {
    let value = scalar().prop_recursive(5, 60, 6, |inner| {
        let item = (white_space(), inner.clone(), white_space());
        let array = prop::collection::vec(item.prop_map(|(a, value, b)| format!("{a}{value}{b}")), 0..6);
        let member = (white_space(), name(), white_space(), white_space(), inner, white_space());
        let member = member.prop_map(|(a, name, b, c, value, d)| format!("{a}{name}{b}:{c}{value}{d}"));
        let object = prop::collection::vec(member, 0..6);
        prop_oneof![
            1 => array.prop_map(|items| format!("[{}]", items.join(","))),
            3 => object.prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    });
    (white_space(), value, white_space()).prop_map(|(a, value, b)| format!("{a}{value}{b}"))
}

/// What JSON is made of, in any order.
fn punctuation() -> impl Strategy<Value = String> {
    "[\\[\\]{}:,\"\\\\/'ue01.+\\-tfn \t\r\n\u{0B}\u{A0}]{0,12}"
}

/// One value that is nearly right, where a value may stand.
fn token() -> impl Strategy<Value = String> {
    let number = r"[+-]?[01]{0,2}\.?[0-9]{0,2}([eE][+-]?[0-9]{0,2})?|0x1F|-?Infinity|NaN";
    let string = r#"["']([a'\n\t]|\\["\\/bfnrtu'vx0]|\\u[dD][89aAcC0]3[0-9a-g]){0,3}["']"#;
    let word = "true?|TRUE|nul{0,2}|undefined|false_?";
    (
        prop_oneof![3 => number, 3 => string, 1 => word],
        select(vec![("", ""), ("[", "]"), ("{\"a\":", "}"), ("{", ":1}")]),
    )
        .prop_map(|(token, (before, after))| format!("{before}{token}{after}"))
}

/// A good file with one thing too much.
fn damaged() -> impl Strategy<Value = String> {
    let insertion =
        select(vec!["", ",", "\"", "\\", "/**/", "'", "\u{0C}", "\u{85}", "{", "]", "0", ":", "null"]);
    (document(), any::<Index>(), insertion).prop_map(|(text, index, insertion)| {
        let (at, _) = *index.get(&text.char_indices().collect::<Vec<_>>());
        format!("{}{insertion}{}", &text[..at], &text[at..])
    })
}

fn encoding() -> impl Strategy<Value = Encoding> {
    select(vec![
        Encoding::Utf8,
        Encoding::Utf8WithMark,
        Encoding::Utf16LittleEndian,
        Encoding::Utf16BigEndian,
    ])
}

/// New values for some of the strings and bools of a document, each place once.
fn changes(document: &JsonDocument, wishes: &[(Index, String)]) -> Vec<Change> {
    let places: Vec<_> = document.scalars().filter(|(_, value)| is_editable(*value)).collect();
    if places.is_empty() {
        return Vec::new();
    }
    let wanted: BTreeMap<Pointer, NewValue> = wishes
        .iter()
        .map(|(index, text)| {
            let (pointer, present) = index.get(&places);
            let value = match present {
                Scalar::Bool(value) => NewValue::Bool(!value),
                _ => NewValue::String(text.clone()),
            };
            (pointer.clone(), value)
        })
        .collect();
    wanted.into_iter().map(|(pointer, value)| Change { pointer, value }).collect()
}

fn is_editable(value: Scalar<'_>) -> bool {
    matches!(value, Scalar::Bool(_) | Scalar::String(_))
}

/// A file without the bytes that a patch of it replaces.
fn untouched(file: &[u8], patch: &Patch) -> Vec<u8> {
    let mut rest = file.to_vec();
    for splice in patch.splices().iter().rev() {
        rest.drain(splice.offset..splice.offset + splice.old.len());
    }
    rest
}

/// What another decoder and another parser read.
fn read(file: &[u8]) -> Value {
    let (text, _, broken) = encoding_rs::UTF_8.decode(file);
    assert!(!broken);
    serde_json::from_str(&text).expect("valid JSON")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn an_edit_changes_what_is_wanted_and_its_inverse_everything_back(
        text in document(),
        encoding in encoding(),
        wishes in prop::collection::vec((any::<Index>(), any::<String>()), 0..4),
    ) {
        let file = encoding.encode(&text);
        let document = parse(&file);
        prop_assert_eq!(document.encoding(), encoding);

        let mut changes = changes(&document, &wishes);
        // Where duplicates differ in kind, an edit is refused; the others are made.
        changes.retain(|change| match document.edit(std::slice::from_ref(change)) {
            Ok(_) => true,
            Err(error) => {
                assert!(matches!(error, EditError::Kind { .. }), "{error}");
                false
            }
        });
        let patch = document.edit(&changes).expect("an edit");
        let edited = patch.apply(&file).expect("a patch that fits");

        // Back to the bit, and by way of the journal.
        let journal = serde_json::to_string(&patch).expect("a patch as JSON");
        let restored: Patch = serde_json::from_str(&journal).expect("a patch from JSON");
        prop_assert_eq!(&restored, &patch);
        prop_assert_eq!(&restored.inverse().apply(&edited).expect("an inverse that fits"), &file);
        prop_assert_eq!(restored.inverse().inverse(), restored);

        // Nothing else changed.
        prop_assert_eq!(untouched(&file, &patch), untouched(&edited, &patch.inverse()));
        prop_assert_eq!(patch.is_empty(), file == edited);

        // Another parser reads the new values, and all others as before.
        let mut expected = read(&file);
        for Change { pointer, value } in &changes {
            if let Some(place) = expected.pointer_mut(&pointer.to_string()) {
                *place = match value {
                    NewValue::Bool(value) => Value::Bool(*value),
                    NewValue::String(value) => Value::String(value.clone()),
                };
            }
        }
        prop_assert_eq!(read(&edited), expected);

        // So does this one, at every duplicate; and nothing is left to do, or could be done twice.
        let after = parse(&edited);
        for Change { pointer, value } in &changes {
            for (_, present) in after.scalars().filter(|(place, _)| place == pointer) {
                match value {
                    NewValue::Bool(value) => prop_assert_eq!(present, Scalar::Bool(*value)),
                    NewValue::String(value) => prop_assert_eq!(present, Scalar::String(value)),
                }
            }
        }
        prop_assert!(after.edit(&changes).expect("an edit").is_empty());
        prop_assert!(patch.is_empty() || patch.apply(&edited).is_err());
    }

    #[test]
    fn values_are_read_as_by_another_parser(text in document()) {
        let document = parse(text.as_bytes());
        let theirs: Value = serde_json::from_str(&text).expect("valid JSON");
        for (pointer, _) in document.scalars() {
            let their = theirs.pointer(&pointer.to_string());
            match document.value(&pointer) {
                None => prop_assert!(their.is_none_or(|value| value.is_object() || value.is_array())),
                Some(Scalar::Null) => prop_assert_eq!(their, Some(&Value::Null)),
                Some(Scalar::Bool(value)) => prop_assert_eq!(their, Some(&Value::Bool(value))),
                Some(Scalar::String(value)) => prop_assert_eq!(their.and_then(Value::as_str), Some(value)),
                Some(Scalar::Number(digits)) => {
                    prop_assert_eq!(their.and_then(Value::as_f64), digits.parse().ok());
                }
            }
        }
    }

    /// Files that are nearly JSON: accepted by both or by neither.
    #[test]
    fn the_grammar_is_that_of_another_parser(text in prop_oneof![punctuation(), token(), damaged()]) {
        let theirs = serde_json::from_str::<Value>(&text);
        // A bound of their number type, not of the grammar.
        let too_big = theirs.as_ref().is_err_and(|error| error.to_string().starts_with("number out of range"));
        let ours = JsonDocument::parse(text.as_bytes());
        prop_assert_eq!(ours.is_ok(), theirs.is_ok() || too_big, "{:?}, {:?}", ours.err(), theirs.err());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), encoding in encoding()) {
        let marked = [encoding.mark(), &bytes].concat();
        match JsonDocument::parse(&marked) {
            Err(ParseError::Encoding(_)) => {}
            _ => {
                let (encoding, text) = Encoding::decode(&marked).expect("text");
                prop_assert_eq!(encoding.encode(&text), marked);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    /// A settings file that is damaged here and there, as bytes: it is read or refused, and what is read is edited
    /// and put back to the bit.
    #[test]
    fn damaged_files_never_panic(
        encoding in encoding(),
        damages in prop::collection::vec((any::<Index>(), 0_u8..4, any::<u8>()), 0..6),
    ) {
        let sound = "{\r\n\t\"tlsEnabled\": true,\r\n\t\"certificate\": {\r\n\t\t\"thumbprint\": \"0C32\", \"n\": 1e400\r\n\t}\r\n}";
        let mut file = encoding.encode(sound);
        for (position, kind, value) in damages {
            if file.is_empty() {
                break;
            }
            let position = position.index(file.len());
            match kind {
                0 => file[position] = value,
                1 => { file.remove(position); }
                2 => file.insert(position, value),
                _ => file.truncate(position),
            }
        }
        if let Ok(document) = JsonDocument::parse(&file) {
            let change = |object: baton_textedit::JsonObject<'_>| Change::string(object.member("thumbprint"), "A7F1");
            let changes: Vec<Change> = document.objects_with("thumbprint").map(change).collect();
            if let Ok(patch) = document.edit(&changes) {
                let edited = patch.apply(&file).expect("a patch that fits");
                prop_assert_eq!(&patch.inverse().apply(&edited).expect("an inverse that fits"), &file);
            }
        }
    }
}
