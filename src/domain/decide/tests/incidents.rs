//! Tables of incidents: when they open and why, who gives way, and how they end.

use super::{
    reports::eur,
    world::{World, number},
    *,
};
use crate::incident::Way;

fn check(table: &str) {
    super::world::check(table);
}

#[test]
fn what_is_short_is_an_incident_until_it_is_covered() {
    check(
        "count MUG 10
         order web #1 MUG:8       => #1 ready
         order market #2 MUG:5    => #2 short, #2 lacks 3, #2 incident late_news
         order market #2 v2 MUG:6 => #2 lacks 4, #2 incident late_news
         adjust MUG 2             => #2 lacks 2, #2 incident late_news
         resolve #2 wait          => new, #2 incident late_news, #2 chose wait
         resolve #2 wait          => duplicate
         adjust MUG 2             => #2 ready, #2 over covered
         resolve #2 wait          => refused: is over",
    );
}

#[test]
fn an_incident_ends_with_the_wish_for_the_units() {
    check(
        "count MUG 1
         order web #1 MUG:2                  => #1 incident late_news
         order web #1 v2 MUG:2/canceled1     => #1 ready, #1 over canceled
         order web #1 v3 MUG:3               => #1 incident late_push
         order web #1 v4 canceled refunded MUG:3 => #1 canceled, #1 over canceled
         order web #2 unpaid MUG:3           => #2 incident late_news
         expire #2                           => #2 over expired
         order web #2 v2 MUG:3               => #2 short, #2 lacks 2, #2 incident unknown
         hold #2 drop                        => #2 over held
         release #2                          => #2 lacks 2, #2 incident unknown
         order web #2 v3 MUG:3/shipped3      => #2 shipped, #2 over shipped",
    );
}

#[test]
fn what_never_had_units_does_not_come_back_for_them() {
    check(
        "count MUG 1
         order web #1 MUG:1                  => #1 ready
         order market #2 MUG:1               => #2 short, #2 incident late_news
         hold #2 drop                        => #2 over held
         release #2                          => #2 lacks 1, #2 incident late_news
         order market #3 unpaid MUG:1        => #3 lacks 1, #3 incident late_news
         expire #3                           => #3 over expired
         order market #3 v2 MUG:1            => #3 lacks 1, #3 incident late_news
         hold #1 drop                        => #2 ready, #1 held
         release #1                          => #1 lacks 1, #1 incident came_back",
    );
}

#[test]
fn who_loses_units_has_an_incident_that_says_so() {
    check(
        "count MUG 3
         order web #1 MUG:1
         order market #2 MUG:2    => MUG 3-3
         order till #3 MUG:1      => #2 short, #2 incident gave_way, #1 ready
         count MUG 0              => #1 incident gave_way, #2 incident gave_way, #2 lacks 2",
    );
}

#[test]
fn a_sale_during_the_push_is_explained_by_it() {
    // An edit is newer than everything, and so is bought after the level should have fallen.
    check(
        "count MUG 10
         level market MUG 10 before
         order market #1 MUG:1    => market.MUG settled
         order web #2 MUG:9       => market.MUG 0, market.MUG due
         order market #1 v2 MUG:5 => #1 lacks 4, #1 incident late_push",
    );
    check(
        "count MUG 10
         level market MUG 10 before
         order market #1 MUG:1
         order web #2 MUG:9
         push market MUG
         applied market MUG       => market.MUG settled
         order market #1 v2 MUG:5 => #1 lacks 4, #1 incident beyond_shown",
    );
}

#[test]
fn a_sale_that_was_read_as_a_level_before_it_was_known_is_explained_by_the_push_too() {
    let mut world = World::new();
    world.placed_ago = Some(15);
    for act in [
        "count MUG 3",
        "level market MUG 3 compare",
        "order web #1 MUG:2",
        "level market MUG 1 confirm",
        "order market #2 MUG:2",
    ] {
        world.act(act);
    }
    world.expect("#2 lacks 1");
    world.expect("#2 incident late_push");
    // It was bought after the level agreed: nothing of ours explains it.
    let mut world = World::new();
    for act in [
        "count MUG 3",
        "level market MUG 3 compare",
        "order web #1 MUG:2",
        "level market MUG 1 confirm",
        "after 60",
    ] {
        world.act(act);
    }
    world.placed_ago = Some(15);
    world.act("order market #2 MUG:2");
    world.expect("#2 incident beyond_shown");
}

#[test]
fn a_sale_of_a_level_that_the_breaker_held_is_explained_by_that() {
    let mut world = World::new();
    for act in [
        "count MUG 10",
        "level web MUG 10 compare",
        "weigh web writes MUG PLATE X",
        "count MUG 0",
        "push web MUG",
    ] {
        world.act(act);
    }
    world.expect("web.MUG held");
    world.placed_ago = Some(0);
    world.act("order web #1 MUG:1");
    world.expect("#1 incident late_push");
}

#[test]
fn a_kit_of_which_a_part_was_never_counted_is_no_incident() {
    let mut world = World::new();
    for act in ["count MUG 9", "order web #1 SET:1"] {
        world.act(act);
    }
    assert!(world.book.incidents.is_empty());
    check(
        "count MUG 9
         count PLATE 0
         order web #1 SET:1       => #1 short, #1 incident late_news",
    );
}

#[test]
fn what_was_never_counted_is_no_incident() {
    let mut world = World::new();
    world.act("order web #1 MUG:2");
    world.expect("#1 short");
    assert!(world.book.incidents.is_empty());
    world.act("count MUG 1");
    world.expect("#1 incident unknown");
    assert_eq!(world.book.incidents.len(), 1);
}

#[test]
fn a_kit_is_missed_by_its_components() {
    let mut world = World::new();
    for act in ["count MUG 10", "count PLATE 1", "order web #1 SET:3"] {
        world.act(act);
    }
    let missing: Vec<(String, i64)> = world
        .book
        .incidents
        .values()
        .map(|incident| (incident.sku.to_string(), incident.missing.units()))
        .collect();
    assert_eq!(missing, [("MUG".to_owned(), 4), ("PLATE".to_owned(), 2)]);
    world.act("count PLATE 3");
    assert!(world.book.incidents.values().all(|i| i.closed_at.is_some()));
}

#[test]
fn a_person_may_give_units_of_a_younger_unpaid_order_to_an_older_one() {
    check(
        "count MUG 4
         order market #2 MUG:1           => MUG 4-1
         order web #3 unpaid MUG:3       => MUG 4-4
         order web #1 MUG:2              => #1 short, #1 lacks 2
         resolve #1 take #1              => refused: the order that lacks them
         resolve #1 take #2              => refused: younger and not paid
         resolve #1 take #3              => new, #1 ready, #1 over covered, #1 chose take_from, MUG 4-4
         resolve #1 take #3              => refused: is over",
    );
    check(
        "count MUG 4
         order web #3 unpaid MUG:3
         order web #1 MUG:2              => #1 lacks 1
         resolve #1 take #3              => #1 ready, #3 lacks 1, #3 short, #3 incident gave_way
         resolve #3 take #1              => refused: younger and not paid
         expire #3                       => #3 over expired, MUG 4-2",
    );
    check(
        "count MUG 1
         order web #1 MUG:2              => #1 lacks 1
         order web #2 unpaid PLATE:1
         resolve #1 take #2              => refused: was promised none",
    );
}

#[test]
fn canceling_is_wished_on_the_channel_and_ends_when_it_is_done_there() {
    check(
        "count MUG 1
         order web #1 MUG:2              => #1 lacks 1
         resolve #1 units 9900           => refused: at most
         resolve #1 units 500            => new, intents 1, #1 incident late_news, #1 chose cancel_units
         order web #1 v2 MUG:2/canceled1 => #1 ready, #1 over canceled
         order web #2 MUG:2              => #2 lacks 2
         resolve #2 units 500            => refused: cancel the order
         resolve #2 cancel_order         => new, intents 2, #2 chose cancel_order
         resolve #2 cancel_order         => refused: under way
         order web #2 v2 canceled refunded MUG:2 => #2 over canceled
         order web #3 unpaid PLATE:1 MUG:1
         count PLATE 1
         resolve #3 units 500            => refused: nothing was paid
         resolve #3 substitute           => new, intents 2, #3 chose substitute",
    );
}

#[test]
fn a_way_that_nothing_is_there_for_is_not_noted() {
    check(
        "count MUG 1
         order web #1 MUG:2              => #1 lacks 1
         resolve #1 transfer             => refused: has free units
         resolve #1 sort                 => refused: wait for a check
         resolve #1 split                => new, #1 chose split
         resolve #1 split                => duplicate
         order web #2 MUG:2              => #2 lacks 2
         resolve #2 split                => refused: all of the order is missing",
    );
}

#[test]
fn every_step_is_in_the_timeline() {
    let mut world = World::new();
    let mut told: Vec<&str> = Vec::new();
    for act in [
        "count MUG 1",
        "order web #1 MUG:2",
        "resolve #1 wait",
        "count MUG 2",
    ] {
        world.act(act);
        let of_order = world.book.facts.iter().filter(|fact| fact.order.is_some());
        told.extend(of_order.filter_map(|fact| match &fact.event {
            Event::Short { .. } => Some("short"),
            Event::IncidentOpened { .. } => Some("opened"),
            Event::WayChosen { .. } => Some("chosen"),
            Event::IncidentClosed { .. } => Some("closed"),
            Event::Covered { .. } => Some("covered"),
            other => {
                let name = format!("{other:?}");
                assert!(!name.contains("Incident"), "{name}");
                None
            }
        }));
    }
    assert_eq!(told, ["short", "opened", "chosen", "closed", "covered"]);
}

impl World {
    /// The way out of the last incident of an order.
    pub(super) fn resolve_signal(&self, name: &str, way: &[&str]) -> Signal {
        let way = match way {
            ["wait"] => Way::Wait,
            ["substitute"] => Way::Substitute,
            ["transfer"] => Way::Transfer,
            ["sort"] => Way::Sort,
            ["split"] => Way::Split,
            ["cancel_order"] => Way::CancelOrder,
            ["take", from] => Way::TakeFrom {
                order: self.id(from),
            },
            ["units", minor] => Way::CancelUnits {
                amount: eur(number(minor)),
            },
            _ => panic!("way {way:?} means nothing"),
        };
        Signal::Command(Command::ResolveIncident {
            incident: self.incident(name).id,
            way,
            by: "ann".to_owned(),
            note: None,
        })
    }
}
