//! As much of Rust's grammar as the rules need: what is code, what is a comment, what is a literal.
//!
//! It works on text, so it also reads code that does not compile. It does not expand macros.

/// The code of a file: comments and the inside of literals are blanks, so that lines and columns
/// stay as they are.
pub(super) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match literal_or_comment_end(&chars, at) {
            Some(end) => end.min(chars.len()),
            None => {
                out.push(chars[at]);
                at += 1;
                continue;
            }
        };
        for c in &chars[at..end] {
            out.push(if *c == '\n' { '\n' } else { ' ' });
        }
        at = end;
    }
    out
}

/// The code of a file up to its tests.
pub(super) fn shipped_code(text: &str) -> String {
    let code = code(text);
    match code.find("#[cfg(test)]") {
        Some(end) => code[..end].to_owned(),
        None => code,
    }
}

/// Where the literal or comment that starts here ends; nothing when none starts here.
fn literal_or_comment_end(chars: &[char], at: usize) -> Option<usize> {
    let is = |offset: usize, c: char| chars.get(at + offset) == Some(&c);
    if is(0, '/') && is(1, '/') {
        let length = chars[at..].iter().position(|c| *c == '\n');
        return Some(length.map_or(chars.len(), |length| at + length));
    }
    if is(0, '/') && is(1, '*') {
        return Some(block_comment_end(chars, at));
    }
    let follows_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    if !follows_word && let Some(end) = raw_string_end(chars, at) {
        return Some(end);
    }
    if is(0, '"') {
        return Some(quoted_end(chars, at, '"'));
    }
    if is(0, '\'') {
        // A lifetime has no second quote behind its first letter; an escape always is a literal.
        if is(1, '\\') || is(2, '\'') {
            return Some(quoted_end(chars, at, '\''));
        }
    }
    None
}

/// Behind the quote that closes the one here.
fn quoted_end(chars: &[char], at: usize, quote: char) -> usize {
    let mut end = at + 1;
    while end < chars.len() && chars[end] != quote {
        end += if chars[end] == '\\' { 2 } else { 1 };
    }
    end + 1
}

/// Behind a raw string, with or without a `b` or `c` before it.
fn raw_string_end(chars: &[char], at: usize) -> Option<usize> {
    let mut start = at;
    if matches!(chars.get(start), Some('b' | 'c')) {
        start += 1;
    }
    if chars.get(start) != Some(&'r') {
        return None;
    }
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let mut end = open + 1;
    while end < chars.len() {
        let closes = chars[end] == '"'
            && chars[end + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
        if closes {
            return Some(end + 1 + hashes);
        }
        end += 1;
    }
    Some(end)
}

/// Behind a block comment, which may hold others.
fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut end = at;
    while end < chars.len() {
        match (chars[end], chars.get(end + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                end += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                end += 2;
                if depth == 0 {
                    return end;
                }
            }
            _ => end += 1,
        }
    }
    end
}

/// The identifiers of some code, each with its line.
pub(super) fn identifiers(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(line, text)| {
        text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
            .map(move |word| (line + 1, word))
    })
}

/// The lines on which some code names a path (`std::fs`, `sled`), also as `use std::{env, fs}`.
/// A longer path that ends so (`crate::sled`) is another one.
pub(super) fn lines_naming(code: &str, path: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut note = |at: usize| lines.push(code[..at].matches('\n').count() + 1);
    for (at, _) in code.match_indices(path) {
        let after = &code[at + path.len()..];
        if begins_path(&code[..at]) && !after.starts_with(is_word) {
            note(at);
        }
    }
    if let Some((outer, inner)) = path.rsplit_once("::") {
        let group = format!("{outer}::{{");
        for (at, _) in code.match_indices(&group) {
            let start = at + group.len();
            let end = code[start..]
                .find(';')
                .map_or(code.len(), |length| start + length);
            if identifiers(&code[start..end]).any(|(_, word)| word == inner) {
                note(at);
            }
        }
    }
    lines
}

/// The lines on which some code goes into a crate or module: `name::…`.
pub(super) fn lines_entering(code: &str, name: &str) -> Vec<usize> {
    let entrance = format!("{name}::");
    code.match_indices(&entrance)
        .filter(|(at, _)| begins_path(&code[..*at]))
        .map(|(at, _)| code[..at].matches('\n').count() + 1)
        .collect()
}

/// Whether a path begins behind this: it is not the rest of a name or of a longer path.
fn begins_path(before: &str) -> bool {
    let before = match before.strip_suffix("::") {
        Some(outer) if outer.ends_with(is_word) => return false,
        Some(outer) => outer,
        None => before,
    };
    !before.ends_with(is_word)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn code_is_told_from_comments_and_literals() {
    for (text, wanted) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("b\"c", 'd')"#, "f(      ,    )"),
        ("f::<'a>('\\'', x)", "f::<'a>(    , x)"),
        ("r#\"a \" b\"# + c", "           + c"),
        ("br\"a\" for_r\"b\"", "      for_r   "),
    ] {
        assert_eq!(code(text), wanted, "{text}");
    }
}

#[test]
fn paths_are_found_in_every_form() {
    for (code, path, lines) in [
        ("use sled;\n\nsled::open()", "sled", vec![1, 3]),
        ("use ::sled::Db;", "sled", vec![1]),
        ("use crate::sled::Db; my_sled(); sledge()", "sled", vec![]),
        ("use std::{env, fs};", "std::fs", vec![1]),
        ("use std::{collections::BTreeMap};", "std::fs", vec![]),
        ("std::fs::read()", "std::fs", vec![1]),
    ] {
        assert_eq!(lines_naming(code, path), lines, "{code}");
    }
}
