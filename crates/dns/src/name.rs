//! Names as this crate lets them in: letters, digits, hyphens and underscores, and nothing else.
//!
//! The DNS allows any byte in a label (RFC 2181, section 11). A name of a challenge has none of the unusual ones, so
//! those are refused at the edge: they would end in commands, in messages and in files.

use hickory_proto::rr::Name;

/// The label that dns-01 puts before a name (RFC 8555, section 8.4).
const CHALLENGE_LABEL: &str = "_acme-challenge";

/// A name from its text, with or without the dot at the end; the reason when it is none.
pub(crate) fn parse(text: &str) -> Result<Name, &'static str> {
    let text = text.strip_suffix('.').unwrap_or(text);
    // 255 octets with the length of the first label and the root (RFC 1035, section 2.3.4).
    if text.len() > 253 {
        return Err("it is longer than 253 characters");
    }
    for label in text.split('.') {
        if !(1..=63).contains(&label.len()) {
            return Err("each part between the dots has 1 to 63 characters");
        }
        if !label.bytes().all(is_usual) {
            return Err(
                "a name has letters, digits and hyphens; other scripts are written in their xn-- form",
            );
        }
    }
    Name::from_ascii(format!("{}.", text.to_ascii_lowercase())).map_err(|_| "it is no name")
}

/// Where the record for `domain` belongs, before aliases are followed.
pub(crate) fn challenge(domain: &str) -> Result<Name, &'static str> {
    if domain.contains('*') {
        return Err("a wildcard is proven by the name below it, without `*.`");
    }
    parse(domain)?;
    parse(&format!("{CHALLENGE_LABEL}.{domain}"))
}

/// The name as people and commands read it: lower case, without the dot at the end, unusual bytes escaped.
pub(crate) fn text(name: &Name) -> String {
    let mut text = name.to_ascii().to_ascii_lowercase();
    if text.len() > 1 && text.ends_with('.') {
        text.pop();
    }
    text
}

/// Whether each label is made of the usual characters.
pub(crate) fn is_plain(name: &Name) -> bool {
    !name.is_root() && name.iter().all(|label| !label.is_empty() && label.iter().copied().all(is_usual))
}

fn is_usual(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_challenge_stands_below_its_label() {
        let shown = |domain| challenge(domain).map(|name| text(&name));
        assert_eq!(shown("www.example.com"), Ok("_acme-challenge.www.example.com".to_owned()));
        assert_eq!(shown("WWW.Example.com."), Ok("_acme-challenge.www.example.com".to_owned()));
        let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(45));
        assert!(shown(&longest).is_ok());
        for odd in [
            "",
            ".",
            "*.example.com",
            "a..b",
            "a b",
            "a/b",
            "ä.example",
            "a\\.b",
            "x;y",
            &format!("{longest}a"),
        ] {
            assert!(challenge(odd).is_err(), "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail_and_what_it_takes_comes_back_the_same(input in "[ -~äß\\x00-\\x7f]{0,300}") {
            if let Ok(name) = parse(&input) {
                prop_assert!(is_plain(&name));
                prop_assert_eq!(parse(&text(&name)), Ok(name));
            }
        }

        #[test]
        fn any_bytes_of_a_hostile_name_are_shown_as_printable_characters(
            labels in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..20), 1..6),
        ) {
            let name = Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap();
            prop_assert!(text(&name).bytes().all(|byte| (0x21..0x7f).contains(&byte)));
            let all_usual = labels.iter().flatten().all(|byte| is_usual(*byte));
            prop_assert_eq!(is_plain(&name), all_usual);
        }
    }
}
