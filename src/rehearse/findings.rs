//! What the checkers looked at, and what they found not to hold.
//!
//! Each checker has a name, so that a run can tell which of them had something to look at: one that
//! never had proves nothing. Nothing here judges.

use std::collections::{BTreeMap, BTreeSet};

/// A checker, by what it watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checker {
    /// P1: what was acknowledged is durable.
    Acknowledged,
    /// P1: what a channel really sent is believed.
    Believed,
    /// P2: one order for each channel order.
    References,
    /// P2: counters are lawful, lines are one each.
    Counters,
    /// P2, P6: our book has the orders that the shops have, and no others.
    Known,
    /// P3: no more is promised than lies there.
    Promised,
    /// P3: no more is owed than may be, and nothing that was to ship before.
    Owed,
    /// P4: what lies there is the sum of its movements.
    OnHand,
    /// P4: what is promised is the sum of its claims.
    Claims,
    /// P4: open units of accounts are those of the orders.
    Taken,
    /// P4: every list of orders is as their rows say.
    OrderLists,
    /// P4: every list of offers is as their rows say.
    OfferLists,
    /// P4: every list of intents is as their rows say.
    IntentLists,
    /// P4: every incident says what is missing.
    Incidents,
    /// P4: what is wanted of a level follows from what is sellable and sold.
    Wanted,
    /// P4: what was counted is what lay there, by all that became known since.
    Counted,
    /// P4: what is noted as acknowledged was acknowledged last.
    Echo,
    /// P5: a parcel is told once.
    Parcels,
    /// P5: a cancellation or refund is carried out once.
    Wishes,
    /// P2: numbers of documents have no gaps, and no more is taken back than was billed.
    Documents,
    /// P5: a label is bought once and never lost sight of, and what was told was to be told.
    Errands,
    /// P6: nothing waits that could be done.
    Waiting,
    /// P6: an order is as its shop has it.
    Orders,
    /// P6: all goods are accounted for, and nobody goes short of what is there.
    Goods,
    /// P6: every level is what is wanted of it.
    Levels,
    /// What was sold and is not there could not be prevented.
    Oversold,
    /// A level replaces the one that was believed to stand there.
    Replaced,
    /// A level that must fall does not wait for one that may rise.
    FallsFirst,
    /// The program starts, and no task panics.
    Alive,
}

impl Checker {
    /// All of them.
    pub const ALL: [Checker; 29] = [
        Checker::Acknowledged,
        Checker::Believed,
        Checker::References,
        Checker::Counters,
        Checker::Known,
        Checker::Promised,
        Checker::Owed,
        Checker::OnHand,
        Checker::Claims,
        Checker::Taken,
        Checker::OrderLists,
        Checker::OfferLists,
        Checker::IntentLists,
        Checker::Incidents,
        Checker::Wanted,
        Checker::Counted,
        Checker::Echo,
        Checker::Parcels,
        Checker::Wishes,
        Checker::Documents,
        Checker::Errands,
        Checker::Waiting,
        Checker::Orders,
        Checker::Goods,
        Checker::Levels,
        Checker::Oversold,
        Checker::Replaced,
        Checker::FallsFirst,
        Checker::Alive,
    ];

    /// The word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            Checker::Acknowledged => "acknowledged",
            Checker::Believed => "believed",
            Checker::References => "references",
            Checker::Counters => "counters",
            Checker::Known => "known",
            Checker::Promised => "promised",
            Checker::Owed => "owed",
            Checker::OnHand => "on_hand",
            Checker::Claims => "claims",
            Checker::Taken => "taken",
            Checker::OrderLists => "order_lists",
            Checker::OfferLists => "offer_lists",
            Checker::IntentLists => "intent_lists",
            Checker::Incidents => "incidents",
            Checker::Wanted => "wanted",
            Checker::Counted => "counted",
            Checker::Echo => "echo",
            Checker::Parcels => "parcels",
            Checker::Wishes => "wishes",
            Checker::Documents => "documents",
            Checker::Errands => "errands",
            Checker::Waiting => "waiting",
            Checker::Orders => "orders",
            Checker::Goods => "goods",
            Checker::Levels => "levels",
            Checker::Oversold => "oversold",
            Checker::Replaced => "replaced",
            Checker::FallsFirst => "falls_first",
            Checker::Alive => "alive",
        }
    }
}

/// What came of checking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What did not hold: who found it, and a sentence.
    pub wrong: Vec<(Checker, String)>,
    /// How many things each checker looked at.
    pub looked_at: BTreeMap<Checker, u64>,
}

impl Findings {
    /// Notes that a checker looked at so many things.
    pub fn look(&mut self, checker: Checker, count: usize) {
        *self.looked_at.entry(checker).or_default() += count as u64;
    }

    /// Notes what did not hold.
    pub fn add(&mut self, checker: Checker, sentence: String) {
        self.wrong.push((checker, sentence));
    }

    /// Takes in what others found.
    pub fn merge(&mut self, others: Findings) {
        self.wrong.extend(others.wrong);
        for (checker, count) in others.looked_at {
            *self.looked_at.entry(checker).or_default() += count;
        }
    }

    /// Whether all is well.
    pub fn are_none(&self) -> bool {
        self.wrong.is_empty()
    }

    /// What did not hold, in sentences.
    pub fn sentences(&self) -> Vec<String> {
        let sentences = self.wrong.iter();
        sentences.map(|(_, sentence)| sentence.clone()).collect()
    }

    /// Who found something.
    pub fn found_by(&self) -> BTreeSet<Checker> {
        self.wrong.iter().map(|(checker, _)| *checker).collect()
    }
}
