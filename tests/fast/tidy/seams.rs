//! The outside crates that we may want to swap: each is named in one file.
//!
//! When one of them is replaced, that file changes and no other.

use std::collections::BTreeSet;

use super::{Check, Tree, manifests, rust};

/// A crate, as it is named in a manifest and in code, and its file.
const SEAMS: &[(&str, &str, &str)] = &[
    ("backoff", "backoff", "src/engine/ports/retry.rs"),
    ("config", "config", "src/daemon/settings/layers.rs"),
    ("cron", "cron", "src/engine/ports/schedule.rs"),
    ("governor", "governor", "src/engine/ports/quota.rs"),
    ("lettre", "lettre", "src/engine/ports/mail.rs"),
    ("minijinja", "minijinja", "src/engine/ports/formula.rs"),
    ("notosans", "notosans", "src/documents/pdf/font.rs"),
    ("pdf-writer", "pdf_writer", "src/documents/pdf/write.rs"),
    ("reqwest", "reqwest", "src/engine/ports/http.rs"),
    ("sled", "sled", "src/store/sled/rows.rs"),
    ("subsetter", "subsetter", "src/documents/pdf/font.rs"),
    (
        "tokio-postgres",
        "tokio_postgres",
        "src/store/postgres/client.rs",
    ),
    ("ttf-parser", "ttf_parser", "src/documents/pdf/font.rs"),
];

/// Where people read the table.
const GUIDE: &str = "CONTRIBUTING.md";

pub(super) const CHECKS: &[Check] = &[
    Check {
        rule: "the table SEAMS is the one in CONTRIBUTING.md",
        find: find_untold,
        bad: &[(
            &[("CONTRIBUTING.md", "| `cron` | `src/engine/schedule.rs` |")],
            "no line names `cron` and `src/engine/ports/schedule.rs`",
        )],
        good: &[],
    },
    Check {
        rule: "an outside crate that we may want to swap is named in its one file (the table SEAMS)",
        find: find_strays,
        bad: &[
            (
                &[("src/engine/poll.rs", "let x = reqwest::Client::builder();")],
                "src/engine/poll.rs:1 names reqwest, whose one file is src/engine/ports/http.rs",
            ),
            (
                &[("connectors/ebay/api.rs", "use governor::Quota;")],
                "names governor",
            ),
            (
                &[("src/store/lib.rs", "use ::sled as engine;")],
                "src/store/lib.rs:1 names sled",
            ),
        ],
        good: &[&[
            ("src/engine/ports/http.rs", "use reqwest::Client;"),
            (
                "src/store/sled/mod.rs",
                "pub mod sled; crate::sled::open(); let sled = 1;",
            ),
            (
                "src/engine/poll.rs",
                "// reqwest::Client is elsewhere\nlet config = 1;",
            ),
            ("tests/e2e/main.rs", "use tokio_postgres::Client;"),
        ]],
    },
    Check {
        rule: "an outside crate that is depended on is used in its one file, once the folder of that file is there",
        find: find_unused,
        bad: &[(
            &[
                ("Cargo.toml", "[workspace]\nmembers = ['src/engine']"),
                (
                    "src/engine/Cargo.toml",
                    "[package]\nname = 'engine'\n[dependencies]\ncron = '0.17'",
                ),
                ("src/engine/ports/mod.rs", "//! Ports."),
            ],
            "cron is a dependency of engine, and src/engine/ports/schedule.rs does not use it",
        )],
        good: &[
            &[
                ("Cargo.toml", "[workspace]\nmembers = ['src/engine']"),
                (
                    "src/engine/Cargo.toml",
                    "[package]\nname = 'engine'\n[dependencies]\ncron = '0.17'",
                ),
                ("src/engine/lib.rs", "//! Engine.\n"),
            ],
            &[
                ("Cargo.toml", "[workspace]\nmembers = ['src/engine']"),
                (
                    "src/engine/Cargo.toml",
                    "[package]\nname = 'engine'\n[dependencies]\ncron = '0.17'",
                ),
                ("src/engine/ports/schedule.rs", "use cron::Schedule;"),
            ],
        ],
    },
];

fn find_untold(tree: &Tree) -> Vec<String> {
    let Some(guide) = tree.get(GUIDE) else {
        return Vec::new();
    };
    SEAMS
        .iter()
        .filter(|(package, _, home)| {
            let row = |line: &str| {
                line.contains(&format!("`{package}`")) && line.contains(&format!("`{home}`"))
            };
            !guide.text.lines().any(row)
        })
        .map(|(package, _, home)| format!("{GUIDE}: no line names `{package}` and `{home}`"))
        .collect()
}

fn find_strays(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.0.iter().filter(|file| {
        file.is_rust() && (file.path.starts_with("src/") || file.path.starts_with("connectors/"))
    }) {
        let code = rust::code(&file.text);
        for (_, name, home) in SEAMS.iter().filter(|(_, _, home)| *home != file.path) {
            for line in lines_using(&code, name) {
                findings.push(format!(
                    "{}:{line} names {name}, whose one file is {home}",
                    file.path
                ));
            }
        }
    }
    findings
}

/// Where code goes into a crate: `name::…` or `use name`. A variable of that name is no matter.
fn lines_using(code: &str, name: &str) -> Vec<usize> {
    let mut lines = BTreeSet::new();
    for imported in [format!("use {name}"), format!("use ::{name}")] {
        lines.extend(rust::lines_naming(code, &imported));
    }
    lines.extend(rust::lines_entering(code, name));
    lines.into_iter().collect()
}

fn find_unused(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for own in manifests::own_crates(tree) {
        for (package, name, home) in SEAMS {
            let folder = home.rsplit_once('/').map_or("", |(folder, _)| folder);
            let is_due = own.dependencies.contains(*package)
                && folder.starts_with(&own.folder)
                && tree.below(&format!("{folder}/")).next().is_some();
            let uses = tree
                .get(home)
                .is_some_and(|file| !lines_using(&rust::code(&file.text), name).is_empty());
            if is_due && !uses {
                findings.push(format!(
                    "{package} is a dependency of {}, and {home} does not use it",
                    own.name
                ));
            }
        }
    }
    findings
}
