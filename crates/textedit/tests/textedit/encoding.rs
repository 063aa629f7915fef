//! Encodings: told apart, decoded strictly, written back identically.

use baton_finding::Explain as _;
use baton_textedit::{Change, DecodeError, Encoding, JsonDocument, ParseError};

use crate::{TLS_JSON, at, edited, parse};

const ALL: [Encoding; 4] =
    [Encoding::Utf8, Encoding::Utf8WithMark, Encoding::Utf16LittleEndian, Encoding::Utf16BigEndian];

#[test]
fn every_encoding_is_detected_and_written_back() {
    let text = "{\"Grüße\": \"\u{200E}𝄞 日本\"}\r\n";
    for encoding in ALL {
        let bytes = encoding.encode(text);
        assert!(bytes.starts_with(encoding.mark()));
        assert_eq!(Encoding::detect(&bytes), encoding);
        assert_eq!(Encoding::decode(&bytes), Ok((encoding, text.to_owned())));
        // Another implementation reads the same, and recognises the mark.
        let (theirs, _, broken) = encoding_rs::UTF_8.decode(&bytes);
        assert_eq!((theirs.as_ref(), broken), (text, false), "{encoding:?}");
    }
}

#[test]
fn an_edit_keeps_the_encoding() {
    let changes = [Change::string(at("/certificate/subjectAltName"), "bär😀.example.com")];
    let expected = TLS_JSON.replace("BOB.theobald.local", "bär😀.example.com");
    for encoding in ALL {
        let file = encoding.encode(TLS_JSON);
        assert_eq!(parse(&file).encoding(), encoding);
        assert_eq!(edited(&file, &changes), encoding.encode(&expected), "{encoding:?}");
    }
}

#[test]
fn a_wrong_byte_is_refused_with_its_offset() {
    let table: [(&[u8], DecodeError); 7] = [
        // What a script leaves that writes in the code page of the machine.
        (b"{\"name\": \"M\xFCller\"}", DecodeError::Utf8 { offset: 11 }),
        (b"\xEF\xBB\xBF{\xC3}", DecodeError::Utf8 { offset: 4 }),
        // A surrogate in UTF-8.
        (b"\"\xED\xA0\x80\"", DecodeError::Utf8 { offset: 1 }),
        (b"\xFF\xFE{\0}\0\n", DecodeError::HalfUnit { offset: 6 }),
        // High surrogate before an ordinary character; low one alone; high one at the end.
        (b"\xFF\xFE\"\0\x34\xD8\"\0", DecodeError::UnpairedSurrogate { offset: 4 }),
        (b"\xFE\xFF\0\"\xD8\x34\xDD\x1E\xDD\x1E\0\"", DecodeError::UnpairedSurrogate { offset: 8 }),
        (b"\xFE\xFF\0\"\xD8\x34", DecodeError::UnpairedSurrogate { offset: 4 }),
    ];
    for (bytes, expected) in table {
        assert_eq!(Encoding::decode(bytes), Err(expected.clone()));
        let error = JsonDocument::parse(bytes).unwrap_err();
        assert_eq!(error, ParseError::Encoding(expected));
        assert_eq!(error.code(), "text-encoding-invalid");
    }
}

#[test]
fn an_encoding_error_reads_well() {
    let error = JsonDocument::parse(b"{\"name\": \"M\xFCller\"}").unwrap_err();
    assert_eq!(error.chain(), "the file cannot be read as text: not valid UTF-8 at byte 11");
    assert!(error.hint().unwrap().starts_with("save the file as UTF-8"));
}

#[test]
fn a_mark_is_no_part_of_the_text_and_a_second_one_no_json() {
    for encoding in [Encoding::Utf8WithMark, Encoding::Utf16LittleEndian, Encoding::Utf16BigEndian] {
        assert_eq!(JsonDocument::parse(encoding.mark()).unwrap_err(), ParseError::Empty);
        let error = JsonDocument::parse(&encoding.encode("\u{FEFF}{}")).unwrap_err();
        assert!(matches!(error, ParseError::Syntax { line: 1, column: 1, .. }), "{encoding:?}: {error}");
    }
}

#[test]
fn utf16_and_utf32_without_their_marks_are_refused() {
    for bytes in [&b"{\0}\0"[..], b"\0{\0}", b"\xFF\xFE\0\0{\0\0\0}\0\0\0"] {
        let error = JsonDocument::parse(bytes).unwrap_err();
        assert!(matches!(error, ParseError::Syntax { .. }), "{error}");
    }
}
