//! Parcels are followed, sent again, and come back.

use serde_json::{Value, json};

use super::{
    api::Reader,
    rig::{Rig, bearer, rig},
};

/// A loud mug that nobody else has, sold in two units that left in one parcel.
async fn shipped(rig: &Rig) -> (String, String) {
    rig.stock("shop", "CUP", 5).await;
    let id = rig.order("shop", "after-1", &[("CUP", 2)]).await;
    let path = format!("/api/v1/orders/{id}");
    let left = rig
        .ask(
            "POST",
            &format!("{path}/shipments"),
            Some(json!({})),
            &[bearer()],
        )
        .await;
    assert_eq!(left.status, 201, "{}", left.text);
    let parcel = left.json()["shipment"].as_str().map(str::to_owned);
    (path, parcel.expect("a parcel"))
}

/// Every step after something left, once.
pub(super) async fn went_through(reader: &mut Reader) {
    let (path, parcel) = shipped(&reader.rig).await;
    let events = format!("{path}/shipments/{parcel}/events");
    let lost = json!({ "state": "lost", "place": "Hamburg", "by": "ann" });
    let receipt = reader.post(&events, lost).await;
    assert_eq!(receipt["phase"], "exception");
    let again = json!({ "shipment": parcel, "reason": "it is lost", "by": "ann" });
    let receipt = reader.post(&format!("{path}/resends"), again.clone()).await;
    assert_eq!(receipt["phase"], "part_shipped");
    let dropped = reader
        .ask("DELETE", &format!("{path}/resends?by=ann"), None)
        .await;
    assert_eq!(
        dropped["phase"], "delivered",
        "nobody waits for it any more"
    );
    reader.post(&events, json!({ "state": "damaged" })).await;
    let settled = json!({ "note": "the buyer keeps it", "by": "ann" });
    let settle = format!("{path}/shipments/{parcel}/settle");
    assert_eq!(reader.post(&settle, settled).await["phase"], "delivered");

    let back = json!({ "reason": "does_not_fit", "note": "too small", "by": "ann" });
    let opened = reader.post(&format!("{path}/returns"), back).await;
    assert_eq!(opened["phase"], "after_sales");
    let returned = opened["return"].as_str().expect("a return").to_owned();
    let of = |step: &str| format!("{path}/returns/{returned}/{step}");
    let one = json!({ "lines": [{ "line": 1, "units": 1 }], "by": "ann" });
    reader.post(&of("receipts"), one).await;
    let fine = json!({ "verdict": "restock", "note": "as new", "by": "ann" });
    reader.post(&of("inspections"), fine).await;
    let ended = reader
        .post(&of("close"), json!({ "reason": "the other is kept" }))
        .await;
    assert_eq!(ended["phase"], "delivered");

    let found = reader.get(&path).await;
    let parcel = &found["shipments"][0];
    assert_eq!(parcel["tracking"], "damaged");
    assert_eq!(parcel["is_astray"], false);
    assert_eq!(parcel["events"][0]["place"], "Hamburg");
    assert_eq!(parcel["settled"]["note"], "the buyer keeps it");
    let back = &found["returns"][0];
    assert_eq!(back["state"], "closed");
    assert_eq!(back["lines"][0]["restocked"], 1);
    assert_eq!(back["lines"][0]["not_returned"], 1);
    assert_eq!(found["lines"][0]["counters"]["returned"], 1);
    assert_eq!(found["lines"][0]["counters"]["resend_dropped"], 2);
    let stock = reader.get("/api/v1/stock/CUP").await;
    assert_eq!(
        stock["on_hand"], 4,
        "five, less two, and one that came back"
    );
    exchanged(reader, &path).await;
}

/// The other one is exchanged for another of the same.
async fn exchanged(reader: &mut Reader, path: &str) {
    let asked = json!({
        "lines": [{ "line": 1, "units": 1 }], "reason": "defective", "by": "ann",
        "items": [{ "sku": "CUP", "units": 1, "price": "12.50" }],
    });
    let receipt = reader.post(&format!("{path}/exchanges"), asked).await;
    assert_eq!(receipt["phase"], "after_sales");
    let found = reader.get(path).await;
    let back = &found["returns"][1];
    assert_eq!(back["id"], receipt["return"]);
    assert_eq!(back["replacements"][0]["line"], 2);
    assert_eq!(back["replacements"][0]["to_ship"], 1);
    assert_eq!(back["replacements"][0]["total"]["amount"], "12.50");
    let worth = |line: &Value| line["total"]["amount"].as_str().map(str::to_owned);
    let paid = worth(&found["lines"][0]).expect("an amount");
    let cents = |text: &str| text.replace('.', "").parse::<i64>().expect("an amount");
    let difference = back["difference"]["amount"].as_str().expect("an amount");
    assert_eq!(cents(difference), 1250 - cents(&paid) / 2, "{found}");
    let stock = reader.get("/api/v1/stock/CUP").await;
    assert_eq!(
        stock["sellable"], 3,
        "four, less the one that leaves: {stock}"
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of what is refused")]
async fn what_cannot_be_said_of_parcels_and_returns_has_a_code() {
    let rig = rig().await;
    let (path, parcel) = shipped(&rig).await;
    let opened = rig
        .ask(
            "POST",
            &format!("{path}/returns"),
            Some(json!({ "reason": "other", "lines": [{ "line": 1, "units": 1 }] })),
            &[bearer()],
        )
        .await;
    let back = opened.json()["return"]
        .as_str()
        .expect("a return")
        .to_owned();
    let none = "0000000000000000000000000000000a";
    let lines = |line: u32, units: i64| json!([{ "line": line, "units": units }]);
    let cases: Vec<(String, Value, u16, &str)> = vec![
        (
            format!("shipments/shp_{none}/events"),
            json!({ "state": "lost" }),
            404,
            "no-shipment",
        ),
        (
            format!("shipments/{parcel}/events"),
            json!({ "state": "gone" }),
            400,
            "bad-body",
        ),
        (
            format!("shipments/{parcel}/events"),
            json!({ "state": "lost", "at": "2999-01-01T00:00:00Z" }),
            409,
            "bad-delivery",
        ),
        (
            format!("shipments/{parcel}/settle"),
            json!({ "note": "n" }),
            409,
            "bad-delivery",
        ),
        (
            "resends".into(),
            json!({ "reason": "r" }),
            409,
            "bad-delivery",
        ),
        (
            "resends".into(),
            json!({ "reason": "r", "lines": lines(1, 9) }),
            409,
            "bad-delivery",
        ),
        (
            "resends".into(),
            json!({ "reason": "r", "lines": lines(9, 1) }),
            404,
            "no-line",
        ),
        (
            "resends".into(),
            json!({ "reason": "r", "lines": lines(1, 0) }),
            422,
            "bad-quantity",
        ),
        (
            "returns".into(),
            json!({ "reason": "nope" }),
            400,
            "bad-body",
        ),
        (
            "returns".into(),
            json!({ "reason": "other", "lines": lines(1, 2) }),
            409,
            "bad-return",
        ),
        (
            format!("returns/ret_{none}/receipts"),
            json!({}),
            404,
            "no-return",
        ),
        (
            format!("returns/{back}/receipts"),
            json!({ "lines": lines(1, 5) }),
            409,
            "bad-return",
        ),
        (
            format!("returns/{back}/inspections"),
            json!({ "verdict": "restock", "note": "n" }),
            409,
            "bad-return",
        ),
        (
            format!("returns/{back}/inspections"),
            json!({ "verdict": "restock" }),
            400,
            "bad-body",
        ),
        (format!("returns/{back}/close"), json!({}), 400, "bad-body"),
        (
            "exchanges".into(),
            json!({ "reason": "other" }),
            400,
            "bad-body",
        ),
        (
            "exchanges".into(),
            json!({ "reason": "other", "items": [] }),
            409,
            "bad-return",
        ),
        (
            "exchanges".into(),
            json!({ "reason": "other", "items": [{ "sku": "NO-SUCH", "units": 1 }] }),
            404,
            "no-item",
        ),
    ];
    for (step, body, status, code) in cases {
        let answer = rig
            .ask(
                "POST",
                &format!("{path}/{step}"),
                Some(body.clone()),
                &[bearer()],
            )
            .await;
        let said = (answer.status, answer.json()["code"].clone());
        assert_eq!(
            said,
            (status, json!(code)),
            "{step} {body}: {}",
            answer.text
        );
    }
    let dropped = rig
        .ask("DELETE", &format!("{path}/resends"), None, &[bearer()])
        .await;
    assert_eq!(dropped.json()["code"], "bad-delivery", "{}", dropped.text);
}
