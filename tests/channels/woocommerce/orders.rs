//! Orders: polls, single reads, states, and answers that cannot be used.

use channel::{ErrorKind, OrderReading, OrderWindow};
use domain::{
    ExternalId, Time,
    snapshot::{Observation, PaymentState, Standing},
};
use sandbox::{
    Act,
    woocommerce::{Options, Woo},
};
use serde_json::{Value, json};

use crate::port::{Fault, Rig, block_on, shop, sku};

use super::{answer, direct, found, https, name, poll, rig, rig_with, verified};

#[test]
fn a_poll_asks_for_utc_and_misses_nothing_in_any_time_zone() {
    for zone_minutes in [-300, 0, 60, 540] {
        let rig = rig_with(Options {
            zone_minutes,
            ..Options::default()
        });
        rig.buy(&[("MUG-1", 1)], true);
        rig.advance(1_000);
        let since = rig.now();
        let second = rig.buy(&[("MUG-1", 1)], true);
        let seen: Vec<_> = poll(&rig, since)
            .into_iter()
            .map(|o| o.external_id)
            .collect();
        assert_eq!(seen, vec![second], "{zone_minutes}");
        let later = since.plus(std::time::Duration::from_secs(1));
        assert_eq!(poll(&rig, later), vec![], "{zone_minutes}");
        let asked = rig.requests().remove(0);
        for part in [
            "modified_after=2026-11-01T10%3A00%3A00&",
            "dates_are_gmt=true",
            "orderby=modified",
            "order=asc",
            "per_page=100",
            "page=1",
        ] {
            assert!(asked.contains(part), "{part} in {asked}");
        }
    }
}

/// What the shop finds of one order that was changed one second after the time that is asked for.
#[test]
fn the_shop_shows_the_trap_of_times() {
    for (zone_minutes, suffix, flag, found_at_once, found_five_hours_early) in [
        (-300, "", "true", true, false),
        (-300, "Z", "", true, false),
        (-300, "Z", "true", true, true),
        (-300, "", "", false, false),
        (0, "", "true", true, false),
        (0, "Z", "true", true, false),
        (0, "", "", true, false),
        (60, "", "true", true, false),
        (60, "%2B00:00", "", true, false),
        (60, "Z", "true", false, false),
        (540, "Z", "true", false, false),
        (540, "", "", true, true),
    ] {
        let options = Options {
            zone_minutes,
            ..Options::default()
        };
        let mut shop = shop("woo");
        shop.api_url = "https://shop.example.com".to_owned();
        let hook_url = shop.hook_url.clone();
        let rig = Rig::over(Box::new(Woo::new(shop, options)), hook_url);
        rig.buy(&[("MUG-1", 1)], true);
        let asks = |time: &str| {
            let flag = if flag.is_empty() {
                String::new()
            } else {
                format!("&dates_are_gmt={flag}")
            };
            let route = format!("wc/v3/orders?modified_after={time}{suffix}{flag}");
            let (status, body) = direct(&rig, "GET", &route, &json!({}));
            assert_eq!(status, 200);
            !body.as_array().expect("a list").is_empty()
        };
        let row = format!("{zone_minutes} `{suffix}` `{flag}`");
        assert_eq!(asks("2026-11-01T09:59:59"), found_at_once, "{row}");
        // Half an hour later, nothing of it may be found.
        assert_eq!(asks("2026-11-01T10:30:00"), found_five_hours_early, "{row}");
    }
}

#[test]
fn pages_are_read_to_the_end_also_when_orders_change_meanwhile() {
    let rig = rig();
    let mut ids = Vec::new();
    for _ in 0..250 {
        rig.twin(|twin, now| twin.act(&Act::SetLevel(sku("MUG-1"), 10), now))
            .expect("a level");
        ids.push(rig.buy(&[("MUG-1", 1)], true));
        rig.advance(400);
    }
    let orders = rig.channel.pull_orders().expect("orders");
    let mut window = OrderWindow {
        changed_since: Time::EPOCH,
        page: None,
        is_last_kept: false,
    };
    let mut seen = std::collections::BTreeSet::new();
    let mut pages = 0;
    loop {
        let page = block_on(orders.pull(&window)).expect("a page");
        seen.extend(page.items.into_iter().map(|order| order.external_id));
        pages += 1;
        // While we read, orders of the first page change and move behind all others: the place of
        // everything that was not read yet moves forward.
        for id in ids.iter().skip(pages * 20).take(20) {
            rig.act(&Act::Ship(id.clone())).expect("shipped");
        }
        window.page = page.next;
        if window.page.is_none() {
            break;
        }
        assert!(pages < 20);
    }
    assert_eq!(seen.len(), 250);
}

#[test]
fn a_shop_that_always_gives_the_same_page_comes_to_an_end() {
    let rig = https();
    rig.buy(&[("MUG-1", 1)], true);
    let (_, body) = direct(&rig, "GET", "wc/v3/orders", &json!({}));
    let page = body.to_string();
    let orders = rig.channel.pull_orders().expect("orders");
    let mut window = OrderWindow {
        changed_since: Time::EPOCH,
        page: None,
        is_last_kept: false,
    };
    let mut calls = 0;
    let error = loop {
        rig.faults([Fault::Answer(answer(200, page.as_bytes()))]);
        match block_on(orders.pull(&window)) {
            Ok(page) => window.page = Some(page.next.expect("another page")),
            Err(error) => break error,
        }
        calls += 1;
        assert!(calls < 1_000);
    };
    assert!(matches!(error.kind, ErrorKind::Malformed { .. }), "{error}");
}

#[test]
fn deleted_orders_are_seen_by_reading_them() {
    let rig = https();
    let trashed = rig.buy(&[("MUG-1", 1)], true);
    let erased = rig.buy(&[("MUG-1", 1)], true);
    let kept = rig.buy(&[("MUG-1", 1)], true);
    rig.hooks();
    direct(
        &rig,
        "DELETE",
        &format!("wc/v3/orders/{trashed}"),
        &json!({}),
    );
    rig.act(&Act::Delete(erased.clone())).expect("deleted");
    let ids = [
        trashed.clone(),
        erased.clone(),
        kept.clone(),
        ExternalId::new("x/../1"),
    ];
    let orders = rig.channel.pull_orders().expect("orders");
    let readings = block_on(orders.read(&ids)).expect("readings");
    let of = |id: &ExternalId| {
        let (_, reading) = readings.iter().find(|(of, _)| of == id).expect("a reading");
        match reading {
            OrderReading::Found(order) => Some(order.standing.clone()),
            OrderReading::Gone => None,
            OrderReading::Malformed(malformed) => panic!("{malformed:?}"),
        }
    };
    assert_eq!(of(&trashed), Some(Standing::Deleted));
    assert_eq!(of(&erased), None);
    assert_eq!(of(&kept), Some(Standing::Placed));
    assert_eq!(of(&ids[3]), None);
    // Neither deletion gave a unit back, and only the bin told us.
    assert_eq!(rig.level("MUG-1"), 7);
    let hooks = rig.hooks();
    assert_eq!(hooks.len(), 1);
    assert_eq!(hooks[0].body, format!(r#"{{"id":{trashed}}}"#).into_bytes());
    assert_eq!(
        verified(&rig, &hooks[0]),
        vec![Observation::LookAtOrder(trashed)]
    );
}

#[test]
fn a_404_that_is_not_the_shops_own_deletes_nothing() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 1)], true);
    let orders = rig.channel.pull_orders().expect("orders");
    for (body, is_malformed) in [
        (&b"<html>404 Not Found</html>"[..], true),
        (b"", true),
        (
            br#"{"code":"rest_no_route","message":"No route","data":{"status":404}}"#,
            false,
        ),
    ] {
        rig.faults([Fault::Answer(answer(404, body))]);
        let error = block_on(orders.read(std::slice::from_ref(&id))).expect_err("no reading");
        let is = matches!(error.kind, ErrorKind::Malformed { .. });
        assert_eq!(is, is_malformed, "{error}");
        assert_ne!(error.kind, ErrorKind::Gone);
    }
}

#[test]
fn states_of_the_shop_are_ours() {
    let rig = https();
    let row = |status: &str| {
        let body = json!({ "status": status, "line_items": [{ "sku": "MUG-1", "quantity": 1 }] });
        let (code, order) = direct(&rig, "POST", "wc/v3/orders", &body);
        assert_eq!(code, 201, "{status}");
        let order = found(&rig, &ExternalId::new(order["id"].to_string()));
        let line = &order.lines[0];
        let units = format!("{} {} {}", line.subtracted, line.shipped, line.canceled);
        (order.standing, order.payment, units)
    };
    use PaymentState::{Paid, Pending, Refunded, Voided};
    use Standing::{Canceled, Draft, Placed};
    for (status, standing, payment, units) in [
        ("pending", Placed, Pending, "0 0 0"),
        ("on-hold", Placed, Pending, "1 0 0"),
        ("processing", Placed, Paid, "1 0 0"),
        ("completed", Placed, Paid, "1 1 0"),
        ("cancelled", Canceled, Voided, "0 0 0"),
        ("failed", Canceled, Voided, "0 0 0"),
        ("refunded", Placed, Refunded, "0 0 0"),
        ("checkout-draft", Draft, Pending, "0 0 0"),
        ("auto-draft", Draft, Pending, "0 0 0"),
    ] {
        assert_eq!(
            row(status),
            (standing, payment, units.to_owned()),
            "{status}"
        );
    }
}

#[test]
fn what_was_refunded_in_the_second_of_completing_never_left() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 3)], true);
    for act in [
        Act::CancelUnits(id.clone(), sku("MUG-1"), 1),
        Act::Ship(id.clone()),
    ] {
        rig.act(&act).expect("it is done");
    }
    let line = &found(&rig, &id).lines[0];
    let units = format!("{} {} {}", line.shipped, line.canceled, line.returned);
    assert_eq!(units, "2 1 0");
}

#[test]
fn answers_are_named_by_what_to_do_next() {
    let rig = rig();
    let orders = rig.channel.pull_orders().expect("orders");
    let window = OrderWindow {
        changed_since: Time::EPOCH,
        page: None,
        is_last_kept: false,
    };
    let throttled = rig.twin(|twin, _| twin.throttled());
    let cases = [
        (Fault::Answer(throttled), "throttled"),
        (Fault::Answer(answer(401, b"{}")), "unauthorized"),
        (Fault::Answer(answer(403, b"<html>")), "unauthorized"),
        (
            Fault::Answer(answer(500, b"<p>Critical error</p>")),
            "retry",
        ),
        (Fault::Answer(answer(502, b"")), "retry"),
        (Fault::Answer(answer(503, b"maintenance")), "retry"),
        (Fault::Answer(answer(301, b"")), "rejected"),
        (Fault::Answer(answer(400, b"{}")), "rejected"),
        (
            Fault::Answer(answer(200, b"<html>A page</html>")),
            "malformed",
        ),
        (
            Fault::Answer(answer(200, b"{\"not\":\"a list\"}")),
            "malformed",
        ),
        (Fault::Answer(answer(200, b"\xff\xfe")), "malformed"),
        (
            Fault::Answer(answer(200, "[".repeat(100_000).as_bytes())),
            "malformed",
        ),
        (Fault::NotSent, "retry"),
        (Fault::LostAnswer, "retry"),
    ];
    for (fault, is) in cases {
        rig.faults([fault]);
        let error = block_on(orders.pull(&window)).expect_err(is);
        assert_eq!(name(&error.kind), is, "{error}");
        assert!(!error.to_string().contains('\n'));
    }
    // A plugin that puts a byte order mark before everything.
    rig.faults([Fault::Answer(answer(200, b"\xef\xbb\xbf[]"))]);
    assert!(block_on(orders.pull(&window)).is_ok());
}

#[test]
fn one_broken_order_does_not_hide_the_others() {
    let rig = https();
    rig.buy(&[("MUG-1", 1)], true);
    let (_, list) = direct(&rig, "GET", "wc/v3/orders", &json!({}));
    let good = list[0].clone();
    let change = |field: &str, value: Value| {
        let mut order = good.clone();
        order[field] = value;
        order
    };
    let broken = [
        json!(null),
        json!("order"),
        json!({}),
        change("id", json!("../1")),
        change("total", json!("1e99")),
        change("total", json!({ "amount": 1 })),
        change("currency", json!("EURO")),
        change("line_items", json!("x")),
        change("status", json!(7)),
        change("date_modified_gmt", json!("yesterday")),
        change("refunds", json!([{ "id": 1, "total": "x" }])),
    ];
    let mut page = vec![good.clone()];
    page.extend(broken.iter().cloned());
    page.push(change("status", json!("lost-in-transit")));
    let body = json!(page).to_string();
    // A refund makes the connector ask for its lines: there are none to be had for this one.
    rig.faults([
        Fault::Answer(answer(200, body.as_bytes())),
        Fault::Answer(answer(200, b"[]")),
    ]);
    let orders = rig.channel.pull_orders().expect("orders");
    let window = OrderWindow {
        changed_since: Time::EPOCH,
        page: None,
        is_last_kept: false,
    };
    let page = block_on(orders.pull(&window)).expect("a page");
    assert_eq!(page.malformed.len(), broken.len(), "{:?}", page.malformed);
    assert_eq!(page.items.len(), 2);
    let word = Standing::Unmapped("lost-in-transit".to_owned());
    assert_eq!(page.items[1].standing, word);
    assert!(page.next.is_some());
}
