//! Reading orders, and what is done to them: parcels, cancellations, refunds, subscriptions.

use channel::{
    Ack, CancelReason, Cancellation, ErrorKind, OrderReading, OrderWindow, RefundPush,
    ShipmentPush, http::Request,
};
use domain::{Currency, Decimal, ExternalId, Money, Time};
use serde_json::{Value, json};

use super::{Stage, block_on, order, reply, with_token};

const ORDER: &str = "12-34567-89012";

fn at(text: &str) -> Time {
    Time::parse_utc(text).expect("a time")
}

fn window(changed_since: &str, page: Option<&str>) -> OrderWindow {
    OrderWindow {
        changed_since: at(changed_since),
        page: page.map(str::to_owned),
    }
}

fn path(request: &Request) -> &str {
    request
        .uri()
        .path()
        .trim_start_matches("/sell/fulfillment/v1")
}

fn order_page(orders: Value) -> Value {
    json!({ "total": 1, "orders": orders })
}

#[test]
fn the_window_is_written_as_ebay_documents_it() {
    let stage = Stage::new(with_token(|_| reply(200, &order_page(json!([])))));
    let channel = stage.open();
    let orders = channel.pull_orders().expect("orders");
    for (since, written) in [
        ("2026-11-01T11:00:00Z", "2026-11-01T11%3A00%3A00.000Z"),
        ("2026-11-01T11:00:00.070Z", "2026-11-01T11%3A00%3A00.070Z"),
        // Dates in the future and beyond two years are refused there.
        ("2027-01-01T00:00:00Z", "2026-11-01T12%3A00%3A00.000Z"),
        ("1970-01-01T00:00:00Z", "2024-11-02T12%3A00%3A00.000Z"),
    ] {
        block_on(orders.pull(&window(since, None))).expect("a page");
        let events = stage.events();
        let expected = format!(
            "GET https://ebay.example.com/sell/fulfillment/v1/order\
             ?filter=lastmodifieddate%3A%5B{written}..%5D&limit=200&offset=0"
        );
        assert_eq!(events.last(), Some(&expected), "{since}");
    }
}

#[test]
fn pages_overlap_stay_at_home_and_come_to_an_end() {
    for (offset, next, expected) in [
        (
            None,
            "https://elsewhere.example.com/order?limit=200&offset=200",
            Some("190"),
        ),
        (
            Some("190"),
            "/sell/fulfillment/v1/order?offset=390&limit=200",
            Some("380"),
        ),
        (None, "?limit=3&offset=3", Some("3")),
        (Some("200"), "?limit=200&offset=200", None),
        (Some("200"), "?limit=200&offset=100", None),
        (None, "?limit=200&offset=99999999", None),
        (None, "?limit=200&offset=-1", None),
        (None, "nonsense", None),
    ] {
        let link = next.to_owned();
        let stage = Stage::new(with_token(move |_| {
            let mut page = order_page(json!([]));
            page["next"] = json!(link);
            reply(200, &page)
        }));
        let channel = stage.open();
        let orders = channel.pull_orders().expect("orders");
        let page = block_on(orders.pull(&window("2026-11-01T11:00:00Z", offset)));
        assert_eq!(
            page.expect("a page").next.as_deref(),
            expected,
            "{offset:?} {next}"
        );
        let home = |event: &String| event.contains("https://ebay.example.com/");
        assert!(stage.events().iter().all(home));
    }
}

#[test]
fn one_malformed_order_does_not_hide_the_others() {
    let mut numb = order();
    numb["lineItems"][0]["quantity"] = json!("some");
    let mut strange = order();
    strange["orderId"] = json!("../../x");
    let listed = json!([numb, 7, strange, { "orderId": "99-00000-00000" }, order()]);
    let stage = Stage::new(with_token(move |_| reply(200, &order_page(listed.clone()))));
    let channel = stage.open();
    let orders = channel.pull_orders().expect("orders");
    let page = block_on(orders.pull(&window("2026-11-01T11:00:00Z", None))).expect("a page");
    assert_eq!(page.items.len(), 1);
    let ids: Vec<Option<&str>> = page
        .malformed
        .iter()
        .map(|malformed| malformed.external_id.as_deref())
        .collect();
    assert_eq!(
        ids,
        [Some(ORDER), None, Some("../../x"), Some("99-00000-00000")]
    );
}

#[test]
fn what_a_list_leaves_out_is_fetched_for_both_ways_of_reading() {
    let mut listed = order();
    listed["cancelStatus"] = json!({ "cancelState": "IN_PROGRESS", "cancelRequests": [] });
    listed["lineItems"][0]["lineItemFulfillmentStatus"] = json!("IN_PROGRESS");
    let mut single = listed.clone();
    single["cancelStatus"]["cancelRequests"] =
        json!([{ "cancelInitiator": "Buyer", "cancelReason": "ORDER_MISTAKE" }]);
    let stage = Stage::new(with_token(move |request| match path(request) {
        "/order" => reply(200, &order_page(json!([listed]))),
        "/order/12-34567-89012" => reply(200, &single),
        "/order/12-34567-89012/shipping_fulfillment" => {
            let line = json!({ "lineItemId": "10000000000001", "quantity": 1 });
            reply(200, &json!({ "fulfillments": [{ "lineItems": [line] }] }))
        }
        other => panic!("{other}"),
    }));
    let channel = stage.open();
    let orders = channel.pull_orders().expect("orders");
    let page = block_on(orders.pull(&window("2026-11-01T11:00:00Z", None))).expect("a page");
    let polled = &page.items[0];
    assert_eq!(polled.lines[0].shipped, Decimal::whole(1));
    assert_eq!(polled.words["cancelReason"], "ORDER_MISTAKE");
    let read = block_on(orders.read(&[ExternalId::from(ORDER)])).expect("readings");
    assert_eq!(read[0].1, OrderReading::Found(Box::new(polled.clone())));
}

#[test]
fn an_order_is_gone_only_when_it_alone_is_not_found() {
    let stage = Stage::new(with_token(|request| match path(request) {
        "/order" => reply(200, &order_page(json!([]))),
        "/order/12-34567-89012" => reply(200, &order()),
        _ => reply(404, &json!({})),
    }));
    let channel = stage.open();
    let orders = channel.pull_orders().expect("orders");
    let ids = [ORDER, "00-00000-00000", "../config", ""].map(ExternalId::from);
    let readings = block_on(orders.read(&ids)).expect("readings");
    let found = |id: &str| {
        let reading = readings.iter().find(|(read, _)| read.as_str() == id);
        &reading.expect("a reading for each").1
    };
    assert!(matches!(found(ORDER), OrderReading::Found(_)));
    assert_eq!(found("00-00000-00000"), &OrderReading::Gone);
    assert_eq!(found("../config"), &OrderReading::Gone);
    assert_eq!(found(""), &OrderReading::Gone);
    assert!(stage.events().iter().all(|event| !event.contains("config")));
}

#[test]
fn fifty_orders_are_read_in_one_call_and_a_bad_one_does_not_spoil_the_rest() {
    let stage = Stage::new(with_token(|request| match path(request) {
        "/order" => reply(400, &json!({ "errors": [{ "errorId": 32_100 }] })),
        _ => reply(200, &order()),
    }));
    let channel = stage.open();
    let orders = channel.pull_orders().expect("orders");
    let ids: Vec<ExternalId> = (0..51)
        .map(|n| ExternalId::new(format!("12-34567-{n:05}")))
        .collect();
    let readings = block_on(orders.read(&ids)).expect("readings");
    assert_eq!(readings.len(), 51);
    let lists = |event: &&String| event.contains("orderIds=");
    let events = stage.events();
    let batches: Vec<usize> = events
        .iter()
        .filter(lists)
        .map(|event| event.matches("12-34567").count())
        .collect();
    assert_eq!(batches, [50, 1]);
}

fn shipment(lines: &[(&str, &str)], tracking: Option<&str>) -> ShipmentPush {
    ShipmentPush {
        order: ExternalId::from(ORDER),
        lines: lines
            .iter()
            .map(|(line, units)| (ExternalId::from(*line), units.parse().expect("a decimal")))
            .collect(),
        carrier: Some("Royal Mail".to_owned()),
        tracking_number: tracking.map(str::to_owned),
        tracking_url: None,
        shipped_at: at("2026-11-01T13:30:00Z"),
        completes: false,
        key: "k".to_owned(),
    }
}

#[test]
fn a_parcel_is_told_in_ebay_s_form() {
    let stage = Stage::new(with_token(|_| {
        http::Response::builder()
            .status(201)
            .header(
                "location",
                "https://ebay.example.com/x/shipping_fulfillment/RM123GB?a=b",
            )
            .body(b"{}".to_vec())
            .expect("an answer")
    }));
    let channel = stage.open();
    let shipments = channel.push_shipments().expect("shipments");
    let lines = [("2", "1"), ("1", "2")];
    let ack = block_on(shipments.push(&shipment(&lines, Some(" RM-123 gb ")))).expect("an answer");
    let reference = Some(ExternalId::from("RM123GB"));
    assert_eq!(ack, Ack::Applied { reference });
    let expected = json!({
        "lineItems": [
            { "lineItemId": "1", "quantity": 2 },
            { "lineItemId": "2", "quantity": 1 },
        ],
        // Our clock is not ahead of itself: it stands at noon.
        "shippedDate": "2026-11-01T12:00:00.000Z",
        "trackingNumber": "RM123gb",
        "shippingCarrierCode": "RoyalMail",
    });
    assert_eq!(stage.bodies()[0].1, expected);
    for tracking in [None, Some(""), Some(" - ")] {
        block_on(shipments.push(&shipment(&lines, tracking))).expect("an answer");
        let body = &stage.bodies()[0].1;
        assert_eq!(body.get("trackingNumber"), None, "{tracking:?}");
        assert_eq!(body.get("shippingCarrierCode"), None, "a pair or nothing");
    }
    for lines in [&[][..], &[("1", "0.5")], &[("1", "0")], &[("1", "-1")]] {
        let ack = block_on(shipments.push(&shipment(lines, None))).expect("an answer");
        assert!(matches!(ack, Ack::Rejected { .. }), "{lines:?}");
    }
}

#[test]
fn a_parcel_is_found_by_its_number_or_by_its_content() {
    let parcels = json!({ "fulfillments": [
        { "fulfillmentId": "RM123GB", "shipmentTrackingNumber": "RM123GB",
          "lineItems": [{ "lineItemId": "1", "quantity": 2 }] },
        { "fulfillmentId": "999", "lineItems": [
            { "lineItemId": "2", "quantity": 3 }, { "lineItemId": "1" }] },
    ] });
    let stage = Stage::new(with_token(move |_| reply(200, &parcels)));
    let channel = stage.open();
    let shipments = channel.push_shipments().expect("shipments");
    for (lines, tracking, expected) in [
        (&[("1", "2")][..], Some("rm-123-gb"), Some("RM123GB")),
        (&[("1", "2")], Some("RM124GB"), None),
        (&[("1", "2")], None, None),
        (&[("1", "1"), ("2", "3")], None, Some("999")),
        (&[("1", "1")], None, None),
    ] {
        let found = block_on(shipments.find(&shipment(lines, tracking))).expect("an answer");
        let expected = expected.map(|id| Ack::Applied {
            reference: Some(ExternalId::from(id)),
        });
        assert_eq!(found, expected, "{lines:?} {tracking:?}");
    }
}

#[test]
fn a_refused_parcel_is_refused_in_ebay_s_words() {
    for (status, expected) in [
        (
            400,
            Ok(Ack::Rejected {
                reason: "32300: Invalid shipment tracking number or carrier".to_owned(),
            }),
        ),
        (
            409,
            Ok(Ack::Rejected {
                reason: "32300: Invalid shipment tracking number or carrier".to_owned(),
            }),
        ),
        (404, Err(ErrorKind::Gone)),
        (
            500,
            Err(ErrorKind::Ambiguous {
                reason: "status 500 Internal Server Error".to_owned(),
            }),
        ),
    ] {
        let stage = Stage::new(with_token(move |request| {
            if request.method() == http::Method::GET {
                return reply(200, &json!({ "fulfillments": [] }));
            }
            let message = "Invalid shipment tracking number or carrier";
            reply(
                status,
                &json!({ "errors": [{ "errorId": 32_300, "message": message }] }),
            )
        }));
        let channel = stage.open();
        let shipments = channel.push_shipments().expect("shipments");
        let ack = block_on(shipments.push(&shipment(&[("1", "1")], Some("X1"))));
        assert_eq!(ack.map_err(|error| error.kind), expected, "{status}");
    }
}

/// Cancels an order in this state, and tells what was written there.
fn cancel(order: Value, eligibility: Value, made: Value) -> (Ack, Vec<(String, Value)>) {
    let stage = Stage::new(with_token(move |request| {
        let path = request.uri().path();
        if path.starts_with("/post-order") {
            assert_eq!(request.headers()["authorization"], "IAF access");
            assert_eq!(request.headers()["x-ebay-c-marketplace-id"], "EBAY_US");
        }
        if path.ends_with("/check_eligibility") {
            reply(200, &eligibility)
        } else if path.starts_with("/post-order") {
            reply(200, &made)
        } else {
            reply(200, &order)
        }
    }));
    let channel = stage.open();
    let cancellation = Cancellation {
        order: ExternalId::from(ORDER),
        reason: CancelReason::BuyerRequest,
        key: "k".to_owned(),
    };
    let orders = channel.cancel_orders().expect("cancellations");
    let ack = block_on(orders.cancel(&cancellation)).expect("an answer");
    (ack, stage.bodies())
}

#[test]
fn an_order_is_canceled_by_its_older_id() {
    let allowed = json!({ "eligible": true, "eligibleCancelReason": ["BUYER_ASKED_CANCEL"] });
    let (ack, bodies) = cancel(order(), allowed, json!({ "cancelId": 5001 }));
    let reference = Some(ExternalId::from("5001"));
    assert_eq!(ack, Ack::Applied { reference });
    let legacy = "110000000001-29000000001";
    let expected = [
        (
            "/post-order/v2/cancellation/check_eligibility".to_owned(),
            json!({ "legacyOrderId": legacy }),
        ),
        (
            "/post-order/v2/cancellation".to_owned(),
            json!({
                "legacyOrderId": legacy,
                "cancelReason": "BUYER_ASKED_CANCEL",
                "buyerPaid": true,
                "buyerPaidDate": { "value": "2026-11-01T10:00:05.000Z" },
            }),
        ),
    ];
    assert_eq!(bodies, expected);
}

#[test]
fn what_stands_in_the_way_of_a_cancellation_is_told() {
    let refused = json!({ "eligible": false, "failureReason": ["CASE_EXIST"] });
    let narrow = json!({ "eligible": true, "eligibleCancelReason": ["ORDER_UNPAID"] });
    let allowed = json!({ "eligible": true });
    for (eligibility, made, told) in [
        (refused.clone(), json!({}), Some("CASE_EXIST")),
        (narrow, json!({}), Some("ORDER_UNPAID")),
        (
            allowed.clone(),
            json!({ "orderEligibilityResult": refused }),
            Some("CASE_EXIST"),
        ),
        (allowed, json!({}), None),
    ] {
        let (ack, _) = cancel(order(), eligibility.clone(), made.clone());
        match (told, ack) {
            (Some(told), Ack::Rejected { reason }) => assert!(reason.contains(told), "{reason}"),
            (None, ack) => assert_eq!(ack, Ack::Ambiguous),
            (Some(told), ack) => panic!("{ack:?} instead of {told}"),
        }
    }
}

#[test]
fn a_cancellation_that_is_open_already_is_joined() {
    let with = |state: &str, requests: Value| {
        let mut order = order();
        order["cancelStatus"] = json!({ "cancelState": state, "cancelRequests": requests });
        order
    };
    let request = |by: &str| json!([{ "cancelRequestId": "5001", "cancelInitiator": by }]);
    let never = || (json!({ "eligible": false }), json!({}));
    let applied = |id: Option<&str>| Ack::Applied {
        reference: id.map(ExternalId::from),
    };
    for (order, ack, writes) in [
        (with("CANCELED", json!([])), applied(None), vec![]),
        (
            with("IN_PROGRESS", request("Seller")),
            applied(Some("5001")),
            vec![],
        ),
        (
            with("IN_PROGRESS", request("Buyer")),
            applied(Some("5001")),
            vec!["/post-order/v2/cancellation/5001/approve"],
        ),
    ] {
        let (eligibility, made) = never();
        let (found, bodies) = cancel(order.clone(), eligibility, made);
        assert_eq!(found, ack, "{}", order["cancelStatus"]);
        let paths: Vec<&str> = bodies.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, writes);
    }
    let mut nameless = request("Buyer");
    nameless[0]["cancelRequestId"] = Value::Null;
    let (eligibility, made) = never();
    let (ack, _) = cancel(with("IN_PROGRESS", nameless), eligibility, made);
    assert!(matches!(ack, Ack::Rejected { .. }));
}

fn usd(minor: i64) -> Money {
    let dollar = Currency::new("USD").expect("a currency");
    Money::from_minor(minor, dollar).expect("an amount")
}

fn refund(minor: i64, lines: &[(&str, i64)]) -> RefundPush {
    RefundPush {
        order: ExternalId::from(ORDER),
        amount: usd(minor),
        lines: lines
            .iter()
            .map(|(line, minor)| (ExternalId::from(*line), Decimal::whole(1), usd(*minor)))
            .collect(),
        restock: false,
        reason: format!("Sorry!\n{}", "x".repeat(200)),
        key: "k".to_owned(),
    }
}

#[test]
fn a_refund_is_for_lines_only_when_they_explain_it() {
    let stage = Stage::new(with_token(|_| {
        reply(
            200,
            &json!({ "refundId": "6001", "refundStatus": "PENDING" }),
        )
    }));
    let channel = stage.open();
    let refunds = channel.refund_orders().expect("refunds");
    for (push, is_by_line) in [
        (refund(1000, &[]), false),
        (refund(1000, &[("1", 600), ("2", 400)]), true),
        (refund(1000, &[("1", 600)]), false),
        (refund(1000, &[("1", 1000), ("2", 0)]), false),
    ] {
        let ack = block_on(refunds.refund(&push)).expect("an answer");
        let reference = Some(ExternalId::from("6001"));
        assert_eq!(ack, Ack::Applied { reference });
        let (path, body) = stage.bodies().remove(0);
        assert_eq!(
            path,
            "/sell/fulfillment/v1/order/12-34567-89012/issue_refund"
        );
        assert_eq!(body.get("refundItems").is_some(), is_by_line, "{body}");
        assert_eq!(body.get("orderLevelRefundAmount").is_some(), !is_by_line);
        assert_eq!(body["comment"].as_str().map(str::len), Some(100));
        assert!(body["reasonForRefund"].is_string());
    }
    let ack = block_on(refunds.refund(&refund(0, &[]))).expect("an answer");
    assert!(matches!(ack, Ack::Rejected { .. }));
}

#[test]
fn a_refund_is_found_by_its_amount() {
    let amount = |value: &str| json!({ "value": value, "currency": "USD" });
    let mut order = order();
    order["paymentSummary"]["refunds"] = json!([
        { "refundId": "1", "refundStatus": "FAILED", "amount": amount("7.00") },
        { "refundId": "2", "refundStatus": "PENDING", "amount": amount("5.00") },
    ]);
    order["lineItems"][0]["refunds"] = json!([{ "refundId": "3", "amount": amount("6.00") }]);
    order["lineItems"][1]["refunds"] = json!([{ "refundId": "3", "amount": amount("4.00") }]);
    let stage = Stage::new(with_token(move |_| reply(200, &order)));
    let channel = stage.open();
    let refunds = channel.refund_orders().expect("refunds");
    let (mugs, stickers) = ("10000000000001", "10000000000002");
    for (push, expected) in [
        (refund(500, &[]), Some("2")),
        (refund(700, &[]), None),
        (refund(501, &[]), None),
        (refund(1000, &[(mugs, 600), (stickers, 400)]), Some("3")),
        (refund(1000, &[(mugs, 400), (stickers, 600)]), None),
        (refund(1000, &[]), None),
    ] {
        let found = block_on(refunds.find(&push)).expect("an answer");
        let expected = expected.map(|id| Ack::Applied {
            reference: Some(ExternalId::from(id)),
        });
        assert_eq!(found, expected, "{push:?}");
    }
}

#[test]
fn a_refund_that_ebay_takes_later_is_tried_later() {
    for (error_id, is_later) in [(34_922, true), (34_929, true), (34_917, false)] {
        let stage = Stage::new(with_token(move |_| {
            reply(
                409,
                &json!({ "errors": [{ "errorId": error_id, "message": "no" }] }),
            )
        }));
        let channel = stage.open();
        let refunds = channel.refund_orders().expect("refunds");
        let answer = block_on(refunds.refund(&refund(500, &[])));
        match answer {
            Err(error) => {
                assert!(is_later, "{error_id}");
                assert!(matches!(error.kind, ErrorKind::Retry { .. }));
            }
            Ok(ack) => {
                assert!(!is_later, "{error_id}");
                assert!(matches!(ack, Ack::Rejected { .. }));
            }
        }
    }
    let failed = json!({ "refundStatus": "FAILED" });
    let stage = Stage::new(with_token(move |_| reply(200, &failed)));
    let channel = stage.open();
    let refunds = channel.refund_orders().expect("refunds");
    let ack = block_on(refunds.refund(&refund(500, &[]))).expect("an answer");
    assert!(matches!(ack, Ack::Rejected { .. }));
}
