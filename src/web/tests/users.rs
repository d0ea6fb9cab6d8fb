//! Users over the API: added, linked, changed, and none of it without a trace.

use serde_json::json;

use super::{
    api::Reader,
    rig::{Rig, rig},
};

/// Every route of users, as it is described.
pub(super) async fn added(reader: &mut Reader) {
    let body = json!({ "name": "Ann", "role": "packer", "by": "boss" });
    let user = reader.post("/api/v1/users", body).await;
    assert_eq!(
        (&user["name"], &user["role"]),
        (&json!("ann"), &json!("packer"))
    );
    let link = reader.post("/api/v1/users/ann/link", json!({})).await;
    assert!(
        link["path"]
            .as_str()
            .expect("a path")
            .starts_with("/welcome/")
    );
    let body = json!({ "role": "admin" });
    let user = reader.post("/api/v1/users/ann/role", body).await;
    assert_eq!(user["role"], "admin");
    let users = reader.get("/api/v1/users").await;
    assert_eq!(users["items"].as_array().map(Vec::len), Some(1));
    let boss = json!({ "name": "boss", "role": "admin" });
    reader.post("/api/v1/users", boss).await;
    let user = reader.post("/api/v1/users/ann/disable", json!({})).await;
    assert!(user["disabled_at"].is_string());
    let user = reader.post("/api/v1/users/ann/enable", json!({})).await;
    assert!(user["disabled_at"].is_null());
    let log = reader.get("/api/v1/audit").await;
    let told: Vec<&str> = log["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|entry| entry["user"] == "ann")
        .filter_map(|entry| entry["text"].as_str())
        .collect();
    assert_eq!(told.len(), 5, "{told:?}");
    assert_eq!(told.first(), Some(&"added as packer"));
    assert_eq!(log["items"][0]["by"], "boss");
}

async fn refused(rig: &Rig, path: &str, body: serde_json::Value, code: &str) {
    let answer = rig.post(path, body).await;
    assert_eq!(answer.json()["code"], code, "{path}: {}", answer.text);
}

#[tokio::test]
async fn what_cannot_be_done_to_a_user_is_refused_and_changes_nothing() {
    let rig = rig().await;
    let ann = || json!({ "name": "ann", "role": "admin" });
    assert_eq!(rig.post("/api/v1/users", ann()).await.status, 201);
    refused(&rig, "/api/v1/users", ann(), "bad-user").await;
    for name in ["", "two words", "ä", "a/b", &"x".repeat(61)] {
        let body = json!({ "name": name, "role": "viewer" });
        refused(&rig, "/api/v1/users", body, "bad-user").await;
    }
    let body = json!({ "name": "bob", "role": "king" });
    refused(&rig, "/api/v1/users", body, "bad-body").await;
    let viewer = json!({ "role": "viewer" });
    refused(&rig, "/api/v1/users/bob/role", viewer.clone(), "no-user").await;
    refused(&rig, "/api/v1/users/bob/link", json!({}), "no-user").await;
    // Nobody could change users any more.
    refused(&rig, "/api/v1/users/ann/role", viewer, "bad-user").await;
    refused(&rig, "/api/v1/users/ann/disable", json!({}), "bad-user").await;
    let users = rig.get("/api/v1/users").await.json();
    assert_eq!(users["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(users["items"][0]["role"], "admin");
    let log = rig.get("/api/v1/audit").await.json();
    assert_eq!(log["items"].as_array().map(Vec::len), Some(1));
}
