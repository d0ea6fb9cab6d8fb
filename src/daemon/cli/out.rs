//! Printing: tables and sentences for people, or one JSON object a line.
//!
//! Texts come from buyers and channels, so nothing in them reaches the terminal as a command.

use std::io::Write;

use serde_json::Value;

/// The widest cell of a table, in characters.
const CELL_MAX: usize = 44;

/// Where a command prints.
pub(super) struct Out<'a> {
    to: &'a mut dyn Write,
    is_json: bool,
}

impl<'a> Out<'a> {
    pub(super) fn new(to: &'a mut dyn Write, is_json: bool) -> Out<'a> {
        Out { to, is_json }
    }

    /// Whether to print JSON.
    pub(super) fn is_json(&self) -> bool {
        self.is_json
    }

    /// A text as it is, on a line of its own.
    pub(super) fn text(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(writeln!(self.to, "{text}")?)
    }

    /// What is in a file, as it is.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.to.write_all(bytes)?)
    }

    /// A sentence for people.
    pub(super) fn line(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(writeln!(self.to, "{}", printable(text))?)
    }

    /// JSON objects, one a line.
    pub(super) fn objects<'v>(
        &mut self,
        objects: impl IntoIterator<Item = &'v Value>,
    ) -> anyhow::Result<()> {
        for object in objects {
            writeln!(self.to, "{object}")?;
        }
        Ok(())
    }

    /// Items as a table, or as they are. A column is its head and what it shows of an item.
    pub(super) fn table(&mut self, items: &[Value], columns: &[Column<'_>]) -> anyhow::Result<()> {
        if self.is_json {
            return self.objects(items);
        }
        let rows: Vec<Vec<String>> = items
            .iter()
            .map(|item| {
                columns
                    .iter()
                    .map(|column| cell(&(column.1)(item)))
                    .collect()
            })
            .collect();
        let widths: Vec<usize> = columns
            .iter()
            .enumerate()
            .map(|(at, (head, _))| {
                let cells = rows.iter().filter_map(|row| row.get(at));
                let widest = cells.map(|cell| cell.chars().count()).max();
                widest.unwrap_or(0).max(head.chars().count())
            })
            .collect();
        let heads: Vec<String> = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
        for row in std::iter::once(&heads).chain(&rows) {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(&format!("{cell:<width$}  "));
            }
            writeln!(self.to, "{}", line.trim_end())?;
        }
        if rows.is_empty() {
            writeln!(self.to, "(none)")?;
        }
        Ok(())
    }

    /// Names and values, one pair a line, aligned.
    pub(super) fn pairs(&mut self, pairs: &[(&str, String)]) -> anyhow::Result<()> {
        let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in pairs {
            let line = format!("{name:<width$}  {}", printable(value));
            writeln!(self.to, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The head of a column, and what it shows of an item.
pub(super) type Column<'a> = (&'a str, &'a dyn Fn(&Value) -> String);

/// Without control characters, which a terminal would obey.
fn printable(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(visible).collect()
}

fn cell(text: &str) -> String {
    let text = printable(text);
    if text.chars().count() <= CELL_MAX {
        return text;
    }
    let mut short: String = text.chars().take(CELL_MAX - 1).collect();
    short.push('\u{2026}');
    short
}

/// What stands at a path of keys: texts without quotes, nothing as a dash.
pub(super) fn show(value: &Value, path: &str) -> String {
    let found = path.split('.').try_fold(value, |value, key| value.get(key));
    match found {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(other) => other.to_string(),
    }
}

/// So many of a thing.
pub(super) fn count(number: &str, thing: &str) -> String {
    if number == "1" {
        format!("1 {thing}")
    } else {
        format!("{number} {thing}s")
    }
}

/// An amount with its currency.
pub(super) fn money(value: &Value, path: &str) -> String {
    let (amount, currency) = (format!("{path}.amount"), format!("{path}.currency"));
    format!("{} {}", show(value, &amount), show(value, &currency))
}
