//! What pausing, syncing and reading back ask and print.

use serde_json::{Value, json};

use super::run;
use crate::exit::Exit;

fn change(paused: &Value) -> Value {
    json!({ "account": "shop", "mode": "live", "is_frozen": false, "may_write": true, "paused": paused })
}

#[tokio::test]
async fn work_is_paused_and_goes_on() {
    let answer = [(200, change(&json!(["stock", "tracking"])))];
    let ran = run("pause|shop|stock|tracking|--by|ann", &answer).await;
    assert_eq!(
        ran.calls(),
        ["POST http://daemon:8081/api/v1/accounts/shop/pause"]
    );
    assert_eq!(
        ran.body(0),
        json!({ "what": ["stock", "tracking"], "by": "ann" })
    );
    assert_eq!(
        ran.text,
        "Paused of shop: stock, tracking. Nothing is lost; `oneshelf resume shop` lets it go on.\n"
    );
    let all = [(200, change(&json!(["orders", "stock", "tracking"])))];
    let ran = run("pause|shop", &all).await;
    assert_eq!(ran.body(0), json!({}), "all of it");
    assert!(
        ran.text.contains("can be sold elsewhere as well"),
        "{}",
        ran.text
    );
    let ran = run("resume|shop|stock", &[(200, change(&json!(["orders"])))]).await;
    assert_eq!(
        ran.calls(),
        ["POST http://daemon:8081/api/v1/accounts/shop/resume"]
    );
    assert_eq!(ran.text, "Still paused of shop: orders.\n");
    let ran = run("resume|shop", &[(200, change(&json!([])))]).await;
    assert_eq!(
        (ran.exit, ran.text.as_str()),
        (Exit::Good, "Nothing of shop is paused.\n")
    );
}

#[tokio::test]
async fn an_account_is_synced_and_read_back() {
    let begun = || (202, json!({ "account": "shop", "status": "begins" }));
    let ran = run("sync|shop", &[begun(), begun()]).await;
    assert_eq!(
        ran.calls(),
        [
            "POST http://daemon:8081/api/v1/accounts/shop/poll",
            "POST http://daemon:8081/api/v1/accounts/shop/reconcile",
        ]
    );
    assert_eq!(ran.text, "shop: poll begins.\nshop: reconcile begins.\n");
    let ran = run("backfill|shop|--since|2026-11-01T00:00:00Z", &[begun()]).await;
    assert_eq!(
        ran.calls(),
        ["POST http://daemon:8081/api/v1/accounts/shop/backfill"]
    );
    assert_eq!(ran.body(0), json!({ "since": "2026-11-01T00:00:00Z" }));
}

#[tokio::test]
async fn an_account_is_shown_with_what_is_paused() {
    let account = json!({
        "id": "shop", "channel_title": "Paper", "mode": "live", "is_frozen": false,
        "backfill": { "since": "2026-11-01T00:00:00Z", "is_done": false, "read": 3, "up_to": "2026-11-02T00:00:00Z" },
        "paused": [{ "what": "stock", "by": "ann", "at": "2026-11-21T10:00:00Z", "waiting": 2 }],
        "health": {},
    });
    let ran = run("accounts|show|shop", &[(200, account)]).await;
    for line in [
        "live, stock paused\n",
        "backfill: 3 orders read since 2026-11-01T00:00:00Z, up to 2026-11-02T00:00:00Z\n",
        "paused: stock since 2026-11-21T10:00:00Z by ann; 2 levels wait\n",
    ] {
        assert!(ran.text.contains(line), "{line}: {}", ran.text);
    }
}
