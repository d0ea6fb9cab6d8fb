//! Calls one by one: what is sent, and what becomes of each answer.

use channel::{
    Ack, CancelReason, Cancellation, ErrorKind, OrderReading, OrderWindow, ShipmentPush,
};
use domain::{Decimal, ExternalId, Time};
use serde_json::{Value, json};

use super::{Script, block_on, fixture, settings};

#[test]
fn one_bad_order_spoils_no_other() {
    let mut bad = fixture("counter-sale");
    bad["line_items"][0]["quantity"] = json!("many");
    let orders = json!([bad, fixture("online-order"), 7]);
    let script = Script::of(&[
        (200, json!({ "orders": orders, "cursor": "next" })),
        (
            200,
            json!({ "objects": [{ "id": "V-MUG", "item_variation_data": { "sku": "MUG-1" } }] }),
        ),
        (200, json!({ "orders": orders })),
    ]);
    let channel = script.channel(settings());
    let pull = channel.pull_orders().expect("it pulls orders");
    let window = OrderWindow {
        changed_since: Time::EPOCH,
        page: None,
        is_last_kept: false,
    };
    let page = block_on(pull.pull(&window)).expect("a page");
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].lines[0].sku.as_deref(), Some("MUG-1"));
    assert_eq!(page.malformed.len(), 2);
    let bad = page
        .malformed
        .iter()
        .find(|bad| bad.external_id.is_some())
        .expect("a name");
    assert!(bad.reason.contains("quantity"), "{}", bad.reason);
    assert_eq!(page.next.as_deref(), Some("next"));
    let ids: Vec<ExternalId> = vec!["CAISEOrderCounter0000000001".into(), "X".into()];
    let readings = block_on(pull.read(&ids)).expect("readings");
    assert!(matches!(readings[0].1, OrderReading::Malformed(_)));
    assert_eq!(readings[1].1, OrderReading::Gone);
}

#[test]
fn a_search_repeats_its_query_with_every_cursor() {
    let script = Script::of(&[
        (200, json!({ "orders": [], "cursor": "c1" })),
        (200, json!({ "orders": null, "cursor": "c1" })),
    ]);
    let channel = script.channel(settings());
    let pull = channel.pull_orders().expect("it pulls orders");
    let mut window = OrderWindow {
        changed_since: Time::parse_utc("2026-11-01T09:00:00Z").expect("a time"),
        page: None,
        is_last_kept: false,
    };
    let first = block_on(pull.pull(&window)).expect("a page");
    window.page = first.next;
    let second = block_on(pull.pull(&window)).expect("a page");
    assert_eq!(
        second.next, None,
        "a cursor that repeats itself ends the pages"
    );
    let asked = script.asked();
    let query = json!({
        "filter": { "date_time_filter": { "updated_at": { "start_at": "2026-11-01T09:00:00Z" } } },
        "sort": { "sort_field": "UPDATED_AT", "sort_order": "ASC" },
    });
    for (_, path, body) in &asked {
        assert_eq!(path, "/v2/orders/search");
        assert_eq!(body["query"], query);
        assert_eq!(
            (&body["limit"], &body["location_ids"]),
            (&json!(500), &json!(["L1"]))
        );
    }
    assert_eq!(asked[0].2.get("cursor"), None);
    assert_eq!(asked[1].2["cursor"], "c1");
}

#[test]
fn listings_follow_the_location() {
    let script = Script::of(&[(200, json!({ "objects": [fixture("catalog-item"), "x"] }))]);
    let channel = script.channel(settings());
    let listings = channel.pull_listings().expect("it lists");
    let page = block_on(listings.pull(None)).expect("a page");
    let [small, medium] = page.items.as_slice() else {
        panic!("two listings: {:?}", page.items);
    };
    assert_eq!(
        (small.listing.as_str(), small.sku.as_deref()),
        ("V-SMALL", Some("SHIRT-S"))
    );
    assert_eq!(small.title, "Shirt (Small)");
    assert_eq!(
        small.price.expect("a price").to_string(),
        "27.00 EUR",
        "the location's own"
    );
    assert_eq!(small.barcode.as_deref(), Some("4006381333931"));
    assert!(small.tracked);
    assert_eq!((medium.sku.as_deref(), medium.price), (None, None));
    assert!(!medium.tracked, "switched off at the location");
    let names: Vec<Option<&str>> = page
        .malformed
        .iter()
        .map(|bad| bad.external_id.as_deref())
        .collect();
    assert_eq!(names, [Some("V-BROKEN"), None]);
    assert_eq!(script.asked()[0].1, "/v2/catalog/list?types=ITEM");
}

fn live_order(version: i64, tracking_number: Option<&str>) -> Value {
    let mut order = fixture("online-order");
    order["version"] = json!(version);
    order["fulfillments"][0]["shipment_details"]["tracking_number"] = json!(tracking_number);
    json!({ "order": order })
}

fn stale() -> (u16, Value) {
    (
        400,
        json!({ "errors": [{ "code": "VERSION_MISMATCH", "detail": "changed" }] }),
    )
}

fn parcel(lines: &[(&str, i64)], completes: bool) -> ShipmentPush {
    let lines = lines.iter();
    ShipmentPush {
        order: "CAISEOrderOnline00000000001".into(),
        lines: lines
            .map(|(line, units)| ((*line).into(), Decimal::whole(*units)))
            .collect(),
        carrier: Some("DHL".to_owned()),
        tracking_number: Some("N1".to_owned()),
        tracking_url: Some("https://example.com/N1".to_owned()),
        shipped_at: Time::EPOCH,
        completes,
        key: "int_1".to_owned(),
    }
}

#[test]
fn a_change_of_a_stale_version_is_made_once_more() {
    let conflict = (409, json!({ "errors": [{ "code": "CONFLICT" }] }));
    for first in [stale(), conflict] {
        let script = Script::of(&[
            (200, live_order(7, None)),
            first,
            (200, live_order(8, None)),
            (200, live_order(9, Some("N1"))),
        ]);
        let channel = script.channel(settings());
        let shipments = channel.push_shipments().expect("it ships");
        let ack = block_on(shipments.push(&parcel(&[("line-mug", 3)], true))).expect("an ack");
        assert_eq!(
            ack,
            Ack::Applied {
                reference: Some("f-first".into())
            }
        );
        let asked = script.asked();
        let methods: Vec<&str> = asked.iter().map(|(method, ..)| method.as_str()).collect();
        assert_eq!(methods, ["GET", "PUT", "GET", "PUT"]);
        assert_eq!(asked[1].2["order"]["version"], 7);
        assert_eq!(asked[3].2["order"]["version"], 8);
        assert_ne!(asked[1].2["idempotency_key"], asked[3].2["idempotency_key"]);
    }
}

#[test]
fn an_order_that_keeps_changing_is_left_for_later() {
    let answers = [
        (200, live_order(7, None)),
        stale(),
        (200, live_order(8, None)),
        stale(),
    ];
    let script = Script::of(&answers);
    let channel = script.channel(settings());
    let shipments = channel.push_shipments().expect("it ships");
    let error = block_on(shipments.push(&parcel(&[("line-mug", 3)], true))).expect_err("stale");
    assert!(matches!(error.kind, ErrorKind::Retry { .. }), "{error}");
    assert_eq!(script.asked().len(), 4);
    script.then(&[
        (200, live_order(7, None)),
        stale(),
        (200, live_order(8, Some("N1"))),
    ]);
    let ack = block_on(shipments.push(&parcel(&[("line-mug", 3)], true))).expect("an ack");
    assert!(
        matches!(ack, Ack::Applied { .. }),
        "somebody else told it meanwhile: {ack:?}"
    );
}

#[test]
fn a_parcel_touches_the_fulfillments_that_hold_its_lines() {
    let sent = |lines: &[(&str, i64)], completes| {
        let script = Script::of(&[(200, live_order(7, None)), (200, live_order(8, None))]);
        let channel = script.channel(settings());
        let shipments = channel.push_shipments().expect("it ships");
        block_on(shipments.push(&parcel(lines, completes))).expect("an ack");
        script.asked().remove(1).2["order"].clone()
    };
    let states = |order: &Value| {
        let list = order["fulfillments"].as_array().expect("a list").iter();
        let words = list.map(|one| format!("{} {}", one["uid"], one["state"]).replace('"', ""));
        words.collect::<Vec<_>>().join(", ")
    };
    let whole = sent(&[("line-mug", 3), ("line-card", 1)], true);
    assert_eq!(states(&whole), "f-first COMPLETED, f-second COMPLETED");
    assert_eq!(whole["state"], "COMPLETED", "the order is over with it");
    assert_eq!(whole["location_id"], "L1");
    let details = &whole["fulfillments"][0]["shipment_details"];
    assert_eq!(details["carrier"], "DHL");
    assert_eq!(details["tracking_number"], "N1");
    assert_eq!(details["tracking_url"], "https://example.com/N1");
    let card = sent(&[("line-card", 1)], false);
    assert_eq!(states(&card), "f-second PREPARED");
    assert_eq!(card.get("state"), None);
    let two = sent(&[("line-mug", 2)], false);
    assert_eq!(states(&two), "f-first COMPLETED, f-second PREPARED");
    assert_eq!(two.get("state"), None);
}

#[test]
fn an_order_that_the_api_did_not_make_is_not_touched() {
    let mut order = live_order(7, None);
    order["order"]["version"] = Value::Null;
    let script = Script::of(&[(200, order.clone()), (200, order)]);
    let channel = script.channel(settings());
    let shipments = channel.push_shipments().expect("it ships");
    let ack = block_on(shipments.push(&parcel(&[("line-mug", 3)], true))).expect("an ack");
    assert!(
        matches!(&ack, Ack::Rejected { reason } if reason.contains("dashboard")),
        "{ack:?}"
    );
    let cancellation = Cancellation {
        order: "CAISEOrderOnline00000000001".into(),
        reason: CancelReason::BuyerRequest,
        key: "int_2".to_owned(),
    };
    let cancel = channel.cancel_orders().expect("it cancels");
    let ack = block_on(cancel.cancel(&cancellation)).expect("an ack");
    assert!(matches!(ack, Ack::Rejected { .. }), "{ack:?}");
    assert!(script.asked().iter().all(|(method, ..)| method == "GET"));
}

#[test]
fn a_refund_of_several_payments_takes_from_each_what_is_left() {
    let mut order = fixture("online-order");
    let tender = |id: &str, amount: i64| json!({ "id": id, "amount_money": { "amount": amount, "currency": "EUR" } });
    order["tenders"] = json!([tender("P1", 2000), tender("P2", 4060)]);
    let refund = |id: &str| json!({ "refund": { "id": id, "status": "PENDING" } });
    let before = json!({ "refunds": [{
        "id": "R0", "payment_id": "P1", "status": "COMPLETED", "reason": "by staff",
        "amount_money": { "amount": 500, "currency": "EUR" },
    }] });
    let script = Script::of(&[
        (200, json!({ "order": order })),
        (200, before.clone()),
        (200, refund("R1")),
        (200, refund("R2")),
        (200, json!({ "order": order })),
        (200, before),
    ]);
    let channel = script.channel(settings());
    let refunds = channel.refund_orders().expect("it refunds");
    let euro = domain::Currency::new("EUR").expect("a currency");
    let mut push = channel::RefundPush {
        order: "CAISEOrderOnline00000000001".into(),
        amount: domain::Money::from_minor(3000, euro).expect("an amount"),
        lines: vec![],
        restock: false,
        reason: "x".repeat(500),
        key: "int_1".to_owned(),
        made_at: Time::from_seconds(0),
        others: vec![],
    };
    let ack = block_on(refunds.refund(&push)).expect("an ack");
    assert_eq!(
        ack,
        Ack::Applied {
            reference: Some("R1".into())
        }
    );
    let asked = script.asked();
    let part = |place: usize| {
        let body: &Value = &asked[place].2;
        (
            body["payment_id"].clone(),
            body["amount_money"]["amount"].clone(),
        )
    };
    assert_eq!(part(2), (json!("P1"), json!(1500)));
    assert_eq!(part(3), (json!("P2"), json!(1500)));
    for place in [2, 3] {
        let body = &asked[place].2;
        assert!(body["idempotency_key"].as_str().expect("a key").len() <= 45);
        assert!(body["reason"].as_str().expect("a reason").len() <= 192);
    }
    push.amount = domain::Money::from_minor(5561, euro).expect("an amount");
    let ack = block_on(refunds.refund(&push)).expect("an ack");
    assert!(
        matches!(&ack, Ack::Rejected { reason } if reason.contains("0.01 EUR")),
        "{ack:?}"
    );
}

#[test]
fn an_id_cannot_leave_its_place_in_an_address() {
    let script = Script::of(&[(404, json!({}))]);
    let channel = script.channel(settings());
    let shipments = channel.push_shipments().expect("it ships");
    let shipment = ShipmentPush {
        order: "../locations?x=1#y/ä".into(),
        ..parcel(&[], true)
    };
    let error = block_on(shipments.find(&shipment)).expect_err("gone");
    assert_eq!(error.kind, ErrorKind::Gone);
    assert_eq!(
        script.asked()[0].1,
        "/v2/orders/..%2Flocations%3Fx=1%23y%2F%C3%A4"
    );
}
