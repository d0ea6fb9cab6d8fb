//! What `oneshelf backup create` asks a daemon, and what it makes of the answers.

use std::{path::Path, sync::Arc};

use channel::HttpPort;
use serde_json::{Value, json};

use super::{Canned, Client, Out, canned, run, settle};
use crate::{cli::backup::create, exit::Exit};

async fn created(to: Option<&Path>, answers: &[(u16, Value)]) -> (Exit, String, Arc<Canned>) {
    let canned = canned(answers);
    let http = Arc::clone(&canned) as Arc<dyn HttpPort>;
    let client = Client::new(http, "http://daemon:8081", None);
    let mut written = Vec::new();
    let mut out = Out::new(&mut written, false);
    let exit = settle(create(&client, to, &mut out).await).expect("an exit code");
    (exit, String::from_utf8(written).expect("text"), canned)
}

fn kept(is_under_way: bool, failure: Value) -> (u16, Value) {
    let last = json!({
        "name": "oneshelf-1", "path": "/b/oneshelf-1", "made_at": "2026-11-21T03:00:00Z",
        "position": 99, "orders": 1, "rows": 20, "bytes": 3000, "problem": null,
    });
    let kept = json!({ "is_under_way": is_under_way, "failure": failure, "last": last });
    (200, kept)
}

#[tokio::test]
async fn a_daemon_is_asked_until_it_is_done() {
    let begun = (202, json!({ "status": "begins" }));
    let answers = [begun, kept(true, Value::Null), kept(false, Value::Null)];
    let (exit, text, canned) = created(Some(Path::new("mine")), &answers).await;
    assert_eq!(
        text,
        "\
Made and read back: /b/oneshelf-1
  of 2026-11-21T03:00:00Z: 1 order and 20 rows in all, up to position 99, 3000 bytes
"
    );
    assert_eq!(exit, Exit::Good);
    let asked = canned.asked.lock().expect("no holder panics");
    let calls: Vec<String> = asked.iter().map(|call| call.method().to_string()).collect();
    assert_eq!(calls, ["POST", "GET", "GET"]);
    assert_eq!(asked[0].body(), br#"{"to":"mine"}"#);
}

#[tokio::test]
async fn a_backup_that_failed_is_a_finding() {
    let begun = (202, json!({ "status": "begins" }));
    let answers = [begun, kept(false, json!("there is no space"))];
    let (exit, text, _) = created(None, &answers).await;
    assert_eq!((exit, text.as_str()), (Exit::Finding, ""));
    let none = json!({ "code": "no-backups", "detail": "no backups are configured" });
    let (exit, _, _) = created(None, &[(409, none)]).await;
    assert_eq!(exit, Exit::Finding);
}

#[tokio::test]
async fn status_says_when_there_was_one_and_complains() {
    let summary = |backups: Value| json!({ "backups": backups });
    let of = async |backups: Value| {
        let answers = [summary(backups), json!({}), json!({ "items": [] })];
        run("status", &answers.map(|answer| (200, answer)))
            .await
            .text
    };
    let last = json!({ "made_at": "2026-11-21T03:00:00Z", "path": "/b/one" });
    let well = json!({ "is_configured": true, "last": last, "failure": null, "is_late": false });
    assert!(
        of(well)
            .await
            .contains("backup     2026-11-21T03:00:00Z in /b/one\n")
    );
    let late = json!({ "is_configured": true, "last": null, "failure": null, "is_late": true });
    let text = of(late).await;
    assert!(
        text.contains("none yet") && text.contains("newer backup"),
        "{text}"
    );
    let failed = json!({ "is_configured": true, "last": null, "failure": "no space" });
    assert!(
        of(failed)
            .await
            .contains("the last backup failed: no space")
    );
}
