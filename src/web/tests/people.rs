//! People are found by how they are reached, and forgotten.

use domain::{
    ExternalId,
    snapshot::{Observation, OrderSnapshot, Standing},
};
use serde_json::{Value, json};

use super::{
    api::Reader,
    rig::{Rig, rig, snapshot},
};

/// Finds and forgets the buyer of an order that a test before has taken in.
pub(super) async fn forgotten(reader: &mut Reader) {
    let orders = reader.get("/api/v1/orders?limit=1").await;
    let id = orders["items"][0]["id"]
        .as_str()
        .expect("an order")
        .to_owned();
    let order = reader.get(&format!("/api/v1/orders/{id}")).await;
    let email = order["buyer"]["email"].as_str().expect("an address");
    let asked = json!({ "contact": email.to_uppercase() });
    let found = reader.post("/api/v1/people/orders", asked).await;
    let found = found["items"].as_array().cloned().unwrap_or_default();
    assert!(
        found.iter().any(|order| order["id"] == id.as_str()),
        "{found:?}"
    );
    let path = format!("/api/v1/orders/{id}/erasure");
    reader.post(&path, json!({ "by": "ann" })).await;
    let order = reader.get(&format!("/api/v1/orders/{id}")).await;
    assert_eq!(order["erasure"]["by"], "ann");
}

async fn tell(rig: &Rig, observation: Observation) {
    let body = json!([observation]).to_string();
    let answer = rig.hook("/hooks/shop", body.as_bytes(), None).await;
    assert_eq!(answer.status, 200);
}

/// An order of which nothing must be sent, and the name that the channel has for its buyer.
fn canceled(id: &str, handle: &str) -> OrderSnapshot {
    let mut snapshot = snapshot(id, &[("MUG", 1)]);
    snapshot.standing = Standing::Canceled;
    handle.clone_into(&mut snapshot.buyer.handle);
    snapshot
}

/// The order with this id on its channel, when what it says of people is erased.
async fn erased(rig: &Rig, external_id: &str) -> Value {
    for _ in 0..10_000 {
        let path = format!("/api/v1/orders?external_id={external_id}");
        let listed = rig.get(&path).await.json();
        if let Some(id) = listed["items"][0]["id"].as_str() {
            let order = rig.get(&format!("/api/v1/orders/{id}")).await.json();
            if order["erasure"]["done_at"].is_string() {
                return order;
            }
        }
        tokio::task::yield_now().await;
    }
    panic!("{external_id} was not erased");
}

#[tokio::test]
async fn a_channel_that_wants_somebody_forgotten_is_obeyed() {
    let rig = rig().await;
    for (id, handle) in [("17", "ada"), ("18", "eve"), ("19", "eve")] {
        tell(&rig, Observation::Order(Box::new(canceled(id, handle)))).await;
    }
    let unknown = ExternalId::from("999");
    tell(
        &rig,
        Observation::Forget(vec![ExternalId::from("17"), unknown]),
    )
    .await;
    tell(&rig, Observation::ForgetBuyer("eve".to_owned())).await;
    for id in ["17", "18", "19"] {
        let order = erased(&rig, id).await;
        assert_eq!(order["erasure"]["by"], "shop");
        assert_eq!(
            order["buyer"],
            json!({ "name": "", "email": "", "phone": "" })
        );
    }
}

#[tokio::test]
async fn however_many_wait_for_their_parcels_who_can_be_forgotten_is() {
    let rig = rig().await;
    let ids: Vec<String> = (1_000..1_202).map(|number| number.to_string()).collect();
    for id in &ids {
        let placed = snapshot(id, &[("MUG", 1)]);
        tell(&rig, Observation::Order(Box::new(placed))).await;
    }
    let all = ids.iter().map(|id| ExternalId::from(id.as_str())).collect();
    tell(&rig, Observation::Forget(all)).await;
    let last = ids.last().expect("one");
    let mut canceled = canceled(last, "");
    canceled.version.revision += 1;
    canceled
        .words
        .extend([("status".to_owned(), "canceled".to_owned())]);
    tell(&rig, Observation::Order(Box::new(canceled))).await;
    // The inbox decides in its own task: until it has, nothing can be erased.
    for _ in 0..10_000 {
        let listed = rig.get("/api/v1/orders?phase=canceled").await.json();
        if listed["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty())
        {
            break;
        }
        tokio::task::yield_now().await;
    }
    let asked = rig.engine.erase_what_was_asked().await;
    asked.expect("the store answers");
    erased(&rig, last).await;
}
