//! What commands about tasks ask and print.

use serde_json::{Value, json};

use super::run;
use crate::exit::Exit;

const ORDER: &str = "http://daemon:8081/api/v1/orders/ord_a";

fn order() -> (u16, Value) {
    let task = |id: &str, state: &str| json!({ "id": id, "state": state });
    let tasks = json!([task("tsk_0", "closed"), task("tsk_1", "picking")]);
    let order = json!({
        "id": "ord_a", "number": "17", "tasks": tasks, "phase": "fulfilling",
        "total": { "amount": "9.90", "currency": "EUR" },
    });
    (200, order)
}

fn done() -> (u16, Value) {
    let receipt = json!({ "effect": "done", "phase": "fulfilling", "tasks": ["tsk_1", "tsk_2"], "parcel": 3 });
    (201, receipt)
}

#[tokio::test]
async fn each_step_is_asked_of_the_open_task() {
    let line = json!([{ "line": 1, "units": "2" }]);
    for (said, step, body) in [
        (
            "pick|ord_a|--line|1=2|--missing|2=1|--sku|MUG|--empty|--by|ann",
            "picks",
            json!({
                "lines": line, "missing": [{ "line": 2, "units": "1", "sku": "MUG" }],
                "is_empty": true, "by": "ann",
            }),
        ),
        ("put-back|ord_a", "put-backs", json!({ "lines": [] })),
        (
            "pack|ord_a|--line|1=2|--weight-g|850",
            "parcels",
            json!({ "lines": line, "weight_g": 850 }),
        ),
        (
            "label|ord_a|--parcel|2|--carrier|DHL|--tracking-number|J1|--cost|4.90",
            "parcels/2/label",
            json!({
                "carrier": "DHL", "tracking_number": "J1",
                "cost": { "amount": "4.90", "currency": "EUR" },
            }),
        ),
        (
            "hand-over|ord_a|--parcel|1|--parcel|2|--to-buyer",
            "hand-over",
            json!({ "parcels": [1, 2], "is_to_buyer": true }),
        ),
        ("split|ord_a|--line|1=2", "split", json!({ "lines": line })),
        (
            "merge|ord_a|--into|tsk_9",
            "merge",
            json!({ "into": "tsk_9" }),
        ),
        (
            "close|ord_a|--reason|tomorrow|--by|ann",
            "close",
            json!({ "reason": "tomorrow", "by": "ann" }),
        ),
    ] {
        let ran = run(&format!("orders|task|{said}"), &[order(), done()]).await;
        assert_eq!(ran.calls()[1], format!("POST {ORDER}/tasks/tsk_1/{step}"));
        assert_eq!(ran.body(1), body, "{said}");
        assert_eq!(ran.exit, Exit::Good, "{}", ran.text);
    }
    for (said, path) in [
        ("unpack|ord_a|--parcel|2|--by|ann", "parcels/2?by=ann"),
        ("void-label|ord_a|--parcel|2", "parcels/2/label"),
    ] {
        let ran = run(&format!("orders|task|{said}"), &[order(), done()]).await;
        assert_eq!(ran.calls()[1], format!("DELETE {ORDER}/tasks/tsk_1/{path}"));
    }
}

#[tokio::test]
async fn a_task_is_opened_without_asking_for_the_order() {
    let ran = run(
        "orders|task|open|ord_a|--location|berlin|--line|1=2",
        &[done()],
    )
    .await;
    assert_eq!(ran.calls(), [format!("POST {ORDER}/tasks")]);
    let said = json!({ "location": "berlin", "lines": [{ "line": 1, "units": "2" }] });
    assert_eq!(ran.body(0), said);
    assert_eq!(
        ran.text,
        "Opened as tsk_1, tsk_2; the order is fulfilling.\n"
    );
}

#[tokio::test]
async fn lists_show_the_stop_sign_and_what_is_to_be_done() {
    let part = |sku: Value| json!({ "sku": sku, "title": "Gift wrap", "units": 2 });
    let tasks = json!({ "next": null, "items": [{
        "id": "tsk_1", "location": "berlin", "state": "stopped", "is_stopped": true, "order": "ord_a",
        "number": "17", "account": "shop", "ship_by": null, "opened_at": "2026-11-30T10:00:00Z",
        "lines": [part(json!("MUG")), part(Value::Null)],
    }] });
    let ran = run(
        "orders|tasks|--location|berlin|--state|stopped",
        &[(200, tasks)],
    )
    .await;
    assert!(
        ran.calls()[0].contains("/tasks?location=berlin&state=stopped"),
        "{:?}",
        ran.calls()
    );
    assert!(ran.text.contains("STOP (stopped)"), "{}", ran.text);
    assert!(ran.text.contains("2 MUG, 2 Gift wrap"), "{}", ran.text);
    let waiting = json!({ "next": null, "items": [{
        "location": null, "id": "ord_b", "number": "18", "account": "shop", "ship_by": null,
        "placed_at": "2026-11-30T10:00:00Z", "lines": [part(json!("MUG"))],
    }] });
    let ran = run("orders|tasks|--waiting", &[(200, waiting)]).await;
    assert!(
        ran.calls()[0].contains("/tasks/waiting"),
        "{:?}",
        ran.calls()
    );
    assert!(ran.text.contains("2 MUG"), "{}", ran.text);
}
