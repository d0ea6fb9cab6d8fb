//! What commands about parcels and returns ask and print.

use clap::Parser;
use serde_json::{Value, json};

use super::{super::aftersales::choose, Line, run};
use crate::exit::Exit;

const ORDER: &str = "http://daemon:8081/api/v1/orders/ord_a";

fn parcel(id: &str, number: &str, is_astray: bool) -> Value {
    json!({
        "id": id, "tracking_number": number, "is_astray": is_astray, "lines": [{ "line": 1, "units": 1 }],
        "shipped_at": "2026-11-21T11:00:00Z", "carrier": "DHL", "is_ours": true, "is_again": false,
        "tracking": if is_astray { "lost" } else { "in_transit" }, "settled": null,
    })
}

fn order(shipments: Value, returns: Value) -> (u16, Value) {
    let order = json!({
        "id": "ord_a", "number": "17", "shipments": shipments, "returns": returns, "phase": "exception",
    });
    (200, order)
}

fn done() -> (u16, Value) {
    let receipt = json!({ "effect": "done", "phase": "delivered", "return": "ret_1" });
    (201, receipt)
}

#[tokio::test]
async fn the_parcel_that_can_be_meant_is_found() {
    let two = json!([parcel("shp_1", "A1", false), parcel("shp_2", "A2", true)]);
    for (line, path) in [
        (
            "orders|track|ord_a|--state|ready_for_pickup|--parcel|A1",
            "shipments/shp_1/events",
        ),
        ("orders|settle|ord_a|--note|paid", "shipments/shp_2/settle"),
        ("orders|resend|ord_a|--reason|lost", "resends"),
    ] {
        let ran = run(line, &[order(two.clone(), json!([])), done()]).await;
        assert_eq!(ran.calls()[1], format!("POST {ORDER}/{path}"), "{line}");
        assert_eq!(ran.exit, Exit::Good, "{}", ran.text);
        let body = ran.body(1);
        match path {
            "resends" => assert_eq!(body["shipment"], "shp_2"),
            path if path.ends_with("events") => assert_eq!(body["state"], "ready_for_pickup"),
            _ => assert_eq!(body, json!({ "note": "paid" })),
        }
    }
    let lines = "orders|resend|ord_a|--reason|lost|--line|1=2";
    let ran = run(lines, &[order(json!([]), json!([])), done()]).await;
    let said = json!({ "lines": [{ "line": 1, "units": "2" }], "reason": "lost" });
    assert_eq!(ran.body(1), said);
    let ran = run("orders|resend|ord_a|--drop|--by|ann", &[done()]).await;
    assert_eq!(ran.calls(), [format!("DELETE {ORDER}/resends?by=ann")]);
}

#[tokio::test]
async fn a_return_is_opened_taken_in_looked_at_and_closed() {
    let ran = run(
        "orders|return|open|ord_a|--reason|does_not_fit|--line|1=1|--by|ann",
        &[done()],
    )
    .await;
    assert_eq!(ran.calls(), [format!("POST {ORDER}/returns")]);
    let said = json!({
        "lines": [{ "line": 1, "units": "1" }], "reason": "does_not_fit", "by": "ann",
    });
    assert_eq!(ran.body(0), said);
    assert_eq!(ran.text, "Opened as ret_1; the order is delivered.\n");
    let two = json!([{ "id": "ret_0", "state": "closed" }, { "id": "ret_1", "state": "advised" }]);
    for (line, step) in [
        ("orders|return|receive|ord_a|--location|berlin", "receipts"),
        (
            "orders|return|inspect|ord_a|--verdict|restock|--note|fine",
            "inspections",
        ),
        ("orders|return|close|ord_a|--reason|kept", "close"),
    ] {
        let ran = run(line, &[order(json!([]), two.clone()), done()]).await;
        assert_eq!(ran.calls()[1], format!("POST {ORDER}/returns/ret_1/{step}"));
    }
}

#[tokio::test]
async fn an_exchange_says_what_leaves_and_what_is_owed() {
    let line =
        "orders|exchange|ord_a|--reason|does_not_fit|--line|1=1|--send|MUG-L=1@11.90|--by|ann";
    let said = json!({
        "lines": [{ "line": 1, "units": "1" }], "reason": "does_not_fit", "by": "ann",
        "items": [{ "sku": "MUG-L", "units": "1", "price": "11.90" }],
    });
    for (amount, told) in [
        ("2.00", ", the buyer owes 2.00 EUR"),
        ("-2.00", ", 2.00 EUR are owed to the buyer"),
        ("0.00", ""),
    ] {
        let difference = json!({ "amount": amount, "currency": "EUR" });
        let leaves = json!([{
            "line": 2, "units": 1, "sku": "MUG-L", "total": { "amount": "11.90", "currency": "EUR" },
        }]);
        let back = json!([{
            "id": "ret_1", "state": "advised", "difference": difference, "replacements": leaves, "lines": [],
        }]);
        let order = order(json!([]), back);
        let ran = run(line, &[done(), order.clone()]).await;
        assert_eq!(ran.calls()[0], format!("POST {ORDER}/exchanges"));
        assert_eq!(ran.body(0), said);
        let expected = format!("Opened as ret_1{told}; the order is delivered.\n");
        assert_eq!(ran.text, expected);
        let timeline = (200, json!({ "items": [], "next": null }));
        let shown = run("orders|show|ord_a", &[order, timeline]).await;
        let leaves = format!("Line 2 leaves instead: 1 of MUG-L for 11.90 EUR{told}\n");
        assert!(shown.text.contains(&leaves), "{}", shown.text);
    }
    let even = "orders|exchange|ord_a|--reason|does_not_fit|--send|MUG-L=1";
    let ran = run(even, &[done(), order(json!([]), json!([]))]).await;
    let items = json!([{ "sku": "MUG-L", "units": "1" }]);
    assert_eq!(ran.body(0)["items"], items);
}

#[test]
fn which_of_several_is_never_guessed() {
    let two = json!([parcel("shp_1", "A1", false), parcel("shp_2", "A2", true)]);
    let of = |named: Option<&str>, all: &Value| {
        let chosen = choose(all, ("parcel", "--parcel"), named, |_| true);
        chosen.map_err(|error| error.to_string())
    };
    assert_eq!(of(Some("A2"), &two), Ok("shp_2".to_owned()));
    assert_eq!(of(Some("shp_1"), &two), Ok("shp_1".to_owned()));
    for (named, all, said) in [
        (
            None,
            &two,
            "several parcels of the order fit; name one with --parcel: shp_1, shp_2",
        ),
        (
            Some("A3"),
            &two,
            "no parcel of the order fits; name one with --parcel: shp_1, shp_2",
        ),
        (None, &json!([]), "the order has no parcel"),
    ] {
        assert_eq!(of(named, all), Err(said.to_owned()));
    }
}

#[test]
fn what_contradicts_itself_is_no_command() {
    for line in [
        "orders|resend|ord_a",
        "orders|resend|ord_a|--drop|--reason|r",
        "orders|resend|ord_a|--reason|r|--parcel|A|--line|1=1",
        "orders|track|ord_a|--state|gone",
        "orders|return|open|ord_a|--reason|nope",
        "orders|return|inspect|ord_a|--verdict|restock",
        "orders|exchange|ord_a|--reason|other",
        "orders|exchange|ord_a|--reason|other|--send|MUG-L",
    ] {
        let words = std::iter::once("oneshelf").chain(line.split('|'));
        assert!(Line::try_parse_from(words).is_err(), "{line}");
    }
}

#[tokio::test]
async fn an_order_shows_where_its_parcels_are_and_what_comes_back() {
    let part = json!({
        "line": 1, "advised": 2, "received": 1, "to_check": 1, "restocked": 0, "damaged": 0, "scrapped": 0,
        "not_returned": 0,
    });
    let back = json!([{
        "id": "ret_1", "state": "received", "reason": "does_not_fit", "note": "too small", "by": "ann",
        "opened_at": "2026-11-21T12:00:00Z", "lines": [part],
    }]);
    let shown = order(json!([parcel("shp_1", "A1", true)]), back);
    let timeline = (200, json!({ "items": [], "next": null }));
    let ran = run("orders|show|ord_a", &[shown, timeline]).await;
    for said in [
        "Return ret_1: received, because of does_not_fit (too small), by ann on 2026-11-21T12:00:00Z",
        "LINE  ADVISED  CAME  TO LOOK AT",
    ] {
        assert!(ran.text.contains(said), "{said}: {}", ran.text);
    }
}
