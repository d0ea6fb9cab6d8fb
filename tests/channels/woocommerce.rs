//! WooCommerce: the connector against its twin.

use channel::{
    Ack, CancelReason, Cancellation, ChannelError, ErrorKind, HookRequest, OrderReading,
    OrderWindow, RefundPush, ShipmentPush, StockTarget, Verdict, http::Response,
};
use domain::{
    Decimal, ExternalId, ListingId, Money, Time,
    snapshot::{ListingSnapshot, Observation, OrderSnapshot, PaymentState, Standing},
};
use sandbox::{
    Act, Refused,
    woocommerce::{Options, Unpaid, Version, Woo},
};
use serde_json::{Value, json};

use crate::port::{Fault, Rig, block_on, shop, sku};

fn rig() -> Rig {
    Rig::open("woocommerce", shop("woo"))
}

fn rig_with(options: Options) -> Rig {
    let shop = shop("woo");
    let hook_url = shop.hook_url.clone();
    Rig::over(Box::new(Woo::new(shop, options)), hook_url)
}

fn with_url(url: &str) -> Rig {
    let mut shop = shop("woo");
    shop.api_url = url.to_owned();
    let hook_url = shop.hook_url.clone();
    Rig::over(Box::new(Woo::new(shop, Options::default())), hook_url)
}

fn answer(status: u16, body: &[u8]) -> Response {
    http::Response::builder()
        .status(status)
        .body(body.to_vec())
        .expect("a response")
}

/// Every order of a window, page after page.
fn poll(rig: &Rig, since: Time) -> Vec<OrderSnapshot> {
    let orders = rig.channel.pull_orders().expect("orders");
    let mut window = OrderWindow {
        changed_since: since,
        page: None,
    };
    let mut all = Vec::new();
    for _ in 0..100 {
        let page = block_on(orders.pull(&window)).expect("a page");
        assert_eq!(page.malformed, vec![]);
        all.extend(page.items);
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
        OrderReading::Found(snapshot) => *snapshot,
        other => panic!("not found: {other:?}"),
    }
}

fn listings(rig: &Rig) -> Vec<ListingSnapshot> {
    let listings = rig.channel.pull_listings().expect("listings");
    let (mut all, mut token) = (Vec::new(), None);
    for _ in 0..100 {
        let page = block_on(listings.pull(token.as_deref())).expect("a page");
        assert_eq!(page.malformed, vec![]);
        all.extend(page.items);
        token = page.next;
        if token.is_none() {
            return all;
        }
    }
    panic!("the pages have no end");
}

fn listing(rig: &Rig, code: &str) -> ListingId {
    let all = listings(rig);
    let mut found = all.iter().filter(|l| l.sku.as_deref() == Some(code));
    let listing = found.next().expect("a listing").listing.clone();
    assert!(found.next().is_none(), "{code} is listed twice");
    listing
}

fn target(listing: &ListingId, quantity: &str) -> StockTarget {
    StockTarget {
        listing: listing.clone(),
        quantity: quantity.parse().expect("a decimal"),
        expected: None,
        believed_at: Time::EPOCH,
    }
}

fn push(rig: &Rig, targets: &[StockTarget]) -> Result<Vec<(ListingId, Ack)>, ChannelError> {
    let stock = rig.channel.push_stock().expect("stock");
    block_on(stock.push(targets, "key"))
}

fn verified(rig: &Rig, hook: &HookRequest) -> Vec<Observation> {
    let hooks = rig.channel.read_hooks().expect("hooks");
    match hooks.verify(hook, rig.now()) {
        Verdict::Verified(verified) => hooks.read(&verified).expect("it can be read"),
        Verdict::Answer(_) => panic!("answered, not verified"),
        Verdict::KeyNeeded(_) | Verdict::Refused(_) => panic!("refused"),
    }
}

/// A request of the merchant's own, past the connector.
fn direct(rig: &Rig, method: &str, route: &str, body: &Value) -> (u16, Value) {
    let settings = rig.twin(|twin, _| twin.settings());
    let pair = format!(
        "{}:{}",
        settings["consumer_key"].as_str().expect("a key"),
        settings["consumer_secret"].as_str().expect("a secret")
    );
    let basic = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, pair);
    let request = http::Request::builder()
        .method(method)
        .uri(format!(
            "{}/wp-json/{route}",
            settings["url"].as_str().expect("a URL")
        ))
        .header("authorization", format!("Basic {basic}"))
        .body(body.to_string().into_bytes())
        .expect("a request");
    let response = rig.twin(|twin, now| twin.handle(&request, now));
    let body = serde_json::from_slice(response.body()).expect("JSON");
    (response.status().as_u16(), body)
}

fn https() -> Rig {
    with_url("https://shop.example.com")
}

#[test]
fn a_probe_says_which_shop_it_is() {
    let probe = block_on(rig().channel.probe()).expect("a probe");
    assert_eq!(probe.shop, "Shop woo");
    assert_eq!(probe.version, "10.9.4");
    assert_eq!(probe.warnings, Vec::<String>::new());
    let open = with_url("http://shop.example.com");
    let probe = block_on(open.channel.probe()).expect("a probe");
    assert!(probe.warnings[0].contains("plain http"), "{probe:?}");
}

#[test]
fn requests_prove_themselves_by_the_scheme_of_the_address() {
    for (url, path) in [
        ("https://shop.example.com", "/wp-json/wc/v3/orders"),
        (
            "https://shop.example.com/shop",
            "/shop/wp-json/wc/v3/orders",
        ),
        ("http://127.0.0.1:4711", "/wp-json/wc/v3/orders"),
        ("http://127.0.0.1:4711/shop", "/shop/wp-json/wc/v3/orders"),
    ] {
        let rig = with_url(url);
        rig.buy(&[("MUG-1", 1)], true);
        assert_eq!(poll(&rig, Time::EPOCH).len(), 1, "{url}");
        let requests = rig.requests();
        let is_signed = requests[0].contains("oauth_signature=");
        assert_eq!(is_signed, url.starts_with("http:"), "{url}");
        assert!(requests[0].contains(path), "{url}");
    }
}

#[test]
fn the_shop_refuses_what_it_would_refuse() {
    // The same credentials on plain http, as a header: nobody.
    let (status, body) = direct(&rig(), "GET", "wc/v3/orders", &json!({}));
    assert_eq!(
        (status, &body["code"]),
        (401, &json!("woocommerce_rest_cannot_view"))
    );
    let (status, _) = direct(&https(), "GET", "wc/v3/orders", &json!({}));
    assert_eq!(status, 200);

    // A request that is sent twice, and one whose clock is off.
    let rig = rig();
    let orders = rig.channel.pull_orders().expect("orders");
    let window = OrderWindow {
        changed_since: Time::EPOCH,
        page: None,
    };
    block_on(orders.pull(&window)).expect("a page");
    let sent = rig.requests().remove(0);
    let again = |rig: &Rig| {
        let request = http::Request::builder()
            .uri(sent.strip_prefix("GET ").expect("a GET"))
            .body(Vec::new())
            .expect("a request");
        let response = rig.twin(|twin, now| twin.handle(&request, now));
        let body: Value = serde_json::from_slice(response.body()).expect("JSON");
        (response.status().as_u16(), body["message"].to_string())
    };
    let (status, message) = again(&rig);
    assert_eq!(status, 401);
    assert!(message.contains("nonce has already been used"), "{message}");
    rig.advance(16 * 60 * 1000);
    let (status, message) = again(&rig);
    assert_eq!(status, 401);
    assert!(message.contains("Invalid timestamp"), "{message}");
}

#[test]
fn listings_are_found_by_sku_with_price_and_level() {
    let rig = rig();
    let all = listings(&rig);
    let mut seen: Vec<_> = all
        .iter()
        .map(|listing| {
            let level = listing
                .level
                .map_or("-".to_owned(), |level| level.to_string());
            let price = listing.price.map(Money::amount).unwrap_or_default();
            let form = listing.listing.as_str().contains('/');
            let sku = listing.sku.clone().unwrap_or_default();
            (
                sku,
                listing.title.clone(),
                price,
                level,
                listing.tracked,
                form,
            )
        })
        .collect();
    seen.sort();
    let row = |sku: &str, title: &str, price: &str, level: &str, tracked, form| {
        (
            sku.to_owned(),
            title.to_owned(),
            price.to_owned(),
            level.to_owned(),
            tracked,
            form,
        )
    };
    assert_eq!(
        seen,
        vec![
            row("MUG-1", "Mug", "11.90", "10", true, false),
            row("MUG-2", "Big mug", "14.90", "5", true, false),
            row("SHIRT-M", "SHIRT - Shirt, medium", "25.00", "7", true, true),
            row("SHIRT-S", "SHIRT - Shirt, small", "25.00", "3", true, true),
            row("WRAP", "Gift wrapping", "2.50", "-", false, false),
        ]
    );
    // The currency is asked for once.
    rig.requests();
    listings(&rig);
    assert!(rig.requests().iter().all(|r| !r.contains("settings")));
}

#[test]
fn many_listings_come_in_pages() {
    let mut shop = shop("woo");
    let like = shop.products[0].clone();
    for number in 0..230 {
        shop.products.push(sandbox::Product {
            sku: sku(&format!("MANY-{number:03}")),
            ..like.clone()
        });
    }
    for number in 0..120 {
        shop.products.push(sandbox::Product {
            sku: sku(&format!("SIZE-{number:03}")),
            kind: sandbox::ProductKind::Variation {
                parent: "SIZES".to_owned(),
            },
            ..like.clone()
        });
    }
    let rig = Rig::open("woocommerce", shop);
    let all = listings(&rig);
    let distinct: std::collections::BTreeSet<_> = all.iter().map(|l| &l.listing).collect();
    assert_eq!((all.len(), distinct.len()), (355, 355));
}

#[test]
fn a_sale_is_seen_by_the_poll_and_by_the_hooks_alike() {
    let rig = rig();
    let before = rig.now();
    let id = rig.buy(&[("MUG-1", 2), ("SHIRT-S", 1), ("WRAP", 1)], true);
    let polled = poll(&rig, before);
    assert_eq!(polled.len(), 1);
    let order = &polled[0];
    assert_eq!(order.external_id, id);
    assert_eq!(order.standing, Standing::Placed);
    assert_eq!(order.payment, PaymentState::Paid);
    assert_eq!(order.words["status"], "processing");
    assert_eq!(order.total.to_string(), "51.30 EUR");
    assert_eq!(order.buyer.email, format!("buyer{id}@example.com"));
    assert_eq!(order.ship_to.as_ref().expect("an address").city, "Berlin");
    let lines: Vec<_> = order
        .lines
        .iter()
        .map(|line| {
            let sku = line.sku.clone().unwrap_or_default();
            (sku, line.ordered.to_string(), line.subtracted.to_string())
        })
        .collect();
    let row = |sku: &str, ordered: &str, subtracted: &str| {
        (sku.to_owned(), ordered.to_owned(), subtracted.to_owned())
    };
    assert_eq!(
        lines,
        vec![
            row("MUG-1", "2", "2"),
            row("SHIRT-S", "1", "1"),
            row("WRAP", "1", "0")
        ]
    );
    assert_eq!(order.lines[1].listing, Some(listing(&rig, "SHIRT-S")));
    assert_eq!((rig.level("MUG-1"), rig.level("SHIRT-S")), (8, 2));

    let mut topics = Vec::new();
    for hook in rig.hooks() {
        let topic = hook
            .header("x-wc-webhook-topic")
            .expect("a topic")
            .to_owned();
        let told = verified(&rig, &hook);
        if topic.starts_with("order.") {
            assert_eq!(told, vec![Observation::Order(Box::new(order.clone()))]);
        } else {
            assert!(matches!(&told[..], [Observation::Level(_)]), "{told:?}");
        }
        topics.push(topic);
    }
    // The storefront says first that the order was changed, and then that it was made.
    assert_eq!(
        topics,
        vec![
            "order.updated",
            "product.updated",
            "product.updated",
            "order.created"
        ]
    );
}

#[test]
fn an_order_made_by_the_api_is_announced_the_other_way_round_and_beyond_stock() {
    let rig = https();
    let id = listing(&rig, "MUG-2");
    let body = json!({
        "status": "processing",
        "line_items": [
            { "product_id": id.as_str().parse::<u64>().expect("a number"), "quantity": 7 },
            { "product_id": 999_999, "quantity": 1 },
        ],
    });
    let (status, order) = direct(&rig, "POST", "wc/v3/orders", &body);
    assert_eq!((status, &order["date_paid_gmt"]), (201, &Value::Null));
    assert_eq!(rig.level("MUG-2"), -2);
    let hooks = rig.hooks();
    let topics: Vec<_> = hooks
        .iter()
        .map(|h| h.header("x-wc-webhook-topic"))
        .collect();
    assert_eq!(
        topics,
        vec![
            Some("product.updated"),
            Some("order.created"),
            Some("order.updated")
        ]
    );
    let Observation::Order(order) = &verified(&rig, &hooks[1])[0] else {
        panic!("no order");
    };
    assert_eq!(order.payment, PaymentState::Paid);
    assert_eq!(order.lines[1].listing, None);
    assert_eq!(order.lines[1].sku, None);
    let Observation::Level(level) = &verified(&rig, &hooks[0])[0] else {
        panic!("no level");
    };
    assert_eq!(level.level, Some(Decimal::whole(-2)));
}

#[test]
fn a_refused_checkout_leaves_a_draft_and_no_sale() {
    let rig = rig();
    let act = Act::Buy {
        basket: vec![(sku("SHIRT-S"), 4)],
        paid: true,
    };
    assert_eq!(rig.act(&act), Err(Refused::OutOfStock(sku("SHIRT-S"))));
    assert_eq!(rig.level("SHIRT-S"), 3);
    assert_eq!(rig.truth().orders, vec![]);
    assert_eq!(poll(&rig, Time::EPOCH), vec![]);
    let hooks = rig.hooks();
    assert_eq!(hooks.len(), 1);
    let Observation::Order(draft) = &verified(&rig, &hooks[0])[0] else {
        panic!("no order");
    };
    assert_eq!(draft.standing, Standing::Draft);
    assert_eq!(found(&rig, &draft.external_id).standing, Standing::Draft);
    let nothing = Act::Buy {
        basket: vec![(sku("NOTHING"), 1)],
        paid: true,
    };
    assert_eq!(
        rig.act(&nothing),
        Err(Refused::Unknown("NOTHING".to_owned()))
    );
}

#[test]
fn a_rush_oversells_only_where_that_was_asked_for() {
    let buy = Act::Buy {
        basket: vec![(sku("SHIRT-S"), 3)],
        paid: true,
    };
    let calm = rig();
    assert!(calm.act(&buy).is_ok());
    assert!(calm.act(&buy).is_err());
    let rush = rig_with(Options {
        oversells: true,
        ..Options::default()
    });
    assert!(rush.act(&buy).is_ok());
    assert!(rush.act(&buy).is_ok());
    assert_eq!(rush.level("SHIRT-S"), -3);
    rush.advance(1000);
    assert!(rush.act(&buy).is_err());
}

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
fn units_are_taken_and_given_back_by_the_states_of_an_order() {
    for (version, after_failed) in [(Version::V10_9, 9), (Version::V11_0, 10)] {
        let mut shop = shop("woo");
        shop.api_url = "https://shop.example.com".to_owned();
        let hook_url = shop.hook_url.clone();
        let options = Options {
            version,
            ..Options::default()
        };
        let rig = Rig::over(Box::new(Woo::new(shop, options)), hook_url);
        let id = rig.buy(&[("MUG-1", 1)], false);
        let mut levels = vec![("on-hold", rig.level("MUG-1"))];
        for status in [
            "processing",
            "failed",
            "processing",
            "cancelled",
            "on-hold",
            "pending",
        ] {
            let body = json!({ "status": status });
            direct(&rig, "PUT", &format!("wc/v3/orders/{id}"), &body);
            levels.push((status, rig.level("MUG-1")));
            let line = &found(&rig, &id).lines[0];
            assert_eq!(
                line.subtracted,
                Decimal::whole(10 - rig.level("MUG-1")),
                "{status}"
            );
        }
        assert_eq!(
            levels,
            vec![
                ("on-hold", 9),
                ("processing", 9),
                ("failed", after_failed),
                ("processing", 9),
                ("cancelled", 10),
                ("on-hold", 9),
                ("pending", 10),
            ]
        );
    }
}

#[test]
fn an_unpaid_order_at_the_payment_page_takes_nothing_off_the_level() {
    let rig = rig_with(Options {
        unpaid: Unpaid::Pending,
        ..Options::default()
    });
    let id = rig.buy(&[("SHIRT-S", 2)], false);
    let order = found(&rig, &id);
    assert_eq!(order.payment, PaymentState::Pending);
    assert_eq!(order.lines[0].subtracted, Decimal::ZERO);
    assert_eq!(rig.level("SHIRT-S"), 3);
    let two = Act::Buy {
        basket: vec![(sku("SHIRT-S"), 2)],
        paid: true,
    };
    assert!(rig.act(&two).is_err(), "the units are held for an hour");
    rig.act(&Act::Pay(id.clone())).expect("paid");
    assert_eq!(found(&rig, &id).payment, PaymentState::Paid);
    assert_eq!(rig.level("SHIRT-S"), 1);
}

#[test]
fn staff_who_change_a_line_change_the_level() {
    let rig = https();
    let id = rig.buy(&[("MUG-1", 3)], true);
    let line = found(&rig, &id).lines[0].external_id.clone();
    let number: u64 = line.as_str().parse().expect("a number");
    let set = |units: u64| {
        let body = json!({ "line_items": [{ "id": number, "quantity": units }] });
        direct(&rig, "PUT", &format!("wc/v3/orders/{id}"), &body);
    };
    set(5);
    let line = &found(&rig, &id).lines[0];
    assert_eq!(
        (line.ordered, line.subtracted),
        (Decimal::whole(5), Decimal::whole(5))
    );
    assert_eq!(rig.level("MUG-1"), 5);
    set(0);
    assert_eq!(found(&rig, &id).lines, vec![]);
    assert_eq!(rig.level("MUG-1"), 10);
}

#[test]
fn levels_are_read_and_set_below_parents_and_not() {
    let rig = rig();
    let (mug, shirt, wrap) = (
        listing(&rig, "MUG-1"),
        listing(&rig, "SHIRT-S"),
        listing(&rig, "WRAP"),
    );
    let unknown = ListingId::new("999999");
    let nobody = ListingId::new("abc");
    let orphan = ListingId::new("999998/999999");
    let stock = rig.channel.read_stock().expect("stock");
    let asked = [
        mug.clone(),
        shirt.clone(),
        wrap.clone(),
        unknown.clone(),
        nobody.clone(),
        orphan.clone(),
    ];
    let mut levels = block_on(stock.read(&asked)).expect("levels");
    levels.sort_by_key(|level| level.level.map(|level| level.to_string()));
    let seen: Vec<_> = levels
        .iter()
        .map(|level| (level.listing.clone(), level.level))
        .collect();
    assert_eq!(
        seen,
        vec![
            (wrap.clone(), None),
            (mug.clone(), Some(Decimal::whole(10))),
            (shirt.clone(), Some(Decimal::whole(3))),
        ]
    );

    let targets = [
        target(&mug, "4"),
        target(&shirt, "2"),
        target(&unknown, "1"),
        target(&nobody, "1"),
        target(&orphan, "1"),
        target(&wrap, "2.5"),
    ];
    let acks = push(&rig, &targets).expect("acks");
    assert_eq!(acks.len(), targets.len());
    let of = |listing: &ListingId| {
        let (_, ack) = acks.iter().find(|(of, _)| of == listing).expect("an ack");
        ack.clone()
    };
    assert_eq!(of(&mug), Ack::Applied { reference: None });
    assert_eq!(of(&shirt), Ack::Applied { reference: None });
    for refused in [&unknown, &nobody, &orphan, &wrap] {
        assert!(matches!(of(refused), Ack::Rejected { .. }), "{refused}");
    }
    assert_eq!((rig.level("MUG-1"), rig.level("SHIRT-S")), (4, 2));
    let writes = rig.truth().level_writes;
    assert_eq!(writes.len(), 2);
    assert_eq!((writes[0].from, writes[0].to), (10, 4));

    // Our own write comes back as a hook.
    let echo = rig.hooks();
    let told: Vec<_> = echo.iter().flat_map(|hook| verified(&rig, hook)).collect();
    assert!(
        matches!(&told[0], Observation::Level(level) if level.listing == mug
        && level.level == Some(Decimal::whole(4)))
    );
    assert!(matches!(&told[1], Observation::Level(level) if level.listing == shirt));
}

#[test]
fn only_three_fields_are_written() {
    let rig = rig();
    let mug = listing(&rig, "MUG-1");
    rig.requests();
    rig.faults([Fault::Answer(answer(200, br#"{"update":[]}"#))]);
    // An item that the answer does not speak of may be written or not.
    assert_eq!(
        push(&rig, &[target(&mug, "3")]).expect("acks"),
        vec![(mug.clone(), Ack::Ambiguous)]
    );
    let sent = rig.bodies();
    let expected = json!({ "update": [{
        "id": mug.as_str().parse::<u64>().expect("a number"),
        "manage_stock": true,
        "stock_quantity": 3,
    }] });
    assert_eq!(
        serde_json::from_slice::<Value>(&sent[0]).expect("JSON"),
        expected
    );
}

#[test]
fn a_push_says_of_each_item_what_became_of_it() {
    let rig = rig();
    let mug: u64 = listing(&rig, "MUG-1").as_str().parse().expect("a number");
    let row = |item: Value| {
        let body = json!({ "update": [item] }).to_string();
        rig.faults([Fault::Answer(answer(200, body.as_bytes()))]);
        let targets = [target(&ListingId::new(mug.to_string()), "3")];
        push(&rig, &targets).expect("acks").remove(0).1
    };
    let applied = Ack::Applied { reference: None };
    assert_eq!(
        row(json!({ "id": mug, "manage_stock": true, "stock_quantity": 3 })),
        applied
    );
    assert_eq!(
        row(json!({ "id": mug, "manage_stock": true, "stock_quantity": "3" })),
        applied
    );
    assert_eq!(
        row(json!({ "id": mug, "manage_stock": true, "stock_quantity": 2 })),
        Ack::Conflict {
            observed: Some(Decimal::whole(2))
        }
    );
    // Stock management is switched off in the shop's settings.
    let ignored = row(json!({ "id": mug, "manage_stock": false, "stock_quantity": null }));
    assert!(matches!(ignored, Ack::Rejected { .. }));
    let refused = json!({ "id": mug, "error": { "code": "c", "message": "m", "data": {} } });
    assert_eq!(
        row(refused),
        Ack::Rejected {
            reason: "m (c)".to_owned()
        }
    );
}

#[test]
fn a_push_that_breaks_off_says_how_far_it_came() {
    let rig = rig();
    let (mug, shirt) = (listing(&rig, "MUG-1"), listing(&rig, "SHIRT-S"));
    let targets = [target(&mug, "1"), target(&shirt, "1")];
    let applied = Ack::Applied { reference: None };
    let too_large = br#"{"code":"woocommerce_rest_request_entity_too_large","message":"Too many","data":{"status":413}}"#;
    let rejected = Ack::Rejected {
        reason: "Too many (woocommerce_rest_request_entity_too_large)".to_owned(),
    };
    for (fault, ack) in [
        (Fault::LostAnswer, Ack::Ambiguous),
        (Fault::Answer(answer(502, b"")), Ack::Ambiguous),
        (Fault::Answer(answer(429, b"")), Ack::Ambiguous),
        (Fault::Answer(answer(401, b"")), Ack::Ambiguous),
        (Fault::Answer(answer(200, b"<html>")), Ack::Ambiguous),
        (Fault::Answer(answer(413, too_large)), rejected),
    ] {
        rig.faults([Fault::Pass, fault]);
        let acks = push(&rig, &targets).expect("acks");
        assert_eq!(
            acks,
            vec![(mug.clone(), applied.clone()), (shirt.clone(), ack)]
        );
    }
    // Nothing came through at all: the push as a whole failed.
    for (fault, is) in [
        (Fault::Answer(answer(429, b"")), "throttled"),
        (Fault::NotSent, "retry"),
        (Fault::Answer(answer(401, b"")), "unauthorized"),
    ] {
        rig.faults([fault]);
        let error = push(&rig, &targets).expect_err("nothing came through");
        assert_eq!(name(&error.kind), is);
    }
}

fn name(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Retry { .. } => "retry",
        ErrorKind::Throttled { .. } => "throttled",
        ErrorKind::Unauthorized { .. } => "unauthorized",
        ErrorKind::Gone => "gone",
        ErrorKind::Rejected { .. } => "rejected",
        ErrorKind::Ambiguous { .. } => "ambiguous",
        ErrorKind::Malformed { .. } => "malformed",
    }
}

#[test]
fn answers_are_named_by_what_to_do_next() {
    let rig = rig();
    let orders = rig.channel.pull_orders().expect("orders");
    let window = OrderWindow {
        changed_since: Time::EPOCH,
        page: None,
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
    };
    let page = block_on(orders.pull(&window)).expect("a page");
    assert_eq!(page.malformed.len(), broken.len(), "{:?}", page.malformed);
    assert_eq!(page.items.len(), 2);
    let word = Standing::Unmapped("lost-in-transit".to_owned());
    assert_eq!(page.items[1].standing, word);
    assert!(page.next.is_some());
}

fn shipment(rig: &Rig, id: &ExternalId, units: &[i64], completes: bool, key: &str) -> ShipmentPush {
    let order = found(rig, id);
    ShipmentPush {
        order: id.clone(),
        lines: order
            .lines
            .iter()
            .zip(units)
            .filter(|(_, units)| **units > 0)
            .map(|(line, units)| (line.external_id.clone(), Decimal::whole(*units)))
            .collect(),
        carrier: Some("DHL".to_owned()),
        tracking_number: Some(format!("0034{key}")),
        tracking_url: Some("https://track.example.com/?a=1&b=2".to_owned()),
        shipped_at: rig.now(),
        completes,
        key: key.to_owned(),
    }
}

#[test]
fn parcels_reach_the_shop_in_part_and_whole() {
    for (options, tracking) in [
        (Options::default(), "note"),
        (
            Options {
                has_shipment_tracking: true,
                ..Options::default()
            },
            "shipment_tracking",
        ),
        (
            Options {
                has_fulfillments: true,
                ..Options::default()
            },
            "fulfillments",
        ),
    ] {
        let rig = rig_with(options).with_settings(&json!({ "tracking": tracking }));
        let shipments = rig.channel.push_shipments().expect("shipments");
        let id = rig.buy(&[("MUG-1", 2), ("SHIRT-S", 1)], true);
        let part = shipment(&rig, &id, &[1, 0], false, "int_1");
        let rest = shipment(&rig, &id, &[1, 1], true, "int_2");
        assert_eq!(
            block_on(shipments.find(&part)).expect("asked"),
            None,
            "{tracking}"
        );
        let ack = block_on(shipments.push(&part)).expect("pushed");
        assert!(
            matches!(ack, Ack::Applied { reference: Some(_) }),
            "{tracking}"
        );
        let order = found(&rig, &id);
        assert_eq!(order.words["status"], "processing");
        assert_eq!(order.lines[0].shipped, Decimal::whole(1), "{tracking}");
        assert!(block_on(shipments.find(&part)).expect("asked").is_some());
        block_on(shipments.push(&rest)).expect("pushed");
        let order = found(&rig, &id);
        assert_eq!(order.words["status"], "completed");
        assert_eq!(order.lines[1].shipped, Decimal::whole(1), "{tracking}");
        // Again, as after a restart: nothing is doubled.
        block_on(shipments.push(&rest)).expect("pushed");
        let parcels = rig.truth().orders[0].shipments.clone();
        let seen: Vec<_> = parcels
            .iter()
            .map(|parcel| (parcel.carrier.as_str(), parcel.tracking_number.as_str()))
            .collect();
        assert_eq!(
            seen,
            vec![("DHL", "0034int_1"), ("DHL", "0034int_2")],
            "{tracking}"
        );
        if tracking != "shipment_tracking" {
            assert_eq!(parcels[0].lines, vec![(sku("MUG-1"), 1)], "{tracking}");
            assert_eq!(
                parcels[1].lines,
                vec![(sku("MUG-1"), 1), (sku("SHIRT-S"), 1)]
            );
        }
    }
}

#[test]
fn a_shipment_that_breaks_off_anywhere_is_finished_and_never_doubled() {
    // The calls of a push: read the order, write it, read the notes, write the note.
    let faults = || {
        [
            Fault::LostAnswer,
            Fault::LostRequest,
            Fault::NotSent,
            Fault::Answer(answer(502, b"")),
            Fault::Answer(answer(200, b"<html>")),
        ]
    };
    for call in 0..4 {
        for (row, fault) in faults().into_iter().enumerate() {
            let rig = rig();
            let shipments = rig.channel.push_shipments().expect("shipments");
            let id = rig.buy(&[("MUG-1", 1)], true);
            let parcel = shipment(&rig, &id, &[1], true, "int_1");
            let mut before: Vec<Fault> = (0..call).map(|_| Fault::Pass).collect();
            before.push(fault);
            rig.faults(before);
            let error = block_on(shipments.push(&parcel)).expect_err("it broke off");
            let is_write = call == 1 || call == 3;
            // Only what never left is simply tried again.
            if is_write && row != 2 {
                assert_eq!(name(&error.kind), "ambiguous", "call {call}, fault {row}");
            }
            // What the engine does next: look, and push again what is not there.
            if block_on(shipments.find(&parcel)).expect("asked").is_none() {
                block_on(shipments.push(&parcel)).expect("pushed");
            }
            assert!(block_on(shipments.find(&parcel)).expect("asked").is_some());
            let parcels = &rig.truth().orders[0].shipments;
            assert_eq!(parcels.len(), 1, "call {call}, fault {row}");
            assert_eq!(parcels[0].tracking_number, "0034int_1");
            assert_eq!(found(&rig, &id).words["status"], "completed");
        }
    }
}

#[test]
fn an_order_that_is_over_is_not_brought_back_to_life() {
    let rig = https();
    let shipments = rig.channel.push_shipments().expect("shipments");
    let cancels = rig.channel.cancel_orders().expect("cancels");
    let canceled = rig.buy(&[("MUG-1", 1)], true);
    let parcel = shipment(&rig, &canceled, &[1], true, "int_1");
    rig.act(&Act::Cancel(canceled.clone())).expect("canceled");
    let ack = block_on(shipments.push(&parcel)).expect("answered");
    assert!(matches!(ack, Ack::Rejected { .. }), "{ack:?}");
    assert_eq!(found(&rig, &canceled).standing, Standing::Canceled);

    let trashed = rig.buy(&[("MUG-1", 1)], true);
    direct(
        &rig,
        "DELETE",
        &format!("wc/v3/orders/{trashed}"),
        &json!({}),
    );
    let cancellation = |order: &ExternalId| Cancellation {
        order: order.clone(),
        reason: CancelReason::OutOfStock,
        key: "int_2".to_owned(),
    };
    let ack = block_on(cancels.cancel(&cancellation(&trashed))).expect("answered");
    assert!(matches!(ack, Ack::Rejected { .. }), "{ack:?}");
    assert_eq!(found(&rig, &trashed).standing, Standing::Deleted);

    let open = rig.buy(&[("MUG-1", 2)], true);
    assert_eq!(rig.level("MUG-1"), 7);
    for _ in 0..2 {
        let ack = block_on(cancels.cancel(&cancellation(&open))).expect("answered");
        assert_eq!(ack, Ack::Applied { reference: None });
    }
    assert_eq!(found(&rig, &open).standing, Standing::Canceled);
    assert_eq!(rig.level("MUG-1"), 9);
    let shipped = rig.buy(&[("MUG-1", 1)], true);
    rig.act(&Act::Ship(shipped.clone())).expect("shipped");
    let ack = block_on(cancels.cancel(&cancellation(&shipped))).expect("answered");
    assert!(matches!(ack, Ack::Rejected { .. }), "{ack:?}");
    let missing = block_on(cancels.cancel(&cancellation(&ExternalId::new("999999"))));
    assert_eq!(missing.expect_err("no such order").kind, ErrorKind::Gone);
}

fn refund(rig: &Rig, id: &ExternalId, units: i64, amount: &str, restock: bool) -> RefundPush {
    let order = found(rig, id);
    let money = Money::parse(amount, order.currency).expect("money");
    RefundPush {
        order: id.clone(),
        amount: money,
        lines: vec![(
            order.lines[0].external_id.clone(),
            Decimal::whole(units),
            money,
        )],
        restock,
        reason: "damaged".to_owned(),
        key: format!("int_{amount}"),
    }
}

#[test]
fn refunds_are_made_once_and_their_units_are_counted() {
    let rig = rig_with(Options {
        tax_percent: 19,
        ..Options::default()
    });
    let refunds = rig.channel.refund_orders().expect("refunds");
    let id = rig.buy(&[("MUG-1", 4)], true);
    assert_eq!(found(&rig, &id).total.to_string(), "56.64 EUR");
    rig.hooks();

    // The answer is lost: the refund is found, not made again.
    let first = refund(&rig, &id, 1, "14.16", true);
    assert_eq!(block_on(refunds.find(&first)).expect("asked"), None);
    rig.faults([Fault::Pass, Fault::LostAnswer]);
    let error = block_on(refunds.refund(&first)).expect_err("no answer");
    assert_eq!(name(&error.kind), "ambiguous");
    let ack = block_on(refunds.find(&first)).expect("asked");
    assert!(
        matches!(ack, Some(Ack::Applied { reference: Some(_) })),
        "{ack:?}"
    );
    assert_eq!(rig.truth().orders[0].refunded_minor, 1416);
    let line = |order: &OrderSnapshot| {
        let line = &order.lines[0];
        [line.canceled, line.shipped, line.returned, line.subtracted]
            .map(|units| units.to_whole().expect("whole"))
    };
    let order = found(&rig, &id);
    assert_eq!(order.payment, PaymentState::PartRefunded);
    assert_eq!(order.refunded.to_string(), "14.16 EUR");
    // It never left: canceled, and the shop has put it back itself.
    assert_eq!(line(&order), [1, 0, 0, 3]);
    assert_eq!(rig.level("MUG-1"), 7);
    // A hook cannot fetch the lines of a refund: it only asks for a look.
    for hook in rig.hooks() {
        if hook.header("x-wc-webhook-topic") == Some("order.updated") {
            assert_eq!(
                verified(&rig, &hook),
                vec![Observation::LookAtOrder(id.clone())]
            );
        }
    }

    // What is refunded after it was shipped came back.
    rig.advance(1_000);
    rig.act(&Act::Ship(id.clone())).expect("shipped");
    rig.advance(1_000);
    let second = refund(&rig, &id, 1, "10.00", false);
    block_on(refunds.refund(&second)).expect("refunded");
    assert_eq!(line(&found(&rig, &id)), [1, 3, 1, 3]);
    assert_eq!(rig.level("MUG-1"), 7);

    // More than is left: the shop says 500, and nothing happened.
    let writes = rig.truth().writes;
    let third = refund(&rig, &id, 1, "99.00", false);
    let error = block_on(refunds.refund(&third)).expect_err("too much");
    assert_eq!(name(&error.kind), "rejected", "{error}");
    assert_eq!(rig.truth().writes, writes);
    // Any other 500 leaves it open.
    rig.faults([
        Fault::Pass,
        Fault::Answer(answer(500, b"<p>Critical error</p>")),
    ]);
    let error = block_on(refunds.refund(&third)).expect_err("unknown");
    assert_eq!(name(&error.kind), "ambiguous");

    rig.act(&Act::Refund(id.clone())).expect("refunded");
    let order = found(&rig, &id);
    assert_eq!(
        (order.standing.clone(), order.payment.clone()),
        (Standing::Placed, PaymentState::Refunded)
    );
    assert_eq!(line(&order), [1, 3, 3, 1]);
    assert_eq!(order.refunded, order.total);
}

#[test]
fn a_refund_goes_through_the_payment_provider_only_if_told_to() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 1)], false);
    let push = refund(&rig, &id, 1, "5.00", false);
    let refunds = rig.channel.refund_orders().expect("refunds");
    block_on(refunds.refund(&push)).expect("recorded");
    // Bank transfers cannot be paid back by the shop.
    let rig = rig.with_settings(&json!({ "refund_through_gateway": true }));
    let push = refund(&rig, &id, 1, "6.00", false);
    let refunds = rig.channel.refund_orders().expect("refunds");
    let error = block_on(refunds.refund(&push)).expect_err("no provider");
    assert_eq!(name(&error.kind), "rejected", "{error}");
}

#[test]
fn a_hook_that_was_changed_anywhere_is_refused() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1)], true);
    let hooks = rig.channel.read_hooks().expect("hooks");
    let hook = rig.hooks().remove(0);
    let is_refused =
        |hook: &HookRequest| matches!(hooks.verify(hook, rig.now()), Verdict::Refused(_));
    assert!(!is_refused(&hook));
    for byte in 0..hook.body.len() {
        for bit in [0, 7] {
            let mut changed = hook.clone();
            changed.body[byte] ^= 1 << bit;
            assert!(is_refused(&changed), "bit {bit} of byte {byte}");
        }
    }
    let place = hook
        .headers
        .iter()
        .position(|(name, _)| name == "x-wc-webhook-signature")
        .expect("a signature");
    let signature = hook.headers[place].1.clone();
    // The last character before the padding carries two bits that no byte uses; a strict decoder
    // refuses them too.
    for at in 0..signature.len() {
        for other in ["A", "B", "=", "!", ""] {
            let changed_text = format!("{}{other}{}", &signature[..at], &signature[at + 1..]);
            let mut changed = hook.clone();
            changed.headers[place].1.clone_from(&changed_text);
            assert_eq!(
                is_refused(&changed),
                changed_text != signature,
                "{changed_text}"
            );
        }
    }
    for changed in [
        HookRequest {
            body: vec![],
            ..hook.clone()
        },
        HookRequest {
            headers: vec![],
            ..hook.clone()
        },
        HookRequest {
            method: "GET".to_owned(),
            ..hook.clone()
        },
    ] {
        assert!(is_refused(&changed));
    }
}

#[test]
fn a_secret_is_changed_without_losing_a_hook() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1)], true);
    let hook = rig.hooks().remove(0);
    let old = rig.twin(|twin, _| twin.settings())["webhook_secret"].clone();
    let is_verified = |settings: Value| {
        let channel = rig.opened_with(&settings);
        let hooks = channel.read_hooks().expect("hooks");
        matches!(hooks.verify(&hook, rig.now()), Verdict::Verified(_))
    };
    assert!(is_verified(json!({})));
    assert!(!is_verified(json!({ "webhook_secret": "a new secret" })));
    assert!(is_verified(json!({
        "webhook_secret": "a new secret",
        "webhook_secret_previous": old,
    })));
}

#[test]
fn only_the_exact_ping_is_answered_without_a_signature() {
    let rig = rig();
    let hooks = rig.channel.read_hooks().expect("hooks");
    let ping = |content_type: &str, body: &str, more: &[(&str, &str)]| {
        let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
        headers.extend(more.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let request = HookRequest {
            method: "POST".to_owned(),
            topic: String::new(),
            query: String::new(),
            headers,
            body: body.as_bytes().to_vec(),
        };
        match hooks.verify(&request, rig.now()) {
            Verdict::Answer(answer) => Some(answer.status),
            Verdict::Refused(_) => None,
            Verdict::Verified(_) | Verdict::KeyNeeded(_) => panic!("believed"),
        }
    };
    let form = "application/x-www-form-urlencoded";
    assert_eq!(ping(form, "webhook_id=6", &[]), Some(200));
    for (content_type, body, more) in [
        (form, "webhook_id=", &[][..]),
        (form, "webhook_id=x", &[]),
        (form, "webhook_id=6&status=paid", &[]),
        (form, "webhook_id=6\n", &[]),
        (form, "id=6", &[]),
        (form, "", &[]),
        ("application/json", "webhook_id=6", &[]),
        (
            form,
            "webhook_id=6",
            &[("x-wc-webhook-topic", "order.updated")],
        ),
    ] {
        assert_eq!(
            ping(content_type, body, more),
            None,
            "{content_type} {body}"
        );
    }
}

#[test]
fn a_topic_that_was_changed_does_no_harm() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1)], true);
    let hooks = rig.channel.read_hooks().expect("hooks");
    let sent = rig.hooks();
    for hook in &sent {
        let own = hook
            .header("x-wc-webhook-topic")
            .expect("a topic")
            .to_owned();
        for topic in [
            "order.created",
            "order.deleted",
            "product.updated",
            "product.created",
            "product.deleted",
            "coupon.created",
            "",
            "order.updated\u{0}",
        ] {
            if own.split('.').next() == topic.split('.').next() {
                continue;
            }
            let mut changed = hook.clone();
            for (name, value) in &mut changed.headers {
                if name == "x-wc-webhook-topic" {
                    topic.clone_into(value);
                }
            }
            let Verdict::Verified(verified) = hooks.verify(&changed, rig.now()) else {
                panic!("the topic is not signed");
            };
            match hooks.read(&verified) {
                Err(_) => {}
                Ok(told) => assert!(
                    matches!(
                        told[..],
                        [Observation::LookAtOrder(_)
                            | Observation::LookAtListings
                            | Observation::Nothing(_)]
                    ),
                    "{own} as {topic}: {told:?}"
                ),
            }
        }
    }
}

#[test]
fn hooks_are_registered_once_and_enabled_again() {
    let rig = https();
    let registers = rig.channel.register_hooks().expect("hooks");
    let url = "http://127.0.0.1:8080/hooks/woo";
    let actions = |url: &str| {
        let states = block_on(registers.ensure(url)).expect("registered");
        assert_eq!(states.len(), 8);
        assert!(states.iter().all(|state| state.active), "{states:?}");
        let actions: Vec<String> = states.into_iter().map(|state| state.action).collect();
        actions
    };
    // The shop has them from its setup.
    assert_eq!(actions(url), vec!["kept"; 8]);
    assert_eq!(rig.truth().writes, 0);
    let other = "http://127.0.0.1:8080/hooks/woo/other";
    assert_eq!(actions(other), vec!["created"; 8]);
    assert_eq!(actions(other), vec!["kept"; 8]);
    let pings = rig.hooks();
    assert_eq!(pings.len(), 8);
    let hooks = rig.channel.read_hooks().expect("hooks");
    for ping in &pings {
        assert!(matches!(hooks.verify(ping, rig.now()), Verdict::Answer(_)));
    }
    // Everything is delivered to both, signed with the same secret.
    rig.buy(&[("MUG-1", 1)], true);
    let sent = rig.hooks();
    assert_eq!(sent.len(), 6);
    assert!(sent.iter().all(|hook| !verified(&rig, hook).is_empty()));

    // Six failures in a row are forgiven, the seventh switches the webhook off, silently.
    for round in 0..7 {
        rig.act(&Act::SetLevel(sku("MUG-1"), round)).expect("set");
        assert_eq!(rig.hooks_answered(Some(500)).len(), 2, "{round}");
    }
    rig.act(&Act::SetLevel(sku("MUG-1"), 50)).expect("set");
    assert_eq!(rig.hooks_answered(Some(500)).len(), 0);
    let states = block_on(registers.ensure(url)).expect("registered");
    let enabled: Vec<_> = states.iter().filter(|s| s.action == "enabled").collect();
    assert_eq!(enabled.len(), 1);
    assert_eq!(enabled[0].topic, "product.updated");
    // One more failure is enough now: the counter is forgotten only by a success.
    rig.hooks();
    rig.act(&Act::SetLevel(sku("MUG-1"), 51)).expect("set");
    assert_eq!(rig.hooks_answered(None).len(), 1);
    assert_eq!(actions(url).iter().filter(|a| *a == "enabled").count(), 1);
}

#[test]
fn waiting_hooks_are_merged_and_written_when_they_are_sent() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 1)], true);
    rig.advance(100);
    rig.act(&Act::Cancel(id.clone())).expect("canceled");
    let hooks = rig.hooks();
    let orders: Vec<_> = hooks
        .iter()
        .filter_map(|hook| match verified(&rig, hook).remove(0) {
            Observation::Order(order) => Some(order.standing),
            _ => None,
        })
        .collect();
    assert_eq!(orders, vec![Standing::Canceled, Standing::Canceled]);
    // Two orders in one second carry the same delivery id for the same webhook.
    rig.buy(&[("MUG-1", 1)], true);
    rig.buy(&[("MUG-2", 1)], true);
    let ids: Vec<_> = rig
        .hooks()
        .iter()
        .filter(|hook| hook.header("x-wc-webhook-topic") == Some("order.created"))
        .map(|hook| hook.header("x-wc-webhook-delivery-id").map(str::to_owned))
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn products_that_come_and_go_are_announced() {
    let rig = https();
    let body = json!({ "name": "Plate", "sku": "PLATE-1", "manage_stock": true, "stock_quantity": 4,
                       "regular_price": "7.00" });
    let (status, product) = direct(&rig, "POST", "wc/v3/products", &body);
    assert_eq!(status, 201);
    let told = |rig: &Rig, topic: &str| {
        let hooks = rig.hooks();
        let hook = hooks
            .iter()
            .find(|hook| hook.header("x-wc-webhook-topic") == Some(topic))
            .expect("a hook");
        verified(rig, hook).remove(0)
    };
    let Observation::Listing(listing) = told(&rig, "product.created") else {
        panic!("no listing");
    };
    assert_eq!(listing.sku.as_deref(), Some("PLATE-1"));
    assert_eq!(listing.level, Some(Decimal::whole(4)));
    let id = product["id"].to_string();
    direct(&rig, "DELETE", &format!("wc/v3/products/{id}"), &json!({}));
    assert_eq!(told(&rig, "product.deleted"), Observation::LookAtListings);
    assert!(
        listings(&rig)
            .iter()
            .all(|l| l.sku.as_deref() != Some("PLATE-1"))
    );
    direct(
        &rig,
        "PUT",
        &format!("wc/v3/products/{id}"),
        &json!({ "status": "publish" }),
    );
    assert!(matches!(
        told(&rig, "product.restored"),
        Observation::Listing(_)
    ));
    let (status, body) = direct(&rig, "POST", "wc/v3/products", &json!({ "sku": "MUG-1" }));
    assert_eq!(
        (status, &body["code"]),
        (400, &json!("product_invalid_sku"))
    );
}

#[test]
fn stock_written_as_text_is_read() {
    let rig = rig_with(Options {
        writes_stock_as_text: true,
        ..Options::default()
    });
    let all = listings(&rig);
    let mug = all
        .iter()
        .find(|l| l.sku.as_deref() == Some("MUG-1"))
        .expect("a mug");
    assert_eq!(mug.level, Some(Decimal::whole(10)));
    let acks = push(&rig, &[target(&mug.listing, "3")]).expect("acks");
    assert_eq!(acks[0].1, Ack::Applied { reference: None });
}

#[test]
fn the_shop_answers_mistakes_in_its_own_form() {
    let rig = https();
    let id = rig.buy(&[("MUG-1", 1)], true);
    let shirt = listing(&rig, "SHIRT-S");
    let (_, variation) = shirt.as_str().split_once('/').expect("a variation");
    let mug = listing(&rig, "MUG-1");
    let many: Vec<Value> = (0..101).map(|id| json!({ "id": id })).collect();
    for (method, route, body, status, code) in [
        (
            "GET",
            "wc/v3/orders?per_page=101".to_owned(),
            json!({}),
            400,
            "rest_invalid_param",
        ),
        (
            "GET",
            "wc/v3/orders?orderby=date_modified".to_owned(),
            json!({}),
            400,
            "rest_invalid_param",
        ),
        (
            "GET",
            "wc/v3/orders/999999".to_owned(),
            json!({}),
            404,
            "woocommerce_rest_shop_order_invalid_id",
        ),
        (
            "GET",
            "wc/v3/nothing".to_owned(),
            json!({}),
            404,
            "rest_no_route",
        ),
        (
            "PUT",
            format!("wc/v3/orders/{id}"),
            json!({ "status": "shipped" }),
            400,
            "rest_invalid_param",
        ),
        (
            "PUT",
            format!("wc/v3/products/{mug}"),
            json!({ "stock_quantity": 2.5 }),
            400,
            "rest_invalid_param",
        ),
        (
            "PUT",
            format!("wc/v3/products/{variation}"),
            json!({ "stock_quantity": 2 }),
            404,
            "woocommerce_rest_invalid_product_id",
        ),
        (
            "POST",
            "wc/v3/products/batch".to_owned(),
            json!({ "update": many }),
            413,
            "woocommerce_rest_request_entity_too_large",
        ),
        (
            "POST",
            format!("wc/v3/orders/{id}/fulfillments"),
            json!({}),
            404,
            "rest_no_route",
        ),
        (
            "POST",
            "wc/v3/webhooks".to_owned(),
            json!({ "topic": "x" }),
            400,
            "woocommerce_rest_webhook_invalid_topic",
        ),
        (
            "DELETE",
            "wc/v3/webhooks/1".to_owned(),
            json!({}),
            501,
            "woocommerce_rest_trash_not_supported",
        ),
    ] {
        let (answered, body) = direct(&rig, method, &route, &body);
        assert_eq!(
            (answered, &body["code"]),
            (status, &json!(code)),
            "{method} {route}"
        );
    }
    let (status, page) = direct(&rig, "GET", "wc/v3/orders?page=9", &json!({}));
    assert_eq!((status, page), (200, json!([])));
}

#[test]
fn settings_are_checked_all_at_once() {
    let rig = rig();
    let problems = |settings: Value| {
        let mut errors = rig.refused_with(&settings);
        errors.sort();
        errors
    };
    for (settings, paths) in [
        (json!({ "url": "shop.example.com" }), vec!["url"]),
        (json!({ "url": "ftp://shop.example.com" }), vec!["url"]),
        (
            json!({ "url": "https://shop.example.com/wp-json/wc/v3" }),
            vec!["url"],
        ),
        (
            json!({ "url": "https://a:b@shop.example.com" }),
            vec!["url"],
        ),
        (json!({ "url": "https://shop.example.com/?x" }), vec!["url"]),
        (json!({ "login": "basic" }), vec!["login"]),
        (json!({ "login": "trust" }), vec!["login"]),
        (json!({ "tracking": "pigeon" }), vec!["tracking"]),
        (json!({ "webhook_secret": "" }), vec!["webhook_secret"]),
        (json!({ "trackin": "note" }), vec!["trackin"]),
        (
            json!({ "url": "", "consumer_key": " ", "consumer_secret": "", "webhook_secret": "short",
                    "webhook_secret_previous": "" }),
            vec![
                "consumer_key",
                "consumer_secret",
                "url",
                "webhook_secret",
                "webhook_secret_previous",
            ],
        ),
    ] {
        assert_eq!(problems(settings.clone()), paths, "{settings}");
    }
    assert_eq!(
        problems(json!({ "login": "oauth", "tracking": "fulfillments" })),
        Vec::<String>::new()
    );
}

#[test]
fn the_same_seed_makes_the_same_shop() {
    let run = || {
        let rig = rig();
        let id = rig.buy(&[("MUG-1", 1)], true);
        let hooks = rig.hooks();
        let bodies: Vec<_> = hooks.into_iter().map(|hook| hook.body).collect();
        (id, bodies, rig.truth())
    };
    assert_eq!(run(), run());
}

#[test]
fn the_example_of_the_settings_opens() {
    let connector = connectors::find("woocommerce").expect("a connector");
    assert!(connector.example().contains("consumer_key"));
    let schema = serde_json::to_value(connector.schema()).expect("a schema");
    for key in [
        "url",
        "consumer_key",
        "webhook_secret_previous",
        "tracking",
        "login",
    ] {
        let text = &schema["properties"][key]["description"];
        assert!(text.is_string(), "{key} has no description");
    }
}
