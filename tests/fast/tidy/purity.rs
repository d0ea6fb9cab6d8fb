//! What whole folders must never name: clocks, chance, logs, I/O and hash maps where they decide.

use super::{Check, File, Tree, rust};

/// Folders, and the paths that no shipped code in them may name. Tests may.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "src/domain/",
        &[
            "tokio",
            "tracing",
            "fastrand",
            "getrandom",
            "std::fs",
            "std::net",
            "std::env",
            "std::thread",
            "SystemTime",
            "Instant",
            "Timestamp::now",
            "Zoned::now",
            "HashMap",
            "HashSet",
        ],
    ),
    (
        "src/documents/",
        &[
            "tokio",
            "tracing",
            "fastrand",
            "getrandom",
            "std::fs",
            "std::net",
            "std::env",
            "std::thread",
            "SystemTime",
            "Instant",
            "Timestamp::now",
            "Zoned::now",
            "HashMap",
            "HashSet",
        ],
    ),
    (
        "src/sandbox/",
        &[
            "tokio",
            "tracing",
            "getrandom",
            "std::fs",
            "std::net",
            "std::env",
            "std::thread",
            "SystemTime",
            "Instant",
            "Timestamp::now",
            "Zoned::now",
            "HashMap",
            "HashSet",
        ],
    ),
    (
        "connectors/",
        &[
            "tokio::time",
            "tokio::spawn",
            "tracing",
            "reqwest",
            "fastrand",
            "getrandom",
            "std::fs",
            "std::net",
            "std::env",
            "std::thread",
            "SystemTime",
            "Instant",
            "Timestamp::now",
            "Zoned::now",
            "HashMap",
            "HashSet",
        ],
    ),
];

pub(super) const CHECKS: &[Check] = &[Check {
    rule: "what decides takes time, chance and order as values: no clock, random, log, I/O or hash map in it",
    find: find_impure_names,
    bad: &[
        (
            &[("src/domain/a.rs", "//! a\nuse std::{env, fs};")],
            "src/domain/a.rs:2 names std::fs",
        ),
        (
            &[(
                "src/sandbox/square/mod.rs",
                "//! a\nstd::time::SystemTime::now()",
            )],
            "names SystemTime",
        ),
        (
            &[("connectors/square/api.rs", "tokio::time::sleep(d).await")],
            "names tokio::time",
        ),
        (
            &[("connectors/square/map.rs", "use std::collections::HashMap;")],
            "names HashMap",
        ),
    ],
    good: &[&[
        (
            "src/domain/a.rs",
            "// std::fs is not for us\n#[cfg(test)]\nmod t { use std::fs; }",
        ),
        ("connectors/square/tests.rs", "use std::env;"),
        ("src/engine/clock.rs", "Instant::now()"),
    ]],
}];

fn find_impure_names(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (folder, names) in FORBIDDEN {
        for file in tree.below(folder).filter(|file| is_shipped(file)) {
            let code = rust::shipped_code(&file.text);
            for name in *names {
                // A type is forbidden under every path that leads to it.
                let lines = match name.starts_with(char::is_uppercase) && !name.contains("::") {
                    true => rust::identifiers(&code)
                        .filter(|(_, word)| word == name)
                        .map(|(line, _)| line)
                        .collect(),
                    false => rust::lines_naming(&code, name),
                };
                for line in lines {
                    findings.push(format!("{}:{line} names {name}", file.path));
                }
            }
        }
    }
    findings
}

fn is_shipped(file: &File) -> bool {
    file.is_rust()
        && !file.path.contains("/tests/")
        && !file.name().ends_with("tests.rs")
        && !file.name().ends_with("_test.rs")
}
