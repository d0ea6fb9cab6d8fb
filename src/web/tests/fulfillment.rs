//! Orders are picked, packed and handed over.

use serde_json::{Value, json};

use super::{
    api::Reader,
    rig::{Rig, bearer, rig},
};

/// An order of three bowls, of which there are enough.
async fn ready(rig: &Rig, name: &str) -> String {
    rig.stock("shop", "BOWL", 9).await;
    let id = rig.order("shop", name, &[("BOWL", 3)]).await;
    format!("/api/v1/orders/{id}")
}

async fn open(rig: &Rig, path: &str) -> String {
    let asked = Some(json!({ "by": "ann" }));
    let opened = rig
        .ask("POST", &format!("{path}/tasks"), asked, &[bearer()])
        .await;
    assert_eq!(opened.status, 201, "{}", opened.text);
    let task = opened.json()["tasks"][0].as_str().map(str::to_owned);
    task.expect("a task")
}

/// Every step of fulfillment, once.
#[expect(
    clippy::too_many_lines,
    reason = "each step once, in the order of work"
)]
pub(super) async fn went_through(reader: &mut Reader) {
    let path = ready(&reader.rig, "work-1").await;
    let waiting = reader.get("/api/v1/tasks/waiting").await;
    let items = waiting["items"].as_array().expect("a list");
    let found = items
        .iter()
        .find(|one| path.ends_with(one["id"].as_str().unwrap_or("-")));
    let found = found.expect("it waits to be picked");
    assert_eq!(found["lines"][0]["units"], 3);
    assert_eq!(found["lines"][0]["sku"], "BOWL");
    // Where all of it lies at one place, what has no location waits there.
    let there = reader.get("/api/v1/tasks/waiting?location=main").await;
    assert_eq!(there["items"], waiting["items"]);
    let elsewhere = reader.get("/api/v1/tasks/waiting?location=attic").await;
    assert_eq!(elsewhere["items"], json!([]));

    let opened = reader
        .post(&format!("{path}/tasks"), json!({ "by": "ann" }))
        .await;
    assert_eq!(opened["phase"], "fulfilling");
    let task = opened["tasks"][0].as_str().expect("a task").to_owned();
    let of = |step: &str| format!("{path}/tasks/{task}/{step}");
    let waiting = reader.get("/api/v1/tasks/waiting").await;
    let still = waiting["items"].as_array().expect("a list");
    assert!(
        still
            .iter()
            .all(|one| !path.ends_with(one["id"].as_str().unwrap_or("-")))
    );

    let one = json!([{ "line": 1, "units": 1 }]);
    let split = reader.post(&of("split"), json!({ "lines": one })).await;
    let other = split["tasks"][0].as_str().expect("a task").to_owned();
    let merge = format!("{path}/tasks/{other}/merge");
    reader
        .post(&merge, json!({ "into": task, "by": "ann" }))
        .await;

    reader
        .post(&of("picks"), json!({ "lines": one, "by": "ann" }))
        .await;
    reader
        .post(&of("put-backs"), json!({ "lines": one, "by": "ann" }))
        .await;
    let short = json!([{ "line": 1, "units": 1, "sku": "BOWL" }]);
    let picked = json!({ "missing": short, "is_empty": false, "by": "ann" });
    reader.post(&of("picks"), picked).await;
    let stock = reader.get("/api/v1/stock/BOWL").await;
    assert_eq!(stock["on_hand"], 8, "one was not found");

    let packed = json!({ "lines": one, "weight_g": 450, "by": "ann" });
    let packed = reader.post(&of("parcels"), packed).await;
    assert_eq!(packed["parcel"], 1);
    let parcel = of("parcels/1");
    reader
        .ask("DELETE", &format!("{parcel}?by=ann"), None)
        .await;
    let packed = reader.post(&of("parcels"), json!({})).await;
    assert_eq!(packed["parcel"], 2, "numbers are never given twice");
    let label = json!({
        "carrier": "DHL", "tracking_number": "JD1", "reference": "L-7", "by": "ann",
        "cost": { "amount": "4.90", "currency": "EUR" },
    });
    let on_it = of("parcels/2/label");
    reader.post(&on_it, label.clone()).await;
    reader.ask("DELETE", &format!("{on_it}?by=ann"), None).await;
    reader.post(&on_it, label).await;

    let listed = reader.get("/api/v1/tasks?state=labeled").await;
    let listed = &listed["items"][0];
    assert_eq!(listed["id"], task);
    assert_eq!(listed["parcels"][0]["label"]["cost"]["amount"], "4.90");
    assert_eq!(listed["is_stopped"], false);
    let left = reader
        .post(&of("hand-over"), json!({ "parcels": [2], "by": "ann" }))
        .await;
    assert_eq!(left["phase"], "part_shipped");
    let order = reader.get(&path).await;
    assert_eq!(order["shipments"][0]["tracking_number"], "JD1");
    assert_eq!(order["tasks"][0]["state"], "closed");
    assert_eq!(order["lines"][0]["counters"]["packed"], 3);
    assert_eq!(order["lines"][0]["counters"]["unpacked"], 1);

    let last = reader.post(&format!("{path}/tasks"), json!({})).await;
    let last = last["tasks"][0].as_str().expect("a task").to_owned();
    let close = format!("{path}/tasks/{last}/close");
    reader.post(&close, json!({ "reason": "tomorrow" })).await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of what is refused")]
async fn what_cannot_be_done_on_a_task_has_a_code() {
    let rig = rig().await;
    let path = ready(&rig, "work-2").await;
    let task = open(&rig, &path).await;
    let none = "tsk_0000000000000000000000000000000a";
    let many = json!([{ "line": 1, "units": 9 }]);
    let cases: Vec<(String, Value, u16, &str)> = vec![
        (format!("tasks/{none}/picks"), json!({}), 404, "no-task"),
        (
            format!("tasks/{task}/picks"),
            json!({ "lines": many }),
            409,
            "bad-fulfillment",
        ),
        (
            format!("tasks/{task}/parcels"),
            json!({}),
            409,
            "bad-fulfillment",
        ),
        (
            format!("tasks/{task}/parcels/1/label"),
            json!({ "carrier": "DHL", "tracking_number": "1" }),
            409,
            "bad-fulfillment",
        ),
        (
            format!("tasks/{task}/merge"),
            json!({ "into": task }),
            409,
            "bad-fulfillment",
        ),
        (
            format!("tasks/{task}/merge"),
            json!({ "into": "x" }),
            400,
            "bad-parameter",
        ),
        ("tasks".to_owned(), json!({}), 409, "bad-fulfillment"),
        (
            "tasks".to_owned(),
            json!({ "location": "moon" }),
            409,
            "bad-fulfillment",
        ),
        (
            "allocation".to_owned(),
            json!({ "location": "main" }),
            409,
            "bad-fulfillment",
        ),
        (
            format!("tasks/{task}/picks"),
            json!({ "missing": [{ "line": 1, "units": 1, "sku": "no spaces\u{0}" }] }),
            400,
            "bad-body",
        ),
    ];
    let before = rig.get(&path).await.text;
    for (step, body, status, code) in cases {
        let asked = format!("{path}/{step}");
        let answer = rig.ask("POST", &asked, Some(body), &[bearer()]).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (status, Some(code)),
            "{step}: {}",
            answer.text
        );
    }
    assert_eq!(rig.get(&path).await.text, before, "nothing was changed");
    let asked = rig.get("/api/v1/tasks?state=pickled").await;
    assert_eq!(asked.status, 400);
    assert!(
        asked.text.contains("open, picking, picked"),
        "{}",
        asked.text
    );
}

#[tokio::test]
async fn lists_are_paged_by_location() {
    let rig = rig().await;
    for name in ["work-3", "work-4", "work-5"] {
        let path = ready(&rig, name).await;
        open(&rig, &path).await;
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/tasks?location=main&limit=2".to_owned();
    loop {
        let page = rig.get(&path).await.json();
        let items = page["items"].as_array().expect("a list");
        seen.extend(items.iter().map(|task| task["number"].clone()));
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/tasks?location=main&limit=2&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    let none = rig.get("/api/v1/tasks?location=moon").await.json();
    assert_eq!(none["items"], json!([]));
}
