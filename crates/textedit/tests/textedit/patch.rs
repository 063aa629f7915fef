//! Patches: kept as data, refused where they do not fit, undone to the bit.

use baton_finding::Explain as _;
use baton_textedit::{Change, ConflictError, Patch, PatchError, Splice};

use crate::{TLS_JSON, at, parse};

fn splice(offset: usize, old: &[u8], new: &[u8]) -> Splice {
    Splice { offset, old: old.to_vec(), new: new.to_vec() }
}

#[test]
fn a_patch_survives_the_journal() {
    let patch = parse(TLS_JSON.as_bytes()).edit(&[Change::bool(at("/tlsEnabled"), false)]).unwrap();
    let journal = serde_json::to_string(&patch).unwrap();
    assert_eq!(journal, r#"{"splices":[{"offset":17,"old":"74727565","new":"66616c7365"}]}"#);
    assert_eq!(serde_json::from_str::<Patch>(&journal).unwrap(), patch);
    assert_eq!(serde_json::from_str::<Patch>(r#"{"splices":[]}"#).unwrap(), Patch::default());
}

#[test]
fn a_damaged_journal_is_no_patch() {
    for (old, expected) in [
        (r#""7472756""#, "expected pairs of hexadecimal digits"),
        (r#""7472756g""#, "expected pairs of hexadecimal digits"),
        (r#""é0""#, "expected pairs of hexadecimal digits"),
        ("1", "expected a string"),
    ] {
        let journal = format!(r#"{{"splices":[{{"offset":17,"old":{old},"new":""}}]}}"#);
        let error = serde_json::from_str::<Patch>(&journal).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let journal = r#"{"splices":[{"offset":1,"old":"0000","new":""},{"offset":2,"old":"00","new":""}]}"#;
    let error = serde_json::from_str::<Patch>(journal).unwrap_err().to_string();
    assert!(error.contains("the splice at byte 2 overlaps the one before it"), "{error}");
}

#[test]
fn splices_must_be_in_order_apart_and_reachable() {
    let overlap = PatchError::Overlap { offset: 2 };
    assert_eq!(Patch::new(vec![splice(0, b"abc", b""), splice(2, b"c", b"")]), Err(overlap.clone()));
    assert_eq!(Patch::new(vec![splice(5, b"", b"x"), splice(2, b"c", b"")]), Err(overlap));
    let end = usize::MAX;
    assert_eq!(Patch::new(vec![splice(end, b"a", b"")]), Err(PatchError::Unreachable { offset: end }));
    assert_eq!(Patch::new(vec![splice(end, b"", b"a")]), Err(PatchError::Unreachable { offset: end }));
    assert!(Patch::new(vec![splice(end - 1, b"a", b"b"), splice(end, b"", b"")]).is_ok());
}

#[test]
fn neighbours_insertions_and_removals_are_undone() {
    let patch = Patch::new(vec![
        splice(0, b"", b"<"),
        splice(0, b"abc", b"A"),
        splice(3, b"d", b""),
        splice(6, b"", b"--"),
        splice(7, b"h", b"hhh"),
    ])
    .unwrap();
    let edited = patch.apply(b"abcdefgh").unwrap();
    assert_eq!(edited, b"<Aef--ghhh");
    assert_eq!(patch.inverse().apply(&edited).unwrap(), b"abcdefgh");
    assert_eq!(patch.inverse().inverse(), patch);
}

#[test]
fn a_file_that_changed_is_a_conflict() {
    let patch = Patch::new(vec![splice(1, b"old", b"new"), splice(6, b"x", b"y")]).unwrap();
    assert_eq!(patch.apply(b".old..x").unwrap(), b".new..y");
    assert_eq!(patch.apply(b"old..x"), Err(ConflictError::Different { offset: 1 }));
    assert_eq!(patch.apply(b".old..z"), Err(ConflictError::Different { offset: 6 }));
    assert_eq!(patch.apply(b".old.."), Err(ConflictError::Shorter { offset: 6, end: 7 }));
    assert_eq!(patch.apply(b""), Err(ConflictError::Shorter { offset: 1, end: 4 }));
    let error = patch.apply(b".new..y").unwrap_err();
    assert_eq!(error.code(), "file-changed");
    assert_eq!(error.to_string(), "the file holds other bytes than expected at byte 1");
}

#[test]
fn an_edit_is_never_made_twice() {
    // Where one value begins with the other, quotes keep them apart.
    for (old, new) in [("a", "ab"), ("ab", "a"), ("", "a"), ("a", "a\"")] {
        let file = serde_json::to_vec(&[old]).unwrap();
        let patch = parse(&file).edit(&[Change::string(at("/0"), new)]).unwrap();
        let edited = patch.apply(&file).unwrap();
        assert!(patch.apply(&edited).is_err(), "{old:?} to {new:?}");
        assert!(patch.inverse().apply(&file).is_err(), "{old:?} to {new:?}");
    }
}
