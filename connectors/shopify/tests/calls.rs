//! What we send, held against the official schema, and answers that only a strange shop gives.

use channel::{
    Ack, CancelReason, Cancellation, OrderReading, OrderWindow, RefundPush, ShipmentPush,
    StockTarget,
};
use domain::{Currency, Decimal, ExternalId, ListingId, Money, Time};
use serde_json::{Value, json};

use super::{super::schema_test, block_on, open};

fn order() -> Value {
    serde_json::from_str(include_str!("../fixtures/order.json")).expect("JSON")
}

/// What the search says of orders.
fn heads(nodes: &[Value]) -> Value {
    let edges = nodes
        .iter()
        .enumerate()
        .map(|(at, node)| json!({ "cursor": at.to_string(), "node": node }));
    let edges: Vec<Value> = edges.collect();
    json!({ "data": { "orders": { "pageInfo": { "hasNextPage": false }, "edges": edges } } })
}

/// What a poll is answered that finds these orders: first which, then what they are.
fn orders(nodes: &[Value]) -> Vec<Value> {
    let found: Vec<Value> = (0..nodes.len())
        .map(|at| json!({ "legacyResourceId": 17 + at, "updatedAt": "2026-11-05T16:40:12Z" }))
        .collect();
    vec![heads(&found), json!({ "data": { "nodes": nodes } })]
}

fn window() -> OrderWindow {
    OrderWindow {
        changed_since: Time::parse_utc("2026-11-05T00:00:00.250Z").expect("a time"),
        page: None,
        is_last_kept: false,
    }
}

#[test]
fn one_order_that_cannot_be_read_stops_no_other() {
    let mut bad = order();
    bad["legacyResourceId"] = json!("18");
    bad["totalPriceSet"] = json!({ "shopMoney": { "amount": "a lot" } });
    let mut worse = bad.clone();
    worse["lineItems"] = json!(17);
    let (channel, script) = open(orders(&[bad, order(), json!(17), json!(null), worse]));
    let pull = channel.pull_orders().expect("orders");
    let page = block_on(pull.pull(&window())).expect("a page");
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].external_id.as_str(), "6010000000017");
    let ids: Vec<_> = page
        .malformed
        .iter()
        .map(|one| one.external_id.as_deref())
        .collect();
    assert_eq!(
        ids,
        [Some("18"), None, Some("18")],
        "a deleted one is no matter"
    );
    assert!(page.malformed[0].reason.contains("a lot"));
    assert!(page.malformed[0].raw.contains("a lot"));
    let asked = script.asked.lock().expect("no panics").remove(0);
    assert_eq!(
        asked["variables"]["query"],
        "updated_at:>='2026-11-05T00:00:00Z'"
    );
}

#[test]
fn what_the_search_says_wrongly_stops_no_other() {
    let found = heads(&[
        json!(17),
        json!({ "legacyResourceId": "18", "updatedAt": "yesterday" }),
        json!({ "legacyResourceId": "6010000000017", "updatedAt": "2026-11-05T16:40:12Z" }),
        json!({ "legacyResourceId": "none", "updatedAt": "2026-11-05T16:40:12Z" }),
    ]);
    let (channel, _) = open(vec![found, json!({ "data": { "nodes": [order()] } })]);
    let pull = channel.pull_orders().expect("orders");
    let page = block_on(pull.pull(&window())).expect("a page");
    assert_eq!((page.items.len(), page.malformed.len()), (1, 2));
    assert_eq!(page.malformed[1].external_id.as_deref(), Some("18"));
}

#[test]
fn an_element_that_the_shop_cannot_give_is_said_to_be_malformed() {
    let mut answers = orders(&[order(), json!(null)]);
    answers[1]["errors"] = json!([{
        "message": "Something went wrong.",
        "path": ["nodes", 1, "lineItems"],
        "extensions": { "code": "INTERNAL_SERVER_ERROR" },
    }]);
    let (channel, _) = open(answers);
    let pull = channel.pull_orders().expect("orders");
    let page = block_on(pull.pull(&window())).expect("a page");
    assert_eq!((page.items.len(), page.malformed.len()), (1, 1));
    assert_eq!(page.malformed[0].reason, "Something went wrong.");
    // By id, the same fault keeps a missing order from being taken for a deleted one.
    let errors = json!([{ "message": "Busy.", "path": ["nodes", 0], "extensions": {} }]);
    let answer = json!({ "data": { "nodes": [null, null] }, "errors": errors });
    let (channel, _) = open(vec![answer]);
    let pull = channel.pull_orders().expect("orders");
    let ids = [ExternalId::from("17"), ExternalId::from("18")];
    let readings = block_on(pull.read(&ids)).expect("readings");
    assert!(matches!(&readings[0].1, OrderReading::Malformed(one) if one.reason == "Busy."));
    assert_eq!(readings[1].1, OrderReading::Gone);
}

#[test]
fn a_poll_that_finds_many_reads_them_in_parts() {
    let found: Vec<Value> = (0..25)
        .map(|at| json!({ "legacyResourceId": 100 + at, "updatedAt": "2026-11-05T16:40:12Z" }))
        .collect();
    let (channel, script) = open(vec![
        heads(&found),
        json!({ "data": { "nodes": vec![json!(null); 10] } }),
    ]);
    let pull = channel.pull_orders().expect("orders");
    let page = block_on(pull.pull(&window())).expect("a page");
    assert_eq!(page.next.as_deref(), Some("9"), "behind the tenth");
    let asked = script.asked.lock().expect("no panics");
    assert_eq!(
        asked[1]["variables"]["ids"].as_array().map(Vec::len),
        Some(10)
    );
    drop(asked);
    let (channel, _) = open(vec![
        heads(&found[..10]),
        json!({ "data": { "nodes": vec![json!(null); 10] } }),
    ]);
    let pull = channel.pull_orders().expect("orders");
    let page = block_on(pull.pull(&window())).expect("a page");
    assert_eq!(page.next, None, "there is nothing behind the tenth");
}

#[test]
fn an_answer_with_another_number_of_orders_is_not_believed() {
    let (channel, _) = open(vec![json!({ "data": { "nodes": [null] } })]);
    let pull = channel.pull_orders().expect("orders");
    let ids = [ExternalId::from("17"), ExternalId::from("18")];
    assert!(block_on(pull.read(&ids)).is_err());
}

#[test]
fn a_list_that_never_ends_is_given_up() {
    let mut endless = order();
    endless["lineItems"]["pageInfo"] = json!({ "hasNextPage": true, "endCursor": "0" });
    let page = |cursor: usize| {
        let lines = json!({
            "pageInfo": { "hasNextPage": true, "endCursor": cursor.to_string() },
            "nodes": [],
        });
        json!({ "data": { "node": { "orderLines": lines } } })
    };
    // One that repeats its cursor, and one that always has another.
    for (answers, calls) in [
        (vec![page(1), page(1), page(1)], 4),
        ((1..100).map(page).collect::<Vec<_>>(), 52),
    ] {
        let first = orders(std::slice::from_ref(&endless));
        let (channel, script) = open([first, answers].concat());
        let pull = channel.pull_orders().expect("orders");
        let read = block_on(pull.pull(&window())).expect("a page");
        assert_eq!(read.items, vec![]);
        assert!(
            read.malformed[0].reason.contains("does not end"),
            "{:?}",
            read.malformed[0]
        );
        assert_eq!(script.asked.lock().expect("no panics").len(), calls);
    }
}

#[test]
fn an_order_that_vanishes_while_it_is_read_is_shown() {
    let mut long = order();
    long["lineItems"]["pageInfo"] = json!({ "hasNextPage": true, "endCursor": "0" });
    let gone = json!({ "data": { "node": null } });
    let (channel, _) = open([orders(&[long]), vec![gone]].concat());
    let pull = channel.pull_orders().expect("orders");
    let read = block_on(pull.pull(&window())).expect("a page");
    assert!(read.malformed[0].reason.contains("vanished"));
}

fn shipment(lines: &[(&str, i64)]) -> ShipmentPush {
    ShipmentPush {
        order: ExternalId::from("6010000000017"),
        lines: lines
            .iter()
            .map(|(line, units)| (ExternalId::from(*line), Decimal::whole(*units)))
            .collect(),
        carrier: Some("UPS".to_owned()),
        tracking_number: Some("1Z1000".to_owned()),
        tracking_url: Some("https://example.com/1Z1000".to_owned()),
        shipped_at: Time::parse_utc("2026-11-06T11:00:00Z").expect("a time"),
        completes: false,
        key: "shp_1".to_owned(),
    }
}

/// The fixture as `open_fulfillment_orders.graphql` sees it.
fn open_order() -> Value {
    let mut order = order();
    for part in order["fulfillmentOrders"]["nodes"]
        .as_array_mut()
        .expect("parts")
    {
        let actions = match part["status"].as_str() {
            Some("CLOSED") => json!([]),
            _ => json!([{ "action": "CREATE_FULFILLMENT" }]),
        };
        part["supportedActions"] = actions;
    }
    json!({ "data": { "order": order } })
}

fn shipped(id: u64) -> Value {
    let made = json!({ "id": format!("gid://shopify/Fulfillment/{id}"), "legacyResourceId": id });
    json!({ "data": { "fulfillmentCreate": { "fulfillment": made, "userErrors": [] } } })
}

#[test]
fn a_parcel_over_two_locations_is_told_for_each() {
    let refused = json!({ "data": { "fulfillmentCreate": {
        "fulfillment": null, "userErrors": [{ "field": null, "message": "No." }],
    } } });
    let parcel = shipment(&[("11", 1), ("15", 1), ("14", 1)]);
    let told = |answers: Vec<Value>| {
        let (channel, script) = open(answers);
        let push = channel.push_shipments().expect("shipments");
        let ack = block_on(push.push(&parcel)).expect("an ack");
        let asked = std::mem::take(&mut *script.asked.lock().expect("no panics"));
        let parts: Vec<Value> = asked[1..]
            .iter()
            .map(|asked| {
                let input = &asked["variables"]["fulfillment"];
                input["lineItemsByFulfillmentOrder"][0]["fulfillmentOrderId"].clone()
            })
            .collect();
        (ack, parts)
    };
    // Our own location comes first.
    let both = [
        "gid://shopify/FulfillmentOrder/31",
        "gid://shopify/FulfillmentOrder/33",
    ];
    let (ack, parts) = told(vec![open_order(), shipped(43), shipped(44)]);
    assert_eq!(
        ack,
        Ack::Applied {
            reference: Some(ExternalId::from("44"))
        }
    );
    assert_eq!(parts, both);
    // One told, one refused: what is there must be read back.
    let (ack, parts) = told(vec![open_order(), shipped(43), refused.clone()]);
    assert_eq!((ack, parts.len()), (Ack::Ambiguous, 2));
    // The first refused: nothing was told.
    let (ack, parts) = told(vec![open_order(), refused]);
    assert_eq!(
        (ack, parts.len()),
        (
            Ack::Rejected {
                reason: "No.".to_owned()
            },
            1
        )
    );
}

#[test]
fn what_an_earlier_try_told_is_not_told_again() {
    let mut half = open_order();
    half["data"]["order"]["fulfillments"][0]["trackingInfo"] = json!([{ "number": "1Z1000" }]);
    // Three of line 11 are under this number already; one more is left.
    let (channel, script) = open(vec![half.clone(), half, shipped(43)]);
    let push = channel.push_shipments().expect("shipments");
    let parcel = shipment(&[("11", 4)]);
    assert_eq!(block_on(push.find(&parcel)).expect("an answer"), None);
    let ack = block_on(push.push(&parcel)).expect("an ack");
    assert!(matches!(ack, Ack::Applied { .. }));
    let asked = script.asked.lock().expect("no panics");
    let input = &asked[2]["variables"]["fulfillment"]["lineItemsByFulfillmentOrder"];
    assert_eq!(input[0]["fulfillmentOrderLineItems"][0]["quantity"], 1);
}

fn payments(presentment: &str, transactions: &Value) -> Value {
    json!({ "data": { "order": {
        "currencyCode": "EUR", "presentmentCurrencyCode": presentment,
        "transactions": transactions,
        "refunds": [{ "legacyResourceId": "51", "note": null }],
        "lineItems": { "nodes": [{ "id": "gid://shopify/LineItem/11", "unfulfilledQuantity": 1 }] },
    } } })
}

fn refund(amount: &str) -> RefundPush {
    let euro = Currency::new("EUR").expect("a currency");
    let amount = Money::parse(amount, euro).expect("an amount");
    RefundPush {
        order: ExternalId::from("6010000000017"),
        amount,
        lines: vec![(ExternalId::from("11"), Decimal::whole(2), amount)],
        restock: true,
        reason: "x".repeat(400),
        key: "rfd_1".to_owned(),
        made_at: Time::from_seconds(0),
        others: vec![],
    }
}

/// Two payments, of 10 and 20, of which 4 were given back; and what is no payment.
fn two_payments() -> Value {
    let pay = |id: u64, kind: &str, status: &str, amount: &str, parent: Value| {
        json!({
            "id": format!("gid://shopify/OrderTransaction/{id}"), "kind": kind, "status": status,
            "gateway": "bogus", "amountSet": { "shopMoney": { "amount": amount } },
            "parentTransaction": parent,
        })
    };
    let first = json!({ "id": "gid://shopify/OrderTransaction/1" });
    json!([
        pay(1, "SALE", "SUCCESS", "10.0", json!(null)),
        pay(2, "CAPTURE", "SUCCESS", "20.0", json!(null)),
        pay(3, "SALE", "FAILURE", "99.0", json!(null)),
        pay(4, "AUTHORIZATION", "SUCCESS", "99.0", json!(null)),
        pay(5, "REFUND", "SUCCESS", "4.0", first.clone()),
        pay(6, "REFUND", "FAILURE", "6.0", first),
    ])
}

#[test]
fn a_refund_is_taken_from_the_payments_that_are_left() {
    let made = json!({ "data": { "refundCreate": {
        "refund": { "id": "gid://shopify/Refund/52", "legacyResourceId": "52" }, "userErrors": [],
    } } });
    let (channel, script) = open(vec![payments("EUR", &two_payments()), made]);
    let refunds = channel.refund_orders().expect("refunds");
    let ack = block_on(refunds.refund(&refund("25.50"))).expect("an ack");
    let reference = Some(ExternalId::from("52"));
    assert_eq!(ack, Ack::Applied { reference });
    let asked = script.asked.lock().expect("no panics")[1]["variables"]["input"].clone();
    let amounts: Vec<_> = asked["transactions"]
        .as_array()
        .expect("transactions")
        .iter()
        .map(|one| format!("{} of {}", one["amount"], one["parentId"]))
        .collect();
    let parent = |id: u64| format!("\"gid://shopify/OrderTransaction/{id}\"");
    let expected = [
        format!("\"6.00\" of {}", parent(1)),
        format!("\"19.50\" of {}", parent(2)),
    ];
    assert_eq!(amounts, expected);
    let restocks = asked["refundLineItems"].as_array().expect("lines").iter();
    let restocks: Vec<_> = restocks
        .map(|one| format!("{} {}", one["quantity"], one["restockType"]))
        .collect();
    assert_eq!(restocks, ["1 \"CANCEL\"", "1 \"RETURN\""]);
    let note = asked["note"].as_str().expect("a note");
    assert!(
        note.ends_with(" [rfd_1]") && note.chars().count() == 255,
        "{note}"
    );
}

#[test]
fn a_refund_that_the_payments_do_not_allow_is_not_sent() {
    for (answer, amount) in [
        (payments("EUR", &two_payments()), "26.01"),
        (payments("USD", &two_payments()), "1.00"),
        (payments("EUR", &json!([])), "0.01"),
    ] {
        let (channel, script) = open(vec![answer]);
        let refunds = channel.refund_orders().expect("refunds");
        let ack = block_on(refunds.refund(&refund(amount))).expect("an ack");
        assert!(matches!(ack, Ack::Rejected { .. }), "{ack:?}");
        let asked = script.asked.lock().expect("no panics").len();
        assert_eq!(asked, 1, "only the payments were asked for");
    }
}

/// Answers that let every operation go on to what it sends next.
fn answers() -> Vec<Value> {
    let mut long = order();
    for list in ["lineItems", "fulfillmentOrders"] {
        long[list]["pageInfo"] = json!({ "hasNextPage": true, "endCursor": "0" });
    }
    let empty = json!({ "data": {} });
    let found = orders(&[long]);
    vec![
        empty.clone(),
        found[0].clone(),
        found[1].clone(),
        empty.clone(),
        empty.clone(),
        empty.clone(),
        empty.clone(),
        empty.clone(),
        open_order(),
        empty.clone(),
        empty.clone(),
        payments("EUR", &two_payments()),
        empty.clone(),
        json!({ "data": { "webhookSubscriptions": { "nodes": [] } } }),
        empty,
    ]
}

/// Carries out everything once and gives back what was sent. The answers mean nothing, so what
/// comes of them is not looked at.
fn everything_that_we_send() -> Vec<Value> {
    let (channel, script) = open(answers());
    let target = |listing: &str, expected: Option<i64>| StockTarget {
        listing: ListingId::from(listing),
        quantity: Decimal::whole(4),
        expected: expected.map(Decimal::whole),
        believed_at: Time::EPOCH,
    };
    let targets = [target("901", Some(5)), target("902", None)];
    let cancellation = Cancellation {
        order: ExternalId::from("17"),
        reason: CancelReason::OutOfStock,
        key: "int_1".to_owned(),
    };
    let orders = channel.pull_orders().expect("orders");
    let listings = channel.pull_listings().expect("listings");
    let levels = channel.read_stock().expect("levels");
    let stock = channel.push_stock().expect("pushes");
    let shipments = channel.push_shipments().expect("shipments");
    let cancellations = channel.cancel_orders().expect("cancellations");
    let refunds = channel.refund_orders().expect("refunds");
    let hooks = channel.register_hooks().expect("hooks");
    let url = "https://shop.example.com/hooks/eu-shop";
    block_on(async {
        channel.probe().await.err();
        orders.pull(&window()).await.err();
        orders.read(&["17".into()]).await.err();
        listings.pull(Some("cursor")).await.err();
        levels.read(&["901".into()]).await.err();
        stock.push(&targets, "key").await.err();
        shipments.push(&shipment(&[("11", 1)])).await.err();
        cancellations.cancel(&cancellation).await.err();
        refunds.refund(&refund("10.00")).await.err();
        hooks.ensure(url).await.err();
    });
    std::mem::take(&mut *script.asked.lock().expect("no panics"))
}

#[test]
fn everything_that_we_send_fits_the_schema() {
    let asked = everything_that_we_send();
    let names = |asked: &Value| {
        let text = asked["query"].as_str().expect("a document");
        let start = text
            .find("query ")
            .into_iter()
            .chain(text.find("mutation "))
            .min();
        let words = text[start.expect("an operation")..].split([' ', '(']);
        words.take(2).collect::<Vec<_>>().join(" ")
    };
    let sent: std::collections::BTreeSet<String> = asked.iter().map(names).collect();
    let expected = [
        "mutation Cancel",
        "mutation CreateHook",
        "mutation Refund",
        "mutation SetLevels",
        "mutation Ship",
        "query Hooks",
        "query Levels",
        "query Listings",
        "query OpenFulfillmentOrders",
        "query Orders",
        "query OrdersById",
        "query Probe",
        "query RefundBasis",
        "query Rest",
    ];
    assert_eq!(sent.into_iter().collect::<Vec<_>>(), expected);
    for (version, schema) in schema_test::schemas("everything_that_we_send_fits_the_schema") {
        for asked in &asked {
            let text = asked["query"].as_str().expect("a document");
            let problems = schema.check(text, Some(&asked["variables"]));
            assert!(
                problems.is_empty(),
                "{version}: {problems:#?}\n{}",
                asked["variables"]
            );
        }
    }
}

#[test]
fn what_an_answer_says_is_left_is_kept_for_what_is_urgent() {
    let rest = |status: Value| {
        let cost = json!({ "requestedQueryCost": 150, "throttleStatus": status });
        let body = json!({ "data": {}, "extensions": { "cost": cost } });
        let answer = http::Response::new(body.to_string().into_bytes());
        let rest = super::super::api::rest(&answer)?;
        Some((rest.usual.as_millis(), rest.leisurely.as_millis()))
    };
    let status = |left: Value, rate: Value| json!({ "currentlyAvailable": left, "restoreRate": rate, "maximumAvailable": 2000.0 });
    // 250 points for what is urgent, or 1,200 for all others, and 150 for the same once more.
    for (left, rate, expected) in [
        (json!(2000), json!(100), Some((0, 0))),
        (json!(1000), json!(100), Some((0, 3500))),
        (json!(50), json!(100.0), Some((3500, 13_000))),
        (json!(0), json!(1000), Some((400, 1350))),
        (json!(-1e12), json!(1), Some((60_000, 60_000))),
        (json!(0), json!(0), None),
        (json!("much"), json!(100), None),
    ] {
        assert_eq!(rest(status(left.clone(), rate)), expected, "{left}");
    }
    let unknown = json!({ "currentlyAvailable": 100, "restoreRate": 100 });
    assert_eq!(
        rest(unknown),
        Some((3000, 3000)),
        "a bucket of unknown size"
    );
    assert_eq!(rest(json!(null)), None);
    let page = http::Response::new(b"<html>".to_vec());
    assert_eq!(super::super::api::rest(&page), None);
}

#[test]
fn what_an_answer_says_is_left_is_told_as_it_is() {
    let left = |status: Value| {
        let cost = json!({ "requestedQueryCost": 150, "throttleStatus": status });
        let body = json!({ "data": {}, "extensions": { "cost": cost } });
        let answer = http::Response::new(body.to_string().into_bytes());
        let said = super::super::api::allowance(&answer)?;
        assert_eq!(said.unit, "points");
        Some((said.left, said.of, said.restored_per_second))
    };
    for (left_is, of, rate, expected) in [
        (
            json!(1850),
            json!(2000),
            json!(100),
            Some((1850, Some(2000), Some(100))),
        ),
        (
            json!(12.75),
            json!(2000.0),
            json!(100.0),
            Some((12, Some(2000), Some(100))),
        ),
        (json!(-3), json!(null), json!(null), Some((0, None, None))),
        (json!(null), json!(2000), json!(100), None),
        (json!("much"), json!(2000), json!(100), None),
    ] {
        let status =
            json!({ "currentlyAvailable": left_is, "maximumAvailable": of, "restoreRate": rate });
        assert_eq!(left(status), expected, "{left_is}");
    }
    let page = http::Response::new(b"<html>".to_vec());
    assert_eq!(super::super::api::allowance(&page), None);
}
