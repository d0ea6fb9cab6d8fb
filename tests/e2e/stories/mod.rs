//! Twelve stories of an order's life, from placement to after-sales. Each acts as a new user would: through
//! the public API or the command line, on the real daemon, with shops on real sockets.
//!
//! A story ends with [`Story::ends`], which compares what each shop itself knows with what Oneshelf shows
//! ([`equal`]). Where a channel cannot do a step, the story says which one and what Oneshelf says instead.

mod canceled;
mod captured;
mod changed;
mod equal;
mod lost;
mod parcels;
mod partner;
mod phone;
mod returned;
mod risky;
mod short_pick;
mod supplier;
mod unmapped;

use std::fs;

use domain::ExternalId;
use sandbox::{Act, Done, Refused, TrueOrder};
use serde_json::{Value, json};

use crate::{
    commands::ask,
    kit::{
        SOON,
        daemon::{Daemon, Ended},
        goods::sku,
        until,
        world::{END_WITHIN, Plan, World},
    },
};

/// Two warehouses of the merchant's own.
const TWO_LOCATIONS: &str = "
[[locations]]
id = \"berlin\"
country = \"DE\"
priority = 1

[[locations]]
id = \"leipzig\"
country = \"DE\"
priority = 2
";

/// An account for orders that are taken by phone.
const PHONE: &str = "kind = \"manual\"\nmode = \"live\"\n[settings]\n";

/// Read and compared so often that a story takes seconds.
const BRISK: [(&str, &str); 3] = [
    ("poll = \"700ms\"", "poll = \"250ms\""),
    ("reread = \"8s\"", "reread = \"2s\""),
    ("*/4 * * * * *", "*/2 * * * * *"),
];

/// A merchant's day, with all four shops open.
struct Story {
    world: World,
    daemon: Daemon,
}

/// An order in a shop and in our book.
struct Sold {
    account: &'static str,
    /// Its id on its channel.
    id: ExternalId,
    /// Where the API has it.
    path: String,
}

impl Story {
    async fn begins() -> Story {
        Story::begins_with("").await
    }

    /// With more in `oneshelf.toml`. There is always an account for orders by phone.
    async fn begins_with(settings: &str) -> Story {
        Story::begins_in(World::open(Plan::default()).await, settings).await
    }

    async fn begins_in(world: World, settings: &str) -> Story {
        let main = world.config().join("oneshelf.toml");
        let mut text = fs::read_to_string(&main).expect("our own file");
        for (usual, brisk) in BRISK {
            assert!(text.contains(usual), "{usual}: {text}");
            text = text.replace(usual, brisk);
        }
        fs::write(&main, format!("{text}{settings}")).expect("our own file");
        fs::write(world.config().join("accounts.d/phone.toml"), PHONE).expect("our own file");
        let daemon = world.adopt().await;
        Story { world, daemon }
    }

    /// Somebody orders something that is to be sent, and pays; it is ready.
    async fn sold(&self, account: &'static str, basket: &[(&str, u32)]) -> Sold {
        let id = self.bought(account, basket);
        let sold = self.known(account, id).await;
        self.comes_to(&sold, "ready").await;
        sold
    }

    /// The same before anybody heard of it.
    fn bought(&self, account: &'static str, basket: &[(&str, u32)]) -> ExternalId {
        if account != "till" {
            return self.world.buy(account, basket);
        }
        // What is paid at a till at once is handed over at once; this one comes from its online page.
        let basket = basket.iter().map(|(code, units)| (sku(code), *units));
        let placed = self.happens(
            account,
            &Act::Buy {
                basket: basket.collect(),
                paid: false,
            },
        );
        let Ok(Done::Order(id)) = placed else {
            panic!("{account}: {placed:?}");
        };
        let paid = self.happens(account, &Act::Pay(id.clone()));
        assert_eq!(paid, Ok(Done::Order(id.clone())));
        id
    }

    async fn known(&self, account: &'static str, id: ExternalId) -> Sold {
        let order = self.world.expect_order(account, &id).await;
        let path = format!("/api/v1/orders/{}", text(&order["id"]));
        Sold { account, id, path }
    }

    /// Somebody does something in a shop.
    fn happens(&self, account: &str, act: &Act) -> Result<Done, Refused> {
        self.world.shop(account).act(act)
    }

    /// The order as Oneshelf shows it.
    async fn shown(&self, sold: &Sold) -> Value {
        self.world.api.get(&sold.path).await
    }

    /// The order as its shop knows it.
    fn truth(&self, sold: &Sold) -> TrueOrder {
        self.world.true_order(sold.account, &sold.id)
    }

    /// Does something to an order, which must be taken.
    async fn does(&self, sold: &Sold, step: &str, body: Value) -> Value {
        self.world
            .api
            .post(&format!("{}/{step}", sold.path), body)
            .await
    }

    /// Does something that must be refused with this code, and gives what was said.
    async fn is_refused(&self, sold: &Sold, step: &str, body: Value, code: &str) -> String {
        let path = format!("{}/{step}", sold.path);
        let reply = self.world.api.try_post(&path, None, body).await;
        let reply = reply.expect("the daemon answers");
        assert_eq!(reply.body["code"], code, "{path}: {}", reply.body);
        text(&reply.body["detail"]).to_owned()
    }

    /// Waits until Oneshelf shows an order as it should be.
    async fn shows(&self, sold: &Sold, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let what = format!("{} of {} {what}", sold.id, sold.account);
        until(&self.world.ports, &what, SOON, async || {
            let shown = self.shown(sold).await;
            if is_so(&shown) {
                Ok(shown)
            } else {
                Err(shown.to_string())
            }
        })
        .await
    }

    /// Waits until an order is in a phase.
    async fn comes_to(&self, sold: &Sold, phase: &str) -> Value {
        self.shows(sold, phase, |order| order["phase"] == phase)
            .await
    }

    /// What `oneshelf` says, which must end well.
    async fn tells(&self, words: &[&str]) -> String {
        let ended = self.tries(words).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
        ended.stdout
    }

    async fn tries(&self, words: &[&str]) -> Ended {
        ask(&self.world, words).await
    }

    /// The figures of an item.
    async fn stock(&self, code: &str) -> Value {
        self.world.api.get(&format!("/api/v1/stock/{code}")).await
    }

    /// Moves goods from one place to another at once.
    async fn moves(&self, code: &str, units: i64, (from, to): (&str, &str)) {
        let moved = json!({
            "sku": code, "units": units, "from": from, "to": to, "at_once": true,
        });
        self.world.api.post("/api/v1/transfers", moved).await;
    }

    /// All of an order leaves in one parcel.
    async fn ships(&self, sold: &Sold, number: &str) -> String {
        let parcel = json!({ "carrier": "DHL", "tracking_number": number });
        let receipt = self.does(sold, "shipments", parcel).await;
        text(&receipt["shipment"]).to_owned()
    }

    /// A parcel arrives.
    async fn arrives(&self, sold: &Sold, shipment: &str) {
        let step = format!("shipments/{shipment}/events");
        self.does(sold, &step, json!({ "state": "delivered" }))
            .await;
    }

    /// The process is killed, and somebody starts it again.
    async fn dies_and_starts_again(self) -> Story {
        let Story { world, daemon } = self;
        daemon.kill();
        let daemon = world.start().await;
        Story { world, daemon }
    }

    /// Nothing more happens: every shop shows what Oneshelf shows, of every order and every level, and what is
    /// stored is sound.
    async fn ends(self) {
        let Story { world, daemon } = self;
        until(&world.ports, "shops and book are equal", SOON, async || {
            let differences = equal::differences(&world).await?;
            differences
                .is_empty()
                .then_some(())
                .ok_or(differences.join("\n"))
        })
        .await;
        assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
        let found = world.doctor(&world.state());
        assert_eq!(found.code, Some(0), "{found:?}");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text: {value}"))
}

/// The number of the line with this item.
fn line(order: &Value, code: &str) -> u64 {
    let mut lines = list(&order["lines"]);
    let line = lines.find(|line| line["sku"] == code);
    line.and_then(|line| line["number"].as_u64())
        .unwrap_or_else(|| panic!("a line of {code}: {order}"))
}

/// How often something has happened to the units of a line.
fn counter(order: &Value, code: &str, counter: &str) -> i64 {
    let number = line(order, code);
    let mut lines = list(&order["lines"]);
    let line = lines.find(|line| line["number"] == number);
    let count = line.map(|line| line["counters"][counter].as_i64());
    count
        .flatten()
        .unwrap_or_else(|| panic!("{counter}: {order}"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
