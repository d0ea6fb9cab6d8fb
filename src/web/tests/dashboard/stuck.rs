//! What could not be sent: the main button leads to where it is mended, and all tries are shown.

use domain::{
    AccountId, ListingId,
    intent::Outcome,
    signal::{PushResult, Signal},
};
use engine::{lanes::AttemptNote, rows, users::Role};
use store::Batch;

use super::{
    super::rig::{Rig, now},
    Browser, rig,
};

/// The class and the text of the main button of a card.
fn main_button(page: &str, card: &str) -> String {
    let from = page.find(card).unwrap_or_else(|| panic!("{card}: {page}"));
    let card = &page[from..];
    let at = card.find(" main\"").or_else(|| card.find("class=\"main\""));
    let rest = &card[at.expect("a main button")..];
    let text = rest
        .split('>')
        .nth(1)
        .and_then(|rest| rest.split('<').next());
    text.expect("its text").trim().to_owned()
}

/// Parks the level of mugs, as the lane would.
async fn park(rig: &Rig) {
    let (account, listing) = (AccountId::new("shop"), ListingId::new("l-MUG"));
    rig.shows("shop", "MUG", 9).await;
    rig.decide(Signal::StartPush {
        account: account.clone(),
        listings: vec![listing.clone()],
        just_read: None,
    })
    .await;
    let reason = "it is archived there".to_owned();
    let results = vec![(listing, PushResult::Rejected { reason })];
    rig.decide(Signal::PushTried { account, results }).await;
}

#[tokio::test]
async fn what_was_refused_leads_to_where_it_is_mended() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let order = rig.order("shop", "7", &[("MUG", 1)]).await;
    let shipped = rig
        .post(
            &format!("/api/v1/orders/{order}/shipments"),
            serde_json::json!({}),
        )
        .await;
    assert_eq!(shipped.status, 201, "{}", shipped.text);
    let found = rig.get(&format!("/api/v1/orders/{order}")).await.json();
    let intent = found["intents"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let refused = Outcome::Park {
        reason: "the shop has nothing open to ship".to_owned(),
    };
    let tried = intent.parse().expect("an id");
    rig.decide(Signal::IntentTried {
        intent: tried,
        outcome: refused,
    })
    .await;
    park(&rig).await;
    let mut browser = Browser::of(&rig, Role::Operator).await;
    let page = browser.get("/stuck").await.text;
    assert_eq!(
        main_button(&page, "the shop has nothing open to ship"),
        "Open the order first"
    );
    assert_eq!(
        main_button(&page, "it is archived there"),
        "Open the item first"
    );
    assert!(page.contains("href=\"/stock/MUG\""), "{page}");
    assert!(page.contains("Send again"), "it can be sent nevertheless");
}

#[tokio::test]
async fn an_item_shows_each_try_and_sends_again() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    park(&rig).await;
    let mut puts = Vec::new();
    for minute in 0..12_u64 {
        let at = now().plus(std::time::Duration::from_secs(60 * minute));
        let note = AttemptNote {
            at,
            latency_ms: 40 + minute,
            request: format!("PUT level {minute}"),
            result: "rejected: it is archived there".to_owned(),
        };
        let parts = ["shop", "l-MUG", &rows::sortable_time(at)];
        puts.push((rows::ATTEMPTS, rows::key(&parts), rows::encode(&note)));
    }
    let batch = Batch {
        puts,
        ..Batch::default()
    };
    rig.engine.store.commit(batch).await.expect("written");
    let mut browser = Browser::of(&rig, Role::Operator).await;
    let page = browser.get("/stock/MUG").await.text;
    let (newest, oldest) = (page.find("PUT level 11"), page.find("PUT level 2"));
    assert!(
        newest.is_some() && newest < oldest,
        "the newest first: {page}"
    );
    assert!(!page.contains("PUT level 1\n"), "only the last ten: {page}");
    let tries = rig
        .get("/api/v1/listings/shop/l-MUG/attempts?limit=2")
        .await
        .json();
    assert_eq!(tries["items"][1]["request"], "PUT level 10");
    let next = tries["next"].as_str().expect("more").to_owned();
    let path = format!("/api/v1/listings/shop/l-MUG/attempts?limit=2&cursor={next}");
    let tries = rig.get(&path).await.json();
    assert_eq!(tries["items"][0]["request"], "PUT level 9");

    let fields = [("account", "shop"), ("listing", "l-MUG"), ("sku", "MUG")];
    let sent = browser.submit("/stock/MUG", "/stuck/send", &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    assert_eq!(
        sent.header("location"),
        Some("/stock/MUG?done=done#listings")
    );
    let listing = rig.get("/api/v1/listings?sku=MUG").await.json();
    assert_eq!(listing["items"][0]["parked"], serde_json::Value::Null);
}

#[tokio::test]
async fn settings_are_shown_with_where_they_came_from_and_no_secret_is() {
    let rig = rig().await;
    let mut browser = Browser::of(&rig, Role::Admin).await;
    let page = browser.get("/settings").await.text;
    for text in [
        "schedule.poll",
        "built in",
        "ONESHELF__LOG__LEVEL",
        "oneshelf.toml:7",
        "a secret, not shown",
        "accounts.shop",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let mut operator = Browser::of(&rig, Role::Operator).await;
    assert_eq!(operator.get("/settings").await.status, 403);
}
