//! What channels report in the tables: listings, orders, and what became of pushes.

use super::{
    super::*,
    world::{LATER, number},
};
use crate::{
    Currency, Decimal, Money,
    book::Author,
    signal::{Checks, JustRead, PushResult, Reading},
    snapshot::{
        Buyer, LevelSnapshot, LineSnapshot, ListingSnapshot, OrderSnapshot, PaymentState, Standing,
        Version,
    },
};

pub(super) fn eur(minor: i64) -> Money {
    Money::from_minor(minor, Currency::new("EUR").expect("a currency")).expect("in range")
}

pub(super) fn listing(name: &str) -> ListingSnapshot {
    ListingSnapshot {
        listing: ListingId::new(name),
        sku: Some(name.to_owned()),
        title: name.to_owned(),
        price: Some(eur(1000)),
        barcode: None,
        tracked: true,
        level: None,
        categories: vec![format!("{name}S")],
    }
}

/// An order is as old as its number says, and every view of it is newer than any level.
pub(super) fn order_snapshot(name: &str) -> OrderSnapshot {
    let age: i64 = name.bytes().map(i64::from).sum();
    OrderSnapshot {
        external_id: ExternalId::new(name),
        number: name.to_owned(),
        version: Version {
            revision: 1,
            changed_at: LATER,
        },
        placed_at: Time::from_seconds(age),
        standing: Standing::Placed,
        payment: PaymentState::Paid,
        words: BTreeMap::new(),
        currency: Currency::new("EUR").expect("a currency"),
        total: eur(1000),
        tax: eur(0),
        shipping: eur(0),
        discount: eur(0),
        refunded: eur(0),
        buyer: Buyer::default(),
        ship_to: None,
        bill_to: None,
        lines: Vec::new(),
        note: String::new(),
        ship_by: None,
        deliver_by: None,
        risk: None,
        person_print: None,
        extra: None,
        gist: None,
    }
}

/// `MUG:2/shipped1/canceled1/returned1/sub0`; a till hands over at once.
pub(super) fn line_snapshot(text: &str, is_till: bool) -> LineSnapshot {
    let mut parts = text.split('/');
    let (name, units) = parts
        .next()
        .and_then(|p| p.split_once(':'))
        .expect("SKU:units");
    let ordered: Decimal = units.parse().expect("a decimal");
    let mut line = LineSnapshot {
        external_id: ExternalId::new(name),
        sku: Some(name.to_owned()),
        listing: None,
        title: name.to_owned(),
        ordered,
        canceled: Decimal::ZERO,
        shipped: if is_till { ordered } else { Decimal::ZERO },
        returned: Decimal::ZERO,
        subtracted: ordered,
        unit_price: None,
        total: eur(1000),
        tax: eur(0),
        requires_shipping: !is_till,
    };
    for part in parts {
        let start = part.find(|c: char| c.is_ascii_digit()).expect("a number");
        let (word, units) = part.split_at(start);
        let units: Decimal = units.parse().expect("a decimal");
        match word {
            "shipped" => line.shipped = units,
            "canceled" => line.canceled = units,
            "returned" => line.returned = units,
            "sub" => line.subtracted = units,
            _ => panic!("`{word}` means nothing"),
        }
    }
    line
}

pub(super) fn push_signal(
    what: &str,
    account: &str,
    name: &str,
    rest: &[&str],
    now: i64,
) -> Signal {
    let (account, listing) = (AccountId::new(account), ListingId::new(name));
    let at = Time::from_seconds(now);
    let decimal = |text: &str| Decimal::whole(number(text));
    let result = match (what, rest) {
        ("push", []) => return start_push(account, listing, None),
        ("push", ["reading", level]) => {
            let levels = vec![shown(&listing, decimal(level))];
            let just_read = JustRead {
                levels,
                read_at: at,
            };
            return start_push(account, listing, Some(just_read));
        }
        ("level", [level, reading, author @ ..]) => {
            let mut checks = Checks {
                orders_read_at: Some(at),
                ..Checks::default()
            };
            if let [kind, name] = author {
                let author = Author {
                    name: (*name).to_owned(),
                    is_person: *kind == "person",
                };
                checks.authors.insert(listing.clone(), author);
            }
            let reading = match *reading {
                "before" => Reading::BeforePush,
                "compare" => Reading::Compare,
                "confirm" => Reading::Confirm,
                _ => panic!("`{reading}` means nothing"),
            };
            return Signal::Levels {
                account,
                levels: vec![shown(&listing, decimal(level))],
                read_at: at,
                reading,
                checks,
            };
        }
        ("applied", []) => PushResult::Applied,
        ("found", [level]) => PushResult::Found {
            shown: Quantity::of(level.parse().expect("units")),
        },
        ("notdone", []) => PushResult::NotDone,
        ("rejected", []) => PushResult::Rejected {
            reason: "no".to_owned(),
        },
        ("ambiguous", []) => PushResult::Ambiguous { at },
        ("conflict", [level, rest @ ..]) => PushResult::Conflict {
            observed: Some(decimal(level)),
            is_certain: rest == ["surely"],
        },
        _ => panic!("`{what}` means nothing"),
    };
    Signal::PushTried {
        account,
        results: vec![(listing, result)],
    }
}

fn start_push(account: AccountId, listing: ListingId, just_read: Option<JustRead>) -> Signal {
    Signal::StartPush {
        account,
        listings: vec![listing],
        just_read,
    }
}

fn shown(listing: &ListingId, level: Decimal) -> LevelSnapshot {
    LevelSnapshot {
        listing: listing.clone(),
        level: Some(level),
        changed_at: None,
    }
}
