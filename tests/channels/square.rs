//! Square: the connector against the twin of its channel.

use std::collections::BTreeMap;

use channel::{
    Ack, ErrorKind, HookRequest, OrderReading, OrderWindow, StockTarget, Vault, Verdict,
};
use domain::{
    Currency, Decimal, ExternalId, ListingId, Money, Sku, Time,
    snapshot::{Observation, OrderSnapshot, PaymentState, Standing},
};
use sandbox::{Act, Refused, square::Square};

use crate::port::{Fault, Rig, block_on, ordinary, shop, sku};

mod effects;
mod stock;

fn rig() -> Rig {
    Rig::open("square", shop("till-berlin"))
}

/// All orders changed since an instant, page by page.
fn pull(rig: &Rig, changed_since: Time) -> Vec<OrderSnapshot> {
    let orders = rig.channel.pull_orders().expect("it pulls orders");
    let mut window = OrderWindow {
        changed_since,
        page: None,
        is_last_kept: false,
    };
    let mut found = Vec::new();
    for _ in 0..20 {
        let page = block_on(orders.pull(&window)).expect("a page");
        assert_eq!(page.malformed, vec![]);
        found.extend(page.items.into_iter().map(ordinary));
        window.page = page.next;
        if window.page.is_none() {
            return found;
        }
    }
    panic!("the pages do not end");
}

fn read(rig: &Rig, id: &ExternalId) -> OrderSnapshot {
    let orders = rig.channel.pull_orders().expect("it pulls orders");
    let mut readings = block_on(orders.read(std::slice::from_ref(id))).expect("readings");
    match readings.pop() {
        Some((_, OrderReading::Found(order))) => ordinary(*order),
        other => panic!("no order: {other:?}"),
    }
}

/// The listing of each SKU.
fn listings(rig: &Rig) -> BTreeMap<String, ListingId> {
    let listings = rig.channel.pull_listings().expect("it lists");
    let page = block_on(listings.pull(None)).expect("a page");
    assert_eq!((page.malformed, page.next), (vec![], None));
    let pairs = page.items.into_iter();
    pairs
        .map(|listing| (listing.sku.expect("a SKU"), listing.listing))
        .collect()
}

fn levels(rig: &Rig, listings: &[ListingId]) -> Vec<Option<Decimal>> {
    let stock = rig.channel.read_stock().expect("it reads stock");
    let levels = block_on(stock.read(listings)).expect("levels");
    let of = |listing: &ListingId| levels.iter().find(|level| level.listing == *listing);
    listings
        .iter()
        .map(|listing| of(listing).and_then(|level| level.level))
        .collect()
}

fn target(rig: &Rig, listing: &ListingId, quantity: i64) -> StockTarget {
    StockTarget {
        listing: listing.clone(),
        quantity: Decimal::whole(quantity),
        expected: None,
        believed_at: rig.now(),
    }
}

fn euros(text: &str) -> Money {
    Money::parse(text, Currency::new("EUR").expect("a currency")).expect("an amount")
}

fn applied() -> Ack {
    Ack::Applied { reference: None }
}

#[test]
fn a_probe_names_the_shop_and_the_version() {
    let rig = rig();
    let probe = block_on(rig.channel.probe()).expect("a probe");
    assert_eq!(probe.shop, "Sandbox, till-berlin");
    assert_eq!(probe.version, "2025-08-20");
    assert_eq!(probe.warnings, Vec::<String>::new());
}

#[test]
fn listings_are_found_by_their_sku() {
    let rig = rig();
    let all = rig.channel.pull_listings().expect("it lists");
    let page = block_on(all.pull(None)).expect("a page");
    let of = |code: &str| {
        let mut items = page.items.iter();
        items
            .find(|listing| listing.sku.as_deref() == Some(code))
            .expect("a listing")
    };
    assert_eq!(page.items.len(), 5);
    assert_eq!(of("MUG-1").title, "Mug");
    assert_eq!(of("MUG-1").price, Some(euros("11.90")));
    assert!(
        of("MUG-1").tracked,
        "tracked by an override of the location"
    );
    assert_eq!(of("SHIRT-S").title, "SHIRT (Shirt, small)");
    assert!(!of("WRAP").tracked, "services are not counted");
    assert_ne!(of("SHIRT-S").listing, of("SHIRT-M").listing);
}

#[test]
fn a_counter_sale_is_shipped_and_off_the_level_when_we_learn_of_it() {
    let rig = rig();
    let listings = listings(&rig);
    let id = rig.buy(&[("MUG-1", 2), ("WRAP", 1)], true);
    let orders = pull(&rig, Time::EPOCH);
    let [order] = orders.as_slice() else {
        panic!("one order");
    };
    assert_eq!(order.external_id, id);
    assert_eq!(
        (&order.standing, &order.payment),
        (&Standing::Placed, &PaymentState::Paid)
    );
    assert_eq!((order.total, order.shipping), (euros("26.30"), euros("0")));
    assert_eq!(order.ship_to, None);
    assert_eq!(order.words["state"], "COMPLETED");
    let mug = &order.lines[0];
    assert_eq!(mug.sku.as_deref(), Some("MUG-1"));
    assert_eq!(mug.listing.as_ref(), Some(&listings["MUG-1"]));
    let two = Decimal::whole(2);
    assert_eq!((mug.ordered, mug.shipped, mug.subtracted), (two, two, two));
    assert_eq!((mug.canceled, mug.returned), (Decimal::ZERO, Decimal::ZERO));
    assert!(!mug.requires_shipping);
    assert_eq!(mug.unit_price, Some(euros("11.90")));
    assert_eq!(
        levels(&rig, &[listings["MUG-1"].clone()]),
        [Some(Decimal::whole(8))]
    );
}

#[test]
fn an_online_order_takes_units_off_when_it_is_paid() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 2)], false);
    let open = read(&rig, &id);
    assert_eq!(
        (&open.standing, &open.payment),
        (&Standing::Placed, &PaymentState::Pending)
    );
    assert_eq!(open.lines[0].subtracted, Decimal::ZERO);
    assert_eq!(open.lines[0].shipped, Decimal::ZERO);
    assert!(open.lines[0].requires_shipping);
    assert_eq!(open.shipping, euros("4.90"));
    assert_eq!(
        open.ship_to.as_ref().map(|to| to.city.as_str()),
        Some("Berlin")
    );
    assert_eq!(open.buyer.email, "buyer-1@example.com");
    assert_eq!(rig.level("MUG-1"), 10);
    rig.advance(1000);
    rig.act(&Act::Pay(id.clone())).expect("paid");
    let paid = read(&rig, &id);
    assert_eq!(paid.payment, PaymentState::Paid);
    assert_eq!(paid.lines[0].subtracted, Decimal::whole(2));
    assert_eq!(paid.lines[0].shipped, Decimal::ZERO);
    assert!(paid.version > open.version);
    assert_eq!(rig.level("MUG-1"), 8);
}

#[test]
fn the_till_refuses_what_its_count_does_not_show() {
    let rig = rig();
    let buy = |units| {
        rig.act(&Act::Buy {
            basket: vec![(sku("SHIRT-S"), units)],
            paid: true,
        })
    };
    assert_eq!(buy(4), Err(Refused::OutOfStock(sku("SHIRT-S"))));
    buy(3).expect("sold");
    assert_eq!(buy(1), Err(Refused::OutOfStock(sku("SHIRT-S"))));
    assert_eq!(rig.truth().orders.len(), 1);
}

#[test]
fn a_sale_of_an_offline_till_is_found_by_its_change() {
    let now = Time::parse_utc("2026-11-01T10:00:00Z").expect("a time");
    let sold_at = Time::parse_utc("2026-10-30T09:00:00Z").expect("a time");
    let shop = shop("till-berlin");
    let hook_url = shop.hook_url.clone();
    let mut twin = Square::new(shop);
    let basket: Vec<(Sku, u32)> = vec![(sku("MUG-2"), 1)];
    let id = twin
        .upload_offline_sale(&basket, sold_at, now)
        .expect("sold");
    let rig = Rig::over(Box::new(twin), hook_url);
    let hour_ago = Time::parse_utc("2026-11-01T09:00:00Z").expect("a time");
    let orders = pull(&rig, hour_ago);
    assert_eq!(orders.len(), 1);
    assert_eq!(
        (&orders[0].external_id, orders[0].placed_at),
        (&id, sold_at)
    );
    assert_eq!(orders[0].version.changed_at, now);
    assert_eq!(rig.level("MUG-2"), 4);
}

#[test]
fn many_orders_come_page_by_page_and_each_once() {
    let rig = rig();
    rig.act(&Act::SetLevel(sku("MUG-1"), 5000))
        .expect("counted");
    for _ in 0..1203 {
        rig.buy(&[("MUG-1", 1)], true);
        rig.advance(3);
    }
    rig.requests();
    let orders = pull(&rig, Time::EPOCH);
    assert_eq!(orders.len(), 1203);
    let searches = rig.requests();
    let searches = searches
        .iter()
        .filter(|call| call.ends_with("/v2/orders/search"));
    assert_eq!(searches.count(), 3, "500 to a page");
    let changes: Vec<Time> = orders
        .iter()
        .map(|order| order.version.changed_at)
        .collect();
    assert!(changes.is_sorted(), "oldest change first");
    let truth = rig.truth();
    let expected: Vec<&ExternalId> = truth
        .orders
        .iter()
        .map(|order| &order.external_id)
        .collect();
    let found: Vec<&ExternalId> = orders.iter().map(|order| &order.external_id).collect();
    assert_eq!(found, expected);
}

#[test]
fn skus_are_asked_for_once_and_again_when_they_are_stale() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1), ("MUG-2", 1)], true);
    let catalog_calls = |rig: &Rig| {
        let requests = rig.requests();
        let calls = requests.iter().filter(|call| call.contains("/catalog/"));
        calls.count()
    };
    pull(&rig, Time::EPOCH);
    assert_eq!(catalog_calls(&rig), 1);
    pull(&rig, Time::EPOCH);
    assert_eq!(catalog_calls(&rig), 0);
    rig.advance(600_000);
    let orders = pull(&rig, Time::EPOCH);
    assert_eq!(catalog_calls(&rig), 1);
    assert_eq!(orders[0].lines[1].sku.as_deref(), Some("MUG-2"));
}

/// What the hooks tell, by their type.
fn told(rig: &Rig, hooks: &[HookRequest]) -> BTreeMap<String, Vec<Observation>> {
    let reader = rig.channel.read_hooks().expect("it reads hooks");
    let mut told: BTreeMap<String, Vec<Observation>> = BTreeMap::new();
    for hook in hooks {
        let Verdict::Verified(verified) = reader.verify(hook, rig.now()) else {
            panic!("a hook of the twin is refused");
        };
        let event: serde_json::Value = serde_json::from_slice(&hook.body).expect("JSON");
        let kind = event["type"].as_str().expect("a type").to_owned();
        let observed = reader.read(&verified).expect("it can be read");
        told.entry(kind).or_default().extend(observed);
    }
    told
}

#[test]
fn hooks_name_the_order_that_the_poll_shows() {
    let rig = rig();
    let listings = listings(&rig);
    let id = rig.buy(&[("MUG-1", 3)], true);
    let hooks = rig.hooks();
    let told = told(&rig, &hooks);
    let look = vec![Observation::LookAtOrder(id.clone())];
    assert_eq!(told["order.created"], look);
    assert_eq!(told["payment.created"], look);
    match told["inventory.count.updated"].as_slice() {
        [Observation::Level(level)] => {
            assert_eq!(level.listing, listings["MUG-1"]);
            assert_eq!(level.level, Some(Decimal::whole(7)));
        }
        other => panic!("one level: {other:?}"),
    }
    assert_eq!(read(&rig, &id), pull(&rig, Time::EPOCH)[0]);
}

#[test]
fn a_changed_hook_is_refused() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1)], true);
    let hooks = rig.hooks();
    let hook = hooks.first().expect("a hook");
    let reader = rig.channel.read_hooks().expect("it reads hooks");
    let is_refused =
        |hook: &HookRequest| matches!(reader.verify(hook, rig.now()), Verdict::Refused(_));
    assert!(!is_refused(hook));
    for bit in 0..hook.body.len() * 8 {
        let mut flipped = hook.clone();
        flipped.body[bit / 8] ^= 1 << (bit % 8);
        assert!(is_refused(&flipped), "bit {bit} of the body");
    }
    let place = hook.headers.iter();
    let place = place
        .clone()
        .position(|(name, _)| name == "x-square-hmacsha256-signature");
    let place = place.expect("a signature");
    for letter in 0..hook.headers[place].1.len() {
        let mut flipped = hook.clone();
        let mut signature = flipped.headers[place].1.clone().into_bytes();
        signature[letter] = if signature[letter] == b'A' {
            b'B'
        } else {
            b'A'
        };
        flipped.headers[place].1 = String::from_utf8(signature).expect("ASCII");
        assert!(is_refused(&flipped), "letter {letter} of the signature");
    }
    let mut unsigned = hook.clone();
    unsigned.headers.remove(place);
    assert!(is_refused(&unsigned));
    let mut fetched = hook.clone();
    fetched.method = "GET".to_owned();
    assert!(is_refused(&fetched));
}

#[test]
fn hooks_that_are_not_taken_come_again_as_the_same_event_and_are_given_up_after_a_day() {
    let rig = rig();
    rig.act(&Act::SetLevel(sku("MUG-1"), 4)).expect("counted");
    let first = rig.now();
    let hooks = rig.hooks_answered(Some(503));
    assert_eq!(hooks.len(), 11, "at 0, 1, 3, 7 … 1023 minutes");
    assert!(hooks.windows(2).all(|pair| pair[0].body == pair[1].body));
    assert_eq!(hooks[0].header("square-retry-number"), None);
    assert_eq!(hooks[10].header("square-retry-number"), Some("10"));
    assert_eq!(hooks[10].header("square-retry-reason"), Some("http_error"));
    let hours = rig.now().since(first).as_secs() / 3600;
    assert_eq!(hours, 17);
    told(&rig, &hooks);
}

#[test]
fn hooks_are_registered_once() {
    let rig = rig();
    let hooks = rig.channel.register_hooks().expect("it registers");
    let url = "http://127.0.0.1:8080/hooks/till-berlin";
    let states = block_on(hooks.ensure(url)).expect("states");
    assert_eq!(states.len(), 10);
    assert!(
        states
            .iter()
            .all(|state| state.active && state.action == "kept")
    );
    rig.buy(&[("MUG-1", 1)], true);
    assert_eq!(rig.hooks().len(), 3, "none is doubled");
    assert_eq!(rig.truth().writes, 0);
}

#[test]
fn an_expired_token_is_renewed_once_and_kept_before_it_is_used() {
    let rig = rig();
    block_on(rig.channel.probe()).expect("a token");
    rig.requests();
    rig.twin(|twin, _| twin.expire_tokens());
    block_on(rig.channel.probe()).expect("a new token");
    let calls = rig.requests();
    let location = |call: &String| call.contains("/v2/locations/");
    assert_eq!(calls.len(), 3, "{calls:?}");
    assert!(location(&calls[0]) && location(&calls[2]), "{calls:?}");
    assert!(calls[1].ends_with("/oauth2/token"), "{calls:?}");
    block_on(rig.channel.probe()).expect("the same token");
    assert_eq!(rig.requests().len(), 1);
    let kept = block_on(rig.vault.load("tokens")).expect("the vault works");
    assert!(kept.is_some());
}

#[test]
fn answers_are_named_by_what_to_do_next() {
    let rig = rig();
    block_on(rig.channel.probe()).expect("a token");
    let answer = |status: u16, body: &str| {
        let answer = http::Response::builder().status(status);
        Fault::Answer(answer.body(body.as_bytes().to_vec()).expect("an answer"))
    };
    let orders = rig.channel.pull_orders().expect("it pulls orders");
    let window = OrderWindow {
        changed_since: Time::EPOCH,
        page: None,
        is_last_kept: false,
    };
    let kind_of = |fault: Fault| {
        rig.faults([fault]);
        block_on(orders.pull(&window)).expect_err("an error").kind
    };
    let throttled = rig.twin(|twin, _| twin.throttled());
    assert_eq!(
        kind_of(Fault::Answer(throttled)),
        ErrorKind::Throttled { until: None }
    );
    let unauthorized = r#"{"errors":[{"category":"AUTHENTICATION_ERROR","code":"UNAUTHORIZED"}]}"#;
    assert!(matches!(
        kind_of(answer(401, unauthorized)),
        ErrorKind::Unauthorized { .. }
    ));
    assert!(matches!(kind_of(answer(503, "")), ErrorKind::Retry { .. }));
    assert!(matches!(kind_of(Fault::NotSent), ErrorKind::Retry { .. }));
    assert!(matches!(
        kind_of(Fault::LostAnswer),
        ErrorKind::Retry { .. }
    ));
    assert!(matches!(
        kind_of(answer(200, "<html>")),
        ErrorKind::Malformed { .. }
    ));
    let deep = "[".repeat(100_000);
    assert!(matches!(
        kind_of(answer(200, &deep)),
        ErrorKind::Malformed { .. }
    ));
    assert!(matches!(
        kind_of(answer(400, "{}")),
        ErrorKind::Rejected { .. }
    ));
    let stock = rig.channel.push_stock().expect("it sets stock");
    let target = target(&rig, &ListingId::new("V"), 1);
    let lost = [Fault::LostAnswer, Fault::LostRequest];
    for fault in [answer(500, ""), answer(200, "<html>")]
        .into_iter()
        .chain(lost)
    {
        rig.faults([fault]);
        let error = block_on(stock.push(std::slice::from_ref(&target), "int_1"));
        let error = error.expect_err("an error");
        assert!(matches!(error.kind, ErrorKind::Ambiguous { .. }), "{error}");
    }
}

#[test]
fn orders_that_are_unknown_are_gone() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 1)], true);
    let orders = rig.channel.pull_orders().expect("it pulls orders");
    let ids: Vec<ExternalId> = vec!["nothing".into(), id.clone(), "\0".into()];
    let readings = block_on(orders.read(&ids)).expect("readings");
    assert_eq!(readings.len(), 3);
    assert_eq!(readings[0], ("nothing".into(), OrderReading::Gone));
    assert!(matches!(readings[1].1, OrderReading::Found(_)));
    assert_eq!(readings[2].1, OrderReading::Gone);
    assert_eq!(
        rig.act(&Act::Delete(id)),
        Err(Refused::Impossible("Square keeps every order"))
    );
}
