//! Rules over files as wholes: their size, their first line, and the pages that must exist.

use std::collections::BTreeSet;

use super::{Check, Tree, rust};

/// The longest file, in lines.
const LINES_MAX: usize = 800;

/// Files that are longer for now. The list only gets shorter: an entry that is not needed is found.
const LONGER_FOR_NOW: &[&str] = &[];

/// Where the stable codes of the API's problems are written: one `code: "…"` for each.
const PROBLEMS: &str = "src/web/problem.rs";

pub(super) const CHECKS: &[Check] = &[
    Check {
        rule: "a file has at most 800 lines (aim at 400); split it by reason to change",
        find: find_long_files,
        bad: &[(&[("src/a.rs", LONG)], "src/a.rs has 801 lines")],
        good: &[&[("src/a.rs", "//! a\n"), ("Cargo.lock", LONG)]],
    },
    Check {
        rule: "a module opens with what it is for (`//!`)",
        find: find_undocumented,
        bad: &[
            (&[("src/a.rs", "use std::fs;\n")], "src/a.rs"),
            (
                &[("connectors/a/mod.rs", "// a\n//! b")],
                "connectors/a/mod.rs",
            ),
        ],
        good: &[&[("src/a.rs", "\n//! a"), ("src/b.rs", "\n")]],
    },
    Check {
        rule: "decisions are numbered without gaps from 0001 and listed in docs/adr/README.md",
        find: find_lost_decisions,
        bad: &[
            (
                &[
                    ("docs/adr/README.md", "0001-a.md"),
                    ("docs/adr/0001-a.md", ""),
                    ("docs/adr/0003-c.md", ""),
                ],
                "docs/adr: number 0002 is missing",
            ),
            (
                &[("docs/adr/README.md", ""), ("docs/adr/0001-a.md", "")],
                "docs/adr/README.md does not list 0001-a.md",
            ),
            (
                &[
                    ("docs/adr/README.md", "0001-a.md 0001-b.md"),
                    ("docs/adr/0001-a.md", ""),
                    ("docs/adr/0001-b.md", ""),
                ],
                "number 0001 is used twice",
            ),
            (
                &[
                    ("docs/adr/README.md", "(0001-a.md) (0002-b.md)"),
                    ("docs/adr/0001-a.md", ""),
                ],
                "docs/adr/README.md lists 0002-b.md, which is missing",
            ),
            (
                &[("docs/adr/README.md", ""), ("docs/adr/first.md", "")],
                "docs/adr/first.md has no number",
            ),
        ],
        good: &[&[
            ("docs/adr/README.md", "- [a](0001-a.md)"),
            ("docs/adr/0001-a.md", ""),
        ]],
    },
    Check {
        rule: "a link in a page leads to a file that is there",
        find: find_dead_links,
        bad: &[
            (
                &[("README.md", "see [a](docs/a.md)")],
                "README.md:1 links to docs/a.md",
            ),
            (
                &[("docs/a/b.md", "\n[x](../c.md#part)"), ("c.md", "")],
                "docs/a/b.md:2 links to ../c.md",
            ),
        ],
        good: &[&[
            (
                "README.md",
                "[a](docs/a.md) [b](docs/) [c](https://example.com) [d](#here)",
            ),
            ("docs/a.md", "[up](../README.md#top) [b](b/c.md)"),
            ("docs/b/c.md", ""),
        ]],
    },
    Check {
        rule: "every code of a problem has a page docs/errors/<code>.md, and every page a code",
        find: find_unpaged_codes,
        bad: &[
            (
                &[(
                    PROBLEMS,
                    "const A: Kind = Kind { code: \"not-found\", status: 404 };",
                )],
                "not-found has no page docs/errors/not-found.md",
            ),
            (
                &[
                    (PROBLEMS, "const A: Kind = Kind { code: \"not-found\" };"),
                    ("docs/errors/not-found.md", ""),
                    ("docs/errors/gone.md", ""),
                ],
                "docs/errors/gone.md is of no code",
            ),
            (
                &[(PROBLEMS, "enum Problem { NotFound }")],
                "no `code: \"…\"` was found",
            ),
        ],
        good: &[&[
            (
                PROBLEMS,
                "const A: Kind = Kind { code: \"not-found\" };\nstruct Kind { code: &'static str }",
            ),
            ("docs/errors/not-found.md", ""),
            ("docs/errors/README.md", ""),
        ]],
    },
];

/// 801 empty lines.
const LONG: &str = {
    const LINES: [u8; LINES_MAX + 1] = [b'\n'; LINES_MAX + 1];
    match std::str::from_utf8(&LINES) {
        Ok(text) => text,
        Err(_) => unreachable!(),
    }
};

fn find_long_files(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.0.iter().filter(|file| file.is_rust()) {
        let lines = file.text.lines().count();
        let is_excepted = LONGER_FOR_NOW.contains(&file.path.as_str());
        if lines > LINES_MAX && !is_excepted {
            findings.push(format!("{} has {lines} lines", file.path));
        }
        if lines <= LINES_MAX && is_excepted {
            findings.push(format!(
                "{} is short enough: take it off LONGER_FOR_NOW",
                file.path
            ));
        }
    }
    findings
}

fn find_undocumented(tree: &Tree) -> Vec<String> {
    let opens_with_text =
        |text: &str| text.trim_start().is_empty() || text.trim_start().starts_with("//!");
    tree.0
        .iter()
        .filter(|file| file.is_rust() && !opens_with_text(&file.text))
        .map(|file| format!("{} does not open with `//!`", file.path))
        .collect()
}

fn find_lost_decisions(tree: &Tree) -> Vec<String> {
    let index = tree.get("docs/adr/README.md").map_or("", |file| &file.text);
    let mut findings = Vec::new();
    let mut numbers: BTreeSet<u32> = BTreeSet::new();
    for file in tree
        .below("docs/adr/")
        .filter(|file| file.name() != "README.md")
    {
        let name = file.name();
        let number = name.get(..5).and_then(|start| start.strip_suffix('-'));
        let Some(number) = number.and_then(|digits| digits.parse().ok()) else {
            findings.push(format!("{} has no number", file.path));
            continue;
        };
        if !numbers.insert(number) {
            findings.push(format!("docs/adr: number {number:04} is used twice"));
        }
        if !index.contains(name) {
            findings.push(format!("docs/adr/README.md does not list {name}"));
        }
    }
    let last = numbers.last().copied().unwrap_or(0);
    for number in (1..=last).filter(|number| !numbers.contains(number)) {
        findings.push(format!("docs/adr: number {number:04} is missing"));
    }
    for name in index
        .split(['(', ')', ' ', '\n'])
        .filter(|word| word.ends_with(".md"))
    {
        if tree.get(&format!("docs/adr/{name}")).is_none() {
            findings.push(format!("docs/adr/README.md lists {name}, which is missing"));
        }
    }
    findings
}

fn find_dead_links(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.0.iter().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, text) in file.text.lines().enumerate() {
            for (at, start) in text.match_indices("](") {
                let target = text[at + start.len()..]
                    .split(')')
                    .next()
                    .unwrap_or_default();
                let path = target.split('#').next().unwrap_or_default();
                let is_ours = !path.is_empty() && !path.contains("://");
                if is_ours && !leads_somewhere(tree, folder, path) {
                    findings.push(format!("{}:{} links to {path}", file.path, line + 1));
                }
            }
        }
    }
    findings
}

/// Whether a relative path leads from a folder to a file, or to a folder with files.
fn leads_somewhere(tree: &Tree, folder: &str, path: &str) -> bool {
    let mut steps: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in path
        .split('/')
        .filter(|step| !step.is_empty() && *step != ".")
    {
        if step != ".." {
            steps.push(step);
        } else if steps.pop().is_none() {
            return false;
        }
    }
    let whole = steps.join("/");
    tree.get(&whole).is_some() || tree.below(&format!("{whole}/")).next().is_some()
}

/// The codes that a file declares, by our convention: `code: "not-found"`.
fn codes(text: &str) -> BTreeSet<String> {
    let shipped = rust::shipped_code(text).len();
    let text = text.get(..shipped).unwrap_or(text);
    text.match_indices("code: \"")
        .filter_map(|(at, start)| text[at + start.len()..].split_once('"'))
        .map(|(code, _)| code.to_owned())
        .collect()
}

fn find_unpaged_codes(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    let codes = tree
        .get(PROBLEMS)
        .map(|file| codes(&file.text))
        .unwrap_or_default();
    if tree.get(PROBLEMS).is_some() && codes.is_empty() {
        findings.push(format!("{PROBLEMS}: no `code: \"…\"` was found"));
    }
    for code in &codes {
        if tree.get(&format!("docs/errors/{code}.md")).is_none() {
            findings.push(format!(
                "{PROBLEMS}: {code} has no page docs/errors/{code}.md"
            ));
        }
    }
    for file in tree
        .below("docs/errors/")
        .filter(|file| file.name() != "README.md")
    {
        if !codes.contains(file.name().trim_end_matches(".md")) {
            findings.push(format!("{} is of no code", file.path));
        }
    }
    findings
}
