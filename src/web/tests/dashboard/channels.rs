//! What is done to accounts from their pages: freezing, modes, taking over, and the breaker.

use domain::{
    AccountId, ListingId,
    breaker::Side,
    signal::{Signal, Whose},
};
use engine::users::Role;

use super::{Browser, rig};

#[tokio::test]
async fn freezing_is_shown_before_and_can_be_taken_back() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let mut browser = Browser::of(&rig, Role::Operator).await;
    let ask = browser.get("/channels/shop/freeze").await;
    for text in [
        "Freeze shop?",
        "Do not freeze",
        "levels and 0 messages wait",
    ] {
        assert!(ask.text.contains(text), "{text}: {}", ask.text);
    }
    let page = "/channels/shop/freeze";
    let done = browser.submit(page, page, &[]).await;
    assert_eq!(done.header("location"), Some("/channels/shop?done=done"));
    let shop = rig.get("/api/v1/accounts/shop").await.json();
    assert_eq!(
        (&shop["is_frozen"], &shop["frozen_by"]),
        (&true.into(), &"operator".into())
    );
    let list = browser.get("/channels").await;
    assert!(
        list.text.contains("shop frozen by operator"),
        "{}",
        list.text
    );
    let undone = browser.submit("/channels", "/freeze/undo", &[]).await;
    assert_eq!(undone.status, 303, "{}", undone.text);
    let shop = rig.get("/api/v1/accounts/shop").await.json();
    assert_eq!(shop["is_frozen"], false);
    assert!(
        !browser
            .get("/channels")
            .await
            .text
            .contains("frozen by operator")
    );
    let all = browser.get("/freeze").await;
    for account in ["shop", "quiet", "phone"] {
        assert!(
            all.text.contains(&format!("<strong>{account}</strong>")),
            "{account}"
        );
    }
    assert_eq!(browser.submit("/freeze", "/freeze", &[]).await.status, 303);
    let frozen = rig.get("/api/v1/freeze").await.json();
    assert_eq!(frozen["accounts"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn work_is_paused_and_goes_on() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let mut browser = Browser::of(&rig, Role::Operator).await;
    let (page, pause) = ("/channels/shop", "/channels/shop/pause");
    let done = browser.submit(page, pause, &[("what", "stock")]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let shop = rig.get("/api/v1/accounts/shop").await.json();
    assert_eq!(
        (&shop["paused"][0]["what"], &shop["paused"][0]["by"]),
        (&"stock".into(), &"operator".into())
    );
    for (language, words) in [
        ("en", "Paused by operator"),
        ("de", "Angehalten von operator"),
        ("es", "En pausa por operator"),
    ] {
        let shown = browser
            .send("GET", page, None, &[("accept-language", language)])
            .await;
        assert!(shown.text.contains(words), "{language}: {}", shown.text);
    }
    assert!(
        browser.get("/").await.text.contains("Accounts paused"),
        "today says it"
    );
    let list = browser.get("/channels").await;
    assert!(list.text.contains("<dd>Stock</dd>"), "{}", list.text);
    let resume = "/channels/shop/resume";
    let done = browser.submit(page, resume, &[("what", "stock")]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let shop = rig.get("/api/v1/accounts/shop").await.json();
    assert_eq!(shop["paused"], serde_json::json!([]));
    let back = "/channels/shop/backfill";
    let done = browser.submit(page, back, &[("since", "2020-01-01")]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let shown = browser.get(page).await;
    assert!(shown.text.contains("are to be read."), "{}", shown.text);
    let hand = browser.get("/channels/phone").await;
    assert!(!hand.text.contains("Pause and resume"), "{}", hand.text);
}

#[tokio::test]
async fn an_account_is_taken_over_step_by_step() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    rig.stock("quiet", "MUG", 5).await;
    rig.shows("quiet", "MUG", 2).await;
    let mut browser = Browser::of(&rig, Role::Admin).await;
    let page = "/channels/quiet";
    let (walk, arm) = (format!("{page}/walk"), format!("{page}/arm"));
    let shown = browser.get(&walk).await;
    for text in [
        "It is watched",
        "Its listings are matched",
        "Look at the first writes",
    ] {
        assert!(shown.text.contains(text), "{text}: {}", shown.text);
    }
    // Nobody has seen what would be written, and the page names its own button for that.
    let refused = browser.submit(page, &arm, &[]).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(
        refused.text.contains("“Look at the first writes”"),
        "{}",
        refused.text
    );
    let preview = format!("{page}/preview");
    let writes = browser.submit(&walk, &preview, &[]).await;
    assert_eq!(writes.status, 200, "{}", writes.text);
    for text in ["First writes to quiet", "/stock/MUG", "Go live: write them"] {
        assert!(writes.text.contains(text), "{text}: {}", writes.text);
    }
    let at = super::hidden(&writes.text, "previewed_at");
    let fields = [("previewed_at", at.as_str())];
    let armed = browser.submit(page, &arm, &fields).await;
    assert_eq!(armed.status, 303, "{}", armed.text);
    let mode = async || rig.get("/api/v1/accounts/quiet").await.json()["mode"].clone();
    assert_eq!(mode().await, "live");
    for (word, becomes) in [("off", "off"), ("configured", "observe")] {
        let to = format!("{page}/mode");
        let done = browser.submit(page, &to, &[("mode", word)]).await;
        assert_eq!(done.status, 303, "{}", done.text);
        assert_eq!(mode().await, becomes);
    }
    let mut operator = Browser::of(&rig, Role::Operator).await;
    let to = format!("{page}/mode");
    let refused = operator.submit(page, &to, &[("mode", "off")]).await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn a_breaker_is_seen_and_lifted() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let listings = (0..12).map(|n| ListingId::new(format!("x-{n}")));
    rig.decide(Signal::Weigh {
        account: AccountId::new("shop"),
        side: Side::Source,
        listings: listings.collect(),
        of: 20,
    })
    .await;
    let mut browser = Browser::of(&rig, Role::Operator).await;
    let page = browser.get("/channels/shop").await;
    assert!(
        page.text
            .contains("12 of 20 listings suddenly showed much less"),
        "{}",
        page.text
    );
    let right = serde_json::to_value(Whose::Theirs).expect("a word");
    let right = right.as_str().expect("a word");
    let fields = [("side", "source"), ("right", right)];
    let lift = "/channels/shop/lift";
    let done = browser.submit("/channels/shop", lift, &fields).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let again = browser.submit("/channels/shop", lift, &fields).await;
    assert_eq!(again.status, 409);
    assert!(again.text.contains("/errors/not-tripped"), "{}", again.text);
    let breaker = rig.get("/api/v1/accounts/shop/breaker").await.json();
    assert_eq!(breaker["source"], serde_json::Value::Null);
}

#[tokio::test]
async fn what_is_to_be_done_names_the_buttons_of_the_page() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let order = rig.order("shop", "7", &[("MUG", 2)]).await;
    let hold = serde_json::json!({ "reason": "ask", "by": "ann" });
    rig.post(&format!("/api/v1/orders/{order}/holds"), hold)
        .await;
    let mut browser = Browser::of(&rig, Role::Operator).await;
    for (language, button) in [
        ("en", "“Release”"),
        ("de", "„Freigeben“"),
        ("es", "«Liberar»"),
    ] {
        let headers = [("accept-language", language)];
        let path = format!("/orders/{order}");
        let page = browser.send("GET", &path, None, &headers).await;
        assert!(page.text.contains(button), "{language}: {}", page.text);
        assert!(!page.text.contains("oneshelf orders release"), "{language}");
    }
}
