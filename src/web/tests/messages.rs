//! Messages: listed, sent, asked with a hold, and given up.

use std::{collections::BTreeMap, time::Duration};

use domain::AccountId;
use engine::gateways::{
    Gateways,
    messages::{Message, To},
};
use serde_json::json;

use super::{
    api::Reader,
    rig::{bearer, rig},
};

/// One message to buyers, and nothing that could send it.
pub(super) fn gateways() -> Gateways {
    let message = Message {
        name: "address wanted".to_owned(),
        to: To::Buyer,
        from: None,
        subject: "Your order {{ order.number }}".to_owned(),
        text: "Where do you live?".to_owned(),
        html: None,
        within: Duration::from_secs(3600),
    };
    Gateways {
        messages: BTreeMap::from([(message.name.clone(), message)]),
        labels: super::labels::providers(),
        pay_links: BTreeMap::from([(
            AccountId::new("phone"),
            "https://pay.example.com/{number}?a={amount}".to_owned(),
        )]),
        ..Gateways::default()
    }
}

/// Every step with messages, once.
pub(super) async fn sent(reader: &mut Reader) {
    let listed = reader.get("/api/v1/messages").await;
    assert_eq!(
        listed["messages"],
        json!([{ "name": "address wanted", "way": "mail" }])
    );
    reader.rig.stock("shop", "CUP", 9).await;
    let order = reader.rig.order("shop", "told-1", &[("CUP", 1)]).await;
    let path = format!("/api/v1/orders/{order}");
    let told = reader
        .post(
            &format!("{path}/messages"),
            json!({ "message": "address wanted" }),
        )
        .await;
    let intent = told["intent"].as_str().expect("an intent").to_owned();
    let outbox = reader.get("/api/v1/outbox?state=waiting&limit=200").await;
    let outbox = outbox["items"].as_array().cloned().unwrap_or_default();
    let entry = outbox.iter().find(|entry| entry["intent"] == intent);
    let entry = entry.expect("it waits");
    assert_eq!(entry["text"], "send the message `address wanted`");

    let hold = json!({ "reason": "no street", "ask": "address wanted" });
    reader.post(&format!("{path}/holds"), hold).await;
    let found = reader.get(&path).await;
    let asked = found["holds"][0]["asked"].as_str().expect("it was asked");
    assert_ne!(asked, intent);
    let asked = asked.to_owned();
    reader.ask("DELETE", &format!("{path}/holds"), None).await;
    let found = reader.get(&path).await;
    let states = |found: &serde_json::Value| -> BTreeMap<String, String> {
        let intents = found["intents"].as_array().cloned().unwrap_or_default();
        let state = |one: &serde_json::Value| {
            let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            (text("id"), text("state"))
        };
        intents.iter().map(state).collect()
    };
    assert_eq!(states(&found)[&asked], "dropped", "the hold is over");
    assert_eq!(states(&found)[&intent], "waiting");
    let dropped = format!("/api/v1/outbox/{intent}/drop");
    reader.post(&dropped, json!({ "by": "ann" })).await;
    assert_eq!(states(&reader.get(&path).await)[&intent], "dropped");
    let timeline = reader.get(&format!("{path}/timeline?limit=200")).await;
    let timeline = timeline.to_string();
    for part in [
        "To do: send the message `address wanted`.",
        "ann does not want it any more",
        "the order is not on hold any more",
    ] {
        assert!(timeline.contains(part), "{part} in {timeline}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_or_given_up_is_said_with_a_code() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 3).await;
    let order = rig.order("shop", "1", &[("MUG", 1)]).await;
    let path = format!("/api/v1/orders/{order}");
    let canceled = rig
        .post(&format!("{path}/cancel"), json!({ "reason": "asked" }))
        .await;
    let cancel = canceled.json()["intent"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let message = json!({ "message": "address wanted" });
    for (path, body, code) in [
        (
            format!("{path}/messages"),
            json!({ "message": "hello" }),
            "no-message",
        ),
        (
            format!("{path}/holds"),
            json!({ "reason": "r", "ask": "hello" }),
            "no-message",
        ),
        (format!("{path}/messages"), json!({}), "bad-body"),
        (
            "/api/v1/orders/ord_0000000000000000000000000000000a/messages".to_owned(),
            message.clone(),
            "no-order",
        ),
        (
            "/api/v1/outbox/int_0000000000000000000000000000000a/drop".to_owned(),
            json!({}),
            "no-intent",
        ),
        (
            format!("/api/v1/outbox/{cancel}/drop"),
            json!({}),
            "not-to-be-dropped",
        ),
    ] {
        let answer = rig.ask("POST", &path, Some(body), &[bearer()]).await;
        assert_eq!(answer.json()["code"], code, "{path}: {}", answer.text);
    }
    for _ in 0..domain::message::MESSAGES_MAX {
        let answer = rig.post(&format!("{path}/messages"), message.clone()).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
    }
    let answer = rig.post(&format!("{path}/messages"), message).await;
    assert_eq!(answer.json()["code"], "too-many-messages");
}

#[tokio::test]
async fn where_an_order_is_paid_is_shown_until_it_is() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 3).await;
    let placed = json!({
        "account": "phone", "reference": "P/1", "currency": "EUR",
        "lines": [{ "sku": "MUG", "units": 1, "price": "20.00" }],
    });
    let entered = rig.post("/api/v1/orders", placed).await.json();
    let path = format!(
        "/api/v1/orders/{}",
        entered["order"].as_str().expect("an order")
    );
    let link = async || rig.get(&path).await.json()["pay_link"].clone();
    assert_eq!(link().await, "https://pay.example.com/P%2F1?a=20.00");
    let pay = |amount: &str| json!({ "method": "card", "amount": super::rig::euros(amount), "step": "paid" });
    let paid = rig.post(&format!("{path}/payments"), pay("5.00")).await;
    assert_eq!(paid.status, 201, "{}", paid.text);
    assert_eq!(link().await, "https://pay.example.com/P%2F1?a=15.00");
    rig.post(&format!("{path}/payments"), pay("15.00")).await;
    assert_eq!(link().await, serde_json::Value::Null);
    let other = rig.order("shop", "77", &[("MUG", 1)]).await;
    let other = rig.get(&format!("/api/v1/orders/{other}")).await;
    assert_eq!(
        other.json()["pay_link"],
        serde_json::Value::Null,
        "its channel takes the money"
    );
}
