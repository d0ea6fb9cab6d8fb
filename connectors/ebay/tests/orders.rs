//! Reading orders: pages, single ones, and what a list leaves out.

use channel::{OrderReading, OrderWindow, http::Request};
use domain::{Decimal, ExternalId, Time};
use serde_json::{Value, json};

use super::{Stage, block_on, order, reply, with_token};

const ORDER: &str = "12-34567-89012";

fn at(text: &str) -> Time {
    Time::parse_utc(text).expect("a time")
}

fn window(changed_since: &str, page: Option<&str>) -> OrderWindow {
    OrderWindow {
        changed_since: at(changed_since),
        page: page.map(str::to_owned),
        is_last_kept: false,
    }
}

fn path(request: &Request) -> &str {
    request
        .uri()
        .path()
        .trim_start_matches("/sell/fulfillment/v1")
}

fn order_page(orders: Value) -> Value {
    json!({ "total": 1, "orders": orders })
}

#[test]
fn the_window_is_written_as_ebay_documents_it() {
    let stage = Stage::new(with_token(|_| reply(200, &order_page(json!([])))));
    let channel = stage.open();
    let orders = channel.pull_orders().expect("orders");
    for (since, written) in [
        ("2026-11-01T11:00:00Z", "2026-11-01T11%3A00%3A00.000Z"),
        ("2026-11-01T11:00:00.070Z", "2026-11-01T11%3A00%3A00.070Z"),
        // Dates in the future and beyond two years are refused there.
        ("2027-01-01T00:00:00Z", "2026-11-01T12%3A00%3A00.000Z"),
        ("1970-01-01T00:00:00Z", "2024-11-02T12%3A00%3A00.000Z"),
    ] {
        block_on(orders.pull(&window(since, None))).expect("a page");
        let events = stage.events();
        let expected = format!(
            "GET https://ebay.example.com/sell/fulfillment/v1/order\
             ?filter=lastmodifieddate%3A%5B{written}..%5D&limit=200&offset=0"
        );
        assert_eq!(events.last(), Some(&expected), "{since}");
    }
}

#[test]
fn pages_overlap_stay_at_home_and_come_to_an_end() {
    for (offset, next, expected) in [
        (
            None,
            "https://elsewhere.example.com/order?limit=200&offset=200",
            Some("190"),
        ),
        (
            Some("190"),
            "/sell/fulfillment/v1/order?offset=390&limit=200",
            Some("380"),
        ),
        (None, "?limit=3&offset=3", Some("3")),
        (Some("200"), "?limit=200&offset=200", None),
        (Some("200"), "?limit=200&offset=100", None),
        (None, "?limit=200&offset=99999999", None),
        (None, "?limit=200&offset=-1", None),
        (None, "nonsense", None),
    ] {
        let link = next.to_owned();
        let stage = Stage::new(with_token(move |_| {
            let mut page = order_page(json!([]));
            page["next"] = json!(link);
            reply(200, &page)
        }));
        let channel = stage.open();
        let orders = channel.pull_orders().expect("orders");
        let page = block_on(orders.pull(&window("2026-11-01T11:00:00Z", offset)));
        assert_eq!(
            page.expect("a page").next.as_deref(),
            expected,
            "{offset:?} {next}"
        );
        let home = |event: &String| event.contains("https://ebay.example.com/");
        assert!(stage.events().iter().all(home));
    }
}

#[test]
fn one_malformed_order_does_not_hide_the_others() {
    let mut numb = order();
    numb["lineItems"][0]["quantity"] = json!("some");
    let mut strange = order();
    strange["orderId"] = json!("../../x");
    let listed = json!([numb, 7, strange, { "orderId": "99-00000-00000" }, order()]);
    let stage = Stage::new(with_token(move |_| reply(200, &order_page(listed.clone()))));
    let channel = stage.open();
    let orders = channel.pull_orders().expect("orders");
    let page = block_on(orders.pull(&window("2026-11-01T11:00:00Z", None))).expect("a page");
    assert_eq!(page.items.len(), 1);
    let ids: Vec<Option<&str>> = page
        .malformed
        .iter()
        .map(|malformed| malformed.external_id.as_deref())
        .collect();
    assert_eq!(
        ids,
        [Some(ORDER), None, Some("../../x"), Some("99-00000-00000")]
    );
}

#[test]
fn what_a_list_leaves_out_is_fetched_for_both_ways_of_reading() {
    let mut listed = order();
    listed["cancelStatus"] = json!({ "cancelState": "IN_PROGRESS", "cancelRequests": [] });
    listed["lineItems"][0]["lineItemFulfillmentStatus"] = json!("IN_PROGRESS");
    let mut single = listed.clone();
    single["cancelStatus"]["cancelRequests"] =
        json!([{ "cancelInitiator": "Buyer", "cancelReason": "ORDER_MISTAKE" }]);
    let stage = Stage::new(with_token(move |request| match path(request) {
        "/order" => reply(200, &order_page(json!([listed]))),
        "/order/12-34567-89012" => reply(200, &single),
        "/order/12-34567-89012/shipping_fulfillment" => {
            let line = json!({ "lineItemId": "10000000000001", "quantity": 1 });
            reply(200, &json!({ "fulfillments": [{ "lineItems": [line] }] }))
        }
        other => panic!("{other}"),
    }));
    let channel = stage.open();
    let orders = channel.pull_orders().expect("orders");
    let page = block_on(orders.pull(&window("2026-11-01T11:00:00Z", None))).expect("a page");
    let polled = &page.items[0];
    assert_eq!(polled.lines[0].shipped, Decimal::whole(1));
    assert_eq!(polled.words["cancelReason"], "ORDER_MISTAKE");
    let read = block_on(orders.read(&[ExternalId::from(ORDER)])).expect("readings");
    assert_eq!(read[0].1, OrderReading::Found(Box::new(polled.clone())));
}

#[test]
fn an_order_is_gone_only_when_it_alone_is_not_found() {
    let stage = Stage::new(with_token(|request| match path(request) {
        "/order" => reply(200, &order_page(json!([]))),
        "/order/12-34567-89012" => reply(200, &order()),
        _ => reply(404, &json!({})),
    }));
    let channel = stage.open();
    let orders = channel.pull_orders().expect("orders");
    let ids = [ORDER, "00-00000-00000", "../config", ""].map(ExternalId::from);
    let readings = block_on(orders.read(&ids)).expect("readings");
    let found = |id: &str| {
        let reading = readings.iter().find(|(read, _)| read.as_str() == id);
        &reading.expect("a reading for each").1
    };
    assert!(matches!(found(ORDER), OrderReading::Found(_)));
    assert_eq!(found("00-00000-00000"), &OrderReading::Gone);
    assert_eq!(found("../config"), &OrderReading::Gone);
    assert_eq!(found(""), &OrderReading::Gone);
    assert!(stage.events().iter().all(|event| !event.contains("config")));
}

#[test]
fn fifty_orders_are_read_in_one_call_and_a_bad_one_does_not_spoil_the_rest() {
    let stage = Stage::new(with_token(|request| match path(request) {
        "/order" => reply(400, &json!({ "errors": [{ "errorId": 32_100 }] })),
        _ => reply(200, &order()),
    }));
    let channel = stage.open();
    let orders = channel.pull_orders().expect("orders");
    let ids: Vec<ExternalId> = (0..51)
        .map(|n| ExternalId::new(format!("12-34567-{n:05}")))
        .collect();
    let readings = block_on(orders.read(&ids)).expect("readings");
    assert_eq!(readings.len(), 51);
    let lists = |event: &&String| event.contains("orderIds=");
    let events = stage.events();
    let batches: Vec<usize> = events
        .iter()
        .filter(lists)
        .map(|event| event.matches("12-34567").count())
        .collect();
    assert_eq!(batches, [50, 1]);
}
