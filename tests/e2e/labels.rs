//! Labels that the real daemon buys of a provider on a real socket: each once, over lost answers and a kill.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use sandbox::label_desk::{LabelDesk, LabelFault, SoldLabel};
use serde_json::{Value, json};

use crate::{
    commands::ask,
    kit::{
        SOON, sinks, until,
        world::{END_WITHIN, Plan, World},
    },
};

const ACCOUNT: &str = "kind = \"manual\"\nmode = \"live\"\n[settings]\n";
const TOKEN: &str = "a-token-of-the-label-desk";
const NAME: &str = "Zoë Sealed-Person";

type Desk = Arc<Mutex<LabelDesk>>;

fn sold(desk: &Desk) -> Vec<SoldLabel> {
    desk.lock().expect("no holder panics").sold().to_vec()
}

fn fault(desk: &Desk, fault: LabelFault) {
    desk.lock().expect("no holder panics").fault(fault);
}

/// An order of one jug, packed.
async fn packed(world: &World, reference: &str) -> String {
    let entered = world
        .api
        .post(
            "/api/v1/orders",
            json!({
                "account": "phone", "reference": reference, "currency": "EUR", "pays": "on_invoice",
                "lines": [{ "sku": "JUG", "units": 1, "price": "20.00" }],
                "ship_to": { "name": NAME, "street": ["Hauptstraße 5"], "city": "Wien", "postal_code": "1010",
                    "country": "AT" },
            }),
        )
        .await;
    let order = entered["order"].as_str().expect("an order").to_owned();
    for step in ["open", "pick", "pack"] {
        let told = ask(world, &["orders", "task", step, &order]).await;
        assert_eq!(told.code, Some(0), "{step}: {told:?}");
    }
    order
}

async fn buy(world: &World, order: &str) {
    let told = ask(
        world,
        &["orders", "task", "label", order, "--parcel", "1", "--buy"],
    )
    .await;
    assert_eq!(told.code, Some(0), "{told:?}");
}

/// Waits until the first parcel of an order has a label, or has none.
async fn comes_to_have(world: &World, order: &str, has_label: bool) -> Value {
    until(&world.ports, "the label", SOON, async || {
        let found = world.api.get(&format!("/api/v1/orders/{order}")).await;
        let label = found["tasks"][0]["parcels"][0]["label"].clone();
        match label.is_object() == has_label {
            true => Ok(label),
            false => Err(found["intents"].to_string()),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_label_is_bought_once_and_given_back() {
    let desk: Desk = Arc::new(Mutex::new(LabelDesk::new(TOKEN)));
    let (at, _tasks) = sinks::labels(Arc::clone(&desk)).await;
    let world = World::open(Plan::default()).await;
    let daemon = world.adopt().await;
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
    fs::write(world.config().join("accounts.d/phone.toml"), ACCOUNT).expect("it is written");
    let main = world.config().join("oneshelf.toml");
    let text = fs::read_to_string(&main).expect("our own file");
    let section = format!(
        "\n[[label_providers]]\nname = \"bridge\"\nurl = \"http://{at}/v1\"\ntoken = {{ env = \"DESK\" }}\n"
    );
    fs::write(&main, format!("{text}{section}")).expect("it is written");
    let environment = [("DESK".to_owned(), TOKEN.into())];
    let daemon = world.start_with(&environment).await;

    let first = packed(&world, "L-1").await;
    let rates = ask(
        &world,
        &["orders", "task", "rates", &first, "--parcel", "1"],
    )
    .await;
    assert!(rates.stdout.contains("express"), "{rates:?}");
    assert_eq!(sold(&desk), [], "a price is asked for nothing");
    buy(&world, &first).await;
    let label = comes_to_have(&world, &first, true).await;
    assert_eq!(label["tracking_number"], "EX000001");
    assert_eq!(
        label["cost"],
        json!({ "amount": "4.90", "currency": "EUR" })
    );
    assert_eq!(sold(&desk)[0].to, NAME);
    let file = world.dir.path().join("label.pdf");
    let output = file.display().to_string();
    let printed = [
        "orders",
        "task",
        "print-label",
        &first,
        "--parcel",
        "1",
        "-o",
        &output,
    ];
    let told = ask(&world, &printed).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(fs::read(&file).expect("a file").starts_with(b"%PDF-"));

    bought_once_whatever_is_heard(&world, &desk).await;

    // It dies after the provider has sold it, before it knows.
    fault(&desk, LabelFault::LostAfter);
    fault(&desk, LabelFault::LostAfter);
    let third = packed(&world, "L-3").await;
    buy(&world, &third).await;
    until(&world.ports, "it is sold", SOON, async || {
        match sold(&desk).len() {
            3 => Ok(()),
            count => Err(count.to_string()),
        }
    })
    .await;
    daemon.kill();
    let daemon = world.start_with(&environment).await;
    comes_to_have(&world, &third, true).await;
    assert_eq!(sold(&desk).len(), 3);

    refused_and_given_back(&world, &desk, &first).await;
    assert!(
        !daemon.stderr().contains("Sealed-Person"),
        "nobody is named in a log"
    );
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
    let found = world.doctor(&world.state());
    assert_eq!(found.code, Some(0), "{found:?}");
}

async fn bought_once_whatever_is_heard(world: &World, desk: &Desk) {
    // The answer is lost, then it fails, then it is garbled: one label.
    for lost in [
        LabelFault::LostAfter,
        LabelFault::FailsAfter,
        LabelFault::Garbled,
        LabelFault::Busy,
    ] {
        fault(desk, lost);
    }
    let second = packed(world, "L-2").await;
    buy(world, &second).await;
    let label = comes_to_have(world, &second, true).await;
    assert_eq!(label["tracking_number"], "EX000002");
    assert_eq!(sold(desk).len(), 2);
    assert_eq!(desk.lock().expect("no holder panics").asked(), 6);
}

async fn refused_and_given_back(world: &World, desk: &Desk, labeled: &str) {
    fault(desk, LabelFault::Refuses);
    let refused = packed(world, "L-4").await;
    buy(world, &refused).await;
    until(&world.ports, "it is parked", SOON, async || {
        let parked = ask(world, &["outbox", "--state", "parked"]).await.stdout;
        match parked.contains("no such postal code") {
            true => Ok(()),
            false => Err(parked),
        }
    })
    .await;

    let canceled = ["orders", "cancel", labeled, "--reason", "asked"];
    let told = ask(world, &canceled).await;
    assert_eq!(told.code, Some(1), "it has a label: {told:?}");
    let told = ask(
        world,
        &["orders", "task", "void-label", labeled, "--parcel", "1"],
    )
    .await;
    assert!(told.stdout.contains("to be given back"), "{told:?}");
    comes_to_have(world, labeled, false).await;
    assert!(sold(desk)[0].is_void);
    let told = ask(world, &canceled).await;
    assert_eq!(told.code, Some(0), "{told:?}");
}
