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

/// Every route of saved views, as it is described.
pub(super) async fn kept(reader: &mut Reader) {
    let body = json!({ "name": " Held ", "query": "account=shop&phase=held" });
    let view = reader.post("/api/v1/users/ann/views", body).await;
    let held = json!({
        "name": "Held", "query": "phase=held&account=shop",
        "filters": { "phase": "held", "account": "shop" },
    });
    assert_eq!(view, held);
    let views = reader.get("/api/v1/users/ann/views").await;
    assert_eq!(views["items"], json!([held]));
    let path = "/api/v1/users/ann/views?name=Held";
    let left = reader.ask("DELETE", path, None).await;
    assert_eq!(left["items"], json!([]));
}

#[tokio::test]
async fn a_view_that_shows_nothing_is_not_saved() {
    let rig = rig().await;
    let body = json!({ "name": "ann", "role": "admin" });
    assert_eq!(rig.post("/api/v1/users", body).await.status, 201);
    for (name, query, said) in [
        ("Evil", "phase=held&evil=1", "query: `evil` is no filter"),
        ("Who", "q=a%40example.com", "query: `q` is no filter"),
        ("Odd", "phase=odd", "query: there is no such phase"),
        (
            "Late",
            "late=tomorrow",
            "query: late is ship, deliver or parcel",
        ),
        ("Sort", "sort=newest", "query: sort is oldest"),
        (" ", "phase=held", "a view has a name"),
    ] {
        let body = json!({ "name": name, "query": query });
        let answer = rig.post("/api/v1/users/ann/views", body).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (400, Some("bad-body"))
        );
        assert!(answer.text.contains(said), "{}", answer.text);
    }
    let view = json!({ "name": "Held", "query": "phase=held" });
    refused(&rig, "/api/v1/users/bob/views", view, "no-user").await;
    for number in 0..30 {
        let view = json!({ "name": format!("View {number}"), "query": "" });
        let answer = rig.post("/api/v1/users/ann/views", view).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    let view = json!({ "name": "One more", "query": "" });
    let answer = rig.post("/api/v1/users/ann/views", view).await;
    assert!(answer.text.contains("you have 30 views"), "{}", answer.text);
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
