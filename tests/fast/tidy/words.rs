//! Words that do not belong into code, and how the others are spelled.

use super::{Check, Tree, rust};

/// What marks work that is not done, in any text. Written in halves, so that this file is clean.
const UNDONE: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
];

/// What no code of ours contains.
const BANNED: &[(&str, &str)] = &[
    (
        "#[ignore",
        "a test that does not run is no test; print a `skipped:` line for what is missing",
    ),
    ("dbg!(", "a finished program does not print for its author"),
    ("todo!(", "nothing half-done is merged"),
    (
        "unimplemented!(",
        "what cannot be done is `None` or an error",
    ),
    (
        "#[allow(",
        "use #[expect(…, reason = \"…\")], which tells when it is not needed any more",
    ),
    (
        "#![allow(",
        "use #![expect(…, reason = \"…\")], which tells when it is not needed any more",
    ),
];

/// British spellings that names in code must not have, and what they are here.
const BRITISH: &[(&str, &str)] = &[
    ("analyse", "analyze"),
    ("authorise", "authorize"),
    ("behaviour", "behavior"),
    ("cancelled", "canceled"),
    ("cancelling", "canceling"),
    ("catalogue", "catalog"),
    ("centre", "center"),
    ("colour", "color"),
    ("favour", "favor"),
    ("finalise", "finalize"),
    ("fulfil", "fulfill"),
    ("fulfilment", "fulfillment"),
    ("honour", "honor"),
    ("initialise", "initialize"),
    ("labelled", "labeled"),
    ("licence", "license"),
    ("normalise", "normalize"),
    ("organisation", "organization"),
    ("recognise", "recognize"),
    ("serialise", "serialize"),
    ("synchronise", "synchronize"),
];

/// Names that others gave: the method of tokio's `JoinError`.
const FOREIGN_NAMES: &[&str] = &["is_cancelled"];

/// Where the wire may say it in British.
const WIRE_FOLDERS: &[&str] = &["connectors/", "src/sandbox/"];
const WIRE_WORDS: &[&str] = &["cancelled", "fulfilment", "fulfil"];

pub(super) const CHECKS: &[Check] = &[
    Check {
        rule: "nothing is left undone in the text",
        find: find_undone,
        bad: &[
            (
                &[("src/a.rs", concat!("fn a() {} // ", "TO", "DO: b"))],
                "src/a.rs:1",
            ),
            (&[("docs/a.md", concat!("a\n", "FIX", "ME"))], "docs/a.md:2"),
        ],
        good: &[&[(
            "src/a.rs",
            concat!("let x = \"", "TO", "DOS\"; let hackney = 1;"),
        )]],
    },
    Check {
        rule: "some macros and attributes have no place in code",
        find: find_banned,
        bad: &[
            (
                &[("src/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn a() {}")],
                "src/a.rs:2 has `#[ignore`",
            ),
            (&[("tests/a.rs", "let a = dbg!(b);")], "dbg!("),
            (&[("src/a.rs", "#[allow(dead_code)]")], "#[allow("),
        ],
        good: &[&[("src/a.rs", "// dbg!(a)\nlet a = \"todo!()\";")]],
    },
    Check {
        rule: "names in code have US spelling; the wire may differ inside connectors/ and src/sandbox/",
        find: find_british,
        bad: &[
            (
                &[("src/domain/a.rs", "struct A { is_cancelled_by: u8 }")],
                "`is_cancelled_by`: canceled",
            ),
            (
                &[("src/domain/a.rs", "enum A { FulfilmentCentre }")],
                "fulfillment",
            ),
            (&[("connectors/ebay/map.rs", "fn colour() {}")], "color"),
        ],
        good: &[&[
            ("connectors/ebay/wire.rs", "enum A { Cancelled }"),
            (
                "src/engine/a.rs",
                "if error.is_cancelled() { \"cancelled\" } // behaviour",
            ),
            ("src/domain/a.rs", "fulfill, FulfillmentOrder, central"),
        ]],
    },
];

fn find_undone(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in &tree.0 {
        for (line, text) in file.text.lines().enumerate() {
            let words = text.split(|c: char| !c.is_alphanumeric());
            for word in words.filter(|word| UNDONE.contains(word)) {
                findings.push(format!("{}:{} says {word}", file.path, line + 1));
            }
        }
    }
    findings
}

fn find_banned(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.0.iter().filter(|file| file.is_rust()) {
        let code = rust::code(&file.text);
        for (line, text) in code.lines().enumerate() {
            for (what, why) in BANNED.iter().filter(|(what, _)| text.contains(what)) {
                findings.push(format!("{}:{} has `{what}`: {why}", file.path, line + 1));
            }
        }
    }
    findings
}

fn find_british(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.0.iter().filter(|file| file.is_rust()) {
        let is_wire = WIRE_FOLDERS
            .iter()
            .any(|folder| file.path.starts_with(folder));
        let code = rust::code(&file.text);
        for (line, name) in rust::identifiers(&code).filter(|(_, n)| !FOREIGN_NAMES.contains(n)) {
            for word in words_of(name) {
                let found = BRITISH.iter().find(|(british, _)| *british == word);
                let Some((british, american)) = found else {
                    continue;
                };
                if !(is_wire && WIRE_WORDS.contains(british)) {
                    findings.push(format!("{}:{line}: `{name}`: {american}", file.path));
                }
            }
        }
    }
    findings
}

/// The words of a name in snake or camel case, in lower case.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if c != '_' {
            words
                .last_mut()
                .expect("there is one")
                .extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words
}

#[test]
fn names_are_taken_apart() {
    assert_eq!(
        words_of("is_FulfilmentCentre"),
        ["is", "fulfilment", "centre"]
    );
}
