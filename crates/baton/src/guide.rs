//! The renewal article of a target: one template, `templates/guide.md`, and the facts that fill it.
//!
//! Markdown is the form that it has; a terminal gets a rendering of that. Whatever stands in a value comes from
//! certificates, settings and files that others may have written, so every value is escaped where it enters the text,
//! and a template that wants to do without has no way to say so.

mod article;
mod blocks;
mod escape;
mod facts;
mod terminal;

pub(crate) use article::render;
pub(crate) use facts::Facts;
pub(crate) use terminal::for_terminal;
