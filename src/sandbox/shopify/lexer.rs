//! The words of GraphQL: names, numbers, texts and signs, each with its line.

use std::iter::Peekable;

use super::document::SyntaxError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Number(String),
    Text(String),
    Sign(char),
    Spread,
}

/// The tokens of a text, each with its line.
pub(super) fn tokens(source: &str) -> Result<Vec<(Token, usize)>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        let mut word = |first: char, more: fn(char) -> bool| {
            let mut word = String::from(first);
            while let Some(next) = rest.next_if(|c| more(*c)) {
                word.push(next);
            }
            word
        };
        let token = match c {
            '\n' => {
                line += 1;
                continue;
            }
            ' ' | '\t' | '\r' | ',' | '\u{feff}' => continue,
            '#' => {
                word(c, |c| c != '\n');
                continue;
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                Token::Name(word(c, |c| c.is_ascii_alphanumeric() || c == '_'))
            }
            '0'..='9' | '-' => Token::Number(word(c, |c| {
                c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-')
            })),
            '"' => Token::Text(text(&mut rest, line)?),
            '.' if word(c, |c| c == '.') == "..." => Token::Spread,
            '!' | '$' | '&' | '(' | ')' | ':' | '=' | '@' | '[' | ']' | '{' | '|' | '}' => {
                Token::Sign(c)
            }
            other => {
                return Err(SyntaxError {
                    message: format!("syntax error, unexpected invalid token (\"{other}\")"),
                    line,
                });
            }
        };
        tokens.push((token, line));
    }
    Ok(tokens)
}

fn text(rest: &mut Peekable<std::str::Chars<'_>>, line: usize) -> Result<String, SyntaxError> {
    let mut text = String::new();
    loop {
        match rest.next() {
            Some('"') => return Ok(text),
            Some('\\') => match rest.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(c @ ('"' | '\\' | '/')) => text.push(c),
                _ => break,
            },
            None | Some('\n') => break,
            Some(c) => text.push(c),
        }
    }
    Err(SyntaxError {
        message: "syntax error, unexpected unterminated string".to_owned(),
        line,
    })
}
