//! Tables of decisions about where orders leave from. The locations are those of `locations.rs`: berlin
//! (DE, near AT) serves all, paris (FR) the web, the shop (DE) ships last, fba is run by the market.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    locations::{four, location, transfer},
    world::{World, check_in, number},
};
use crate::{
    Quantity,
    allocation::{self, Ask, Criterion, Terms, When},
    locations::{LOCATIONS_MAX, Locations},
    signal::{Command, Signal},
    stock::LocationId,
};

/// The same four, where locations are chosen by themselves.
fn by_itself() -> World {
    let mut world = four();
    world.allocation.when = When::Ready;
    world
}

impl World {
    /// `allocate #1 [line 1] [@berlin]`, `unallocate #1 [line 1]`.
    pub(super) fn places_signal(&self, is_wanted: bool, name: &str, rest: &[&str]) -> Signal {
        let (order, by) = (self.names[name], "ann".to_owned());
        let (line, rest) = match rest {
            ["line", line, rest @ ..] => (line.parse().ok(), rest),
            rest => (None, rest),
        };
        let place = rest.first().and_then(|word| word.strip_prefix('@'));
        let location = place.map(LocationId::new);
        Signal::Command(if is_wanted {
            Command::Allocate {
                order,
                line,
                location,
                by,
            }
        } else {
            Command::Unallocate { order, line, by }
        })
    }

    /// Where units of an order leave from, and how many.
    pub(super) fn leaves(&self, name: &str) -> Vec<String> {
        let order = self.names[name];
        let mut sums: BTreeMap<&LocationId, Quantity> = BTreeMap::new();
        let mut pending = Quantity::ZERO;
        for claim in self.book.claims.values().filter(|c| c.order == order) {
            pending = pending.plus(claim.pending());
            for (at, units) in &claim.places {
                let slot = sums.entry(at).or_default();
                *slot = slot.plus(*units);
            }
        }
        let sums = sums.into_iter().map(|(at, units)| format!("{at}:{units}"));
        let rest = pending.is_positive().then(|| format!("pending:{pending}"));
        sums.chain(rest).collect()
    }

    /// What a dry run says of each location.
    fn said(&self, name: &str) -> String {
        let terms = Terms {
            locations: &self.locations,
            home: &self.locations.home(),
            prefer: &self.allocation.prefer,
        };
        let order = &self.book.orders[&self.names[name]];
        let plan = allocation::plan(&self.book, order, Ask::default(), terms);
        let said = plan.places.iter();
        let said = said.map(|judged| format!("{}: {}\n", judged.location, judged.standing));
        said.collect()
    }
}

fn check_said(world: &World, name: &str, table: &str) {
    let table: String = table
        .lines()
        .map(|row| format!("{}\n", row.trim()))
        .collect();
    assert_eq!(world.said(name), table);
}

#[test]
fn an_order_gets_its_location_in_the_commit_in_which_it_can_be_shipped() {
    check_in(
        by_itself(),
        "count MUG 5 @berlin
         count MUG 5 @paris
         order web #1 unpaid MUG:2      => #1 awaiting_payment, #1 leaves pending:2
         order web #1 v2 to:FR MUG:2    => #1 ready, #1 leaves paris:2, MUG@paris 5-2
         order web #1 v3 to:FR MUG:4    => #1 leaves paris:4
         order web #1 v4 to:FR MUG:1    => #1 leaves paris:1, MUG@paris 5-1
         order web #1 v5 to:FR MUG:9    => #1 leaves berlin:4 paris:5, MUG 10-9
         hold #1 keep                   => #1 held, #1 leaves berlin:4 paris:5
         hold #1 drop                   => #1 leaves, MUG 10-0
         release #1                     => #1 ready, #1 leaves berlin:4 paris:5
         order web #1 v6 canceled MUG:9 => #1 leaves, MUG@paris 5-0, MUG@berlin 5-0
         order web #2 MUG:11            => #2 short, #2 leaves pending:10
         adjust MUG 1                   => #2 ready, #2 leaves berlin:6 paris:5
         ship #2                        => new, #2 shipped, MUG@berlin 0-0, MUG@paris 0-0",
    );
}

#[test]
fn one_location_or_none_changes_nothing() {
    let mut world = World::new();
    world.allocation.when = When::Ready;
    check_in(
        world,
        "count MUG 5
         order web #1 MUG:2   => #1 ready, #1 leaves pending:2
         allocate #1          => new, #1 leaves main:2, MUG@main 5-2
         allocate #1          => duplicate
         ship #1              => new, MUG 3-0",
    );
}

#[test]
fn what_is_bound_is_set_free_when_it_is_gone_and_finds_another_place() {
    let mut world = check_in(
        by_itself(),
        "count MUG 5 @berlin
         count MUG 5 @paris
         order web #1 to:FR MUG:4   => #1 leaves paris:4
         count MUG 3 @paris         => #1 leaves berlin:1 paris:3
         count MUG 0 @paris         => #1 leaves berlin:4
         count MUG 3 @berlin        => #1 short, #1 leaves berlin:3
         count MUG 2 @shop          => #1 ready, #1 leaves berlin:3 shop:1
         order till #2 MUG:2        => #1 short, #1 leaves berlin:3
         count MUG 9 @berlin        => #1 ready, #1 leaves berlin:4",
    );
    world.decide(&transfer(6, "berlin", "paris", true));
    world.expect("refused: only 5 of MUG at berlin are not promised to orders, not 6");
    world.decide(&transfer(5, "berlin", "paris", true));
    check_in(
        world,
        "unallocate #1              => new, #1 leaves pending:4
         count MUG 8 @paris         => #1 leaves pending:4
         allocate #1                => new, #1 leaves paris:4
         allocate #1 @berlin        => new, #1 leaves berlin:4, MUG@paris 8-0
         allocate #1 @berlin        => duplicate",
    );
}

#[test]
fn a_place_is_taken_only_if_all_others_still_fit() {
    let world = check_in(
        four(),
        "count MUG 2 @berlin
         count MUG 2 @paris
         order market #1 MUG:1
         order web #2 to:DE MUG:2
         allocate #2 @berlin       => refused: only 1 of MUG at berlin can leave for this order",
    );
    check_said(
        &world,
        "#2",
        "paris: it can send all of it in one parcel
         berlin: it can send only 1 of the 2 MUG
         shop: nothing of MUG is free there
         fba: it does not serve web",
    );
    let world = check_in(world, "order market #3 MUG:1");
    check_said(
        &world,
        "#2",
        "paris: no other location can send any of it
         berlin: what is free of MUG there is needed by other orders, which can leave from nowhere else
         shop: nothing of MUG is free there
         fba: it does not serve web",
    );
    check_in(
        world,
        "allocate #2               => new, #2 leaves paris:2
         allocate #1               => new, #1 leaves berlin:1
         allocate #3 @paris        => refused: paris does not serve market
         allocate #3 @fba          => refused: choose a location of your own
         allocate #3 @moon         => refused: there is no location moon
         allocate #3 line 7        => refused: has no line 7
         allocate #3 line 1        => new, #3 leaves berlin:1
         ship #3                   => new, MUG@berlin 1-1
         allocate #3               => refused: that was asked for is promised
         unallocate #3             => duplicate
         count MUG 4 @fba
         order market #5 MUG:1
         allocate #5               => refused: no location can send any
         unallocate #1 line 1      => new, #1 leaves pending:1",
    );
}

#[test]
fn what_ships_last_and_what_is_sold_over_the_counter() {
    let world = check_in(
        four(),
        "count MUG 2 @berlin
         count MUG 2 @paris
         count MUG 9 @shop
         order web #1 to:DE MUG:3
         order web #2 to:DE MUG:5",
    );
    check_said(
        &world,
        "#1",
        "berlin: no location can send all of it, and 2 parcels are the fewest
         paris: no location can send all of it, and 2 parcels are the fewest
         shop: it ships only when the others together cannot
         fba: it does not serve web",
    );
    check_said(
        &world,
        "#2",
        "shop: the locations that would come before it cannot send all of it
         berlin: it can send only 2 of the 5 MUG
         paris: it can send only 2 of the 5 MUG
         fba: it does not serve web",
    );
}

#[test]
fn the_admin_says_what_counts() {
    let mut world = check_in(
        four(),
        "count MUG 5 @berlin
         count MUG 5 @paris
         count MUG 5 @shop
         order web #1 to:FR MUG:3
         order web #2 to:AT MUG:3
         order web #3 MUG:3",
    );
    check_said(
        &world,
        "#1",
        "paris: it is in the country that the order goes to, and berlin is not
         berlin: it is not in the country that the order goes to, and paris is
         shop: it ships only when the others together cannot
         fba: it does not serve web",
    );
    check_said(
        &world,
        "#2",
        "berlin: it is nearer to where the order goes than paris
         paris: berlin is nearer to where the order goes
         shop: it ships only when the others together cannot
         fba: it does not serve web",
    );
    check_said(
        &world,
        "#3",
        "berlin: its priority comes before that of paris
         paris: the priority of berlin comes before its own
         shop: it ships only when the others together cannot
         fba: it does not serve web",
    );
    world.allocation.prefer = Vec::new();
    check_said(
        &world,
        "#1",
        "berlin: it is declared before paris
         paris: berlin is declared before it
         shop: berlin is declared before it
         fba: it does not serve web",
    );
    world.allocation.prefer = vec![Criterion::SameCountry, Criterion::FewestSplits];
    let world = check_in(world, "count MUG 2 @paris");
    check_said(
        &world,
        "#1",
        "berlin: the locations that would come before it cannot send all of it
         paris: it can send only 2 of the 3 MUG
         shop: berlin is declared before it
         fba: it does not serve web",
    );
}

#[test]
fn what_a_kit_holds_leaves_together_where_it_can() {
    check_in(
        by_itself(),
        "count MUG 4 @berlin
         count PLATE 4 @paris
         count MUG 2 @shop
         count PLATE 1 @shop
         order web #1 SET:1       => #1 ready, #1 leaves shop:3
         order web #2 SET:1       => #2 ready, #2 leaves berlin:2 paris:1
         ship #1                  => new, MUG@shop 0-0, PLATE@shop 0-0
         ship #2                  => new, MUG@berlin 2-0, PLATE@paris 3-0",
    );
}

#[test]
fn a_parcel_holds_what_leaves_from_there() {
    check_in(
        by_itself(),
        "count MUG 2 @berlin
         count PLATE 2 @paris
         order web #1 MUG:2 PLATE:1  => #1 leaves berlin:2 paris:1
         ship #1 @paris              => new, #1 part_shipped, #1 leaves berlin:2
         ship #1 @berlin             => new, #1 shipped
         count MUG 1 @shop
         order web #3 MUG:1          => #3 leaves shop:1
         count MUG 1 @berlin         => #3 leaves shop:1
         ship #3 @berlin             => new, #3 shipped, MUG@shop 1-0, MUG@berlin 0-0",
    );
}

#[test]
fn the_fewest_parcels_are_found_also_where_the_largest_part_misleads() {
    // Taking what has most first would need three.
    let mut world = four();
    world.allocation.prefer = vec![Criterion::FewestSplits];
    check_in(
        world,
        "count MUG 3 @berlin
         count PLATE 3 @paris
         count MUG 2 @shop
         count PLATE 2 @shop
         order web #1 MUG:3 PLATE:3
         allocate #1                 => new, #1 leaves berlin:3 paris:3",
    );
}

#[test]
fn as_many_locations_as_may_be_declared_are_no_trouble() {
    let mut world = World::new();
    let names: Vec<String> = (0..LOCATIONS_MAX)
        .map(|index| format!("p{index}"))
        .collect();
    let declared = names.iter().map(|name| location(name, 1, None));
    world.locations = Locations::new(declared.collect());
    for name in &names {
        world.act(&format!("count MUG 1 @{name}"));
        world.act(&format!("count PLATE 1 @{name}"));
    }
    // One unit at each: the more is wanted, the more parcels there are.
    world.act("order web #1 MUG:30 PLATE:30 SET:10");
    world.act("allocate #1");
    world.expect("new");
    assert_eq!(world.leaves("#1").len(), 50);
}

fn any_act() -> impl Strategy<Value = String> {
    let place = || prop::sample::select(vec!["berlin", "paris", "shop", "fba"]);
    let name = || prop::sample::select(vec!["#1", "#2", "#3", "#4"]);
    let item = prop::sample::select(vec!["MUG", "PLATE", "SET", "WRAP"]);
    let good = prop::sample::select(vec!["MUG", "PLATE"]);
    let state = prop::sample::select(vec!["", "unpaid", "canceled", "to:FR"]);
    let order = (name(), 1..6_u8, state, item, 1..5_u8, 0..3_u8);
    prop_oneof![
        2 => (good, 0..7_u8, place()).prop_map(|(good, units, at)| format!("count {good} {units} @{at}")),
        4 => order.prop_map(|(name, version, state, item, units, shipped)| {
            let account = match name {
                "#1" | "#2" => "web",
                "#3" => "market",
                _ => "till",
            };
            let shipped = shipped.min(units).saturating_sub(1);
            format!("order {account} {name} v{version} {state} {item}:{units}/shipped{shipped}")
        }),
        1 => (name(), place()).prop_map(|(name, at)| format!("known allocate {name} @{at}")),
        1 => name().prop_map(|name| format!("known allocate {name}")),
        1 => name().prop_map(|name| format!("known unallocate {name}")),
        1 => name().prop_map(|name| format!("known ship {name}")),
        1 => (name(), place()).prop_map(|(name, at)| format!("known ship {name} @{at}")),
        1 => name().prop_map(|name| format!("known hold {name} drop")),
        1 => name().prop_map(|name| format!("known release {name}")),
        1 => (1..4_i64, place(), place()).prop_map(|(units, from, to)| format!("move {units} {from} {to}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// No sequence binds what is not there, or leaves a pending unit without a place: `World::decide`
    /// checks both. Where places are chosen by themselves, what can be shipped and placed is.
    #[test]
    fn no_sequence_binds_what_others_need(
        acts in prop::collection::vec(any_act(), 1..40),
        is_by_hand in any::<bool>(),
    ) {
        let mut world = if is_by_hand { four() } else { by_itself() };
        for act in &acts {
            match act.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["known", what, name, rest @ ..] if world.names.contains_key(*name) => {
                    world.act(&[&[*what, *name], rest].concat().join(" "));
                }
                ["known", ..] => {}
                ["move", units, from, to] => world.decide(&transfer(number(units), from, to, true)),
                _ => world.act(act),
            }
            if is_by_hand {
                continue;
            }
            for (name, id) in &world.names {
                let order = &world.book.orders[id];
                let is_left_alone = order.unplaced_by.is_some();
                let is_ready = order.phase(world.book.is_short(order)).word() == "ready";
                if !is_ready || is_left_alone {
                    continue;
                }
                let said = world.said(name);
                let is_waiting = world.leaves(name).iter().any(|at| at.starts_with("pending"));
                let terms = Terms {
                    locations: &world.locations,
                    home: &world.locations.home(),
                    prefer: &world.allocation.prefer,
                };
                let plan = allocation::plan(&world.book, order, Ask::default(), terms);
                prop_assert!(!is_waiting || plan.parts.is_empty(), "{name} after {act}: {said}");
            }
        }
    }

    /// Against all ways to give one order's units places: as many are placed as can be, from as few
    /// locations as can be.
    #[test]
    fn as_many_are_placed_as_can_be_from_as_few_locations(
        mugs in prop::collection::vec(0..4_i64, 3),
        plates in prop::collection::vec(0..4_i64, 3),
        (wants_mugs, wants_plates) in (0..6_i64, 0..6_i64),
        others in 0..3_i64,
    ) {
        let mut world = four();
        world.allocation.prefer = vec![Criterion::FewestSplits];
        let at = ["berlin", "paris", "shop"];
        for ((place, mugs), plates) in at.iter().zip(&mugs).zip(&plates) {
            world.act(&format!("count MUG {mugs} @{place}"));
            world.act(&format!("count PLATE {plates} @{place}"));
        }
        // The market is served from berlin alone.
        let others = others.min(mugs[0]);
        if others > 0 {
            world.act(&format!("order market #9 MUG:{others}"));
        }
        world.act(&format!("order web #1 MUG:{wants_mugs} PLATE:{wants_plates}"));
        world.act("allocate #1");
        let free = [mugs[0] - others, mugs[1], mugs[2]];
        let most = |of: &[i64], group: u32, wanted: i64| {
            let there = of.iter().enumerate().filter(|(index, _)| group & (1 << index) != 0);
            there.map(|(_, units)| *units).sum::<i64>().min(wanted)
        };
        let (all_mugs, all_plates) = (most(&free, 7, wants_mugs), most(&plates, 7, wants_plates));
        let does = |group: &u32| {
            most(&free, *group, wants_mugs) == all_mugs && most(&plates, *group, wants_plates) == all_plates
        };
        let fewest = (0..8_u32).filter(does).map(u32::count_ones).min().unwrap_or(0);
        let leaves = world.leaves("#1");
        let placed: Vec<&String> = leaves.iter().filter(|at| !at.starts_with("pending")).collect();
        let units: i64 = placed.iter().map(|at| number(at.split_once(':').expect("a sum").1)).sum();
        prop_assert_eq!(units, all_mugs + all_plates, "{:?}", leaves);
        prop_assert_eq!(u32::try_from(placed.len()), Ok(fewest), "{:?} of {:?} {:?}", leaves, free, plates);
    }
}
