//! An address that is changed after the order was taken in.

use sandbox::{Act, Done, Refused};
use serde_json::Value;

use super::{Story, list};
use crate::documents::SELLER;

const STREET: &str = "Other Street 9";

fn street(order: &Value) -> Option<&str> {
    order["ship_to"]["street"][0].as_str()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_changed_after_the_order_was_taken_in() {
    let story = Story::begins_with(SELLER).await;
    for account in ["web-shop", "boutique", "till"] {
        let sold = story.sold(account, &[("MUG-S", 1)]).await;
        let before = story.shown(&sold).await;
        assert_ne!(street(&before), Some(STREET), "{before}");
        let act = Act::Readdress(sold.id.clone(), STREET.to_owned());
        assert_eq!(
            story.happens(account, &act),
            Ok(Done::Order(sold.id.clone()))
        );
        let is_new = |order: &Value| street(order) == Some(STREET);
        let order = story.shows(&sold, "goes elsewhere", is_new).await;
        assert_eq!(order["phase"], "ready", "{order}");
        // The timeline says what it was and what it is.
        let timeline = story
            .world
            .api
            .all(&format!("{}/timeline", sold.path))
            .await;
        let timeline = Value::from(timeline.expect("a timeline")).to_string();
        assert!(timeline.contains(STREET), "{timeline}");
        let was = street(&before).expect("a street");
        assert!(timeline.contains(was), "{timeline}");
        let path = format!("{}/packing-slip?format=html", sold.path);
        let slip = story.world.api.get(&path).await.to_string();
        assert!(slip.contains(STREET) && !slip.contains(was), "{slip}");
        story.ships(&sold, "JD1").await;
        story.comes_to(&sold, "shipped").await;
    }
    // On eBay an address cannot be changed: the order goes where it was sold to.
    let sold = story.sold("market", &[("MUG-S", 1)]).await;
    let act = Act::Readdress(sold.id.clone(), STREET.to_owned());
    let refused = story.happens("market", &act);
    assert!(
        matches!(refused, Err(Refused::Impossible(_))),
        "{refused:?}"
    );
    let order = story.shown(&sold).await;
    assert_eq!(street(&order), Some(story.truth(&sold).street.as_str()));
    assert_eq!(list(&order["holds"]).count(), 0, "{order}");
    story.ships(&sold, "JD1").await;
    story.ends().await;
}
