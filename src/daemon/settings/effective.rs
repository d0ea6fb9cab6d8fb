//! What holds: every value that was set, what is built in where nothing was said, and where each came
//! from. Secrets are said to be there, and never shown.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Origin, Settings,
    log::Log,
    privacy::Privacy,
    shape::{Allocation, Backup, Breaker, Limits, Listen, Network, Schedule, Store},
};

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its dotted key.
    pub key: String,
    /// How it reads; nothing where it is a secret.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: Origin,
}

/// How a value reads that nobody set and that then does not exist.
const UNSET: &str = "unset";

impl Settings {
    /// Every value that holds, by its key.
    pub fn effective(&self) -> Vec<Held> {
        let mut held: BTreeMap<String, Held> = BTreeMap::new();
        for (key, value) in built_in() {
            let key = key.to_owned();
            held.insert(
                key.clone(),
                Held {
                    key,
                    value: Some(value),
                    origin: Origin::Default,
                },
            );
        }
        for (key, value) in &self.values {
            held.insert(
                key.clone(),
                Held {
                    key: key.clone(),
                    value: value.clone(),
                    origin: self.origin(key),
                },
            );
        }
        held.into_values().collect()
    }
}

/// What holds when nothing is said. Tables of which there may be many have nothing built in.
fn built_in() -> Vec<(&'static str, String)> {
    let (listen, store) = (Listen::default(), Store::default());
    let (network, log) = (Network::default(), Log::default());
    let (limits, schedule) = (Limits::default(), Schedule::default());
    let (breaker, backup) = (Breaker::default(), Backup::default());
    let (privacy, allocation) = (Privacy::default(), Allocation::default());
    vec![
        ("listen.public", listen.public.to_string()),
        ("listen.admin", listen.admin.to_string()),
        ("public_url", UNSET.to_owned()),
        ("store.dir", store.dir.display().to_string()),
        ("store.free_min", or_unset(store.free_min)),
        ("network.allow_private", network.allow_private.to_string()),
        ("log.format", word(&log.format)),
        ("log.level", word(&log.level)),
        ("limits.body_bytes", limits.body_bytes.to_string()),
        ("limits.connections", limits.connections.to_string()),
        ("limits.read_timeout", time(limits.read_timeout)),
        ("limits.backlog", limits.backlog.to_string()),
        ("admin.token", UNSET.to_owned()),
        ("allocation.when", word(&allocation.when)),
        (
            "allocation.prefer",
            words(allocation.prefer.iter().map(word)),
        ),
        ("schedule.poll", time(schedule.poll)),
        ("schedule.reread", time(schedule.reread)),
        ("schedule.listings", time(schedule.listings)),
        ("schedule.orders_since", time(schedule.orders_since)),
        ("schedule.reconcile", schedule.reconcile),
        ("breaker.listings", breaker.listings.to_string()),
        ("breaker.share", breaker.share.to_string()),
        ("breaker.window", time(breaker.window)),
        (
            "backup.dir",
            or_unset(backup.dir.map(|dir| dir.display().to_string())),
        ),
        ("backup.at", backup.at),
        ("backup.keep", backup.keep.to_string()),
        ("privacy.key", UNSET.to_owned()),
        (
            "privacy.forget_after",
            or_unset(privacy.forget_after.map(time)),
        ),
        ("privacy.keep_signals", time(privacy.keep_signals)),
        (
            "privacy.keep_documents",
            or_unset(privacy.keep_documents.map(time)),
        ),
    ]
}

fn or_unset(value: Option<impl ToString>) -> String {
    value.map_or_else(|| UNSET.to_owned(), |value| value.to_string())
}

fn words(of: impl Iterator<Item = String>) -> String {
    let quoted: Vec<String> = of.map(|word| format!("\"{word}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

/// The name of a variant as the file writes it: `StoresLast` is `stores_last`.
fn word(variant: &impl std::fmt::Debug) -> String {
    let mut word = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

/// As the file writes it, in the greatest unit without a rest.
fn time(duration: Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let seconds = duration.as_secs();
    let fits = |(unit, _): &&(u64, &str)| seconds > 0 && seconds.is_multiple_of(*unit);
    match UNITS.iter().find(fits) {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::shape::Main, *};

    /// Sections of which there is one, and whose every key has something built in.
    const WHOLE: [&str; 10] = [
        "listen",
        "store",
        "network",
        "log",
        "limits",
        "admin",
        "allocation",
        "schedule",
        "breaker",
        "backup",
    ];

    #[test]
    fn every_key_of_a_section_is_among_what_is_built_in() {
        let schema = schemars::schema_for!(Main).to_value();
        let built_in: Vec<&str> = built_in().into_iter().map(|(key, _)| key).collect();
        for section in WHOLE.into_iter().chain(["privacy"]) {
            let node = super::super::schema::at(&schema, &[section.to_owned()]);
            let keys = super::super::schema::keys(node.expect("a section"));
            assert!(!keys.is_empty(), "{section}");
            for key in keys {
                let whole = format!("{section}.{key}");
                assert!(built_in.contains(&whole.as_str()), "{whole}");
            }
        }
    }

    #[test]
    fn what_is_built_in_reads_as_the_file_would_write_it() {
        let all: BTreeMap<&str, String> = built_in().into_iter().collect();
        for (key, wanted) in [
            ("schedule.poll", "30s"),
            ("schedule.reread", "10m"),
            ("schedule.listings", "6h"),
            ("schedule.orders_since", "30d"),
            ("breaker.share", "1/5"),
            ("log.level", "info"),
            ("allocation.when", "ready"),
        ] {
            assert_eq!(all[key], wanted, "{key}");
        }
        assert!(all["allocation.prefer"].starts_with("[\"stores_last\", \"fewest_splits\""));
    }
}
