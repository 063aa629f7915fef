//! The template, filled.

use jiff::Timestamp;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, State, UndefinedBehavior};

use crate::failure::{Exit, Failure};
use crate::guide::Facts;
use crate::guide::blocks::{Block, blocks, broken};
use crate::guide::escape;

const TEMPLATE: &str = include_str!("../../templates/guide.md");

/// What stands in the place of a value that nobody knows.
const UNKNOWN: &str = "not known";

/// How wide a line of text is.
const WIDTH: usize = 120;

/// The article in Markdown.
pub(crate) fn render(facts: &Facts) -> Result<String, Failure> {
    let text = environment().render_str(TEMPLATE, facts).map_err(|error| {
        let hint = "this is a mistake in Baton's template: `--json` prints what it was given";
        Failure::new(Exit::Failed, "guide-not-rendered", error.to_string(), hint)
    })?;
    Ok(tidy(&text))
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("markdown"));
    environment.set_formatter(|output, _: &State<'_, '_>, value| {
        let text = if value.is_none() {
            UNKNOWN.to_owned()
        } else if value.is_safe() {
            value.to_string()
        } else {
            escape::text(&value.to_string())
        };
        output.write_str(&text).map_err(minijinja::Error::from)
    });
    for (name, escape) in [
        ("code", escape::code as fn(&str) -> String),
        ("argument", escape::argument),
        ("quoted", escape::quoted),
        ("toml", escape::toml),
        ("moment", moment),
    ] {
        environment.add_filter(name, move |value: Value| match value.is_none() {
            true => Value::from_safe_string(UNKNOWN.to_owned()),
            false => Value::from_safe_string(escape(&value.to_string())),
        });
    }
    environment.remove_filter("safe");
    environment
}

/// Paragraphs as lines that fit, and one blank line where the template's conditions have left several or none.
fn tidy(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut is_code = false;
    for block in blocks(text) {
        let needs_blank = matches!(block, Block::Heading(..) | Block::Fence(_)) && !is_code;
        if needs_blank && lines.last().is_some_and(|line| !line.is_empty()) {
            lines.push(String::new());
        }
        match block {
            Block::Heading(level, title) => lines.push(format!("{} {title}", "#".repeat(level))),
            Block::Code(line) => lines.push(line.trim_end().to_owned()),
            Block::Fence(fence) => {
                is_code = !is_code;
                lines.push(fence.to_owned());
            }
            Block::Blank if lines.last().is_none_or(String::is_empty) => {}
            Block::Blank => lines.push(String::new()),
            Block::Text(mark, words) => {
                lines.extend(broken(&mark, &words, WIDTH, |word| (word.to_owned(), word.chars().count())));
            }
        }
    }
    lines.join("\n").trim_end().to_owned() + "\n"
}

/// A moment, to the minute: 2026-11-23 11:20 UTC.
fn moment(value: &str) -> String {
    let moment = value.parse::<Timestamp>().map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
    moment.unwrap_or_else(|_| escape::text(value))
}
