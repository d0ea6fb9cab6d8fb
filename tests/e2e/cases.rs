//! An oversell on real wire formats: exported by the running daemon, and played again without one.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    commands::ask,
    kit::{
        SOON,
        daemon::run,
        until,
        world::{Plan, World},
    },
};

/// Two buyers take all vases on two channels before either knows of the other.
async fn oversell(world: &World) -> Value {
    let first = world.buy("web-shop", &[("VASE", 8)]);
    let second = world.buy("market", &[("VASE", 8), ("JUG", 1)]);
    world.expect_order("web-shop", &first).await;
    world.expect_order("market", &second).await;
    until(&world.ports, "an incident opens", SOON, async || {
        let incidents = world.api.all("/api/v1/incidents?open=true").await?;
        let found = incidents.into_iter().find(|one| one["sku"] == "VASE");
        found.ok_or_else(|| "there is none".to_owned())
    })
    .await
}

fn play(file: &Path) -> crate::kit::daemon::Ended {
    run(&["replay", file.to_str().expect("a plain path")])
}

/// Makes it open with fewer vases than there were.
fn change_opening(case: &mut Value) {
    let steps = case["steps"].as_array_mut().expect("steps");
    let listings: Vec<String> = steps
        .iter()
        .filter_map(|step| step["signal"]["listings"]["listings"].as_array())
        .flatten()
        .filter(|listing| listing["sku"] == "VASE")
        .filter_map(|listing| listing["listing"].as_str().map(str::to_owned))
        .collect();
    let opening = steps
        .iter_mut()
        .find_map(|step| step["signal"].get_mut("opening"));
    let levels = opening.expect("the opening stock")["levels"].as_array_mut();
    let vases = levels.expect("levels").iter_mut().find(|level| {
        let listing = level["listing"].as_str().expect("a listing");
        listings.iter().any(|known| known == listing)
    });
    let shown = &mut vases.expect("vases")["shown"];
    assert_eq!(*shown, "9");
    *shown = "5".into();
}

/// Every text of a value that says something.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(values) => values.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// All orders with all that is known of their buyers.
async fn orders(world: &World) -> Vec<Value> {
    let mut orders = Vec::new();
    for listed in world.api.all("/api/v1/orders").await.expect("orders") {
        let id = listed["id"].as_str().expect("an id");
        orders.push(world.api.get(&format!("/api/v1/orders/{id}")).await);
    }
    orders
}

/// Nothing of a buyer or of a channel's numbers is in the text. A short number may be part of another, so
/// each is looked for as a whole.
fn expect_nobody(text: &str, orders: &[Value]) {
    let mut people = 0;
    for order in orders {
        let said = [
            "number",
            "external_id",
            "buyer",
            "ship_to",
            "bill_to",
            "note",
        ];
        for part in said.iter().flat_map(|key| texts(&order[*key])) {
            assert!(!text.contains(&format!("\"{part}\"")), "{part}");
        }
        for key in ["name", "email", "phone"] {
            for part in texts(&order["buyer"][key]) {
                assert!(!text.contains(part), "{part}");
                people += 1;
            }
        }
    }
    assert!(
        people >= 4,
        "there were {people} texts about buyers to find"
    );
}

fn expect_a_change_to_be_found(file: &Path, text: &str) {
    let mut case: Value = serde_json::from_str(text).expect("JSON");
    change_opening(&mut case);
    fs::write(file, case.to_string()).expect("our own file");
    let parted = play(file);
    assert_eq!(parted.code, Some(1), "{parted:?}");
    assert!(
        parted.stdout.contains("It parts from the record at step"),
        "{parted:?}"
    );
    assert!(
        parted.stdout.contains("is 5 now, and was recorded as 9"),
        "{parted:?}"
    );
}

fn expect_a_damaged_file_to_be_refused(file: &Path, text: &str) {
    fs::write(file, &text[..text.len() / 2]).expect("our own file");
    let damaged = play(file);
    assert_eq!(damaged.code, Some(65), "{damaged:?}");
    assert!(damaged.stderr.contains("damaged"), "{damaged:?}");
    fs::remove_file(file).expect("our own file");
    assert_eq!(play(file).code, Some(66));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversell_is_exported_and_played_again_elsewhere() {
    let world = World::open(Plan::default()).await;
    let daemon = world.adopt().await;
    world.settle().await;
    let incident = oversell(&world).await;
    let id = incident["id"].as_str().expect("an id");
    let adjust = serde_json::json!({
        "sku": "VASE", "to": 40, "reason": "Canary Quill found more", "by": "Canary Quill",
    });
    world.api.post("/api/v1/stock/adjustments", adjust).await;
    let path = format!("/api/v1/incidents/{id}");
    until(&world.ports, "the incident is over", SOON, async || {
        let incident = world.api.get(&path).await;
        if incident["state"] == "closed" {
            Ok(())
        } else {
            Err(incident.to_string())
        }
    })
    .await;

    let file = world.dir.path().join("case.json");
    let name = file.to_str().expect("a plain path");
    let told = ask(&world, &["incidents", "export", id, "--out", name]).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stdout.contains("oneshelf replay"), "{told:?}");
    let none = format!("inc_{}", "0".repeat(32));
    let refused = ask(&world, &["incidents", "export", &none]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("no-incident"), "{refused:?}");
    let orders = orders(&world).await;
    // Nobody is needed to play it again.
    assert_eq!(daemon.terminate(SOON).await, Some(0));

    let text = fs::read_to_string(&file).expect("the case");
    assert!(!text.contains("Canary"), "{text}");
    expect_nobody(&text, &orders);
    for (account, _) in crate::kit::world::SHOPS {
        for order in world.shop(account).truth().orders {
            // A short number of an order may be part of some other number.
            let id = format!("\"{}\"", order.external_id);
            assert!(!text.contains(&id), "{id}");
        }
    }
    for secret in &world.secrets {
        assert!(!text.contains(secret.as_str()), "a secret is in the case");
    }
    let played = play(&file);
    assert_eq!(played.code, Some(0), "{played:?}");
    for part in [
        "It comes out as recorded",
        "Opening stock was taken on web-shop.",
        "8 of VASE were promised to line 1.",
        "sold and are not there",
        "is over: the line is covered by stock",
    ] {
        assert!(played.stdout.contains(part), "{part}: {}", played.stdout);
    }
    let json = run(&["replay", name, "--json"]);
    let sums: Value =
        serde_json::from_str(json.stdout.lines().last().expect("sums")).expect("JSON");
    assert_eq!(
        (&sums["parts"], &sums["differing"]),
        (&Value::Null, &0.into())
    );

    expect_a_change_to_be_found(&file, &text);
    expect_a_damaged_file_to_be_refused(&file, &text);
}
