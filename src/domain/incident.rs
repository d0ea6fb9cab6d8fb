//! Incidents: units that were sold and are not there, why that came about, and the ways out.
//!
//! An incident opens in the commit that leaves a line short, and closes in the one that covers the line
//! or ends the wish for it; both are facts of the order's timeline. Which way out is best is a small
//! policy over a [`Situation`]: see [`ways`]. A person chooses, or a rule of the merchant's
//! ([`crate::policy`]); nothing here acts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, ListingId, Money, Quantity, Sku, Time,
    ids::{IncidentId, OrderId},
    locations::Locations,
    owed::Broken,
    policy::Penalty,
    stock::{Condition, LocationId, Stock},
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

impl Why {
    /// The word for it, as in the API and in rules.
    pub fn word(&self) -> &'static str {
        match self {
            Why::LatePush { .. } => "late_push",
            Why::LateNews { .. } => "late_news",
            Why::GaveWay => "gave_way",
            Why::CameBack => "came_back",
            Why::BeyondShown { .. } => "beyond_shown",
            Why::Owed { .. } => "owed",
            Why::Unknown => "unknown",
        }
    }

    /// All words.
    pub const WORDS: [&'static str; 7] = [
        "late_push",
        "late_news",
        "gave_way",
        "came_back",
        "beyond_shown",
        "owed",
        "unknown",
    ];
}

/// What a person, or the policy, chose.
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
    /// The rule of the policy that chose; nothing where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
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
    /// Bring units from a location that does not serve the account; a person sends them.
    Transfer,
    /// Look at units that wait for a check; a person does.
    Sort,
    /// Ship what is there now, and the rest later; a person packs it.
    Split,
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
            Way::Transfer => WayKind::Transfer.word(),
            Way::Sort => WayKind::Sort.word(),
            Way::Split => WayKind::Split.word(),
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
    /// [`Way::Transfer`]
    Transfer,
    /// [`Way::Sort`]
    Sort,
    /// [`Way::Split`]
    Split,
    /// [`Way::Substitute`]
    Substitute,
    /// [`Way::CancelUnits`]
    CancelUnits,
    /// [`Way::CancelOrder`]
    CancelOrder,
}

impl WayKind {
    /// All of them.
    pub const ALL: [WayKind; 8] = [
        WayKind::Wait,
        WayKind::TakeFrom,
        WayKind::Transfer,
        WayKind::Sort,
        WayKind::Split,
        WayKind::Substitute,
        WayKind::CancelUnits,
        WayKind::CancelOrder,
    ];

    /// The word for it, as in the API.
    pub fn word(self) -> &'static str {
        match self {
            WayKind::Wait => "wait",
            WayKind::TakeFrom => "take_from",
            WayKind::Transfer => "transfer",
            WayKind::Sort => "sort",
            WayKind::Split => "split",
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
    /// What canceling costs the merchant on this account.
    pub penalty: Penalty,
    /// The first arrival with which all that is missing will have come.
    pub arrival: Option<Coming>,
    /// Units that lie where they do not serve the account.
    pub elsewhere: Option<(LocationId, Quantity)>,
    /// Units that wait for a check at a location that does.
    pub unsorted: Option<(LocationId, Condition, Quantity)>,
    /// Whether something of the order could be shipped now, and nothing of it has been.
    pub can_split: bool,
}

/// An arrival that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coming {
    /// Where.
    pub location: LocationId,
    /// When, where that is known.
    pub due: Option<Time>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Which.
    pub kind: WayKind,
    /// From which order units would be taken.
    pub from: Option<OrderId>,
    /// Why it stands where it stands.
    pub because: String,
}

/// How long a buyer may be made to wait when the channel says no date.
const PATIENCE: Duration = Duration::from_secs(48 * 3600);
/// How long before the promised date waiting is no longer the better choice.
const NOTICE: Duration = Duration::from_secs(24 * 3600);
/// How many other orders are proposed to take units from.
const RIVALS_MAX: usize = 3;

/// The ways out, the best first. The ranking:
///
/// 1. An order that is not paid waits: nobody has kept the buyer's money.
/// 2. So does one for which enough is on its way and due before the promised date.
/// 3. What is there is found: units that wait for a check, units at another location.
/// 4. Units go from a younger order that is not paid to an older one that is: whoever can give all that
///    is missing first, then the youngest.
/// 5. While the promised date is more than a day away (or, where there is none, for two days), waiting
///    comes before everything that changes the order.
/// 6. What is there is shipped before anything is given up.
/// 7. A substitute before a cancellation: the sale is kept. Where canceling costs little and the date is
///    near, canceling comes first: the buyer can buy elsewhere.
/// 8. The missing units before the whole order, if anything else of it can be shipped.
/// 9. Waiting past the promised date comes last: it costs the buyer's trust and the channel's opinion.
///    Where canceling costs much, canceling comes after it.
pub fn ways(situation: &Situation) -> Vec<Proposal> {
    let mut ways = Vec::new();
    let promised = match situation.ship_by {
        Some(ship_by) => ship_by.minus(NOTICE),
        None => situation.placed_at.plus(PATIENCE),
    };
    let can_wait = situation.now < promised;
    let comes_in_time = situation.arrival.as_ref().is_some_and(|coming| {
        let last = situation.ship_by.unwrap_or(promised);
        coming.due.is_some_and(|due| due <= last)
    });
    if !situation.is_paid {
        let because = "the order is not paid yet, so waiting costs nobody anything";
        ways.push(propose(WayKind::Wait, because));
    } else if comes_in_time {
        ways.push(propose(WayKind::Wait, coming(situation)));
    }
    ways.extend(findings(situation));
    ways.extend(rivals(situation));
    if situation.is_paid && can_wait && !comes_in_time {
        let because = match (&situation.arrival, situation.ship_by) {
            (Some(_), _) => coming(situation),
            (None, Some(_)) => "the promised date is more than a day away".to_owned(),
            (None, None) => "it was placed less than two days ago".to_owned(),
        };
        ways.push(propose(WayKind::Wait, because));
    }
    if situation.can_split {
        let because = "what is there can be shipped now, and the rest later";
        ways.push(propose(WayKind::Split, because));
    }
    let waits_last = situation.is_paid && !can_wait && !comes_in_time;
    let because = "the sale is kept if the buyer agrees to something else";
    let substitute = propose(WayKind::Substitute, because);
    let late = waits_last.then(|| {
        let because = match &situation.arrival {
            Some(_) => coming(situation),
            None => "the promised date is near or over, so the buyer should know of it".to_owned(),
        };
        propose(WayKind::Wait, because)
    });
    let canceling = cancellations(situation);
    match situation.penalty {
        Penalty::Low if waits_last => {
            ways.extend(canceling);
            ways.push(substitute);
            ways.extend(late);
        }
        Penalty::Low | Penalty::Medium => {
            ways.push(substitute);
            ways.extend(canceling);
            ways.extend(late);
        }
        Penalty::High => {
            ways.push(substitute);
            ways.extend(late);
            ways.extend(canceling);
        }
    }
    ways
}

fn propose(kind: WayKind, because: impl Into<String>) -> Proposal {
    Proposal {
        kind,
        from: None,
        because: because.into(),
    }
}

/// Where most units lie free at a location that does not serve an account.
pub fn elsewhere(
    stock: &Stock,
    locations: &Locations,
    account: &AccountId,
) -> Option<(LocationId, Quantity)> {
    let places = stock.locations().into_iter();
    places
        .filter(|at| !locations.serves(at, account))
        .map(|at| (at.clone(), stock.free_at(at)))
        .filter(|(_, free)| free.is_positive())
        .max_by_key(|(_, free)| *free)
}

/// Where most units wait for a check at a location that serves an account.
pub fn unsorted(
    stock: &Stock,
    locations: &Locations,
    account: &AccountId,
) -> Option<(LocationId, Condition, Quantity)> {
    let waiting = [Condition::Quality, Condition::ReturnedUnchecked];
    let places = stock.locations().into_iter();
    places
        .filter(|at| locations.serves(at, account))
        .flat_map(|at| waiting.map(|how| (at.clone(), how, stock.lying(at, how))))
        .filter(|(_, _, units)| units.is_positive())
        .max_by_key(|(_, _, units)| *units)
}

/// What is on its way, in a sentence without its end.
fn coming(situation: &Situation) -> String {
    let Some(coming) = &situation.arrival else {
        return String::new();
    };
    let at = &coming.location;
    match (coming.due, situation.ship_by) {
        (Some(due), Some(ship_by)) if due <= ship_by => {
            format!("enough is due at {at} on {due}, before the promised date")
        }
        (Some(due), Some(_)) => {
            format!("enough is due at {at} on {due}, which is after the promised date")
        }
        (Some(due), None) => format!("enough is due at {at} on {due}"),
        (None, _) => format!("enough is on its way to {at}, and nobody has said when it is due"),
    }
}

/// Units that are there, and not to be had without a hand.
fn findings(situation: &Situation) -> Vec<Proposal> {
    let mut ways = Vec::new();
    if let Some((at, condition, units)) = &situation.unsorted {
        let words = condition.words();
        let because = format!(
            "{units} at {at} are {words}: look at them, and say so with `oneshelf stock sort`"
        );
        ways.push(propose(WayKind::Sort, because));
    }
    if let Some((at, units)) = &situation.elsewhere {
        let because = format!(
            "{units} lie at {at}, which does not serve this account: send them with `oneshelf stock transfer`"
        );
        ways.push(propose(WayKind::Transfer, because));
    }
    ways
}

fn rivals(situation: &Situation) -> Vec<Proposal> {
    if !situation.is_paid {
        return Vec::new();
    }
    let best = by_preference(&situation.rivals, situation.placed_at, situation.missing);
    let propose = |rival: &Rival| Proposal {
        kind: WayKind::TakeFrom,
        from: Some(rival.order),
        because: "that order is younger and not paid".to_owned(),
    };
    best.iter().take(RIVALS_MAX).map(propose).collect()
}

/// Those that may give way: who can give all that is missing first, then the youngest.
pub fn by_preference(rivals: &[Rival], placed_at: Time, missing: Quantity) -> Vec<Rival> {
    let mut best: Vec<Rival> = rivals
        .iter()
        .filter(|rival| rival.may_give_way_to(placed_at))
        .copied()
        .collect();
    best.sort_by_key(|rival| {
        let gives_all = rival.units >= missing;
        std::cmp::Reverse((gives_all, rival.placed_at, rival.order))
    });
    best
}

/// The order that gives way when nobody chooses: the best of those that can give all that is missing.
pub fn gives_all(rivals: &[Rival], placed_at: Time, missing: Quantity) -> Option<OrderId> {
    let best = by_preference(rivals, placed_at, missing);
    let best = best.first().filter(|rival| rival.units >= missing);
    best.map(|rival| rival.order)
}

fn cancellations(situation: &Situation) -> Vec<Proposal> {
    let mut ways = Vec::new();
    if situation.can_refund && situation.has_other_units {
        let because = "the rest of the order can be shipped";
        ways.push(propose(WayKind::CancelUnits, because));
    }
    if situation.can_cancel {
        let because = match situation.penalty {
            Penalty::High => {
                "the buyer gets everything back, but canceling costs this account much"
            }
            Penalty::Low | Penalty::Medium => {
                "the buyer gets everything back and can buy elsewhere"
            }
        };
        ways.push(propose(WayKind::CancelOrder, because));
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
            penalty: Penalty::Medium,
            arrival: None,
            elsewhere: None,
            unsorted: None,
            can_split: false,
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
    fn what_is_there_or_coming_goes_before_what_is_given_up() {
        let at = |name: &str| LocationId::new(name);
        let coming = |due: Option<i64>| {
            Some(Coming {
                location: at("main"),
                due: due.map(hour),
            })
        };
        for (change, expected) in [
            (
                (|s, _| s.arrival = s.arrival.take()) as fn(&mut Situation, Option<Coming>),
                "wait substitute cancel_units cancel_order",
            ),
            // Due in time, though the promised date is near.
            (
                |s, early| (s.now, s.ship_by, s.arrival) = (hour(60), Some(hour(70)), early),
                "wait substitute cancel_units cancel_order",
            ),
            // Due too late.
            (
                |s, early| (s.now, s.ship_by, s.arrival) = (hour(60), Some(hour(64)), early),
                "substitute cancel_units cancel_order wait",
            ),
            (
                |s, _| s.elsewhere = Some((LocationId::new("outlet"), Quantity::of(2))),
                "transfer wait substitute cancel_units cancel_order",
            ),
            (
                |s, _| {
                    let here = LocationId::new("main");
                    s.unsorted = Some((here, Condition::Quality, Quantity::of(2)));
                    s.can_split = true;
                },
                "sort wait split substitute cancel_units cancel_order",
            ),
            (
                |s, _| (s.now, s.penalty) = (hour(60), Penalty::Low),
                "cancel_units cancel_order substitute wait",
            ),
            (
                |s, _| (s.now, s.penalty) = (hour(60), Penalty::High),
                "substitute wait cancel_units cancel_order",
            ),
            (
                |s, _| s.penalty = Penalty::Low,
                "wait substitute cancel_units cancel_order",
            ),
        ] {
            let mut situation = usual();
            change(&mut situation, coming(Some(66)));
            assert_eq!(words(&situation), expected, "{situation:?}");
        }
        let mut situation = usual();
        situation.arrival = coming(None);
        let first = ways(&situation).into_iter().next().expect("a way");
        assert!(first.because.contains("nobody has said when"), "{first:?}");
    }

    #[test]
    fn every_way_has_its_own_word() {
        for kind in WayKind::ALL {
            assert_eq!(WayKind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(WayKind::from_word("pray"), None);
    }
}
