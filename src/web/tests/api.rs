//! Every route of the API: what it answers when all is well, held against its own description.

use std::collections::BTreeSet;

use domain::{
    AccountId,
    ids::OrderId,
    intent::Outcome,
    signal::{PushResult, Signal},
};
use serde_json::{Value, json};

use super::{
    adoption::adopted,
    aftersales,
    allocation::placed,
    backups, documents, due, fulfillment, insight, labels, listings, messages, overview,
    pausing::paused_and_resumed,
    people, placing,
    rig::{Answer, Rig, bearer, rig},
    rules,
    safety::{decided, drift_and_breaker, frozen_and_thawed},
    shape::misfits,
    stock_sheet::in_and_out,
    tuning, users,
};
use crate::{openapi, routes::routes};

/// A rig that checks every answer against the description, and notes which routes it saw well.
pub(super) struct Reader {
    pub(super) rig: Rig,
    document: Value,
    seen: BTreeSet<(String, String)>,
}

impl Reader {
    pub(super) async fn ask(&mut self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.rig.ask(method, path, body, &[bearer()]).await;
        let bare = path.split('?').next().expect("a path").to_owned();
        let route = routes()
            .into_iter()
            .find(|route| route.method == method && is_of(route.path, &bare))
            .unwrap_or_else(|| panic!("{method} {bare} is no route"));
        let asked: Vec<&str> = path
            .split(['?', '&'])
            .skip(1)
            .filter_map(|part| part.split('=').next())
            .collect();
        for name in asked {
            assert!(
                route.query.contains(&name),
                "{method} {path}: {name} is not described"
            );
        }
        self.check(&answer, method, route.path);
        let expected = if path.contains("dry_run=true") {
            200
        } else {
            route.status
        };
        if answer.status == expected {
            self.seen.insert((method.to_owned(), route.path.to_owned()));
        }
        serde_json::from_str(&answer.text).unwrap_or(Value::Null)
    }

    fn check(&self, answer: &Answer, method: &str, path: &str) {
        let at = format!("{method} {path}");
        let operation = &self.document["paths"][path][method.to_ascii_lowercase()];
        if answer.status >= 400 {
            assert_eq!(
                answer.header("content-type"),
                Some("application/problem+json"),
                "{at}"
            );
            let problem = json!({ "$ref": "#/components/schemas/Problem" });
            assert_eq!(
                misfits(&self.document, &problem, &answer.json(), &at),
                [""; 0]
            );
            return;
        }
        let response = &operation["responses"][answer.status.to_string()];
        let Some(schema) = response["content"]["application/json"].get("schema") else {
            return;
        };
        assert_eq!(
            misfits(&self.document, schema, &answer.json(), &at),
            [""; 0],
            "{}",
            answer.text
        );
    }

    pub(super) async fn get(&mut self, path: &str) -> Value {
        self.ask("GET", path, None).await
    }

    pub(super) async fn post(&mut self, path: &str, body: Value) -> Value {
        self.ask("POST", path, Some(body)).await
    }
}

/// Whether an address is of a route; what is written out comes before what varies, as in the router.
fn is_of(route: &str, path: &str) -> bool {
    let (of, parts): (Vec<&str>, Vec<&str>) =
        (route.split('/').collect(), path.split('/').collect());
    let is_same = |(of, part): (&&str, &&str)| of == part || of.starts_with('{');
    of.len() == parts.len() && of.iter().zip(&parts).all(is_same)
}

pub(super) async fn reader() -> Reader {
    reader_of(rig().await)
}

pub(super) fn reader_of(rig: Rig) -> Reader {
    Reader {
        rig,
        document: openapi(),
        seen: BTreeSet::new(),
    }
}

#[tokio::test]
async fn every_route_answers_as_it_is_described() {
    let mut reader = reader().await;
    reader.rig.stock("shop", "MUG", 10).await;
    reader.rig.stock("quiet", "A/B", 3).await;
    reader.rig.shows("quiet", "A/B", 1).await;
    accounts(&mut reader).await;
    orders(&mut reader).await;
    stock(&mut reader).await;
    moves(&mut reader).await;
    past(&mut reader).await;
    explained(&mut reader).await;
    queues(&mut reader).await;
    lifted(&mut reader).await;
    troubles(&mut reader).await;
    tuning::tuned(&mut reader).await;
    adopted(&mut reader).await;
    backups::backed_up(&mut reader).await;
    people::forgotten(&mut reader).await;
    placing::entered(&mut reader).await;
    aftersales::went_through(&mut reader).await;
    fulfillment::went_through(&mut reader).await;
    documents::issued_and_drawn(&mut reader).await;
    rules::tried(&mut reader).await;
    messages::sent(&mut reader).await;
    labels::bought(&mut reader).await;
    listings::went_through(&mut reader).await;
    overview::seen_whole(&mut reader).await;
    due::listed(&mut reader).await;
    insight::shown(&mut reader).await;
    users::added(&mut reader).await;
    users::kept(&mut reader).await;
    for path in [
        "/livez",
        "/readyz",
        "/errors/no-order",
        "/metrics",
        "/api/v1/openapi.json",
    ] {
        reader.get(path).await;
    }
    // It is degraded, because nothing is polled in these tests.
    reader
        .seen
        .insert(("GET".to_owned(), "/healthz".to_owned()));
    let all: BTreeSet<(String, String)> = routes()
        .iter()
        .map(|route| (route.method.to_owned(), route.path.to_owned()))
        .collect();
    let unseen: Vec<_> = all.difference(&reader.seen).collect();
    assert!(unseen.is_empty(), "never answered well: {unseen:?}");
}

/// A listing ends by its rule, and a person lifts it.
async fn lifted(reader: &mut Reader) {
    use domain::rules::{EndWhen, OfferRules, ScopedRule};
    let decider = &reader.rig.engine.decider;
    let before = decider.policy();
    let end_when = |units: i32| {
        let mut policy = (*before).clone();
        let rule = ScopedRule {
            sku: "LAST".parse().ok(),
            end_when: Some(EndWhen::At(domain::Quantity::of(units))),
            ..ScopedRule::default()
        };
        policy.rules = OfferRules { rules: vec![rule] };
        policy
    };
    decider.set_policy(end_when(5));
    reader.rig.stock("shop", "LAST", 3).await;
    let path = "/api/v1/listings/shop/l-LAST/lift";
    let refused = reader.post(path, json!({})).await;
    assert_eq!(refused["code"], "would-end");
    let listings = reader.get("/api/v1/listings?sku=LAST").await;
    let listing = &listings["items"][0];
    assert_eq!(listing["zeroed"]["code"], "ended");
    assert_eq!(listing["ended"]["quantity"], 3);
    let told = reader.get("/api/v1/stock/LAST/explain").await.to_string();
    assert!(
        told.contains("oneshelf listings lift shop l-LAST"),
        "{told}"
    );

    let decider = &reader.rig.engine.decider;
    decider.set_policy(end_when(1));
    let receipt = reader.post(path, json!({ "by": "ann" })).await;
    assert_eq!(receipt["effect"], "done");
    assert_eq!(reader.post(path, json!({})).await["code"], "not-ended");
    let listings = reader.get("/api/v1/listings?sku=LAST").await;
    assert_eq!(listings["items"][0]["offer"]["quantity"], 3);
    reader.rig.engine.decider.set_policy((*before).clone());
}

async fn accounts(reader: &mut Reader) {
    let all = reader.get("/api/v1/accounts").await;
    let ids: Vec<&str> = all["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|account| account["id"].as_str())
        .collect();
    assert_eq!(ids, ["closed", "phone", "quiet", "shop"]);
    let shop = reader.get("/api/v1/accounts/shop").await;
    assert_eq!(
        (&shop["mode"], &shop["counts"]["listings"]),
        (&json!("live"), &json!(1))
    );

    // What a listing in observe would be told, and arming it.
    let live = json!({ "mode": "live" });
    let plan = reader
        .post("/api/v1/accounts/quiet/mode?dry_run=true", live.clone())
        .await;
    let write = json!([{ "listing": "l-A/B", "sku": "A/B", "from": 1, "to": 3 }]);
    assert_eq!(
        (&plan["writes"], &plan["mode"]),
        (&write, &json!("observe"))
    );
    let armed = reader.post("/api/v1/accounts/quiet/mode", live).await;
    assert_eq!(
        (&armed["set_mode"], &armed["may_write"]),
        (&json!("live"), &json!(true))
    );
    let back = reader
        .post("/api/v1/accounts/quiet/mode", json!({ "mode": null }))
        .await;
    assert_eq!(
        (&back["set_mode"], &back["mode"]),
        (&Value::Null, &json!("observe"))
    );

    reader.get("/api/v1/accounts/shop/freeze-preview").await;
    reader
        .post("/api/v1/accounts/shop/freeze?dry_run=true", json!({}))
        .await;
    assert_eq!(
        reader.get("/api/v1/accounts/shop").await["is_frozen"],
        false
    );
    let frozen = reader
        .ask("POST", "/api/v1/accounts/shop/freeze", None)
        .await;
    assert_eq!(
        (&frozen["is_frozen"], &frozen["may_write"]),
        (&json!(true), &json!(false))
    );
    let thawed = reader
        .post("/api/v1/accounts/shop/unfreeze", json!({}))
        .await;
    assert_eq!(thawed["may_write"], true);
    let begun = reader.post("/api/v1/accounts/shop/poll", json!({})).await;
    assert_eq!(begun["status"], "begins");
    let begun = reader
        .post("/api/v1/accounts/shop/reconcile", json!({}))
        .await;
    assert_eq!(begun["status"], "begins");
    let again = reader
        .post("/api/v1/accounts/shop/reconcile", json!({}))
        .await;
    assert_eq!(
        again["status"], "under_way",
        "the task of these tests never runs"
    );
}

async fn orders(reader: &mut Reader) {
    let id = reader
        .rig
        .order("shop", "17", &[("MUG", 3), ("WRAP", 1)])
        .await;
    let path = format!("/api/v1/orders/{id}");
    let order = reader.get(&path).await;
    assert_eq!(order["phase"], "needs_mapping");
    assert_eq!(
        order["total"],
        json!({ "amount": "20.00", "currency": "EUR" })
    );
    assert_eq!(order["lines"][0]["claimed"], 3);
    let tape = json!({ "kind": "service", "title": "Tape" });
    reader.ask("PUT", "/api/v1/items/TAPE", Some(tape)).await;
    let mapped = reader
        .post(&format!("{path}/lines/2/map"), json!({ "sku": "TAPE" }))
        .await;
    assert_eq!(
        (&mapped["effect"], &mapped["phase"]),
        (&json!("done"), &json!("ready"))
    );

    let hold = json!({ "reason": "call the buyer", "by": "ann", "until": "2026-12-01T00:00:00Z" });
    let held = reader.post(&format!("{path}/holds"), hold).await;
    assert_eq!(held["phase"], "held");
    let released = reader
        .ask("DELETE", &format!("{path}/holds?by=ann"), None)
        .await;
    assert_eq!(released["phase"], "ready");

    placed(reader, &path).await;
    leaves(reader, &path).await;
    let other = reader.rig.order("shop", "18", &[("MUG", 1)]).await;
    let why = json!({ "reason": "buyer asked" });
    let canceled = reader
        .post(&format!("/api/v1/orders/{other}/cancel"), why)
        .await;
    assert_eq!(canceled["effect"], "done");
    order_filters(reader, id, other).await;
}

/// Ships an order in two parts, and gives some money back.
async fn leaves(reader: &mut Reader, path: &str) {
    let parcel = json!({
        "lines": [{ "line": 1, "units": 2 }],
        "carrier": "DHL",
        "tracking_number": "T-1",
        "tracking_url": "https://example.com/T-1",
    });
    let shipped = reader.post(&format!("{path}/shipments"), parcel).await;
    assert_eq!(shipped["phase"], "part_shipped");
    assert!(
        shipped["shipment"]
            .as_str()
            .is_some_and(|id| id.starts_with("shp_"))
    );
    let rest = reader.post(&format!("{path}/shipments"), json!({})).await;
    assert_eq!(rest["phase"], "shipped");
    let refund = json!({
        "amount": { "amount": "5.00", "currency": "EUR" },
        "lines": [{ "line": 1, "units": 1 }],
        "reason": "scratched",
    });
    let refunded = reader.post(&format!("{path}/refunds"), refund).await;
    assert!(
        refunded["intent"]
            .as_str()
            .is_some_and(|id| id.starts_with("int_"))
    );

    let order = reader.get(path).await;
    assert_eq!(
        order["shipments"][0]["lines"],
        json!([{ "line": 1, "units": 2 }])
    );
    assert_eq!(order["intents"].as_array().map(Vec::len), Some(3));
    let timeline = reader.get(&format!("{path}/timeline?limit=3")).await;
    assert_eq!(timeline["items"][0]["text"], "Order #17 was accepted.");
    assert!(timeline["next"].is_string());
}

async fn order_filters(reader: &mut Reader, id: OrderId, other: OrderId) {
    for (query, ids) in [
        ("", vec![id, other]),
        ("?account=shop", vec![id, other]),
        ("?account=quiet", vec![]),
        ("?external_id=18", vec![other]),
        ("?external_id=18&account=quiet", vec![]),
        ("?phase=shipped", vec![id]),
        ("?phase=ready&account=shop", vec![other]),
        ("?since=2026-11-21T10:00:00Z&account=shop", vec![id, other]),
        ("?since=2026-11-21T10:00:01Z&account=shop", vec![]),
        ("?since=2026-11-21T10:00:00Z", vec![id, other]),
        ("?since=2026-11-21T10:00:01Z", vec![]),
    ] {
        let page = reader.get(&format!("/api/v1/orders{query}")).await;
        let found: BTreeSet<String> = page["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|order| order["id"].as_str().expect("an id").to_owned())
            .collect();
        let ids: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
        assert_eq!(found, ids, "{query}");
    }
}

async fn stock(reader: &mut Reader) {
    let mug = reader.get("/api/v1/stock/MUG").await;
    let figures = ["on_hand", "allocated", "pending", "sellable", "incoming"].map(|n| &mug[n]);
    assert_eq!(
        figures,
        [&json!(7), &json!(0), &json!(1), &json!(6), &json!(0)]
    );
    let kit = json!({ "kind": "kit", "title": "Set", "components": { "MUG": 2, "A/B": 1 } });
    reader.ask("PUT", "/api/v1/items/SET", Some(kit)).await;
    let item = reader.get("/api/v1/items/SET").await;
    assert_eq!(item["components"], json!({ "A/B": 1, "MUG": 2 }));
    let set = reader.get("/api/v1/stock/SET").await;
    assert_eq!(
        (&set["sellable"], &set["on_hand"]),
        (&json!(3), &Value::Null)
    );
    let page = reader.get("/api/v1/stock?limit=200").await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(4));
    let cloth = json!({ "kind": "good", "scale": 2 });
    reader.ask("PUT", "/api/v1/items/CLOTH", Some(cloth)).await;
    let adjusted = json!({ "sku": "CLOTH", "delta": 2.25, "reason": "roll", "location": "attic" });
    reader.post("/api/v1/stock/adjustments", adjusted).await;
    let cloth = reader.get("/api/v1/stock/CLOTH").await;
    let place = &cloth["locations"][0]["location"];
    assert_eq!((&cloth["sellable"], place), (&json!(2.25), &json!("attic")));

    let movements = reader.get("/api/v1/stock/MUG/movements").await;
    let text = "+10 at main, because ann said: counted.";
    assert_eq!(movements["items"][0]["text"], text);
    assert_eq!(movements["items"][1]["delta"], -2);
    let exposure = reader.get("/api/v1/exposure").await;
    assert_eq!(exposure["units_at_risk"], 0);
    let listings = reader
        .get("/api/v1/listings?account=quiet&sku=A%2FB&parked=false")
        .await;
    let would = json!({ "from": 1, "to": 3 });
    assert_eq!(listings["items"][0]["would_write"], would);
    reader
        .get("/api/v1/listings?suppressed=false&limit=1")
        .await;
}

/// What was so before, and what went wrong with the times that are asked for.
async fn past(reader: &mut Reader) {
    let then = "/api/v1/stock/MUG?at=2026-11-21T10:00:02Z";
    let mug = reader.get(then).await;
    assert_eq!(
        [&mug["sellable"], &mug["as_of"]],
        [&json!(10), &json!("2026-11-21T10:00:02Z")]
    );
    let now = reader.get("/api/v1/stock/MUG").await;
    let mut again = reader.get("/api/v1/stock/MUG?at=0s%20ago").await;
    again["as_of"] = Value::Null;
    // What was owed at another time is not known.
    again["owed"] = now["owed"].clone();
    assert_eq!(again, now);
    for (path, code) in [
        ("/api/v1/stock/MUG?at=yesterday", "bad-time"),
        ("/api/v1/stock/MUG?at=", "bad-time"),
        ("/api/v1/stock/MUG?at=2026-11-21T10:00:02", "bad-time"),
        ("/api/v1/stock/MUG?at=2036-01-01T00:00:00Z", "time-ahead"),
        ("/api/v1/stock/MUG?at=2h%20ago", "before-records"),
        (
            "/api/v1/stock/MUG?at=0001-01-01T00:00:00Z",
            "before-records",
        ),
        ("/api/v1/stock/NONE?at=2h", "no-item"),
        ("/api/v1/exposure?since=soon", "bad-time"),
        ("/api/v1/exposure?since=2036-01-01T00:00:00Z", "time-ahead"),
        ("/api/v1/exposure?step=90s", "bad-parameter"),
        ("/api/v1/exposure?step=0m", "bad-parameter"),
        ("/api/v1/exposure?since=9d&step=1m", "bad-parameter"),
        ("/api/v1/exposure?sku=", "bad-parameter"),
    ] {
        assert_eq!(reader.get(path).await["code"], code, "{path}");
    }
}

#[tokio::test]
async fn a_level_that_is_too_high_is_at_risk() {
    let mut reader = reader().await;
    reader.rig.stock("shop", "MUG", 6).await;
    reader.rig.stock("quiet", "A/B", 3).await;
    let exposure = reader.get("/api/v1/exposure").await;
    assert_eq!(exposure["units_at_risk"], 0);
    assert_eq!(exposure["history"], Value::Null);
    reader.rig.shows("shop", "MUG", 9).await;
    let exposure = reader.get("/api/v1/exposure?since=2h").await;
    let figures = ["units_at_risk", "listings_at_risk", "overhang"].map(|n| &exposure[n]);
    assert_eq!(figures, [&json!(3), &json!(1), &json!(3)]);
    let line = &exposure["listings"][0];
    assert_eq!(
        [&line["sku"], &line["shown"], &line["wanted"]["quantity"]],
        [&json!("MUG"), &json!(9), &json!(6)]
    );
    assert_eq!(exposure["accounts"][0]["account"], "shop");
    let last = exposure["history"]["steps"]
        .as_array()
        .and_then(|s| s.last());
    assert_eq!(last.map(|step| &step["max"]), Some(&json!(3)));
    let one = reader.get("/api/v1/exposure?sku=A%2FB&step=1h").await;
    assert_eq!(
        (&one["units_at_risk"], &one["listings"][0]["listing"]),
        (&json!(0), &json!("l-A/B"))
    );
    let metrics = reader.rig.ask("GET", "/metrics", None, &[bearer()]).await;
    for line in [
        "oneshelf_exposure_units{account=\"shop\",channel=\"paper\"} 3.0",
        "oneshelf_exposure_units{account=\"quiet\",channel=\"paper\"} 0.0",
        "oneshelf_overhang_units 3.0",
        "oneshelf_incidents_open 0",
    ] {
        assert!(metrics.text.contains(line), "{line} in {}", metrics.text);
    }
}

/// Transfers, arrivals, conditions and a stocktake, on an item of their own.
async fn moves(reader: &mut Reader) {
    let adjusted = json!({ "sku": "CLOTH", "to": 3, "reason": "roll", "location": "attic",
        "condition": "damaged" });
    reader.post("/api/v1/stock/adjustments", adjusted).await;
    let sorted = json!({ "sku": "CLOTH", "units": 1.5, "location": "attic", "from": "damaged",
        "to": "sellable", "reason": "mended" });
    reader.post("/api/v1/conditions", sorted).await;
    let sent = json!({ "sku": "CLOTH", "units": 0.75, "from": "attic", "to": "main", "by": "ann",
        "due": "2026-11-22T10:00:00Z" });
    reader.post("/api/v1/transfers", sent).await;
    let expected = json!({ "sku": "CLOTH", "units": 4, "reference": "PO 7" });
    reader.post("/api/v1/arrivals", expected).await;
    let arrivals = reader.get("/api/v1/arrivals?limit=10").await;
    let arrival = |at: usize, key: &str| arrivals["items"][at][key].clone();
    assert_eq!(arrival(0, "from"), "attic");
    assert_eq!(
        (arrival(1, "open"), arrival(1, "reference")),
        (json!(4), json!("PO 7"))
    );
    let came = json!({ "sku": "CLOTH", "arrival": arrival(0, "id"), "units": 0.5 });
    reader.post("/api/v1/receipts", came).await;
    let lost = arrivals["items"][1]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let never = json!({ "sku": "CLOTH", "reason": "they went bankrupt" });
    let path = format!("/api/v1/arrivals/{lost}/give-up");
    reader.post(&path, never).await;
    let cloth = reader.get("/api/v1/stock/CLOTH").await;
    let figures = ["sellable", "on_hand", "incoming"].map(|name| &cloth[name]);
    assert_eq!(figures, [&json!(3.5), &json!(3.5), &json!(0.25)]);
    assert_eq!(
        cloth["locations"][0]["unsellable"],
        json!({ "damaged": 1.5 })
    );

    let count = reader
        .post(
            "/api/v1/counts",
            json!({ "location": "attic", "recount_above": 1 }),
        )
        .await;
    let path = format!("/api/v1/counts/{}", count["id"].as_str().expect("an id"));
    let counted = json!({ "sku": "CLOTH", "units": 1 });
    let entries = format!("{path}/entries");
    let entry = reader.post(&entries, counted.clone()).await;
    assert_eq!(
        (&entry["state"], &entry["difference"]),
        (&json!("recount"), &json!(-2))
    );
    let entry = reader.post(&entries, counted).await;
    assert_eq!(entry["state"], "applied");
    reader.post(&format!("{path}/close"), json!({})).await;
    let count = reader.get(&path).await;
    assert_eq!(count["entries"][0]["tries"], 2);
    assert!(count["closed_at"].is_string());
    reader.get("/api/v1/counts?limit=5").await;
    let places = reader.get("/api/v1/locations").await;
    assert_eq!(places["items"][0]["id"], "attic");
}

async fn explained(reader: &mut Reader) {
    let told = reader.get("/api/v1/stock/A%2FB/explain").await;
    assert_eq!(
        told["sentences"],
        json!([
            "A/B (The A/B) is a good, counted in pieces.",
            "On 2026-11-21T10:00:04Z ann changed it by +3 at main: counted.",
            "So 3 are there, 0 of them are promised with a location and 0 without, and 3 can still be sold.",
            "Listing l-A/B on quiet may show all that can be sold: 3 since 2026-11-21T10:00:04Z.",
            "It was never written to.",
            "It was last seen to show 1 on 2026-11-21T10:00:04Z.",
            "Nothing is written because the account is in mode observe; otherwise it would be set from 1 to 3.",
        ])
    );
    let told = reader.get("/api/v1/stock/SET/explain").await;
    assert_eq!(
        told["sentences"],
        json!([
            "SET (Set) is a kit: it has no stock of its own, it takes its components.",
            "A kit takes 1 of A/B; 3 of it can be sold, enough for 3 kits.",
            "A kit takes 2 of MUG; 6 of it can be sold, enough for 3 kits.",
            "The scarcest is A/B, so 3 kits can still be sold.",
            "It is offered nowhere: no listing has this SKU.",
        ])
    );
    let told = reader.get("/api/v1/stock/MUG/explain").await;
    let sentences: Vec<&str> = told["sentences"]
        .as_array()
        .expect("sentences")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for part in [
        "2 left main for order #17 of shop, line 1.",
        "1 are promised to order #18 of shop, line 1: no location is chosen yet.",
        "So 7 are there, 0 of them are promised with a location and 1 without, and 6 can still be sold.",
    ] {
        let is_said = sentences.iter().any(|sentence| sentence.contains(part));
        assert!(is_said, "{part} is not in {sentences:#?}");
    }
}

/// Parks one push and one intent, as the lane would, and gives the intent.
async fn park_two(reader: &mut Reader) -> String {
    let shop = AccountId::new("shop");
    let listing = domain::ListingId::new("l-MUG");
    reader.rig.shows("shop", "MUG", 9).await;
    let start = Signal::StartPush {
        account: shop.clone(),
        listings: vec![listing.clone()],
        just_read: None,
    };
    reader.rig.decide(start).await;
    let reason = "it is archived there".to_owned();
    let results = vec![(listing, PushResult::Rejected { reason })];
    let account = shop;
    reader
        .rig
        .decide(Signal::PushTried { account, results })
        .await;
    let order = reader.get("/api/v1/orders?external_id=17").await["items"][0]["id"].take();
    let order = reader
        .get(&format!(
            "/api/v1/orders/{}",
            order.as_str().expect("an id")
        ))
        .await;
    let intent = order["intents"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let outcome = Outcome::Park {
        reason: "the channel refuses".to_owned(),
    };
    let tried = intent.parse().expect("an id");
    reader
        .rig
        .decide(Signal::IntentTried {
            intent: tried,
            outcome,
        })
        .await;
    intent
}

async fn queues(reader: &mut Reader) {
    let intent = park_two(reader).await;
    let parked = reader.get("/api/v1/outbox?state=parked").await;
    let kinds: Vec<&Value> = parked["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| &entry["kind"])
        .collect();
    assert_eq!(kinds, [&json!("intent"), &json!("push")]);
    assert_eq!(parked["items"][1]["reason"], "it is archived there");
    let all = every_page(reader, "/api/v1/outbox?limit=1").await;
    let states: Vec<&str> = all
        .iter()
        .filter_map(|entry| entry["state"].as_str())
        .collect();
    assert_eq!(
        states,
        [
            "parked", "parked", "waiting", "waiting", "waiting", "waiting"
        ]
    );
    let retried = reader
        .post(&format!("/api/v1/outbox/{intent}/retry"), json!({}))
        .await;
    assert_eq!(retried["effect"], "done");
    let retried = reader
        .post("/api/v1/listings/shop/l-MUG/retry", json!({}))
        .await;
    assert_eq!(retried["effect"], "done");
    assert_eq!(
        reader.get("/api/v1/outbox?state=parked").await["items"],
        json!([])
    );
}

async fn troubles(reader: &mut Reader) {
    // More is sold than is there.
    reader.rig.order("shop", "19", &[("MUG", 100)]).await;
    let incidents = reader.get("/api/v1/incidents?open=true").await;
    assert_eq!(incidents["items"][0]["number"], "#19");
    assert_eq!(incidents["items"][0]["missing"], 94);
    decided(reader, &incidents["items"][0]).await;
    drift_and_breaker(reader).await;
    frozen_and_thawed(reader).await;
    paused_and_resumed(reader).await;
    reader.get("/api/v1/config").await;
    reader.get("/api/v1/listings/shop/l-MUG/attempts").await;
    in_and_out(reader).await;
    reader.get("/api/v1/inbox").await;
    let summary = reader.get("/api/v1/metrics/summary").await;
    let phases = json!({ "ready": 1, "shipped": 1, "short": 1 });
    assert_eq!(summary["orders_by_phase"], phases);
    assert_eq!(
        (&summary["incidents_open"], &summary["orders_in"]),
        (&json!(1), &json!(3))
    );
}

/// All items of a list, page by page.
async fn every_page(reader: &mut Reader, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut next = String::new();
    for _ in 0..100 {
        let page = reader.get(&format!("{path}{next}")).await;
        items.extend(page["items"].as_array().expect("a list").iter().cloned());
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return items,
        }
    }
    panic!("{path} never ends");
}

#[tokio::test]
async fn lists_are_read_page_by_page_without_loss_or_repetition() {
    let mut reader = reader().await;
    for number in 0..7 {
        let sku = format!("SKU-{number}");
        reader.rig.stock("shop", &sku, 1).await;
        reader
            .rig
            .order("shop", &format!("o-{number}"), &[(&sku, 2)])
            .await;
    }
    for (path, count) in [
        ("/api/v1/orders?limit=3", 7),
        ("/api/v1/orders?account=shop&limit=3", 7),
        ("/api/v1/orders?phase=short&limit=7", 7),
        ("/api/v1/stock?limit=2", 7),
        ("/api/v1/listings?limit=3", 7),
        ("/api/v1/listings?account=shop&limit=6", 7),
        ("/api/v1/incidents?limit=1", 7),
        ("/api/v1/outbox?limit=4", 7),
    ] {
        let items = every_page(&mut reader, path).await;
        let distinct: BTreeSet<String> = items.iter().map(Value::to_string).collect();
        assert_eq!((items.len(), distinct.len()), (count, count), "{path}");
    }
    let page = reader.get("/api/v1/orders?limit=3").await;
    let cursor = page["next"].as_str().expect("there is more").to_owned();
    for path in [
        format!("/api/v1/stock?cursor={cursor}"),
        format!("/api/v1/orders?account=shop&cursor={cursor}"),
        "/api/v1/orders?cursor=AAAAAAAA".to_owned(),
        "/api/v1/orders?cursor=%00".to_owned(),
    ] {
        assert_eq!(reader.get(&path).await["code"], "bad-cursor", "{path}");
    }
}
