//! Orders: polled, read by id, in every state that the shop can bring them into.

use channel::{ErrorKind, OrderReading, OrderWindow};
use domain::{
    ExternalId, Time,
    snapshot::{LineSnapshot, OrderSnapshot, PaymentState, Standing},
};
use sandbox::{Act, Product, ProductKind};
use serde_json::json;

use super::{answer, fault, found, poll, read, rig};
use crate::port::{Fault, Rig, block_on, shop, sku};

/// ordered, canceled, shipped, returned, subtracted
fn counts(line: &LineSnapshot) -> [i64; 5] {
    [
        line.ordered,
        line.canceled,
        line.shipped,
        line.returned,
        line.subtracted,
    ]
    .map(|count| count.to_whole().expect("whole units"))
}

fn line<'a>(order: &'a OrderSnapshot, code: &str) -> &'a LineSnapshot {
    let mut lines = order.lines.iter();
    lines
        .find(|line| line.sku.as_deref() == Some(code))
        .expect("a line with this SKU")
}

#[test]
fn a_sale_is_polled_once_the_index_has_it_and_read_at_once() {
    let rig = rig();
    let before = rig.now();
    let id = rig.buy(&[("MUG-1", 2), ("WRAP", 1)], true);
    let order = found(&rig, &id);
    assert_eq!(poll(&rig, before), vec![], "the index lags by two seconds");
    rig.advance(2_000);
    assert_eq!(poll(&rig, before), vec![order.clone()]);

    assert_eq!(order.external_id, id);
    assert_eq!(order.number, "#1001");
    assert_eq!(order.placed_at, before);
    assert_eq!(order.standing, Standing::Placed);
    assert_eq!(order.payment, PaymentState::Paid);
    assert_eq!(order.words["financial_status"], "PAID");
    assert_eq!(order.words["fulfillment_status"], "UNFULFILLED");
    assert_eq!(order.total.to_string(), "31.20 EUR");
    assert_eq!(order.shipping.to_string(), "4.90 EUR");
    assert_eq!(order.buyer.email, "buyer1001@example.com");
    let address = order.ship_to.as_ref().expect("an address");
    assert_eq!(
        (address.city.as_str(), address.country.as_str()),
        ("Berlin", "DE")
    );
    let mugs = line(&order, "MUG-1");
    assert_eq!(counts(mugs), [2, 0, 0, 0, 2]);
    assert_eq!(mugs.listing, Some(super::listing(&rig, "MUG-1")));
    assert_eq!(
        mugs.unit_price.map(|price| price.to_string()).as_deref(),
        Some("11.90 EUR")
    );
    assert_eq!(mugs.total.to_string(), "23.80 EUR");
    assert!(mugs.requires_shipping);
    let wrap = line(&order, "WRAP");
    assert_eq!(
        counts(wrap),
        [1, 0, 0, 0, 0],
        "what is not counted is not subtracted"
    );
    assert!(!wrap.requires_shipping);
}

#[test]
fn a_window_begins_where_it_says_and_pages_have_every_order_once() {
    let rig = rig();
    let ids: Vec<ExternalId> = (0..5).map(|_| rig.buy(&[("MUG-1", 1)], true)).collect();
    rig.advance(10_000);
    let between = rig.now();
    let late: Vec<ExternalId> = (0..4).map(|_| rig.buy(&[("WRAP", 1)], false)).collect();
    for _ in 0..14 {
        rig.advance(1_000);
        rig.buy(&[("WRAP", 1)], true);
    }
    rig.advance(5_000);
    let polled = poll(&rig, between);
    assert_eq!(polled.len(), 18);
    assert!(
        late.iter()
            .all(|id| polled.iter().any(|order| order.external_id == *id))
    );
    assert!(polled.is_sorted_by_key(|order| order.version.changed_at));
    let all = poll(&rig, Time::EPOCH);
    assert_eq!(all.len(), 23);
    assert!(
        ids.iter()
            .all(|id| all.iter().any(|order| order.external_id == *id))
    );
}

#[test]
fn the_counters_follow_what_staff_do() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 3), ("MUG-2", 1)], false);
    assert_eq!(found(&rig, &id).payment, PaymentState::Pending);
    rig.act(&Act::Pay(id.clone())).expect("paid");
    assert_eq!(found(&rig, &id).payment, PaymentState::Paid);
    rig.advance(5_000);
    rig.act(&Act::Ship(id.clone())).expect("shipped");
    let order = found(&rig, &id);
    assert_eq!(order.words["fulfillment_status"], "FULFILLED");
    assert_eq!(counts(line(&order, "MUG-1")), [3, 0, 3, 0, 3]);
    rig.act(&Act::Refund(id.clone())).expect("refunded");
    let order = found(&rig, &id);
    assert_eq!(order.payment, PaymentState::Refunded);
    assert_eq!(order.refunded, order.total);
    assert_eq!(
        counts(line(&order, "MUG-1")),
        [3, 0, 3, 0, 3],
        "money was given back, the goods did not come back"
    );
    assert_eq!(rig.level("MUG-1"), 7);
}

#[test]
fn a_cancellation_in_the_shop_is_seen_and_its_units_are_not_subtracted_any_more() {
    let rig = rig();
    for paid in [false, true] {
        let id = rig.buy(&[("MUG-1", 2)], paid);
        assert_eq!(rig.level("MUG-1"), 8);
        rig.act(&Act::Cancel(id.clone())).expect("canceled");
        let order = found(&rig, &id);
        assert_eq!(order.standing, Standing::Canceled);
        assert_eq!(order.words["cancel_reason"], "CUSTOMER");
        let payment = if paid {
            PaymentState::Refunded
        } else {
            PaymentState::Voided
        };
        assert_eq!(order.payment, payment);
        assert_eq!(counts(line(&order, "MUG-1")), [2, 2, 0, 0, 0]);
        assert_eq!(rig.level("MUG-1"), 10);
    }
}

#[test]
fn what_was_refunded_before_it_left_counts_as_canceled() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 2)], true);
    rig.act(&Act::Refund(id.clone())).expect("refunded");
    let order = found(&rig, &id);
    assert_eq!(order.standing, Standing::Placed);
    assert_eq!(counts(line(&order, "MUG-1")), [2, 2, 0, 0, 0]);
    assert_eq!(rig.level("MUG-1"), 10);
}

#[test]
fn deleted_and_impossible_orders_are_gone() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 1)], true);
    rig.act(&Act::Delete(id.clone())).expect("deleted");
    assert_eq!(read(&rig, &id), OrderReading::Gone);
    for id in [
        "1",
        "450789469",
        "gid://shopify/Order/1",
        "",
        "\u{0}",
        "99999999999999999999",
    ] {
        assert_eq!(
            read(&rig, &ExternalId::from(id)),
            OrderReading::Gone,
            "{id:?}"
        );
    }
    rig.advance(5_000);
    assert_eq!(poll(&rig, Time::EPOCH), vec![]);
}

#[test]
fn more_orders_than_fit_into_a_call_are_read() {
    let rig = rig();
    let mut ids: Vec<ExternalId> = (0..23).map(|_| rig.buy(&[("WRAP", 1)], true)).collect();
    ids.insert(7, ExternalId::from("17"));
    let orders = rig.channel.pull_orders().expect("orders");
    let readings = block_on(orders.read(&ids)).expect("readings");
    assert_eq!(readings.len(), 24);
    for (id, reading) in readings {
        match reading {
            OrderReading::Found(order) => assert_eq!(order.external_id, id),
            OrderReading::Gone => assert_eq!(id.as_str(), "17"),
            OrderReading::Malformed(malformed) => panic!("{malformed:?}"),
        }
    }
}

/// A shop with so many goods that one order overflows every first page.
fn wide_rig() -> Rig {
    let mut wide = shop("eu-shop");
    wide.products = (0..120)
        .map(|number| Product {
            sku: sku(&format!("PIN-{number:03}")),
            title: format!("Pin {number}"),
            price: wide.products[0].price,
            kind: ProductKind::Simple,
            level: 5,
        })
        .collect();
    Rig::open("shopify", wide)
}

#[test]
fn an_order_with_very_many_lines_is_whole() {
    let rig = wide_rig();
    let codes: Vec<String> = (0..120).map(|number| format!("PIN-{number:03}")).collect();
    let basket: Vec<(&str, u32)> = codes.iter().map(|code| (code.as_str(), 2)).collect();
    let id = rig.buy(&basket, true);
    rig.act(&Act::Ship(id.clone())).expect("shipped");
    rig.act(&Act::Refund(id.clone())).expect("refunded");
    let order = found(&rig, &id);
    assert_eq!(order.lines.len(), 120);
    for line in &order.lines {
        assert_eq!(counts(line), [2, 0, 2, 0, 2], "{:?}", line.sku);
    }
    let canceled = rig.buy(&basket, true);
    rig.act(&Act::Cancel(canceled.clone())).expect("canceled");
    rig.advance(3_000);
    let polled = poll(&rig, Time::EPOCH);
    assert_eq!(polled.len(), 2);
    let order = polled.iter().find(|order| order.external_id == canceled);
    for line in &order.expect("the canceled one").lines {
        assert_eq!(counts(line), [2, 2, 0, 0, 0], "{:?}", line.sku);
    }
}

#[test]
fn a_page_that_is_too_costly_is_asked_for_in_smaller_ones() {
    let rig = rig();
    for _ in 0..12 {
        rig.buy(&[("WRAP", 1)], true);
    }
    rig.advance(3_000);
    poll(&rig, Time::EPOCH);
    rig.requests();
    rig.faults([
        Fault::Pass,
        Fault::Answer(fault("MAX_COST_EXCEEDED")),
        Fault::Answer(fault("MAX_COST_EXCEEDED")),
    ]);
    assert_eq!(poll(&rig, Time::EPOCH).len(), 12);
    // Two searches; two refusals, and the twelve two by two. The size that worked is remembered.
    assert_eq!(rig.requests().len(), 2 + 2 + 6);
    assert_eq!(poll(&rig, Time::EPOCH).len(), 12);
    assert_eq!(rig.requests().len(), 2 + 6);
    let always = || std::iter::repeat_with(|| Fault::Answer(fault("MAX_COST_EXCEEDED"))).take(9);
    rig.faults([Fault::Pass]);
    rig.faults(always());
    let orders = rig.channel.pull_orders().expect("orders");
    let window = OrderWindow {
        changed_since: Time::EPOCH,
        page: None,
        is_last_kept: false,
    };
    let error = block_on(orders.pull(&window)).expect_err("no size is small enough");
    assert_eq!(super::kind(&error), "rejected");
}

/// How many orders a poll hands out, and how many it asked for whole.
fn polled(rig: &Rig, since: Time, is_last_kept: bool) -> (usize, usize) {
    rig.sent();
    let found = super::poll_after(rig, since, is_last_kept).len();
    let asked = rig.sent().into_iter().map(|request| {
        let body: serde_json::Value = serde_json::from_slice(request.body()).expect("JSON");
        body["variables"]["ids"].as_array().map_or(0, Vec::len)
    });
    (found, asked.sum())
}

#[test]
fn what_was_taken_in_is_not_read_again_until_it_changes() {
    let rig = rig();
    let start = rig.now();
    let later = |seconds| start.plus(std::time::Duration::from_secs(seconds));
    let first = rig.buy(&[("MUG-1", 1)], false);
    for _ in 0..2 {
        rig.advance(60_000);
        rig.buy(&[("MUG-2", 1)], true);
    }
    rig.advance(10_000);
    assert_eq!(polled(&rig, later(0), false), (3, 3));
    assert_eq!(polled(&rig, later(0), false), (3, 3), "nobody kept them");
    // The newest might still change within its second, so it is read each time.
    assert_eq!(polled(&rig, later(0), true), (1, 1));
    assert_eq!(polled(&rig, later(30), true), (1, 1));
    assert_eq!(polled(&rig, later(0), true), (1, 1), "looking further back");
    // What changes is read, and the newest of before a last time.
    rig.act(&Act::Pay(first.clone())).expect("paid");
    rig.advance(10_000);
    assert_eq!(polled(&rig, later(0), true), (2, 2));
    let found = super::poll_after(&rig, later(0), true);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0].external_id, &found[0].payment),
        (&first, &PaymentState::Paid)
    );
    assert_eq!(polled(&rig, later(0), false), (3, 3), "they were lost");
}

#[test]
fn a_page_that_repeats_itself_ends_the_list() {
    let rig = rig();
    let orders = rig.channel.pull_orders().expect("orders");
    let window = OrderWindow {
        changed_since: Time::EPOCH,
        page: Some("again".to_owned()),
        is_last_kept: false,
    };
    let repeated = json!({ "data": { "orders": {
        "pageInfo": { "hasNextPage": true, "endCursor": "again" },
        "edges": [],
    } } });
    poll(&rig, Time::EPOCH);
    rig.faults([Fault::Answer(answer(&repeated))]);
    let page = block_on(orders.pull(&window)).expect("a page");
    assert_eq!(page.next, None);
}

#[test]
fn many_orders_are_read_although_the_bucket_is_too_small_for_all_at_once() {
    let rig = rig();
    let codes = ["MUG-1", "MUG-2", "SHIRT-S", "SHIRT-M"];
    for code in codes {
        rig.act(&Act::SetLevel(sku(code), 100)).expect("a level");
    }
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let id = rig.buy(&codes.map(|code| (code, 1)), true);
        rig.act(&Act::Ship(id.clone())).expect("a shipment");
        rig.act(&Act::Refund(id.clone())).expect("a refund");
        waiting.push(id);
    }
    let orders = rig.channel.pull_orders().expect("orders");
    // Whatever else was read has emptied the bucket.
    while block_on(orders.read(&waiting)).is_ok() {}
    let mut rounds = 0;
    while !waiting.is_empty() {
        rounds += 1;
        assert!(rounds < 40, "{} are still to be read", waiting.len());
        match block_on(orders.read(&waiting)) {
            Ok(readings) => {
                assert!(!readings.is_empty(), "an answer holds something");
                waiting.retain(|id| readings.iter().all(|(read, _)| read != id));
            }
            Err(error) => {
                let ErrorKind::Throttled { until: Some(until) } = error.kind else {
                    panic!("{error}");
                };
                let wait = until.since(rig.now()).as_millis();
                rig.advance(u64::try_from(wait).expect("a short wait"));
            }
        }
    }
}
