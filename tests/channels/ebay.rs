//! eBay: the connector against its twin.

mod hooks;
mod orders;
mod sales;
mod stock;
mod tokens;

use channel::{
    ChannelError, ErrorKind, HookRequest, OrderReading, OrderWindow, Verdict, http::Response,
};
use domain::{
    ExternalId, ListingId, Time,
    snapshot::{ListingSnapshot, Observation, OrderSnapshot},
};
use serde_json::{Value, json};

use crate::port::{Rig, block_on, ordinary, shop};

/// How long the twin takes to settle refunds and cancellations.
const SETTLED_MS: u64 = 2_000;

fn rig() -> Rig {
    Rig::open("ebay", shop("ebay"))
}

fn answer(status: u16, body: &Value) -> Response {
    http::Response::builder()
        .status(status)
        .body(body.to_string().into_bytes())
        .expect("a response")
}

/// Every order that changed since then, page after page; the newest view of each.
fn poll(rig: &Rig, since: Time) -> Vec<OrderSnapshot> {
    let orders = rig.channel.pull_orders().expect("orders");
    let mut window = OrderWindow {
        changed_since: since,
        page: None,
        is_last_kept: false,
    };
    let mut all: Vec<OrderSnapshot> = Vec::new();
    for _ in 0..100 {
        let page = block_on(orders.pull(&window)).expect("a page");
        assert_eq!(page.malformed, vec![]);
        for order in page.items {
            all.retain(|known| known.external_id != order.external_id);
            all.push(ordinary(order));
        }
        window.page = page.next;
        if window.page.is_none() {
            return all;
        }
    }
    panic!("the pages have no end");
}

/// Every order of the last day.
fn orders(rig: &Rig) -> Vec<OrderSnapshot> {
    poll(rig, rig.now().minus(std::time::Duration::from_secs(86_400)))
}

fn found(rig: &Rig, id: &ExternalId) -> OrderSnapshot {
    let orders = rig.channel.pull_orders().expect("orders");
    let mut readings = block_on(orders.read(std::slice::from_ref(id))).expect("a reading");
    assert_eq!(readings.len(), 1);
    match readings.remove(0) {
        (of, OrderReading::Found(snapshot)) if of == *id => ordinary(*snapshot),
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

/// What a hook turns out to be, after fetching the key that it names.
fn verify(rig: &Rig, hook: &HookRequest) -> Verdict {
    let hooks = rig.channel.read_hooks().expect("hooks");
    match hooks.verify(hook, rig.now()) {
        Verdict::KeyNeeded(key) => {
            block_on(hooks.fetch_key(&key)).expect("a key");
            hooks.verify(hook, rig.now())
        }
        verdict => verdict,
    }
}

/// What a genuine hook tells.
fn told(rig: &Rig, hook: &HookRequest) -> Vec<Observation> {
    let hooks = rig.channel.read_hooks().expect("hooks");
    match verify(rig, hook) {
        Verdict::Verified(hook) => hooks.read(&hook).expect("a readable hook"),
        Verdict::Answer(_) | Verdict::KeyNeeded(_) => panic!("no hook"),
        Verdict::Refused(refusal) => panic!("{refusal}"),
    }
}

/// A request of the merchant's own, past the connector.
fn direct(rig: &Rig, who: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let settings = rig.twin(|twin, _| twin.settings());
    let text = |key: &str| settings[key].as_str().expect("a text").to_owned();
    let client = format!("{}:{}", text("client_id"), text("client_secret"));
    let form = match who {
        "seller" => format!(
            "grant_type=refresh_token&refresh_token={}",
            text("refresh_token")
        ),
        _ => "grant_type=client_credentials".to_owned(),
    };
    let token = http::Request::post(format!("{}/identity/v1/oauth2/token", text("api_url")))
        .header(
            "authorization",
            format!("Basic {}", BASE64_STANDARD.encode(client)),
        )
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.into_bytes())
        .expect("a request");
    let token = rig.twin(|twin, now| twin.handle(&token, now));
    let token: Value = serde_json::from_slice(token.body()).expect("JSON");
    let token = token["access_token"].as_str().expect("a token");
    let request = http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", text("api_url")))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(body.to_string().into_bytes())
        .expect("a request");
    let answer = rig.twin(|twin, now| twin.handle(&request, now));
    let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
    (answer.status().as_u16(), body)
}

/// What is wrong, in a word.
fn kind(error: &ChannelError) -> &'static str {
    match error.kind {
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
fn a_probe_tells_whose_shop_it_is() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1)], true);
    let probe = block_on(rig.channel.probe()).expect("a probe");
    assert_eq!(probe.shop, "twin_seller");
    assert_eq!(probe.warnings, Vec::<String>::new());
    let writes = rig.truth().writes;
    assert_eq!(writes, 0, "a probe changes nothing");
}

#[test]
fn goods_are_listed_by_their_sku_and_services_are_not() {
    let rig = rig();
    let all = listings(&rig);
    let skus: Vec<&str> = all.iter().filter_map(|l| l.sku.as_deref()).collect();
    assert_eq!(skus, ["MUG-1", "MUG-2", "SHIRT-M", "SHIRT-S"]);
    let mug = &all[0];
    assert_eq!(mug.listing, ListingId::from("MUG-1"));
    assert_eq!(mug.title, "Mug");
    assert_eq!(
        mug.price.map(|p| p.to_string()).as_deref(),
        Some("11.90 EUR")
    );
    assert_eq!(mug.level.and_then(domain::Decimal::to_whole), Some(10));
    assert!(mug.tracked && mug.barcode.is_some());
}

#[test]
fn what_goes_wrong_is_named_by_what_to_do_next() {
    use crate::port::Fault;
    let refused = json!({ "errors": [{ "errorId": 1100, "message": "Insufficient permissions" }] });
    for (fault, expected) in [
        (
            Fault::Answer(rig().twin(|twin, _| twin.throttled())),
            "throttled",
        ),
        (Fault::Answer(answer(403, &refused)), "unauthorized"),
        (Fault::Answer(answer(500, &json!({}))), "retry"),
        (Fault::Answer(answer(400, &json!({}))), "rejected"),
        (Fault::Answer(answer(200, &json!([]))), "malformed"),
        (Fault::NotSent, "retry"),
        (Fault::LostAnswer, "retry"),
    ] {
        let rig = rig();
        orders(&rig);
        rig.faults([fault]);
        let window = OrderWindow {
            changed_since: rig.now(),
            page: None,
            is_last_kept: false,
        };
        let pulled = block_on(rig.channel.pull_orders().expect("orders").pull(&window));
        assert_eq!(kind(&pulled.expect_err("a fault")), expected);
    }
}

#[test]
fn two_shops_of_one_seed_do_the_same() {
    let run = || {
        let rig = rig();
        let id = rig.buy(&[("MUG-1", 2), ("SHIRT-M", 1)], true);
        let mut said: Vec<Vec<u8>> = rig.hooks().into_iter().map(|hook| hook.body).collect();
        rig.act(&sandbox::Act::Ship(id)).expect("shipped");
        said.extend(rig.hooks().into_iter().map(|hook| hook.body));
        (
            said,
            orders(&rig),
            rig.truth(),
            rig.twin(|twin, _| twin.settings()),
        )
    };
    assert_eq!(run(), run());
}
