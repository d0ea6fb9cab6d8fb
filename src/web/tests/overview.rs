//! An order seen whole: its notes, everything that happened to it, and what is to be done next.

use domain::{
    intent::Outcome,
    signal::Signal,
    snapshot::{Address, Observation, OrderSnapshot},
};
use engine::decider::Alongside;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    api::Reader,
    rig::{Rig, bearer, rig, snapshot},
};

/// Every route about an order seen whole, once.
pub(super) async fn seen_whole(reader: &mut Reader) {
    reader.rig.stock("shop", "JAR", 5).await;
    let id = reader.rig.order("shop", "whole-1", &[("JAR", 2)]).await;
    let path = format!("/api/v1/orders/{id}");
    let note = json!({ "text": "rings twice\non Mondays", "by": "ann" });
    let receipt = reader.post(&format!("{path}/notes"), note).await;
    assert_eq!(
        (&receipt["effect"], &receipt["phase"]),
        (&json!("done"), &json!("ready"))
    );
    let order = reader.get(&path).await;
    assert_eq!(order["notes"][0]["text"], "rings twice\non Mondays");
    let next = &order["next"][0];
    assert_eq!(next["matter"], "to_ship");
    let text = next["text"].as_str().expect("a sentence");
    assert!(text.starts_with("Pick and pack 2 of JAR. Say"), "{text}");
    let then = reader.get(&format!("{path}?at=0s%20ago")).await;
    assert!(then["as_of"].is_string() && then["unknown"][0].is_string());
    assert_eq!(
        (&then["lines"], &then["phase"]),
        (&order["lines"], &order["phase"])
    );
    let timeline = reader.get(&format!("{path}/timeline?limit=200")).await;
    let last = timeline["items"]
        .as_array()
        .and_then(|all| all.last())
        .cloned();
    let last = last.expect("an entry");
    assert_eq!(last["text"], "ann noted: rings twice\non Mondays");
    assert_eq!(
        (&last["kind"], &last["event"]),
        (
            &json!("note"),
            &json!({ "note_added": { "number": 1, "by": "ann" } })
        )
    );
    evidence(reader, &path).await;
}

/// A dated pack of all that is known, of which nothing but that it was made is kept.
async fn evidence(reader: &mut Reader, path: &str) {
    let pack = reader
        .post(&format!("{path}/evidence"), json!({ "by": "ann" }))
        .await;
    assert_eq!(
        (&pack["made_by"], &pack["time_zone"]),
        (&json!("ann"), &json!("UTC"))
    );
    let files = pack["files"].as_array().expect("files");
    let text_of = |name: &str| {
        let file = files.iter().find(|file| file["name"] == name);
        let text = file.and_then(|file| file["text"].as_str());
        text.unwrap_or_else(|| panic!("no {name}")).to_owned()
    };
    let index = text_of("index.txt");
    for file in &files[1..] {
        let digest = Sha256::digest(file["text"].as_str().expect("a text"));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file["sha256"], digest.as_str());
        let line = format!("{digest}  {}", file["name"].as_str().expect("a name"));
        assert!(index.contains(&line), "{index}");
    }
    assert!(
        index.contains("All times are UTC.") && index.contains(env!("CARGO_PKG_VERSION")),
        "{index}"
    );
    let page = text_of("order.html");
    for said in [
        "rings twice<br>on Mondays",
        "buyer@example.com",
        "Evidence was made by ann",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    for name in [
        "order.json",
        "timeline.json",
        "parcels.json",
        "money.json",
        "channel.json",
    ] {
        serde_json::from_str::<Value>(&text_of(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[tokio::test]
async fn evidence_is_kept_for_no_key_and_each_is_recorded() {
    let rig = rig().await;
    let id = rig.order("shop", "903", &[("JAR", 1)]).await;
    let path = format!("/api/v1/orders/{id}");
    let keyed = [bearer(), ("idempotency-key", "again")];
    for _ in 0..2 {
        let answer = rig
            .ask("POST", &format!("{path}/evidence"), Some(json!({})), &keyed)
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.header("idempotency-replayed"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let told = timeline(&rig, &path, 200).await;
    let made = told
        .iter()
        .filter(|entry| entry["event"]["evidence_made"]["by"] == "api");
    assert_eq!(made.count(), 2);
    let none = "/api/v1/orders/ord_0000000000000000000000000000000a/evidence";
    let answer = rig.ask("POST", none, Some(json!({})), &[bearer()]).await;
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (404, Some("no-order"))
    );
}

async fn tell(rig: &Rig, snapshot: OrderSnapshot) {
    let body = json!([Observation::Order(Box::new(snapshot))]).to_string();
    let answer = rig.hook("/hooks/shop", body.as_bytes(), None).await;
    assert_eq!(answer.status, 200);
}

async fn order_of(rig: &Rig, external_id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..10_000 {
        let path = format!("/api/v1/orders?external_id={external_id}");
        let listed = rig.get(&path).await.json();
        if let Some(id) = listed["items"][0]["id"].as_str() {
            let order = rig.get(&format!("/api/v1/orders/{id}")).await.json();
            if is_so(&order) {
                return order;
            }
        }
        tokio::task::yield_now().await;
    }
    panic!("{external_id} never was so");
}

/// All entries, page by page.
async fn timeline(rig: &Rig, path: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = rig
            .get(&format!("{path}/timeline?limit={limit}{cursor}"))
            .await
            .json();
        let items = page["items"].as_array().cloned().expect("a list");
        assert!(items.len() <= limit);
        all.extend(items);
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

fn kinds(entries: &[Value]) -> Vec<&str> {
    entries
        .iter()
        .filter_map(|entry| entry["kind"].as_str())
        .collect()
}

#[tokio::test]
async fn facts_tries_notes_and_what_the_channel_changed_are_one_list() {
    let rig = rig().await;
    rig.stock("shop", "JAR", 5).await;
    let to = |street: &str| {
        Some(Address {
            street: vec![street.to_owned()],
            country: "DE".to_owned(),
            name: "Ada Example".to_owned(),
            city: "Town".to_owned(),
            postal_code: "12345".to_owned(),
            ..Address::default()
        })
    };
    let mut placed = snapshot("900", &[("JAR", 1)]);
    placed.ship_to = to("Old Road 1");
    tell(&rig, placed.clone()).await;
    let order = order_of(&rig, "900", |order| order["phase"] == "ready").await;
    let path = format!("/api/v1/orders/{}", order["id"].as_str().expect("an id"));

    let mut moved = placed;
    moved.version.revision += 1;
    moved.ship_to = to("New Road 2");
    moved
        .words
        .insert("status".to_owned(), "changed".to_owned());
    tell(&rig, moved).await;
    order_of(&rig, "900", |order| order["words"]["status"] == "changed").await;
    rig.post(&format!("{path}/notes"), json!({ "text": "they moved" }))
        .await;
    let left = rig
        .ask(
            "POST",
            &format!("{path}/shipments"),
            Some(json!({})),
            &[bearer()],
        )
        .await;
    let intent = left.json()["intent"]
        .as_str()
        .expect("an intent")
        .to_owned();
    tried(&rig, &intent).await;

    let entries = timeline(&rig, &path, 200).await;
    let texts: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry["text"].as_str())
        .collect();
    let at = |wanted: &str| {
        let found = texts.iter().position(|text| text.contains(wanted));
        found.unwrap_or_else(|| panic!("no `{wanted}` in {texts:#?}"))
    };
    let order_of_them = [
        at("was accepted"),
        at("The channel's word `status` changed from \"processing\" to \"changed\""),
        at(
            "The channel changed where it goes from \"Ada Example, Old Road 1, 12345 Town, DE\" to \"Ada Example, New Road 2, 12345 Town, DE\"",
        ),
        at("api noted: they moved"),
        at("To do on the channel"),
        at("Tried: tell it. It brought: it is done, after 7 ms."),
        at("Done on the channel"),
    ];
    assert!(order_of_them.is_sorted(), "{order_of_them:?} in {texts:#?}");
    assert!(kinds(&entries).contains(&"attempt"));
    for limit in [1, 2, 3] {
        assert_eq!(
            timeline(&rig, &path, limit).await,
            entries,
            "pages of {limit}"
        );
    }
}

/// What a lane does when it has tried.
async fn tried(rig: &Rig, intent: &str) {
    let now = rig.engine.ports.clock.now();
    let note = json!({ "at": now, "latency_ms": 7, "request": "tell it", "result": "it is done" });
    let time = engine::rows::sortable_time(now);
    let alongside = Alongside {
        puts: vec![(
            engine::rows::ATTEMPTS,
            engine::rows::key(&["shop", intent, &time]),
            engine::rows::encode(&note),
        )],
        deletes: Vec::new(),
    };
    let signal = Signal::IntentTried {
        intent: intent.parse().expect("an id"),
        outcome: Outcome::Applied { reference: None },
    };
    rig.engine
        .decide_alongside(signal, alongside)
        .await
        .expect("it is decided");
}

#[tokio::test]
async fn a_note_is_refused_with_a_code_and_gone_with_the_people() {
    let rig = rig().await;
    let id = rig.order("shop", "901", &[("JAR", 1)]).await;
    let path = format!("/api/v1/orders/{id}");
    let notes = format!("{path}/notes");
    for (body, status, code) in [
        (json!({ "text": "" }), 400, "bad-body"),
        (json!({ "text": "a\u{7}b" }), 400, "bad-body"),
        (json!({ "text": "x".repeat(1001) }), 400, "bad-body"),
        (json!({ "note": "x" }), 400, "bad-body"),
    ] {
        let answer = rig.ask("POST", &notes, Some(body), &[bearer()]).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (status, Some(code)),
            "{}",
            answer.text
        );
    }
    let said = json!({ "text": "Ada lives next door", "by": "ann" });
    let keyed = [bearer(), ("idempotency-key", "once")];
    for _ in 0..2 {
        let answer = rig.ask("POST", &notes, Some(said.clone()), &keyed).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    let order = rig.get(&path).await.json();
    assert_eq!(
        order["notes"].as_array().map(Vec::len),
        Some(1),
        "it was one request"
    );

    rig.post(&format!("{path}/cancel"), json!({ "reason": "asked" }))
        .await;
    let mut canceled = snapshot("901", &[("JAR", 1)]);
    canceled.version.revision += 1;
    canceled.standing = domain::snapshot::Standing::Canceled;
    tell(&rig, canceled).await;
    order_of(&rig, "901", |order| order["standing"] == "canceled").await;
    rig.post(&format!("{path}/erasure"), json!({ "by": "ann" }))
        .await;
    let order = order_of(&rig, "901", |order| order["erasure"]["done_at"].is_string()).await;
    assert_eq!(order["notes"], json!([]));
    let told = timeline(&rig, &path, 200).await;
    let told = Value::Array(told).to_string();
    assert!(
        told.contains("ann wrote a note; what it said was erased."),
        "{told}"
    );
    assert!(!told.contains("Ada lives"));
    let answer = rig.ask("POST", &notes, Some(said), &[bearer()]).await;
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (409, Some("bad-note"))
    );
}

/// What is the same of an order as it was and as it was seen then.
fn seen(order: &Value) -> Vec<Value> {
    let names = [
        "phase",
        "standing",
        "payment",
        "total",
        "refunded",
        "lines",
        "payments",
        "holds",
        "shipments",
        "returns",
        "ship_by",
        "closed_at",
        "expired_at",
        "number",
    ];
    names.map(|name| order[name].clone()).to_vec()
}

#[tokio::test]
async fn an_order_is_shown_as_it_was_at_every_moment() {
    let rig = rig().await;
    rig.stock("shop", "JAR", 3).await;
    let id = rig.order("shop", "902", &[("JAR", 4)]).await;
    let path = format!("/api/v1/orders/{id}");
    let mut moments = Vec::new();
    let steps = [
        ("POST", "holds", json!({ "reason": "call", "by": "ann" })),
        ("DELETE", "holds", json!({})),
        (
            "POST",
            "shipments",
            json!({ "lines": [{ "line": 1, "units": 2 }], "carrier": "DHL" }),
        ),
        ("POST", "returns", json!({ "reason": "other" })),
        ("POST", "notes", json!({ "text": "a note" })),
        (
            "POST",
            "holds",
            json!({ "reason": "wait", "keeps_claim": false }),
        ),
    ];
    for (method, step, body) in steps {
        let order = rig.get(&path).await.json();
        moments.push((rig.engine.ports.clock.now(), seen(&order)));
        let answer = rig
            .ask(method, &format!("{path}/{step}"), Some(body), &[bearer()])
            .await;
        assert!(answer.status < 300, "{step}: {}", answer.text);
    }
    let order = rig.get(&path).await.json();
    moments.push((rig.engine.ports.clock.now(), seen(&order)));
    let phases: Vec<&Value> = moments.iter().map(|(_, seen)| &seen[0]).collect();
    assert_eq!(
        phases,
        [
            "short",
            "held",
            "short",
            "part_shipped",
            "after_sales",
            "after_sales",
            "after_sales"
        ]
    );
    for (at, seen_then) in moments {
        let then = rig.get(&format!("{path}?at={at}")).await.json();
        assert_eq!(seen(&then), seen_then, "at {at}");
        assert_eq!(
            then["buyer"]["name"], "",
            "people are known as they are now only"
        );
    }
    let before = rig
        .get(&format!("{path}?at=2020-01-01T00:00:00Z"))
        .await
        .json();
    assert_eq!(before["code"], "before-records");
    assert!(before["first_at"].is_string());
    let none = "ord_0000000000000000000000000000000a";
    let none = rig
        .get(&format!("/api/v1/orders/{none}?at=2h"))
        .await
        .json();
    assert_eq!(none["code"], "no-order");
}
