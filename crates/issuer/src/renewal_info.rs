use jiff::Timestamp;

/// What an issuer suggests for the renewal of a certificate: RFC 9773, section 4.2.
///
/// As it was said, and not judged: a window that ends before it begins is told as it is, and the schedule takes it
/// for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalInfo {
    /// The first moment at which it is to be renewed.
    pub start: Timestamp,
    /// The end of the time in which it is to be renewed.
    pub end: Timestamp,
    /// A page that tells people why.
    pub explanation: Option<String>,
    /// Not to be asked again before: `Retry-After`, as the issuer said it (section 4.3.1).
    pub ask_again: Timestamp,
}
