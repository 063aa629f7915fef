//! Parts of the documents that tests write: each stands between two comments that carry its name.

use std::path::Path;

/// Compares a part of a document with what the test has found out. With `BATON_WRITE_DOCUMENTS=1` in the environment
/// it is written instead.
#[expect(clippy::disallowed_methods, reason = "how a person asks a test to write")]
#[track_caller]
pub(crate) fn compare(document: &str, part: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(document);
    let text = fs_err::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {part}: written by a test -->\n"), format!("<!-- end of {part} -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{document} has no {begin}"));
    let (present, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{document} has no {end}"));
    if std::env::var_os("BATON_WRITE_DOCUMENTS").is_some() {
        fs_err::write(&path, format!("{before}{begin}{found}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(
        present, found,
        "run the test with BATON_WRITE_DOCUMENTS=1, and look at what changes in {document}"
    );
}

/// Compares a whole document with what the test has found out. With `BATON_WRITE_DOCUMENTS=1` in the environment it is
/// written instead.
#[expect(clippy::disallowed_methods, reason = "how a person asks a test to write")]
#[track_caller]
pub(crate) fn compare_file(document: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(document);
    if std::env::var_os("BATON_WRITE_DOCUMENTS").is_some() {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, found).unwrap();
        return;
    }
    let present = fs_err::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        present, found,
        "run `BATON_WRITE_DOCUMENTS=1 cargo nextest run -p baton --test baton up_to_date`, and look at what changes in {document}"
    );
}
