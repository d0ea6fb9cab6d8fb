//! What must not be in the repository at all: people, keys, places and hosts.

use std::collections::BTreeSet;

use super::{Check, File, Tree};

/// Domains that belong to nobody (RFC 2606), so that mail to them reaches nobody.
const NOBODYS_DOMAINS: &[&str] = &["example.com", "example.net", "example.org"];
const NOBODYS_SUFFIXES: &[&str] = &[".example.com", ".example", ".invalid", ".test"];

/// How a token begins, what its rest consists of, and from which length of the rest it looks real.
type Token = (&'static str, fn(char) -> bool, usize);

/// Tokens that channels hand out, and private keys. Written in halves, so that this file is clean.
const TOKENS: &[Token] = &[
    (concat!("ck", "_"), is_hex, 40),
    (concat!("cs", "_"), is_hex, 40),
    (concat!("shp", "at_"), is_hex, 32),
    (concat!("shp", "ss_"), is_hex, 32),
    (concat!("shp", "ca_"), is_hex, 32),
    (concat!("EA", "AA"), is_base64url, 40),
    (concat!("sq0", "atp-"), is_base64url, 20),
    (concat!("sq0", "csp-"), is_base64url, 20),
    (concat!("v^1.1", "#i^1"), is_printable, 40),
    (concat!("AK", "IA"), is_base64url, 16),
    (concat!("gh", "p_"), is_base64url, 30),
    (concat!("sk_", "live_"), is_base64url, 16),
    (concat!("-----BEGIN", " PRIVATE KEY"), is_printable, 0),
    (concat!("-----BEGIN", " EC PRIVATE KEY"), is_printable, 0),
    (concat!("-----BEGIN", " RSA PRIVATE KEY"), is_printable, 0),
];

/// A token with fewer different characters was made up: `000…`.
const DISTINCT_MIN: usize = 6;

/// Hosts of package registries, and paths of a developer's machine.
const PLACES: &[&str] = &[
    concat!("crates", ".io"),
    concat!("registry.npm", "js.org"),
    concat!("py", "pi.org"),
    concat!("files.python", "hosted.org"),
    concat!("proxy.gol", "ang.org"),
    concat!("rubyg", "ems.org"),
    concat!("hub.doc", "ker.com"),
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
];

/// Files that a tool writes with the name of the registry in it.
const GENERATED: &[&str] = &["Cargo.lock", "tests/powercut/Cargo.lock"];

pub(super) const CHECKS: &[Check] = &[
    Check {
        rule: "e-mail addresses belong to nobody: @example.com, .test",
        find: find_people,
        bad: &[
            (
                &[(
                    "connectors/a/fixtures/order.json",
                    concat!("{\"email\": \"jo", "@shop.invalid.de\"}"),
                )],
                "@shop.invalid.de",
            ),
            (
                &[("docs/a.md", concat!("write\nto <me", "@mail.example.de>"))],
                "docs/a.md:2: me",
            ),
        ],
        good: &[&[
            (
                "connectors/a/fixtures/order.json",
                "{\"email\": \"jo@example.com\", \"b\": \"x@mail.test\"}",
            ),
            (
                "systemd/a.service",
                "SystemCallFilter=~@privileged @resources",
            ),
            ("src/a.rs", "assert_eq!(a@1.2, b @ c)"),
        ]],
    },
    Check {
        rule: "nothing in the repository looks like a real token or key",
        find: find_tokens,
        bad: &[
            (
                &[(
                    "connectors/a/fixtures/a.json",
                    concat!("\"ck", "_0123456789abcdef0123456789abcdef01234567\""),
                )],
                "looks like a token",
            ),
            (
                &[(
                    "src/sandbox/a.rs",
                    concat!("\"shp", "at_0123456789abcdef0123456789abcdef\""),
                )],
                "src/sandbox/a.rs:1",
            ),
            (
                &[("a.pem", concat!("-----BEGIN", " PRIVATE KEY-----\nMII="))],
                "a.pem:1",
            ),
        ],
        good: &[&[
            (
                "src/a.rs",
                "format!(\"ck_{hex}\"); \"ck_0000000000000000000000000000000000000000\"; check_0123456789abcdef0123456789abcdef01234567()",
            ),
            ("docs/a.md", "starts with EAAA"),
        ]],
    },
    Check {
        rule: "no registry host and no path of one machine is named",
        find: find_places,
        bad: &[
            (
                &[("README.md", concat!("see https://crates", ".io/x"))],
                "README.md:1",
            ),
            (
                &[("src/a.rs", concat!("\"/wo", "rk/shared\""))],
                "src/a.rs:1",
            ),
        ],
        good: &[&[
            (
                "Cargo.lock",
                concat!("registry+https://github.com/rust-lang/crates", ".io-index"),
            ),
            ("docs/a.md", concat!("/var/lib/oneshelf, $tmp/ro", "ot/etc")),
        ]],
    },
];

fn find_people(tree: &Tree) -> Vec<String> {
    find_in_lines(tree, |line| {
        line.match_indices('@')
            .filter_map(|(at, _)| address_around(line, at))
            .filter(|address| !is_nobodys(address))
            .collect()
    })
}

/// The e-mail address around an `@`, if it is one.
fn address_around(line: &str, at: usize) -> Option<String> {
    let is_local = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
    let is_domain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    let before = &line[..at];
    let local = &before[before.trim_end_matches(is_local).len()..];
    let after = &line[at + 1..];
    let length = after.find(|c| !is_domain(c)).unwrap_or(after.len());
    let domain = after[..length].trim_end_matches(['.', '-']);
    let (_, top) = domain.rsplit_once('.')?;
    let is_top = top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic());
    (!local.is_empty() && is_top).then(|| format!("{local}@{domain}"))
}

fn is_nobodys(address: &str) -> bool {
    let domain = address.split_once('@').map_or("", |(_, domain)| domain);
    NOBODYS_DOMAINS.contains(&domain)
        || NOBODYS_SUFFIXES
            .iter()
            .any(|suffix| domain.ends_with(suffix))
}

fn find_tokens(tree: &Tree) -> Vec<String> {
    find_in_lines(tree, |line| {
        let mut found = Vec::new();
        for (start, is_part, length) in TOKENS {
            for (at, _) in line.match_indices(start) {
                let rest = &line[at + start.len()..];
                let rest: Vec<char> = rest.chars().take_while(|c| is_part(*c)).collect();
                let distinct: BTreeSet<&char> = rest.iter().collect();
                let is_whole_word = !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
                let looks_random = *length == 0 || distinct.len() >= DISTINCT_MIN;
                if is_whole_word && rest.len() >= *length && looks_random {
                    found.push(format!("`{start}…` looks like a token"));
                }
            }
        }
        found
    })
}

fn is_hex(c: char) -> bool {
    c.is_ascii_hexdigit()
}

fn is_base64url(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn is_printable(c: char) -> bool {
    c.is_ascii_graphic()
}

fn find_places(tree: &Tree) -> Vec<String> {
    find_in_lines(tree, |line| {
        let found = PLACES.iter().filter(|place| {
            // A path begins with its slash; `$folder/…` goes elsewhere.
            line.match_indices(**place).any(|(at, _)| {
                !place.starts_with('/') || !line[..at].ends_with(|c: char| c.is_alphanumeric())
            })
        });
        found.map(|place| format!("names {place}")).collect()
    })
}

fn find_in_lines(tree: &Tree, find: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let is_ours = |file: &&File| !GENERATED.contains(&file.path.as_str());
    let mut findings = Vec::new();
    for file in tree.0.iter().filter(is_ours) {
        for (line, text) in file.text.lines().enumerate() {
            let found = find(text).into_iter();
            findings.extend(found.map(|what| format!("{}:{}: {what}", file.path, line + 1)));
        }
    }
    findings
}
