//! The interface for programs, under `/api/v1`.

use baton_handover::SCHEMA;
use serde::Serialize;

/// What programs are told of a failure: the object that `--json` prints for one.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorAnswer {
    schema: &'static str,
    error: ErrorObject,
}

#[derive(Debug, Serialize)]
struct ErrorObject {
    code: String,
    message: String,
    hint: Option<String>,
}

impl ErrorAnswer {
    pub(crate) fn new(code: &str, message: &str, hint: Option<String>) -> Self {
        let error = ErrorObject { code: code.to_owned(), message: message.to_owned(), hint };
        Self { schema: SCHEMA, error }
    }
}
