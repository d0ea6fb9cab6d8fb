//! House rules that the compiler cannot hold, as checks over the text of the workspace.
//!
//! A check is a function from a [`Tree`] to findings, with samples that it must find: a check that
//! cannot fail is worse than none. It never writes, and it reads only files. A new rule is one more
//! [`Check`] in the file where its like are.

mod docs;
mod manifests;
mod purity;
mod registry;
mod rust;
mod scrub;
mod seams;
mod words;

use std::{collections::BTreeSet, fs, path::Path};

/// One rule.
struct Check {
    /// What it holds, as it reads in a report.
    rule: &'static str,
    /// Says what breaks it, a sentence each, with the file in front.
    find: fn(&Tree) -> Vec<String>,
    /// Trees that break it, with a part of what must be said of each.
    bad: &'static [Sample],
    /// Trees that look alike and do not break it.
    good: &'static [&'static [(&'static str, &'static str)]],
}

/// A small tree of paths and texts, and a part of the finding.
type Sample = (&'static [(&'static str, &'static str)], &'static str);

/// All rules.
const CHECKS: &[&[Check]] = &[
    docs::CHECKS,
    manifests::CHECKS,
    purity::CHECKS,
    registry::CHECKS,
    scrub::CHECKS,
    seams::CHECKS,
    words::CHECKS,
];

/// A file of the workspace.
struct File {
    /// From the root, with slashes.
    path: String,
    /// All of it; bytes that are not UTF-8 are replaced.
    text: String,
}

impl File {
    /// The name without the folders.
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether it is Rust.
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// The files of a workspace, by path.
struct Tree(Vec<File>);

impl Tree {
    /// Reads all files below a folder but those that git ignores here and hidden folders.
    fn read(root: &Path) -> Tree {
        let mut files = Vec::new();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder of the workspace can be read") {
                let path = entry.expect("an entry can be read").path();
                let inner = path.strip_prefix(root).expect("it lies below the root");
                let inner = inner.to_string_lossy().replace('\\', "/");
                if path.is_dir() {
                    if !["target", "var", ".git"].contains(&inner.as_str()) {
                        folders.push(path);
                    }
                } else if path.is_file() && inner != ".git" {
                    let bytes = fs::read(&path).expect("a file of the workspace can be read");
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    files.push(File { path: inner, text });
                }
            }
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Tree(files)
    }

    /// The tree of a sample.
    fn of(sample: &[(&str, &str)]) -> Tree {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        Tree(sample.iter().map(file).collect())
    }

    /// The file at a path.
    fn get(&self, path: &str) -> Option<&File> {
        self.0.iter().find(|file| file.path == path)
    }

    /// The files whose path starts so.
    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a File> {
        self.0
            .iter()
            .filter(move |file| file.path.starts_with(prefix))
    }

    /// The names of the folders directly in `prefix`, which ends with a slash.
    fn folders(&self, prefix: &str) -> BTreeSet<String> {
        self.below(prefix)
            .filter_map(|file| file.path[prefix.len()..].split_once('/'))
            .map(|(folder, _)| folder.to_owned())
            .collect()
    }
}

/// The root of the workspace.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[test]
fn the_workspace_keeps_its_rules() {
    let tree = Tree::read(root());
    assert!(
        tree.get("Cargo.toml").is_some() && tree.get("src/domain/lib.rs").is_some(),
        "the workspace was not found"
    );
    let findings: Vec<String> = CHECKS
        .iter()
        .flat_map(|checks| checks.iter())
        .flat_map(|check| (check.find)(&tree).into_iter().map(|f| (check.rule, f)))
        .map(|(rule, finding)| format!("{finding}\n    rule: {rule}"))
        .collect();
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

#[test]
fn every_rule_finds_what_breaks_it_and_nothing_else() {
    for check in CHECKS.iter().flat_map(|checks| checks.iter()) {
        assert!(!check.bad.is_empty(), "{}: has no bad sample", check.rule);
        for (sample, part) in check.bad {
            let findings = (check.find)(&Tree::of(sample));
            assert!(
                findings.iter().any(|finding| finding.contains(part)),
                "{}: {sample:?}\nwanted: {part}\nfound: {findings:?}",
                check.rule
            );
        }
        for sample in check.good {
            let findings = (check.find)(&Tree::of(sample));
            assert!(
                findings.is_empty(),
                "{}: {sample:?}\nfound: {findings:?}",
                check.rule
            );
        }
    }
}
