//! HTTP/1.1 over TLS to servers that nobody has to trust: ACME servers, webhooks, heartbeats.
//!
//! Whatever the other side does, an exchange ends within a time and a size that the caller knows: there is one
//! deadline for the whole of it, a limit to the body, and a redirect is an answer like any other, never followed.
//! `TCP_NODELAY` is set: without it each small request waits for the acknowledgement of the one before.

mod client;
mod error;

pub use bytes::Bytes;
pub use client::{Client, Limits, Trusted};
pub use error::HttpError;
pub use http::{Method, Request, Response, StatusCode, Uri, header};
