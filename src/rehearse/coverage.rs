//! What a run, or many of them, came across: a rehearsal proves only what happened in it.

use std::collections::{BTreeMap, BTreeSet};

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
        add(&mut self.faults, &other.faults);
        add(&mut self.checkers, &other.checkers);
        add(&mut self.reasons, &other.reasons);
        for (signal, verdicts) in &other.decisions {
            add(self.decisions.entry(signal).or_default(), verdicts);
        }
    }

    /// What never happened, by name: faults, checkers without anything to look at, excuses, and kinds
    /// of signals that were never decided.
    pub fn missed(&self) -> BTreeMap<&'static str, Vec<&'static str>> {
        let checkers = Checker::ALL.map(Checker::word);
        let mut excuses: BTreeSet<_> = Reason::ALL.map(Reason::word).into();
        excuses.remove(Reason::Unexplained.word());
        let decided = self.decisions.keys();
        let decided = decided.map(|signal| (*signal, 1)).collect();
        [
            ("faults", missing(Fault::ALL.map(Fault::word), &self.faults)),
            ("checkers", missing(checkers, &self.checkers)),
            ("reasons", missing(excuses, &self.reasons)),
            ("decisions", missing(domain::signal::WORDS, &decided)),
        ]
        .into()
    }
}

fn add(sums: &mut BTreeMap<&'static str, u64>, others: &BTreeMap<&'static str, u64>) {
    for (word, count) in others {
        *sums.entry(word).or_default() += count;
    }
}

fn missing(
    all: impl IntoIterator<Item = &'static str>,
    hit: &BTreeMap<&'static str, u64>,
) -> Vec<&'static str> {
    let all = all.into_iter();
    all.filter(|word| hit.get(word).copied().unwrap_or(0) == 0)
        .collect()
}
