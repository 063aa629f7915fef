//! Depth: files that would exhaust the stack are refused before anything recursive sees them.

use std::thread;

use baton_textedit::{Change, JsonDocument, MAXIMUM_DEPTH, ParseError};

use crate::{at, edited_text};

fn nested(open: &str, middle: &str, close: &str, depth: usize) -> String {
    open.repeat(depth) + middle + &close.repeat(depth)
}

#[test]
fn the_deepest_file_is_parsed_and_edited_on_a_small_stack() {
    let work = || {
        let array = nested("[", "\"old\"", "]", MAXIMUM_DEPTH);
        let changes = [Change::string(at(&"/0".repeat(MAXIMUM_DEPTH)), "new")];
        assert_eq!(edited_text(&array, &changes), array.replace("old", "new"));

        let object = nested("{\"a\":", "\"old\"", "}", MAXIMUM_DEPTH);
        let changes = [Change::string(at(&"/a".repeat(MAXIMUM_DEPTH)), "new")];
        assert_eq!(edited_text(&object, &changes), object.replace("old", "new"));
    };
    // A quarter of what a thread usually has, for code that was not optimised.
    let thread = thread::Builder::new().stack_size(512 * 1024).spawn(work).unwrap();
    thread.join().unwrap();
}

#[test]
fn deeper_files_are_refused_at_the_bracket_that_is_one_too_many() {
    let column = MAXIMUM_DEPTH + 1;
    for depth in [MAXIMUM_DEPTH + 1, 300, 100_000] {
        for close in ["]", ""] {
            let error = JsonDocument::parse(nested("[", "", close, depth).as_bytes()).unwrap_err();
            assert_eq!(error, ParseError::TooDeep { line: 1, column });
        }
        let objects = nested("{\"a\":\n", "1", "}", depth);
        let error = JsonDocument::parse(objects.as_bytes()).unwrap_err();
        assert_eq!(error, ParseError::TooDeep { line: column, column: 1 });
        assert_eq!(error.to_string(), format!("nested deeper than 64 levels (line {column}, column 1)"));
    }
}

#[test]
fn brackets_that_nest_nothing_do_not_count() {
    let wide = format!("[{}{{}}]", "[],{},".repeat(10_000));
    assert!(JsonDocument::parse(wide.as_bytes()).is_ok());
    let text = format!(r#"["\"{}\\", "{}"]"#, "[".repeat(1_000), "{".repeat(1_000));
    assert!(JsonDocument::parse(text.as_bytes()).is_ok());
    // The comment is what is wrong here.
    let error = JsonDocument::parse(format!("[1 // {}", "[".repeat(1_000)).as_bytes()).unwrap_err();
    assert!(matches!(error, ParseError::Syntax { line: 1, column: 4, .. }), "{error}");
}
