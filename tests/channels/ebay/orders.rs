//! Orders, from the purchase to the poll.

use std::time::Duration;

use domain::{
    Decimal, ExternalId,
    snapshot::{PaymentState, Standing},
};
use sandbox::{Act, Refused};

use super::{direct, found, orders, poll, rig};
use crate::port::{block_on, sku};

#[test]
fn what_is_bought_is_polled_and_taken_off_the_level() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 2), ("SHIRT-S", 1)], true);
    let parts: Vec<usize> = id.as_str().split('-').map(str::len).collect();
    assert_eq!(parts, [2, 5, 5], "{id}");
    let all = orders(&rig);
    assert_eq!(all.len(), 1);
    let order = &all[0];
    assert_eq!(order.external_id, id);
    assert_eq!(order.standing, Standing::Placed);
    assert_eq!(order.payment, PaymentState::Paid);
    // Two mugs, a shirt, and the post.
    assert_eq!(order.total.to_string(), "53.70 EUR");
    assert_eq!(order.shipping.to_string(), "4.90 EUR");
    assert_eq!(order.lines[0].sku.as_deref(), Some("MUG-1"));
    assert_eq!(order.lines[0].ordered, Decimal::whole(2));
    assert_eq!(order.lines[0].subtracted, Decimal::whole(2));
    assert!(order.ship_by.is_some_and(|by| by > order.placed_at));
    assert_eq!((rig.level("MUG-1"), rig.level("SHIRT-S")), (8, 2));
    assert_eq!(&found(&rig, &id), order, "read by id it is the same");
}

#[test]
fn an_unpaid_purchase_is_taken_off_as_well() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 2)], false);
    let before = found(&rig, &id);
    assert_eq!(before.payment, PaymentState::Pending);
    assert_eq!(before.lines[0].subtracted, Decimal::whole(2));
    assert_eq!(rig.level("MUG-1"), 8);
    assert!(rig.hooks().is_empty(), "the checkout is not complete");
    rig.advance(1_000);
    rig.act(&Act::Pay(id.clone())).expect("paid");
    let after = found(&rig, &id);
    assert_eq!(after.payment, PaymentState::Paid);
    assert!(after.version > before.version);
    assert_eq!(rig.hooks().len(), 1);
}

#[test]
fn the_shop_refuses_by_its_own_rules() {
    let rig = rig();
    let buy = |basket: &[(&str, u32)]| {
        let basket = basket.iter().map(|(code, n)| (sku(code), *n)).collect();
        let paid = true;
        rig.act(&Act::Buy { basket, paid })
    };
    let short = Err(Refused::OutOfStock(sku("SHIRT-S")));
    assert_eq!(buy(&[("SHIRT-S", 4)]), short);
    assert_eq!(
        buy(&[("SHIRT-S", 2), ("SHIRT-S", 2)]),
        short,
        "one SKU twice"
    );
    assert!(matches!(buy(&[("WRAP", 1)]), Err(Refused::Impossible(_))));
    assert!(matches!(buy(&[("NONE", 1)]), Err(Refused::Unknown(_))));
    assert!(matches!(buy(&[]), Err(Refused::Impossible(_))));
    let id = rig.buy(&[("SHIRT-S", 3)], true);
    let deleted = rig.act(&Act::Delete(id.clone()));
    assert!(matches!(deleted, Err(Refused::Impossible(_))));
    let nobody = ExternalId::from("00-00000-00000");
    assert!(matches!(
        rig.act(&Act::Pay(nobody)),
        Err(Refused::Unknown(_))
    ));
    assert!(matches!(
        rig.act(&Act::Pay(id)),
        Err(Refused::Impossible(_))
    ));
    assert!(matches!(
        rig.act(&Act::SetLevel(sku("MUG-1"), -1)),
        Err(Refused::Impossible(_))
    ));
}

#[test]
fn many_orders_come_in_pages_and_none_is_lost() {
    let rig = rig();
    rig.act(&Act::SetLevel(sku("MUG-1"), 1_000)).expect("set");
    let ids: Vec<ExternalId> = (0..450)
        .map(|_| {
            rig.advance(10);
            rig.buy(&[("MUG-1", 1)], true)
        })
        .collect();
    rig.requests();
    let all = orders(&rig);
    assert_eq!(all.len(), 450);
    assert!(
        ids.iter()
            .all(|id| all.iter().any(|o| o.external_id == *id))
    );
    let pages = rig.requests();
    let pages = pages
        .iter()
        .filter(|request| request.contains("/order?filter="));
    assert_eq!(pages.count(), 3, "200 and ten of them again, twice");
    // Only what changed since then.
    rig.advance(60_000);
    let since = rig.now();
    rig.act(&Act::Ship(ids[7].clone())).expect("shipped");
    let changed = poll(&rig, since);
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].external_id, ids[7]);
}

#[test]
fn an_order_that_changes_while_pages_are_read_hides_no_other() {
    let rig = rig();
    rig.act(&Act::SetLevel(sku("MUG-1"), 1_000)).expect("set");
    let ids: Vec<ExternalId> = (0..300)
        .map(|_| {
            rig.advance(10);
            rig.buy(&[("MUG-1", 1)], true)
        })
        .collect();
    let pull = rig.channel.pull_orders().expect("orders");
    let mut window = channel::OrderWindow {
        changed_since: rig.now().minus(Duration::from_secs(3_600)),
        page: None,
        is_last_kept: false,
    };
    let mut seen = std::collections::BTreeSet::new();
    let first = block_on(pull.pull(&window)).expect("a page");
    seen.extend(first.items.into_iter().map(|order| order.external_id));
    // Five of the first page move to the end of the list.
    for id in &ids[..5] {
        rig.advance(10);
        rig.act(&Act::Ship(id.clone())).expect("shipped");
    }
    window.page = first.next;
    let second = block_on(pull.pull(&window)).expect("a page");
    assert_eq!(second.next, None);
    seen.extend(second.items.into_iter().map(|order| order.external_id));
    assert_eq!(seen.len(), 300);
}

#[test]
fn a_window_of_any_age_is_accepted() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1)], true);
    assert_eq!(poll(&rig, domain::Time::EPOCH).len(), 1);
    let future = rig.now().plus(Duration::from_secs(3_600));
    assert_eq!(poll(&rig, future).len(), 1, "this instant is within it");
}

#[test]
fn the_twin_refuses_what_ebay_refuses() {
    let rig = rig();
    let orders = "/sell/fulfillment/v1/order";
    let ids = vec!["12-34567-89012"; 51].join(",");
    for (path, status, error) in [
        (format!("{orders}?limit=201"), 400, 31_100),
        (format!("{orders}?offset=x"), 400, 31_000),
        (format!("{orders}?filter=colour:red"), 400, 30_700),
        (
            format!("{orders}?filter=lastmodifieddate:2026"),
            400,
            30_800,
        ),
        (
            format!("{orders}?filter=lastmodifieddate:%5B2026-11-01..%5D"),
            400,
            30_810,
        ),
        (
            format!("{orders}?filter=lastmodifieddate:%5B2027-01-01T00:00:00.000Z..%5D"),
            400,
            30_850,
        ),
        (
            format!("{orders}?filter=lastmodifieddate:%5B2020-01-01T00:00:00.000Z..%5D"),
            400,
            30_830,
        ),
        (format!("{orders}?orderIds={ids}"), 400, 30_900),
        (format!("{orders}/17"), 400, 32_100),
        (format!("{orders}/12-34567-89012"), 404, 2_002),
        ("/sell/fulfillment/v1/nothing".to_owned(), 404, 2_002),
    ] {
        let (got, body) = direct(&rig, "seller", "GET", &path, &serde_json::json!({}));
        assert_eq!(got, status, "{path}");
        assert_eq!(body["errors"][0]["errorId"], error, "{path}");
        assert!(body["errors"][0]["domain"].is_string());
        assert!(body["errors"][0]["parameters"].is_array());
    }
    let (status, _) = direct(&rig, "application", "GET", orders, &serde_json::json!({}));
    assert_eq!(status, 403, "an application is no seller");
}
