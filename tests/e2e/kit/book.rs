//! What a daemon that has ended left in its store, read without it.

use std::{collections::BTreeMap, path::Path};

use domain::{
    AccountId, Sku,
    book::ListingKey,
    fact::{Event, Fact},
    offer::Offer,
    order::Order,
    person::Person,
    stock::Claim,
};
use engine::{intake::RawSignal, persons, rows, sealing::Sealer};
use sandbox::judge::{Edit, Evidence, Known, Push};
use serde::de::DeserializeOwned;
use store::{Range, SCAN_LIMIT_MAX, Seq, Store, Table};

use super::{goods, world::World};

/// The whole store.
pub(crate) struct Book {
    pub(crate) orders: Vec<Order>,
    /// What the orders say of people, unsealed.
    pub(crate) persons: Vec<Person>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) facts: Vec<Fact>,
    /// Every raw signal that was ever kept.
    pub(crate) signals: Vec<RawSignal>,
    /// Signals that could not be read.
    pub(crate) parked_signals: Vec<engine::inbox::ParkedSignal>,
    /// Each account's cursor, as it was stored.
    pub(crate) cursors: BTreeMap<Vec<u8>, engine::reading::poll::Cursor>,
    /// Its rows had to be made anew from the journal.
    pub(crate) is_made_anew: bool,
}

impl Book {
    /// Reads the store of a world whose daemon has ended.
    pub(crate) async fn read(world: &World) -> Book {
        Book::read_at(world, &world.state()).await
    }

    /// Reads the store of a state folder.
    pub(crate) async fn read_at(world: &World, state: &Path) -> Book {
        let sealer = keys(world, state);
        let (store, is_made_anew) = open(&state.join("store"));
        let (signals, _) = signals_after(store.as_ref(), &sealer, Seq(0)).await;
        let orders: Vec<Order> = values(store.as_ref(), rows::ORDERS).await;
        let mut people = Vec::new();
        for order in &orders {
            let person = persons::read(store.as_ref(), &sealer, order.id).await;
            people.extend(person.expect("the store answers"));
        }
        let book = Book {
            orders,
            persons: people,
            offers: values(store.as_ref(), rows::OFFERS).await,
            claims: values(store.as_ref(), rows::CLAIMS).await,
            facts: facts(store.as_ref()).await,
            signals,
            parked_signals: values(store.as_ref(), rows::PARKED_SIGNALS).await,
            cursors: all(store.as_ref(), rows::CURSORS)
                .await
                .into_iter()
                .map(|(key, value)| (key, decode(rows::CURSORS, &value)))
                .collect(),
            is_made_anew,
        };
        store.close().await.expect("the store closes");
        book
    }

    /// The raw signals in the store of a state folder, after a place in the journal, and the place of the
    /// last.
    pub(crate) async fn signals_at(
        world: &World,
        state: &Path,
        after: Seq,
    ) -> (Vec<RawSignal>, Seq) {
        let sealer = keys(world, state);
        let (store, _) = open(&state.join("store"));
        let found = signals_after(store.as_ref(), &sealer, after).await;
        store.close().await.expect("the store closes");
        found
    }

    /// All that is judged, but for the edits of staff.
    pub(crate) fn evidence(&self, world: &World, edits: Vec<Edit>) -> Evidence {
        let mut evidence = Evidence {
            stock: goods::opening_stock(world.shelves),
            bills: goods::bills(),
            pushes: self.pushes(),
            edits,
            ..Evidence::default()
        };
        for shop in &world.shops {
            let account = AccountId::new(shop.account.clone());
            evidence.shops.insert(account, shop.truth());
        }
        for order in &self.orders {
            let known = Known {
                at: order.accepted_at,
                expired_at: order.expired_at,
                counts: !order.is_expired(),
            };
            let name = (order.account.clone(), order.external_id.clone());
            let before = evidence.known.insert(name, known);
            assert!(
                before.is_none(),
                "one order is in the book twice: {}",
                order.id
            );
        }
        for offer in &self.offers {
            let Some(wanted) = offer.wanted else { continue };
            let listing = (offer.account.clone(), offer.sku.clone());
            evidence.wanted.insert(listing, wanted.quantity.units());
        }
        evidence
    }

    fn skus(&self) -> BTreeMap<ListingKey, Sku> {
        let offers = self.offers.iter();
        offers
            .map(|offer| {
                (
                    (offer.account.clone(), offer.listing.clone()),
                    offer.sku.clone(),
                )
            })
            .collect()
    }

    /// Every level that was durably meant to be written: when, where, of what, how many.
    pub(crate) fn meant(&self) -> Vec<(domain::Time, AccountId, Sku, i64)> {
        let skus = self.skus();
        let facts = self.facts.iter();
        facts
            .filter_map(|fact| match &fact.event {
                Event::PushStarted {
                    listing, quantity, ..
                } => {
                    let account = fact.account.clone()?;
                    let sku = skus.get(&(account.clone(), listing.clone()))?.clone();
                    Some((fact.at, account, sku, quantity.units()))
                }
                _ => None,
            })
            .collect()
    }

    /// Every level that a channel acknowledged.
    fn pushes(&self) -> Vec<Push> {
        let skus = self.skus();
        let mut started = BTreeMap::new();
        let mut pushes = Vec::new();
        for fact in &self.facts {
            let Some(account) = fact.account.clone() else {
                continue;
            };
            match &fact.event {
                Event::PushStarted { listing, .. } => {
                    started.insert((account, listing.clone()), fact.at);
                }
                Event::PushAcknowledged {
                    listing, quantity, ..
                } => {
                    let key = (account.clone(), listing.clone());
                    if let (Some(sku), Some(at)) = (skus.get(&key), started.get(&key)) {
                        pushes.push(Push {
                            account,
                            sku: sku.clone(),
                            quantity: quantity.units(),
                            started_at: *at,
                            acknowledged_at: fact.at,
                        });
                    }
                }
                _ => {}
            }
        }
        pushes
    }
}

/// Opens a store from which nothing is lost; says whether its rows were made anew.
fn open(dir: &Path) -> (std::sync::Arc<dyn Store>, bool) {
    let mut options = store::sled::Options::new(dir);
    options.free_bytes_min = 0;
    options.free_ratio_min = 0.0;
    let (store, opened) = store::sled::open(options).expect("the store opens");
    assert!(
        !opened.is_after_loss,
        "nothing was lost: {:?}",
        opened.repairs
    );
    (store, opened.is_rebuilt)
}

/// The keys of a state folder; those of the world, where that has the store alone.
fn keys(world: &World, state: &Path) -> std::sync::Arc<Sealer> {
    let has_keys = state.join("keys").exists();
    let state = if has_keys { state } else { &world.state() };
    daemon::keys::open(state, None).expect("the keys are there")
}

async fn signals_after(store: &dyn Store, sealer: &Sealer, after: Seq) -> (Vec<RawSignal>, Seq) {
    let last = store.stats().await.expect("the store answers").durable;
    let mut signals = Vec::new();
    for at in after.0 + 1..=last.0 {
        let body = store.body(Seq(at)).await.expect("the journal is whole");
        let opened = body.map(|body| RawSignal::open(sealer, &body).expect("it is sealed by us"));
        signals.extend(opened.flatten());
    }
    (signals, last)
}

async fn facts(store: &dyn Store) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut after = Seq(0);
    loop {
        let page = store.facts_after(after, SCAN_LIMIT_MAX).await;
        let page = page.expect("the journal is whole");
        let Some((last, _)) = page.last() else {
            return facts;
        };
        after = *last;
        let entries = page.iter().map(|(_, bytes)| rows::decode_facts(bytes));
        facts.extend(entries.flat_map(|facts| facts.expect("an entry of facts")));
    }
}

async fn values<T: DeserializeOwned>(store: &dyn Store, table: Table) -> Vec<T> {
    let rows = all(store, table).await.into_iter();
    rows.map(|(_, value)| decode(table, &value)).collect()
}

async fn all(store: &dyn Store, table: Table) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    loop {
        let range = Range {
            prefix: Vec::new(),
            after: rows.last().map(|(key, _)| key.clone()),
        };
        let page = store.scan(table, range, SCAN_LIMIT_MAX).await;
        let page = page.expect("the rows are whole");
        let is_last = page.len() < SCAN_LIMIT_MAX;
        rows.extend(page.into_iter().map(|(key, row)| (key, row.value)));
        if is_last {
            return rows;
        }
    }
}

fn decode<T: DeserializeOwned>(table: Table, bytes: &[u8]) -> T {
    rows::decode(table, bytes).expect("a row of this version")
}
