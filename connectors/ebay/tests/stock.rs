//! Listings, levels and pushes, answer by answer.

use channel::{Ack, ErrorKind, StockTarget, http::Request};
use domain::{Decimal, ListingId, Time};
use serde_json::{Value, json};

use super::{Stage, block_on, reply, settings, with_token};

fn target(sku: &str, quantity: &str) -> StockTarget {
    StockTarget {
        listing: ListingId::from(sku),
        quantity: quantity.parse::<Decimal>().expect("a decimal"),
        expected: None,
        believed_at: Time::EPOCH,
    }
}

fn offers(sku: &str) -> Value {
    let offer: Value =
        serde_json::from_str(include_str!("../fixtures/offer.json")).expect("a fixture");
    let mut offer = offer;
    offer["sku"] = json!(sku);
    offer["offerId"] = json!(format!("offer-of-{sku}"));
    json!({ "total": 1, "offers": [offer] })
}

/// The SKU that an offer is asked for.
fn asked_sku(request: &Request) -> String {
    let query = request.uri().query().unwrap_or_default();
    let sku = query.split('&').find_map(|pair| pair.strip_prefix("sku="));
    sku.expect("a SKU").to_owned()
}

fn is(request: &Request, end: &str) -> bool {
    request.uri().path().ends_with(end)
}

/// Pushes one target and gives it this answer.
fn push_answered(responses: Value) -> Ack {
    let stage = Stage::new(with_token(move |request| {
        if is(request, "/offer") {
            return reply(200, &offers(&asked_sku(request)));
        }
        reply(207, &json!({ "responses": responses }))
    }));
    let channel = stage.open();
    let push = channel.push_stock().expect("pushing");
    let mut acks = block_on(push.push(&[target("A", "3")], "key")).expect("answers");
    assert_eq!(acks.len(), 1);
    acks.remove(0).1
}

#[test]
fn every_answer_becomes_an_acknowledgement() {
    let errors = || json!([{ "errorId": 25_019, "message": "Cannot revise the listing." }]);
    let applied = Ack::Applied { reference: None };
    let rejected = Ack::Rejected {
        reason: "25019: Cannot revise the listing.".to_owned(),
    };
    for (responses, expected) in [
        (
            json!([{ "statusCode": 200, "sku": "A", "offerId": "offer-of-A" }]),
            applied.clone(),
        ),
        (
            json!([{ "statusCode": 200, "offerId": "offer-of-A" }]),
            applied.clone(),
        ),
        (
            json!([{ "statusCode": 200, "sku": "A", "warnings": [{ "errorId": 25_402 }] }]),
            applied,
        ),
        (
            json!([{ "statusCode": 400, "sku": "A", "errors": errors() }]),
            rejected,
        ),
        (
            json!([{ "statusCode": 500, "sku": "A", "errors": errors() }]),
            Ack::Ambiguous,
        ),
        (
            json!([
                { "statusCode": 200, "sku": "A" },
                { "statusCode": 400, "sku": "A", "offerId": "offer-of-A", "errors": errors() },
            ]),
            Ack::Ambiguous,
        ),
        (json!([{ "statusCode": 200, "sku": "B" }]), Ack::Ambiguous),
        (json!([]), Ack::Ambiguous),
        (Value::Null, Ack::Ambiguous),
    ] {
        assert_eq!(push_answered(responses.clone()), expected, "{responses}");
    }
}

#[test]
fn a_push_sets_both_numbers_and_nothing_else() {
    let stage = Stage::new(with_token(|request| {
        if is(request, "/offer") {
            return reply(200, &offers(&asked_sku(request)));
        }
        reply(
            200,
            &json!({ "responses": [{ "statusCode": 200, "sku": "A" }] }),
        )
    }));
    let channel = stage.open();
    let push = channel.push_stock().expect("pushing");
    block_on(push.push(&[target("A", "3.0")], "key")).expect("answers");
    let expected = json!({ "requests": [{
        "sku": "A",
        "shipToLocationAvailability": { "quantity": 3 },
        "offers": [{ "offerId": "offer-of-A", "availableQuantity": 3 }],
    }] });
    assert_eq!(stage.bodies()[0].1, expected);
    stage.events();
    block_on(push.push(&[target("A", "2")], "key")).expect("answers");
    assert_eq!(stage.events().len(), 1, "the offer is remembered");

    let mut settings = settings();
    settings["merchant_location_key"] = json!("main");
    let channel = stage.open_with(settings);
    let push = channel.push_stock().expect("pushing");
    stage.bodies();
    block_on(push.push(&[target("A", "3")], "key")).expect("answers");
    assert_eq!(
        stage.bodies()[0].1["requests"][0]["shipToLocationAvailability"],
        json!({
            "quantity": 3,
            "availabilityDistributions": [{ "merchantLocationKey": "main", "quantity": 3 }],
        })
    );
}

#[test]
fn what_ebay_cannot_count_is_refused_here() {
    let stage = Stage::new(with_token(|request| {
        if is(request, "/offer") {
            return reply(404, &json!({}));
        }
        reply(
            200,
            &json!({ "responses": [{ "statusCode": 200, "sku": "A" }] }),
        )
    }));
    let channel = stage.open();
    let push = channel.push_stock().expect("pushing");
    let long = "x".repeat(51);
    let targets = [
        target("A", "3"),
        target("B", "1.5"),
        target("C", "-1"),
        target("D", "3000000000"),
        target(&long, "1"),
        target("", "1"),
    ];
    let acks = block_on(push.push(&targets, "key")).expect("answers");
    assert_eq!(acks[0].1, Ack::Applied { reference: None });
    for (listing, ack) in &acks[1..] {
        assert!(matches!(ack, Ack::Rejected { .. }), "{listing}: {ack:?}");
    }
    let too_many: Vec<StockTarget> = (0..26).map(|n| target(&format!("S{n}"), "1")).collect();
    let error = block_on(push.push(&too_many, "key")).expect_err("too many");
    assert!(matches!(error.kind, ErrorKind::Rejected { .. }));
}

#[test]
fn an_offer_that_was_made_anew_is_looked_up_again() {
    let mut generation = 0;
    let stage = Stage::new(with_token(move |request| {
        if is(request, "/offer") {
            generation += 1;
            let mut page = offers("A");
            page["offers"][0]["offerId"] = json!(format!("offer-{generation}"));
            return reply(200, &page);
        }
        let body: Value = serde_json::from_slice(request.body()).expect("JSON");
        let offer = &body["requests"][0]["offers"][0]["offerId"];
        if *offer == json!("offer-2") {
            return reply(
                200,
                &json!({ "responses": [{ "statusCode": 200, "sku": "A" }] }),
            );
        }
        let error = json!({ "errorId": 25_713, "message": "This Offer is not available." });
        let response = json!({ "statusCode": 400, "sku": "A", "errors": [error] });
        reply(207, &json!({ "responses": [response] }))
    }));
    let channel = stage.open();
    let push = channel.push_stock().expect("pushing");
    let acks = block_on(push.push(&[target("A", "3")], "key")).expect("answers");
    assert_eq!(acks[0].1, Ack::Applied { reference: None });
}

#[test]
fn a_push_without_an_answer_is_ambiguous_and_a_refusal_is_not() {
    for (status, is_ambiguous) in [(500, true), (502, true), (400, false), (429, false)] {
        let stage = Stage::new(with_token(move |request| {
            if is(request, "/offer") {
                return reply(404, &json!({}));
            }
            reply(
                status,
                &json!({ "errors": [{ "errorId": 25_002, "message": "no" }] }),
            )
        }));
        let channel = stage.open();
        let push = channel.push_stock().expect("pushing");
        let error = block_on(push.push(&[target("A", "3")], "key")).expect_err("no answer");
        let found = matches!(error.kind, ErrorKind::Ambiguous { .. });
        assert_eq!(found, is_ambiguous, "{status}: {error}");
    }
}

#[test]
fn one_bad_item_does_not_hide_the_others() {
    let stage = Stage::new(with_token(|request| {
        if is(request, "/offer") {
            return reply(200, &offers(&asked_sku(request)));
        }
        let item: Value =
            serde_json::from_str(include_str!("../fixtures/item.json")).expect("a fixture");
        let items = json!([item, { "sku": { "a": 1 } }, { "sku": "B", "availability":
            { "shipToLocationAvailability": { "quantity": "lots" } } }, 7]);
        let next = "https://elsewhere.example.com/inventory_item?limit=50&offset=1";
        reply(
            200,
            &json!({ "total": 4, "inventoryItems": items, "next": next }),
        )
    }));
    let channel = stage.open();
    let listings = channel.pull_listings().expect("listings");
    let page = block_on(listings.pull(None)).expect("a page");
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].level, Some(Decimal::whole(5)));
    assert_eq!(page.malformed.len(), 3);
    assert_eq!(page.malformed[1].external_id.as_deref(), Some("B"));
    assert_eq!(page.next.as_deref(), Some("1"));
    // The same page again leads nowhere.
    let again = block_on(listings.pull(Some("1"))).expect("a page");
    assert_eq!(again.next, None);
    let on_origin = |event: &String| event.contains("https://ebay.example.com/");
    assert!(stage.events().iter().all(on_origin));
    assert!(block_on(listings.pull(Some("x"))).is_err());
}

#[test]
fn levels_are_read_as_buyers_see_them() {
    let stage = Stage::new(with_token(|request| {
        if is(request, "/offer") {
            let sku = asked_sku(request);
            return if sku == "C%20D" {
                reply(404, &json!({ "errors": [{ "errorId": 25_713 }] }))
            } else {
                reply(200, &offers(&sku))
            };
        }
        let item = |quantity: Value| json!({ "availability": { "shipToLocationAvailability": { "quantity": quantity } } });
        let responses = json!([
            { "statusCode": 200, "sku": "A", "inventoryItem": item(json!(9)) },
            { "statusCode": 404, "sku": "B", "errors": [{ "errorId": 25_702 }] },
            { "statusCode": 200, "sku": "C D", "inventoryItem": item(json!(4)) },
            { "statusCode": 200, "sku": "E", "inventoryItem": {} },
            { "statusCode": 200, "sku": "never asked for", "inventoryItem": item(json!(1)) },
        ]);
        reply(207, &json!({ "responses": responses }))
    }));
    let channel = stage.open();
    let stock = channel.read_stock().expect("stock");
    let asked: Vec<ListingId> = ["A", "B", "C D", "E"].map(ListingId::from).into();
    let levels = block_on(stock.read(&asked)).expect("levels");
    let told: Vec<(&str, Option<Decimal>)> = levels
        .iter()
        .map(|level| (level.listing.as_str(), level.level))
        .collect();
    let expected = [
        ("A", Some(Decimal::whole(5))),
        ("C D", Some(Decimal::whole(4))),
        ("E", None),
    ];
    assert_eq!(told, expected);
}
