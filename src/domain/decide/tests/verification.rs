//! What is looked at in each order: sums, addresses, and whether somebody ordered twice.

use super::{
    reports::{eur, line_snapshot, order_snapshot},
    world::World,
    *,
};
use crate::{
    Decimal,
    risk::Risk,
    signal::Source,
    snapshot::{Address, OrderSnapshot, PaymentState, Standing, Version},
    verify::{Bought, Checks, Gist, Sum, add_up, is_alike},
};

/// Lines, shipping, discount, tax, total: what is told, in cents.
fn view(lines: &[i64], shipping: i64, discount: i64, tax: i64, total: i64) -> OrderSnapshot {
    let mut view = order_snapshot("#1");
    let line = |total: &i64| {
        let mut line = line_snapshot("MUG:1", false);
        line.total = eur(*total);
        line
    };
    view.lines = lines.iter().map(line).collect();
    view.shipping = eur(shipping);
    view.discount = eur(discount);
    view.tax = eur(tax);
    view.total = eur(total);
    view.extra = Some(eur(0));
    view
}

#[test]
fn sums_fit_by_one_of_the_two_ways_in_which_channels_tell_tax() {
    for (lines, shipping, discount, tax, total) in [
        // Tax on top, as WooCommerce tells it.
        (&[1074][..], 1000, 0, 184, 2258),
        (&[4904], 0, 0, 435, 5339),
        // Tax within, as Square and a till tell it.
        (&[3570, 2000], 490, 0, 890, 6060),
        // A discount that is in the lines already, and one on shipping, as eBay tells them.
        (&[1800, 1000], 500, 300, 240, 3440),
        // A discount that is not in the lines.
        (&[1000], 0, 200, 0, 800),
        // Each amount was rounded for itself.
        (&[333, 333, 333], 0, 0, 0, 1000),
        (&[0], 0, 0, 0, 0),
    ] {
        let view = view(lines, shipping, discount, tax, total);
        assert_eq!(
            add_up(&view),
            Sum::Fits,
            "{lines:?} {shipping} {discount} {tax} {total}"
        );
    }
}

#[test]
fn a_sum_that_fits_in_neither_way_says_by_how_much() {
    for (lines, shipping, discount, tax, total, said) in [
        (
            &[5000][..],
            400,
            0,
            0,
            5000,
            "lines, shipping and discount make 54.00 EUR, and the total is 50.00 EUR: 4.00 EUR less",
        ),
        (
            &[5000],
            400,
            0,
            1026,
            8000,
            "lines, shipping and discount make 54.00 EUR, with tax on top 64.26 EUR, and the total is \
             80.00 EUR: 15.74 EUR more",
        ),
        (
            &[5000],
            0,
            500,
            0,
            4400,
            "lines, shipping and discount make 45.00 EUR, and the total is 44.00 EUR: 1.00 EUR less",
        ),
        // To the minor unit, where nothing was rounded.
        (
            &[5000],
            0,
            0,
            0,
            4999,
            "lines, shipping and discount make 50.00 EUR, and the total is 49.99 EUR: 0.01 EUR less",
        ),
    ] {
        let view = view(lines, shipping, discount, tax, total);
        match add_up(&view) {
            Sum::Differs(difference) => assert_eq!(difference.to_string(), said),
            other => panic!("{said}: {other:?}"),
        }
    }
}

#[test]
fn what_a_channel_does_not_tell_is_not_held_against_an_order() {
    let wrong = view(&[5000], 0, 0, 0, 1);
    assert!(matches!(add_up(&wrong), Sum::Differs(_)));
    let mut parts_are_missing = wrong.clone();
    parts_are_missing.extra = None;
    let mut is_canceled = wrong.clone();
    is_canceled.standing = Standing::Canceled;
    let mut is_refunded = wrong.clone();
    is_refunded.refunded = wrong.total;
    let mut is_edited = wrong.clone();
    is_edited.lines[0].canceled = Decimal::whole(1);
    for view in [parts_are_missing, is_canceled, is_refunded, is_edited] {
        assert_eq!(add_up(&view), Sum::Unknown);
    }
}

fn address(postal_code: &str) -> Address {
    Address {
        name: "Ada Example".to_owned(),
        street: vec!["Example Street 1".to_owned()],
        city: "Berlin".to_owned(),
        postal_code: postal_code.to_owned(),
        country: "DE".to_owned(),
        ..Address::default()
    }
}

/// One mug for ten euros that goes to an address, in the channel's so-manyth view.
fn mug(revision: i64, ship_to: Option<Address>) -> OrderSnapshot {
    let mut view = order_snapshot("#1");
    view.version = Version {
        revision,
        changed_at: view.version.changed_at,
    };
    view.lines = vec![line_snapshot("MUG:1", false)];
    view.ship_to = ship_to;
    view.extra = Some(eur(0));
    view
}

fn see(world: &mut World, view: &OrderSnapshot) {
    world.decide(&Signal::Order {
        account: AccountId::new("web"),
        snapshot: Box::new(view.clone()),
        source: Source::Read,
    });
}

/// The reasons for which an order is held.
fn held(world: &World) -> Vec<String> {
    let order = &world.book.orders[&world.id("#1")];
    order
        .active_holds()
        .map(|hold| hold.reason.clone())
        .collect()
}

fn world() -> World {
    let mut world = World::new();
    world.act("count MUG 10");
    world
}

#[test]
fn an_address_that_lacks_something_holds_until_the_channel_mends_it() {
    let mut world = world();
    see(&mut world, &mug(1, Some(address("1011"))));
    world.expect("#1 held");
    let said = "it cannot be sent there: the address has a postal code that its country does not have; correct \
                it on the channel, or release it";
    assert_eq!(held(&world), [said]);
    let mut nameless = address("1011");
    nameless.name = String::new();
    see(&mut world, &mug(2, Some(nameless)));
    let said = "it cannot be sent there: the address has no name, a postal code that its country does not have; \
                correct it on the channel, or release it";
    assert_eq!(held(&world), [said], "what is wrong now, and nothing else");
    see(&mut world, &mug(3, Some(address("10115"))));
    world.expect("#1 ready");
    assert_eq!(held(&world), [""; 0]);
    // The stock was kept all the while.
    world.expect("MUG 10-1");
}

#[test]
fn what_a_person_released_is_not_held_again_for_the_same_and_is_for_another() {
    let mut world = world();
    see(&mut world, &mug(1, Some(address("1011"))));
    world.act("release #1");
    world.expect("#1 ready");
    let mut noted = mug(2, Some(address("1011")));
    noted.words.insert("status".to_owned(), "again".to_owned());
    see(&mut world, &noted);
    world.expect("#1 ready");
    see(&mut world, &mug(3, Some(address(""))));
    world.expect("#1 held");
    // What mended itself and broke again is held again.
    see(&mut world, &mug(4, Some(address("10115"))));
    world.expect("#1 ready");
    see(&mut world, &mug(5, Some(address(""))));
    world.expect("#1 held");
}

#[test]
fn a_view_without_people_is_decided_as_the_one_with_them() {
    for code in ["1011", "10115"] {
        let (mut world, mut other) = (world(), self::world());
        let mut view = mug(1, Some(address(code)));
        view.bill_to = Some(address("10115"));
        see(&mut world, &view);
        see(&mut other, &view.without_people());
        assert_eq!(held(&world), held(&other), "{code}");
        let country = |world: &World| world.book.orders[&world.id("#1")].bill_country.clone();
        assert_eq!(country(&world).as_deref(), Some("DE"));
        assert_eq!(country(&other).as_deref(), Some("DE"));
    }
    let view = mug(1, Some(address("1011")));
    let mut looked_at = view.clone();
    looked_at.gist = Some(Gist::default());
    looked_at.extra = None;
    assert_eq!(fingerprint(&view), fingerprint(&looked_at));
}

#[test]
fn without_an_address_only_what_was_paid_to_be_sent_is_held() {
    for (shipping, standing, phase) in [
        (0, Standing::Placed, "ready"),
        (490, Standing::Placed, "held"),
        (490, Standing::Canceled, "canceled"),
    ] {
        let mut world = world();
        let mut view = mug(1, None);
        view.shipping = eur(shipping);
        view.total = eur(1000 + shipping);
        view.standing = standing;
        view.payment = PaymentState::Pending;
        if phase == "ready" {
            view.payment = PaymentState::Paid;
        }
        see(&mut world, &view);
        world.expect(&format!("#1 {phase}"));
    }
}

#[test]
fn sums_that_do_not_fit_hold_until_they_do() {
    let mut world = world();
    let mut view = mug(1, Some(address("10115")));
    view.total = eur(900);
    see(&mut world, &view);
    let said = "its sums do not fit: lines, shipping and discount make 10.00 EUR, and the total is 9.00 EUR: \
                1.00 EUR less; correct it on the channel, or release it";
    assert_eq!(held(&world), [said]);
    // Part of it was given back: nobody can say any more, and it stays for a person.
    let mut refunded = view.clone();
    refunded.version.revision = 2;
    refunded.refunded = eur(100);
    see(&mut world, &refunded);
    assert_eq!(held(&world), [said]);
    see(&mut world, &mug(3, Some(address("10115"))));
    world.expect("#1 ready");
}

#[test]
fn what_its_channel_fears_to_be_fraud_is_held_until_somebody_says_otherwise() {
    let said = |what: &str| {
        format!("its channel fears fraud: {what}; ask the buyer, then release it or cancel it")
    };
    let mut view = mug(1, Some(address("10115")));
    view.risk = Some(Risk::Pending);
    let mut world = world();
    let mut see_risk = |world: &mut World, risk: Option<Risk>| {
        view.version.revision += 1;
        view.risk = risk;
        see(world, &view);
        held(world)
    };
    assert_eq!(see_risk(&mut world, Some(Risk::Pending)), [""; 0]);
    world.expect("#1 ready");
    let investigate = said("it would look at the order");
    assert_eq!(see_risk(&mut world, Some(Risk::Medium)), [investigate]);
    // It takes that back, and fears worse later.
    assert_eq!(see_risk(&mut world, Some(Risk::Low)), [""; 0]);
    let cancel = said("it would cancel the order");
    assert_eq!(see_risk(&mut world, Some(Risk::High)), [cancel]);
    world.expect("#1 held");
    world.act("release #1");
    world.expect("#1 ready");
    assert_eq!(see_risk(&mut world, Some(Risk::High)), [""; 0]);
    let odd = Some(Risk::Unmapped("ODD".to_owned()));
    assert_eq!(see_risk(&mut world, odd).len(), 1);
    assert_eq!(see_risk(&mut world, None), [""; 0]);
}

#[test]
fn each_check_can_be_switched_off_for_an_account() {
    let off = Checks {
        address: false,
        arithmetic: false,
        duplicates: None,
        risk: false,
    };
    let mut wrong = mug(1, Some(address("1011")));
    wrong.total = eur(900);
    wrong.risk = Some(Risk::High);
    let twin = OrderId::next(&mut IdSource::new(Time::EPOCH, [7; 16]));
    wrong.gist = Some(Gist {
        alike: vec![twin],
        ..wrong.gist()
    });
    let mut strict = world();
    see(&mut strict, &wrong);
    assert_eq!(held(&strict).len(), 3);
    let order = &strict.book.orders[&strict.id("#1")];
    assert_eq!(order.alike, [twin]);
    let told = |event: &Event| matches!(event, Event::LooksAlike { other } if *other == twin);
    assert!(strict.book.facts.iter().any(|fact| told(&fact.event)));
    let mut loose = world();
    loose.verify.accounts.insert(AccountId::new("web"), off);
    see(&mut loose, &wrong);
    loose.expect("#1 ready");
    assert!(loose.book.orders[&loose.id("#1")].alike.is_empty());
}

#[test]
fn the_same_things_for_the_same_sum_are_alike_whatever_channels_call_them() {
    let mut world = world();
    see(&mut world, &mug(1, Some(address("10115"))));
    let order = world.book.orders[&world.id("#1")].clone();
    let alike = |view: &OrderSnapshot| is_alike(&Bought::of(view), &order);
    let mut same = mug(1, None);
    same.external_id = ExternalId::new("other");
    same.lines[0].external_id = ExternalId::new("other");
    same.lines[0].sku = Some(" mug ".to_owned());
    same.lines[0].title = "A mug".to_owned();
    assert!(alike(&same));
    let mut dearer = same.clone();
    dearer.total = eur(1001);
    let mut more = same.clone();
    more.lines[0].ordered = Decimal::whole(2);
    let mut another = same.clone();
    another.lines[0].sku = Some("PLATE".to_owned());
    let mut twice = same.clone();
    twice.lines.push(same.lines[0].clone());
    for other in [dearer, more, another, twice] {
        assert!(!alike(&other), "{:?}", other.lines);
    }
    let mut canceled = order.clone();
    canceled.standing = Standing::Canceled;
    assert!(!is_alike(&Bought::of(&same), &canceled));
}
