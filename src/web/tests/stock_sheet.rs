//! Counts from a CSV file: tried out, entered once, and all mistakes told by row and column.

use serde_json::json;

use super::{api::Reader, rig::rig};

pub(super) async fn in_and_out(reader: &mut Reader) {
    reader.get("/api/v1/stock/export").await;
    let file = reader.rig.get("/api/v1/stock/export").await;
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    let path = "/api/v1/stock/import?dry_run=true";
    let tried = reader.post(path, json!({ "csv": file.text })).await;
    assert_eq!(tried["mistakes"], json!([]), "{}", file.text);
    assert_eq!(tried["changes"], json!([]), "what is there is no change");
    let same = json!({ "csv": file.text, "by": "ann" });
    let done = reader.post("/api/v1/stock/import", same).await;
    assert_eq!(done["is_dry_run"], false);
}

#[tokio::test]
async fn a_file_is_tried_out_and_entered_once() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    rig.stock("shop", "CUP", 5).await;
    let csv = "sku,location,count\nMUG,main,7\nCUP,main,5\nCUP,back,\n";
    let body = json!({ "csv": csv, "by": "ann", "reason": "the year ends" });
    let tried = rig
        .post("/api/v1/stock/import?dry_run=true", body.clone())
        .await;
    assert_eq!(tried.status, 200, "{}", tried.text);
    let tried = tried.json();
    assert_eq!(
        (&tried["rows"], &tried["skipped"], &tried["done"]),
        (&json!(2), &json!(1), &json!(0))
    );
    assert_eq!(tried["changes"][0]["sku"], "MUG");
    assert_eq!(tried["changes"][0]["from"], 5);
    let on_hand = async || rig.get("/api/v1/stock/MUG").await.json()["on_hand"].clone();
    assert_eq!(on_hand().await, 5, "nothing was entered");
    let done = rig.post("/api/v1/stock/import", body.clone()).await.json();
    assert_eq!(
        (&done["done"], &done["done_before"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(on_hand().await, 7);
    // Two are sold, and the same file comes again: it must not bring them back.
    let sold = json!({ "sku": "MUG", "delta": -2, "reason": "broken" });
    rig.post("/api/v1/stock/adjustments", sold).await;
    let again = rig.post("/api/v1/stock/import", body).await.json();
    assert_eq!(
        (&again["done"], &again["done_before"]),
        (&json!(0), &json!(2))
    );
    assert_eq!(on_hand().await, 5);
}

#[tokio::test]
async fn a_file_with_a_mistake_enters_nothing_and_tells_all_of_them() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let csv = "sku,count\nMUG,7\nNONE,1\nMUG,x\n";
    let body = json!({ "csv": csv });
    let refused = rig.post("/api/v1/stock/import", body.clone()).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["code"], "bad-sheet");
    for told in ["row 3, sku: ", "row 4, count: "] {
        assert!(refused.text.contains(told), "{}", refused.text);
    }
    let csv = "sku,count\nMUG,7\nNONE,1\nMUG2,0.5\n";
    let dry = "/api/v1/stock/import?dry_run=true";
    let tried = rig.post(dry, json!({ "csv": csv })).await.json();
    assert_eq!(tried["mistakes"][0]["row"], 3);
    assert_eq!(tried["mistakes"][0]["column"], "sku");
    assert_eq!(rig.get("/api/v1/stock/MUG").await.json()["on_hand"], 5);
}
