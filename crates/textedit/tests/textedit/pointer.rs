//! JSON pointers: the notation of RFC 6901.

use baton_finding::Explain as _;
use baton_textedit::{Pointer, PointerError, Scalar};

use crate::{at, parse};

#[test]
fn the_examples_of_the_rfc() {
    let file = br#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8}"#;
    let document = parse(file);
    assert_eq!(document.value(&at("/foo/0")), Some(Scalar::String("bar")));
    let table = [
        ("/", "0"),
        ("/a~1b", "1"),
        ("/c%d", "2"),
        ("/e^f", "3"),
        ("/g|h", "4"),
        ("/i\\j", "5"),
        ("/k\"l", "6"),
        ("/ ", "7"),
        ("/m~0n", "8"),
    ];
    for (pointer, expected) in table {
        assert_eq!(document.value(&at(pointer)), Some(Scalar::Number(expected)), "{pointer}");
        assert_eq!(at(pointer).to_string(), pointer);
    }
    assert_eq!(document.value(&at("/foo/-")), None);
    assert_eq!(document.value(&at("/foo/00")), None);
    assert_eq!(document.value(&at("/foo/+1")), None);
    assert_eq!(document.value(&at("/foo/")), None);
    assert_eq!(document.value(&at("/foo/99999999999999999999999999")), None);
}

#[test]
fn escapes_are_undone_in_the_right_order() {
    assert_eq!(at("/~01"), Pointer::root().member("~1"));
    assert_eq!(Pointer::root().member("~/1").index(7).to_string(), "/~0~11/7");
    assert_eq!(Pointer::root().to_string(), "");
}

#[test]
fn what_is_no_pointer_is_refused() {
    let parse = |text: &str| text.parse::<Pointer>();
    assert_eq!(parse("a"), Err(PointerError::NotRooted { text: "a".to_owned() }));
    for text in ["/~", "/a~2", "/~~0"] {
        let error = parse(text).unwrap_err();
        assert_eq!(error, PointerError::Escape { text: text.to_owned() });
        assert_eq!(error.code(), "json-pointer-invalid");
    }
}

#[test]
fn a_pointer_survives_the_journal() {
    let pointer = Pointer::root().member("a/b").index(0);
    let journal = serde_json::to_string(&pointer).unwrap();
    assert_eq!(journal, r#""/a~1b/0""#);
    assert_eq!(serde_json::from_str::<Pointer>(&journal).unwrap(), pointer);
    assert!(serde_json::from_str::<Pointer>(r#""a""#).is_err());
}
