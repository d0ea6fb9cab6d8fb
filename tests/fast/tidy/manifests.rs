//! Rules over the manifests: who may import whom, inherited lints, and dated exceptions.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{Document, Item, TableLike};

use super::{Check, Tree};

/// Which of our own crates each of them may import. Dev-dependencies are free. `tests` and `daemon`
/// may import all; `web` sees `channel` for the types of hooks that it hands on.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("documents", &["domain"]),
    ("channel", &["domain"]),
    ("store", &["domain"]),
    ("sandbox", &["domain"]),
    ("connectors", &["channel", "domain"]),
    ("engine", &["channel", "documents", "domain", "store"]),
    ("web", &["channel", "documents", "domain", "engine"]),
    (
        "rehearse",
        &[
            "channel",
            "connectors",
            "domain",
            "engine",
            "sandbox",
            "store",
        ],
    ),
    (
        "daemon",
        &[
            "channel",
            "connectors",
            "documents",
            "domain",
            "engine",
            "rehearse",
            "sandbox",
            "store",
            "web",
        ],
    ),
    (
        "tests",
        &[
            "channel",
            "connectors",
            "daemon",
            "documents",
            "domain",
            "engine",
            "rehearse",
            "sandbox",
            "store",
            "web",
        ],
    ),
];

/// Folders with a manifest that are no members, and why.
const OUTSIDERS: &[(&str, &str)] = &[(
    "tests/powercut",
    "a library for LD_PRELOAD cannot forbid `unsafe`, and no ordinary build has to wait for it",
)];

/// All that the pure crate may depend on: nothing of it does I/O.
const DOMAIN_DEPENDS_ON: &[&str] = &["jiff", "serde", "serde_json", "thiserror", "uuid"];

pub(super) const CHECKS: &[Check] = &[
    Check {
        rule: "who may import whom: the table MAY_IMPORT",
        find: find_wrong_imports,
        bad: &[
            (
                &[
                    (
                        "Cargo.toml",
                        "[workspace]\nmembers = ['src/domain', 'src/store']",
                    ),
                    (
                        "src/domain/Cargo.toml",
                        "[package]\nname = 'domain'\n[dependencies]\nstore = {}",
                    ),
                    ("src/store/Cargo.toml", "[package]\nname = 'store'"),
                ],
                "src/domain/Cargo.toml: domain must not import store",
            ),
            (
                &[
                    (
                        "Cargo.toml",
                        "[workspace]\nmembers = ['src/sandbox', 'src/channel']",
                    ),
                    (
                        "src/sandbox/Cargo.toml",
                        "[package]\nname = 'sandbox'\n[target.'cfg(unix)'.dependencies.c]\npackage = 'channel'",
                    ),
                    ("src/channel/Cargo.toml", "[package]\nname = 'channel'"),
                ],
                "sandbox must not import channel",
            ),
            (
                &[
                    ("Cargo.toml", "[workspace]\nmembers = ['src/new']"),
                    ("src/new/Cargo.toml", "[package]\nname = 'new'"),
                ],
                "new is not in the table",
            ),
        ],
        good: &[&[
            (
                "Cargo.toml",
                "[workspace]\nmembers = ['src/sandbox', 'src/channel']",
            ),
            (
                "src/sandbox/Cargo.toml",
                "[package]\nname = 'sandbox'\n[dev-dependencies]\nchannel.workspace = true",
            ),
            ("src/channel/Cargo.toml", "[package]\nname = 'channel'"),
        ]],
    },
    Check {
        rule: "domain is pure: it depends on nothing that does I/O (the list DOMAIN_DEPENDS_ON)",
        find: find_impure_dependencies,
        bad: &[(
            &[
                ("Cargo.toml", "[workspace]\nmembers = ['src/domain']"),
                (
                    "src/domain/Cargo.toml",
                    "[package]\nname = 'domain'\n[dependencies]\ntokio = '1'",
                ),
            ],
            "domain must not depend on tokio",
        )],
        good: &[],
    },
    Check {
        rule: "every folder with a Cargo.toml is a member, and every member inherits the lints (but OUTSIDERS)",
        find: find_outsiders,
        bad: &[
            (
                &[
                    ("Cargo.toml", "[workspace]\nmembers = ['src/a']"),
                    ("src/a/Cargo.toml", "[package]\nname = 'a'"),
                ],
                "src/a/Cargo.toml does not inherit the lints of the workspace",
            ),
            (
                &[
                    ("Cargo.toml", "[workspace]\nmembers = []"),
                    ("src/b/Cargo.toml", "[lints]\nworkspace = true"),
                ],
                "src/b is no member",
            ),
            (
                &[(
                    "Cargo.toml",
                    "[workspace]\nmembers = []\ndefault-members = []",
                )],
                "default-members",
            ),
            (
                &[
                    ("Cargo.toml", "[workspace]\nmembers = ['tests/powercut']"),
                    ("tests/powercut/Cargo.toml", "[workspace]"),
                ],
                "tests/powercut stands outside, and must not be a member",
            ),
        ],
        good: &[
            &[
                ("Cargo.toml", "[workspace]\nmembers = ['src/a']"),
                (
                    "src/a/Cargo.toml",
                    "[package]\nname = 'a'\n[lints]\nworkspace = true",
                ),
            ],
            &[
                ("Cargo.toml", "[workspace]\nmembers = []"),
                ("tests/powercut/Cargo.toml", "[workspace]"),
            ],
        ],
    },
    Check {
        rule: "every exception in deny.toml says why, and when it is looked at again (review YYYY-MM-DD)",
        find: find_undated_exceptions,
        bad: &[
            (
                &[("deny.toml", "[advisories]\nignore = ['RUSTSEC-2025-0001']")],
                "RUSTSEC-2025-0001 has no reason",
            ),
            (
                &[(
                    "deny.toml",
                    "[advisories]\nignore = [{ id = 'RUSTSEC-2025-0001', reason = 'dull' }]",
                )],
                "RUSTSEC-2025-0001 has no review date",
            ),
            (
                &[(
                    "deny.toml",
                    "[advisories]\nignore = [{ id = 'R', reason = 'dull; review 2027-13-01' }]",
                )],
                "R has no review date",
            ),
        ],
        good: &[&[(
            "deny.toml",
            "[advisories]\nignore = [{ id = 'R', reason = 'dull; review 2027-01-31' }]",
        )]],
    },
];

/// One of our crates, as its manifest has it.
pub(super) struct OwnCrate {
    /// `src/domain`.
    pub(super) folder: String,
    /// `domain`.
    pub(super) name: String,
    /// What it needs to be built, by package name.
    pub(super) dependencies: BTreeSet<String>,
}

/// The members of the workspace that can be read.
pub(super) fn own_crates(tree: &Tree) -> Vec<OwnCrate> {
    let read = |folder: &String| {
        let manifest = manifest(tree, &format!("{folder}/Cargo.toml"))?;
        let name = manifest.get("package")?.get("name")?.as_str()?.to_owned();
        Some(OwnCrate {
            folder: folder.clone(),
            name,
            dependencies: dependencies(manifest.as_table()),
        })
    };
    members(tree).iter().filter_map(read).collect()
}

fn manifest(tree: &Tree, path: &str) -> Option<Document<String>> {
    Document::parse(tree.get(path)?.text.clone()).ok()
}

fn members(tree: &Tree) -> Vec<String> {
    let names = |manifest: Document<String>| {
        let members = manifest.get("workspace")?.get("members")?.as_array()?;
        let texts = members.iter().filter_map(|member| member.as_str());
        Some(texts.map(str::to_owned).collect())
    };
    manifest(tree, "Cargo.toml")
        .and_then(names)
        .unwrap_or_default()
}

/// Normal and build dependencies, for every target, by the name of the package.
fn dependencies(manifest: &dyn TableLike) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut take = |table: Option<&Item>| {
        for (name, item) in table
            .and_then(Item::as_table_like)
            .into_iter()
            .flat_map(|t| t.iter())
        {
            let package = item.as_table_like().and_then(|t| t.get("package"));
            let package = package.and_then(Item::as_str).unwrap_or(name);
            found.insert(package.to_owned());
        }
    };
    for kind in ["dependencies", "build-dependencies"] {
        take(manifest.get(kind));
        let targets = manifest.get("target").and_then(Item::as_table_like);
        for (_, target) in targets.into_iter().flat_map(|targets| targets.iter()) {
            take(target.get(kind));
        }
    }
    found
}

fn find_wrong_imports(tree: &Tree) -> Vec<String> {
    let table: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let crates = own_crates(tree);
    let mut findings = Vec::new();
    for own in &crates {
        let Some(allowed) = table.get(own.name.as_str()) else {
            findings.push(format!(
                "{}/Cargo.toml: {} is not in the table",
                own.folder, own.name
            ));
            continue;
        };
        for other in crates
            .iter()
            .filter(|other| own.dependencies.contains(&other.name))
        {
            if !allowed.contains(&other.name.as_str()) {
                findings.push(format!(
                    "{}/Cargo.toml: {} must not import {}",
                    own.folder, own.name, other.name
                ));
            }
        }
    }
    findings
}

fn find_impure_dependencies(tree: &Tree) -> Vec<String> {
    let domain = own_crates(tree)
        .into_iter()
        .find(|own| own.name == "domain");
    domain
        .into_iter()
        .flat_map(|own| own.dependencies)
        .filter(|name| !DOMAIN_DEPENDS_ON.contains(&name.as_str()))
        .map(|name| format!("src/domain/Cargo.toml: domain must not depend on {name}"))
        .collect()
}

fn find_outsiders(tree: &Tree) -> Vec<String> {
    let members = members(tree);
    let mut findings = Vec::new();
    for file in tree
        .0
        .iter()
        .filter(|file| file.path.ends_with("/Cargo.toml"))
    {
        let folder = file.path.trim_end_matches("/Cargo.toml");
        if OUTSIDERS.iter().any(|(outsider, _)| *outsider == folder) {
            if members.iter().any(|member| member == folder) {
                findings.push(format!(
                    "Cargo.toml: {folder} stands outside, and must not be a member"
                ));
            }
            continue;
        }
        if !members.iter().any(|member| member == folder) {
            findings.push(format!("Cargo.toml: {folder} is no member"));
        }
        let inherits = manifest(tree, &file.path).is_some_and(|manifest| {
            let lints = manifest
                .get("lints")
                .and_then(|lints| lints.get("workspace"));
            lints.and_then(Item::as_bool) == Some(true)
        });
        if !inherits {
            findings.push(format!(
                "{} does not inherit the lints of the workspace",
                file.path
            ));
        }
    }
    let root = manifest(tree, "Cargo.toml");
    if root.is_some_and(|root| root["workspace"].get("default-members").is_some()) {
        findings.push("Cargo.toml: default-members hides crates from `cargo test`".to_owned());
    }
    findings
}

/// The exceptions in deny.toml: what is excepted, and the reason.
fn exceptions(tree: &Tree) -> Vec<(String, Option<String>)> {
    let Some(deny) = manifest(tree, "deny.toml") else {
        return Vec::new();
    };
    let ignored = deny.get("advisories").and_then(|part| part.get("ignore"));
    let entries = ignored
        .and_then(Item::as_array)
        .into_iter()
        .flat_map(|list| list.iter());
    entries
        .map(|entry| match entry.as_inline_table() {
            Some(table) => {
                let text = |key| table.get(key).and_then(|v| v.as_str()).map(str::to_owned);
                (text("id").unwrap_or_default(), text("reason"))
            }
            None => (entry.as_str().unwrap_or_default().to_owned(), None),
        })
        .collect()
}

/// The date behind the word `review`.
fn review_date(reason: &str) -> Option<&str> {
    let date = reason.split_once("review ")?.1.get(..10)?;
    let (year, rest) = date.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let number = |text: &str| text.parse::<u16>().ok();
    let is_date = (2025..2100).contains(&number(year)?)
        && (1..=12).contains(&number(month)?)
        && (1..=31).contains(&number(day)?)
        && date.len() == 10;
    is_date.then_some(date)
}

fn find_undated_exceptions(tree: &Tree) -> Vec<String> {
    let complain = |(id, reason): (String, Option<String>)| match reason {
        None => Some(format!("deny.toml: {id} has no reason")),
        Some(reason) if review_date(&reason).is_none() => {
            Some(format!("deny.toml: {id} has no review date"))
        }
        Some(_) => None,
    };
    exceptions(tree).into_iter().filter_map(complain).collect()
}

/// Which exceptions should have been looked at again by a day.
fn overdue(tree: &Tree, today: &str) -> Vec<String> {
    exceptions(tree)
        .into_iter()
        .filter(|(_, reason)| {
            let date = reason.as_deref().and_then(review_date);
            date.is_some_and(|date| date < today)
        })
        .map(|(id, _)| id)
        .collect()
}

#[test]
fn no_exception_is_overdue() {
    let sample = Tree::of(&[(
        "deny.toml",
        "[advisories]\nignore = [{ id = 'R', reason = 'dull; review 2027-01-31' }]",
    )]);
    assert_eq!(overdue(&sample, "2027-02-01"), ["R"]);
    assert!(overdue(&sample, "2027-01-31").is_empty());

    // The day comes from outside, so that the tests of an old commit do not begin to fail.
    let Some(today) = std::env::var_os("ONESHELF_TODAY") else {
        tests::skipped("no_exception_is_overdue", "ONESHELF_TODAY is not set");
        return;
    };
    let today = today.to_string_lossy();
    assert_eq!(
        overdue(&Tree::read(super::root()), &today),
        Vec::<String>::new(),
        "look at these exceptions of deny.toml again, and set a new date or remove them"
    );
}
