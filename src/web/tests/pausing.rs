//! Pausing work with an account over the API: it is durable, and says what piles up.

use std::sync::Arc;

use serde_json::{Value, json};
use store::Memory;

use super::{
    api::Reader,
    rig::{Rig, rig_over},
};
use crate::Limits;

pub(super) async fn paused_and_resumed(reader: &mut Reader) {
    let body = json!({ "what": ["tracking"], "by": "ann" });
    let paused = reader.post("/api/v1/accounts/shop/pause", body).await;
    assert_eq!(paused["paused"], json!(["tracking"]));
    let account = reader.get("/api/v1/accounts/shop").await;
    assert_eq!(
        (&account["paused"][0]["what"], &account["paused"][0]["by"]),
        (&json!("tracking"), &json!("ann"))
    );
    let resumed = reader.post("/api/v1/accounts/shop/resume", json!({})).await;
    assert_eq!(resumed["paused"], json!([]));
    let since = json!({ "since": "2020-01-01T00:00:00Z" });
    let begun = reader.post("/api/v1/accounts/shop/backfill", since).await;
    assert_eq!(begun["status"], "begins");
    let account = reader.get("/api/v1/accounts/shop").await;
    assert_eq!(account["backfill"]["since"], "2020-01-01T00:00:00Z");
    assert_eq!(account["backfill"]["is_done"], false);
}

async fn shop(rig: &Rig) -> Value {
    rig.get("/api/v1/accounts/shop").await.json()
}

#[tokio::test]
async fn a_pause_outlives_a_restart_and_says_what_piles_up() {
    let store = Arc::new(Memory::new());
    let rig = rig_over(store.clone(), Limits::default()).await;
    rig.stock("shop", "MUG", 5).await;
    let before = shop(&rig).await["counts"]["pushes_waiting"].clone();
    let all = json!({ "by": "ann" });
    let paused = rig.post("/api/v1/accounts/shop/pause", all).await;
    assert_eq!(paused.status, 200, "{}", paused.text);
    let first = shop(&rig).await["paused"].clone();
    assert_eq!(
        first.as_array().map(Vec::len),
        Some(3),
        "all of it: {first}"
    );
    // Who pauses what is paused takes it over from nobody.
    let again = json!({ "what": ["stock"], "by": "bob" });
    rig.post("/api/v1/accounts/shop/pause", again).await;
    assert_eq!(shop(&rig).await["paused"], first);
    drop(rig);

    let rig = rig_over(store, Limits::default()).await;
    let account = shop(&rig).await;
    assert_eq!(account["paused"].as_array().map(Vec::len), Some(3));
    assert_eq!(account["paused"][1]["what"], "stock");
    assert_eq!(account["paused"][1]["waiting"], before);
    let text = rig.get("/metrics").await.text;
    let line = "oneshelf_account_paused{account=\"shop\",what=\"stock\"} 1";
    assert!(text.contains(line), "{text}");
}
