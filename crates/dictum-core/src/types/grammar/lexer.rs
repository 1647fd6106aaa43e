//! Words, texts, numbers and signs of the string form, each with its column.

use serde_json::Number;

use crate::signature::SignatureError;

/// One token and where it starts, in characters from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) column: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// A name.
    Word(String),
    /// A quoted text, without its quotes.
    Text(String),
    /// A number.
    Number(Number),
    /// `->`
    Arrow,
    /// `...`
    Dots,
    /// One sign.
    Sign(char),
    /// The end of the string.
    End,
}

impl TokenKind {
    /// The token as a reader of an error message knows it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Text(text) => format!("the text {text:?}"),
            Self::Number(number) => format!("the number {number}"),
            Self::Arrow => "`->`".into(),
            Self::Dots => "`...`".into(),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::End => "the end".into(),
        }
    }
}

/// The tokens of a string; the last one is [`TokenKind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SignatureError> {
    let mut lexer = Lexer {
        text,
        chars: text.chars().peekable(),
        column: 1,
    };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.token()?;
        let ended = token.kind == TokenKind::End;
        tokens.push(token);
        if ended {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    column: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        self.column += 1;
        Some(c)
    }

    fn next_if(&mut self, wanted: impl FnOnce(char) -> bool) -> Option<char> {
        let c = self.chars.next_if(|c| wanted(*c))?;
        self.column += 1;
        Some(c)
    }

    fn error(&self, column: usize, problem: impl Into<String>) -> SignatureError {
        SignatureError::Syntax {
            text: self.text.to_owned(),
            column,
            problem: problem.into(),
        }
    }

    fn token(&mut self) -> Result<Token, SignatureError> {
        while self.next_if(char::is_whitespace).is_some() {}
        let column = self.column;
        let kind = match self.next() {
            None => TokenKind::End,
            Some(quote @ ('\'' | '"')) => TokenKind::Text(self.quoted(quote, column)?),
            Some(quote @ ('‘' | '’' | '“' | '”')) => {
                return Err(self.error(
                    column,
                    format!("`{quote}` is a typographic quote: write ' or \" around texts"),
                ));
            }
            Some('-') if self.next_if(|c| c == '>').is_some() => TokenKind::Arrow,
            Some('→') => return Err(self.error(column, "write `->` for the arrow")),
            Some(sign @ ('-' | '+')) if self.chars.peek().is_some_and(char::is_ascii_digit) => {
                self.number(sign, column)?
            }
            Some('.') if self.chars.peek() == Some(&'.') => {
                self.next();
                if self.next_if(|c| c == '.').is_none() {
                    return Err(self.error(column, "write `...` with three dots"));
                }
                TokenKind::Dots
            }
            Some(digit) if digit.is_ascii_digit() => self.number(digit, column)?,
            Some(first) if first.is_alphabetic() || first == '_' => {
                let mut word = String::from(first);
                while let Some(c) = self.next_if(|c| c.is_alphanumeric() || c == '_') {
                    word.push(c);
                }
                TokenKind::Word(word)
            }
            Some(sign) => TokenKind::Sign(sign),
        };
        Ok(Token { kind, column })
    }

    fn number(&mut self, first: char, column: usize) -> Result<TokenKind, SignatureError> {
        let mut digits = String::new();
        if first != '+' {
            digits.push(first);
        }
        while let Some(c) = self.next_if(|c| c.is_alphanumeric() || c == '.' || c == '_') {
            digits.push(c);
        }
        let plain = digits.replace('_', "");
        let whole = plain.parse::<i64>().map(Number::from).ok();
        let number = whole
            .or_else(|| plain.parse::<u64>().map(Number::from).ok())
            .or_else(|| plain.parse::<f64>().ok().and_then(Number::from_f64));
        match number {
            Some(number) => Ok(TokenKind::Number(number)),
            None => Err(self.error(
                column,
                format!("`{digits}` is neither a name nor a number; names start with a letter or `_`"),
            )),
        }
    }

    /// The rest of a quoted text, with Python's escapes. One that Python does not know stays as it is.
    fn quoted(&mut self, quote: char, start: usize) -> Result<String, SignatureError> {
        let mut text = String::new();
        loop {
            let column = self.column;
            match self.next() {
                None => return Err(self.error(start, format!("this text has no closing {quote}"))),
                Some(c) if c == quote => return Ok(text),
                Some('\\') => match self.next() {
                    None => return Err(self.error(start, format!("this text has no closing {quote}"))),
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some('0') => text.push('\0'),
                    Some('x') => text.push(self.code_point(2, column)?),
                    Some('u') => text.push(self.code_point(4, column)?),
                    Some('U') => text.push(self.code_point(8, column)?),
                    Some(c @ ('\\' | '\'' | '"')) => text.push(c),
                    Some('\n') => {}
                    Some(c) => text.extend(['\\', c]),
                },
                Some(c) => text.push(c),
            }
        }
    }

    fn code_point(&mut self, digits: usize, column: usize) -> Result<char, SignatureError> {
        let mut code = 0_u32;
        for _ in 0..digits {
            let digit = self
                .next_if(|c| c.is_ascii_hexdigit())
                .and_then(|c| c.to_digit(16));
            let Some(digit) = digit else {
                return Err(self.error(column, format!("this escape needs {digits} hexadecimal digits")));
            };
            code = code.wrapping_mul(16).wrapping_add(digit);
        }
        char::from_u32(code).ok_or_else(|| self.error(column, "this escape is not a character"))
    }
}
