//! People who act all the time, whether or not the daemon runs: buyers and staff in the shops, and a
//! packer who ships what is ready through the API.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ::daemon::sandbox_host::HostedShop;
use domain::{AccountId, Sku, Time};
use engine::ports::Ports;
use sandbox::{
    Act,
    buyers::{Buyers, Pace, ShopView},
    judge::Edit,
};
use serde_json::json;

use super::{SOON, api::Api, goods, pass, until, world::World};

/// How often buyers and staff look around.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often the packer does.
const PACK_EVERY: Duration = Duration::from_millis(150);
/// How old an order is before it is shipped, so that buyers can change their mind.
const REST: Duration = Duration::from_secs(1);
/// How many orders are packed at a time.
const AT_ONCE: usize = 3;

/// A parcel that the packer announced.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) account: String,
    pub(crate) external_id: String,
    pub(crate) order: String,
    pub(crate) tracking_number: String,
    /// What was answered in the end; nothing while nobody answered.
    pub(crate) status: Option<u16>,
}

/// People at work.
pub(crate) struct People {
    ports: Ports,
    is_over: Arc<AtomicBool>,
    /// One is held by each who is at work.
    at_work: Arc<()>,
    edits: Arc<Mutex<Vec<Edit>>>,
    parcels: Arc<Mutex<Vec<Parcel>>>,
}

impl People {
    /// Lets them begin.
    pub(crate) fn begin(world: &World, seed: u64, pace: Pace) -> People {
        let people = People {
            ports: world.ports.clone(),
            is_over: Arc::default(),
            at_work: Arc::default(),
            edits: Arc::default(),
            parcels: Arc::default(),
        };
        let skus = goods::products(world.shelves)
            .into_iter()
            .map(|one| one.sku);
        let crowd = Crowd {
            buyers: Buyers::new(seed, pace),
            shops: world.shops.clone(),
            skus: skus.collect(),
            ports: world.ports.clone(),
            is_over: Arc::clone(&people.is_over),
            _at_work: Arc::clone(&people.at_work),
            edits: Arc::clone(&people.edits),
        };
        let spawn = &world.ports.spawn;
        spawn.spawn("crowd".to_owned(), Box::pin(crowd.live()));
        let packer = Packer {
            api: world.api.clone(),
            ports: world.ports.clone(),
            is_over: Arc::clone(&people.is_over),
            _at_work: Arc::clone(&people.at_work),
            parcels: Arc::clone(&people.parcels),
        };
        spawn.spawn("packer".to_owned(), Box::pin(packer.work()));
        people
    }

    /// Sends everybody home, and waits until they are gone.
    pub(crate) async fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        until(
            &self.ports,
            "people go home",
            SOON,
            async || match Arc::strong_count(&self.at_work) {
                1 => Ok(()),
                more => Err(format!("{} are at work", more - 1)),
            },
        )
        .await;
    }

    /// Levels that staff edited so far.
    pub(crate) fn edits(&self) -> Vec<Edit> {
        self.edits.lock().expect("no holder panics").clone()
    }

    /// Parcels that were announced so far, answered or not.
    pub(crate) fn parcels(&self) -> Vec<Parcel> {
        self.parcels.lock().expect("no holder panics").clone()
    }

    /// Announces again what nobody has answered, under the same keys, until all is answered.
    pub(crate) async fn announce_rest(&self, api: &Api) {
        until(&self.ports, "parcels are answered", SOON, async || {
            announce_unanswered(api, &self.parcels).await;
            match self.parcels().iter().find(|one| one.status.is_none()) {
                Some(parcel) => Err(format!("{parcel:?}")),
                None => Ok(()),
            }
        })
        .await;
    }
}

struct Crowd {
    buyers: Buyers,
    shops: Vec<HostedShop>,
    skus: Vec<Sku>,
    ports: Ports,
    is_over: Arc<AtomicBool>,
    _at_work: Arc<()>,
    edits: Arc<Mutex<Vec<Edit>>>,
}

impl Crowd {
    async fn live(mut self) {
        while !self.is_over.load(Ordering::Relaxed) {
            self.act(self.ports.clock.now());
            pass(&self.ports, LOOK_EVERY).await;
        }
    }

    fn act(&mut self, now: Time) {
        if self.buyers.next_at().is_some_and(|at| at > now) {
            return;
        }
        let view = |shop: &HostedShop| ShopView {
            skus: self.skus.clone(),
            levels: shop.levels(),
        };
        let views: Vec<ShopView> = self.shops.iter().map(view).collect();
        for (index, act) in self.buyers.due(now, &views) {
            let shop = &self.shops[index];
            let result = shop.act(&act);
            if let (Act::SetLevel(sku, _), Ok(_)) = (&act, &result) {
                self.edits.lock().expect("no holder panics").push(Edit {
                    account: AccountId::new(shop.account.clone()),
                    sku: sku.clone(),
                    at: now,
                });
            }
            self.buyers.answered(index, &act, &result, now);
        }
    }
}

struct Packer {
    api: Api,
    ports: Ports,
    is_over: Arc<AtomicBool>,
    _at_work: Arc<()>,
    parcels: Arc<Mutex<Vec<Parcel>>>,
}

impl Packer {
    async fn work(self) {
        while !self.is_over.load(Ordering::Relaxed) {
            announce_unanswered(&self.api, &self.parcels).await;
            self.pack().await;
            pass(&self.ports, PACK_EVERY).await;
        }
    }

    async fn pack(&self) {
        // Nobody answers while the daemon is down: then there is nothing to pack.
        let Ok(ready) = self
            .api
            .try_get("/api/v1/orders?phase=ready&limit=50")
            .await
        else {
            return;
        };
        let now = self.ports.clock.now();
        let mut packed = 0;
        for order in ready.body["items"].as_array().into_iter().flatten() {
            let text = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
            let accepted: Option<Time> = text("accepted_at").parse().ok();
            let mut parcels = self.parcels.lock().expect("no holder panics");
            let is_known = parcels.iter().any(|parcel| parcel.order == text("id"));
            if is_known || accepted.is_none_or(|at| now.since(at) < REST) || packed >= AT_ONCE {
                continue;
            }
            packed += 1;
            let tracking_number = format!("PARCEL{:05}", parcels.len());
            parcels.push(Parcel {
                account: text("account"),
                external_id: text("external_id"),
                order: text("id"),
                tracking_number,
                status: None,
            });
        }
    }
}

async fn announce_unanswered(api: &Api, parcels: &Mutex<Vec<Parcel>>) {
    let waiting = parcels.lock().expect("no holder panics").clone();
    for (at, parcel) in waiting.iter().enumerate() {
        if parcel.status.is_some() {
            continue;
        }
        let path = format!("/api/v1/orders/{}/shipments", parcel.order);
        let body = json!({ "carrier": "DHL", "tracking_number": parcel.tracking_number });
        let key = Some(parcel.tracking_number.as_str());
        match api.try_post(&path, key, body).await {
            // Out of space or ending: it is asked again.
            Ok(reply) if reply.status < 500 => {
                parcels.lock().expect("no holder panics")[at].status = Some(reply.status);
            }
            Ok(_) | Err(_) => return,
        }
    }
}
