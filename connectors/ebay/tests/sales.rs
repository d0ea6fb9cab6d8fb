//! What is done to orders: parcels, cancellations, refunds.

use channel::{Ack, CancelReason, Cancellation, ErrorKind, RefundPush, ShipmentPush};
use domain::{Currency, Decimal, ExternalId, Money, Time};
use serde_json::{Value, json};

use super::{Stage, block_on, order, reply, with_token};

const ORDER: &str = "12-34567-89012";

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
        shipped_at: Time::parse_utc("2026-11-01T13:30:00Z").expect("a time"),
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
        made_at: Time::from_seconds(0),
        others: vec![],
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
fn a_refund_of_the_same_amount_is_not_taken_for_another_one() {
    let amount = json!({ "value": "5.00", "currency": "USD" });
    let mut order = order();
    order["paymentSummary"]["refunds"] = json!([
        { "refundId": "1", "refundDate": "2026-11-20T10:00:00.000Z", "amount": amount },
        { "refundId": "2", "refundDate": "2026-11-20T12:00:00.000Z", "amount": amount },
    ]);
    let stage = Stage::new(with_token(move |_| reply(200, &order)));
    let channel = stage.open();
    let refunds = channel.refund_orders().expect("refunds");
    let at = |text: &str| text.parse::<Time>().expect("a time");
    for (made_at, others, expected) in [
        ("2026-11-20T09:59:00Z", vec![], Some("1")),
        ("2026-11-20T10:04:00Z", vec![], Some("1")),
        ("2026-11-20T10:06:00Z", vec![], Some("2")),
        ("2026-11-20T12:06:00Z", vec![], None),
        ("2026-11-20T09:59:00Z", vec!["1"], Some("2")),
        ("2026-11-20T09:59:00Z", vec!["2"], Some("1")),
        ("2026-11-20T09:59:00Z", vec!["1", "2"], None),
    ] {
        let push = RefundPush {
            made_at: at(made_at),
            others: others.into_iter().map(ExternalId::from).collect(),
            ..refund(500, &[])
        };
        let found = block_on(refunds.find(&push)).expect("an answer");
        let expected = expected.map(|id| Ack::Applied {
            reference: Some(ExternalId::from(id)),
        });
        assert_eq!(found, expected, "{push:?}");
    }
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
