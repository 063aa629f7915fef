//! What holds for every TOML file: only what was wanted changes, and the way back leads to the same bytes.

use baton_textedit::{TomlChange, TomlDocument, TomlPlace, TomlValue};
use proptest::prelude::*;
use proptest::sample::select;

use crate::toml::{element, set};

fn line_end() -> impl Strategy<Value = &'static str> {
    select(vec!["\n", "\n", "\r\n"])
}

fn noise() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", "\n", "# words, [more] 'words'\n", "  \t\n", "\t# \"x\n", "\n\n"])
}

fn string() -> impl Strategy<Value = String> {
    select(vec![
        "'a'",
        "\"a\"",
        "\"\\u0061\"",
        "'b'",
        "'''b'''",
        "\"c # d\"",
        "'[x]'",
        "\"\"\"\ne,\n\"\"\"",
        "''",
    ])
    .prop_map(str::to_owned)
}

/// What stands between the elements of an array, with a comma somewhere in it.
fn comma() -> impl Strategy<Value = &'static str> {
    select(vec![",", ", ", " ,", ",\n  ", ", # one, two\n\t", "\n,\n", " # x ]\n , # y\n", ",\n\n  # z\n  "])
}

fn array() -> impl Strategy<Value = String> {
    let open = select(vec!["", " ", "\n  ", " # open\n", "\n# first\n  "]);
    let close = select(vec!["", " ", ",", ",\n", "\n", ", # close\n", " # close\n", ",\n # last\n "]);
    (open, prop::collection::vec((string(), comma()), 0..5), close).prop_map(|(open, items, close)| {
        let mut array = format!("[{open}");
        for (number, (item, comma)) in items.iter().enumerate() {
            array.push_str(item);
            array.push_str(if number + 1 < items.len() { comma } else { close });
        }
        // Only an element may have a comma behind it.
        if items.is_empty() {
            array.push_str(&close.replacen(',', "", usize::from(close.starts_with(','))));
        }
        array + "]"
    })
}

fn key(name: &'static str) -> impl Strategy<Value = String> {
    let value =
        prop_oneof![array(), string(), Just("12".to_owned()), Just("{ a = 1, b = ['x'] }".to_owned())];
    (noise(), select(vec!["", "  ", "\t"]), value, select(vec!["", " # behind", "   "]))
        .prop_map(move |(noise, blank, value, behind)| format!("{noise}{blank}{name} = {value}{behind}\n"))
}

fn element_of(array: &'static str, name: &'static str) -> impl Strategy<Value = String> {
    let keys = prop::collection::vec(prop::bool::ANY, 3);
    let below = prop::bool::ANY;
    (noise(), keys, key("one"), key("two"), key("three"), below, noise()).prop_map(
        move |(before, keys, one, two, three, below, behind)| {
            let mut text = format!("{before}[[{array}]] # header\nname = '{name}'\n");
            for (is_there, key) in keys.iter().zip([one, two, three]) {
                if *is_there {
                    text.push_str(&key);
                }
            }
            if below {
                text.push_str(&format!("\n[{array}.below]\nx = 1\n"));
            }
            text + behind
        },
    )
}

fn file() -> impl Strategy<Value = String> {
    let parts = (
        noise(),
        element_of("issuer", "a"),
        element_of("target", "a"),
        element_of("target", "b"),
        element_of("certificate", "b"),
        select(vec!["", "[proof]\nover = '1s'\n", "[proof]"]),
    );
    (parts, line_end(), prop::bool::ANY, prop::bool::ANY).prop_map(|(parts, line_end, has_mark, is_cut)| {
        let (noise, issuer, one, two, certificate, proof) = parts;
        let text = [noise, &issuer, &one, &two, &certificate, proof].concat().replace('\n', line_end);
        let text = if is_cut { text.trim_end().to_owned() } else { text };
        if has_mark { format!("\u{feff}{text}") } else { text }
    })
}

fn value() -> impl Strategy<Value = TomlValue> {
    let texts = prop::collection::vec(select(vec!["a", "b", "c # d", "new", "e,\n", "'\"\\", ""]), 0..5);
    prop_oneof![
        texts.prop_map(TomlValue::strings),
        any::<String>().prop_map(TomlValue::String),
        any::<i64>().prop_map(TomlValue::Integer),
        any::<bool>().prop_map(TomlValue::Bool),
    ]
}

fn change() -> impl Strategy<Value = TomlChange> {
    let place = select(vec![
        element("issuer", "a"),
        element("target", "a"),
        element("target", "b"),
        element("certificate", "b"),
        TomlPlace::Table("proof".to_owned()),
        TomlPlace::Table("probe".to_owned()),
    ]);
    let key = select(vec!["one", "two", "three", "four"]);
    let array = select(vec!["issuer", "target", "alert"]);
    prop_oneof![
        6 => (place.clone(), key.clone(), value()).prop_map(|(place, key, value)| set(place, key, value)),
        2 => (place, key).prop_map(|(place, key)| TomlChange::Unset { place, key: key.to_owned() }),
        1 => (array, value()).prop_map(|(array, value)| TomlChange::Append {
            array: array.to_owned(),
            entries: vec![("name".to_owned(), TomlValue::String("new".to_owned())), ("one".to_owned(), value)],
        }),
        1 => select(vec!["a", "b"])
            .prop_map(|name| TomlChange::Remove { place: element("target", name) }),
    ]
}

/// What a reader of TOML takes from a file.
fn read(bytes: &[u8]) -> toml::Table {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    text.strip_prefix('\u{feff}').unwrap_or(text).parse().expect("TOML")
}

fn plain(value: &TomlValue) -> toml::Value {
    match value {
        TomlValue::String(text) => text.clone().into(),
        TomlValue::Integer(integer) => (*integer).into(),
        TomlValue::Bool(truth) => (*truth).into(),
        TomlValue::Array(values) => values.iter().map(plain).collect::<Vec<_>>().into(),
        TomlValue::Table(members) => {
            toml::Value::Table(members.iter().map(|(key, value)| (key.clone(), plain(value))).collect())
        }
    }
}

/// The same change, of what was read.
fn expected(mut file: toml::Table, change: &TomlChange) -> toml::Table {
    let named =
        |table: &toml::Value, name: &str| table.get("name").and_then(toml::Value::as_str) == Some(name);
    match change {
        TomlChange::Set { place, key, value } => {
            with_table(&mut file, place, |table| {
                table.insert(key.clone(), plain(value));
            });
        }
        TomlChange::Unset { place, key } => {
            if !matches!(place, TomlPlace::Table(name) if !file.contains_key(name)) {
                with_table(&mut file, place, |table| {
                    table.remove(key);
                });
            }
        }
        TomlChange::Append { array, entries } => {
            let tables = file.entry(array.clone()).or_insert_with(|| Vec::<toml::Value>::new().into());
            let new = plain(&TomlValue::Table(entries.clone()));
            tables.as_array_mut().expect("tables").push(new);
        }
        TomlChange::Remove { place: TomlPlace::Element { array, name } } => {
            let tables = file[array.as_str()].as_array_mut().expect("tables");
            tables.retain(|table| !named(table, name));
            if tables.is_empty() {
                file.remove(array);
            }
        }
        TomlChange::Remove { place: TomlPlace::Table(_) } => unreachable!("no such change is made here"),
    }
    file
}

fn with_table(file: &mut toml::Table, place: &TomlPlace, change: impl FnOnce(&mut toml::Table)) {
    let table = match place {
        TomlPlace::Table(name) => file.entry(name.clone()).or_insert_with(|| toml::Table::new().into()),
        TomlPlace::Element { array, name } => file[array.as_str()]
            .as_array_mut()
            .expect("tables")
            .iter_mut()
            .find(|table| table["name"].as_str() == Some(name))
            .expect("one of that name"),
    };
    change(table.as_table_mut().expect("a table"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn one_change_is_made_and_no_other(file in file(), change in change()) {
        let document = TomlDocument::parse(file.as_bytes()).expect("valid TOML");
        let patch = document.edit(std::slice::from_ref(&change)).expect("an edit");
        let edited = patch.apply(file.as_bytes()).expect("a patch that fits");
        prop_assert_eq!(read(&edited), expected(read(file.as_bytes()), &change), "{}", String::from_utf8_lossy(&edited));
        prop_assert_eq!(patch.inverse().apply(&edited).expect("an inverse that fits"), file.as_bytes());
        // A second time there is nothing left to do.
        if matches!(change, TomlChange::Set { .. } | TomlChange::Unset { .. }) {
            let again = TomlDocument::parse(&edited).expect("valid TOML").edit(&[change]).expect("an edit");
            prop_assert!(again.is_empty());
        }
    }

    #[test]
    fn comments_stay_but_those_of_what_goes(file in file(), change in change()) {
        let TomlChange::Set { value: TomlValue::Array(_), .. } = &change else { return Ok(()) };
        let patch = TomlDocument::parse(file.as_bytes()).expect("valid TOML").edit(&[change]).expect("an edit");
        let edited = String::from_utf8(patch.apply(file.as_bytes()).expect("a patch that fits")).expect("UTF-8");
        for comment in ["# words, [more] 'words'", "# header", "# behind", "# first", "# last", "# z"] {
            prop_assert_eq!(edited.matches(comment).count(), file.matches(comment).count(), "{}", edited);
        }
    }

    #[test]
    fn damaged_files_never_panic(text in "[\\[\\]{}=.,'\"#a\n\r \\\\]{0,40}") {
        if let Ok(document) = TomlDocument::parse(text.as_bytes()) {
            for place in [element("a", "a"), TomlPlace::Table("a".to_owned())] {
                for change in [
                    set(place.clone(), "a", TomlValue::strings(["x"])),
                    TomlChange::Unset { place: place.clone(), key: "a".to_owned() },
                    TomlChange::Append { array: "a".to_owned(), entries: Vec::new() },
                    TomlChange::Remove { place: place.clone() },
                ] {
                    if let Ok(patch) = document.edit(&[change]) {
                        let edited = patch.apply(text.as_bytes()).expect("a patch that fits");
                        TomlDocument::parse(&edited).expect("what was written is TOML");
                    }
                }
            }
        }
    }
}
