//! What is owed, and what the policy does about incidents, as the API tells it.

use std::time::Duration;

use domain::{
    Quantity,
    owed::{Backorder, Owing},
    policy::{Rule, Step},
    rules::{OfferRules, ScopedRule},
    signal::Signal,
};
use serde_json::{Value, json};

use super::api::{Reader, reader};

/// Lets units of POT be owed for so long, and has the policy wait or cancel at once.
fn rules(reader: &Reader, ships_within_s: u64) {
    let decider = &reader.rig.engine.decider;
    let mut policy = (*decider.policy()).clone();
    let rule = ScopedRule {
        sku: "POT".parse().ok(),
        owing: Owing {
            backorder: Some(Backorder {
                max: Quantity::of(5),
                ships_within: Duration::from_secs(ships_within_s),
            }),
            preorder: None,
        },
        ..ScopedRule::default()
    };
    policy.rules = OfferRules { rules: vec![rule] };
    policy.incidents = vec![Rule {
        name: "be patient".to_owned(),
        account: None,
        why: None,
        sku: None,
        category: None,
        max_value: None,
        then: vec![Step::CancelOrder, Step::Wait],
        after: Duration::from_secs(1),
    }];
    decider.set_policy(policy);
}

fn texts(told: &Value, key: &str) -> String {
    let all = told[key].as_array().into_iter().flatten();
    let texts = all.map(|one| {
        one.as_str()
            .unwrap_or_else(|| one["text"].as_str().unwrap_or(""))
    });
    texts.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, told by each route on its way"
)]
async fn what_is_owed_is_told_until_it_is_an_incident() {
    let mut reader = reader().await;
    rules(&reader, 3600);
    reader.rig.stock("shop", "POT", 1).await;
    let listings = reader.get("/api/v1/listings?sku=POT").await;
    let listing = &listings["items"][0];
    assert_eq!(
        (&listing["offer"]["quantity"], &listing["owed"]),
        (&json!(6), &json!(5))
    );

    let order = reader.rig.order("shop", "P1", &[("POT", 3)]).await;
    let shown = reader.get(&format!("/api/v1/orders/{order}")).await;
    let until = "2026-11-21T11:00:00Z";
    assert_eq!(shown["owed_until"], until);
    assert_eq!(shown["phase"], "short");
    let line = &shown["lines"][0];
    assert_eq!(line["missing"], 2);
    assert_eq!(line["owed"]["units"], 2);
    assert_eq!(line["owed"]["kind"], "backorder");
    let stock = reader.get("/api/v1/stock/POT").await;
    assert_eq!((&stock["sellable"], &stock["owed"]), (&json!(0), &json!(2)));
    let told = reader.get("/api/v1/stock/POT/explain").await;
    let told = texts(&told, "sentences");
    for sentence in [
        "2 are owed to order #P1 of shop, line 1, until 2026-11-21T11:00:00Z, on backorder.",
        "So 2 are owed in all",
        "and up to 5 more that ship within 1 hour of the order",
        "3 of what it may show are not there: they may be owed.",
    ] {
        assert!(told.contains(sentence), "`{sentence}` in {told}");
    }
    let none = reader.get("/api/v1/incidents?open=true").await;
    assert_eq!(none["items"], json!([]));

    // The rule lets it be owed for a moment only: the schedule finds that the date has passed.
    rules(&reader, 1);
    let sku = "POT".parse().expect("a SKU");
    let orders = vec![order];
    reader.rig.decide(Signal::Promises { sku, orders }).await;
    let incidents = reader.get("/api/v1/incidents?open=true").await;
    let incident = &incidents["items"][0];
    assert_eq!(
        (&incident["why"], &incident["missing"]),
        (&json!("owed"), &json!(2))
    );
    assert_eq!(incident["policy"]["rule"], "be patient");
    let path = format!(
        "/api/v1/incidents/{}",
        incident["id"].as_str().expect("an id")
    );
    let detail = reader.get(&path).await;
    assert!(
        detail["explanation"]
            .as_str()
            .is_some_and(|text| text.contains("that date has passed")),
        "{detail}"
    );
    assert_eq!(detail["policy"]["then"], json!(["cancel_order", "wait"]));
    // The channel of these tests does not let orders be canceled.
    assert_eq!(detail["policy"]["would"], "wait");

    let incident = detail["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an id");
    for _ in 0..2 {
        let can_cancel = false;
        reader
            .rig
            .decide(Signal::FollowPolicy {
                incident,
                can_cancel,
            })
            .await;
    }
    let detail = reader.get(&path).await;
    assert_eq!(detail["choice"]["by"], "policy be patient");
    assert_eq!(detail["policy"], Value::Null);
    let timeline = reader
        .get(&format!("/api/v1/orders/{order}/timeline"))
        .await;
    let told = texts(&timeline, "items");
    for sentence in [
        "2 of POT for line 1 are owed until 2026-11-21T11:00:00Z, on backorder.",
        "policy be patient chose for incident",
    ] {
        assert_eq!(told.matches(sentence).count(), 1, "`{sentence}` in {told}");
    }
}
