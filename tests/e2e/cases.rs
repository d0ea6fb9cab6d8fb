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

/// The first number of a row of stock that is in the case.
fn change_stock(case: &mut Value) {
    let later = case["steps"].as_array().expect("steps").len();
    assert!(later > 1, "a case of {later} steps");
    let rows = case["start"].as_array_mut().expect("rows").iter_mut();
    let changed = rows.filter(|row| row["table"] == "stock").any(|row| {
        let Some(places) = row["value"]["positions"].as_object_mut() else {
            return false;
        };
        let Some(place) = places.values_mut().next().and_then(Value::as_object_mut) else {
            return false;
        };
        let Some(units) = place.values_mut().next() else {
            return false;
        };
        *units = 5.into();
        true
    });
    assert!(changed, "{case}");
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
    // Nobody is needed to play it again.
    assert_eq!(daemon.terminate(SOON).await, Some(0));

    let text = fs::read_to_string(&file).expect("the case");
    assert!(!text.contains("Canary"), "{text}");
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
        "sold and are not there",
        "is over: covered",
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

    let mut case: Value = serde_json::from_str(&text).expect("JSON");
    change_stock(&mut case);
    fs::write(&file, case.to_string()).expect("our own file");
    let parted = play(&file);
    assert_eq!(parted.code, Some(1), "{parted:?}");
    assert!(
        parted.stdout.contains("It parts from the record at step"),
        "{parted:?}"
    );

    fs::write(&file, &text[..text.len() / 2]).expect("our own file");
    let damaged = play(&file);
    assert_eq!(damaged.code, Some(65), "{damaged:?}");
    assert!(damaged.stderr.contains("damaged"), "{damaged:?}");
    fs::remove_file(&file).expect("our own file");
    assert_eq!(play(&file).code, Some(66));
}
