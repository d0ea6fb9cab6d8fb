//! Incidents: units that were sold and are not there, why that came about, and the ways out.
//!
//! An incident opens in the commit that leaves a line short, and closes in the one that covers the line
//! or ends the wish for it; both are facts of the order's timeline. Which way out is best is a small
//! policy over a [`Situation`]: see [`ways`]. A person chooses; nothing here acts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, ListingId, Money, Quantity, Sku, Time,
    ids::{IncidentId, OrderId},
    owed::Broken,
};

/// Units that were sold and are not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Ours.
    pub id: IncidentId,
    /// Of which order.
    pub order: OrderId,
    /// Which line.
    pub line: u32,
    /// Of what.
    pub sku: Sku,
    /// On which account it was sold.
    pub account: AccountId,
    /// How many are missing; once it is closed, how many were at last.
    pub missing: Quantity,
    /// When it became known.
    pub opened_at: Time,
    /// What explains it, by what was known when it opened.
    pub why: Why,
    /// What a person chose to do about it, at last.
    pub choice: Option<Choice>,
    /// When it was settled.
    pub closed_at: Option<Time>,
    /// How.
    pub ending: Option<Ending>,
}

/// What explains that more was sold than was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It was sold while the channel had not taken a lower level yet.
    LatePush {
        /// On which listing.
        listing: ListingId,
        /// What it should have shown.
        wanted: Quantity,
        /// What it showed, as far as is known.
        shown: Option<Quantity>,
        /// Since when it should have.
        since: Time,
        /// Since when it did; nothing if it does not yet.
        until: Option<Time>,
        /// When the buyer bought.
        sold_at: Time,
    },
    /// It was sold before the sales that took the last units were known.
    LateNews {
        /// When the buyer bought.
        sold_at: Time,
        /// When that became known here.
        known_at: Time,
    },
    /// It had the units, and lost them: fewer lie there than were counted, or they left with another.
    GaveWay,
    /// It had given its stock up, unpaid or on hold, and wanted it again when it was gone.
    CameBack,
    /// The channel sold more than it showed.
    BeyondShown {
        /// On which listing.
        listing: ListingId,
        /// What it showed, as far as is known.
        shown: Option<Quantity>,
        /// When the buyer bought.
        sold_at: Time,
    },
    /// It was owed by a date, and that came to nothing.
    Owed {
        /// By when it was.
        until: Time,
        /// How it came to nothing.
        broken: Broken,
    },
    /// Nothing that is known explains it.
    Unknown,
}

/// What a person chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Which way.
    pub way: Way,
    /// Who.
    pub by: String,
    /// In their words.
    pub note: Option<String>,
    /// When.
    pub at: Time,
}

/// A way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Ship what is missing when it comes in.
    Wait,
    /// Take the units from another order that is younger and not paid.
    TakeFrom {
        /// From which.
        order: OrderId,
    },
    /// Agree on something else with the buyer; a person changes the order on its channel.
    Substitute,
    /// Give the money for the missing units back on the channel, which takes them off the order.
    CancelUnits {
        /// How much money; nobody but a person knows what the buyer paid for them, with tax.
        amount: Money,
    },
    /// Cancel the whole order on its channel.
    CancelOrder,
}

/// How an incident came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The line is covered by stock.
    Covered,
    /// The units, or the order, were canceled.
    Canceled,
    /// The payment deadline passed.
    Expired,
    /// The order was put on hold, and gave up its stock.
    Held,
    /// The units left all the same.
    Shipped,
    /// A rule lets them be owed, and their date is still to come.
    Owed,
}

impl Ending {
    /// As a sentence goes on.
    pub fn phrase(self) -> &'static str {
        match self {
            Ending::Covered => "the line is covered by stock",
            Ending::Canceled => "the units were canceled",
            Ending::Expired => "the payment deadline passed",
            Ending::Held => "the order is on hold and gave up its stock",
            Ending::Shipped => "the units left all the same",
            Ending::Owed => "the units may be owed until a date that is still to come",
        }
    }
}

impl Way {
    /// The word for it, as in the API.
    pub fn word(&self) -> &'static str {
        match self {
            Way::Wait => WayKind::Wait.word(),
            Way::TakeFrom { .. } => WayKind::TakeFrom.word(),
            Way::Substitute => WayKind::Substitute.word(),
            Way::CancelUnits { .. } => WayKind::CancelUnits.word(),
            Way::CancelOrder => WayKind::CancelOrder.word(),
        }
    }
}

/// The kinds of ways out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayKind {
    /// [`Way::Wait`]
    Wait,
    /// [`Way::TakeFrom`]
    TakeFrom,
    /// [`Way::Substitute`]
    Substitute,
    /// [`Way::CancelUnits`]
    CancelUnits,
    /// [`Way::CancelOrder`]
    CancelOrder,
}

impl WayKind {
    /// All of them.
    pub const ALL: [WayKind; 5] = [
        WayKind::Wait,
        WayKind::TakeFrom,
        WayKind::Substitute,
        WayKind::CancelUnits,
        WayKind::CancelOrder,
    ];

    /// The word for it, as in the API.
    pub fn word(self) -> &'static str {
        match self {
            WayKind::Wait => "wait",
            WayKind::TakeFrom => "take_from",
            WayKind::Substitute => "substitute",
            WayKind::CancelUnits => "cancel_units",
            WayKind::CancelOrder => "cancel_order",
        }
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<WayKind> {
        WayKind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What the policy looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// The time.
    pub now: Time,
    /// By when the channel wants it shipped.
    pub ship_by: Option<Time>,
    /// When the buyer placed the order.
    pub placed_at: Time,
    /// Whether it is paid, or as good as.
    pub is_paid: bool,
    /// Whether money was taken that can be given back.
    pub can_refund: bool,
    /// Whether it can still be canceled on its channel by us.
    pub can_cancel: bool,
    /// Whether anything else of the order can be shipped, or has been.
    pub has_other_units: bool,
    /// How many units are missing.
    pub missing: Quantity,
    /// Who else was promised units of the item.
    pub rivals: Vec<Rival>,
}

/// Another order that was promised units of the same item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Which.
    pub order: OrderId,
    /// How many units.
    pub units: Quantity,
    /// When its buyer placed it.
    pub placed_at: Time,
    /// Whether it is paid, or as good as.
    pub is_paid: bool,
}

impl Rival {
    /// Whether its units may be given to an order that was placed at this time: only if it is younger
    /// and nobody has paid for it.
    pub fn may_give_way_to(&self, placed_at: Time) -> bool {
        self.placed_at > placed_at && !self.is_paid && self.units.is_positive()
    }
}

/// One way out, as it is proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Which.
    pub kind: WayKind,
    /// From which order units would be taken.
    pub from: Option<OrderId>,
    /// Why it stands where it stands.
    pub because: &'static str,
}

/// How long a buyer may be made to wait when the channel says no date.
const PATIENCE: Duration = Duration::from_secs(48 * 3600);
/// How long before the promised date waiting is no longer the better choice.
const NOTICE: Duration = Duration::from_secs(24 * 3600);
/// How many other orders are proposed to take units from.
const RIVALS_MAX: usize = 3;

/// The ways out, the best first. The policy:
///
/// 1. An order that is not paid waits: nobody has kept the buyer's money.
/// 2. Units go from a younger order that is not paid to an older one that is: whoever can give all that
///    is missing first, then the youngest.
/// 3. While the promised date is more than a day away (or, where there is none, for two days), waiting
///    comes before everything that changes the order.
/// 4. A substitute before a cancellation: the sale is kept.
/// 5. The missing units before the whole order, if anything else of it can be shipped.
/// 6. Waiting past the promised date comes last: it costs the buyer's trust and the channel's opinion.
pub fn ways(situation: &Situation) -> Vec<Proposal> {
    let propose = |kind, because| Proposal {
        kind,
        from: None,
        because,
    };
    let promised = match situation.ship_by {
        Some(ship_by) => ship_by.minus(NOTICE),
        None => situation.placed_at.plus(PATIENCE),
    };
    let can_wait = situation.now < promised;
    let mut ways = Vec::new();
    if !situation.is_paid {
        let because = "the order is not paid yet, so waiting costs nobody anything";
        ways.push(propose(WayKind::Wait, because));
    }
    let mut rivals: Vec<&Rival> = situation
        .rivals
        .iter()
        .filter(|rival| situation.is_paid && rival.may_give_way_to(situation.placed_at))
        .collect();
    rivals.sort_by_key(|rival| {
        let gives_all = rival.units >= situation.missing;
        std::cmp::Reverse((gives_all, rival.placed_at, rival.order))
    });
    for rival in rivals.into_iter().take(RIVALS_MAX) {
        ways.push(Proposal {
            kind: WayKind::TakeFrom,
            from: Some(rival.order),
            because: "that order is younger and not paid",
        });
    }
    if situation.is_paid && can_wait {
        let because = match situation.ship_by {
            Some(_) => "the promised date is more than a day away",
            None => "it was placed less than two days ago",
        };
        ways.push(propose(WayKind::Wait, because));
    }
    let because = "the sale is kept if the buyer agrees to something else";
    ways.push(propose(WayKind::Substitute, because));
    if situation.can_refund && situation.has_other_units {
        let because = "the rest of the order can be shipped";
        ways.push(propose(WayKind::CancelUnits, because));
    }
    if situation.can_cancel {
        let because = "the buyer gets everything back and can buy elsewhere";
        ways.push(propose(WayKind::CancelOrder, because));
    }
    if situation.is_paid && !can_wait {
        let because = "the promised date is near or over, so the buyer should know of it";
        ways.push(propose(WayKind::Wait, because));
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdSource;

    fn order(number: u8) -> OrderId {
        OrderId::next(&mut IdSource::new(Time::EPOCH, [number; 16]))
    }

    fn hour(hour: i64) -> Time {
        Time::from_seconds(3600 * (1000 + hour))
    }

    /// Placed at hour 0 and paid, one of two units missing, and nobody else around.
    fn usual() -> Situation {
        Situation {
            now: hour(1),
            ship_by: None,
            placed_at: hour(0),
            is_paid: true,
            can_refund: true,
            can_cancel: true,
            has_other_units: true,
            missing: Quantity::of(2),
            rivals: Vec::new(),
        }
    }

    fn words(situation: &Situation) -> String {
        let words: Vec<&str> = ways(situation).iter().map(|way| way.kind.word()).collect();
        words.join(" ")
    }

    #[test]
    fn the_promise_decides_whether_waiting_comes_first_or_last() {
        // now, promised for => the ways out
        for (now, ship_by, expected) in [
            (1, None, "wait substitute cancel_units cancel_order"),
            (47, None, "wait substitute cancel_units cancel_order"),
            (48, None, "substitute cancel_units cancel_order wait"),
            (1, Some(26), "wait substitute cancel_units cancel_order"),
            (1, Some(25), "substitute cancel_units cancel_order wait"),
            (60, Some(90), "wait substitute cancel_units cancel_order"),
            (99, Some(90), "substitute cancel_units cancel_order wait"),
        ] {
            let mut situation = usual();
            (situation.now, situation.ship_by) = (hour(now), ship_by.map(hour));
            assert_eq!(words(&situation), expected, "{now} {ship_by:?}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_not_proposed() {
        for (change, expected) in [
            (
                (|s| s.is_paid = false) as fn(&mut Situation),
                "wait substitute cancel_units cancel_order",
            ),
            (|s| s.can_refund = false, "wait substitute cancel_order"),
            (
                |s| s.has_other_units = false,
                "wait substitute cancel_order",
            ),
            (|s| s.can_cancel = false, "wait substitute cancel_units"),
        ] {
            let mut situation = usual();
            change(&mut situation);
            assert_eq!(words(&situation), expected);
        }
    }

    #[test]
    fn units_are_taken_only_from_younger_orders_that_nobody_has_paid() {
        let rival = |number: u8, units: i32, placed: i64, is_paid| Rival {
            order: order(number),
            units: Quantity::of(units),
            placed_at: hour(placed),
            is_paid,
        };
        let mut situation = usual();
        situation.rivals = vec![
            rival(1, 5, -1, false),
            rival(2, 5, 1, true),
            rival(3, 1, 9, false),
            rival(4, 2, 2, false),
            rival(5, 3, 3, false),
            rival(6, 0, 4, false),
            rival(7, 1, 5, false),
        ];
        let from = |situation: &Situation| -> Vec<Option<OrderId>> {
            let ways = ways(situation).into_iter();
            let taken = ways.filter(|way| way.kind == WayKind::TakeFrom);
            taken.map(|way| way.from).collect()
        };
        assert_eq!(
            from(&situation),
            [5, 4, 3].map(|number| Some(order(number)))
        );
        situation.is_paid = false;
        assert_eq!(from(&situation), []);
    }

    #[test]
    fn every_way_has_its_own_word() {
        for kind in WayKind::ALL {
            assert_eq!(WayKind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(WayKind::from_word("pray"), None);
    }
}
