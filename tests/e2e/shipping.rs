//! What is done to an order through the API reaches its channel, and the other way round.

use domain::ExternalId;
use sandbox::{Act, Done};
use serde_json::{Value, json};

use crate::kit::{
    SOON,
    goods::sku,
    until,
    world::{Plan, SHOPS, World},
};

/// Somebody orders something that is to be sent, and pays.
fn order(world: &World, account: &str, basket: &[(&str, u32)]) -> ExternalId {
    if account != "till" {
        return world.buy(account, basket);
    }
    // What is paid at a till at once is handed over at once; this one comes from its online page.
    let basket = basket
        .iter()
        .map(|(code, units)| (sku(code), *units))
        .collect();
    let placed = world.shop(account).act(&Act::Buy {
        basket,
        paid: false,
    });
    let Ok(Done::Order(id)) = placed else {
        panic!("{account}: {placed:?}");
    };
    let paid = world.shop(account).act(&Act::Pay(id.clone()));
    assert_eq!(paid, Ok(Done::Order(id.clone())));
    id
}

fn is_ready(order: &Value) -> bool {
    order["phase"] == "ready"
}

fn path(order: &Value, rest: &str) -> String {
    let id = order["id"].as_str().expect("an id");
    format!("/api/v1/orders/{id}/{rest}")
}

fn line_of(order: &Value, code: &str) -> u64 {
    let lines = order["lines"].as_array().expect("lines");
    let line = lines.iter().find(|line| line["sku"] == code);
    line.expect("a line of it")["number"]
        .as_u64()
        .expect("a number")
}

/// The tracking numbers that a shop shows for an order, parcel by parcel.
async fn expect_tracking(world: &World, account: &str, id: &ExternalId, numbers: &[&str]) {
    let what = format!("{account} shows {numbers:?}");
    until(&world.ports, &what, SOON, async || {
        let parcels = world.true_order(account, id).shipments;
        let shown: Vec<&str> = parcels
            .iter()
            .map(|one| one.tracking_number.as_str())
            .collect();
        if shown == numbers {
            Ok(())
        } else {
            Err(format!("{parcels:?}"))
        }
    })
    .await;
}

async fn open_units(world: &World, code: &str) -> i64 {
    let stock = world.api.get(&format!("/api/v1/stock/{code}")).await;
    let of = |name: &str| stock[name].as_i64().unwrap_or_else(|| panic!("{stock}"));
    of("allocated") + of("pending")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shipments_reach_every_channel_whole_and_in_parts() {
    let world = World::open(Plan::default()).await;
    let _daemon = world.adopt().await;
    let mut placed = Vec::new();
    for (account, _) in SHOPS {
        let parts = order(&world, account, &[("BOWL", 2), ("JUG", 1)]);
        let whole = order(&world, account, &[("SPOON", 1)]);
        placed.push((account, parts, whole));
    }
    for (account, parts, whole) in &placed {
        let known = world
            .expect_order_where(account, parts, "is ready", is_ready)
            .await;
        let first = json!({
            "lines": [{ "line": line_of(&known, "BOWL"), "units": 1 }],
            "carrier": "DHL", "tracking_number": "PART0001",
        });
        let receipt = world.api.post(&path(&known, "shipments"), first).await;
        assert_eq!(receipt["phase"], "part_shipped", "{receipt}");
        let known = world
            .expect_order_where(account, whole, "is ready", is_ready)
            .await;
        let all = json!({ "carrier": "UPS", "tracking_number": "WHOLE001" });
        let receipt = world.api.post(&path(&known, "shipments"), all).await;
        assert_eq!(receipt["phase"], "shipped", "{receipt}");
    }
    for (account, parts, whole) in &placed {
        expect_tracking(&world, account, whole, &["WHOLE001"]).await;
        expect_tracking(&world, account, parts, &["PART0001"]).await;
        let parcel = &world.true_order(account, parts).shipments[0];
        assert_eq!(parcel.carrier, "DHL", "{account}");
        // Where the channel can say what is in a parcel, it says it.
        let said = &parcel.lines;
        assert!(
            said.is_empty() || *said == [(sku("BOWL"), 1)],
            "{account}: {said:?}"
        );
        let known = world.expect_order(account, parts).await;
        let rest = json!({ "carrier": "DHL", "tracking_number": "PART0002" });
        world.api.post(&path(&known, "shipments"), rest).await;
    }
    for (account, parts, _) in &placed {
        expect_tracking(&world, account, parts, &["PART0001", "PART0002"]).await;
        let is_done = |order: &Value| {
            let intents = order["intents"].as_array().expect("intents");
            order["phase"] == "shipped" && intents.iter().all(|intent| intent["state"] == "done")
        };
        world
            .expect_order_where(account, parts, "is done", is_done)
            .await;
    }
    for code in ["BOWL", "JUG", "SPOON"] {
        assert_eq!(open_units(&world, code).await, 0, "{code}");
    }
    let bowls = world.api.get("/api/v1/stock/BOWL").await;
    assert_eq!(bowls["on_hand"], 80 - 4 * 2, "{bowls}");
    // Nothing is told twice, however often everything is read and compared again.
    world.settle().await;
    for (account, parts, whole) in &placed {
        expect_tracking(&world, account, parts, &["PART0001", "PART0002"]).await;
        expect_tracking(&world, account, whole, &["WHOLE001"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancellations_and_refunds_go_both_ways() {
    let world = World::open(Plan::default()).await;
    let _daemon = world.adopt().await;
    for (account, _) in SHOPS {
        canceled_there(&world, account).await;
        canceled_here(&world, account).await;
        refunded_here(&world, account).await;
    }
}

/// A cancellation on the channel releases the claim.
async fn canceled_there(world: &World, account: &str) {
    let before = open_units(world, "VASE").await;
    let id = order(world, account, &[("VASE", 2)]);
    world
        .expect_order_where(account, &id, "is ready", is_ready)
        .await;
    assert_eq!(open_units(world, "VASE").await, before + 2, "{account}");
    let done = world.shop(account).act(&Act::Cancel(id.clone()));
    assert_eq!(done, Ok(Done::Order(id.clone())), "{account}");
    let is_canceled = |order: &Value| {
        let lines = order["lines"].as_array().expect("lines");
        lines.iter().all(|line| line["claimed"] == 0)
            && ["canceled", "after_sales", "closed"]
                .contains(&order["phase"].as_str().unwrap_or(""))
    };
    world
        .expect_order_where(account, &id, "is canceled", is_canceled)
        .await;
    assert_eq!(open_units(world, "VASE").await, before, "{account}");
}

/// Ours reaches the channel.
async fn canceled_here(world: &World, account: &str) {
    let id = order(world, account, &[("JUG", 1)]);
    let known = world
        .expect_order_where(account, &id, "is ready", is_ready)
        .await;
    let reason = json!({ "reason": "The buyer has changed their mind." });
    world.api.post(&path(&known, "cancel"), reason).await;
    if account == "till" {
        // Square refuses to cancel what is paid: a person is told, and nothing is tried for ever.
        let is_parked = |order: &Value| order["intents"].to_string().contains("parked");
        world
            .expect_order_where(account, &id, "has a parked cancellation", is_parked)
            .await;
        return;
    }
    let what = format!("{account} cancels {id}");
    until(&world.ports, &what, SOON, async || {
        let seen = world.true_order(account, &id);
        if seen.is_canceled {
            return Ok(());
        }
        let order = world.api.get(&path(&known, "timeline")).await;
        Err(format!("{seen:?} {order}"))
    })
    .await;
}

/// Money that we give back is given back there.
async fn refunded_here(world: &World, account: &str) {
    let id = order(world, account, &[("MUG-L", 1)]);
    let known = world
        .expect_order_where(account, &id, "is ready", is_ready)
        .await;
    let refund = json!({
        "amount": { "amount": "1.50", "currency": "EUR" }, "reason": "A scratch.",
    });
    world.api.post(&path(&known, "refunds"), refund).await;
    let what = format!("{account} gives money back for {id}");
    until(&world.ports, &what, SOON, async || {
        let seen = world.true_order(account, &id);
        if seen.refunded_minor == 150 {
            return Ok(());
        }
        let order = world.api.get(&path(&known, "timeline")).await;
        Err(format!("{seen:?} {order}"))
    })
    .await;
}
