//! Shopify: the connector against its twin.

mod access;
mod captures;
mod effects;
mod hooks;
mod orders;
mod stock;

use channel::{ErrorKind, OrderReading, OrderWindow, http::Response};
use domain::{
    ExternalId, ListingId, Time,
    snapshot::{ListingSnapshot, OrderSnapshot},
};
use serde_json::{Value, json};

use crate::port::{Rig, block_on, ordinary, shop};

fn rig() -> Rig {
    Rig::open("shopify", shop("eu-shop"))
}

/// An answer of the shop's own form, with status 200.
fn answer(body: &Value) -> Response {
    http::Response::builder()
        .status(200)
        .body(body.to_string().into_bytes())
        .expect("a response")
}

fn status(code: u16, body: &str) -> Response {
    http::Response::builder()
        .status(code)
        .body(body.as_bytes().to_vec())
        .expect("a response")
}

/// A fault of the whole request.
fn fault(code: &str) -> Response {
    answer(&json!({ "errors": [{ "message": "No.", "extensions": { "code": code } }] }))
}

/// Every order of a window, page after page, once each.
fn poll(rig: &Rig, since: Time) -> Vec<OrderSnapshot> {
    poll_after(rig, since, false)
}

fn poll_after(rig: &Rig, since: Time, is_last_kept: bool) -> Vec<OrderSnapshot> {
    let orders = rig.channel.pull_orders().expect("orders");
    let mut window = OrderWindow {
        changed_since: since,
        page: None,
        is_last_kept,
    };
    let mut all = Vec::new();
    for _ in 0..100 {
        let page = block_on(orders.pull(&window)).expect("a page");
        assert_eq!(page.malformed, vec![]);
        all.extend(page.items.into_iter().map(ordinary));
        window.page = page.next;
        if window.page.is_none() {
            return all;
        }
    }
    panic!("the pages have no end");
}

fn read(rig: &Rig, id: &ExternalId) -> OrderReading {
    let orders = rig.channel.pull_orders().expect("orders");
    let mut readings = block_on(orders.read(std::slice::from_ref(id))).expect("a reading");
    assert_eq!(readings.len(), 1);
    let (of, reading) = readings.remove(0);
    assert_eq!(&of, id);
    reading
}

fn found(rig: &Rig, id: &ExternalId) -> OrderSnapshot {
    match read(rig, id) {
        OrderReading::Found(snapshot) => ordinary(*snapshot),
        other => panic!("not found: {other:?}"),
    }
}

fn listings(rig: &Rig) -> Vec<ListingSnapshot> {
    let listings = rig.channel.pull_listings().expect("listings");
    let page = block_on(listings.pull(None)).expect("a page");
    assert_eq!(page.malformed, vec![]);
    assert_eq!(page.next, None);
    page.items
}

fn listing(rig: &Rig, code: &str) -> ListingId {
    let found = listings(rig)
        .into_iter()
        .find(|one| one.sku.as_deref() == Some(code));
    found.expect("a listing with this SKU").listing
}

/// What went wrong, without the words.
fn kind(error: &channel::ChannelError) -> &'static str {
    match &error.kind {
        ErrorKind::Retry { .. } => "retry",
        ErrorKind::Throttled { .. } => "throttled",
        ErrorKind::Unauthorized { .. } => "unauthorized",
        ErrorKind::Gone => "gone",
        ErrorKind::Rejected { .. } => "rejected",
        ErrorKind::Ambiguous { .. } => "ambiguous",
        ErrorKind::Malformed { .. } => "malformed",
    }
}
