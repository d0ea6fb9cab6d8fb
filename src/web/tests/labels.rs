//! Labels of a provider: bought, priced, fetched and refused.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use channel::{
    HttpPort,
    http::{Request, Response, SendError},
};
use domain::{Time, intent::Outcome, signal::Signal};
use engine::gateways::labels::LabelProvider;
use serde_json::{Value, json};

use super::{
    api::Reader,
    rig::{bearer, rig},
};

/// A provider that answers what is only asked.
struct Desk;

#[async_trait]
impl HttpPort for Desk {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        let cost = json!({ "amount": "4.90", "currency": "EUR" });
        let answer = match request.uri().path() {
            "/v1/rates" => json!({ "rates": [
                { "service": "standard", "carrier": "Example Post", "cost": cost, "days": 3 },
                { "service": "slow", "carrier": "Example Post", "cost": cost },
            ] }),
            "/v1/labels/file" => {
                json!({ "pdf_base64": BASE64_STANDARD.encode("%PDF-1.4 a label") })
            }
            _ => return Err(SendError::NotSent("nobody is there".to_owned())),
        };
        Ok(Response::new(answer.to_string().into_bytes()))
    }

    fn now(&self) -> Time {
        Time::EPOCH
    }

    fn nonce(&self) -> String {
        "0".repeat(32)
    }
}

/// One provider, by its name.
pub(super) fn providers() -> BTreeMap<String, Arc<LabelProvider>> {
    let url = "https://labels.example.com/v1".to_owned();
    let provider = LabelProvider::new("bridge".to_owned(), (url, None), None, Arc::new(Desk));
    BTreeMap::from([(provider.name.clone(), Arc::new(provider))])
}

/// A parcel of an order that has an address: the paths of the order and of the parcel.
async fn packed(rig: &super::rig::Rig, reference: &str) -> (String, String) {
    rig.stock("shop", "VASE", 9).await;
    let entered = rig
        .post(
            "/api/v1/orders",
            json!({
                "account": "phone", "reference": reference, "currency": "EUR", "pays": "on_invoice",
                "lines": [{ "sku": "VASE", "units": 1, "price": "20.00" }],
                "ship_to": { "name": "Ada", "street": ["Road 1"], "city": "Town", "postal_code": "12345", "country": "DE" },
            }),
        )
        .await;
    let path = format!(
        "/api/v1/orders/{}",
        entered.json()["order"].as_str().expect("an order")
    );
    let opened = rig.post(&format!("{path}/tasks"), json!({})).await.json();
    let task = format!(
        "{path}/tasks/{}",
        opened["tasks"][0].as_str().expect("a task")
    );
    rig.post(&format!("{task}/picks"), json!({})).await;
    let packed = rig.post(&format!("{task}/parcels"), json!({})).await;
    assert_eq!(packed.status, 201, "{}", packed.text);
    (path, format!("{task}/parcels/1"))
}

/// Every step with labels of a provider, once.
pub(super) async fn bought(reader: &mut Reader) {
    let (path, parcel) = packed(&reader.rig, "labeled-1").await;
    let rates = reader
        .get(&format!("{parcel}/label/rates?provider=bridge"))
        .await;
    assert_eq!(rates["rates"][0]["cost"]["amount"], "4.90");
    let asked = json!({ "service": "standard", "by": "ann" });
    let told = reader.post(&format!("{parcel}/label/buy"), asked).await;
    let intent = told["intent"].as_str().expect("an intent").to_owned();
    // What the gateway does when the provider has answered.
    let label = domain::fulfillment::NewLabel {
        carrier: "Example Post".to_owned(),
        tracking_number: "EX1".to_owned(),
        tracking_url: None,
        reference: Some("lbl_1".to_owned()),
        cost: Some(super::rig::euros("4.90")),
    };
    let signal = Signal::IntentTried {
        intent: intent.parse().expect("an id"),
        outcome: Outcome::Labeled { label },
    };
    reader
        .rig
        .engine
        .decide(signal)
        .await
        .expect("it is decided");
    let order = reader.get(&path).await;
    let shown = &order["tasks"][0]["parcels"][0]["label"];
    assert_eq!(shown["provider"], "bridge");
    assert_eq!(shown["cost"]["amount"], "4.90");
    let file = reader.get(&format!("{parcel}/label/file")).await;
    assert_eq!(file["reference"], "lbl_1");
    reader.ask("DELETE", &format!("{parcel}/label"), None).await;
    let order = reader.get(&path).await;
    let last = order["intents"]
        .as_array()
        .and_then(|all| all.last())
        .cloned();
    let text = last.map(|intent| intent["text"].clone());
    assert_eq!(text, Some(json!("give label lbl_1 back to bridge")));
}

#[tokio::test]
async fn what_cannot_be_bought_is_said_with_a_code() {
    let rig = rig().await;
    let (_, parcel) = packed(&rig, "1").await;
    let buy = format!("{parcel}/label/buy");
    let other = parcel.replace("/parcels/1", "/parcels/7");
    for (method, path, body, code) in [
        (
            "POST",
            buy.clone(),
            Some(json!({ "provider": "none" })),
            "no-label-provider",
        ),
        (
            "POST",
            format!("{other}/label/buy"),
            Some(json!({})),
            "bad-fulfillment",
        ),
        (
            "GET",
            format!("{other}/label/rates"),
            None,
            "bad-fulfillment",
        ),
        ("GET", format!("{parcel}/label/file"), None, "label-not-had"),
        ("POST", buy.clone(), Some(json!({})), ""),
        ("POST", buy, Some(json!({})), "bad-fulfillment"),
        ("DELETE", parcel.clone(), None, "bad-fulfillment"),
    ] {
        let answer = rig.ask(method, &path, body, &[bearer()]).await;
        let said: Value = answer.json();
        assert_eq!(
            said["code"].as_str().unwrap_or_default(),
            code,
            "{method} {path}: {}",
            answer.text
        );
    }
}
