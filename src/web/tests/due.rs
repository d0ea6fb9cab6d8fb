//! What is due, late and silent; return windows; and money for what came back.

use std::time::Duration;

use domain::{
    AccountId, Time,
    deadlines::{Promised, Within},
    snapshot::{Observation, OrderSnapshot},
};
use serde_json::{Value, json};

use super::{
    api::Reader,
    rig::{Answer, Rig, bearer, now, rig, snapshot},
};

/// The list of what is due, and a refund for a return, once.
pub(super) async fn listed(reader: &mut Reader) {
    let due = reader
        .get("/api/v1/orders/due?account=shop&within=30d&state=late")
        .await;
    assert!(due["items"].is_array());
    reader.rig.stock("shop", "CAN", 5).await;
    let id = reader.rig.order("shop", "due-1", &[("CAN", 2)]).await;
    let path = format!("/api/v1/orders/{id}");
    reader.post(&format!("{path}/shipments"), json!({})).await;
    let back = json!({ "reason": "other", "anyway": true });
    let opened = reader.post(&format!("{path}/returns"), back).await;
    let ret = opened["return"].as_str().expect("a return").to_owned();
    reader
        .post(&format!("{path}/returns/{ret}/receipts"), json!({}))
        .await;
    let refund = json!({ "return": ret, "reason": "came back" });
    let refunded = reader.post(&format!("{path}/refunds"), refund).await;
    assert!(refunded["intent"].is_string(), "{refunded}");
    let order = reader.get(&path).await;
    let refund = &order["returns"][0]["refunds"][0];
    assert_eq!(
        (&refund["state"], &refund["lines"][0]["units"]),
        (&json!("waiting"), &json!(2))
    );
    assert_eq!(order["returns"][0]["refunded"], refund["amount"]);
}

/// A rig whose shop promises these.
async fn promising(promised: Promised) -> Rig {
    let rig = rig().await;
    let mut policy = (*rig.engine.decider.policy()).clone();
    let terms = policy
        .accounts
        .get_mut(&AccountId::new("shop"))
        .expect("its terms");
    terms.promised = promised;
    rig.engine.decider.set_policy(policy);
    rig
}

async fn post(rig: &Rig, path: &str, body: Value) -> Answer {
    rig.ask("POST", path, Some(body), &[bearer()]).await
}

async fn tell(rig: &Rig, snapshot: OrderSnapshot) -> String {
    let id = snapshot.external_id.clone();
    let body = json!([Observation::Order(Box::new(snapshot))]).to_string();
    assert_eq!(
        rig.hook("/hooks/shop", body.as_bytes(), None).await.status,
        200
    );
    for _ in 0..10_000 {
        let listed = rig
            .get(&format!("/api/v1/orders?external_id={id}"))
            .await
            .json();
        if let Some(id) = listed["items"][0]["id"].as_str() {
            return format!("/api/v1/orders/{id}");
        }
        tokio::task::yield_now().await;
    }
    panic!("{id} was not taken in");
}

async fn due(rig: &Rig, query: &str) -> Vec<(String, String, String)> {
    let page = rig.get(&format!("/api/v1/orders/due{query}")).await.json();
    let items = page["items"]
        .as_array()
        .unwrap_or_else(|| panic!("no list: {page}"));
    let text = |one: &Value, name: &str| one[name].as_str().expect("a text").to_owned();
    let of = |one: &Value| {
        (
            text(one, "external_id"),
            text(one, "due"),
            text(one, "state"),
        )
    };
    items.iter().map(of).collect()
}

fn told(all: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    all.iter()
        .map(|(id, due, state)| ((*id).to_owned(), (*due).to_owned(), (*state).to_owned()))
        .collect()
}

fn hours(count: i64) -> Time {
    Time::from_millis(now().millis() + count * 3_600_000)
}

#[tokio::test]
async fn what_must_leave_and_arrive_stands_in_one_list() {
    let rig = rig().await;
    rig.stock("shop", "CAN", 3).await;
    let placed = |id: &str, ship: Option<i64>, deliver: Option<i64>, units| {
        let mut one = snapshot(id, &[("CAN", units)]);
        (one.ship_by, one.deliver_by) = (ship.map(hours), deliver.map(hours));
        one
    };
    let late = tell(&rig, placed("1", Some(-2), None, 1)).await;
    tell(&rig, placed("2", Some(2), None, 1)).await;
    tell(&rig, placed("3", Some(8), Some(24), 1)).await;
    // There is none left for it.
    tell(&rig, placed("4", Some(30), None, 1)).await;
    tell(&rig, placed("5", Some(200), None, 1)).await;
    tell(&rig, placed("6", None, None, 1)).await;
    let all = told(&[
        ("1", "ship", "late"),
        ("2", "ship", "at_risk"),
        ("3", "ship", "today"),
        ("4", "ship", "at_risk"),
        ("3", "deliver", "later"),
    ]);
    assert_eq!(due(&rig, "").await, all);
    assert_eq!(due(&rig, "?within=12h").await, all[..3]);
    assert_eq!(due(&rig, "?state=late").await, all[..1]);
    assert_eq!(due(&rig, "?account=quiet").await, []);
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = rig
            .get(&format!("/api/v1/orders/due?limit=2{cursor}"))
            .await
            .json();
        let items = page["items"].as_array().cloned().expect("a list");
        paged.extend(
            items
                .iter()
                .map(|one| one["external_id"].as_str().expect("an id").to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, ["1", "2", "3", "4", "3"]);
    for (query, code) in [
        ("?state=soon", "bad-parameter"),
        ("?within=x", "bad-parameter"),
        ("?phase=x", "bad-parameter"),
    ] {
        let answer = rig.get(&format!("/api/v1/orders/due{query}")).await;
        assert_eq!(answer.json()["code"], code, "{query}");
    }

    let order = rig.get(&late).await.json();
    assert_eq!(order["flags"], json!(["late_to_ship"]));
    assert_eq!(order["next"][0]["matter"], "late");
    let metrics = rig.get("/metrics").await.text;
    let line = "oneshelf_orders_late{account=\"shop\",due=\"ship\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    post(&rig, &format!("{late}/shipments"), json!({})).await;
    assert_eq!(rig.get(&late).await.json()["flags"], json!([]));
    assert_eq!(due(&rig, "").await, all[1..]);
}

#[tokio::test]
async fn a_parcel_that_nobody_hears_of_is_looked_for() {
    let promised = Promised {
        silent_after: Some(Duration::from_secs(5)),
        ..Promised::default()
    };
    let rig = promising(promised).await;
    rig.stock("shop", "CAN", 3).await;
    let order = tell(&rig, snapshot("7", &[("CAN", 1)])).await;
    let parcel = json!({ "carrier": "DHL", "tracking_number": "T1" });
    let left = post(&rig, &format!("{order}/shipments"), parcel)
        .await
        .json();
    assert_eq!(due(&rig, "").await, [], "it has just left");
    let other = tell(&rig, snapshot("8", &[("CAN", 1)])).await;
    post(
        &rig,
        &format!("{other}/shipments"),
        json!({ "carrier": "DHL" }),
    )
    .await;
    for _ in 0..6 {
        post(
            &rig,
            &format!("{order}/notes"),
            json!({ "text": "a second goes by" }),
        )
        .await;
    }
    let late = told(&[("7", "parcel", "late")]);
    assert_eq!(
        due(&rig, "").await,
        late,
        "the other has no number to be followed by"
    );
    let shown = rig.get(&order).await.json();
    assert_eq!(shown["flags"], json!(["no_news"]));
    assert_eq!(shown["next"][0]["matter"], "no_news");
    let events = format!(
        "{order}/shipments/{}/events",
        left["shipment"].as_str().expect("a parcel")
    );
    post(&rig, &events, json!({ "state": "delivered" })).await;
    assert_eq!(due(&rig, "").await, []);
}

#[tokio::test]
async fn what_an_account_promises_counts_where_its_channel_says_nothing() {
    let promised = Promised {
        ship_within: Some(Within::Clock(Duration::from_secs(3600))),
        return_within: Some(Duration::from_millis(1)),
        silent_after: None,
    };
    let rig = promising(promised).await;
    rig.stock("shop", "CAN", 3).await;
    let order = tell(&rig, snapshot("9", &[("CAN", 2)])).await;
    let shown = rig.get(&order).await.json();
    assert!(shown["ship_by"].is_string(), "{shown}");
    assert_eq!(due(&rig, "").await, told(&[("9", "ship", "at_risk")]));

    post(&rig, &format!("{order}/shipments"), json!({})).await;
    let refused = post(
        &rig,
        &format!("{order}/returns"),
        json!({ "reason": "changed_mind" }),
    )
    .await;
    assert_eq!(
        (refused.status, refused.json()["code"].as_str()),
        (409, Some("bad-return"))
    );
    assert!(refused.text.contains("anyway"), "{}", refused.text);
    let asked = json!({ "reason": "changed_mind", "anyway": true });
    let opened = post(&rig, &format!("{order}/returns"), asked).await;
    assert_eq!(opened.status, 201, "{}", opened.text);
    let shown = rig.get(&order).await.json();
    assert_eq!(shown["returns"][0]["goodwill"], true);
}

#[tokio::test]
async fn money_for_a_return_is_what_came_back_cost() {
    let rig = rig().await;
    rig.stock("shop", "CAN", 3).await;
    let order = tell(&rig, snapshot("9", &[("CAN", 2)])).await;
    post(&rig, &format!("{order}/shipments"), json!({})).await;
    let asked = json!({ "reason": "changed_mind" });
    let opened = post(&rig, &format!("{order}/returns"), asked).await;
    let ret = opened.json()["return"]
        .as_str()
        .expect("a return")
        .to_owned();
    let refunds = format!("{order}/refunds");
    let of = |more: Value| {
        let mut body = json!({ "return": ret, "reason": "came back" });
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        body
    };
    for (body, code) in [
        (of(json!({})), "bad-return"),
        (
            of(json!({ "amount": { "amount": "1.00", "currency": "EUR" } })),
            "bad-return",
        ),
        (json!({ "reason": "no amount" }), "bad-body"),
        (
            json!({ "return": "ret_0000000000000000000000000000000a", "reason": "r" }),
            "no-return",
        ),
    ] {
        let answer = post(&rig, &refunds, body.clone()).await;
        assert_eq!(answer.json()["code"], code, "{body}: {}", answer.text);
    }
    let one = json!({ "lines": [{ "line": 1, "units": 1 }] });
    post(&rig, &format!("{order}/returns/{ret}/receipts"), one).await;
    let steps = rig.get(&order).await.json()["next"].to_string();
    assert!(steps.contains("no money was given for it"), "{steps}");
    let beyond = of(json!({ "amount": { "amount": "19.00", "currency": "EUR" } }));
    let answer = post(&rig, &refunds, beyond).await;
    assert_eq!(answer.json()["code"], "bad-return", "{}", answer.text);
    assert_eq!(post(&rig, &refunds, of(json!({}))).await.status, 202);
    let shown = rig.get(&order).await.json();
    let back = &shown["returns"][0];
    assert_eq!(back["refunds"].as_array().map(Vec::len), Some(1));
    assert_eq!(back["refunded"], back["refunds"][0]["amount"]);
    assert_eq!(back["state"], "received", "goods are another matter");
    let told = rig.get(&format!("{order}/timeline?limit=200")).await.text;
    assert!(told.contains("are given back for what came with"), "{told}");
    let then = rig.get(&format!("{order}?at=0s%20ago")).await.json();
    assert_eq!(then["returns"], shown["returns"]);
}
