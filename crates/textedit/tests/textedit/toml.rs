//! TOML: what is changed, and what stays as it was.

use baton_finding::Explain as _;
use baton_textedit::{TomlChange, TomlDocument, TomlEditError, TomlParseError, TomlPlace, TomlValue};

pub(crate) fn element(array: &str, name: &str) -> TomlPlace {
    TomlPlace::Element { array: array.to_owned(), name: name.to_owned() }
}

pub(crate) fn set(place: TomlPlace, key: &str, value: TomlValue) -> TomlChange {
    TomlChange::Set { place, key: key.to_owned(), value }
}

fn unset(place: TomlPlace, key: &str) -> TomlChange {
    TomlChange::Unset { place, key: key.to_owned() }
}

fn table(name: &str) -> TomlPlace {
    TomlPlace::Table(name.to_owned())
}

fn text(text: &str) -> TomlValue {
    TomlValue::String(text.to_owned())
}

/// Makes the changes, checks that the result is TOML and that the inverse restores the file.
#[track_caller]
pub(crate) fn edited(file: &str, changes: &[TomlChange]) -> String {
    let document = TomlDocument::parse(file.as_bytes()).expect("valid TOML");
    let patch = document.edit(changes).expect("an edit");
    let edited = patch.apply(file.as_bytes()).expect("a patch that fits");
    assert_eq!(patch.inverse().apply(&edited).expect("an inverse that fits"), file.as_bytes());
    TomlDocument::parse(&edited).expect("what was written is TOML");
    String::from_utf8(edited).expect("UTF-8")
}

#[track_caller]
fn refused(file: &str, change: TomlChange) -> TomlEditError {
    TomlDocument::parse(file.as_bytes()).expect("valid TOML").edit(&[change]).expect_err("a refusal")
}

const FILE: &str = "\
# Our settings.

[[certificate]] # the first
name = \"sap\"
names = [ 'a.example.com',\"b.example.com\" ]   # both of them
\tkey  =  \"rsa-2048\"

# The second one
[[certificate]]
name = 'web'
names = [
  # outside
  \"www.example.com\", # the old site
  \"example.com\",

  # inside
  \"intranet\",
]
";

#[test]
fn a_value_is_replaced_and_nothing_beside_it() {
    let changes = [
        set(element("certificate", "sap"), "key", text("ecdsa-p256")),
        set(element("certificate", "sap"), "names", TomlValue::strings(["b.example.com", "c.example.com"])),
    ];
    let wanted = FILE
        .replace("\"rsa-2048\"", "\"ecdsa-p256\"")
        .replace("[ 'a.example.com',\"b.example.com\" ]", "[ \"b.example.com\", \"c.example.com\" ]");
    assert_eq!(edited(FILE, &changes), wanted);
}

#[test]
fn a_value_that_is_there_already_stays_as_it_is_written() {
    let changes = [
        set(element("certificate", "web"), "name", text("web")),
        set(element("certificate", "sap"), "names", TomlValue::strings(["a.example.com", "b.example.com"])),
    ];
    assert_eq!(edited(FILE, &changes), FILE);
}

#[test]
fn comments_in_an_array_stay() {
    let names = ["example.com", "new.example.com", "intranet"];
    let changes = [set(element("certificate", "web"), "names", TomlValue::strings(names))];
    let wanted = FILE
        .replace("  \"www.example.com\", # the old site\n", "")
        .replace("  \"example.com\",\n", "  \"example.com\",\n  \"new.example.com\",\n");
    assert_eq!(edited(FILE, &changes), wanted);

    let changes = [set(element("certificate", "web"), "names", TomlValue::strings(["intranet"]))];
    let wanted = FILE.replace("  \"www.example.com\", # the old site\n  \"example.com\",\n", "");
    assert_eq!(edited(FILE, &changes), wanted);

    let changes = [set(element("certificate", "web"), "names", TomlValue::Array(Vec::new()))];
    let changed = edited(FILE, &changes);
    assert!(changed.contains("# outside\n") && changed.contains("# inside\n"), "{changed}");
}

#[test]
fn an_array_keeps_its_form() {
    let list = |texts: &[&str]| TomlValue::strings(texts.iter().copied());
    for (before, wanted, after) in [
        ("[]", list(&["a"]), "[\"a\"]"),
        ("[ ]", list(&["a", "b"]), "[\"a\", \"b\"]"),
        ("['a']", list(&[]), "[]"),
        ("['a', 'b',]", list(&["b"]), "['b',]"),
        ("['a', 'a']", list(&["a", "a", "a"]), "['a', 'a', \"a\"]"),
        ("['a', 'b']", list(&["b", "a"]), "['b', 'a']"),
        ("[\n  'a',\n  'b'\n]", list(&["a", "b", "c"]), "[\n  'a',\n  'b',\n  \"c\"\n]"),
        ("[\n]", list(&["a"]), "[\n  \"a\",\n]"),
        ("[ # x, y\n]", list(&["a"]), "[ # x, y\n  \"a\",\n]"),
        ("[\n\t'a', # b, c\n\t'd'] # e", list(&["d", "a"]), "[\n\t'd',\n\t'a' # b, c\n\t] # e"),
        ("[\n 'a' # one\n , 'b'\n]", list(&["a", "b", "c"]), "[\n 'a', # one\n  'b',\n \"c\"\n]"),
    ] {
        let file = format!("[[target]]\nname = 'x'\nlist = {before}\n");
        let changed = edited(&file, &[set(element("target", "x"), "list", wanted.clone())]);
        let document = TomlDocument::parse(changed.as_bytes()).unwrap();
        let value = document.tables("target").next().unwrap().entry("list").unwrap().value();
        assert_eq!(value, Some(wanted), "{changed}");
        assert_eq!(changed, format!("[[target]]\nname = 'x'\nlist = {after}\n"), "{before}");
    }
}

#[test]
fn a_new_key_goes_behind_the_others_of_its_table() {
    let file = "[[issuer]]\n  name = 'le'\n  kind = 'acme'\n  # which\n  [issuer.dns]\n  kind = 'command'\n[probe]\n";
    let changes = [
        set(element("issuer", "le"), "profile", text("short")),
        set(element("issuer", "le"), "http-port", TomlValue::Integer(80)),
        set(table("probe"), "interval", text("1m")),
        set(table("proof"), "over", text("1s")),
        set(table("proof"), "quiet", text("2s")),
    ];
    let wanted = "[[issuer]]\n  name = 'le'\n  kind = 'acme'\n  profile = \"short\"\n  http-port = 80\n  # which\n  \
                  [issuer.dns]\n  kind = 'command'\n[probe]\ninterval = \"1m\"\n\n[proof]\nover = \"1s\"\nquiet = \"2s\"\n";
    assert_eq!(edited(file, &changes), wanted);
}

#[test]
fn a_table_without_a_header_gets_lines_of_the_same_kind() {
    let file = "probe.interval = '1m'\nproof.over = '1s' # spread\nproof.quiet = '1s'\n[retire]\n";
    let changes = [
        set(table("proof"), "deadline", text("2m")),
        unset(table("proof"), "over"),
        set(table("probe"), "interval", text("5m")),
    ];
    let wanted = "probe.interval = \"5m\"\nproof.quiet = '1s'\nproof.deadline = \"2m\"\n[retire]\n";
    assert_eq!(edited(file, &changes), wanted);
}

#[test]
fn a_key_goes_with_its_line_and_no_other() {
    let changes =
        [unset(element("certificate", "sap"), "key"), unset(element("certificate", "web"), "names")];
    let changed = edited(FILE, &changes);
    assert!(!changed.contains("rsa-2048") && !changed.contains("intranet"), "{changed}");
    assert!(changed.ends_with("name = 'web'\n") && changed.contains("# both of them\n\n# The second one"));
    // What is not there is gone already.
    assert_eq!(
        edited(FILE, &[unset(table("proof"), "over"), unset(element("certificate", "web"), "key")]),
        FILE
    );
}

#[test]
fn a_new_element_goes_behind_the_others() {
    let file = "[[target]]\nname = 'a'\n# about a\n\n# about the certificate\n[[certificate]]\nname = 'c'";
    let entries = vec![("name".to_owned(), text("b"))];
    let target = TomlChange::Append { array: "target".to_owned(), entries: entries.clone() };
    let certificate = TomlChange::Append { array: "certificate".to_owned(), entries: entries.clone() };
    let issuer = TomlChange::Append { array: "issuer".to_owned(), entries };
    assert_eq!(
        edited(file, &[target, certificate, issuer]),
        "[[target]]\nname = 'a'\n# about a\n\n[[target]]\nname = \"b\"\n\n# about the certificate\n[[certificate]]\n\
         name = 'c'\n\n[[certificate]]\nname = \"b\"\n\n[[issuer]]\nname = \"b\"\n"
    );
    let entries = vec![("name".to_owned(), text("b"))];
    let first = TomlChange::Append { array: "target".to_owned(), entries };
    assert_eq!(edited("", &[first]), "[[target]]\nname = \"b\"\n");
}

#[test]
fn an_element_goes_with_what_is_below_it_and_the_comment_right_before_it() {
    let remove = |name: &str| TomlChange::Remove { place: element("certificate", name) };
    let (first, second) = FILE.split_once("# The second one").unwrap();
    assert_eq!(edited(FILE, &[remove("web")]), first.trim_end().to_owned() + "\n");
    assert_eq!(edited(FILE, &[remove("sap")]), format!("# Our settings.\n\n# The second one{second}"));
    let file = "# the file\n[[issuer]]\nname = 'a'\n\n[issuer.dns]\nkind = 'x'\n\n[probe]\n";
    let remove = TomlChange::Remove { place: element("issuer", "a") };
    assert_eq!(edited(file, &[remove]), "# the file\n\n[probe]\n");
}

#[test]
fn byte_order_mark_and_line_ends_stay() {
    let file = "\u{feff}[[certificate]]\r\nname = 'a'\r\nnames = [\r\n  'x', # one\r\n]\r\n[probe]\r\n";
    let changes = [
        set(element("certificate", "a"), "names", TomlValue::strings(["x", "y"])),
        set(element("certificate", "a"), "issuer", text("i")),
        set(table("retire"), "grace", text("1d")),
    ];
    assert_eq!(
        edited(file, &changes),
        "\u{feff}[[certificate]]\r\nname = 'a'\r\nnames = [\r\n  'x', # one\r\n  \"y\",\r\n]\r\nissuer = \"i\"\r\n[probe]\r\n\r\n\
         [retire]\r\ngrace = \"1d\"\r\n"
    );
}

#[test]
fn what_is_put_in_stays_one_value() {
    for hostile in [
        "\"\nactivate = [\"sh\"]\n",
        "a\r\nb",
        "'''",
        "\\",
        "C:\\'x",
        "]]\n[[target]]",
        "\u{0}\u{7f}\u{85}\u{2028}",
        "\u{202e}gpj",
        "# no comment",
        "{ a = 1 }",
        "😀",
    ] {
        let changed = edited(
            FILE,
            &[
                set(element("certificate", "sap"), "key", text(hostile)),
                set(element("certificate", "sap"), "issuer", text(hostile)),
                set(element("certificate", "web"), "names", TomlValue::strings([hostile, "intranet"])),
            ],
        );
        let document = TomlDocument::parse(changed.as_bytes()).unwrap();
        let tables: Vec<_> = document.tables("certificate").collect();
        assert_eq!(tables.len(), 2, "{changed}");
        assert_eq!((tables[0].string("key"), tables[0].string("issuer")), (Some(hostile), Some(hostile)));
        let names = tables[1].entry("names").unwrap().value();
        assert_eq!(names, Some(TomlValue::strings([hostile, "intranet"])));
        let written = tables[1].entry("names").unwrap().source().lines().nth(2).map(str::trim);
        assert!(written.is_some_and(|line| line.starts_with(['"', '\''])), "below its comment: {changed}");
        assert!(document.table("target").is_none() && tables[0].entry("activate").is_none());
        // One more key, and one element less.
        assert_eq!(changed.lines().count(), FILE.lines().count(), "{changed}");
    }
}

#[test]
fn what_cannot_be_changed_line_by_line_is_refused() {
    let inline = "certificate = [{ name = 'a' }]\nproof = { over = '1s' }\n";
    let error = refused(inline, set(element("certificate", "a"), "key", text("x")));
    assert_eq!(error.code(), "toml-table-inline");
    let entries = Vec::new();
    let error = refused(inline, TomlChange::Append { array: "certificate".to_owned(), entries });
    assert_eq!(error.code(), "toml-table-inline");
    assert_eq!(refused(inline, set(table("proof"), "quiet", text("1s"))).code(), "toml-table-inline");
    assert_eq!(refused(inline, unset(table("proof"), "over")).code(), "toml-table-inline");
    // A value that is there is replaced wherever it stands.
    let changed = edited(inline, &[set(table("proof"), "over", text("2s"))]);
    assert_eq!(changed, inline.replace("'1s'", "\"2s\""));

    let scattered = "[[issuer]]\nname = 'a'\n[probe]\n[issuer.dns]\nkind = 'x'\n";
    let error = refused(scattered, TomlChange::Remove { place: element("issuer", "a") });
    assert_eq!(error.code(), "toml-table-scattered");
    let error = refused(scattered, set(element("issuer", "a"), "dns", text("x")));
    assert_eq!(error.code(), "toml-value-kind");
    assert_eq!(refused(FILE, unset(element("certificate", "x"), "key")).code(), "toml-table-missing");
    let twice = "[[target]]\nname = 'a'\n[[target]]\nname = 'a'\n";
    let error = refused(twice, set(element("target", "a"), "product", text("x")));
    assert_eq!(error.code(), "toml-table-ambiguous");
    assert!(error.to_string().contains("[[target]] named \"a\""), "{error}");
    let both = vec![TomlChange::Remove { place: element("certificate", "web") }; 2];
    let document = TomlDocument::parse(FILE.as_bytes()).unwrap();
    assert_eq!(document.edit(&both).unwrap_err().code(), "toml-edits-contradict");
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    let error = TomlDocument::parse(b"a = 1\n\nb = \n").unwrap_err();
    assert!(matches!(error, TomlParseError::Syntax { line: 3, .. }), "{error:?}");
    let error = TomlDocument::parse(b"a = 1\na = 2\n").unwrap_err();
    assert!(matches!(error, TomlParseError::Syntax { line: 2, column: 1, .. }), "{error:?}");
    assert_eq!(TomlDocument::parse(b"a = '\xff'").unwrap_err().code(), "text-encoding-invalid");
    assert_eq!(TomlDocument::parse(b"\xff\xfea\0").unwrap_err().code(), "text-encoding-invalid");
    let deep = format!("a = {}", "[".repeat(100_000));
    TomlDocument::parse(deep.as_bytes()).unwrap_err();
}

#[test]
fn what_stands_in_a_file_is_told() {
    let document = TomlDocument::parse(FILE.as_bytes()).unwrap();
    let sap = document.tables("certificate").next().unwrap();
    let keys: Vec<_> = sap.entries().map(|entry| (entry.key(), entry.source())).collect();
    assert_eq!(
        keys,
        [("name", "\"sap\""), ("names", "[ 'a.example.com',\"b.example.com\" ]"), ("key", "\"rsa-2048\"")]
    );
    let (key, range) = (sap.entry("key").unwrap(), sap.range());
    assert_eq!(&FILE[key.range()], "key  =  \"rsa-2048\"");
    assert!(FILE[range].starts_with("[[certificate]] # the first"));
    assert!(document.table("proof").is_none() && document.tables("target").next().is_none());
}
