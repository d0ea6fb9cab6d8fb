//! The channel finds out later that an order may be fraud: it waits for a person, and leaves when that person says so.

use sandbox::Act;

use super::Story;

const RULE: &str = "
[[rules]]
name = \"risky\"
on = \"order.changed\"
when = 'order.risk == \"high\"'
then = { tag = [\"risk\"] }
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_its_channel_takes_for_fraud_waits_for_a_person() {
    let story = Story::begins_with(RULE).await;
    let sold = story.sold("boutique", &[("BOWL", 1)]).await;
    assert_eq!(story.shown(&sold).await["risk"], "low");
    let suspect = Act::Suspect(sold.id.clone());
    let done = story.happens("boutique", &suspect);
    assert!(done.is_ok(), "{done:?}");
    // The other channels tell nothing of that kind.
    let other = story.sold("web-shop", &[("BOWL", 1)]).await;
    assert!(story.shown(&other).await["risk"].is_null());
    let held = story.comes_to(&sold, "held").await;
    assert_eq!(held["risk"], "high");
    assert_eq!(held["tags"], serde_json::json!(["risk"]));
    let id = held["id"].as_str().unwrap_or_default();
    let told = story.tells(&["orders", "show", id]).await;
    assert!(
        told.contains("its channel fears fraud: it would cancel the order"),
        "{told}"
    );
    let risk = told.lines().find(|line| line.starts_with("risk"));
    assert!(risk.is_some_and(|line| line.ends_with("high")), "{told}");
    story.tells(&["orders", "release", id]).await;
    story.comes_to(&sold, "ready").await;
    for sold in [&sold, &other] {
        story.ships(sold, "JD2").await;
        story.comes_to(sold, "shipped").await;
    }
    story.ends().await;
}
