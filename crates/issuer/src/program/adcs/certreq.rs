//! `certreq`: its arguments, and what it says.
//!
//! Its words are those of the system's language, and the CA's words within them those of the CA's language. So nothing
//! is concluded from words where a number tells it: the request's number, an HRESULT, the status in the CA's response.
//! The exit code is an HRESULT too, and is believed for a failure alone.

use baton_platform::command::Outcome;

use super::response::Status;
use crate::Template;

/// `CERTSRV_E_ADMIN_DENIED_REQUEST`: a manager of the CA has denied it.
const DENIED_BY_MANAGER: u32 = 0x8009_4014;
/// `CERTSRV_E_PROPERTY_EMPTY`: what `-retrieve` answers for a number that the CA does not know.
const PROPERTY_EMPTY: u32 = 0x8009_4004;

/// The number that a CA gives a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequestNumber(pub(super) u32);

/// What a run of `certreq` has come to, as far as it says so. Whether there is a certificate is seen by the file alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It says that there is a certificate.
    Issued,
    /// A manager of the CA must approve the request.
    Pending,
    /// The CA has refused the request for good.
    Denied,
    /// The CA does not know the request.
    Unknown,
    /// An HRESULT: the CA cannot be reached, or will not speak with us.
    Failed(u32),
    /// Something else.
    NotUnderstood,
}

/// What was read out of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) number: Option<RequestNumber>,
    pub(super) verdict: Verdict,
}

/// The arguments that hand a request in; the three files of the answer follow.
pub(super) fn submit(authority: &str, template: Option<&Template>, request: String) -> Vec<String> {
    let mut argv = common("-submit", authority);
    // An object identifier is in the request itself.
    if let Some(Template::Name(name)) = template {
        argv.extend(["-attrib".to_owned(), format!("CertificateTemplate:{name}")]);
    }
    argv.push(request);
    argv
}

/// The arguments that ask for a request that was handed in; the three files of the answer follow.
pub(super) fn retrieve(authority: &str, number: RequestNumber) -> Vec<String> {
    let mut argv = common("-retrieve", authority);
    argv.push(number.0.to_string());
    argv
}

/// Without windows, over files that are there, in DER.
fn common(verb: &str, authority: &str) -> Vec<String> {
    [verb, "-q", "-f", "-binary", "-config", authority].map(str::to_owned).to_vec()
}

/// Reads what a run has come to. `is_known` is whether the CA had the request before.
pub(super) fn read(outcome: &Outcome, status: Option<Status>, is_known: bool) -> Reading {
    let text = &outcome.output;
    let number = number(text);
    let verdict = |verdict| Reading { number, verdict };
    // An HRESULT may stand in the words about a certificate that was issued: a warning.
    if status == Some(Status::Issued) || text.contains("(Issued)") {
        return verdict(Verdict::Issued);
    }
    let code = outcome.exit_code.and_then(failure).or_else(|| codes(text).next());
    if status == Some(Status::Pending) {
        return verdict(Verdict::Pending);
    }
    let is_known_here = is_known || number.is_some();
    // "… (0)": the HRESULT of a request that was taken, and is not decided on.
    if outcome.exit_code == Some(0) && code.is_none() && is_known_here && has_zero(text) {
        return verdict(Verdict::Pending);
    }
    verdict(match code {
        Some(DENIED_BY_MANAGER) => Verdict::Denied,
        Some(PROPERTY_EMPTY) if is_known => Verdict::Unknown,
        // The CA has looked at it, given it a number, and refused.
        Some(code) if !is_known && number.is_some() && is_of_the_ca(code) => Verdict::Denied,
        _ if text.contains("(Denied)") => Verdict::Denied,
        Some(code) => Verdict::Failed(code),
        None => Verdict::NotUnderstood,
    })
}

/// Its facility is that of certificates (`FACILITY_CERT` and `FACILITY_SECURITY`), and not that of the network.
fn is_of_the_ca(code: u32) -> bool {
    matches!(code >> 16 & 0x1FFF, 0x0009 | 0x000B)
}

/// An exit code that is the HRESULT of a failure.
fn failure(exit_code: i32) -> Option<u32> {
    (exit_code < 0).then(|| exit_code.cast_unsigned())
}

/// HRESULTs of failures in the text, as `0x80094800`.
fn codes(text: &str) -> impl Iterator<Item = u32> {
    text.match_indices("0x").filter_map(|(at, _)| {
        let digits: String = text[at + 2..].chars().take_while(char::is_ascii_hexdigit).collect();
        let code = u32::from_str_radix(&digits, 16).ok()?;
        (digits.len() == 8 && code >= 0x8000_0000).then_some(code)
    })
}

fn has_zero(text: &str) -> bool {
    text.lines().any(|line| line.trim_end().ends_with("(0)"))
}

/// The request's number: `RequestId: 42` and `RequestId: "42"`, in whatever language. It stands in two lines with the
/// same label, once as it is and once between quotes; or once, behind a label that is known.
fn number(text: &str) -> Option<RequestNumber> {
    let lines: Vec<(&str, RequestNumber)> = text.lines().filter_map(labelled).collect();
    let is_known = |label: &str| matches!(label, "RequestId" | "Anforderungs-ID" | "IDDemande");
    let (label, number) = *lines.iter().find(|(label, number)| {
        is_known(label) || lines.iter().filter(|other| **other == (label, *number)).count() > 1
    })?;
    // One that contradicts itself is not understood.
    lines.iter().all(|(other, found)| *other != label || *found == number).then_some(number)
}

/// A line of a label, a colon, and a number that may stand between quotes of some kind.
fn labelled(line: &str) -> Option<(&str, RequestNumber)> {
    let (label, value) = line.trim().split_once(':')?;
    let label = label.trim_end();
    let is_label = !label.is_empty() && label.chars().all(|c| !c.is_numeric() && !c.is_control());
    // Quotes are bytes of a code page of its own where the language has others than ASCII's.
    let number = value.trim_matches(|c: char| !c.is_alphanumeric());
    let is_number = number.len() <= 10 && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_label && is_number { Some((label, RequestNumber(number.parse().ok()?))) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(output: &str, exit_code: i32, is_known: bool) -> Reading {
        read(&Outcome { exit_code: Some(exit_code), output: output.to_owned() }, None, is_known)
    }

    fn of(number: u32, verdict: Verdict) -> Reading {
        Reading { number: Some(RequestNumber(number)), verdict }
    }

    /// As people have published them, of Windows Server in English. A warning may follow the word, with an HRESULT.
    #[test]
    fn issued_is_told_from_the_warnings_behind_it() {
        for (number, words) in [
            (92300, "Certificate retrieved(Issued) Issued"),
            (
                7,
                "Certificate retrieved(Issued) Issued  The certificate validity period will be shorter than the Web \
                 Certificate Template specifies, because the template validity period is longer than the maximum \
                 certificate validity period allowed by the CA.",
            ),
            (
                20,
                "Certificate retrieved(Issued) Issued  0x80094004, The Enrollee (CN=Administrator,CN=Users,DC=ADLAB,\
                 DC=LOCAL) has no E-Mail name registered in the Active Directory.",
            ),
        ] {
            let text = format!("RequestId: {number}\r\nRequestId: \"{number}\"\r\n{words}\r\n");
            assert_eq!(reading(&text, 0, false), of(number, Verdict::Issued));
            // It ends with another code when a file was there before.
            assert_eq!(reading(&text, 80, true), of(number, Verdict::Issued));
        }
    }

    /// As published in the guide of a CA product; its answer to `-retrieve` has the same words without a number.
    #[test]
    fn pending_has_the_code_zero() {
        let words = "Certificate request is pending: Taken Under Submission (0)";
        let text = format!("RequestId: 12\r\nRequestId: \"12\"\r\n{words}\r\n");
        assert_eq!(reading(&text, 0, false), of(12, Verdict::Pending));
        assert_eq!(reading(words, 0, true), Reading { number: None, verdict: Verdict::Pending });
        assert_eq!(reading(words, 0, false).verdict, Verdict::NotUnderstood, "nothing to ask for later");
        assert_eq!(reading(&text, 1, false).verdict, Verdict::NotUnderstood);
    }

    /// The first form is published as evidence of an examination; the codes are in public documentation of Microsoft.
    #[test]
    fn denied_is_told_by_the_code_and_the_number() {
        let email = "RequestId: 4\r\nCertificate not issued (Denied) Denied by Policy Module The EMail name is \
                     unavailable and cannot\r\nbe added to the Subject or Subject Alternate name. 0x80094812 \
                     (-2146875374\r\nCERTSRV_E_SUBJECT_EMAIL_REQUIRED)\r\n";
        assert_eq!(reading(email, -2_146_875_374, false), of(4, Verdict::Denied));
        assert_eq!(reading(email, 0, false), of(4, Verdict::Denied), "whatever it ends with");
        let manager = "RequestId: 5\r\nRequestId: \"5\"\r\nCertificate not issued (Denied) Denied by DOMAIN\\admin \
                       0x80094014 (-2146877420 CERTSRV_E_ADMIN_DENIED_REQUEST)\r\n";
        assert_eq!(reading(manager, -2_146_877_420, true), of(5, Verdict::Denied));
        // Without any words: the exit code alone names the manager.
        assert_eq!(reading("", -2_146_877_420, true).verdict, Verdict::Denied);
    }

    #[test]
    fn a_ca_that_cannot_be_reached_or_does_not_know_us_is_no_denial() {
        let unreachable = "Certificate Request Processor: The RPC server is unavailable. 0x800706ba (WIN32: 1722 \
                           RPC_S_SERVER_UNAVAILABLE)\r\n";
        let failed = |code| Reading { number: None, verdict: Verdict::Failed(code) };
        assert_eq!(reading(unreachable, -2_147_023_174, false), failed(0x8007_06BA));
        assert_eq!(reading(unreachable, 0, true), failed(0x8007_06BA));
        let another = "Access is denied. 0x80070005 (WIN32: 5 ERROR_ACCESS_DENIED)";
        assert_eq!(reading(another, -2_147_024_891, true), failed(0x8007_0005));
        let empty =
            "The requested property value is empty. 0x80094004 (-2146877436 CERTSRV_E_PROPERTY_EMPTY)";
        assert_eq!(reading(empty, -2_146_877_436, true).verdict, Verdict::Unknown);
    }

    /// The labels and their quotes are published as seen on Windows Server 2025 in German and in French. **The words of
    /// the other lines are not verified against a real machine**, and nothing depends on them.
    #[test]
    fn other_languages_are_read_by_their_numbers() {
        let german = "Anforderungs-ID: 22\r\nAnforderungs-ID: \"22\"\r\n";
        let pending =
            format!("{german}Die Zertifikatanforderung ist ausstehend: Taken Under Submission (0)\r\n");
        assert_eq!(reading(&pending, 0, false), of(22, Verdict::Pending));
        let denied = format!("{german}Das Zertifikat wurde nicht ausgestellt: 0x80094800 (-2146875392)\r\n");
        assert_eq!(reading(&denied, -2_146_875_392, false), of(22, Verdict::Denied));
        // Code page 850 read as UTF-8 leaves no quote as it was.
        let french = "IDDemande : 29\r\nIDDemande : \u{fffd}\u{a0}29\u{fffd}\u{fffd}\r\n (0)\r\n";
        assert_eq!(reading(french, 0, false), of(29, Verdict::Pending));
        // A label that is not known counts when it stands there twice.
        assert_eq!(
            reading("IdSolicitud: 3\r\nIdSolicitud: \"3\"\r\n(0)\r\n", 0, false),
            of(3, Verdict::Pending)
        );
        assert_eq!(reading("IdSolicitud: 3\r\n(0)\r\n", 0, false).verdict, Verdict::NotUnderstood);
    }

    #[test]
    fn the_response_of_the_ca_goes_before_the_words() {
        let outcome = Outcome { exit_code: Some(0), output: "Anforderungs-ID: 22\r\n…\r\n".to_owned() };
        assert_eq!(read(&outcome, Some(Status::Pending), false), of(22, Verdict::Pending));
        assert_eq!(read(&outcome, Some(Status::Issued), false), of(22, Verdict::Issued));
        assert_eq!(read(&outcome, None, false), of(22, Verdict::NotUnderstood));
    }

    #[test]
    fn rubbish_is_not_understood() {
        for text in [
            "",
            "\u{0}\u{1}\u{2}",
            "RequestId: 1\nRequestId: \"2\"\n(0)",
            "RequestId: 99999999999\n(0)",
            "RequestId: -f\n(0)",
            "RequestId: 4 2\n(0)",
            "Certificate request is pending: Taken Under Submission (0)",
            "0x8009480",
            "0x80094800ff",
        ] {
            let reading = reading(text, 0, false);
            assert_eq!(reading, Reading { number: None, verdict: Verdict::NotUnderstood }, "{text:?}");
        }
    }

    #[test]
    fn the_arguments_are_those_of_the_documentation() {
        let name = Template::Name("WebServer".to_owned());
        let argv = submit("CA01\\Contoso CA", Some(&name), "r.der".to_owned());
        assert_eq!(
            argv.join(" "),
            "-submit -q -f -binary -config CA01\\Contoso CA -attrib CertificateTemplate:WebServer r.der"
        );
        let argv = retrieve("CA01\\Contoso CA", RequestNumber(42));
        assert_eq!(argv.join(" "), "-retrieve -q -f -binary -config CA01\\Contoso CA 42");
    }
}
