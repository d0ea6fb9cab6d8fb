//! What a shop itself knows, against what Oneshelf shows: order by order, and level by level. As strict as
//! the channel can express.

use std::collections::BTreeMap;

use domain::Sku;
use sandbox::{TrueOrder, TrueShipment};
use serde_json::Value;

use super::list;
use crate::kit::{goods::GOODS, world::World};

/// Every difference between the shops of a world and our book, each in words.
pub(super) async fn differences(world: &World) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for shop in &world.shops {
        let truth = shop.truth();
        let account = &shop.account;
        let known = world
            .api
            .all(&format!("/api/v1/orders?account={account}"))
            .await?;
        if known.len() != truth.orders.len() {
            let (ours, theirs) = (known.len(), truth.orders.len());
            found.push(format!("{account} has {theirs} orders, we have {ours}"));
        }
        for order in &truth.orders {
            let ours = known
                .iter()
                .find(|one| one["external_id"] == order.external_id.as_str());
            let Some(id) = ours.and_then(|one| one["id"].as_str()) else {
                found.push(format!("{account} has {}", order.external_id));
                continue;
            };
            let shown = world.api.try_get(&format!("/api/v1/orders/{id}")).await?;
            let of_order = of_order(order, &shown.body);
            let named = of_order
                .into_iter()
                .map(|one| format!("{account} {}: {one}", order.external_id));
            found.extend(named);
        }
        let listings = world
            .api
            .all(&format!("/api/v1/listings?account={account}"))
            .await?;
        for (sku, level) in &truth.levels {
            let listing = listings.iter().find(|one| is_of(one, sku));
            let told = of_level(*level, listing);
            found.extend(told.map(|told| format!("{account} {sku}: {told}")));
        }
    }
    Ok(found)
}

/// Whether a listing is of this product; one without a SKU goes by its title.
fn is_of(listing: &Value, sku: &Sku) -> bool {
    let goods = GOODS.iter().find(|(code, ..)| *code == sku.as_str());
    let is_named = listing["sku"] == sku.as_str() || listing["channel_sku"] == sku.as_str();
    let is_nameless = listing["sku"].is_null() && listing["channel_sku"].is_null();
    is_named || is_nameless && goods.is_some_and(|(_, title, ..)| listing["title"] == *title)
}

/// How an order differs.
fn of_order(truth: &TrueOrder, ours: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, theirs: String, ours: String| {
        if theirs != ours {
            found.push(format!("{what} is {theirs} there and {ours} here"));
        }
    };
    let is_withdrawn = ours["standing"] != "placed";
    compare(
        "canceled",
        (truth.is_canceled || truth.is_deleted).to_string(),
        is_withdrawn.to_string(),
    );
    let ordered = sum(truth.lines.iter().cloned());
    compare(
        "ordered",
        words(&ordered),
        words(&counted(ours, "ordered", "-")),
    );
    let shipped = shipped(&truth.shipments);
    let first = parcels(ours);
    if let Some(shipped) = &shipped {
        let here = sum(first.iter().flat_map(|parcel| in_parcel(ours, parcel)));
        compare("shipped", words(shipped), words(&here));
    }
    if !truth.is_canceled {
        let given_up = sum(truth.given_up.iter().cloned());
        compare(
            "given up",
            words(&given_up),
            words(&counted(ours, "canceled", "reinstated")),
        );
    }
    let tracking: Vec<String> = truth.shipments.iter().map(tracking).collect();
    let here: Vec<String> = first.iter().map(|parcel| tracking_of(parcel)).collect();
    compare("tracking", tracking.join(", "), here.join(", "));
    let refunded = ours["refunded"]["amount"].as_str().unwrap_or("nothing");
    compare(
        "refunded",
        format!(
            "{}.{:02}",
            truth.refunded_minor / 100,
            truth.refunded_minor % 100
        ),
        refunded.to_owned(),
    );
    let street: Vec<&str> = list(&ours["ship_to"]["street"])
        .filter_map(Value::as_str)
        .collect();
    compare("street", truth.street.clone(), street.join(", "));
    let waiting = list(&ours["intents"]).find(|one| one["state"] == "waiting");
    if let Some(waiting) = waiting {
        found.push(format!("it is not told yet: {waiting}"));
    }
    found
}

/// How a level differs from what it should be.
fn of_level(level: i64, listing: Option<&Value>) -> Option<String> {
    let Some(listing) = listing else {
        return Some("it has no listing here".to_owned());
    };
    if listing["sku"].is_null() {
        // Nobody knows which item it is, so nothing is told.
        let told = &listing["wanted"];
        return (!told.is_null()).then(|| format!("it is no item and should show {told}"));
    }
    let (wanted, read) = (
        &listing["wanted"]["quantity"],
        &listing["read_back"]["quantity"],
    );
    let is_equal = *wanted == level && *read == level;
    (!is_equal).then(|| format!("it shows {level}, should show {wanted}, was read as {read}"))
}

type Units = BTreeMap<String, i64>;

fn sum(parts: impl Iterator<Item = (Sku, u32)>) -> Units {
    let mut all = Units::new();
    for (sku, units) in parts.filter(|(_, units)| *units > 0) {
        *all.entry(sku.to_string()).or_default() += i64::from(units);
    }
    all
}

fn words(units: &Units) -> String {
    let parts: Vec<String> = units
        .iter()
        .map(|(sku, units)| format!("{sku}:{units}"))
        .collect();
    format!("[{}]", parts.join(" "))
}

/// A counter less its opposite, over the lines of our order, by item.
fn counted(ours: &Value, counter: &str, opposite: &str) -> Units {
    let mut all = Units::new();
    for line in list(&ours["lines"]) {
        let of = |name: &str| line["counters"][name].as_i64().unwrap_or(0);
        let units = of(counter) - of(opposite);
        if units != 0 {
            *all.entry(item(line)).or_default() += units;
        }
    }
    all
}

fn item(line: &Value) -> String {
    let sku = line["sku"].as_str().or(line["channel_sku"].as_str());
    sku.unwrap_or("unknown").to_owned()
}

/// What left there, where every parcel says what is in it.
fn shipped(parcels: &[TrueShipment]) -> Option<Units> {
    let says = |parcel: &TrueShipment| !parcel.lines.is_empty();
    parcels
        .iter()
        .all(says)
        .then(|| sum(parcels.iter().flat_map(|parcel| parcel.lines.clone())))
}

/// The parcels that the channel is to know of: what is sent again takes the place of what it knows.
fn parcels(ours: &Value) -> Vec<&Value> {
    let all = list(&ours["shipments"]);
    all.filter(|one| one["is_again"] == false).collect()
}

fn in_parcel(ours: &Value, parcel: &Value) -> Vec<(Sku, u32)> {
    let parts = list(&parcel["lines"]);
    parts
        .filter_map(|part| {
            let line = list(&ours["lines"]).find(|line| line["number"] == part["line"])?;
            let units = u32::try_from(part["units"].as_i64()?).ok()?;
            Some((item(line).parse().ok()?, units))
        })
        .collect()
}

fn tracking(parcel: &TrueShipment) -> String {
    format!("{} {}", parcel.carrier, parcel.tracking_number)
}

fn tracking_of(parcel: &Value) -> String {
    let of = |name: &str| parcel[name].as_str().unwrap_or_default();
    format!("{} {}", of("carrier"), of("tracking_number"))
}

#[cfg(test)]
mod tests {
    use domain::{ExternalId, Time};
    use serde_json::json;

    use super::*;
    use crate::kit::goods::sku;

    fn truth() -> TrueOrder {
        TrueOrder {
            external_id: ExternalId::new("17"),
            placed_at: Time::EPOCH,
            lines: vec![(sku("BOWL"), 3), (sku("JUG"), 1)],
            is_canceled: false,
            is_deleted: false,
            shipments: vec![TrueShipment {
                carrier: "DHL".to_owned(),
                tracking_number: "JD1".to_owned(),
                lines: vec![(sku("BOWL"), 2)],
            }],
            refunded_minor: 1290,
            captured_minor: 0,
            given_up: vec![(sku("BOWL"), 1)],
            street: "Main Street 1".to_owned(),
        }
    }

    fn ours() -> Value {
        json!({
            "standing": "placed",
            "refunded": { "amount": "12.90", "currency": "EUR" },
            "ship_to": { "street": ["Main Street 1"] },
            "lines": [
                { "number": 1, "sku": "BOWL", "counters": { "ordered": 3, "canceled": 2, "reinstated": 1 } },
                { "number": 2, "sku": "JUG", "counters": { "ordered": 1, "canceled": 0, "reinstated": 0 } },
                { "number": 3, "sku": "JUG", "counters": { "ordered": 0, "canceled": 0, "reinstated": 0 } },
            ],
            "shipments": [
                { "carrier": "DHL", "tracking_number": "JD1", "is_again": false, "lines": [{ "line": 1, "units": 2 }] },
                { "carrier": "UPS", "tracking_number": "1Z1", "is_again": true, "lines": [{ "line": 3, "units": 1 }] },
            ],
            "intents": [{ "state": "done" }],
        })
    }

    #[test]
    fn what_is_equal_has_no_difference() {
        assert_eq!(of_order(&truth(), &ours()), Vec::<String>::new());
        let shown =
            json!({ "sku": "BOWL", "wanted": { "quantity": 7 }, "read_back": { "quantity": 7 } });
        assert_eq!(of_level(7, Some(&shown)), None);
    }

    #[test]
    fn each_difference_is_found_and_named() {
        let differs: [(&str, Value, &str); 9] = [
            ("/standing", json!("canceled"), "canceled"),
            ("/lines/0/counters/ordered", json!(4), "ordered"),
            ("/lines/0/counters/canceled", json!(1), "given up"),
            ("/shipments/0/lines/0/units", json!(1), "shipped"),
            ("/shipments/0/tracking_number", json!("JD2"), "tracking"),
            ("/shipments/0/carrier", json!("UPS"), "tracking"),
            ("/refunded/amount", json!("12.91"), "refunded"),
            ("/ship_to/street/0", json!("Main Street 2"), "street"),
            ("/intents/0/state", json!("waiting"), "it is not told yet"),
        ];
        for (at, value, what) in differs {
            let mut shown = ours();
            *shown.pointer_mut(at).expect("a place in it") = value;
            let found = of_order(&truth(), &shown);
            assert_eq!(found.len(), 1, "{at}: {found:?}");
            assert!(found[0].starts_with(what), "{at}: {found:?}");
        }
        let again = "/shipments/1/is_again";
        let mut shown = ours();
        *shown.pointer_mut(again).expect("a place in it") = json!(false);
        let found = of_order(&truth(), &shown);
        assert_eq!(found.len(), 2, "what left, and its tracking: {found:?}");
    }

    #[test]
    fn each_level_that_is_wrong_is_found() {
        let shown = |sku: Value, wanted: i64, read: i64| json!({ "sku": sku, "wanted": { "quantity": wanted }, "read_back": { "quantity": read } });
        assert!(of_level(7, Some(&shown(json!("BOWL"), 8, 7))).is_some());
        assert!(of_level(7, Some(&shown(json!("BOWL"), 7, 8))).is_some());
        assert!(of_level(7, Some(&shown(Value::Null, 7, 7))).is_some());
        assert!(of_level(7, None).is_some());
    }
}
