//! Mistakes in a configuration, and how they are told: to a person with the line and a caret, to a
//! program as one JSON object a line.
//!
//! All mistakes of all files are collected; nothing here decides what a mistake is.

use std::{fmt, path::PathBuf};

use serde_json::json;

use super::places::Excerpt;

/// One mistake, or one thing that should be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands.
    pub at: At,
    /// The key that it is about, dotted; empty for a whole file.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do, or what was probably meant.
    pub help: Option<String>,
}

/// How bad a mistake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It cannot be used.
    Error,
    /// It can, but should not.
    Warning,
}

/// Where a mistake stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// In a file.
    File {
        /// The file, as it was given.
        name: String,
        /// The place in it.
        excerpt: Excerpt,
    },
    /// The file as a whole, or its folder.
    Whole {
        /// The file, as it was given.
        name: String,
    },
    /// In a variable of the environment.
    Environment {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::File { name, excerpt } => {
                write!(f, "{name}:{}:{}", excerpt.line, excerpt.column)
            }
            At::Whole { name } => f.write_str(name),
            At::Environment { name } => write!(f, "env:{name}"),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// The mistake as a person reads it; several lines, without one at the end.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  --> {}", self.severity, self.problem, self.at)?;
        if let At::File { excerpt, .. } = &self.at {
            let number = excerpt.line.to_string();
            let margin = " ".repeat(number.len());
            let indent = " ".repeat(excerpt.column - 1);
            let caret = "^".repeat(excerpt.width);
            write!(f, "\n {margin} |\n {number} | {}", excerpt.text)?;
            write!(f, "\n {margin} | {indent}{caret}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  = help: {help}")?;
        }
        Ok(())
    }
}

impl Mistake {
    /// The mistake as a program reads it: one object, on one line.
    pub fn to_json(&self) -> serde_json::Value {
        let mut object = json!({
            "severity": self.severity.to_string(),
            "key": self.key,
            "problem": self.problem,
            "help": self.help,
        });
        match &self.at {
            At::File { name, excerpt } => {
                object["file"] = json!(name);
                object["line"] = json!(excerpt.line);
                object["column"] = json!(excerpt.column);
            }
            At::Whole { name } => object["file"] = json!(name),
            At::Environment { name } => object["env"] = json!(name),
        }
        object
    }
}

/// Why there are no settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// There is no configuration at all.
    #[error("there is no configuration at {}; `oneshelf demo` shows everything without one", looked_for.display())]
    Absent {
        /// The file that is not there.
        looked_for: PathBuf,
    },
    /// There is one, and it cannot be used. Warnings are among the mistakes, and one error at least.
    #[error("{}", summary(.0))]
    Mistakes(Vec<Mistake>),
}

fn summary(mistakes: &[Mistake]) -> String {
    let errors = mistakes
        .iter()
        .filter(|mistake| mistake.severity == Severity::Error)
        .count();
    let word = if errors == 1 { "mistake" } else { "mistakes" };
    format!("the configuration has {errors} {word}")
}

impl LoadError {
    /// What a shell is told, by sysexits: the configuration.
    pub const EXIT_CODE: u8 = 78;

    /// Everything for a person, with a last line that sums up.
    pub fn render(&self) -> String {
        match self {
            LoadError::Absent { .. } => format!("error: {self}\n"),
            LoadError::Mistakes(mistakes) => {
                let all: String = mistakes.iter().map(|m| format!("{m}\n\n")).collect();
                format!("{all}error: {self}\n")
            }
        }
    }

    /// Everything for a program: one object a line.
    pub fn render_json(&self) -> String {
        match self {
            LoadError::Absent { looked_for } => {
                let object = json!({
                    "severity": Severity::Error.to_string(),
                    "file": looked_for.display().to_string(),
                    "key": "",
                    "problem": "there is no configuration",
                    "help": "`oneshelf demo` shows everything without one",
                });
                format!("{object}\n")
            }
            LoadError::Mistakes(mistakes) => mistakes
                .iter()
                .map(|mistake| format!("{}\n", mistake.to_json()))
                .collect(),
        }
    }
}

/// What was probably meant, among the words that would have been right.
pub(super) fn suggestion(word: &str, right: &[&str]) -> Option<String> {
    const LIKENESS_MIN: f64 = 0.75;
    const LENGTH_MIN: usize = 3;
    let word = word.to_lowercase();
    let likeness = |other: &str| {
        // Two letters swapped, one too many or too few: what fingers do, and too little for the
        // other measure in a short word.
        let is_slip = other.len() >= LENGTH_MIN && strsim::damerau_levenshtein(&word, other) <= 1;
        if is_slip {
            1.0
        } else {
            strsim::jaro_winkler(&word, other)
        }
    };
    let best = right
        .iter()
        .map(|other| (likeness(&other.to_lowercase()), *other))
        .max_by(|one, two| one.0.total_cmp(&two.0))?;
    (best.0 >= LIKENESS_MIN).then(|| format!("did you mean `{}`?", best.1))
}

/// The suggestion, or else the whole choice.
pub(super) fn suggestion_or_list(word: &str, right: &[&str], what: &str) -> Option<String> {
    if right.is_empty() {
        return None;
    }
    let list = || format!("{what}: {}", right.join(", "));
    Some(suggestion(word, right).unwrap_or_else(list))
}
