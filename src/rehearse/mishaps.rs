//! What goes wrong once in an evening, if at all: a shop loses its table of levels, a file of counts says
//! zero for everything, listings are locked, a product has no SKU. And who puts it right afterwards: what
//! the program parks or holds back waits for a person, so there must be one.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{
    AccountId, Decimal, ListingId, Sku, Time,
    breaker::{Breaker, Side},
    fact::{Event, Fact},
    ids::OrderId,
    offer::Offer,
    order::Order,
    signal::{Change, Command, Whose},
    stock::{Cause, Condition, LocationId},
};
use engine::rows::{self, key};
use fastrand::Rng;
use sandbox::{Act, Odd};

use crate::{
    plan::{Plan, Scale},
    rows::Rows,
    slips::pick,
};

/// How staff call a file of counts; each has a number.
pub(crate) const FILE: &str = "file";
/// How they call it when it is put back.
const TAKEN_BACK: &str = " taken back";
const BY: &str = "the boss";
/// How long it takes until somebody notices a bad file.
const NOTICED_MS: std::ops::Range<u64> = 5_000..40_000;
/// How long a listing is locked.
const LOCKED_MS: std::ops::Range<u64> = 5_000..60_000;
/// A product of a shop has no SKU once in so many shops.
const NAMELESS_OF: u32 = 3;

/// Something that goes wrong, or is put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// A shop shows zero everywhere.
    Blackout(usize),
    /// A file says zero for all goods at the usual place.
    BadFile(u64),
    /// Somebody notices, and puts right what waits for a person.
    PutRight,
    /// Something in a shop becomes odd.
    Odd(usize, Sku, Odd),
}

/// What goes wrong when, in the order of time.
pub(crate) fn plan(plan: &Plan, scale: &Scale, chance: &mut Rng) -> Vec<(Time, Mishap)> {
    let mut all = Vec::new();
    if scale.mishaps == 0 {
        return all;
    }
    for (shop, (_, opened)) in plan.shops.iter().enumerate().skip(1) {
        if chance.u32(0..NAMELESS_OF) == 0
            && let Some(product) = pick(&opened.products, chance)
        {
            let odd = Mishap::Odd(shop, product.sku, Odd::Nameless);
            all.push((plan.begins_at, odd));
        }
    }
    let busy_ms = u64::try_from(scale.busy_for.as_millis()).unwrap_or(u64::MAX);
    for number in 0..u64::from(scale.mishaps) {
        let at = plan.begins_at.plus(Duration::from_millis(
            chance.u64(busy_ms / 4..busy_ms.max(1)),
        ));
        let shop = chance.usize(0..plan.shops.len().max(1));
        match chance.u32(0..8) {
            what @ 0..3 => {
                let noticed = at.plus(Duration::from_millis(chance.u64(NOTICED_MS)));
                let mishap = match what {
                    0 => Mishap::BadFile(number),
                    _ => Mishap::Blackout(shop),
                };
                all.extend([(at, mishap), (noticed, Mishap::PutRight)]);
            }
            _ => {
                let Some((_, opened)) = plan.shops.get(shop) else {
                    continue;
                };
                let Some(product) = pick(&opened.products, chance) else {
                    continue;
                };
                let until = at.plus(Duration::from_millis(chance.u64(LOCKED_MS)));
                all.push((at, Mishap::Odd(shop, product.sku.clone(), Odd::Locked)));
                all.push((until, Mishap::Odd(shop, product.sku, Odd::Unlocked)));
            }
        }
    }
    all.sort_by_key(|(at, _)| *at);
    all
}

impl Mishap {
    /// What happens in a shop.
    pub(crate) fn acts(&self, plan: &Plan) -> Vec<(usize, Act)> {
        match self {
            Mishap::Odd(shop, sku, odd) => vec![(*shop, Act::Make(sku.clone(), *odd))],
            Mishap::Blackout(shop) => {
                let products = plan.shops.get(*shop).map(|(_, shop)| &shop.products);
                let all = products.into_iter().flatten();
                all.map(|product| (*shop, Act::SetLevel(product.sku.clone(), 0)))
                    .collect()
            }
            Mishap::BadFile(_) | Mishap::PutRight => Vec::new(),
        }
    }
}

/// A file that says zero for all goods at the usual place.
pub(crate) fn bad_file(plan: &Plan, number: u64) -> Vec<Command> {
    let zero = Change::To(Decimal::whole(0));
    let goods = plan.stock.keys();
    goods
        .map(|sku| adjust(sku, zero, format!("{FILE} {number}")))
        .collect()
}

/// Puts back what bad files took.
fn mend_files(facts: &[Fact]) -> Vec<Command> {
    let mut taken: BTreeMap<(&str, &Sku), i64> = BTreeMap::new();
    for fact in facts {
        if let Event::Moved {
            sku,
            delta,
            cause: Cause::Adjustment { reason, .. },
            ..
        } = &fact.event
            && reason.starts_with(FILE)
        {
            let name = reason.strip_suffix(TAKEN_BACK).unwrap_or(reason);
            *taken.entry((name, sku)).or_default() += delta.units();
        }
    }
    taken.retain(|_, units| *units != 0);
    let back = taken.into_iter();
    back.map(|((name, sku), units)| {
        let back = Change::By(Decimal::whole(-units));
        adjust(sku, back, format!("{name}{TAKEN_BACK}"))
    })
    .collect()
}

fn adjust(sku: &Sku, change: Change, reason: String) -> Command {
    Command::Adjust {
        sku: sku.clone(),
        location: LocationId::default(),
        condition: Condition::Sellable,
        change,
        reason,
        by: BY.to_owned(),
    }
}

/// A breaker that somebody must look at.
pub(crate) fn tripped(rows: &Rows<'_>) -> Vec<(AccountId, Side)> {
    let breakers = rows.all::<Breaker>(rows::BREAKERS, b"");
    let sides = breakers.iter().flat_map(|breaker| {
        let sides = Side::ALL.into_iter();
        let tripped = sides.filter(|side| breaker.trip(*side).is_some());
        tripped.map(|side| (breaker.account.clone(), side))
    });
    sides.collect()
}

/// What a person does about what waits for one: pushes that were refused are tried again, lines get
/// their items.
pub(crate) fn put_right(rows: &Rows<'_>, facts: &[Fact]) -> Vec<Command> {
    let mut commands = mend_files(facts);
    for offer in rows.all::<Offer>(rows::OFFERS, b"") {
        if offer.parked.is_some() {
            commands.push(Command::RetryPush {
                account: offer.account.clone(),
                listing: offer.listing.clone(),
            });
        }
    }
    for row in rows.keys(rows::UNMAPPED_ORDERS, b"") {
        commands.extend(map_lines(rows, &row));
    }
    // What is still held when its breaker is lifted was held in that very moment.
    let tripped = tripped(rows);
    for side in Side::ALL {
        for row in rows.keys(rows::HELD_OFFERS, &rows::prefix(&[side.word()])) {
            let mut parts = row.split(|byte| *byte == 0).skip(1);
            let account = parts.next().map(String::from_utf8_lossy);
            let account = AccountId::new(account.unwrap_or_default());
            if !tripped.contains(&(account.clone(), side)) {
                commands.push(Command::LetGo {
                    account,
                    side,
                    listings: vec![ListingId::new(rows::last_part(&row))],
                    right: Whose::Ours,
                    by: BY.to_owned(),
                });
            }
        }
    }
    commands
}

/// Says which items the lines of an order are, by what buyers were shown.
pub(crate) fn map_lines(rows: &Rows<'_>, named_by: &[u8]) -> Vec<Command> {
    let order = rows::last_part(named_by).parse::<OrderId>().ok();
    let order = order.and_then(|id| rows.get::<Order>(rows::ORDERS, &key(&[&id.to_string()])));
    let Some(order) = order else {
        return Vec::new();
    };
    let unknown = order.lines.iter().filter(|line| line.item.is_none());
    unknown
        .filter_map(|line| {
            let (_, name) = line.title.rsplit_once("The ")?;
            Some(Command::MapLine {
                order: order.id,
                line: line.number,
                sku: Sku::new(name).ok()?,
            })
        })
        .collect()
}

/// Lifts a breaker as a person does who says that our numbers are right.
pub(crate) async fn lift(engine: &Arc<engine::Engine>, account: &AccountId, side: Side) -> String {
    let Some(at) = engine.accounts.get(account) else {
        return format!("there is no account {account}");
    };
    let said = (Whose::Ours, BY.to_owned());
    let lifted = engine
        .lift_breaker(at, side, said, engine::decider::Alongside::default())
        .await;
    match lifted {
        Ok(done) => format!("{:?}", done.verdict),
        Err(error) => error.to_string(),
    }
}
