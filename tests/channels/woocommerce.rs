//! WooCommerce: the connector against its twin.

mod effects;
mod hooks;
mod orders;
mod stock;

use channel::{ErrorKind, HookRequest, OrderReading, OrderWindow, Verdict, http::Response};
use domain::{
    Decimal, ExternalId, ListingId, Time,
    snapshot::{ListingSnapshot, Observation, OrderSnapshot, PaymentState, Standing},
};
use sandbox::{
    Act, Refused,
    woocommerce::{Options, Woo},
};
use serde_json::{Value, json};

use crate::port::{Rig, block_on, ordinary, shop, sku};

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
        is_last_kept: false,
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
        is_last_kept: false,
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
fn the_shop_answers_mistakes_in_its_own_form() {
    let rig = https();
    let order = rig.buy(&[("MUG-1", 1)], true);
    let shirt = listing(&rig, "SHIRT-S");
    let (_, variation) = shirt.as_str().split_once('/').expect("a variation");
    let mug = listing(&rig, "MUG-1");
    let table = r#"
        GET    orders?per_page=101           {}                       400 rest_invalid_param
        GET    orders?page=0                 {}                       400 rest_invalid_param
        GET    orders?orderby=date_modified  {}                       400 rest_invalid_param
        GET    orders?modified_after=soon    {}                       400 rest_invalid_param
        GET    orders/999999                 {}                       404 woocommerce_rest_shop_order_invalid_id
        GET    nothing                       {}                       404 rest_no_route
        PUT    orders/ORDER                  {"status":"shipped"}     400 rest_invalid_param
        POST   orders/ORDER/notes            {}                       400 rest_missing_callback_param
        POST   orders/ORDER/fulfillments     {}                       404 rest_no_route
        PUT    products/MUG                  {"stock_quantity":2.5}   400 rest_invalid_param
        PUT    products/MUG                  {"sku":"MUG-2"}          400 product_invalid_sku
        PUT    products/VARIATION            {"stock_quantity":2}     404 woocommerce_rest_invalid_product_id
        POST   products/batch                {"update":MANY}          413 woocommerce_rest_request_entity_too_large
        POST   webhooks                      {"topic":"x"}            400 woocommerce_rest_webhook_invalid_topic
        POST   webhooks                      {"topic":"order.updated"} 400 woocommerce_rest_webhook_invalid_delivery_url
        DELETE webhooks/1                    {}                       501 woocommerce_rest_trash_not_supported
    "#;
    let many: Vec<Value> = (0..101).map(|id| json!({ "id": id })).collect();
    for row in table.lines().filter(|row| !row.trim().is_empty()) {
        let row = row
            .replace("ORDER", order.as_str())
            .replace("VARIATION", variation)
            .replace("MANY", &json!(many).to_string())
            .replace("products/MUG ", &format!("products/{mug} "));
        let words: Vec<&str> = row.split_whitespace().collect();
        let body: Value = serde_json::from_str(words[2]).expect("JSON");
        let (status, answer) = direct(&rig, words[0], &format!("wc/v3/{}", words[1]), &body);
        assert_eq!(status.to_string(), words[3], "{row}");
        assert_eq!(answer["code"], words[4], "{row}");
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
