//! What stands behind the `?`: a parameter that is not known, twice there or not of its kind is an error.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::failure;

/// The parameters of a request.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them; `known` are those that there are.
    pub(super) fn read(query: Option<&str>, known: &[&str]) -> Result<Self, QueryError> {
        let values: Vec<_> =
            form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
        for (position, (name, _)) in values.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(wrong(&format!("there is no parameter {name:?}")));
            }
            if values[..position].iter().any(|(other, _)| other == name) {
                return Err(wrong(&format!("the parameter {name:?} is there twice")));
            }
        }
        Ok(Self(values))
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A whole number from 1 to `most`.
    pub(super) fn number(&self, name: &str, most: i64) -> Result<Option<i64>, QueryError> {
        let Some(value) = self.text(name) else { return Ok(None) };
        match value.parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
            _ => Err(wrong(&format!("the parameter {name:?} is a whole number from 1 to {most}"))),
        }
    }
}

/// What is wrong with them.
#[derive(Debug)]
pub(super) struct QueryError(String);

impl IntoResponse for QueryError {
    fn into_response(self) -> Response {
        failure(StatusCode::BAD_REQUEST, "query-wrong", &self.0, None)
    }
}

fn wrong(message: &str) -> QueryError {
    QueryError(message.to_owned())
}
