//! The routes that keep stock safe: incidents, drift, the breaker, the red button.

use domain::{AccountId, signal::Signal};
use serde_json::{Value, json};

use super::api::{Reader, reader};

/// Chooses a way out of an incident.
pub(super) async fn decided(reader: &mut Reader, incident: &Value) {
    let id = incident["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/incidents/{id}");
    let shown = reader.get(&path).await;
    let words: Vec<&str> = shown["ways"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|way| way["way"].as_str())
        .collect();
    assert_eq!(
        words,
        ["wait", "split", "substitute"],
        "the paper shop cancels nothing"
    );
    assert_eq!(shown["competing"][0]["number"], "#18");
    let resolve = format!("{path}/resolve");
    for (body, code) in [
        (json!({ "way": "pray" }), "bad-body"),
        (json!({ "way": "take_from" }), "bad-body"),
        (json!({ "way": "cancel_units" }), "bad-body"),
        (
            json!({ "way": "wait", "from": incident["order"] }),
            "bad-body",
        ),
        (
            json!({ "way": "take_from", "from": incident["order"] }),
            "not-giving-way",
        ),
    ] {
        let answer = reader.post(&resolve, body.clone()).await;
        assert_eq!(answer["code"], code, "{body}");
    }
    let wait = json!({ "way": "wait", "by": "ann", "note": "more come on Monday" });
    let receipt = reader.post(&resolve, wait).await;
    assert_eq!(
        (&receipt["effect"], &receipt["order"]),
        (&json!("done"), &incident["order"])
    );
    let shown = reader.get(&path).await;
    assert_eq!(
        (&shown["state"], &shown["choice"]["note"]),
        (&json!("decided"), &json!("more come on Monday"))
    );
    let order = incident["order"].as_str().expect("an id");
    let told = reader
        .get(&format!("/api/v1/orders/{order}/timeline"))
        .await;
    let last = told["items"].as_array().and_then(|items| items.last());
    let text = last
        .and_then(|entry| entry["text"].as_str())
        .unwrap_or_default();
    assert!(text.starts_with("ann chose"), "{text}");
    let none = format!("/api/v1/incidents/inc_{}", "0".repeat(32));
    assert_eq!(reader.get(&none).await["code"], "no-incident");
    exported(reader, &path).await;
    let none_of = format!("{none}/export");
    assert_eq!(reader.get(&none_of).await["code"], "no-incident");
    let none = format!("{none}/resolve");
    let answer = reader.post(&none, json!({ "way": "wait" })).await;
    assert_eq!(answer["code"], "no-incident");
}

/// What led to an incident, played again.
async fn exported(reader: &mut Reader, incident: &str) {
    let case = reader
        .get(&format!("{incident}/export?hide_skus=true"))
        .await;
    assert_eq!(
        (&case["format"], &case["hidden"]),
        (&json!("oneshelf-case"), &json!(["skus"]))
    );
    let replay = engine::cases::replay::CaseFile::read(case.to_string().as_bytes());
    let replay = replay
        .expect("a case")
        .replay()
        .await
        .expect("it is played");
    assert_eq!((replay.parts, replay.not_compared), (None, 0));
    assert!(replay.steps.len() > 1);
}

pub(super) async fn drift_and_breaker(reader: &mut Reader) {
    let shown = reader.get("/api/v1/listings?sku=MUG").await;
    let shows = shown["items"][0]["believed"]["quantity"].clone();
    reader.rig.confirms("shop", "MUG", 77).await;
    let cases = reader.get("/api/v1/drift?open=true&account=shop").await;
    let case = cases["items"][0].clone();
    assert_eq!(case["observed"], 77);
    assert_eq!(case["evidence"]["believed"]["quantity"], shows);
    let id = case["id"].as_str().expect("an id").to_owned();
    assert_eq!(reader.get(&format!("/api/v1/drift/{id}")).await, case);
    let path = format!("/api/v1/drift/{id}/settle");
    let body = json!({ "right": "ours", "by": "ann" });
    assert_eq!(reader.post(&path, body.clone()).await["effect"], "done");
    let again = reader.post(&path, body).await;
    assert_eq!(again["effect"], "nothing_to_do");
    let none = format!("/api/v1/drift/dft_{}", "0".repeat(32));
    assert_eq!(reader.get(&none).await["code"], "no-drift");

    let lift = json!({ "side": "source", "right": "ours" });
    let path = "/api/v1/accounts/shop/breaker";
    let sound = reader.post(&format!("{path}/lift"), lift.clone()).await;
    assert_eq!(sound["code"], "not-tripped");
    let listings = (0..12).map(|n| domain::ListingId::new(format!("x-{n}")));
    reader
        .rig
        .decide(Signal::Weigh {
            account: AccountId::new("shop"),
            side: domain::breaker::Side::Source,
            listings: listings.collect(),
            of: 20,
        })
        .await;
    reader.rig.confirms("shop", "MUG", 78).await;
    let breaker = reader.get(path).await;
    assert_eq!(breaker["source"]["listings"], 12);
    assert_eq!(breaker["held"][0]["shows"], 78);
    let account = reader.get("/api/v1/accounts/shop").await;
    assert_eq!(account["counts"]["held"], 1);
    assert_eq!(account["source_tripped"]["of"], 20);
    assert_eq!(reader.rig.get("/healthz").await.status, 503);
    reader.post(&format!("{path}/lift"), lift).await;
    assert_eq!(reader.get(path).await["held"], json!([]));
}

pub(super) async fn frozen_and_thawed(reader: &mut Reader) {
    assert!(reader.get("/api/v1/freeze").await["at"].is_string());
    reader.post("/api/v1/freeze/undo", json!({})).await;
    let frozen = reader.post("/api/v1/freeze", json!({ "by": "ann" })).await;
    assert_eq!(frozen["by"], "ann");
    let account = reader.get("/api/v1/accounts/shop").await;
    assert_eq!(account["frozen_by"], "ann");
    assert_eq!(account["frozen_at"], frozen["at"]);
    assert_eq!(
        frozen["accounts"].as_array().map(Vec::is_empty),
        Some(false)
    );
    assert_eq!(reader.get("/api/v1/freeze").await, frozen);
    // Frozen once more, which freezes nothing, and must not hide what froze it.
    let more = reader
        .post("/api/v1/freeze", json!({ "accounts": ["shop"] }))
        .await;
    assert_eq!(more["accounts"], json!([]));
    let undone = reader
        .post("/api/v1/freeze/undo", json!({ "by": "bob" }))
        .await;
    assert_eq!(undone["accounts"], frozen["accounts"]);
    assert_eq!(
        (&undone["by"], &undone["undone_by"]),
        (&json!("ann"), &json!("bob"))
    );
    let account = reader.get("/api/v1/accounts/shop").await;
    assert_eq!(account["is_frozen"], false);
    assert_eq!(account["frozen_by"], Value::Null);
    let nothing = reader.post("/api/v1/freeze/undo", json!({})).await;
    assert_eq!(nothing["code"], "nothing-to-undo");
}

#[tokio::test]
async fn a_thaw_says_what_the_breaker_would_hold() {
    let mut reader = reader().await;
    let skus: Vec<String> = (10..22).map(|n| format!("S{n}")).collect();
    for sku in &skus {
        reader.rig.stock("shop", sku, 5).await;
        reader.rig.confirms("shop", sku, 5).await;
    }
    reader.post("/api/v1/freeze", json!({})).await;
    let path = "/api/v1/accounts/shop/freeze-preview";
    let zero = |sku: &String| json!({ "sku": sku, "to": 0, "reason": "a bad file" });
    for (sku, count) in skus.iter().zip(1_usize..) {
        reader.post("/api/v1/stock/adjustments", zero(sku)).await;
        let plan = reader.get(path).await;
        assert_eq!(plan["sudden_zeroes"], count, "{plan}");
        assert_eq!(plan["breaker_would_hold"], count >= 10, "{count}: {plan}");
    }
}
