//! Where in a file a key or a value stands, and what is shown of it.
//!
//! Parsing keeps the span of every key and value by its path. What is shown never includes a hidden
//! span: a mistake beside a secret must not print the secret.

use std::{collections::BTreeMap, ops::Range};

use toml_edit::{Document, Item, TableLike, Value};

/// The keys that lead to a value, from the outside in; the place in a list is a number.
pub(super) type KeyPath = Vec<String>;

/// A file that was read, and where everything in it stands.
#[derive(Debug)]
pub(super) struct Source {
    /// As the admin knows it: the path that was given.
    pub(super) name: String,
    /// All of it.
    pub(super) text: String,
    spans: BTreeMap<KeyPath, Span>,
    hidden: Vec<Range<usize>>,
}

/// Where a key and its value stand, in bytes.
#[derive(Debug, Clone)]
struct Span {
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
}

/// Which part of an entry a mistake is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The key: it should not be there.
    Key,
    /// The value: it should be another.
    Value,
}

/// What is shown of a file around a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The line, with hidden parts as asterisks and tabs as blanks.
    pub text: String,
    /// How many characters the mistake is wide; at least 1.
    pub width: usize,
}

/// Text that is no TOML.
#[derive(Debug)]
pub(super) struct Syntax {
    /// What is wrong.
    pub(super) problem: String,
    /// Where.
    pub(super) excerpt: Excerpt,
}

impl Source {
    /// Reads a text. What is not TOML is told with the place of the first mistake.
    pub(super) fn parse(name: String, text: String) -> Result<Source, Syntax> {
        let mut source = Source {
            name,
            text,
            spans: BTreeMap::new(),
            hidden: Vec::new(),
        };
        match Document::parse(source.text.clone()) {
            Ok(document) => {
                note_table(&mut source.spans, &mut Vec::new(), document.as_table());
                Ok(source)
            }
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                source.hide_quoted_of_line(span.start);
                Err(Syntax {
                    problem: error.message().trim().replace('\n', "; "),
                    excerpt: source.excerpt(span),
                })
            }
        }
    }

    /// Whether the file sets this.
    pub(super) fn has(&self, path: &[String]) -> bool {
        self.spans.contains_key(path)
    }

    /// The paths below one, itself included.
    pub(super) fn below<'a>(&'a self, path: &'a [String]) -> impl Iterator<Item = &'a KeyPath> {
        self.spans.keys().filter(move |key| key.starts_with(path))
    }

    /// The line that sets this, counted from 1.
    pub(super) fn line_of(&self, path: &[String]) -> Option<usize> {
        let span = self.spans.get(path)?;
        let at = span.key.as_ref().or(span.value.as_ref())?.start;
        Some(self.text.get(..at)?.matches('\n').count() + 1)
    }

    /// Keeps a value from being shown.
    pub(super) fn hide(&mut self, path: &[String]) {
        let value = self.spans.get(path).and_then(|span| span.value.clone());
        self.hidden.extend(value);
    }

    /// What is shown for a mistake in a part of an entry; for an entry that is not there, its table.
    pub(super) fn show(&self, path: &[String], part: Part) -> Excerpt {
        let exact = self.spans.get(path).and_then(|span| match part {
            Part::Key => span.key.clone().or(span.value.clone()),
            Part::Value => span.value.clone().or(span.key.clone()),
        });
        let around = || {
            let mut outer = path;
            while let Some((_, rest)) = outer.split_last() {
                outer = rest;
                let span = self.spans.get(outer);
                let place = span.and_then(|span| span.key.clone().or(span.value.clone()));
                if place.is_some() {
                    return place;
                }
            }
            None
        };
        self.excerpt(exact.or_else(around).unwrap_or(0..0))
    }

    /// What is shown for a part of a text; nothing where the file writes that text in another way, with
    /// escapes or over several lines.
    pub(super) fn show_within(
        &self,
        path: &[String],
        text: &str,
        part: Range<usize>,
    ) -> Option<Excerpt> {
        let value = self.spans.get(path)?.value.clone()?;
        let written = self.text.get(value.clone())?;
        let inside = written.get(1..written.len().checked_sub(1)?)?;
        if inside != text {
            return None;
        }
        let start = value.start + 1;
        Some(self.excerpt(start + part.start..start + part.end))
    }

    fn excerpt(&self, span: Range<usize>) -> Excerpt {
        let mut start = span.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[start..]
            .find('\n')
            .map_or(self.text.len(), |length| start + length);
        let line = self.text[line_start..line_end].trim_end_matches('\r');
        let end = span
            .end
            .clamp(start, line_start + line.len().max(start - line_start));
        let width = self
            .text
            .get(start..end)
            .map_or(1, |text| text.chars().count());
        let shown = line.char_indices().map(|(at, c)| {
            let is_hidden = self
                .hidden
                .iter()
                .any(|span| span.contains(&(line_start + at)));
            match c {
                '\t' => ' ',
                c if c.is_control() => '?',
                '"' | '\'' => c,
                c if is_hidden && !c.is_whitespace() => '*',
                c => c,
            }
        });
        Excerpt {
            line: self.text[..line_start].matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            text: shown.collect(),
            width: width.max(1),
        }
    }

    /// In a line that is no TOML, nobody knows what is a secret: everything from its first quote on
    /// is hidden.
    fn hide_quoted_of_line(&mut self, at: usize) {
        let at = at.min(self.text.len());
        let before = self.text.get(..at).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text.get(start..).unwrap_or_default();
        let length = rest.find('\n').unwrap_or(rest.len());
        if let Some(quote) = rest[..length].find(['"', '\'']) {
            self.hidden.push(start + quote..start + length);
        }
    }
}

fn note_table(spans: &mut BTreeMap<KeyPath, Span>, path: &mut KeyPath, table: &dyn TableLike) {
    for (name, item) in table.iter() {
        path.push(name.to_owned());
        let key = table.key(name).and_then(toml_edit::Key::span);
        let value = item.span();
        spans.insert(path.clone(), Span { key, value });
        note_item(spans, path, item);
        path.pop();
    }
}

fn note_item(spans: &mut BTreeMap<KeyPath, Span>, path: &mut KeyPath, item: &Item) {
    match item {
        Item::None => {}
        Item::Table(table) => note_table(spans, path, table),
        Item::ArrayOfTables(tables) => {
            for (index, table) in tables.iter().enumerate() {
                path.push(index.to_string());
                let value = table.span();
                spans.insert(path.clone(), Span { key: None, value });
                note_table(spans, path, table);
                path.pop();
            }
        }
        Item::Value(value) => note_value(spans, path, value),
    }
}

fn note_value(spans: &mut BTreeMap<KeyPath, Span>, path: &mut KeyPath, value: &Value) {
    match value {
        Value::InlineTable(table) => note_table(spans, path, table),
        Value::Array(array) => {
            for (index, inner) in array.iter().enumerate() {
                path.push(index.to_string());
                let value = inner.span();
                spans.insert(path.clone(), Span { key: None, value });
                note_value(spans, path, inner);
                path.pop();
            }
        }
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
public_url = 'x'
[listen]
public = \"a\"
[stock]
rules = [{ sku = \"A\" }, { sku = \"B\" }]
[[items]]
sku = \"Ä\"
components.\"a.b\" = 1
[[items]]
sku = \"C\"
";

    fn path(text: &str) -> KeyPath {
        text.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn keys_and_values_are_found() {
        let source = Source::parse("f".into(), TEXT.into()).expect("it is TOML");
        for (at, part, place) in [
            ("public_url", Part::Key, (1, 1, 10)),
            ("public_url", Part::Value, (1, 14, 3)),
            ("listen/public", Part::Value, (3, 10, 3)),
            ("listen/other", Part::Value, (2, 2, 6)),
            ("stock/rules/1/sku", Part::Value, (5, 33, 3)),
            ("stock/rules/1/no", Part::Key, (5, 25, 13)),
            ("items/0/sku", Part::Value, (7, 7, 3)),
            ("items/0/components/a.b", Part::Key, (8, 12, 5)),
            ("items/1/none", Part::Value, (9, 1, 9)),
            ("none", Part::Value, (1, 1, 1)),
        ] {
            let shown = source.show(&path(at), part);
            assert_eq!(
                (shown.line, shown.column, shown.width),
                place,
                "{at} {part:?}"
            );
        }
    }

    #[test]
    fn what_is_hidden_is_not_shown() {
        let text = "a = \"geheim\"\tb".replace("\tb", "");
        let mut source = Source::parse("f".into(), text).expect("it is TOML");
        source.hide(&path("a"));
        assert_eq!(source.show(&path("a"), Part::Key).text, "a = \"******\"");

        let error = Source::parse("f".into(), "x = 1\nsecret = \"abc def\n".into());
        let shown = error.expect_err("the quote is open").excerpt;
        assert_eq!(shown.line, 2);
        assert_eq!(shown.text, "secret = \"*** ***");
    }

    #[test]
    fn strange_texts_are_no_trouble() {
        for text in [
            "",
            "\u{feff}a = 1",
            "a = \"\u{0}\"",
            "= ",
            "a.b = 1\na = 2",
            "[",
            "ä",
        ] {
            match Source::parse("f".into(), text.into()) {
                Ok(source) => assert!(source.show(&path("a/b/c"), Part::Key).line >= 1),
                Err(error) => assert!(error.excerpt.line >= 1, "{text}"),
            }
        }
        let deep = format!("a = {}1{}", "[".repeat(5000), "]".repeat(5000));
        assert!(Source::parse("f".into(), deep).is_err());
    }
}
