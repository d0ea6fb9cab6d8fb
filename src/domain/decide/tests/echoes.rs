//! Writes of unknown outcome: what comes of them later is our own echo, and nobody's edit.

use std::time::Duration;

use super::{
    super::*,
    reports::{line_snapshot, order_snapshot},
    world::{World, check, listing_key},
};
use crate::{
    Decimal,
    signal::{Checks, Reading, Source},
    snapshot::{LevelSnapshot, Standing},
};

#[test]
fn a_write_that_came_through_after_all_is_our_echo() {
    // The level that is read next is old, so the write seems not to be done.
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         ambiguous web MUG
         notdone web MUG          => web.MUG believes 13, web.MUG due
         order market #2 MUG:1    => web.MUG 10, web.MUG due
         push web MUG
         conflict web MUG 11      => web.MUG believes 13
         level web MUG 11 confirm => new, no drift, web.MUG believes 11, web.MUG due, MUG 13-3
         push web MUG
         applied web MUG          => web.MUG settled, web.MUG believes 10",
    );
}

#[test]
fn a_write_whose_answer_nobody_was_there_to_hear_may_have_worked() {
    // The process dies after it was sent, and another number is wanted when the next one looks.
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         order market #2 MUG:1    => web.MUG 10
         push web MUG
         conflict web MUG 11      => web.MUG believes 13
         level web MUG 11 confirm => new, no drift, web.MUG believes 11, web.MUG due, MUG 13-3",
    );
}

#[test]
fn a_write_that_the_channel_compared_and_refused_leaves_no_echo() {
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         order market #2 MUG:1    => web.MUG 10
         conflict web MUG 11 surely => web.MUG believes 13
         level web MUG 11 confirm => drift web.MUG, MUG 13-3",
    );
    // But an earlier try that nobody heard of may have been carried out.
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         order market #2 MUG:1    => web.MUG 10
         push web MUG
         conflict web MUG 11 surely => web.MUG believes 13
         level web MUG 11 confirm => no drift, web.MUG believes 11",
    );
}

#[test]
fn what_the_channel_sold_after_such_a_write_is_taken_off_the_echo() {
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         ambiguous web MUG
         order web #2 MUG:3       => web.MUG 8, web.MUG believes 10
         notdone web MUG
         order market #3 MUG:1    => web.MUG 7
         push web MUG
         conflict web MUG 8       => web.MUG believes 10
         level web MUG 8 confirm  => no drift, web.MUG believes 8, web.MUG due, MUG 13-6",
    );
}

#[test]
fn what_the_channel_sold_before_the_answer_failed_to_come_is_taken_off_too() {
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         order web #2 MUG:1       => web.MUG 10, web.MUG believes 12
         ambiguous web MUG
         notdone web MUG
         order market #3 MUG:1    => web.MUG 9
         push web MUG
         conflict web MUG 10
         level web MUG 10 confirm => no drift, web.MUG believes 10, web.MUG due, MUG 13-4",
    );
}

#[test]
fn an_owner_of_the_stock_is_not_believed_about_our_own_write() {
    check(
        "owner web
         count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         ambiguous web MUG
         notdone web MUG
         order market #2 MUG:1    => web.MUG 10
         push web MUG
         conflict web MUG 11
         level web MUG 11 confirm => no drift, MUG 13-3, web.MUG 10, web.MUG due",
    );
}

#[test]
fn a_write_that_is_found_with_sales_since_is_settled_by_what_is_shown() {
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         ambiguous web MUG
         order web #2 MUG:3       => web.MUG 8, web.MUG believes 10
         found web MUG 8          => web.MUG believes 8, web.MUG settled
         level web MUG 8 confirm  => no drift",
    );
}

#[test]
fn an_echo_is_no_excuse_for_what_comes_after_it() {
    // Once a later write is certain, and an hour later at the latest, the same number is somebody's edit.
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         ambiguous web MUG
         notdone web MUG
         order market #2 MUG:1    => web.MUG 10
         push web MUG
         applied web MUG          => web.MUG settled
         level web MUG 11 confirm => drift web.MUG, web.MUG due",
    );
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         ambiguous web MUG
         notdone web MUG
         order market #2 MUG:1    => web.MUG 10
         push web MUG
         conflict web MUG 11
         after 3601
         level web MUG 11 confirm => drift web.MUG, web.MUG due",
    );
}

/// A world in which ten are shown since a time, and a sale of one whose own time is that far from it.
fn sold_around(seconds: i64) -> World {
    let mut world = World::new();
    world.act("owner web");
    world.act("count MUG 10");
    world.act("level web MUG 10 before");
    let told_at = world.book.offers[&listing_key("web.MUG")].believed;
    let told_at = told_at.expect("it was read").at;
    let mut snapshot = order_snapshot("#1");
    let apart = Duration::from_secs(seconds.unsigned_abs());
    snapshot.version.changed_at = match seconds < 0 {
        true => told_at.minus(apart),
        false => told_at.plus(apart),
    };
    snapshot.lines.push(line_snapshot("MUG:1", false));
    world.decide(&Signal::Order {
        account: AccountId::new("web"),
        snapshot: Box::new(snapshot),
        source: Source::Read,
    });
    world.act("order market #2 MUG:1");
    world
}

#[test]
fn a_sale_in_the_second_of_our_last_look_may_be_in_the_level_or_not() {
    // The time of an order is a whole second, so one that came after our look seems to come before it.
    for (seconds, shown) in [(-1, 9), (-1, 10), (0, 9), (0, 10), (1, 10), (119, 10)] {
        let mut world = sold_around(seconds);
        world.act(&format!("level web MUG {shown} confirm"));
        world.expect("MUG 10-2");
        world.expect("no drift");
        world.expect(&format!("web.MUG believes {shown}"));
    }
    // Long before it, there is no doubt, and the owner of the stock is taken at its word.
    let mut world = sold_around(-121);
    world.act("level web MUG 9 confirm");
    world.expect("MUG 9-2");
}

#[test]
fn a_sale_between_a_write_and_its_answer_may_have_come_after_it() {
    check(
        "owner web
         count MUG 10
         level web MUG 10 before
         order market #1 MUG:1    => web.MUG 9
         push web MUG
         order web #2 MUG:1       => web.MUG 8
         applied web MUG
         order market #3 MUG:1    => web.MUG 7, web.MUG due
         level web MUG 8 confirm  => no drift, MUG 10-3, web.MUG believes 8, web.MUG due",
    );
}

/// A sale of two, canceled a while later and known only then, of which the channel says no more than that
/// it took nothing off: ten were written so many seconds after the sale.
fn sold_and_canceled_unseen(seconds: i64) -> World {
    let mut world = World::new();
    world.act("owner web");
    world.act("count MUG 10");
    world.act("level web MUG 10 before");
    let told_at = world.book.offers[&listing_key("web.MUG")].believed;
    let told_at = told_at.expect("it was read").at;
    let mut snapshot = order_snapshot("#1");
    let apart = Duration::from_secs(seconds.unsigned_abs());
    snapshot.placed_at = match seconds < 0 {
        true => told_at.plus(apart),
        false => told_at.minus(apart),
    };
    snapshot.version.changed_at = snapshot.placed_at.plus(Duration::from_secs(600));
    snapshot.standing = Standing::Canceled;
    let mut line = line_snapshot("MUG:2", false);
    line.subtracted = Decimal::ZERO;
    snapshot.lines.push(line);
    world.decide(&Signal::Order {
        account: AccountId::new("web"),
        snapshot: Box::new(snapshot),
        source: Source::Read,
    });
    world.act("order market #2 MUG:1");
    world
}

#[test]
fn units_that_came_back_of_an_order_that_nobody_saw_are_no_edit() {
    for (seconds, shown) in [(300, 12), (300, 10), (-119, 12), (719, 12), (300, 11)] {
        let mut world = sold_and_canceled_unseen(seconds);
        world.act(&format!("level web MUG {shown} confirm"));
        world.expect("MUG 10-1");
        world.expect("no drift");
        world.expect(&format!("web.MUG believes {shown}"));
    }
    // Before the sale or after its end, or by more than it was of, it is what somebody did.
    for (seconds, shown) in [(-121, 12), (721, 12), (300, 13), (300, 8)] {
        let mut world = sold_and_canceled_unseen(seconds);
        world.act(&format!("level web MUG {shown} confirm"));
        world.expect(&format!("MUG {shown}-1"));
    }
}

#[test]
fn units_that_came_and_went_unseen_are_told_to_whoever_compares_two_moments() {
    let key = (AccountId::new("web"), "MUG".parse().expect("a SKU"));
    let world = sold_and_canceled_unseen(300);
    let taken = world.book.taken[&key];
    assert_eq!(
        (taken.passed, taken.subtracted),
        (Quantity::of(2), Quantity::ZERO)
    );
    let mut world = World::new();
    world.act("count MUG 10");
    world.act("order web #1 MUG:2");
    world.act("order web #1 MUG:2 canceled");
    assert_eq!(world.book.taken[&key].passed, Quantity::ZERO, "it was seen");
}

#[test]
fn an_order_that_is_gone_may_have_given_its_units_back_before() {
    for shown in [8, 10] {
        check(&format!(
            "owner web
             count MUG 10
             level web MUG 10 before
             order web #1 MUG:2
             gone web #1
             order market #2 MUG:1
             level web MUG {shown} confirm => no drift, MUG 10-1, web.MUG believes {shown}"
        ));
    }
    check(
        "owner web
         count MUG 10
         level web MUG 10 before
         order web #1 MUG:2
         gone web #1
         order market #2 MUG:1
         level web MUG 11 confirm => MUG 13-1",
    );
}

#[test]
fn a_sale_that_was_known_while_the_first_level_was_asked_for_may_not_be_in_it() {
    let first = |asked_later: bool| {
        let mut world = World::new();
        world.act("owner web");
        world.act("count MUG 10");
        world.act("order web #1 MUG:2");
        let (key, known_at) = (listing_key("web.MUG"), Time::from_seconds(world.now));
        let second = Duration::from_secs(1);
        world.decide(&Signal::Levels {
            account: key.0.clone(),
            levels: vec![LevelSnapshot {
                listing: key.1.clone(),
                level: Some(Decimal::whole(10)),
                changed_at: None,
            }],
            read_at: match asked_later {
                true => known_at.plus(second),
                false => known_at.minus(second),
            },
            reading: Reading::BeforePush,
            checks: Checks::default(),
        });
        world.act("order market #2 MUG:1");
        world
    };
    let mut world = first(false);
    world.act("level web MUG 8 confirm");
    world.expect("MUG 10-3");
    world.expect("no drift");
    let mut world = first(true);
    world.act("level web MUG 8 confirm");
    world.expect("MUG 8-3");
}

#[test]
fn a_level_that_was_asked_for_before_we_wrote_is_no_news() {
    let mut world = World::new();
    for act in [
        "count MUG 10",
        "level web MUG 10 before",
        "order market #1 MUG:1",
        "push web MUG",
        "applied web MUG",
    ] {
        world.act(act);
    }
    let key = listing_key("web.MUG");
    let told_at = world.book.offers[&key].believed.expect("it was told").at;
    world.decide(&Signal::Levels {
        account: key.0.clone(),
        levels: vec![LevelSnapshot {
            listing: key.1.clone(),
            level: Some(Decimal::whole(10)),
            changed_at: None,
        }],
        read_at: told_at.minus(Duration::from_millis(1)),
        reading: Reading::Confirm,
        checks: Checks::default(),
    });
    for row in [
        "duplicate",
        "no drift",
        "web.MUG believes 9",
        "web.MUG settled",
    ] {
        world.expect(row);
    }
}
