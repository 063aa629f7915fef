//! Why something cannot be shown or done, as whoever has asked is told.

/// What kind of problem it is: the pages and the interface for programs answer with the status that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// What was named is not there.
    Unknown,
    /// What was asked for cannot be meant: nothing was changed.
    Refused,
    /// It should work, and does not.
    Failed,
}

/// Why something cannot be shown or done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind it is.
    pub kind: ProblemKind,
    /// Stable and documented.
    pub code: String,
    /// What is wrong, with its causes.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}
