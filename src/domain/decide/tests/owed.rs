//! Tables of what is owed: sold before it is there, and no incident before its date.
//!
//! `rule … backorder 20 14`: so many may be owed, and ship within so many days; `rule … preorder 9 30`:
//! so many, and they are there on that day. `days 3`: so many days pass. `look MUG`: the schedule looks
//! again at what is owed of it. `#1 owes 2 until 14`: units, and the day before which they ship;
//! `MUG owes 2`: of the item over all orders.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    super::*,
    world::{SKUS, World, check, check_in, number, sku},
};
use crate::{
    Quantity,
    book::Book,
    owed::{Backorder, Owing, Preorder},
};

const DAY_S: i64 = 24 * 3600;

pub(super) fn act(world: &mut World, words: &[&str]) {
    match words {
        ["days", days] => world.now += number(days) * DAY_S,
        ["look", name] => {
            let sku = sku(name);
            let orders = world.book.orders.values();
            let orders = orders.filter(|order| world.book.is_short(order));
            let orders = orders.map(|order| order.id).collect();
            world.decide(&Signal::Promises { sku, orders });
        }
        ["policy", ..] => super::policy::act(world, words),
        _ => panic!("{words:?} mean nothing"),
    }
}

pub(super) fn owing(rule: &[&str]) -> Owing {
    let units = |text: &str| Quantity::new(number(text)).expect("a quantity");
    match rule {
        ["backorder", max, days] => Owing {
            backorder: Some(Backorder {
                max: units(max),
                ships_within: Duration::from_secs(number(days).unsigned_abs() * 24 * 3600),
            }),
            preorder: None,
        },
        ["preorder", max, day] => Owing {
            backorder: None,
            preorder: Some(Preorder {
                max: units(max),
                available_on: Time::from_seconds(number(day) * DAY_S),
            }),
        },
        _ => panic!("{rule:?} means nothing"),
    }
}

/// What is owed of an item, folded from the orders.
pub(super) fn owed(book: &Book, name: &Sku) -> Quantity {
    let owed = book
        .orders
        .values()
        .filter_map(|order| order.owes().get(name).copied());
    owed.sum()
}

/// What is missing of an item, folded from the incidents.
pub(super) fn missing(book: &Book, name: &Sku) -> Quantity {
    let incidents = book.incidents.iter();
    let open = incidents.filter(|(key, one)| key.sku == *name && one.closed_at.is_none());
    open.map(|(_, incident)| incident.missing).sum()
}

pub(super) fn expect(world: &World, name: &str, rest: &[&str]) {
    let [units, rest @ ..] = rest else {
        panic!("{name} owes how many?");
    };
    if !name.starts_with('#') {
        let stock = &world.book.stock[&sku(name)];
        assert_eq!(stock.owed.to_string(), *units, "{name} owes");
        return;
    }
    let order = &world.book.orders[&world.id(name)];
    let owed: Quantity = order
        .lines
        .iter()
        .map(|line| order.owed_units(line.number))
        .sum();
    assert_eq!(owed.to_string(), *units, "{name} owes");
    if let ["until", day] = rest {
        let until = order.owed_until().map(|until| until.seconds() / DAY_S);
        assert_eq!(until, Some(number(day)), "{name} owes until");
    }
}

#[test]
fn what_may_be_owed_is_offered_and_is_no_incident() {
    check(
        "rule all backorder 5 14
         count MUG 2              => web.MUG 7, market.MUG 7
         order web #1 MUG:1       => #1 ready, web.MUG 6, MUG owes 0
         order web #2 MUG:3       => #2 short, #2 lacks 2, #2 owes 2 until 14, MUG 2-2, web.MUG 3, market.MUG 3
         order market #3 MUG:3    => #3 owes 3, MUG owes 5, web.MUG 0, market.MUG 0
         order web #4 MUG:1       => #4 owes 0, #4 incident late_news, MUG owes 5
         adjust MUG 3             => #2 ready, #2 owes 0, #3 lacks 2, #3 owes 2, #4 owes 1, #4 over owed, MUG 5-5, web.MUG 2
         adjust MUG 9             => #3 ready, #4 ready, MUG owes 0, web.MUG 11",
    );
}

#[test]
fn only_what_is_beyond_the_most_is_an_incident() {
    check(
        "rule all backorder 5 14
         count MUG 0              => web.MUG 5
         order web #1 MUG:7       => #1 owes 5, #1 lacks 7, #1 incident late_news, web.MUG 0
         order web #1 v2 MUG:4    => #1 owes 4, #1 over canceled, web.MUG 1
         order web #1 v3 canceled refunded MUG:4 => #1 owes 0, MUG owes 0, web.MUG 5",
    );
}

#[test]
fn a_promise_ends_by_its_date_only_when_the_schedule_looks() {
    let world = check_in(
        World::new(),
        "rule all backorder 5 14
         count MUG 0
         order web #1 MUG:2       => #1 owes 2 until 14
         days 13
         look MUG                 => #1 owes 2
         days 2
         order web #2 MUG:1       => #1 owes 2, #2 owes 0, #2 incident late_news
         look MUG                 => #1 owes 0, #1 incident owed, web.MUG 2
         look MUG                 => #1 owes 0, #1 incident owed
         adjust MUG 2             => #1 ready, #1 over covered",
    );
    assert_eq!(world.book.incidents.len(), 2);
}

#[test]
fn what_did_not_come_in_time_makes_no_room_for_more() {
    check(
        "rule all backorder 2 14
         count MUG 0
         order web #1 MUG:2       => #1 owes 2, web.MUG 0
         days 15
         look MUG                 => #1 owes 0, #1 incident owed, web.MUG 0, market.MUG 0
         order web #1 v2 canceled refunded MUG:2 => #1 over canceled, web.MUG 2",
    );
}

#[test]
fn room_that_becomes_free_goes_to_incidents_first() {
    check(
        "rule all backorder 3 14
         count MUG 0
         order web #1 MUG:3       => #1 owes 3, web.MUG 0
         order web #2 MUG:1       => #2 owes 0, #2 incident late_news
         order web #3 MUG:1       => #3 incident late_news, web.MUG 0
         order web #1 v2 canceled refunded MUG:3 => #2 owes 1, #2 over owed, #3 owes 1, web.MUG 1",
    );
}

#[test]
fn a_rule_that_is_withdrawn_or_lowered_breaks_what_it_promised() {
    check(
        "rule all backorder 9 14
         count MUG 0
         order web #1 MUG:3       => #1 owes 3
         order web #2 MUG:3       => #2 owes 3, MUG owes 6, web.MUG 3
         rule all backorder 4 14
         look MUG                 => #1 owes 3, #2 owes 1, #2 incident owed, MUG owes 4, web.MUG 0
         rule all backorder 9 20
         look MUG                 => #1 owes 3 until 20, #2 owes 3 until 20, #2 over owed, web.MUG 3
         no rules
         order web #1 v2 MUG:2    => #1 owes 2
         look MUG                 => #1 owes 0, #1 incident owed, #2 incident owed, MUG owes 0, web.MUG 0",
    );
}

#[test]
fn a_rule_that_comes_later_takes_incidents_over() {
    check(
        "count MUG 0
         order web #1 MUG:2       => #1 incident late_news
         order web #2 MUG:2       => #2 incident late_news
         rule all backorder 3 14
         order web #3 MUG:1       => #3 owes 0, #3 incident late_news, #1 incident late_news
         look MUG                 => #1 owes 2, #1 over owed, #2 owes 1, #3 incident late_news, web.MUG 0",
    );
}

#[test]
fn a_preorder_is_one_until_its_day_and_is_owed_until_that_day_is_over() {
    check(
        "rule all of MUG preorder 9 30
         rule all of MUG backorder 2 40
         count MUG 0              => web.MUG 9
         order web #1 MUG:3       => #1 owes 3 until 31, web.MUG 6
         days 29
         adjust PLATE 1           => web.MUG 6
         days 1
         look MUG                 => #1 owes 3 until 31, web.MUG 0
         days 1
         look MUG                 => #1 incident owed, MUG owes 0, web.MUG 0",
    );
}

#[test]
fn what_is_owed_is_counted_over_all_accounts_and_shown_by_each_rule() {
    check(
        "rule all backorder 10 14
         rule market of MUG backorder 4 14
         rule market max 8
         count MUG 6              => web.MUG 16, market.MUG 8
         order web #1 MUG:8       => #1 owes 2, web.MUG 8, market.MUG 2
         order web #2 MUG:3       => MUG owes 5, web.MUG 5, market.MUG 0
         rule web exclude
         order market #3 MUG:1    => #3 owes 0, #3 incident late_news, web.MUG 0",
    );
}

#[test]
fn other_rules_are_about_what_is_there() {
    check(
        "rule all backorder 4 14
         rule web buffer 2
         rule web zero_below 3
         rule market share 1/2
         count MUG 4              => web.MUG 6, market.MUG 6
         order web #1 MUG:6       => #1 owes 2, web.MUG 0, market.MUG 2
         rule all of PLATE last_units 3 market
         count PLATE 2            => web.PLATE 0, market.PLATE 5
         rule all of PLATE end_when 2
         adjust PLATE 0           => web.PLATE ended, web.PLATE 0, market.PLATE 0",
    );
}

#[test]
fn what_left_and_was_not_there_is_brought_back_first() {
    check(
        "rule all backorder 5 14
         count MUG 1
         order till #1 MUG:3      => #1 delivered, MUG -2-0, web.MUG 3
         order web #2 MUG:3       => #2 owes 3, web.MUG 0",
    );
}

#[test]
fn who_loses_units_is_owed_them_within_the_date() {
    check(
        "rule all backorder 5 14
         count MUG 3
         order web #1 MUG:2       => #1 ready
         order till #2 MUG:2      => #1 short, #1 lacks 1, #1 owes 1 until 14, web.MUG 4
         days 20
         order till #3 MUG:1      => #1 lacks 2, #1 owes 1, #1 incident gave_way",
    );
}

#[test]
fn a_kit_is_owed_as_often_as_each_of_its_components_may_be() {
    check(
        "count MUG 2
         count PLATE 1            => web.SET 1
         rule all of SET backorder 9 9
         adjust MUG 0             => web.SET 1
         rule all of PLATE backorder 9 9
         adjust MUG 0             => web.SET 1
         rule all of MUG backorder 5 12
         adjust MUG 0             => web.SET 3, web.MUG 7, web.PLATE 10
         order web #1 SET:3       => #1 lacks 2, #1 owes 2 until 12, MUG owes 4, PLATE owes 2, web.SET 0
         adjust PLATE 2           => #1 owes 2
         adjust MUG 4             => #1 ready, #1 owes 0, MUG owes 0, PLATE owes 0",
    );
}

#[test]
fn an_order_that_gives_up_its_stock_is_owed_none() {
    check(
        "rule all backorder 5 14
         count MUG 0
         order web #1 unpaid MUG:2   => #1 owes 2, web.MUG 3
         expire #1                   => #1 owes 0, MUG owes 0, web.MUG 5
         order web #1 v2 MUG:2       => #1 owes 2, web.MUG 3
         hold #1 keep                => #1 owes 2
         release #1
         hold #1 drop                => #1 owes 0, web.MUG 5
         release #1                  => #1 owes 2
         order web #1 v3 MUG:2/shipped1 => #1 owes 1, web.MUG 3
         gone web #1                 => #1 owes 0, MUG owes 0",
    );
}

#[test]
fn what_was_never_counted_is_neither_offered_nor_owed() {
    check(
        "rule all backorder 5 14
         order web #1 MUG:2       => #1 owes 0, web.MUG -
         count MUG 1              => #1 owes 1, web.MUG 4",
    );
}

#[test]
fn what_the_channel_has_not_taken_off_yet_is_added_back() {
    check(
        "rule all backorder 5 14
         count MUG 1
         order web #1 MUG:3/sub0     => #1 owes 2, web.MUG 6, market.MUG 3
         order web #1 v2 MUG:3/sub3  => web.MUG 3, market.MUG 3",
    );
}

#[test]
fn the_timeline_says_until_when_it_waits() {
    let mut world = World::new();
    let mut told: Vec<String> = Vec::new();
    for act in [
        "rule all backorder 5 14",
        "count MUG 0",
        "order web #1 MUG:2",
        "count MUG 1",
        "count MUG 2",
    ] {
        world.act(act);
        let facts = world.book.facts.iter().filter(|fact| fact.order.is_some());
        told.extend(facts.filter_map(|fact| match &fact.event {
            Event::Owed { units, until, .. } => {
                Some(format!("owed {units} until {}", until.seconds() / DAY_S))
            }
            Event::Covered { .. } => Some("covered".to_owned()),
            Event::Short { .. } | Event::IncidentOpened { .. } => Some("short".to_owned()),
            _ => None,
        }));
    }
    assert_eq!(told, ["owed 2 until 14", "covered"]);
}

/// What buyers and staff may do next.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody buys as many as are shown, or fewer.
    Buy(&'static str, &'static str, i64),
    Cancel(usize),
    Count(&'static str, i64),
    Till(&'static str, i64),
    Expire(usize),
    Look(&'static str),
    Days(i64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let account = || prop::sample::select(vec!["web", "market"]);
    let good = || prop::sample::select(vec!["MUG", "PLATE"]);
    let any = || prop::sample::select(SKUS[..3].to_vec());
    prop_oneof![
        6 => (account(), any(), 1..9_i64).prop_map(|(at, name, units)| Step::Buy(at, name, units)),
        1 => (0..9_usize).prop_map(Step::Cancel),
        2 => (good(), 0..9_i64).prop_map(|(name, units)| Step::Count(name, units)),
        1 => (good(), 1..3_i64).prop_map(|(name, units)| Step::Till(name, units)),
        1 => (0..9_usize).prop_map(Step::Expire),
        1 => good().prop_map(Step::Look),
        1 => (1..4_i64).prop_map(Step::Days),
    ]
}

fn take(world: &mut World, number: usize, step: &Step) {
    let named = |world: &World, at: usize| world.names.keys().nth(at).cloned();
    match step {
        Step::Buy(account, name, most) => {
            let key = (AccountId::new(*account), crate::ListingId::new(*name));
            let shown = world.book.offers.get(&key).and_then(|offer| offer.offer);
            let shown = shown.map_or(0, |told| told.quantity.units());
            let units = shown.min(*most);
            if units > 0 {
                world.act(&format!("order {account} #{number} {name}:{units}"));
            }
        }
        Step::Cancel(at) => {
            if let Some(name) = named(world, *at) {
                let account = world.book.orders[&world.id(&name)].account.clone();
                world.act(&format!("gone {account} {name}"));
            }
        }
        Step::Count(name, units) => world.act(&format!("count {name} {units}")),
        Step::Till(name, units) => world.act(&format!("order till #{number} {name}:{units}")),
        Step::Expire(at) => {
            if let Some(name) = named(world, *at) {
                world.act(&format!("expire {name}"));
            }
        }
        Step::Look(name) => world.act(&format!("look {name}")),
        Step::Days(days) => world.act(&format!("days {days}")),
    }
}

proptest! {
    /// Whatever buyers and staff do, no more is owed than may be, and as long as nobody buys more than
    /// is shown and nothing is lost, no order that came in is an incident before its date. That claims
    /// never exceed what is there, and sums are sums, is checked after each step.
    #[test]
    fn our_offers_never_owe_more_than_may_be(
        steps in prop::collection::vec(any_step(), 1..25),
        max in 0..6_i64,
    ) {
        let mut world = World::new();
        world.placed_ago = Some(0);
        world.act(&format!("rule all of MUG backorder {max} 5"));
        world.act("rule all of PLATE preorder 4 3");
        world.act("count MUG 3");
        world.act("count PLATE 2");
        let mut was_lost = false;
        for (index, step) in steps.iter().enumerate() {
            let is_date = matches!(step, Step::Look(_) | Step::Days(_));
            was_lost |= is_date || matches!(step, Step::Count(..) | Step::Till(..));
            take(&mut world, index, step);
            for (name, most) in [("MUG", max), ("PLATE", 4)] {
                let owed = world.book.stock[&sku(name)].owed.units();
                prop_assert!(owed <= most, "{owed} of {name} are owed, {most} may be");
            }
            let open = world.book.incidents.values().filter(|one| one.closed_at.is_none());
            prop_assert!(was_lost || open.count() == 0, "{steps:?}");
        }
    }
}
