//! What is printed of an order seen whole.

use clap::Parser;
use serde_json::json;

use super::{Line, canned, page, run};
use crate::{
    cli::{client::Client, out::Out},
    exit::Exit,
};

#[tokio::test]
async fn an_order_is_shown_with_all_that_belongs_to_it() {
    let order = json!({
        "id": "ord_a", "number": "#17", "account": "shop", "phase": "part_shipped",
        "payment": "paid", "placed_at": "2026-11-21T10:00:00Z", "ship_by": null, "note": "",
        "total": { "amount": "20.00", "currency": "EUR" },
        "refunded": { "amount": "0.00", "currency": "EUR" },
        "buyer": { "name": "Buyer" },
        "ship_to": {
            "name": "Buyer", "company": "", "street": ["Road 1"], "postal_code": "1",
            "city": "Town", "country": "DE",
        },
        "lines": [{
            "number": 1, "sku": null, "channel_sku": "mug-old", "title": "Mug", "to_ship": 1,
            "claimed": 1, "missing": 0, "counters": { "ordered": 3 },
            "leaves_from": [{ "line": 1, "sku": "MUG", "location": "berlin", "units": 1 }],
        }],
        "holds": [], "intents": [],
        "shipments": [{
            "id": "shp_a", "shipped_at": "2026-11-21T11:00:00Z", "carrier": "DHL", "tracking_number": "T",
            "is_ours": true, "lines": [{ "line": 1, "units": 2 }], "tracking": "in_transit",
        }],
        "next": [
            { "matter": "to_ship", "is_to_do": true, "until": null, "text": "Pick and pack 1 of MUG." },
            { "matter": "outbox", "is_to_do": false, "until": null, "text": "It is about to tell the channel." },
        ],
    });
    let entry = json!([
        { "at": "2026-11-21T10:00:00Z", "text": "Order #17 was accepted." },
        { "at": "2026-11-21T10:05:00Z", "text": "ann noted: rings twice\non Mondays" },
    ]);
    let ran = run("orders|show|ord_a", &[(200, order), page(entry, None)]).await;
    assert_eq!(
        ran.text,
        "\
order       ord_a
number      #17 on shop
phase       part_shipped
payment     paid
placed      2026-11-21T10:00:00Z
ship by     -
deliver by  -
late        -
total       20.00 EUR
refunded    0.00 EUR
buyer       Buyer
ships to    Buyer, Road 1, 1 Town, DE
note        -
people      kept

LINE  SKU          ORDERED  TO SHIP  PROMISED  MISSING  LEAVES FROM  TITLE
1     ? (mug-old)  3        1        1         0        berlin       Mug

PARCEL  SHIPPED               UNITS  CARRIER  TRACKING  STATE       BY US
shp_a   2026-11-21T11:00:00Z  1=2    DHL      T         in_transit  yes

What happened:
  2026-11-21T10:00:00Z  Order #17 was accepted.
  2026-11-21T10:05:00Z  ann noted: rings twice
                        on Mondays

What to do next:
  -> Pick and pack 1 of MUG.
     It is about to tell the channel.
"
    );
}

#[tokio::test]
async fn a_note_is_written_beside_an_order() {
    let receipt = json!({ "effect": "done", "phase": "ready" });
    let ran = run("orders|note|ord_a|rings twice|--by|ann", &[(201, receipt)]).await;
    assert_eq!(
        ran.calls(),
        ["POST http://daemon:8081/api/v1/orders/ord_a/notes"]
    );
    assert_eq!(ran.body(0), json!({ "text": "rings twice", "by": "ann" }));
    assert_eq!(
        (ran.exit, &*ran.text),
        (Exit::Good, "Noted; the order is ready.\n")
    );
}

#[tokio::test]
async fn an_order_as_it_was_says_so_and_what_is_not_known_of_then() {
    let order = json!({
        "id": "ord_a", "as_of": "2026-11-21T10:02:00Z", "unknown": ["Buyers are known as they are now."], "lines": [],
    });
    let entries = json!([
        { "at": "2026-11-21T10:00:00Z", "text": "Order #17 was accepted." },
        { "at": "2026-11-21T10:05:00Z", "text": "It was later." },
    ]);
    let ran = run(
        "orders|show|ord_a|--at|3m ago",
        &[(200, order), page(entries, None)],
    )
    .await;
    assert_eq!(
        ran.calls()[0],
        "GET http://daemon:8081/api/v1/orders/ord_a?at=3m%20ago"
    );
    assert!(
        ran.text.starts_with("As it was at 2026-11-21T10:02:00Z.\n"),
        "{}",
        ran.text
    );
    assert!(
        ran.text.contains("Order #17") && !ran.text.contains("It was later"),
        "{}",
        ran.text
    );
    let end = "\nWhat is not known of then:\n  Buyers are known as they are now.\n";
    assert!(ran.text.ends_with(end), "{}", ran.text);
}

#[tokio::test]
async fn evidence_is_one_file_that_only_its_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pack.zip");
    let line = format!("orders|evidence|ord_a|--by|ann|--output|{}", file.display());
    let pack = |name: &str| {
        json!({
            "number": "#17/1", "made_at": "2026-11-30T14:05:09.123Z", "made_by": "ann",
            "files": [{ "name": name, "text": "all of it", "sha256": "", "about": "" }],
        })
    };
    let ran = run(&line, &[(201, pack("index.txt"))]).await;
    assert_eq!(
        ran.calls(),
        ["POST http://daemon:8081/api/v1/orders/ord_a/evidence"]
    );
    assert_eq!(ran.body(0), json!({ "by": "ann" }));
    assert_eq!(ran.exit, Exit::Good, "{}", ran.text);
    let written = std::fs::read(&file).expect("it is there");
    assert!(
        written.starts_with(b"PK\x03\x04") && written.windows(9).any(|some| some == b"all of it")
    );
    let mode = std::fs::metadata(&file)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let again = failure(&line, &[]).await;
    assert!(again.contains("is there already"), "{again}");
    let other = line.replace("pack.zip", "other.zip");
    let hostile = failure(&other, &[(201, pack("../x"))]).await;
    assert!(hostile.contains("is no pack"), "{hostile}");
    assert!(!folder.path().join("other.zip").exists());
}

/// Why a command failed.
async fn failure(line: &str, answers: &[(u16, serde_json::Value)]) -> String {
    let words = std::iter::once("oneshelf").chain(line.split('|'));
    let verb = Line::try_parse_from(words).expect("a command").verb;
    let http = canned(answers) as std::sync::Arc<dyn channel::HttpPort>;
    let client = Client::new(http, "http://daemon:8081/", None);
    let mut written = Vec::new();
    let mut out = Out::new(&mut written, false);
    let failed = verb.hand_over(&client, &mut out).await;
    failed.expect_err("it is refused").to_string()
}

#[tokio::test]
async fn what_is_due_is_listed_and_counted_by_account() {
    let one = |state: &str, account: &str| {
        json!({
            "due": "ship", "state": state, "by": "2026-11-30T12:00:00Z", "text": "To leave.", "id": "ord_a",
            "account": account, "external_id": "1", "number": "#1", "phase": "ready",
            "placed_at": "2026-11-29T12:00:00Z",
        })
    };
    let all = json!([
        one("late", "eu"),
        one("at_risk", "eu"),
        one("late", "eu"),
        one("today", "us")
    ]);
    let ran = run(
        "orders|due|--account|eu|--within|7d|--state|late",
        &[page(all, None)],
    )
    .await;
    let asked =
        "GET http://daemon:8081/api/v1/orders/due?account=eu&state=late&within=7d&limit=200";
    assert_eq!(ran.calls(), [asked]);
    let end = "\neu: 2 late, 1 at risk\nus: 1 today\n4 deadlines in all.\n";
    assert!(ran.text.ends_with(end), "{}", ran.text);
    assert_eq!(ran.exit, Exit::Good);
    let none = run("orders|due", &[page(json!([]), None)]).await;
    assert!(none.text.ends_with("(none)\n"), "{}", none.text);
}

#[tokio::test]
async fn a_refund_for_a_return_needs_no_amount() {
    let receipt = json!({ "effect": "done", "phase": "delivered" });
    let line = "orders|refund|ord_a|--return|ret_1|--line|1=1|--reason|too small|--anyway";
    let ran = run(line, &[(202, receipt.clone())]).await;
    assert_eq!(
        ran.calls(),
        ["POST http://daemon:8081/api/v1/orders/ord_a/refunds"]
    );
    let said = json!({
        "lines": [{ "line": 1, "units": "1" }], "reason": "too small", "return": "ret_1", "anyway": true,
    });
    assert_eq!(ran.body(0), said);
    assert_eq!(
        ran.text,
        "What came back is to be paid back; the order is delivered.\n"
    );
    let late = "orders|return|open|ord_a|--reason|changed_mind|--anyway";
    let ran = run(late, &[(201, receipt)]).await;
    assert_eq!(ran.body(0)["anyway"], true);
    for line in [
        "orders|refund|ord_a|--reason|no amount and no return",
        "orders|refund|ord_a|--amount|1.00|--reason|r|--anyway",
        "orders|due|--state|soon",
    ] {
        let words = std::iter::once("oneshelf").chain(line.split('|'));
        assert!(Line::try_parse_from(words).is_err(), "{line}");
    }
}
