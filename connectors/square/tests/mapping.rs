//! From the fixtures to snapshots, with every word that Square documents.

use domain::{
    Decimal, ListingId, Money,
    snapshot::{OrderSnapshot, PaymentState, Standing},
    verify::{Sum, add_up},
};
use serde_json::{Value, json};

use super::{
    super::{map, wire},
    decimal, fixture,
};

fn mapped(order: &Value) -> Result<OrderSnapshot, String> {
    let skus = [
        ("V-MUG".to_owned(), Some("MUG-1".to_owned())),
        ("V-CHEESE".to_owned(), None),
    ];
    let order: wire::Order = serde_json::from_value(order.clone()).map_err(|e| e.to_string())?;
    map::order(&order, &skus.into_iter().collect())
}

/// The fixture with one value replaced.
fn with(name: &str, path: &str, value: Value) -> Value {
    let mut order = fixture(name);
    let (parent, key) = path.rsplit_once('/').expect("a path");
    let parent = order.pointer_mut(parent).expect("a parent");
    match parent {
        Value::Array(list) => list[key.parse::<usize>().expect("a place")] = value,
        other => other[key] = value,
    }
    order
}

#[test]
fn a_counter_sale_has_left_the_shop() {
    let order = mapped(&fixture("counter-sale")).expect("an order");
    assert_eq!(order.number, "CAISEOrderCounter0000000001");
    assert_eq!(order.version.revision, 4);
    assert_eq!(
        order.version.changed_at.to_string(),
        "2026-11-01T10:00:00.25Z"
    );
    assert_eq!(order.placed_at.to_string(), "2026-10-30T09:00:00.125Z");
    assert_eq!(
        (&order.standing, &order.payment),
        (&Standing::Placed, &PaymentState::Paid)
    );
    assert_eq!(order.total.to_string(), "36.04 EUR");
    assert_eq!(order.tax.to_string(), "3.80 EUR");
    assert_eq!(order.discount.to_string(), "0.50 EUR");
    assert_eq!(order.ship_to, None);
    assert_eq!(order.note, "thin slices, please");
    assert_eq!(order.words["ticket"], "Table 4");
    assert_eq!(order.words["tender"], "CASH");
    let [mug, cheese, amount] = order.lines.as_slice() else {
        panic!("three lines");
    };
    assert_eq!(
        (mug.title.as_str(), mug.sku.as_deref()),
        ("Mug", Some("MUG-1"))
    );
    assert_eq!(mug.listing, Some(ListingId::new("V-MUG")));
    assert_eq!(mug.unit_price.expect("a price").to_string(), "11.90 EUR");
    assert_eq!(
        (cheese.title.as_str(), cheese.sku.as_deref()),
        ("Cheese (Old)", None)
    );
    assert_eq!(cheese.listing, Some(ListingId::new("V-CHEESE")));
    assert_eq!(cheese.ordered, decimal("0.35125"));
    assert_eq!(cheese.total.to_string(), "11.24 EUR");
    assert_eq!(cheese.unit_price, None, "modifiers change the price");
    for line in [mug, cheese] {
        assert_eq!(
            (line.shipped, line.subtracted),
            (line.ordered, line.ordered)
        );
    }
    assert_eq!(
        (amount.title.as_str(), &amount.listing),
        ("Custom amount", &None)
    );
    assert_eq!(
        (amount.shipped, amount.subtracted),
        (Decimal::whole(1), Decimal::ZERO)
    );
    assert!(order.lines.iter().all(|line| !line.requires_shipping));
}

#[test]
fn an_online_order_says_where_it_goes_and_when() {
    let order = mapped(&fixture("online-order")).expect("an order");
    assert_eq!(order.number, "WEB-1001");
    assert_eq!(order.shipping.to_string(), "4.90 EUR");
    assert_eq!(
        order.ship_by.map(|at| at.to_string()).as_deref(),
        Some("2026-11-02T12:00:00Z")
    );
    let to = order.ship_to.expect("an address");
    assert_eq!(to.name, "Sandbox Buyer");
    assert_eq!(to.street, ["Example Street 1", "Backyard"]);
    assert_eq!((to.region.as_str(), to.country.as_str()), ("BE", "DE"));
    assert_eq!(order.buyer.email, "buyer@example.com");
    assert_eq!(
        order.words["fulfillment"],
        "SHIPMENT PROPOSED, SHIPMENT PROPOSED"
    );
    assert!(order.lines[0].requires_shipping);
    assert!(!order.lines[1].requires_shipping, "a gift card is not sent");
    assert_eq!(order.lines[0].subtracted, Decimal::whole(3), "paid");
}

#[test]
fn a_return_is_no_sale() {
    let order = mapped(&fixture("return")).expect("an order");
    assert_eq!(order.standing, Standing::Draft);
    assert_eq!(order.words["return_of"], "CAISEOrderCounter0000000001");
    assert_eq!(order.lines, vec![]);
    let mut exchange = fixture("counter-sale");
    exchange["returns"] = json!([{ "return_line_items": [
        { "source_line_item_uid": "line-mug", "quantity": "1" }
    ] }]);
    let exchange = mapped(&exchange).expect("an order");
    assert_eq!(exchange.lines[0].returned, Decimal::whole(1));
    assert_eq!(exchange.lines[1].returned, Decimal::ZERO);
}

#[test]
fn every_state_of_an_order_is_read() {
    let unmapped = || Standing::Unmapped("state ARCHIVED".to_owned());
    for (state, standing, shipped, canceled) in [
        ("OPEN", Standing::Placed, 0, 0),
        ("COMPLETED", Standing::Placed, 2, 0),
        ("CANCELED", Standing::Canceled, 0, 2),
        ("DRAFT", Standing::Draft, 0, 0),
        ("ARCHIVED", unmapped(), 0, 0),
    ] {
        let order = mapped(&with("counter-sale", "/state", json!(state))).expect("an order");
        assert_eq!(order.standing, standing, "{state}");
        let line = &order.lines[0];
        assert_eq!(line.shipped, Decimal::whole(shipped), "{state}");
        assert_eq!(line.canceled, Decimal::whole(canceled), "{state}");
    }
}

#[test]
fn every_state_of_a_fulfillment_is_read() {
    // The first fulfillment holds two of three mugs, the second one.
    let unmapped = |word: &str| Standing::Unmapped(format!("fulfillment {word}"));
    for (first, second, standing, shipped, canceled) in [
        ("PROPOSED", "PROPOSED", Standing::Placed, 0, 0),
        ("RESERVED", "PROPOSED", Standing::Placed, 0, 0),
        ("PREPARED", "PROPOSED", Standing::Placed, 0, 0),
        ("COMPLETED", "PROPOSED", Standing::Placed, 2, 0),
        ("COMPLETED", "COMPLETED", Standing::Placed, 3, 0),
        ("COMPLETED", "CANCELED", Standing::Placed, 2, 1),
        ("CANCELED", "PROPOSED", Standing::Placed, 0, 2),
        ("CANCELED", "COMPLETED", Standing::Placed, 1, 2),
        ("FAILED", "PROPOSED", Standing::Placed, 0, 0),
        ("LOST", "PROPOSED", unmapped("state LOST"), 0, 0),
    ] {
        let mut order = with("online-order", "/fulfillments/0/state", json!(first));
        order["fulfillments"][1]["state"] = json!(second);
        let order = mapped(&order).expect("an order");
        let name = format!("{first} {second}");
        assert_eq!(order.standing, standing, "{name}");
        assert_eq!(order.lines[0].shipped, Decimal::whole(shipped), "{name}");
        assert_eq!(order.lines[0].canceled, Decimal::whole(canceled), "{name}");
    }
}

#[test]
fn a_fulfillment_that_replaces_a_canceled_one_cancels_nothing() {
    let mut order = fixture("online-order");
    let mut replaced = order["fulfillments"][0].clone();
    replaced["state"] = json!("CANCELED");
    order["fulfillments"]
        .as_array_mut()
        .expect("a list")
        .push(replaced);
    let order = mapped(&order).expect("an order");
    assert_eq!(order.lines[0].canceled, Decimal::ZERO);
}

#[test]
fn every_way_to_the_buyer_is_read() {
    let unmapped = Standing::Unmapped("fulfillment type DRONE".to_owned());
    for (kind, standing, is_handed_over, has_address) in [
        ("SHIPMENT", Standing::Placed, true, true),
        ("DELIVERY", Standing::Placed, true, true),
        ("PICKUP", Standing::Placed, true, false),
        ("DIGITAL", Standing::Placed, false, false),
        ("DRONE", unmapped, true, false),
    ] {
        let mut order = fixture("online-order");
        let mut fulfillment = order["fulfillments"][0].clone();
        fulfillment["type"] = json!(kind);
        fulfillment["line_item_application"] = json!("ALL");
        order["fulfillments"] = json!([fulfillment]);
        let order = mapped(&order).expect("an order");
        assert_eq!(order.standing, standing, "{kind}");
        assert_eq!(order.lines[0].requires_shipping, is_handed_over, "{kind}");
        assert_eq!(order.ship_to.is_some(), has_address, "{kind}");
    }
}

/// Amounts with a word: `6060 CAPTURED`; nothing for an empty text.
fn amounts(text: &str) -> Vec<Value> {
    let amounts = text.split(", ").filter_map(|one| one.split_once(' '));
    amounts
        .map(|(amount, word)| {
            json!({
                "type": "CARD",
                "status": word,
                "card_details": { "status": word },
                "amount_money": {
                    "amount": amount.parse::<i64>().expect("an amount"),
                    "currency": "EUR",
                },
            })
        })
        .collect()
}

#[test]
fn every_state_of_the_money_is_read() {
    let word = |text: &str| PaymentState::Unmapped(text.to_owned());
    for (tenders, refunds, due, payment, is_subtracted) in [
        ("", "", 6060, PaymentState::Pending, false),
        ("6060 CAPTURED", "", 0, PaymentState::Paid, true),
        ("60 CAPTURED", "", 6000, PaymentState::PartPaid, true),
        ("60 FAILED, 6060 CAPTURED", "", 0, PaymentState::Paid, true),
        ("6060 AUTHORIZED", "", 0, PaymentState::Authorized, true),
        ("6060 VOIDED", "", 6060, PaymentState::Voided, false),
        ("6060 FAILED", "", 6060, PaymentState::Voided, false),
        ("6060 HELD", "", 0, word("tender HELD"), true),
        (
            "6060 CAPTURED",
            "10 PENDING",
            0,
            PaymentState::PartRefunded,
            true,
        ),
        (
            "6060 CAPTURED",
            "6060 APPROVED",
            0,
            PaymentState::Refunded,
            true,
        ),
        (
            "6060 CAPTURED",
            "60 PENDING, 6000 APPROVED",
            0,
            PaymentState::Refunded,
            true,
        ),
        (
            "6060 CAPTURED",
            "6060 REJECTED",
            0,
            PaymentState::Paid,
            true,
        ),
        ("6060 CAPTURED", "6060 FAILED", 0, PaymentState::Paid, true),
        ("6060 CAPTURED", "1 LATE", 0, word("refund LATE"), true),
    ] {
        let mut order = fixture("online-order");
        order["tenders"] = json!(amounts(tenders));
        order["refunds"] = json!(amounts(refunds));
        order["net_amount_due_money"]["amount"] = json!(due);
        let order = mapped(&order).expect("an order");
        assert_eq!(order.payment, payment, "{tenders} / {refunds}");
        let subtracted = if is_subtracted { 3 } else { 0 };
        let expected = Decimal::whole(subtracted);
        assert_eq!(order.lines[0].subtracted, expected, "{tenders} / {refunds}");
    }
}

#[test]
fn an_order_without_a_version_is_ordered_by_its_time() {
    let order = mapped(&with("counter-sale", "/version", Value::Null)).expect("an order");
    assert_eq!(order.version.revision, 0);
}

#[test]
fn hostile_orders_are_errors_and_never_panics() {
    for (path, value) in [
        ("/id", json!(7)),
        ("/id", Value::Null),
        ("/version", json!("four")),
        ("/version", json!(1.5)),
        ("/version", json!(18_446_744_073_709_551_615_u64)),
        ("/created_at", json!("yesterday")),
        ("/created_at", Value::Null),
        ("/updated_at", json!("\u{0}")),
        ("/line_items", json!({ "a": 1 })),
        ("/line_items/0/quantity", json!("-1")),
        ("/line_items/0/quantity", json!("1e9")),
        (
            "/line_items/0/quantity",
            json!("99999999999999999999999999"),
        ),
        ("/line_items/0/quantity", json!(3)),
        ("/line_items/0/quantity", Value::Null),
        ("/line_items/0/total_tax_money/amount", json!(1.5)),
        (
            "/line_items/0/total_tax_money/amount",
            json!(9_223_372_036_854_775_807_i64),
        ),
        ("/line_items/0/total_tax_money/currency", json!("USD")),
        ("/line_items/0/gross_sales_money", json!("12.50")),
        ("/total_money/currency", json!("BITCOIN")),
        ("/total_money/amount", json!(1e300)),
        ("/tenders/0/amount_money/amount", json!("12")),
    ] {
        let order = with("counter-sale", path, value.clone());
        assert!(mapped(&order).is_err(), "{path} = {value}");
    }
    assert!(mapped(&json!({})).is_err());
    assert!(mapped(&json!({ "id": "X" })).is_err());
    assert!(mapped(&json!(null)).is_err());
}

#[test]
fn what_else_is_in_a_total_is_told_so_that_it_adds_up() {
    let sum = |order: &Value| {
        let order = mapped(order).expect("an order");
        (order.extra.map(Money::minor), add_up(&order))
    };
    let online = fixture("online-order");
    assert_eq!(sum(&online), (Some(0), Sum::Fits));
    let mut tipped = online.clone();
    tipped["total_tip_money"] = json!({ "amount": 200, "currency": "EUR" });
    tipped["rounding_adjustment"] = json!({ "amount_money": { "amount": -2, "currency": "EUR" } });
    let (extra, differs) = sum(&tipped);
    assert_eq!(extra, Some(198));
    assert!(matches!(differs, Sum::Differs(_)), "{differs:?}");
    tipped["total_money"] = json!({ "amount": 6258, "currency": "EUR" });
    assert_eq!(sum(&tipped), (Some(198), Sum::Fits));
    // Nobody can tell which part of both taxes is where.
    tipped["taxes"] = json!([{ "type": "ADDITIVE" }, { "type": "INCLUSIVE" }]);
    assert_eq!(sum(&tipped), (None, Sum::Unknown));
    assert_eq!(sum(&fixture("counter-sale")).1, Sum::Fits);
}

#[test]
fn what_is_brought_to_the_buyer_is_there_by_the_last_time_that_is_told() {
    let mut order = fixture("online-order");
    assert_eq!(mapped(&order).expect("an order").deliver_by, None);
    let brought = |at: &str| json!({ "type": "DELIVERY", "state": "PROPOSED", "delivery_details": { "deliver_at": at } });
    order["fulfillments"] = json!([
        brought("2026-11-02T18:00:00Z"),
        brought("2026-11-03T18:00:00Z")
    ]);
    let snapshot = mapped(&order).expect("an order");
    let text = |at: Option<domain::Time>| at.map(|at| at.to_string());
    assert_eq!(
        text(snapshot.deliver_by).as_deref(),
        Some("2026-11-03T18:00:00Z")
    );
    assert_eq!(
        text(snapshot.ship_by).as_deref(),
        Some("2026-11-02T18:00:00Z")
    );
}
