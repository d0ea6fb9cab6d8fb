//! Tables of decisions where stock lies at several locations: `berlin` and `paris` are warehouses, `shop`
//! is a store with the till in it that ships last, and `fba` is run by the market.

use std::collections::BTreeSet;

use super::world::{World, check_in, number, sku};
use crate::{
    AccountId, Decimal, Quantity, Time,
    fact::Event,
    locations::{Kind, Location, Locations, Ships},
    signal::{Command, Receipt, Signal, Sorting, Transfer},
    snapshot::Address,
    stock::{Condition, LocationId},
};

pub(super) fn location(id: &str, priority: u32, serves: Option<&[&str]>) -> Location {
    let accounts = |ids: &[&str]| ids.iter().map(|id| AccountId::new(*id)).collect();
    Location {
        id: LocationId::new(id),
        name: id.to_owned(),
        kind: Kind::Warehouse,
        country: None,
        region: None,
        near: Vec::new(),
        priority,
        serves: serves.map(accounts),
        ships: Ships::Yes,
        home_of: BTreeSet::new(),
    }
}

/// berlin serves all, paris the web only, the shop the web and its till, fba the market.
pub(super) fn four() -> World {
    let shop = Location {
        kind: Kind::Store,
        ships: Ships::Last,
        country: Some("DE".to_owned()),
        home_of: BTreeSet::from([AccountId::new("till")]),
        ..location("shop", 3, Some(&["web", "till"]))
    };
    let fba = Location {
        kind: Kind::Channel,
        ships: Ships::No,
        home_of: BTreeSet::from([AccountId::new("market")]),
        ..location("fba", 4, Some(&["market"]))
    };
    let berlin = Location {
        country: Some("DE".to_owned()),
        near: vec!["AT".to_owned()],
        ..location("berlin", 1, None)
    };
    let paris = Location {
        country: Some("FR".to_owned()),
        ..location("paris", 2, Some(&["web"]))
    };
    let mut world = World::new();
    world.locations = Locations::new(vec![berlin, paris, shop, fba]);
    world
}

#[test]
fn each_account_is_offered_what_lies_where_it_is_served_from() {
    check_in(
        four(),
        "count MUG 5 @berlin        => web.MUG 5, market.MUG 5
         count MUG 3 @paris         => web.MUG 8, market.MUG 5
         count MUG 2 @fba           => web.MUG 8, market.MUG 7
         count MUG 1 @shop          => web.MUG 9, market.MUG 7
         order web #1 MUG:4         => #1 ready, web.MUG 5, market.MUG 7
         order web #2 MUG:2         => #2 ready, web.MUG 3, market.MUG 5
         order market #3 MUG:5      => #3 ready, web.MUG 0, market.MUG 0
         order market #4 MUG:1      => #4 short, #4 lacks 1, market.MUG 0
         count MUG 4 @paris         => #4 ready, web.MUG 0, market.MUG 0
         count MUG 2 @shop          => web.MUG 1, market.MUG 1
         count MUG 9 @shop          => web.MUG 8, market.MUG 1
         count MUG 9 @elsewhere     => refused: there is no location elsewhere",
    );
}

#[test]
fn a_till_takes_from_where_it_stands_and_a_channel_from_what_it_runs() {
    check_in(
        four(),
        "count MUG 5 @berlin
         count MUG 2 @shop
         count MUG 3 @fba
         order till #1 MUG:2              => MUG@shop 0-0, MUG@berlin 5-0, web.MUG 5
         order market #2 MUG:1            => market.MUG 7
         order market #2 v2 MUG:1/shipped1 => MUG@fba 2-0, MUG@berlin 5-0, market.MUG 7
         order market #2 v3 MUG:1/shipped0 => MUG@fba 3-0, market.MUG 7",
    );
}

#[test]
fn what_a_till_sells_beyond_what_lies_there_came_from_elsewhere() {
    check_in(
        four(),
        "count MUG 5 @berlin
         count MUG 0 @shop
         order till #1 MUG:2        => #1 delivered, MUG@berlin 3-0, market.MUG 3, web.MUG 3
         count MUG 3 @paris         => market.MUG 3, web.MUG 6
         order market #2 MUG:3      => #2 ready, market.MUG 0, web.MUG 3
         order till #3 MUG:1        => MUG@berlin 2-0, #2 short, #2 lacks 1, web.MUG 3
         resolve #2 transfer        => new, #2 chose transfer
         order till #4 MUG:9        => MUG@berlin 0-0, #2 lacks 3, market.MUG 0, MUG@paris 3-0
         count MUG 0 @shop          => #2 lacks 3, web.MUG 3
         count MUG 5 @berlin        => #2 ready, market.MUG 2, web.MUG 5
         order till #5 MUG:1        => MUG@berlin 4-0
         order till #5 v2 MUG:1/shipped0 => MUG@berlin 5-0
         count MUG 2 @fba
         order market #6 MUG:3/shipped3 => MUG@berlin 5-0, market.MUG 0",
    );
}

#[test]
fn what_a_till_sells_though_it_is_promised_is_gone() {
    check_in(
        four(),
        "count MUG 2 @berlin
         order market #1 MUG:2
         allocate #1 @berlin        => MUG@berlin 2-2
         order till #2 MUG:1        => MUG@berlin 1-1, #1 short, #1 lacks 1",
    );
}

#[test]
fn what_binding_frees_goes_to_those_who_wait() {
    check_in(
        four(),
        "count MUG 0 @shop
         order till #1 MUG:6        => MUG@shop -6-0
         count MUG 9 @berlin        => web.MUG 3, market.MUG 9
         order web #2 MUG:2         => web.MUG 1, market.MUG 1
         order market #3 MUG:3      => #3 lacks 2
         allocate #2 @berlin        => #3 ready, MUG@berlin 9-2, market.MUG 4",
    );
}

#[test]
fn orders_leave_from_where_there_is_enough_or_where_a_person_says() {
    check_in(
        four(),
        "count MUG 2 @berlin
         count MUG 3 @paris
         count MUG 4 @shop
         count MUG 9 @fba
         order web #1 MUG:3
         ship #1                       => new, MUG@berlin 2-0, MUG@paris 0-0
         order web #2 MUG:3
         ship #2                       => new, MUG@berlin 2-0, MUG@shop 1-0
         order web #3 MUG:3
         ship #3                       => new, MUG@berlin 0-0, MUG@shop 0-0
         count MUG 2 @berlin
         order market #4 MUG:1
         ship #4 @paris                => refused: paris does not serve market
         ship #4 @fba                  => refused: choose a location of your own
         ship #4 @moon                 => refused: there is no location moon
         order web #5 MUG:1
         ship #5 @paris                => refused: only 0 of MUG lie at paris (sellable)
         ship #5 @berlin               => new, MUG@berlin 1-0",
    );
}

#[test]
fn the_youngest_gives_way_among_those_who_are_served_from_nowhere_else() {
    check_in(
        four(),
        "count MUG 2 @berlin
         count MUG 2 @paris
         order web #1 MUG:2
         order market #2 MUG:2      => #2 ready, web.MUG 0
         count MUG 1 @berlin        => #1 ready, #2 short, #2 lacks 1
         count MUG 1 @paris         => #1 ready, #2 short, #2 lacks 2
         count MUG 0 @paris         => #2 lacks 2, #1 lacks 1",
    );
}

impl World {
    /// Of the one stocktake: `stocktake berlin above 2`, `counted MUG 9 [10 seconds ago|ahead]`, `close`.
    pub(super) fn count_signal(&self, words: &[&str]) -> Signal {
        let by = "ann".to_owned();
        let count = || *self.book.counts.keys().next_back().expect("a stocktake");
        Signal::Command(match words {
            ["stocktake", place, "above", units] => Command::OpenCount {
                location: LocationId::new(*place),
                skus: Vec::new(),
                recount_above: Decimal::whole(number(units)),
                by,
            },
            ["counted", name, units, rest @ ..] => Command::EnterCount {
                count: count(),
                sku: sku(name),
                units: Decimal::whole(number(units)),
                as_of: match rest {
                    [seconds, "seconds", "ago"] => Some(self.now + 10 - number(seconds)),
                    [seconds, "seconds", "ahead"] => Some(self.now + 10 + number(seconds)),
                    _ => None,
                }
                .map(Time::from_seconds),
                by,
            },
            ["close"] => Command::CloseCount {
                count: count(),
                discards: false,
                by,
            },
            _ => panic!("{words:?} mean nothing"),
        })
    }
}

/// `DE` or `DE-Bayern`.
pub(super) fn address(place: &str) -> Address {
    let (country, region) = place.split_once('-').unwrap_or((place, ""));
    Address {
        country: country.to_owned(),
        region: region.to_owned(),
        ..Address::default()
    }
}

pub(super) fn transfer(units: i64, from: &str, to: &str, is_at_once: bool) -> Signal {
    Signal::Command(Command::Transfer(Transfer {
        sku: sku("MUG"),
        units: Decimal::whole(units),
        from: LocationId::new(from),
        to: LocationId::new(to),
        due: Some(Time::from_seconds(5_000)),
        is_at_once,
        reference: "van".to_owned(),
        by: "ann".to_owned(),
    }))
}

fn receive(world: &mut World, units: Option<i64>, condition: Condition) {
    let arrival = world.book.stock[&sku("MUG")]
        .incoming
        .keys()
        .next()
        .copied();
    world.decide(&Signal::Command(Command::Receive(Receipt {
        sku: sku("MUG"),
        units: units.map(Decimal::whole),
        location: None,
        condition,
        arrival,
        reference: String::new(),
        by: "ann".to_owned(),
    })));
}

#[test]
fn units_on_their_way_are_nowhere_sellable_and_promised_ones_stay() {
    let mut world = check_in(
        four(),
        "count MUG 5 @berlin
         count MUG 1 @paris
         order market #1 MUG:2   => market.MUG 3, web.MUG 4",
    );
    world.decide(&transfer(4, "berlin", "paris", false));
    world.expect("refused: only 3 of MUG at berlin are not promised to orders, not 4");
    world.decide(&transfer(6, "berlin", "paris", false));
    world.expect("refused: only 5 of MUG lie at berlin");
    world.decide(&transfer(1, "paris", "paris", true));
    world.expect("refused: the same one");
    world.decide(&transfer(0, "berlin", "paris", true));
    world.expect("refused: more than 0");
    world.decide(&transfer(3, "berlin", "paris", false));
    let stock = |world: &World| world.book.stock[&sku("MUG")].clone();
    let paris = LocationId::new("paris");
    assert_eq!(stock(&world).incoming_at(&paris), Quantity::of(3));
    let mut world = check_in(world, "order web #2 v1 MUG:1 => web.MUG 0, market.MUG 0");
    receive(&mut world, Some(1), Condition::Sellable);
    assert_eq!(stock(&world).incoming_total(), Quantity::of(2));
    world.expect("web.MUG 1");
    receive(&mut world, Some(1), Condition::Damaged);
    world.expect("web.MUG 1");
    receive(&mut world, None, Condition::Sellable);
    world.expect("web.MUG 2");
    assert!(stock(&world).incoming.is_empty());
    assert_eq!(
        stock(&world).lying(&paris, Condition::Damaged),
        Quantity::of(1)
    );
    receive(&mut world, None, Condition::Sellable);
    world.expect("refused: say how many came in");
    world.decide(&transfer(1, "paris", "berlin", true));
    world.expect("market.MUG 1");
    world.expect("MUG@berlin 3-0");
}

#[test]
fn what_breaks_is_not_sold_and_what_is_mended_is() {
    let sort = |units: i64, from, to| {
        Signal::Command(Command::Sort(Sorting {
            sku: sku("MUG"),
            location: LocationId::new("berlin"),
            units: Decimal::whole(units),
            from,
            to,
            reason: "dropped".to_owned(),
            by: "ann".to_owned(),
        }))
    };
    let mut world = check_in(
        four(),
        "count MUG 3 @berlin
         order web #1 MUG:2
         order market #2 MUG:1 => #2 ready",
    );
    world.decide(&sort(1, Condition::Sellable, Condition::Damaged));
    let mut world = check_in(world, "no rules => #1 ready, #2 short, MUG 2-2");
    world.decide(&sort(2, Condition::Damaged, Condition::Quality));
    world.expect("refused: only 1 of MUG lie at berlin (damaged), not 2");
    world.decide(&sort(1, Condition::Damaged, Condition::Sellable));
    check_in(world, "no rules => #2 ready, MUG 3-3");
}

#[test]
fn a_count_is_of_the_moment_when_it_was_counted() {
    // Time goes on by ten seconds with each row.
    check_in(
        four(),
        "count MUG 10 @berlin
         order web #1 MUG:2
         stocktake berlin above 2
         counted MUG 9                  => new, MUG@berlin 9-0, web.MUG 7
         ship #1                        => MUG@berlin 7-0
         counted MUG 8 15 seconds ago   => MUG@berlin 6-0
         counted MUG 20                 => MUG@berlin 6-0
         counted MUG 19                 => MUG@berlin 6-0
         close                          => refused: count again first
         counted MUG 19                 => MUG@berlin 19-0
         counted MUG 3 10 seconds ahead => refused: it is still to come
         counted MUG 3 500 seconds ago  => refused: open a count before you begin
         counted MUG 19 35 seconds ago  => refused: it was counted there after that
         counted PLATE 40               => new, PLATE@berlin 40-0
         close                          => new
         counted MUG 1                  => refused: open another one",
    );
}

#[test]
fn the_same_is_not_counted_twice_at_once() {
    let mut world = check_in(
        four(),
        "count MUG 10 @berlin
         stocktake berlin above 2       => new
         stocktake berlin above 2       => refused: enter what you count there
         stocktake paris above 2        => new",
    );
    let open = |skus: &[&str]| {
        Signal::Command(Command::OpenCount {
            location: LocationId::new("shop"),
            skus: skus.iter().map(|name| sku(name)).collect(),
            recount_above: Decimal::whole(2),
            by: "bob".to_owned(),
        })
    };
    for (skus, said) in [
        (&["MUG"][..], "new"),
        (&["PLATE"], "new"),
        (&["PLATE", "MUG"], "refused: by bob since"),
        (&[], "refused: close it first"),
    ] {
        world.decide(&open(skus));
        world.expect(said);
    }
    let mut closed = check_in(four(), "stocktake berlin above 2 => new");
    closed.act("close");
    closed.act("stocktake berlin above 2");
    closed.expect("new");
}

#[test]
fn a_barcode_is_no_quantity() {
    let mut world = check_in(
        four(),
        "count MUG 999999999999 @berlin    => refused: more than 1000000000 would be there in all
         adjust MUG -2000000000            => refused: look whether it is a barcode
         count MUG 1000000000 @berlin      => new, web.MUG 1000000000
         adjust MUG 1                      => refused: more than 1000000000 would be there in all
         count MUG 1 @paris                => refused: say fewer
         count MUG 999999990 @berlin       => new
         stocktake paris above 9
         counted MUG 400638133393          => refused: a barcode
         counted MUG 9                     => new, MUG@paris 9-0",
    );
    let expect = |units: i64| {
        Signal::Command(Command::Expect {
            sku: sku("MUG"),
            units: Decimal::whole(units),
            location: LocationId::new("berlin"),
            due: None,
            reference: String::new(),
            by: "ann".to_owned(),
        })
    };
    world.decide(&expect(2));
    world.expect("refused: a barcode");
    world.decide(&expect(1));
    world.expect("new");
    receive(&mut world, Some(2), Condition::Sellable);
    world.expect("refused: a barcode");
    receive(&mut world, Some(1), Condition::Sellable);
    world.expect("web.MUG 1000000000");
}

#[test]
fn what_comes_beyond_what_was_announced_is_told() {
    let mut world = check_in(four(), "count MUG 5 @berlin");
    world.decide(&transfer(3, "berlin", "paris", false));
    receive(&mut world, Some(5), Condition::Sellable);
    let surpluses = world.book.facts.iter().filter_map(|fact| {
        if let Event::ArrivalClosed { surplus, .. } = fact.event {
            return Some(surplus);
        }
        None
    });
    assert_eq!(surpluses.collect::<Vec<_>>(), [Quantity::of(2)]);
    world.expect("MUG@paris 5-0");
}

#[test]
fn what_left_before_the_count_and_is_heard_of_later_is_taken_off_once() {
    let mut world = check_in(
        four(),
        "count MUG 10 @shop
         stocktake shop above 2
         counted MUG 9           => MUG@shop 9-0",
    );
    // The till sold it long before, and the news comes now.
    world.act("order till #1 MUG:1");
    world.expect("MUG@shop 9-0");
    world.expect("web.MUG 9");
    // What it sold after the count is taken off.
    world.placed_ago = Some(0);
    world.act("order till #2 MUG:1");
    world.expect("MUG@shop 8-0");
}

#[test]
fn an_owner_that_is_not_served_from_everywhere_says_nothing_of_the_rest() {
    check_in(
        four(),
        "owner web
         count MUG 5 @berlin
         count MUG 2 @fba            => web.MUG 5, market.MUG 7
         level web MUG 5 compare
         level web MUG 4 confirm     => no drift, MUG@berlin 4-0, MUG@fba 2-0, web.MUG 4, market.MUG 6",
    );
}

#[test]
fn what_left_before_anybody_knew_what_it_was_leaves_the_shelf_when_somebody_does() {
    let mut world = check_in(
        four(),
        "count MUG 5 @berlin
         order web #1 TRAY:3/shipped2    => #1 part_shipped, MUG@berlin 5-0, web.MUG 5",
    );
    let mapped = Signal::Command(Command::MapLine {
        order: world.names["#1"],
        line: 1,
        sku: sku("MUG"),
    });
    world.decide(&mapped);
    check_in(
        world,
        "level web MUG 5 compare         => MUG@berlin 3-0, web.MUG 2, #1 part_shipped
         ship #1                         => new, MUG@berlin 2-0, web.MUG 2",
    );
}
