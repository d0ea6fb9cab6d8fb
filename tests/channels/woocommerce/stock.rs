//! Listings and levels, and what orders do to them.

use channel::{Ack, ChannelError, StockTarget};
use domain::{
    Decimal, ListingId, Money, Time,
    snapshot::{Observation, PaymentState},
};
use sandbox::{
    Act,
    woocommerce::{Options, Unpaid, Version, Woo},
};
use serde_json::{Value, json};

use crate::port::{Fault, Rig, block_on, shop, sku};

use super::{answer, direct, found, https, listing, listings, name, rig, rig_with, verified};

fn target(listing: &ListingId, quantity: &str) -> StockTarget {
    StockTarget {
        listing: listing.clone(),
        quantity: quantity.parse().expect("a decimal"),
        expected: None,
        believed_at: Time::EPOCH,
    }
}

fn push(rig: &Rig, targets: &[StockTarget]) -> Result<Vec<(ListingId, Ack)>, ChannelError> {
    let stock = rig.channel.push_stock().expect("stock");
    block_on(stock.push(targets, "key"))
}

#[test]
fn listings_are_found_by_sku_with_price_and_level() {
    let rig = rig();
    let all = listings(&rig);
    let mut seen: Vec<_> = all
        .iter()
        .map(|listing| {
            let level = listing
                .level
                .map_or("-".to_owned(), |level| level.to_string());
            let price = listing.price.map(Money::amount).unwrap_or_default();
            let form = listing.listing.as_str().contains('/');
            let sku = listing.sku.clone().unwrap_or_default();
            (
                sku,
                listing.title.clone(),
                price,
                level,
                listing.tracked,
                form,
            )
        })
        .collect();
    seen.sort();
    let row = |sku: &str, title: &str, price: &str, level: &str, tracked, form| {
        (
            sku.to_owned(),
            title.to_owned(),
            price.to_owned(),
            level.to_owned(),
            tracked,
            form,
        )
    };
    assert_eq!(
        seen,
        vec![
            row("MUG-1", "Mug", "11.90", "10", true, false),
            row("MUG-2", "Big mug", "14.90", "5", true, false),
            row("SHIRT-M", "SHIRT - Shirt, medium", "25.00", "7", true, true),
            row("SHIRT-S", "SHIRT - Shirt, small", "25.00", "3", true, true),
            row("WRAP", "Gift wrapping", "2.50", "-", false, false),
        ]
    );
    // The currency is asked for once.
    rig.requests();
    listings(&rig);
    assert!(rig.requests().iter().all(|r| !r.contains("settings")));
}

#[test]
fn many_listings_come_in_pages() {
    let mut shop = shop("woo");
    let like = shop.products[0].clone();
    for number in 0..230 {
        shop.products.push(sandbox::Product {
            sku: sku(&format!("MANY-{number:03}")),
            ..like.clone()
        });
    }
    for number in 0..120 {
        shop.products.push(sandbox::Product {
            sku: sku(&format!("SIZE-{number:03}")),
            kind: sandbox::ProductKind::Variation {
                parent: "SIZES".to_owned(),
            },
            ..like.clone()
        });
    }
    let rig = Rig::open("woocommerce", shop);
    let all = listings(&rig);
    let distinct: std::collections::BTreeSet<_> = all.iter().map(|l| &l.listing).collect();
    assert_eq!((all.len(), distinct.len()), (355, 355));
}

#[test]
fn units_are_taken_and_given_back_by_the_states_of_an_order() {
    for (version, after_failed) in [(Version::V10_9, 9), (Version::V11_0, 10)] {
        let mut shop = shop("woo");
        shop.api_url = "https://shop.example.com".to_owned();
        let hook_url = shop.hook_url.clone();
        let options = Options {
            version,
            ..Options::default()
        };
        let rig = Rig::over(Box::new(Woo::new(shop, options)), hook_url);
        let id = rig.buy(&[("MUG-1", 1)], false);
        let mut levels = vec![("on-hold", rig.level("MUG-1"))];
        for status in [
            "processing",
            "failed",
            "processing",
            "cancelled",
            "on-hold",
            "pending",
        ] {
            let body = json!({ "status": status });
            direct(&rig, "PUT", &format!("wc/v3/orders/{id}"), &body);
            levels.push((status, rig.level("MUG-1")));
            let line = &found(&rig, &id).lines[0];
            assert_eq!(
                line.subtracted,
                Decimal::whole(10 - rig.level("MUG-1")),
                "{status}"
            );
        }
        assert_eq!(
            levels,
            vec![
                ("on-hold", 9),
                ("processing", 9),
                ("failed", after_failed),
                ("processing", 9),
                ("cancelled", 10),
                ("on-hold", 9),
                ("pending", 10),
            ]
        );
    }
}

#[test]
fn an_unpaid_order_at_the_payment_page_takes_nothing_off_the_level() {
    let rig = rig_with(Options {
        unpaid: Unpaid::Pending,
        ..Options::default()
    });
    let id = rig.buy(&[("SHIRT-S", 2)], false);
    let order = found(&rig, &id);
    assert_eq!(order.payment, PaymentState::Pending);
    assert_eq!(order.lines[0].subtracted, Decimal::ZERO);
    assert_eq!(rig.level("SHIRT-S"), 3);
    let two = Act::Buy {
        basket: vec![(sku("SHIRT-S"), 2)],
        paid: true,
    };
    assert!(rig.act(&two).is_err(), "the units are held for an hour");
    rig.act(&Act::Pay(id.clone())).expect("paid");
    assert_eq!(found(&rig, &id).payment, PaymentState::Paid);
    assert_eq!(rig.level("SHIRT-S"), 1);
}

#[test]
fn staff_who_change_a_line_change_the_level() {
    let rig = https();
    let id = rig.buy(&[("MUG-1", 3)], true);
    let line = found(&rig, &id).lines[0].external_id.clone();
    let number: u64 = line.as_str().parse().expect("a number");
    let set = |units: u64| {
        let body = json!({ "line_items": [{ "id": number, "quantity": units }] });
        direct(&rig, "PUT", &format!("wc/v3/orders/{id}"), &body);
    };
    set(5);
    let line = &found(&rig, &id).lines[0];
    assert_eq!(
        (line.ordered, line.subtracted),
        (Decimal::whole(5), Decimal::whole(5))
    );
    assert_eq!(rig.level("MUG-1"), 5);
    set(0);
    assert_eq!(found(&rig, &id).lines, vec![]);
    assert_eq!(rig.level("MUG-1"), 10);
}

#[test]
fn levels_are_read_and_set_below_parents_and_not() {
    let rig = rig();
    let (mug, shirt, wrap) = (
        listing(&rig, "MUG-1"),
        listing(&rig, "SHIRT-S"),
        listing(&rig, "WRAP"),
    );
    let unknown = ListingId::new("999999");
    let nobody = ListingId::new("abc");
    let orphan = ListingId::new("999998/999999");
    let stock = rig.channel.read_stock().expect("stock");
    let asked = [
        mug.clone(),
        shirt.clone(),
        wrap.clone(),
        unknown.clone(),
        nobody.clone(),
        orphan.clone(),
    ];
    let mut levels = block_on(stock.read(&asked)).expect("levels");
    levels.sort_by_key(|level| level.level.map(|level| level.to_string()));
    let seen: Vec<_> = levels
        .iter()
        .map(|level| (level.listing.clone(), level.level))
        .collect();
    assert_eq!(
        seen,
        vec![
            (wrap.clone(), None),
            (mug.clone(), Some(Decimal::whole(10))),
            (shirt.clone(), Some(Decimal::whole(3))),
        ]
    );

    let targets = [
        target(&mug, "4"),
        target(&shirt, "2"),
        target(&unknown, "1"),
        target(&nobody, "1"),
        target(&orphan, "1"),
        target(&wrap, "2.5"),
    ];
    let acks = push(&rig, &targets).expect("acks");
    assert_eq!(acks.len(), targets.len());
    let of = |listing: &ListingId| {
        let (_, ack) = acks.iter().find(|(of, _)| of == listing).expect("an ack");
        ack.clone()
    };
    assert_eq!(of(&mug), Ack::Applied { reference: None });
    assert_eq!(of(&shirt), Ack::Applied { reference: None });
    for refused in [&unknown, &nobody, &orphan, &wrap] {
        assert!(matches!(of(refused), Ack::Rejected { .. }), "{refused}");
    }
    assert_eq!((rig.level("MUG-1"), rig.level("SHIRT-S")), (4, 2));
    let writes = rig.truth().level_writes;
    assert_eq!(writes.len(), 2);
    assert_eq!((writes[0].from, writes[0].to), (10, 4));

    // Our own write comes back as a hook.
    let echo = rig.hooks();
    let told: Vec<_> = echo.iter().flat_map(|hook| verified(&rig, hook)).collect();
    assert!(
        matches!(&told[0], Observation::Level(level) if level.listing == mug
        && level.level == Some(Decimal::whole(4)))
    );
    assert!(matches!(&told[1], Observation::Level(level) if level.listing == shirt));
}

#[test]
fn only_three_fields_are_written() {
    let rig = rig();
    let mug = listing(&rig, "MUG-1");
    rig.requests();
    rig.faults([Fault::Answer(answer(200, br#"{"update":[]}"#))]);
    // An item that the answer does not speak of may be written or not.
    assert_eq!(
        push(&rig, &[target(&mug, "3")]).expect("acks"),
        vec![(mug.clone(), Ack::Ambiguous)]
    );
    let sent = rig.sent();
    let expected = json!({ "update": [{
        "id": mug.as_str().parse::<u64>().expect("a number"),
        "manage_stock": true,
        "stock_quantity": 3,
    }] });
    assert_eq!(
        serde_json::from_slice::<Value>(sent[0].body()).expect("JSON"),
        expected
    );
}

#[test]
fn a_push_says_of_each_item_what_became_of_it() {
    let rig = rig();
    let mug: u64 = listing(&rig, "MUG-1").as_str().parse().expect("a number");
    let row = |item: Value| {
        let body = json!({ "update": [item] }).to_string();
        rig.faults([Fault::Answer(answer(200, body.as_bytes()))]);
        let targets = [target(&ListingId::new(mug.to_string()), "3")];
        push(&rig, &targets).expect("acks").remove(0).1
    };
    let applied = Ack::Applied { reference: None };
    assert_eq!(
        row(json!({ "id": mug, "manage_stock": true, "stock_quantity": 3 })),
        applied
    );
    assert_eq!(
        row(json!({ "id": mug, "manage_stock": true, "stock_quantity": "3" })),
        applied
    );
    assert_eq!(
        row(json!({ "id": mug, "manage_stock": true, "stock_quantity": 2 })),
        Ack::Conflict {
            observed: Some(Decimal::whole(2))
        }
    );
    // Stock management is switched off in the shop's settings.
    let ignored = row(json!({ "id": mug, "manage_stock": false, "stock_quantity": null }));
    assert!(matches!(ignored, Ack::Rejected { .. }));
    let refused = json!({ "id": mug, "error": { "code": "c", "message": "m", "data": {} } });
    assert_eq!(
        row(refused),
        Ack::Rejected {
            reason: "m (c)".to_owned()
        }
    );
}

#[test]
fn a_push_that_breaks_off_says_how_far_it_came() {
    let rig = rig();
    let (mug, shirt) = (listing(&rig, "MUG-1"), listing(&rig, "SHIRT-S"));
    let targets = [target(&mug, "1"), target(&shirt, "1")];
    let applied = Ack::Applied { reference: None };
    let too_large = br#"{"code":"woocommerce_rest_request_entity_too_large","message":"Too many","data":{"status":413}}"#;
    let rejected = Ack::Rejected {
        reason: "Too many (woocommerce_rest_request_entity_too_large)".to_owned(),
    };
    for (fault, ack) in [
        (Fault::LostAnswer, Ack::Ambiguous),
        (Fault::Answer(answer(502, b"")), Ack::Ambiguous),
        (Fault::Answer(answer(429, b"")), Ack::Ambiguous),
        (Fault::Answer(answer(401, b"")), Ack::Ambiguous),
        (Fault::Answer(answer(200, b"<html>")), Ack::Ambiguous),
        (Fault::Answer(answer(413, too_large)), rejected),
    ] {
        rig.faults([Fault::Pass, fault]);
        let acks = push(&rig, &targets).expect("acks");
        assert_eq!(
            acks,
            vec![(mug.clone(), applied.clone()), (shirt.clone(), ack)]
        );
    }
    // Nothing came through at all: the push as a whole failed.
    for (fault, is) in [
        (Fault::Answer(answer(429, b"")), "throttled"),
        (Fault::NotSent, "retry"),
        (Fault::Answer(answer(401, b"")), "unauthorized"),
    ] {
        rig.faults([fault]);
        let error = push(&rig, &targets).expect_err("nothing came through");
        assert_eq!(name(&error.kind), is);
    }
}

#[test]
fn stock_written_as_text_is_read() {
    let rig = rig_with(Options {
        writes_stock_as_text: true,
        ..Options::default()
    });
    let all = listings(&rig);
    let mug = all
        .iter()
        .find(|l| l.sku.as_deref() == Some("MUG-1"))
        .expect("a mug");
    assert_eq!(mug.level, Some(Decimal::whole(10)));
    let acks = push(&rig, &[target(&mug.listing, "3")]).expect("acks");
    assert_eq!(acks[0].1, Ack::Applied { reference: None });
}
