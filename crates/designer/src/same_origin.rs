//! Whether a request that changes something was sent by one of our own pages, or by a page of someone else that is
//! open in the same browser (cross-site request forgery).
//!
//! Browsers say it themselves: in `Sec-Fetch-Site`, older ones in `Origin`. What sends neither is no browser, and
//! carries no cookie that it was not given on purpose.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{Method, Request};

/// Whether it comes from a page of another origin and would change something.
pub(crate) fn is_forged<B>(request: &Request<B>) -> bool {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return false;
    }
    let headers = request.headers();
    if let Some(site) = headers.get("sec-fetch-site") {
        // `none`: typed, or a bookmark.
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return false;
    };
    // The host was compared with our own names before.
    let ours = headers.get(HOST).map(|host| [b"https://", host.as_bytes()].concat());
    !ours.is_some_and(|ours| ours.eq_ignore_ascii_case(origin.as_bytes()))
}
