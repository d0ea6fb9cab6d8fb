//! A person says which item a listing is, once, and everything of it goes on.

use std::sync::Arc;

use domain::{
    AccountId, ListingId,
    mapping::Named,
    signal::{Command, Signal},
    snapshot::ListingSnapshot,
};
use serde_json::{Value, json};

use super::{
    api::{Reader, reader, reader_of},
    rig::{Rig, bearer, euros, rig_over, snapshot},
};
use crate::Limits;

/// An order of one unit of a listing that has no SKU on its channel.
async fn sold(rig: &Rig, id: &str, listing: &str) {
    let mut order = snapshot(id, &[("X", 1)]);
    for line in &mut order.lines {
        (line.sku, line.listing) = (None, Some(ListingId::new(listing)));
        line.title = "Big mug, blue".to_owned();
    }
    rig.decide(Signal::Order {
        account: AccountId::new("shop"),
        snapshot: Box::new(order),
        source: domain::signal::Source::Read,
    })
    .await;
}

async fn listed(rig: &Rig, listing: &str, channel_sku: Option<&str>) {
    let seen = ListingSnapshot {
        listing: ListingId::new(listing),
        sku: channel_sku.map(str::to_owned),
        title: "Big mug, blue".to_owned(),
        price: None,
        barcode: None,
        tracked: true,
        level: None,
        categories: Vec::new(),
    };
    let (account, listings) = (AccountId::new("shop"), vec![seen]);
    rig.decide(Signal::Listings { account, listings }).await;
}

fn waiting<'v>(list: &'v Value, name: &str) -> &'v Value {
    let items = list["items"].as_array().expect("a list");
    let mut named = items.iter().filter(|one| one["name"] == name);
    named.next().unwrap_or(&Value::Null)
}

async fn phases(reader: &mut Reader, phase: &str) -> usize {
    let path = format!("/api/v1/orders?account=shop&phase={phase}&limit=200");
    let list = reader.get(&path).await;
    list["items"].as_array().map_or(0, Vec::len)
}

/// Each route once, on a shop of its own making.
pub(super) async fn went_through(reader: &mut Reader) {
    reader.rig.stock("shop", "BIG-MUG", 5).await;
    listed(&reader.rig, "l-nameless", None).await;
    sold(&reader.rig, "map-1", "l-nameless").await;
    let path = "/api/v1/listings/unmapped?account=shop&limit=1";
    let list = reader.get(path).await;
    assert_eq!(list["items"][0]["name"], "l-nameless");
    let body = json!({ "account": "shop", "listing": "l-nameless", "sku": "BIG-MUG", "by": "ann" });
    let receipt = reader.post("/api/v1/listings/map", body).await;
    assert_eq!(
        (&receipt["effect"], &receipt["sku"]),
        (&json!("done"), &json!("BIG-MUG"))
    );
    let body = json!({ "account": "shop", "listing": "l-nameless", "by": "ann" });
    let receipt = reader.post("/api/v1/listings/unmap", body.clone()).await;
    assert_eq!(receipt["effect"], "done");
    let receipt = reader.post("/api/v1/listings/unmap", body).await;
    assert_eq!(receipt["effect"], "nothing_to_do");
    let audit = reader.get("/api/v1/listings/audit?account=shop").await;
    assert!(audit["listings"].as_u64() > Some(0), "{audit}");
}

#[tokio::test]
async fn what_waits_is_told_with_what_may_be_meant() {
    let mut reader = reader().await;
    reader.rig.stock("shop", "MUG-BLUE", 10).await;
    listed(&reader.rig, "l-big", None).await;
    for id in ["1", "2"] {
        sold(&reader.rig, id, "l-big").await;
    }
    reader.rig.order("shop", "3", &[("mug blue", 4)]).await;
    let list = reader.get("/api/v1/listings/unmapped").await;
    let one = waiting(&list, "l-big");
    assert_eq!(
        [&one["orders"], &one["units"], &one["title"]],
        [&json!(2), &json!(2), &json!("Big mug, blue")]
    );
    assert!(one["since"].is_string(), "{one}");
    let one = waiting(&list, "l-mug blue");
    assert_eq!([&one["orders"], &one["units"]], [&json!(1), &json!(4)]);
    assert_eq!(one["suggestions"][0]["sku"], "MUG-BLUE");
    assert_eq!(
        one["suggestions"][0]["because"],
        "same SKU but for signs and large letters"
    );
    let other = reader.get("/api/v1/listings/unmapped?account=quiet").await;
    assert_eq!(other["items"], json!([]));
    let first = reader.get("/api/v1/listings/unmapped?limit=1").await;
    let next = first["next"].as_str().expect("there is more");
    let path = format!("/api/v1/listings/unmapped?limit=1&cursor={next}");
    let second = reader.get(&path).await;
    assert_eq!(second["items"][0]["name"], "l-mug blue");
    assert_eq!(second["next"], Value::Null);
}

/// Waits until so many orders are ready, and no longer than the work can take.
async fn until_ready(reader: &mut Reader, count: usize) {
    for _ in 0..10_000 {
        if phases(reader, "ready").await == count {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{} of {count} are ready", phases(reader, "ready").await);
}

/// More than one decision looks at.
const MANY: usize = 150;

#[tokio::test]
async fn one_command_lets_more_orders_go_on_than_one_decision_looks_at() {
    let mut reader = reader().await;
    reader.rig.stock("shop", "MUG", 500).await;
    listed(&reader.rig, "l-big", None).await;
    for number in 0..MANY {
        sold(&reader.rig, &number.to_string(), "l-big").await;
    }
    let body = json!({ "account": "shop", "listing": "l-big", "sku": "MUG", "by": "ann" });
    reader.post("/api/v1/listings/map", body).await;
    until_ready(&mut reader, MANY).await;
    assert_eq!(phases(&mut reader, "needs_mapping").await, 0);
    let path = "/api/v1/listings?sku=MUG&account=shop";
    let of_it = |list: &Value| {
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().find(|one| one["listing"] == "l-big")
    };
    let listing = of_it(&reader.get(path).await).expect("it is the item's");
    assert_eq!(listing["mapped"], "listing");
    assert_eq!(listing["offer"]["quantity"], 350);
    // The channel still has no SKU for it, and that undoes nothing.
    listed(&reader.rig, "l-big", None).await;
    sold(&reader.rig, "later", "l-big").await;
    assert_eq!(phases(&mut reader, "needs_mapping").await, 0);
    let listing = of_it(&reader.get(path).await).expect("it is the item's");
    assert_eq!(listing["offer"]["quantity"], 349);
}

#[tokio::test]
async fn what_a_crash_came_between_goes_on_after_the_next_start() {
    let store: Arc<dyn store::Store> = Arc::new(store::Memory::new());
    let rig = rig_over(Arc::clone(&store), Limits::default()).await;
    rig.stock("shop", "MUG", 500).await;
    for number in 0..MANY {
        sold(&rig, &number.to_string(), "l-big").await;
    }
    let command = Command::MapListing {
        account: AccountId::new("shop"),
        named: Named::Listing(ListingId::new("l-big")),
        sku: Some("MUG".parse().expect("a SKU")),
        by: "ann".to_owned(),
    };
    // Decided and durable, and the process dies before anything follows from it.
    let decided = rig.engine.decider.decide(Signal::Command(command)).await;
    assert!(decided.is_ok());
    let mut reader = reader_of(rig);
    let waiting = phases(&mut reader, "needs_mapping").await;
    assert!((1..MANY).contains(&waiting), "{waiting} wait");
    drop(reader);
    let rig = rig_over(store, Limits::default()).await;
    let mut reader = reader_of(rig);
    until_ready(&mut reader, MANY).await;
    assert_eq!(phases(&mut reader, "needs_mapping").await, 0);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_a_hint() {
    let mut reader = reader().await;
    reader.rig.stock("shop", "MUG", 5).await;
    reader.rig.order("shop", "1", &[("mug, big", 1)]).await;
    for (account, listing, sku, code) in [
        ("shop", "l-nowhere", "MUG", "no-listing"),
        ("nowhere", "mug, big", "MUG", "no-account"),
        ("quiet", "mug, big", "MUG", "no-listing"),
        ("shop", "mug, big", "NOPE", "no-item"),
        ("shop", " ", "MUG", "bad-body"),
        ("shop", "mug, big", " ", "bad-body"),
    ] {
        let body = json!({ "account": account, "listing": listing, "sku": sku });
        let answer = reader.rig.post("/api/v1/listings/map", body).await;
        assert_eq!(answer.json()["code"], code, "{account} {listing} {sku}");
    }
    // A SKU that only orders name is enough.
    let body = json!({ "account": "shop", "listing": "mug, big", "sku": "MUG" });
    reader.post("/api/v1/listings/map", body).await;
    assert_eq!(phases(&mut reader, "ready").await, 1);
}

/// A listing with a price and perhaps a code.
async fn priced(rig: &Rig, account: &str, listing: &str, price: &str, barcode: Option<&str>) {
    let seen = ListingSnapshot {
        listing: ListingId::new(listing),
        sku: Some("MUG".to_owned()),
        title: "Mug, red".to_owned(),
        price: Some(euros(price)),
        barcode: barcode.map(str::to_owned),
        tracked: true,
        level: None,
        categories: Vec::new(),
    };
    let (account, listings) = (AccountId::new(account), vec![seen]);
    rig.decide(Signal::Listings { account, listings }).await;
}

#[tokio::test]
async fn what_channels_show_is_compared_with_the_item_and_nothing_is_written() {
    let mut reader = reader().await;
    priced(&reader.rig, "shop", "l-1", "12.50", Some("4006381333931")).await;
    priced(&reader.rig, "quiet", "l-2", "13.01", None).await;
    let audit = reader.get("/api/v1/listings/audit").await;
    let told = |audit: &Value| -> Vec<String> {
        let all = audit["differences"].as_array().into_iter().flatten();
        all.map(|one| format!("{} {} {}", one["account"], one["what"], one["how"]).replace('"', ""))
            .collect()
    };
    assert_eq!(
        told(&audit),
        ["quiet price listings_differ", "shop price listings_differ"]
    );
    let item = json!({
        "kind": "good", "title": "Mug, red", "barcode": "4006381333930",
        "prices": [{ "amount": "12.50", "currency": "EUR" }, { "amount": "9.00", "currency": "USD" }],
    });
    let path = "/api/v1/items/MUG";
    reader.ask("PUT", path, Some(item.clone())).await;
    assert_eq!(reader.get(path).await["prices"], item["prices"]);
    let audit = reader.get("/api/v1/listings/audit").await;
    assert_eq!(audit["listings"], 2);
    assert_eq!(
        told(&audit),
        ["quiet price differs", "shop barcode differs"]
    );
    let price = &audit["differences"][0];
    assert_eq!(price["by"], json!({ "amount": "0.51", "currency": "EUR" }));
    assert_eq!(
        price["text"],
        "It shows the price 13.01 EUR, and the item has 12.50 EUR."
    );
    let of_shop = reader
        .get("/api/v1/listings/audit?account=shop&what=barcode")
        .await;
    assert_eq!(told(&of_shop), ["shop barcode differs"]);
    // What cannot be compared is told for each account.
    let accounts = audit["accounts"].as_array().cloned().unwrap_or_default();
    let why = |id: &str| {
        let of_it = accounts.iter().find(|one| one["id"] == id);
        of_it
            .map(|one| one["not_compared"].to_string())
            .unwrap_or_default()
    };
    assert!(why("quiet").contains("Barcodes: it tells none"), "{audit}");
    assert!(why("phone").contains("entered here"), "{audit}");
    assert!(why("closed").contains("It is off"), "{audit}");
    assert_eq!(why("shop"), "[]");
    let twice = json!({
        "kind": "good",
        "prices": [{ "amount": "1", "currency": "EUR" }, { "amount": "2", "currency": "EUR" }],
    });
    let refused = reader.rig.ask("PUT", path, Some(twice), &[bearer()]).await;
    assert_eq!(refused.json()["path"], "prices");
    let refused = reader.rig.get("/api/v1/listings/audit?what=color").await;
    assert_eq!(refused.json()["code"], "bad-parameter");
}
