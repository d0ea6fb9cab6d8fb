//! Levels: read as buyers see them, pushed in batches, refused item by item.

use channel::{Ack, StockTarget};
use domain::{Decimal, ListingId, Time};
use sandbox::Act;
use serde_json::json;

use super::{direct, kind, orders, rig};
use crate::port::{Fault, Rig, block_on, sku};

fn target(code: &str, quantity: i64) -> StockTarget {
    StockTarget {
        listing: ListingId::from(code),
        quantity: Decimal::whole(quantity),
        expected: None,
        believed_at: Time::EPOCH,
    }
}

fn push(rig: &Rig, targets: &[StockTarget]) -> Vec<(ListingId, Ack)> {
    let push = rig.channel.push_stock().expect("pushing");
    block_on(push.push(targets, "key")).expect("answers")
}

fn level(rig: &Rig, code: &str) -> Option<Decimal> {
    let stock = rig.channel.read_stock().expect("stock");
    let levels = block_on(stock.read(&[ListingId::from(code)])).expect("levels");
    levels.first().and_then(|level| level.level)
}

const APPLIED: Ack = Ack::Applied { reference: None };

#[test]
fn a_push_sets_what_buyers_see() {
    let rig = rig();
    assert_eq!(level(&rig, "MUG-1"), Some(Decimal::whole(10)));
    let acks = push(&rig, &[target("MUG-1", 4), target("MUG-2", 0)]);
    assert!(acks.iter().all(|(_, ack)| *ack == APPLIED), "{acks:?}");
    assert_eq!((rig.level("MUG-1"), rig.level("MUG-2")), (4, 0));
    assert_eq!(level(&rig, "MUG-1"), Some(Decimal::whole(4)));
    let truth = rig.truth();
    let writes: Vec<(&str, i64, i64)> = truth
        .level_writes
        .iter()
        .map(|write| (write.sku.as_str(), write.from, write.to))
        .collect();
    assert_eq!(writes, [("MUG-1", 10, 4), ("MUG-2", 5, 0)]);
    assert_eq!(truth.writes, 1, "one request");
    // The same again changes nothing.
    push(&rig, &[target("MUG-1", 4)]);
    assert_eq!(rig.truth().writes, 1);
}

#[test]
fn each_item_of_a_push_has_its_own_answer() {
    let rig = rig();
    let targets = [target("MUG-1", 4), target("NONE", 1), target("SHIRT-S", 2)];
    let acks = push(&rig, &targets);
    assert_eq!(acks[0], (ListingId::from("MUG-1"), APPLIED));
    assert!(matches!(&acks[1].1, Ack::Rejected { reason } if reason.starts_with("25702")));
    assert_eq!(acks[2].1, APPLIED);
    assert_eq!((rig.level("MUG-1"), rig.level("SHIRT-S")), (4, 2));
    assert_eq!(level(&rig, "NONE"), None);
}

#[test]
fn sales_and_staff_change_what_is_read() {
    let rig = rig();
    rig.buy(&[("MUG-1", 3)], true);
    assert_eq!(level(&rig, "MUG-1"), Some(Decimal::whole(7)));
    rig.act(&Act::SetLevel(sku("MUG-1"), 20)).expect("set");
    assert_eq!(level(&rig, "MUG-1"), Some(Decimal::whole(20)));
    // Somebody narrows the offer alone.
    let (_, offers) = direct(
        &rig,
        "seller",
        "GET",
        "/sell/inventory/v1/offer?sku=MUG-1",
        &json!({}),
    );
    let offer = offers["offers"][0]["offerId"].as_str().expect("an id");
    let body = json!({ "requests": [{
        "offers": [{ "offerId": offer, "availableQuantity": 2 }],
    }] });
    let path = "/sell/inventory/v1/bulk_update_price_quantity";
    let (status, _) = direct(&rig, "seller", "POST", path, &body);
    assert_eq!(status, 200);
    assert_eq!(level(&rig, "MUG-1"), Some(Decimal::whole(2)));
    assert_eq!(rig.level("MUG-1"), 2);
}

#[test]
fn a_listing_is_revised_250_times_a_day() {
    let rig = rig();
    for number in 0..250 {
        let acks = push(&rig, &[target("MUG-1", number % 7)]);
        assert_eq!(acks[0].1, APPLIED, "revision {number}");
    }
    let acks = push(&rig, &[target("MUG-1", 9), target("MUG-2", 4)]);
    assert!(matches!(&acks[0].1, Ack::Rejected { reason } if reason.starts_with("25019")));
    assert_eq!(acks[1].1, APPLIED, "the other listing has its own count");
    rig.advance(24 * 3_600_000);
    assert_eq!(push(&rig, &[target("MUG-1", 9)])[0].1, APPLIED);
    assert_eq!(rig.level("MUG-1"), 9);
}

#[test]
fn a_push_whose_answer_is_lost_is_ambiguous() {
    for fault in [Fault::LostAnswer, Fault::LostRequest] {
        let rig = rig();
        orders(&rig);
        level(&rig, "MUG-1");
        rig.faults([fault]);
        let push = rig.channel.push_stock().expect("pushing");
        let error = block_on(push.push(&[target("MUG-1", 4)], "key")).expect_err("no answer");
        assert_eq!(kind(&error), "ambiguous");
        let shown = level(&rig, "MUG-1").and_then(Decimal::to_whole);
        assert_eq!(shown, Some(rig.level("MUG-1")), "what is read back decides");
    }
}

#[test]
fn a_restart_pushes_by_the_listing_s_id_alone() {
    let rig = rig();
    let settings = rig.twin(|twin, _| twin.settings());
    let fresh = connectors::find("ebay").expect("a connector").open(
        settings,
        channel::Port {
            http: rig.port.clone(),
            vault: rig.vault.clone(),
        },
    );
    let fresh = fresh.unwrap_or_else(|errors| panic!("{errors:?}"));
    let push = fresh.push_stock().expect("pushing");
    let acks = block_on(push.push(&[target("SHIRT-M", 1)], "key")).expect("answers");
    assert_eq!(acks[0].1, APPLIED);
    assert_eq!(rig.level("SHIRT-M"), 1);
}

#[test]
fn the_twin_refuses_what_ebay_refuses() {
    let rig = rig();
    let bulk = "/sell/inventory/v1/bulk_update_price_quantity";
    let many: Vec<_> = (0..26).map(|n| json!({ "sku": format!("S{n}") })).collect();
    let (status, body) = direct(&rig, "seller", "POST", bulk, &json!({ "requests": many }));
    assert_eq!(
        (status, &body["errors"][0]["errorId"]),
        (400, &json!(25_727))
    );
    let mug = |change: serde_json::Value| {
        let mut request = json!({ "sku": "MUG-1" });
        for (key, value) in change.as_object().expect("changes") {
            request[key] = value.clone();
        }
        let (status, body) = direct(
            &rig,
            "seller",
            "POST",
            bulk,
            &json!({ "requests": [request] }),
        );
        (status, body["responses"][0]["errors"][0]["errorId"].clone())
    };
    for (change, error) in [
        (json!({}), 25_709),
        (
            json!({ "shipToLocationAvailability": { "quantity": -1 } }),
            25_709,
        ),
        (
            json!({ "shipToLocationAvailability": { "quantity": 1.5 } }),
            25_709,
        ),
        (
            json!({ "offers": [{ "offerId": "1", "availableQuantity": 1 }] }),
            25_713,
        ),
        (json!({ "offers": [{ "availableQuantity": 1 }] }), 25_709),
    ] {
        assert_eq!(mug(change.clone()), (207, json!(error)), "{change}");
    }
    for query in ["limit=0", "limit=201", "offset=x"] {
        let path = format!("/sell/inventory/v1/inventory_item?{query}");
        let (status, body) = direct(&rig, "seller", "GET", &path, &json!({}));
        assert_eq!(
            (status, &body["errors"][0]["errorId"]),
            (400, &json!(25_706))
        );
    }
    let (_, page) = direct(
        &rig,
        "seller",
        "GET",
        "/sell/inventory/v1/inventory_item?limit=3&offset=1",
        &json!({}),
    );
    let items = page["inventoryItems"].as_array().expect("items");
    assert_eq!(items.len(), 1, "the second page of four, in threes");
    assert_eq!(rig.truth().writes, 0);
}
