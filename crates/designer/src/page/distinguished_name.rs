//! Distinguished names, shortened for people.
//!
//! They come as .NET prints them (`CN=R11, O=Let's Encrypt, C=US`), values quoted where they hold a character of
//! the notation. Common name and organization say what a person looks for; the whole stays in the title.

/// The common name, and the organization where there is one; the whole name when it has neither.
pub(crate) fn short(name: &str) -> String {
    let attributes = attributes(name);
    let value =
        |wanted: &str| attributes.iter().find(|(kind, _)| kind == wanted).map(|(_, value)| value.as_str());
    match (value("CN"), value("O")) {
        (Some(common_name), Some(organization)) => format!("{common_name}, {organization}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => name.to_owned(),
    }
}

/// The common name; `None` for a certificate that has its names in the extension alone.
pub(crate) fn common_name(name: &str) -> Option<String> {
    attributes(name).into_iter().find(|(kind, _)| kind == "CN").map(|(_, value)| value)
}

/// Types and values in their order, without the quotes.
fn attributes(name: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    let mut rest = name;
    while let Some((kind, after)) = rest.split_once('=') {
        let (value, remaining) = value(after);
        attributes.push((kind.trim_start_matches([',', '+', ' ']).to_owned(), value));
        rest = remaining;
    }
    attributes
}

/// The value that a text begins with, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', '+']).unwrap_or(text.len());
        return (text[..end].trim_end().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut rest = quoted;
    while let Some((before, after)) = rest.split_once('"') {
        value.push_str(before);
        // A quote within the value is doubled.
        match after.strip_prefix('"') {
            Some(after) => {
                value.push('"');
                rest = after;
            }
            None => return (value, after),
        }
    }
    value.push_str(rest);
    (value, "")
}
