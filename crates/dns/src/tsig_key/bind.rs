//! The `key` statements of a BIND configuration: all that a key file holds, and what stands around them in a larger one.

use zeroize::Zeroizing;

use super::KeyFileError;

/// How deep blocks may lie in one another.
const DEEPEST: usize = 16;

/// One `key "name" { algorithm …; secret "…"; };`.
pub(super) struct KeyStatement {
    pub(super) name: String,
    pub(super) algorithm: String,
    pub(super) secret: Zeroizing<String>,
}

/// All `key` statements at the top, in order. Other statements are passed over.
pub(super) fn keys(text: &str) -> Result<Vec<KeyStatement>, KeyFileError> {
    let mut tokens = Tokens { text, line: 1 };
    let mut keys = Vec::new();
    while let Some(token) = tokens.next()? {
        match token {
            Token::Word("key") => keys.push(key(&mut tokens)?),
            Token::Word(_) => skip_statement(&mut tokens)?,
            Token::End => {}
            Token::Open | Token::Close => return Err(tokens.wrong("a brace without a statement")),
        }
    }
    Ok(keys)
}

/// What follows the word `key`.
fn key(tokens: &mut Tokens<'_>) -> Result<KeyStatement, KeyFileError> {
    let Some(Token::Word(name)) = tokens.next()? else { return Err(tokens.wrong("a key has no name")) };
    if tokens.next()? != Some(Token::Open) {
        return Err(tokens.wrong("`{` is missing after the name of the key"));
    }
    let (mut algorithm, mut secret) = (None, None);
    loop {
        match tokens.next()? {
            Some(Token::Close) => break,
            Some(Token::Word(word @ ("algorithm" | "secret"))) => {
                let Some(Token::Word(value)) = tokens.next()? else {
                    return Err(tokens.wrong("a value is missing"));
                };
                if tokens.next()? != Some(Token::End) {
                    return Err(tokens.wrong("`;` is missing"));
                }
                let slot = if word == "secret" { &mut secret } else { &mut algorithm };
                if slot.replace(value).is_some() {
                    return Err(tokens.wrong("a key says the same thing twice"));
                }
            }
            Some(Token::End) => {}
            _ => return Err(tokens.wrong("a key has an algorithm and a secret, and nothing else")),
        }
    }
    let (Some(algorithm), Some(secret)) = (algorithm, secret) else {
        return Err(tokens.wrong("a key has no algorithm or no secret"));
    };
    let secret = Zeroizing::new(secret.to_owned());
    Ok(KeyStatement { name: name.to_owned(), algorithm: algorithm.to_owned(), secret })
}

/// Passes over a statement to its `;`, with all its blocks.
fn skip_statement(tokens: &mut Tokens<'_>) -> Result<(), KeyFileError> {
    let mut depth = 0_usize;
    while let Some(token) = tokens.next()? {
        match token {
            Token::Open if depth == DEEPEST => return Err(tokens.wrong("too many braces")),
            Token::Open => depth += 1,
            Token::Close if depth == 0 => return Err(tokens.wrong("a brace without a statement")),
            Token::Close => depth -= 1,
            Token::End if depth == 0 => return Ok(()),
            Token::End | Token::Word(_) => {}
        }
    }
    Err(tokens.wrong("`;` is missing"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Open,
    Close,
    End,
}

struct Tokens<'a> {
    text: &'a str,
    line: usize,
}

impl<'a> Tokens<'a> {
    fn wrong(&self, reason: &'static str) -> KeyFileError {
        KeyFileError::Syntax { line: self.line, reason }
    }

    fn next(&mut self) -> Result<Option<Token<'a>>, KeyFileError> {
        self.skip_blanks()?;
        let Some(first) = self.text.chars().next() else { return Ok(None) };
        let single = match first {
            '{' => Some(Token::Open),
            '}' => Some(Token::Close),
            ';' => Some(Token::End),
            _ => None,
        };
        if let Some(token) = single {
            self.advance(1);
            return Ok(Some(token));
        }
        if first == '"' {
            let inner = &self.text[1..];
            let end = inner.find(['"', '\n']).filter(|end| inner[*end..].starts_with('"'));
            let Some(end) = end else { return Err(self.wrong("a quote is not closed")) };
            self.advance(end + 2);
            return Ok(Some(Token::Word(&inner[..end])));
        }
        let is_end = |character: char| character.is_whitespace() || "{};\"".contains(character);
        let end = self.text.find(is_end).unwrap_or(self.text.len());
        let word = &self.text[..end];
        self.advance(end);
        Ok(Some(Token::Word(word)))
    }

    /// Blanks and the three kinds of comments: `//`, `#`, `/* */`.
    fn skip_blanks(&mut self) -> Result<(), KeyFileError> {
        loop {
            let blanks = self.text.len() - self.text.trim_start().len();
            self.advance(blanks);
            if self.text.starts_with("//") || self.text.starts_with('#') {
                self.advance(self.text.find('\n').unwrap_or(self.text.len()));
            } else if self.text.starts_with("/*") {
                let Some(end) = self.text.find("*/") else {
                    return Err(self.wrong("a comment is not closed"));
                };
                self.advance(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.text.split_at(bytes);
        self.line += passed.matches('\n').count();
        self.text = rest;
    }
}
