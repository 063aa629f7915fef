//! The words and blocks of nginx's configuration, without their meaning.

use std::iter::Peekable;
use std::str::Chars;

/// How deep blocks may be nested: nginx itself goes no deeper in practice, and a recursion must end.
const DEEPEST: usize = 32;

/// `name argument … ;` or `name argument … { … }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    /// Its name and its arguments, without quotes.
    pub(super) words: Vec<String>,
    /// What stands in its braces.
    pub(super) block: Option<Vec<Directive>>,
    /// The line that it begins at, from 1.
    pub(super) line: usize,
}

impl Directive {
    pub(super) fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    pub(super) fn arguments(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }
}

/// The text is not what nginx would read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// The line, from 1.
    pub(super) line: usize,
}

enum Token {
    Word(String),
    Open,
    Close,
    Semicolon,
}

struct Reader<'text> {
    rest: Peekable<Chars<'text>>,
    line: usize,
}

/// Reads one file.
pub(super) fn parse(text: &str) -> Result<Vec<Directive>, Unreadable> {
    Reader { rest: text.chars().peekable(), line: 1 }.block(0)
}

impl Reader<'_> {
    /// Directives up to the closing brace; at the depth 0, up to the end.
    fn block(&mut self, depth: usize) -> Result<Vec<Directive>, Unreadable> {
        let mut directives = Vec::new();
        let mut words: Vec<String> = Vec::new();
        let mut begin = self.line;
        loop {
            let token = self.token()?;
            match token {
                Some(Token::Word(word)) => {
                    if words.is_empty() {
                        begin = self.line;
                    }
                    words.push(word);
                }
                Some(Token::Semicolon) if !words.is_empty() => {
                    directives.push(Directive {
                        words: std::mem::take(&mut words),
                        block: None,
                        line: begin,
                    });
                }
                Some(Token::Open) if !words.is_empty() && depth < DEEPEST => {
                    let is_lua = words.first().is_some_and(|name| name.ends_with("_by_lua_block"));
                    let block = if is_lua { self.skip_lua()? } else { self.block(depth + 1)? };
                    let words = std::mem::take(&mut words);
                    directives.push(Directive { words, block: Some(block), line: begin });
                }
                Some(Token::Close) if words.is_empty() && depth > 0 => return Ok(directives),
                None if words.is_empty() && depth == 0 => return Ok(directives),
                _ => return Err(Unreadable { line: self.line }),
            }
        }
    }

    fn token(&mut self) -> Result<Option<Token>, Unreadable> {
        while let Some(character) = self.next() {
            let token = match character {
                character if character.is_ascii_whitespace() => continue,
                '#' => {
                    while self.rest.peek().is_some_and(|next| *next != '\n') {
                        self.next();
                    }
                    continue;
                }
                ';' => Token::Semicolon,
                '{' => Token::Open,
                '}' => Token::Close,
                quote @ ('"' | '\'') => Token::Word(self.quoted(quote)?),
                first => Token::Word(self.word(first)),
            };
            return Ok(Some(token));
        }
        Ok(None)
    }

    fn quoted(&mut self, quote: char) -> Result<String, Unreadable> {
        let mut word = String::new();
        while let Some(character) = self.next() {
            match character {
                '\\' => self.escaped(&mut word),
                character if character == quote => return Ok(word),
                character => word.push(character),
            }
        }
        Err(Unreadable { line: self.line })
    }

    fn word(&mut self, first: char) -> String {
        let mut word = String::new();
        let mut character = first;
        loop {
            match character {
                '\\' => self.escaped(&mut word),
                character => word.push(character),
            }
            match self.rest.peek() {
                // `${name}` is a variable, and no block.
                Some('{') if character == '$' => {}
                Some(';' | '{') | None => return word,
                Some(next) if next.is_ascii_whitespace() => return word,
                Some(_) => {}
            }
            let Some(next) = self.next() else { return word };
            character = next;
        }
    }

    /// nginx takes the backslash away before quotes and backslashes, and knows three letters; anything else stays.
    fn escaped(&mut self, word: &mut String) {
        match self.next() {
            Some('t') => word.push('\t'),
            Some('r') => word.push('\r'),
            Some('n') => word.push('\n'),
            Some(character @ ('"' | '\'' | '\\')) => word.push(character),
            Some(character) => word.extend(['\\', character]),
            None => word.push('\\'),
        }
    }

    /// Lua has words of its own; its braces are in pairs.
    fn skip_lua(&mut self) -> Result<Vec<Directive>, Unreadable> {
        let mut open = 1_usize;
        while let Some(character) = self.next() {
            match character {
                '{' => open += 1,
                '}' => open -= 1,
                _ => {}
            }
            if open == 0 {
                return Ok(Vec::new());
            }
        }
        Err(Unreadable { line: self.line })
    }

    fn next(&mut self) -> Option<char> {
        let character = self.rest.next()?;
        self.line += usize::from(character == '\n');
        Some(character)
    }
}
