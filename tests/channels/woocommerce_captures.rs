//! WooCommerce: what a real shop sent and answered, through the connector.
//!
//! The captures lie in the shared folder that `ONESHELF_SHARED` names; without it these tests say that
//! they were skipped. Every file there must be named by one of the tables below.

use std::{collections::BTreeSet, path::PathBuf};

use channel::{
    Ack, Channel, ErrorKind, HookRequest, OrderReading, OrderWindow, RefundPush, ShipmentPush,
    StockTarget, Verdict,
    http::{Request, Response},
};
use domain::{
    Currency, Decimal, ExternalId, ListingId, Money, Time,
    snapshot::{Observation, OrderSnapshot, PaymentState, Standing},
};
use serde_json::{Value, json};

use crate::port::{Fault, Rig, block_on, ordinary, shop};

/// The folder of the captures, or a line that says that a test was skipped.
fn folder(test: &str) -> Option<PathBuf> {
    let Some(shared) = std::env::var_os("ONESHELF_SHARED") else {
        tests::skipped(test, "ONESHELF_SHARED is not set");
        return None;
    };
    Some(PathBuf::from(shared).join("captures/woocommerce"))
}

/// A capture by the middle of its name.
fn capture(folder: &std::path::Path, name: &str) -> Value {
    let path = folder.join(format!("wc10-{name}.json"));
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("a capture is JSON")
}

fn hook(capture: &Value) -> HookRequest {
    let headers = capture["headers"].as_array().expect("headers");
    HookRequest {
        method: capture["method"].as_str().expect("a method").to_owned(),
        topic: String::new(),
        query: String::new(),
        headers: headers
            .iter()
            .map(|pair| {
                let name = pair[0].as_str().expect("a name").to_lowercase();
                (name, pair[1].as_str().expect("a value").to_owned())
            })
            .collect(),
        body: capture["body"]
            .as_str()
            .expect("a body")
            .as_bytes()
            .to_vec(),
    }
}

fn response(capture: &Value) -> Response {
    let status = capture["status"].as_u64().expect("a status");
    let mut response = http::Response::builder().status(u16::try_from(status).expect("a status"));
    for pair in capture["headers"].as_array().into_iter().flatten() {
        response = response.header(
            pair[0].as_str().expect("a name"),
            pair[1].as_str().expect("a value"),
        );
    }
    let body = capture["body"].as_str().expect("a body");
    response.body(body.as_bytes().to_vec()).expect("a response")
}

fn rig() -> Rig {
    Rig::open("woocommerce", shop("captured"))
}

/// The account whose hooks a capture was sent to.
fn account(rig: &Rig, capture: &Value) -> Box<dyn Channel> {
    rig.opened_with(&json!({ "webhook_secret": capture["secret"] }))
}

/// Every hook that was captured, with the name of its file.
fn hooks(folder: &std::path::Path) -> Vec<(&'static str, Value)> {
    let single = HOOKS.iter().map(|(name, _)| (*name, capture(folder, name)));
    let rows = [
        "hooks-same-delivery-id-different-orders",
        "hooks-sequence-storefront-order",
    ];
    let rows = rows.into_iter().flat_map(|name| {
        let captures = capture(folder, name);
        let captures = captures.as_array().expect("a list").clone();
        captures.into_iter().map(move |capture| (name, capture))
    });
    single.chain(rows).collect()
}

/// What each captured hook tells, in one line: for an order its number, standing, payment and lines
/// (SKU, ordered, taken off the level).
const HOOKS: &[(&str, &str)] = &[
    ("hook-order.created-rest", "397 Placed Pending LAB-001 2 0"),
    (
        "hook-order.created-storefront",
        "416 Placed Paid LAB-030 1 1 LAB-031 2 2",
    ),
    ("hook-order.created-unicode", "418 Placed Paid LAB-030 1 1"),
    (
        "hook-order.created-variation-line",
        "410 Placed Paid SHIRT-1-L 1 1",
    ),
    ("hook-order.deleted", "look at order 400"),
    ("hook-order.restored", "423 Placed Paid LAB-030 2 2"),
    (
        "hook-order.updated-cancelled",
        "397 Canceled Paid LAB-001 2 0",
    ),
    ("hook-order.updated-full-refund", "look at order 405"),
    ("hook-order.updated-partial-refund", "look at order 401"),
    (
        "hook-order.updated-pending",
        "397 Placed Pending LAB-001 2 0",
    ),
    (
        "hook-order.updated-processing",
        "397 Placed Paid LAB-001 2 2",
    ),
    (
        "hook-order.updated-refused-checkout-draft",
        "179 Draft Pending LAB-030 1 0",
    ),
    ("hook-product.created", "listing 424 NEW-1 4"),
    ("hook-product.deleted", "look at listings"),
    ("hook-product.updated-negative-stock", "level 13 -2"),
    ("hook-product.updated-order-took-stock", "level 10 98"),
    ("hook-product.updated-rest-stock", "level 13 3"),
    ("hook-product.updated-variation", "level 60/63 30"),
];

/// Captures of answers, each used by a test below.
const ANSWERS: &[&str] = &[
    "hook-ping",
    "hooks-same-delivery-id-different-orders",
    "hooks-sequence-storefront-order",
    "rest-batch-101-items",
    "rest-batch-stock-one-bad",
    "rest-error-bad-key",
    "rest-error-bad-status",
    "rest-error-fraction-stock",
    "rest-error-order-missing",
    "rest-error-refund-too-much",
    "rest-get-order-cancelled",
    "rest-get-order-full-refund-amount-only",
    "rest-get-order-full-refund-amount-only-refunds",
    "rest-get-order-full-refund-by-lines",
    "rest-get-order-full-refund-by-lines-refunds",
    "rest-get-order-partial-refund",
    "rest-get-order-partial-refund-notes",
    "rest-get-order-partial-refund-refunds",
    "rest-get-order-plain",
    "rest-get-order-storefront",
    "rest-get-product-by-sku-variation",
    "rest-get-product-simple",
    "rest-get-product-variable",
    "rest-get-variations",
    "rest-list-orders",
    "rest-list-webhooks",
    "rest-order-statuses",
    "rest-post-order-note",
];

#[test]
fn every_capture_is_used() {
    let Some(folder) = folder("every_capture_is_used") else {
        return;
    };
    let there: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    let used = HOOKS.iter().map(|(name, _)| name).chain(ANSWERS);
    let used: BTreeSet<String> = used.map(|name| format!("wc10-{name}.json")).collect();
    assert_eq!(there, used);
}

fn units(order: &OrderSnapshot) -> String {
    let lines = order.lines.iter().map(|line| {
        let sku = line.sku.as_deref().unwrap_or("-");
        format!(" {sku} {} {}", line.ordered, line.subtracted)
    });
    lines.collect()
}

fn told(observation: &Observation) -> String {
    match observation {
        Observation::Order(order) => format!(
            "{} {:?} {:?}{}",
            order.number,
            order.standing,
            order.payment,
            units(order)
        ),
        Observation::LookAtOrder(id) => format!("look at order {id}"),
        Observation::Level(level) => {
            format!("level {} {}", level.listing, level.level.expect("a level"))
        }
        Observation::LookAtLevel(listing) => format!("look at level {listing}"),
        Observation::Listing(listing) => format!(
            "listing {} {} {}",
            listing.listing,
            listing.sku.as_deref().unwrap_or("-"),
            listing.level.expect("a level")
        ),
        Observation::LookAtListings => "look at listings".to_owned(),
        Observation::Forget(orders) => format!("forget {orders:?}"),
        Observation::ForgetBuyer(handle) => format!("forget {handle}"),
        Observation::Revoked => "revoked".to_owned(),
        Observation::Nothing(why) => format!("nothing: {why}"),
    }
}

#[test]
fn captured_hooks_are_believed_and_read() {
    let Some(folder) = folder("captured_hooks_are_believed_and_read") else {
        return;
    };
    let rig = rig();
    let mut seen = Vec::new();
    for (name, capture) in hooks(&folder) {
        let channel = account(&rig, &capture);
        let hooks = channel.read_hooks().expect("hooks");
        let Verdict::Verified(verified) = hooks.verify(&hook(&capture), Time::EPOCH) else {
            panic!("{name} is not believed");
        };
        let observations = hooks.read(&verified).expect("it can be read");
        assert_eq!(observations.len(), 1);
        if let Observation::Order(order) = &observations[0] {
            ordinary(*order.clone());
        }
        seen.push((name, told(&observations[0])));
    }
    let expected = HOOKS.iter().map(|(name, told)| (*name, (*told).to_owned()));
    assert_eq!(seen[..HOOKS.len()].to_vec(), expected.collect::<Vec<_>>());
    // Different orders with one delivery id stay different orders.
    let same: BTreeSet<_> = seen
        .iter()
        .filter(|(name, _)| *name == "hooks-same-delivery-id-different-orders")
        .map(|(_, told)| told)
        .collect();
    assert_eq!(same.len(), 7);
    let sequence: Vec<_> = seen[seen.len() - 2..]
        .iter()
        .map(|(_, told)| told)
        .collect();
    assert_eq!(sequence[0], sequence[1]);
    assert!(sequence[0].starts_with("416 Placed Paid"));
}

#[test]
fn captured_hooks_with_any_other_bit_are_refused() {
    let Some(folder) = folder("captured_hooks_with_any_other_bit_are_refused") else {
        return;
    };
    let rig = rig();
    for (name, capture) in hooks(&folder) {
        let channel = account(&rig, &capture);
        let hooks = channel.read_hooks().expect("hooks");
        let good = hook(&capture);
        let is_refused =
            |hook: &HookRequest| matches!(hooks.verify(hook, Time::EPOCH), Verdict::Refused(_));
        // All bits of the first and last bytes, and one bit of some in between.
        let length = good.body.len();
        let step = (length / 40).max(1);
        let ends = (0..24).chain((length * 8).saturating_sub(24)..length * 8);
        let between = (0..length).step_by(step).map(|byte| byte * 8 + byte % 8);
        for bit in ends.chain(between) {
            let mut changed = good.clone();
            changed.body[bit / 8] ^= 1 << (bit % 8);
            assert!(is_refused(&changed), "{name}: bit {bit} of the body");
        }
        let place = good
            .headers
            .iter()
            .position(|(name, _)| name == "x-wc-webhook-signature")
            .expect("a signature");
        let signature = good.headers[place].1.clone().into_bytes();
        for bit in (0..signature.len() * 8).filter(|bit| bit % 8 != 7) {
            let mut text = signature.clone();
            text[bit / 8] ^= 1 << (bit % 8);
            let mut changed = good.clone();
            changed.headers[place].1 = String::from_utf8(text).expect("seven bits");
            assert!(is_refused(&changed), "{name}: bit {bit} of the signature");
        }
        let other = rig.opened_with(&json!({ "webhook_secret": "another secret" }));
        let verdict = other
            .read_hooks()
            .expect("hooks")
            .verify(&good, Time::EPOCH);
        assert!(matches!(verdict, Verdict::Refused(_)), "{name}");
    }
}

#[test]
fn the_captured_ping_is_answered_and_does_nothing() {
    let Some(folder) = folder("the_captured_ping_is_answered_and_does_nothing") else {
        return;
    };
    let ping = capture(&folder, "hook-ping");
    let rig = rig();
    let channel = account(&rig, &ping);
    let hooks = channel.read_hooks().expect("hooks");
    match hooks.verify(&hook(&ping), Time::EPOCH) {
        Verdict::Answer(answer) => assert_eq!((answer.status, answer.body.as_str()), (200, "")),
        Verdict::Verified(_) | Verdict::KeyNeeded(_) | Verdict::Refused(_) => {
            panic!("not answered")
        }
    }
}

#[test]
fn the_published_signature_fits() {
    let Some(folder) = folder("the_published_signature_fits") else {
        return;
    };
    let path = folder.join("../../specs/webhook-signature-vectors.json");
    let text = std::fs::read(path).expect("the vectors");
    let vectors: Value = serde_json::from_slice(&text).expect("JSON");
    let rig = rig();
    let mut count = 0;
    for vector in vectors["vectors"].as_array().expect("a list") {
        if vector["channel"] != "woocommerce" {
            continue;
        }
        count += 1;
        let headers = vector["headers"].as_object().expect("headers");
        let request = HookRequest {
            method: "POST".to_owned(),
            topic: String::new(),
            query: String::new(),
            headers: headers
                .iter()
                .map(|(name, value)| {
                    (
                        name.to_lowercase(),
                        value.as_str().expect("text").to_owned(),
                    )
                })
                .collect(),
            body: vector["body"].as_str().expect("a body").as_bytes().to_vec(),
        };
        let secret = vector["secret"].as_str().expect("a secret");
        // The secret as it signs, and as a shop may hold it.
        let stored = secret.replace('&', "&amp;").replace('"', "&quot;");
        for secret in [secret, &stored] {
            let channel = rig.opened_with(&json!({ "webhook_secret": secret }));
            let verdict = channel
                .read_hooks()
                .expect("hooks")
                .verify(&request, Time::EPOCH);
            assert!(matches!(verdict, Verdict::Verified(_)), "{secret}");
            let hooks = channel.read_hooks().expect("hooks");
            for bit in 0..request.body.len() * 8 {
                let mut flipped = request.clone();
                flipped.body[bit / 8] ^= 1 << (bit % 8);
                let verdict = hooks.verify(&flipped, Time::EPOCH);
                assert!(matches!(verdict, Verdict::Refused(_)), "bit {bit}");
            }
        }
    }
    assert!(count > 0);
}

/// Reads an order whose answers were captured: itself, and its refunds if it names any.
fn read(rig: &Rig, folder: &std::path::Path, name: &str, refunds: Option<&str>) -> OrderSnapshot {
    let order = capture(folder, name);
    let mut answers = vec![Fault::Answer(response(&order))];
    answers.extend(refunds.map(|name| Fault::Answer(response(&capture(folder, name)))));
    rig.faults(answers);
    let id = ExternalId::new("1");
    let orders = rig.channel.pull_orders().expect("orders");
    let mut readings = block_on(orders.read(&[id])).expect("a reading");
    match readings.remove(0).1 {
        OrderReading::Found(order) => ordinary(*order),
        OrderReading::Gone => panic!("{name} is gone"),
        OrderReading::Malformed(malformed) => panic!("{name}: {malformed:?}"),
    }
}

#[test]
fn captured_orders_are_mapped() {
    let Some(folder) = folder("captured_orders_are_mapped") else {
        return;
    };
    let rig = rig();
    let row = |name: &str, refunds: Option<&str>| {
        let order = read(&rig, &folder, name, refunds);
        let lines = order.lines.iter().map(|line| {
            format!(
                " [{} {} canceled {} shipped {} returned {} taken {}]",
                line.listing.as_ref().map_or("-", ListingId::as_str),
                line.ordered,
                line.canceled,
                line.shipped,
                line.returned,
                line.subtracted
            )
        });
        let lines: String = lines.collect();
        format!(
            "{} {:?} {:?} {} back {}{lines}",
            order.number, order.standing, order.payment, order.total, order.refunded
        )
    };
    for (name, refunds, expected) in [
        (
            "rest-get-order-plain",
            None,
            "410 Placed Paid 32.61 USD back 0.00 USD [60/63 1 canceled 0 shipped 1 returned 0 taken 1]",
        ),
        (
            "rest-get-order-storefront",
            None,
            "416 Placed Paid 53.39 USD back 0.00 USD [39 1 canceled 0 shipped 0 returned 0 taken 1] \
             [40 2 canceled 0 shipped 0 returned 0 taken 2]",
        ),
        (
            "rest-get-order-partial-refund",
            Some("rest-get-order-partial-refund-refunds"),
            "96 Placed PartRefunded 33.67 USD back 5.99 USD [14 2 canceled 1 shipped 0 returned 0 taken 1] \
             [15 1 canceled 0 shipped 0 returned 0 taken 1]",
        ),
        (
            "rest-get-order-full-refund-by-lines",
            Some("rest-get-order-full-refund-by-lines-refunds"),
            "405 Placed Refunded 24.19 USD back 24.19 USD [12 2 canceled 2 shipped 0 returned 0 taken 0]",
        ),
        (
            // By amount only: the shop put nothing back, and says of no unit that it was canceled.
            "rest-get-order-full-refund-amount-only",
            Some("rest-get-order-full-refund-amount-only-refunds"),
            "98 Placed Refunded 18.35 USD back 18.35 USD [14 1 canceled 0 shipped 0 returned 0 taken 1]",
        ),
        (
            // The refunds of this order were not captured; those of another name no line of it.
            "rest-get-order-cancelled",
            Some("rest-get-order-full-refund-by-lines-refunds"),
            "401 Canceled Voided 37.50 USD back 14.00 USD [12 4 canceled 0 shipped 0 returned 0 taken 0]",
        ),
    ] {
        assert_eq!(row(name, refunds), expected, "{name}");
    }
}

#[test]
fn a_captured_order_keeps_what_shipping_needs() {
    let Some(folder) = folder("a_captured_order_keeps_what_shipping_needs") else {
        return;
    };
    let rig = rig();
    let order = read(&rig, &folder, "rest-get-order-storefront", None);
    assert_eq!(order.buyer.name, "Ada L\u{f6}ffler");
    assert_eq!(
        order.placed_at,
        Time::parse_utc("2026-11-21T17:51:20Z").expect("a time")
    );
    assert_eq!(order.note, "leave at door");
    assert_eq!(order.words["shipping_method"], "flat_rate");
    let address = order.ship_to.expect("an address");
    assert_eq!((address.street.len(), address.country.as_str()), (1, "US"));
    assert_eq!(
        order.lines[1].unit_price.map(Money::amount),
        Some("16.47".to_owned())
    );
}

#[test]
fn the_captured_list_of_orders_is_read_and_goes_on() {
    let Some(folder) = folder("the_captured_list_of_orders_is_read_and_goes_on") else {
        return;
    };
    let rig = rig();
    let list = capture(&folder, "rest-list-orders");
    rig.faults([Fault::Answer(response(&list))]);
    let orders = rig.channel.pull_orders().expect("orders");
    let window = OrderWindow {
        changed_since: Time::EPOCH,
        page: None,
        is_last_kept: false,
    };
    let page = block_on(orders.pull(&window)).expect("a page");
    assert_eq!(page.malformed, vec![]);
    assert_eq!(page.items.len(), 3);
    assert!(page.next.is_some(), "the shop says that there are 75 pages");
    let times: Vec<_> = page.items.iter().map(|order| order.version).collect();
    assert!(times.is_sorted());
}

#[test]
fn every_status_of_the_real_shop_has_a_meaning() {
    let Some(folder) = folder("every_status_of_the_real_shop_has_a_meaning") else {
        return;
    };
    let rig = rig();
    let statuses = capture(&folder, "rest-order-statuses");
    let statuses: Value =
        serde_json::from_str(statuses["body"].as_str().expect("a body")).expect("JSON");
    let order = capture(&folder, "rest-get-order-plain");
    for status in statuses.as_array().expect("a list") {
        let slug = status["slug"].as_str().expect("a slug");
        let mut changed = order.clone();
        let body = changed["body"].as_str().expect("a body");
        let body = body.replace(
            "\"status\":\"completed\"",
            &format!("\"status\":\"{slug}\""),
        );
        changed["body"] = body.into();
        rig.faults([Fault::Answer(response(&changed))]);
        let orders = rig.channel.pull_orders().expect("orders");
        let readings = block_on(orders.read(&[ExternalId::new("1")])).expect("a reading");
        let OrderReading::Found(order) = &readings[0].1 else {
            panic!("{slug} cannot be read");
        };
        assert_eq!(order.words["status"], slug);
        assert!(!matches!(order.standing, Standing::Unmapped(_)), "{slug}");
        assert!(
            !matches!(order.payment, PaymentState::Unmapped(_)),
            "{slug}"
        );
    }
}

#[test]
fn captured_products_are_listings_and_levels() {
    let Some(folder) = folder("captured_products_are_listings_and_levels") else {
        return;
    };
    let rig = rig();
    let product = |name: &str| {
        let capture = capture(&folder, name);
        let body = capture["body"].as_str().expect("a body");
        serde_json::from_str::<Value>(body).expect("JSON")
    };
    let (simple, variable) = (
        product("rest-get-product-simple"),
        product("rest-get-product-variable"),
    );
    let page = json!([simple, variable]).to_string();
    let listings = rig.channel.pull_listings().expect("listings");
    let currency = br#"{"id":"woocommerce_currency","value":"USD"}"#;
    rig.faults([
        Fault::Answer(plain(currency)),
        Fault::Answer(plain(page.as_bytes())),
        Fault::Answer(response(&capture(&folder, "rest-get-variations"))),
    ]);
    let first = block_on(listings.pull(None)).expect("a page");
    let second = block_on(listings.pull(first.next.as_deref())).expect("a page");
    let seen: Vec<String> = first
        .items
        .iter()
        .chain(&second.items)
        .map(|listing| {
            format!(
                "{} {} `{}` {} {}",
                listing.listing,
                listing.sku.as_deref().unwrap_or("-"),
                listing.title,
                listing.price.expect("a price"),
                listing.level.expect("a level")
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            "10 LAB-001 `Lab item 001` 5.37 USD 100",
            "60/63 SHIRT-1-L `Lab shirt 1 - L` 19.95 USD 30",
            "60/62 SHIRT-1-M `Lab shirt 1 - M` 19.95 USD 30",
            "60/61 SHIRT-1-S `Lab shirt 1 - S` 19.95 USD 30",
        ]
    );
    // The variation as a search by SKU finds it, read as a level.
    rig.faults([Fault::Answer(response(&capture(
        &folder,
        "rest-get-product-by-sku-variation",
    )))]);
    let stock = rig.channel.read_stock().expect("stock");
    let levels = block_on(stock.read(&[ListingId::new("60/63")])).expect("levels");
    assert_eq!(levels.len(), 1);
    assert_eq!(levels[0].level, Some(Decimal::whole(30)));
    assert!(levels[0].changed_at.is_some());
}

fn plain(body: &[u8]) -> Response {
    http::Response::new(body.to_vec())
}

fn target(listing: &str, level: i64) -> StockTarget {
    StockTarget {
        listing: ListingId::new(listing),
        quantity: Decimal::whole(level),
        expected: None,
        believed_at: Time::EPOCH,
    }
}

#[test]
fn the_captured_batch_is_read_item_by_item() {
    let Some(folder) = folder("the_captured_batch_is_read_item_by_item") else {
        return;
    };
    let rig = rig();
    let stock = rig.channel.push_stock().expect("stock");
    rig.faults([Fault::Answer(response(&capture(
        &folder,
        "rest-batch-stock-one-bad",
    )))]);
    let targets = [
        target("10", 100),
        target("999999", 1),
        target("63", 1),
        target("77", 1),
    ];
    let acks = block_on(stock.push(&targets, "key")).expect("acks");
    let seen: Vec<&str> = acks
        .iter()
        .map(|(_, ack)| match ack {
            Ack::Applied { .. } => "applied",
            Ack::Conflict { .. } => "conflict",
            Ack::Rejected { .. } => "rejected",
            Ack::Ambiguous => "ambiguous",
        })
        .collect();
    assert_eq!(seen, ["applied", "rejected", "rejected", "ambiguous"]);

    for name in ["rest-batch-101-items", "rest-error-fraction-stock"] {
        rig.faults([Fault::Answer(response(&capture(&folder, name)))]);
        let error = block_on(stock.push(&targets, "key")).expect_err(name);
        assert!(
            matches!(error.kind, ErrorKind::Rejected { .. }),
            "{name}: {error}"
        );
    }
}

#[test]
fn captured_refusals_are_named_by_what_to_do_next() {
    let Some(folder) = folder("captured_refusals_are_named_by_what_to_do_next") else {
        return;
    };
    let rig = rig();
    let refusal = |name: &str| Fault::Answer(response(&capture(&folder, name)));
    let order = || Fault::Answer(response(&capture(&folder, "rest-get-order-plain")));
    let orders = rig.channel.pull_orders().expect("orders");

    rig.faults([refusal("rest-error-bad-key")]);
    let error = block_on(orders.read(&[ExternalId::new("1")])).expect_err("a bad key");
    assert!(
        matches!(error.kind, ErrorKind::Unauthorized { .. }),
        "{error}"
    );

    rig.faults([refusal("rest-error-order-missing")]);
    let readings = block_on(orders.read(&[ExternalId::new("999999")])).expect("a reading");
    assert_eq!(readings[0].1, OrderReading::Gone);

    // 500, although nothing happened.
    rig.faults([order(), refusal("rest-error-refund-too-much")]);
    let usd = Currency::new("USD").expect("a currency");
    let refund = RefundPush {
        order: ExternalId::new("410"),
        amount: Money::parse("99999", usd).expect("money"),
        lines: vec![],
        restock: false,
        reason: String::new(),
        key: "int_1".to_owned(),
        made_at: Time::from_seconds(0),
        others: vec![],
    };
    let refunds = rig.channel.refund_orders().expect("refunds");
    let error = block_on(refunds.refund(&refund)).expect_err("too much");
    assert!(matches!(error.kind, ErrorKind::Rejected { .. }), "{error}");

    rig.faults([order(), refusal("rest-error-bad-status")]);
    let shipments = rig.channel.push_shipments().expect("shipments");
    let error = block_on(shipments.push(&parcel())).expect_err("a bad status");
    assert!(matches!(error.kind, ErrorKind::Rejected { .. }), "{error}");
}

fn parcel() -> ShipmentPush {
    ShipmentPush {
        order: ExternalId::new("410"),
        lines: vec![(ExternalId::new("532"), Decimal::whole(1))],
        carrier: Some("DHL".to_owned()),
        tracking_number: Some("00340434161094042557".to_owned()),
        tracking_url: None,
        shipped_at: Time::EPOCH,
        completes: true,
        key: "int_1".to_owned(),
    }
}

#[test]
fn a_parcel_is_told_as_the_real_shop_answers() {
    let Some(folder) = folder("a_parcel_is_told_as_the_real_shop_answers") else {
        return;
    };
    let rig = rig();
    let answer = |name: &str| Fault::Answer(response(&capture(&folder, name)));
    rig.faults([
        answer("rest-get-order-plain"),
        answer("rest-get-order-plain"),
        answer("rest-get-order-partial-refund-notes"),
        answer("rest-post-order-note"),
    ]);
    rig.requests();
    let shipments = rig.channel.push_shipments().expect("shipments");
    let ack = block_on(shipments.push(&parcel())).expect("pushed");
    let reference = Some(ExternalId::new("944"));
    assert_eq!(ack, Ack::Applied { reference });
    let sent: Vec<Request> = rig.sent();
    let bodies: Vec<Value> = [1, 3]
        .into_iter()
        .map(|at| serde_json::from_slice(sent[at].body()).expect("JSON"))
        .collect();
    // The order is completed already: its status is not written again.
    assert_eq!(bodies[0].get("status"), None);
    assert_eq!(
        bodies[0]["meta_data"][0]["value"][0]["number"],
        "00340434161094042557"
    );
    let note = bodies[1]["note"].as_str().expect("a note");
    let start = "Shipped with DHL, tracking number 00340434161094042557: 1 x SHIRT-1-L. (ref os-";
    assert!(note.starts_with(start), "{note}");
}

#[test]
fn captured_webhooks_are_kept() {
    let Some(folder) = folder("captured_webhooks_are_kept") else {
        return;
    };
    let rig = rig();
    rig.faults([Fault::Answer(response(&capture(
        &folder,
        "rest-list-webhooks",
    )))]);
    let registers = rig.channel.register_hooks().expect("hooks");
    let url = "http://127.0.0.1:18099/ok/site10/order.created";
    let states = block_on(registers.ensure(url)).expect("registered");
    let kept: Vec<_> = states
        .iter()
        .filter(|state| state.action == "kept")
        .map(|state| {
            (
                state.topic.as_str(),
                state.external_id.as_str(),
                state.active,
            )
        })
        .collect();
    assert_eq!(kept, [("order.created", "6", true)]);
    assert!(states.iter().all(|state| state.active));
}
