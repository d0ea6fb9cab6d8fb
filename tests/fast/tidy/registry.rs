//! The two lists of channels say exactly what the folders say.

use std::collections::BTreeSet;

use super::{Check, Tree, rust};

pub(super) const CHECKS: &[Check] = &[
    Check {
        rule: "the connectors listed in connectors/lib.rs are the folders of connectors/, in alphabetical order",
        find: find_unlisted_connectors,
        bad: &[
            (
                &[
                    (
                        "connectors/lib.rs",
                        "mod ebay;\npub const CONNECTORS: &[&dyn Connector] = &[&ebay::CONNECTOR];",
                    ),
                    ("connectors/ebay/mod.rs", ""),
                    ("connectors/square/mod.rs", ""),
                ],
                "connectors/square is not in CONNECTORS",
            ),
            (
                &[(
                    "connectors/lib.rs",
                    "pub const CONNECTORS: &[&dyn Connector] = &[&ebay::CONNECTOR];",
                )],
                "CONNECTORS lists ebay, which has no folder",
            ),
            (
                &[
                    (
                        "connectors/lib.rs",
                        "pub const CONNECTORS: &[&dyn C] = &[\n    &square::CONNECTOR,\n    &ebay::CONNECTOR,\n];",
                    ),
                    ("connectors/ebay/mod.rs", ""),
                    ("connectors/square/mod.rs", ""),
                ],
                "CONNECTORS is not in alphabetical order",
            ),
            (
                &[("connectors/lib.rs", "//! None.")],
                "the list CONNECTORS was not found",
            ),
        ],
        good: &[&[
            (
                "connectors/lib.rs",
                "pub const CONNECTORS: &[&dyn C] = &[&ebay::CONNECTOR, &square::CONNECTOR];",
            ),
            ("connectors/ebay/mod.rs", ""),
            ("connectors/square/mod.rs", ""),
        ]],
    },
    Check {
        rule: "the twins listed in src/sandbox/lib.rs are the folders there that hold one, in alphabetical order",
        find: find_unlisted_twins,
        bad: &[
            (
                &[
                    (
                        "src/sandbox/lib.rs",
                        "pub const TWINS: &[(&str, OpenTwin)] = &[];",
                    ),
                    ("src/sandbox/ebay/mod.rs", "impl crate::Twin for Ebay {"),
                ],
                "src/sandbox/ebay is not in TWINS",
            ),
            (
                &[(
                    "src/sandbox/lib.rs",
                    "pub const TWINS: &[(&str, OpenTwin)] = &[(\"ebay\", ebay::open)];",
                )],
                "TWINS lists ebay, which has no folder",
            ),
        ],
        good: &[&[
            (
                "src/sandbox/lib.rs",
                "pub const TWINS: &[(&str, OpenTwin)] = &[(\"ebay\", |shop| Box::new(ebay::Ebay::open(shop)))];",
            ),
            ("src/sandbox/ebay/mod.rs", "impl Twin for Ebay {"),
            ("src/sandbox/faults/mod.rs", "pub struct Faults;"),
        ]],
    },
    Check {
        rule: "every connector has a twin, and every twin a connector",
        find: find_unpaired,
        bad: &[
            (
                &[
                    (
                        "connectors/lib.rs",
                        "pub const CONNECTORS: &[&dyn C] = &[&ebay::CONNECTOR];",
                    ),
                    (
                        "src/sandbox/lib.rs",
                        "pub const TWINS: &[(&str, OpenTwin)] = &[];",
                    ),
                ],
                "ebay has a connector and no twin",
            ),
            (
                &[
                    (
                        "connectors/lib.rs",
                        "pub const CONNECTORS: &[&dyn C] = &[];",
                    ),
                    (
                        "src/sandbox/lib.rs",
                        "pub const TWINS: &[(&str, OpenTwin)] = &[(\"ebay\", ebay::open)];",
                    ),
                ],
                "ebay has a twin and no connector",
            ),
        ],
        good: &[],
    },
];

const CONNECTORS: (&str, &str) = ("connectors/lib.rs", "CONNECTORS");
const TWINS: (&str, &str) = ("src/sandbox/lib.rs", "TWINS");

/// The modules named in a list of a file, in its order; nothing when there is no such list.
fn listed(tree: &Tree, (path, list): (&str, &str)) -> Option<Vec<String>> {
    let code = rust::code(&tree.get(path)?.text);
    let start = code.find(&format!("const {list}:"))?;
    let body = code[start..].split_once("= ")?.1.split_once(';')?.0;
    let mut modules: Vec<String> = Vec::new();
    for (at, _) in body.match_indices("::") {
        let path = body[..at].trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
        let word = &body[path.len()..at];
        let is_module = word.starts_with(char::is_lowercase) && !path.ends_with("::");
        if is_module && !modules.iter().any(|module| module == word) {
            modules.push(word.to_owned());
        }
    }
    Some(modules)
}

fn compare(tree: &Tree, list: (&str, &str), folder: &str, found: &BTreeSet<String>) -> Vec<String> {
    let (path, name) = list;
    if tree.get(path).is_none() {
        return Vec::new();
    }
    let Some(modules) = listed(tree, list) else {
        return vec![format!("{path}: the list {name} was not found")];
    };
    let mut findings = Vec::new();
    for module in found.iter().filter(|module| !modules.contains(module)) {
        findings.push(format!("{path}: {folder}{module} is not in {name}"));
    }
    for module in modules.iter().filter(|module| !found.contains(*module)) {
        findings.push(format!(
            "{path}: {name} lists {module}, which has no folder"
        ));
    }
    if !modules.is_sorted() {
        findings.push(format!("{path}: {name} is not in alphabetical order"));
    }
    findings
}

fn find_unlisted_connectors(tree: &Tree) -> Vec<String> {
    compare(
        tree,
        CONNECTORS,
        "connectors/",
        &tree.folders("connectors/"),
    )
}

fn find_unlisted_twins(tree: &Tree) -> Vec<String> {
    let holds_twin = |folder: &String| {
        tree.below(&format!("src/sandbox/{folder}/")).any(|file| {
            let code = rust::code(&file.text);
            code.contains("impl Twin for") || code.contains("impl crate::Twin for")
        })
    };
    let twins = tree
        .folders("src/sandbox/")
        .into_iter()
        .filter(holds_twin)
        .collect();
    compare(tree, TWINS, "src/sandbox/", &twins)
}

fn find_unpaired(tree: &Tree) -> Vec<String> {
    let (Some(connectors), Some(twins)) = (listed(tree, CONNECTORS), listed(tree, TWINS)) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    // Behind an account whose orders people enter is no channel that could have a twin.
    let is_by_hand = |channel: &&String| {
        let file = tree.get(&format!("connectors/{channel}/mod.rs"));
        file.is_some_and(|file| rust::code(&file.text).contains("is_by_hand: true"))
    };
    let apart = connectors.iter().filter(|channel| !is_by_hand(channel));
    for channel in apart.filter(|channel| !twins.contains(channel)) {
        findings.push(format!(
            "src/sandbox/lib.rs: {channel} has a connector and no twin"
        ));
    }
    for channel in twins.iter().filter(|channel| !connectors.contains(channel)) {
        findings.push(format!(
            "connectors/lib.rs: {channel} has a twin and no connector"
        ));
    }
    findings
}
