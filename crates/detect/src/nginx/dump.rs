//! What `nginx -T` prints: every file that its configuration is made of, one after the other, includes as they stand.

use std::path::{Path, PathBuf};

use super::syntax::{Directive, Unreadable, parse};

/// How deep files may include each other.
const DEEPEST: usize = 16;

/// The configuration of an nginx.
#[derive(Debug)]
pub(super) struct Dump {
    /// The main file first.
    files: Vec<(PathBuf, Vec<Directive>)>,
}

/// A directive, and the file that it stands in.
#[derive(Debug)]
pub(super) struct Placed<'dump> {
    pub(super) file: &'dump Path,
    pub(super) directive: &'dump Directive,
}

/// Why the dump is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum DumpError {
    #[error("it prints no configuration")]
    Empty,
    #[error("`{}`, line {line}, cannot be understood", .file.display())]
    Syntax { file: PathBuf, line: usize },
}

impl Dump {
    /// Reads the dump. What comes before the first file are nginx's messages.
    pub(super) fn read(text: &str) -> Result<Self, DumpError> {
        let mut sections: Vec<(PathBuf, String)> = Vec::new();
        for line in text.split_inclusive('\n') {
            let name =
                line.trim_end().strip_prefix("# configuration file ").and_then(|rest| rest.strip_suffix(':'));
            match (name, sections.last_mut()) {
                (Some(name), _) => sections.push((PathBuf::from(name), String::new())),
                (None, Some((_, content))) => content.push_str(line),
                (None, None) => {}
            }
        }
        let mut files = Vec::new();
        for (file, content) in sections {
            match parse(&content) {
                Ok(directives) => files.push((file, directives)),
                Err(Unreadable { line }) => return Err(DumpError::Syntax { file, line }),
            }
        }
        if files.is_empty() { Err(DumpError::Empty) } else { Ok(Self { files }) }
    }

    /// The main file.
    pub(super) fn main(&self) -> &Path {
        self.files.first().map_or(Path::new("/"), |(file, _)| file)
    }

    /// The directory that relative paths begin at.
    pub(super) fn directory(&self) -> &Path {
        self.main().parent().unwrap_or(Path::new("/"))
    }

    /// What stands outside of all blocks.
    pub(super) fn top(&self) -> Vec<Placed<'_>> {
        let Some((file, directives)) = self.files.first() else { return Vec::new() };
        self.expanded(file, directives, DEEPEST)
    }

    /// What stands in the block of a directive.
    pub(super) fn inside<'dump>(&'dump self, placed: &Placed<'dump>) -> Vec<Placed<'dump>> {
        let block = placed.directive.block.as_deref().unwrap_or_default();
        self.expanded(placed.file, block, DEEPEST)
    }

    fn expanded<'dump>(
        &'dump self,
        file: &'dump Path,
        directives: &'dump [Directive],
        depth: usize,
    ) -> Vec<Placed<'dump>> {
        let mut found = Vec::new();
        for directive in directives {
            match (directive.name(), directive.arguments()) {
                ("include", [pattern]) if depth > 0 => {
                    let pattern = self.directory().join(pattern);
                    let included = self.files.iter().filter(|(path, _)| matches(&pattern, path));
                    found.extend(included.flat_map(|(path, inner)| self.expanded(path, inner, depth - 1)));
                }
                _ => found.push(Placed { file, directive }),
            }
        }
        found
    }
}

/// Whether a path is one that a pattern of `glob(7)` stands for; a wildcard stands for no slash.
fn matches(pattern: &Path, path: &Path) -> bool {
    let (pattern, path) = (pattern.to_string_lossy(), path.to_string_lossy());
    matches_from(&pattern.chars().collect::<Vec<char>>(), &path.chars().collect::<Vec<char>>())
}

fn matches_from(pattern: &[char], path: &[char]) -> bool {
    match (pattern, path) {
        ([], path) => path.is_empty(),
        (['*', rest @ ..], path) => {
            let longest = path.iter().position(|character| *character == '/').unwrap_or(path.len());
            (0..=longest).any(|length| matches_from(rest, &path[length..]))
        }
        (['?', rest @ ..], [character, path @ ..]) => *character != '/' && matches_from(rest, path),
        (['[', rest @ ..], [character, path @ ..]) => match rest.iter().position(|end| *end == ']') {
            Some(end) => is_in_set(&rest[..end], *character) && matches_from(&rest[end + 1..], path),
            None => *character == '[' && matches_from(rest, path),
        },
        ([expected, rest @ ..], [character, path @ ..]) => expected == character && matches_from(rest, path),
        (_, []) => false,
    }
}

fn is_in_set(set: &[char], character: char) -> bool {
    let (is_negated, set) = match set {
        ['!' | '^', set @ ..] => (true, set),
        set => (false, set),
    };
    let in_ranges = set.windows(3).any(|range| range[1] == '-' && (range[0]..=range[2]).contains(&character));
    (set.contains(&character) || in_ranges) != is_negated
}
