//! Rules of orders: listed, tried out, shown in the orders they ran for; and what looks ordered twice.

use domain::{
    decide::Policy,
    order_rules::{Moment, OrderRule, RuleHold, Then},
    stock::LocationId,
};
use engine::ports::condition;
use serde_json::{Value, json};

use super::{
    api::{Reader, reader},
    rig::{Rig, bearer, rig},
};

fn rule(name: &str, when: &str, then: Then) -> OrderRule {
    OrderRule {
        name: name.to_owned(),
        on: Moment::Accepted,
        when: Some(condition::compile(when).expect("a condition").condition),
        then,
    }
}

/// A rule that holds what is dear, and one that tags what goes nowhere.
fn put_in_force(rig: &Rig) {
    let dear = Then {
        hold: Some(RuleHold {
            reason: "look at it".to_owned(),
            settle_within: None,
            keeps_claim: true,
            ask: None,
        }),
        priority: Some(5),
        route: Some(LocationId::new("berlin")),
        ..Then::default()
    };
    let tagged = Then {
        tag: vec!["nowhere".to_owned()],
        ..Then::default()
    };
    rig.engine.decider.set_policy(Policy {
        order_rules: vec![
            rule("dear", "order.total > 15", dear),
            rule("nowhere", "ship.country == \"\"", tagged),
        ],
        ..(*rig.engine.decider.policy()).clone()
    });
}

/// Every step with rules, once.
pub(super) async fn tried(reader: &mut Reader) {
    let before = reader.rig.engine.decider.policy();
    put_in_force(&reader.rig);
    reader.rig.stock("shop", "BOWL", 9).await;
    let small = reader.rig.order("shop", "ruled-1", &[("BOWL", 1)]).await;
    let large = reader
        .rig
        .order("shop", "ruled-2", &[("BOWL", 1), ("MUG", 1)])
        .await;

    let rules = reader.get("/api/v1/rules").await;
    assert_eq!(rules["rules"][0]["name"], "dear");
    assert_eq!(rules["rules"][0]["when"], "order.total > 15");
    assert_eq!(rules["rules"][0]["hold"], "look at it");
    assert_eq!(rules["rules"][1]["tag"], json!(["nowhere"]));

    let found = reader.get(&format!("/api/v1/orders/{large}")).await;
    assert_eq!(found["phase"], "held");
    assert_eq!(found["holds"][0]["owner"], "rule:dear");
    assert_eq!(found["priority"], 5);
    assert_eq!(
        found["route"],
        json!({ "location": "berlin", "rule": "dear" })
    );
    assert_eq!(found["tags"], json!(["nowhere"]));
    assert_eq!(found["rules"][0]["outcome"], "matched");
    assert_eq!(
        found["rules"][0]["saw"],
        json!({ "order.total": "20.00 EUR" })
    );
    let found = reader.get(&format!("/api/v1/orders/{small}")).await;
    assert_eq!(found["rules"][0]["outcome"], "not_matched");
    let timeline = reader
        .get(&format!("/api/v1/orders/{large}/timeline"))
        .await;
    assert!(
        timeline.to_string().contains("order.total is 20.00 EUR"),
        "{timeline}"
    );
    let tagged = reader.get("/api/v1/orders?tag=nowhere&limit=200").await;
    let ids: Vec<&Value> = tagged["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| &one["id"])
        .collect();
    assert!(ids.contains(&&json!(small.to_string())), "{tagged}");
    let none = reader.get("/api/v1/orders?tag=elsewhere").await;
    assert_eq!(none["items"], json!([]));

    let trial = reader
        .post("/api/v1/rules/test", json!({ "order": large.to_string() }))
        .await;
    assert_eq!(trial["looked_at"], 1);
    assert_eq!(trial["orders"][0]["runs"][0]["did"][0], "held: look at it");
    let other = json!({ "rules": [{ "name": "any", "on": "order.paid", "when": "order.lines >= 1", "tag": ["x"] }], "limit": 2 });
    let trial = reader.post("/api/v1/rules/test", other).await;
    assert_eq!(
        (&trial["looked_at"], &trial["is_cut_off"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(trial["rules"][0]["matched"], 2);
    let found = reader.get(&format!("/api/v1/orders/{small}")).await;
    assert_eq!(found["tags"], json!(["nowhere"]), "nothing was changed");
    reader.rig.engine.decider.set_policy((*before).clone());
}

#[tokio::test]
async fn what_cannot_be_tried_out_is_told_with_its_place() {
    let rig = rig().await;
    put_in_force(&rig);
    let wrong = |key: &str, value: Value| {
        let mut rule = json!({ "name": "a", "on": "order.accepted", "when": "true", "tag": ["x"] });
        rule[key] = value;
        json!({ "rules": [rule] })
    };
    for (body, status, said) in [
        (
            wrong("on", json!("order.lost")),
            400,
            "rules[0].on: it is none of order.accepted",
        ),
        (
            wrong("when", json!("order.totl > 5")),
            400,
            "rules[0].when: a condition knows no `order.totl`",
        ),
        (
            wrong("when", json!("order.total")),
            400,
            "rules[0].when: the result is neither true nor false",
        ),
        (
            json!({ "rule": "deer" }),
            400,
            "rule: there is no rule `deer`; there are: dear, nowhere",
        ),
        (
            json!({ "order": "ord_01890000000070008000000000000000" }),
            404,
            "there is no order",
        ),
        (json!({ "sinse": 1 }), 400, "sinse"),
    ] {
        let answer = rig
            .ask(
                "POST",
                "/api/v1/rules/test",
                Some(body.clone()),
                &[bearer()],
            )
            .await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(answer.text.contains(said), "{body}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_same_buyer_and_the_same_things_on_another_account_look_ordered_twice() {
    let mut reader = reader().await;
    reader.rig.stock("shop", "MUG", 10).await;
    let first = reader.rig.order("shop", "1", &[("MUG", 2)]).await;
    let again = reader.rig.order("quiet", "77", &[("MUG", 2)]).await;
    let other = reader.rig.order("quiet", "78", &[("MUG", 1)]).await;
    let found = reader.get(&format!("/api/v1/orders/{again}")).await;
    assert_eq!(found["duplicates"], json!([first.to_string()]));
    assert_ne!(found["phase"], "held", "it is a warning");
    let timeline = reader
        .get(&format!("/api/v1/orders/{again}/timeline"))
        .await;
    assert!(
        timeline.to_string().contains("It looks ordered twice"),
        "{timeline}"
    );
    for id in [first, other] {
        let found = reader.get(&format!("/api/v1/orders/{id}")).await;
        assert_eq!(found["duplicates"], json!([]));
    }
}

#[tokio::test]
async fn what_is_bought_at_a_counter_with_one_address_for_all_does_not_look_ordered_twice() {
    let mut reader = reader().await;
    reader.rig.stock("shop", "MUG", 100).await;
    let mut twins = Vec::new();
    for number in 0..22 {
        let id = number.to_string();
        let order = reader.rig.order("shop", &id, &[("MUG", 1)]).await;
        let found = reader.get(&format!("/api/v1/orders/{order}")).await;
        twins.push(found["duplicates"].as_array().map_or(0, Vec::len));
    }
    assert_eq!(twins[..7], [0, 1, 2, 3, 4, 5, 5], "five are named at most");
    assert_eq!(
        twins[20..],
        [5, 0],
        "more than 20 orders are no one buyer's"
    );
}

#[tokio::test]
async fn a_line_that_is_no_item_is_shown_with_what_it_may_be() {
    let mut reader = reader().await;
    reader.rig.stock("shop", "MUG-BLUE", 10).await;
    reader.rig.stock("shop", "PLATE", 10).await;
    let order = reader
        .rig
        .order("quiet", "1", &[("MUG-BLU", 1), ("PLATE", 1)])
        .await;
    let found = reader.get(&format!("/api/v1/orders/{order}")).await;
    assert_eq!(found["phase"], "needs_mapping");
    assert_eq!(found["lines"][0]["suggestions"][0]["sku"], "MUG-BLUE");
    assert_eq!(
        found["lines"][0]["sku"],
        Value::Null,
        "nobody but a person says so"
    );
    assert_eq!(found["lines"][1]["suggestions"], json!([]));
}
