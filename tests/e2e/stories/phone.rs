//! An order by phone that is paid in two parts.

use super::{Story, list};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_order_is_paid_in_two_parts() {
    let story = Story::begins().await;
    let before = story.world.level("market", "JUG");
    let mut add = vec!["orders", "add", "--account", "phone", "--currency", "EUR"];
    add.extend([
        "--line",
        "JUG=2@20.00",
        "--shipping",
        "4.90",
        "--paid",
        "cash=15.00",
    ]);
    add.extend(["--name", "Ada Example", "--street", "High St 1"]);
    add.extend([
        "--postal-code",
        "10115",
        "--city",
        "Berlin",
        "--country",
        "DE",
    ]);
    let told = story.tells(&add).await;
    assert!(told.contains("awaiting_payment"), "{told}");
    // Every shop shows less at once, though a part of the money is missing.
    for account in ["web-shop", "till", "market", "boutique"] {
        story.world.expect_level(account, "JUG", before - 2).await;
    }
    let shown = story.tells(&["orders", "show", "1001"]).await;
    assert!(shown.contains("15.00 EUR"), "{shown}");
    assert!(shown.contains("What to do next:"), "{shown}");
    let early = story.tries(&["orders", "ship", "1001"]).await;
    assert_eq!(early.code, Some(1), "{early:?}");
    assert!(early.stderr.contains("not paid yet"), "{early:?}");

    let rest = ["--method", "bank-transfer", "--amount", "29.90"];
    let paid = [&["orders", "pay", "1001"][..], &rest].concat();
    let told = story.tells(&paid).await;
    assert!(told.contains("ready"), "{told}");
    let sent = [
        "orders",
        "ship",
        "1001",
        "--carrier",
        "DHL",
        "--tracking-number",
        "JD1",
    ];
    assert!(story.tells(&sent).await.contains("shipped"));
    let arrived = ["orders", "track", "1001", "--state", "delivered"];
    assert!(story.tells(&arrived).await.contains("delivered"));

    let orders = story.world.api.all("/api/v1/orders?account=phone").await;
    let id = orders.expect("orders")[0]["id"].clone();
    let path = format!("/api/v1/orders/{}", super::text(&id));
    let order = story.world.api.get(&path).await;
    assert_eq!(order["payment"], "paid", "{order}");
    let amounts: Vec<&str> = list(&order["payments"])
        .filter_map(|one| one["amount"]["amount"].as_str())
        .collect();
    assert_eq!(amounts, ["15.00", "29.90"], "{order}");
    assert_eq!(order["total"]["amount"], "44.90", "{order}");
    story.ends().await;
}
