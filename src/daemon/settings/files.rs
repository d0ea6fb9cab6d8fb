//! Finding and reading the files of a configuration.
//!
//! It knows paths and bytes, and nothing of what stands in them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    mistakes::{At, LoadError, Mistake, Severity},
    places::Excerpt,
};

/// The longest file; a configuration of a thousand items is a tenth of it.
const LENGTH_MAX: u64 = 4 << 20;

/// The files of a configuration.
pub(super) struct Files {
    /// `oneshelf.toml`.
    pub(super) main: File,
    /// Those in `accounts.d`, by name.
    pub(super) accounts: Vec<File>,
    /// The folder beside `oneshelf.toml` in which credentials may be.
    pub(super) credentials: PathBuf,
    /// What could not be read.
    pub(super) mistakes: Vec<Mistake>,
}

/// A file that was read.
pub(super) struct File {
    /// The path as the admin knows it.
    pub(super) name: String,
    /// The name without folder and ending: for an account, its id.
    pub(super) stem: String,
    /// What stands in it; nothing where that is among the mistakes.
    pub(super) text: Option<String>,
}

/// Reads the files at a folder, or at the path of the main file.
pub(super) fn read(at: &Path) -> Result<Files, LoadError> {
    let main = if at.is_dir() {
        at.join("oneshelf.toml")
    } else {
        at.to_path_buf()
    };
    if !main.exists() {
        return Err(LoadError::Absent { looked_for: main });
    }
    let beside = main.parent().unwrap_or(Path::new(""));
    let folder = beside.join("accounts.d");
    let mut files = Files {
        main: File {
            name: main.display().to_string(),
            stem: String::new(),
            text: None,
        },
        accounts: Vec::new(),
        credentials: beside.join("credentials"),
        mistakes: Vec::new(),
    };
    files.main.text = read_file(&main, &mut files.mistakes);
    let paths = list(&folder).unwrap_or_else(|error| {
        files.mistakes.push(whole(&folder, &error));
        Vec::new()
    });
    for path in paths {
        let text = read_file(&path, &mut files.mistakes);
        files.accounts.push(File {
            name: path.display().to_string(),
            stem: path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
                .unwrap_or_default(),
            text,
        });
    }
    Ok(files)
}

/// The `.toml` files of a folder in the order of their names; none where there is no folder.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_hidden = path
            .file_name()
            .is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|ending| ending == "toml") && !is_hidden {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read_file(path: &Path, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let bytes = fs::metadata(path)
        .and_then(|metadata| match metadata.len() {
            0..=LENGTH_MAX => fs::read(path),
            _ => Err(io::Error::other("it is too long for a configuration")),
        })
        .map_err(|error| mistakes.push(whole(path, &error)))
        .ok()?;
    String::from_utf8(bytes)
        .map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(error.as_bytes().get(..valid).unwrap_or_default());
            let line_start = before.rfind('\n').map_or(0, |at| at + 1);
            mistakes.push(Mistake {
                severity: Severity::Error,
                at: At::File {
                    name: path.display().to_string(),
                    excerpt: Excerpt {
                        line: before.matches('\n').count() + 1,
                        column: before[line_start..].chars().count() + 1,
                        // Nobody knows yet what in this line is a secret.
                        text: String::new(),
                        width: 1,
                    },
                },
                key: String::new(),
                problem: "this is not text (UTF-8)".to_owned(),
                help: Some("save the file as UTF-8".to_owned()),
            });
        })
        .ok()
}

fn whole(path: &Path, error: &io::Error) -> Mistake {
    Mistake {
        severity: Severity::Error,
        at: At::Whole {
            name: path.display().to_string(),
        },
        key: String::new(),
        problem: format!("cannot read {}: {error}", path.display()),
        help: None,
    }
}
