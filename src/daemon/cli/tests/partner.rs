//! What is exchanged with a partner that works by files.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{page, run};
use crate::exit::Exit;

fn partner(format: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["in", "out"] {
        fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    let manifest = format!(
        "name = \"north\"\nlocation = \"north\"\noutgoing = \"out\"\nincoming = \"in\"\nformat = {format:?}\n"
    );
    fs::write(folder.path().join("north.toml"), manifest).expect("written");
    folder
}

fn line(folder: &TempDir) -> String {
    let manifest = folder.path().join("north.toml");
    format!("partner|exchange|{}", manifest.display())
}

fn task(left: i64) -> Value {
    json!({
        "id": "tsk_1", "order": "ord_a", "number": "17", "account": "shop", "ship_by": null, "is_stopped": false,
        "state": "open",
        "lines": [{ "line": 1, "sku": "MUG", "title": "A mug, \"big\"", "units": 3, "left": left }],
    })
}

fn order(tasks: Value) -> (u16, Value) {
    let to = json!({ "name": "Ada Example", "street": ["Kiln 1", "Yard"], "city": "Berlin", "country": "DE" });
    (
        200,
        json!({ "id": "ord_a", "number": "17", "ship_to": to, "tasks": tasks }),
    )
}

/// A task was written out before.
fn sent(folder: &TempDir) {
    let sent = folder.path().join("out/.sent");
    fs::create_dir_all(&sent).expect("a folder");
    fs::write(sent.join("tsk_1"), "{\"order_id\":\"ord_a\"}").expect("written");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.retain(|name| name != ".sent" && name != ".done");
    names.sort();
    names
}

fn nothing() -> (u16, Value) {
    page(json!([]), None)
}

#[tokio::test]
async fn what_waits_is_begun_and_written_out_once() {
    let folder = partner("json");
    let waiting = page(json!([{ "id": "ord_a", "number": "17" }]), None);
    let tasks = page(json!([task(1)]), None);
    let opened = (201, json!({ "effect": "done", "tasks": ["tsk_1"] }));
    let answers = [waiting, opened, tasks.clone(), order(json!([]))];
    let ran = run(&line(&folder), &answers).await;
    assert_eq!(ran.exit, Exit::Good, "{}", ran.text);
    assert!(
        ran.text
            .contains("north: 0 files read in, 1 task written out"),
        "{}",
        ran.text
    );
    assert_eq!(ran.body(1), json!({ "location": "north", "by": "north" }));
    let file = folder.path().join("out/tsk_1.json");
    let written: Value = serde_json::from_slice(&fs::read(&file).expect("a file")).expect("JSON");
    assert_eq!(
        written["lines"][0]["units"], "2",
        "one of three has left: {written}"
    );
    assert_eq!(written["ship_to"]["city"], "Berlin");
    // The partner takes it, and nothing has changed.
    fs::remove_file(&file).expect("taken");
    let ran = run(&line(&folder), &[nothing(), tasks, order(json!([]))]).await;
    assert!(ran.text.contains("0 tasks written out"), "{}", ran.text);
    assert_eq!(names(&folder.path().join("out")), [""; 0]);
}

#[tokio::test]
async fn a_task_that_is_given_up_is_taken_back_and_one_that_left_is_not() {
    for (left, expected) in [(0, &["tsk_1.withdrawn.json"][..]), (3, &[])] {
        let folder = partner("json");
        sent(&folder);
        let mut over = task(left);
        over["state"] = json!("closed");
        let closed = order(json!([over]));
        let ran = run(&line(&folder), &[nothing(), nothing(), closed]).await;
        assert_eq!(ran.exit, Exit::Good, "{}", ran.text);
        assert_eq!(names(&folder.path().join("out")), expected);
        let ran = run(&line(&folder), &[nothing(), nothing()]).await;
        assert_eq!(ran.exit, Exit::Good, "it is over: {}", ran.text);
        let is_kept = folder.path().join("out/.done/tsk_1").exists();
        assert_eq!(is_kept, left > 0, "a file that arrives again is known");
    }
}

#[tokio::test]
async fn a_task_is_taken_back_while_its_order_is_on_hold() {
    let folder = partner("json");
    let tasks = || page(json!([task(0)]), None);
    let mut held = order(json!([task(0)]));
    held.1["phase"] = json!("held");
    let free = || order(json!([task(0)]));
    run(&line(&folder), &[nothing(), tasks(), free()]).await;
    assert_eq!(names(&folder.path().join("out")), ["tsk_1.json"]);
    run(&line(&folder), &[nothing(), tasks(), held.clone(), held]).await;
    let both = ["tsk_1.json", "tsk_1.withdrawn.json"];
    assert_eq!(names(&folder.path().join("out")), both);
    fs::remove_file(folder.path().join("out/tsk_1.json")).expect("taken");
    let ran = run(&line(&folder), &[nothing(), tasks(), free()]).await;
    assert!(ran.text.contains("1 task written out"), "{}", ran.text);
}

#[tokio::test]
async fn rows_are_written_for_a_partner_that_reads_csv() {
    let folder = partner("csv");
    let answers = [nothing(), page(json!([task(0)]), None), order(json!([]))];
    run(&line(&folder), &answers).await;
    let rows = fs::read_to_string(folder.path().join("out/tsk_1.csv")).expect("a file");
    let rows: Vec<&str> = rows.lines().collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        rows[1],
        "tsk_1,17,shop,,Ada Example,,\"Kiln 1, Yard\",Berlin,,,DE,,1,MUG,\"A mug, \"\"big\"\"\",3"
    );
}

#[tokio::test]
async fn what_a_partner_has_done_is_asked_for_under_keys_of_its_file() {
    for (name, text) in [
        (
            "done.json",
            r#"{"shipments":[{"task":"tsk_1","carrier":"DHL","tracking_number":"J1","lines":[{"line":1,"units":"2"}]}]}"#,
        ),
        (
            "done.csv",
            "task,carrier,tracking_number,line,units\ntsk_1,DHL,J1,1,2\n",
        ),
    ] {
        let folder = partner("json");
        sent(&folder);
        fs::write(folder.path().join("in").join(name), text).expect("written");
        let done = || (201, json!({ "effect": "done", "parcel": 4 }));
        let answers = [
            done(),
            done(),
            done(),
            nothing(),
            nothing(),
            order(json!([task(3)])),
        ];
        let ran = run(&line(&folder), &answers).await;
        assert_eq!(ran.exit, Exit::Good, "{}", ran.text);
        let steps: Vec<String> = ran.calls().into_iter().take(3).collect();
        let of = "POST http://daemon:8081/api/v1/orders/ord_a/tasks/tsk_1";
        assert_eq!(
            steps,
            [
                format!("{of}/picks"),
                format!("{of}/parcels"),
                format!("{of}/hand-over")
            ]
        );
        let left =
            json!({ "carrier": "DHL", "tracking_number": "J1", "by": "north", "parcels": [4] });
        assert_eq!(ran.body(2), left);
        let key = |at: usize| {
            ran.asked[at].headers()["idempotency-key"]
                .to_str()
                .expect("text")
        };
        assert!(
            key(0).ends_with("-1-pick") && key(2).ends_with("-1-hand-over"),
            "{}",
            key(0)
        );
        assert_eq!(names(&folder.path().join("in")), ["done"]);
        assert_eq!(names(&folder.path().join("in/done")), [name]);
    }
}

#[tokio::test]
async fn what_is_refused_is_put_aside_with_the_reason() {
    let refused = (
        409,
        json!({ "code": "phase", "detail": "the order is canceled: nothing must leave" }),
    );
    let all = r#"{"shipments":[{"task":"tsk_1","carrier":"DHL","tracking_number":"J1"}]}"#;
    let other = r#"{"shipments":[{"task":"tsk_9","carrier":"DHL","tracking_number":"J1"}]}"#;
    let path = r#"{"shipments":[{"task":"../../tsk_1","carrier":"DHL","tracking_number":"J1"}]}"#;
    for (text, answer, reason) in [
        (all, Some(refused), "the order is canceled"),
        (other, None, "no such task was written out for it"),
        (path, None, "no such task was written out for it"),
        ("{}", None, "it says nothing"),
        ("{\"shipmnts\":[]}", None, "unknown field `shipmnts`"),
        ("[[[[", None, "line 1"),
    ] {
        let folder = partner("json");
        sent(&folder);
        fs::write(folder.path().join("in/a.json"), text).expect("written");
        let tail = [nothing(), nothing(), order(json!([task(3)]))];
        let answers: Vec<(u16, Value)> = answer.into_iter().chain(tail).collect();
        let ran = run(&line(&folder), &answers).await;
        assert_eq!(ran.exit, Exit::Finding, "{text}: {}", ran.text);
        let failed = folder.path().join("in/failed");
        assert_eq!(names(&failed), ["a.json", "a.json.reason.txt"]);
        let said = fs::read_to_string(failed.join("a.json.reason.txt")).expect("a reason");
        assert!(said.contains(reason), "{text}: {said}");
    }
}

#[tokio::test]
async fn nothing_is_moved_while_no_daemon_answers() {
    let folder = partner("json");
    sent(&folder);
    let text = r#"{"shipments":[{"task":"tsk_1","carrier":"DHL","tracking_number":"J1"}]}"#;
    fs::write(folder.path().join("in/a.json"), text).expect("written");
    fs::write(folder.path().join("in/.b.json"), "half of it").expect("written");
    let ran = run(&line(&folder), &[]).await;
    assert_eq!(ran.exit, Exit::Unreachable, "{}", ran.text);
    assert_eq!(names(&folder.path().join("in")), [".b.json", "a.json"]);
}

#[tokio::test]
async fn what_lies_there_goes_through_a_count() {
    let folder = partner("json");
    let text = "sku,units,counted_at\nMUG,12,2026-11-30T20:00:00Z\nPLATE,0,2026-11-30T20:00:00Z\n";
    fs::write(folder.path().join("in/count.csv"), text).expect("written");
    let answers = [
        (201, json!({ "id": "cnt_1" })),
        (201, json!({ "state": "applied", "text": "12 of MUG" })),
        (
            201,
            json!({ "state": "recount", "text": "count PLATE again" }),
        ),
        (201, json!({ "id": "cnt_1" })),
        nothing(),
        nothing(),
    ];
    let ran = run(&line(&folder), &answers).await;
    assert_eq!(ran.exit, Exit::Finding, "{}", ran.text);
    assert!(
        ran.text.contains("count of PLATE: count PLATE again"),
        "{}",
        ran.text
    );
    assert_eq!(
        ran.body(0),
        json!({ "location": "north", "skus": ["MUG", "PLATE"], "by": "north" })
    );
    let entry =
        json!({ "sku": "MUG", "units": "12", "by": "north", "as_of": "2026-11-30T20:00:00Z" });
    assert_eq!(ran.body(1), entry);
}

#[test]
fn the_example_is_a_manifest() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/partners.d/north.toml");
    let text = fs::read_to_string(example).expect("the example");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("north.toml");
    // What is only shown is switched on.
    fs::write(&path, text.replace("# recount_above", "recount_above")).expect("written");
    let read = super::super::partner::example(&path).expect("a manifest");
    for key in [
        "name",
        "location",
        "outgoing",
        "incoming",
        "format",
        "recount_above",
    ] {
        assert!(text.contains(&format!("{key} = ")), "{key} is shown");
    }
    assert!(read.contains("north") && read.contains("Csv"), "{read}");
}
