//! What a run, or many of them, came across: a rehearsal proves only what happened in it.

use std::collections::{BTreeMap, BTreeSet};

use domain::decide::arms::ARMS;
use engine::decider::Decided;
use sandbox::{
    faults::Fault,
    judge::{Judgment, Reason},
};
use serde::Serialize;

use crate::findings::{Checker, Findings};

/// Counts by words, so that they can be printed and added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// How often each fault happened.
    pub faults: BTreeMap<&'static str, u64>,
    /// How often each kind of fact was recorded.
    pub facts: BTreeMap<String, u64>,
    /// Each kind of signal: how often it turned out to be what.
    pub decisions: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// How many things each checker looked at.
    pub checkers: BTreeMap<&'static str, u64>,
    /// How many oversales each excuse was given for.
    pub reasons: BTreeMap<&'static str, u64>,
}

impl Coverage {
    /// Takes in how often each fault happened.
    pub fn take_faults(&mut self, faults: &BTreeMap<Fault, u64>) {
        for (fault, hits) in faults {
            *self.faults.entry(fault.word()).or_default() += hits;
        }
    }

    /// Takes in what one life of the program decided.
    pub fn take_decisions(&mut self, decided: Decided) {
        for ((signal, verdict), count) in decided {
            let verdicts = self.decisions.entry(signal).or_default();
            *verdicts.entry(verdict).or_default() += count;
        }
    }

    /// Takes in what was looked at.
    pub fn take_findings(&mut self, found: &Findings) {
        for (checker, count) in &found.looked_at {
            *self.checkers.entry(checker.word()).or_default() += count;
        }
    }

    /// Takes in what was judged.
    pub fn take_judgment(&mut self, judgment: &Judgment) {
        for one in &judgment.oversold {
            *self.reasons.entry(one.reason.word()).or_default() += 1;
        }
    }

    /// Takes in another run.
    pub fn merge(&mut self, other: &Coverage) {
        add(&mut self.facts, &other.facts);
        add(&mut self.faults, &other.faults);
        add(&mut self.checkers, &other.checkers);
        add(&mut self.reasons, &other.reasons);
        for (signal, verdicts) in &other.decisions {
            add(self.decisions.entry(signal).or_default(), verdicts);
        }
    }

    /// Takes in what was recorded.
    pub fn take_facts(&mut self, kinds: &BTreeMap<String, u64>) {
        for (kind, count) in kinds {
            *self.facts.entry(kind.clone()).or_default() += count;
        }
    }

    /// What never happened and could have, by name: faults, checkers without anything to look at,
    /// excuses, arms of a decision.
    pub fn missed(&self) -> BTreeMap<&'static str, Vec<String>> {
        let checkers = Checker::ALL.map(Checker::word);
        let mut excuses: BTreeSet<_> = Reason::ALL.map(Reason::word).into();
        excuses.remove(Reason::Unexplained.word());
        let unreached: BTreeSet<_> = UNREACHED
            .iter()
            .map(|(arm, what, _)| (*arm, *what))
            .collect();
        let missing_facts = FACTS.iter().filter(|kind| !self.facts.contains_key(**kind));
        let missing_facts = missing_facts.map(|kind| (*kind).to_owned()).collect();
        let arms = all_arms().filter(|arm| !unreached.contains(arm) && self.hits(*arm) == 0);
        let arms = arms.map(|(arm, what)| format!("{arm}: {what}")).collect();
        [
            ("faults", missing(Fault::ALL.map(Fault::word), &self.faults)),
            ("checkers", missing(checkers, &self.checkers)),
            ("excuses", missing(excuses, &self.reasons)),
            ("decisions", arms),
            ("facts", missing_facts),
        ]
        .into()
    }

    /// What happened and should not be possible: arms that no list names, or that are said not to be
    /// reached.
    pub fn surprises(&self) -> Vec<String> {
        let unreached = UNREACHED.iter().map(|(arm, what, _)| (*arm, *what));
        let mut surprises: Vec<String> = unreached
            .filter(|arm| self.hits(*arm) > 0)
            .map(|(arm, what)| format!("{arm}: {what} was reached"))
            .collect();
        let known: BTreeSet<_> = all_arms().collect();
        for (arm, whats) in &self.decisions {
            let others = whats.keys().filter(|what| **what != AGAIN);
            let unlisted = others.filter(|what| !known.contains(&(*arm, **what)));
            surprises.extend(unlisted.map(|what| format!("{arm}: {what} is in no list")));
        }
        surprises
    }

    fn hits(&self, (arm, what): (&str, &str)) -> u64 {
        let whats = self.decisions.get(arm);
        whats
            .and_then(|whats| whats.get(what))
            .copied()
            .unwrap_or(0)
    }
}

/// The word for a decision that was taken again because another process changed a row.
const AGAIN: &str = "conflict";

/// The facts that a decision can record, but for those that no evening reaches.
const FACTS: &[&str] = &[
    "order_accepted",
    "order_changed",
    "line_added",
    "line_mapped",
    "counted",
    "claimed",
    "released",
    "short",
    "owed",
    "covered",
    "incident_opened",
    "way_chosen",
    "incident_closed",
    "moved",
    "hold_placed",
    "hold_released",
    "erasure_asked",
    "person_erased",
    "shipment_recorded",
    "intent_made",
    "intent_done",
    "intent_parked",
    "intent_dropped",
    "offer_changed",
    "buffer_tuned",
    "listing_ended",
    "listing_lifted",
    "push_started",
    "push_acknowledged",
    "push_conflicted",
    "drift_opened",
    "drift_closed",
    "item_set",
    "listing_mapped",
    "arrival_expected",
    "arrival_closed",
    "count_opened",
    "count_entered",
    "count_closed",
    "push_parked",
    "breaker_tripped",
    "breaker_lifted",
    "allocated",
    "unbound",
    "order_entered",
    "payment_recorded",
    "document_issued",
    "note_added",
    "evidence_made",
    "worked",
    "tracked",
    "return_advised",
    "exchanged",
    "looks_alike",
];

/// Arms that no evening reaches, with the reason.
pub const UNREACHED: &[(&str, &str, &str)] = &[
    ("order_by_list", "nothing", "a list has no drafts"),
    (
        "order_by_read",
        "nothing",
        "what is read is what was listed, or what a hook told of",
    ),
    ("measured", "duplicate", "only what changed is measured"),
    (
        "expire",
        "nothing",
        "it takes a payment between the janitor's look and the decision",
    ),
    (
        "close",
        "nothing",
        "nothing waits for an order any more that is a day old",
    ),
    ("intent_applied", "nothing", "an intent is never deleted"),
    ("intent_retry", "nothing", "an intent is never deleted"),
    ("intent_park", "nothing", "an intent is never deleted"),
    ("intent_drop", "nothing", "an intent is never deleted"),
    ("intent_labeled", "nothing", "an intent is never deleted"),
    (
        "tell",
        "too_many_messages",
        "an evening is too short for fifty messages about one order",
    ),
    ("reclaim", "no_order", "an order is never deleted"),
    ("map_waiting", "no_order", "an order is never deleted"),
    ("expire", "no_order", "an order is never deleted"),
    ("close", "no_order", "an order is never deleted"),
    ("forget", "no_order", "an order is never deleted"),
];

fn all_arms() -> impl Iterator<Item = (&'static str, &'static str)> {
    let arms = ARMS.iter();
    arms.flat_map(|(arm, whats)| whats.iter().map(move |what| (*arm, *what)))
}

fn add<K: Clone + Ord>(sums: &mut BTreeMap<K, u64>, others: &BTreeMap<K, u64>) {
    for (word, count) in others {
        *sums.entry(word.clone()).or_default() += count;
    }
}

fn missing(
    all: impl IntoIterator<Item = &'static str>,
    hit: &BTreeMap<&'static str, u64>,
) -> Vec<String> {
    let all = all.into_iter();
    all.filter(|word| hit.get(word).copied().unwrap_or(0) == 0)
        .map(str::to_owned)
        .collect()
}
