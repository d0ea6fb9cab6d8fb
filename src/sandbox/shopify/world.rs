//! The shop itself: what it sells, what was sold, and how its counts move.
//!
//! A tracked item is in one of three states at the location: available, committed to an open order,
//! or gone. Ordering commits, shipping takes committed units away, canceling with restock puts them
//! back; `on_hand` is what is available and committed together.

use std::collections::BTreeMap;

use domain::{Currency, ExternalId, Money, Sku, Time};

use crate::{LevelWrite, Product, ProductKind, Refused, TrueOrder, TrueShipment};

use super::{
    hooks::Hooks,
    order::{INDEX_LAG, Line, Order, Part, PartLine, Transaction},
};

/// What shipping costs, where the currency has cents.
const SHIPPING_MINOR: i64 = 490;
/// Value added tax, contained in prices: so many parts of a hundred, and as many on top.
const TAX_PERCENT: i64 = 19;

pub(super) struct World {
    /// The part of the domain before `.myshopify.com`.
    pub(super) shop: String,
    pub(super) currency: Currency,
    pub(super) location: u64,
    pub(super) variants: Vec<Variant>,
    pub(super) orders: BTreeMap<u64, Order>,
    pub(super) hooks: Hooks,
    pub(super) jobs: Vec<CancelJob>,
    pub(super) level_writes: Vec<LevelWrite>,
    pub(super) restocks: Vec<LevelWrite>,
    pub(super) writes: u64,
    pub(super) chance: fastrand::Rng,
    next_id: u64,
}

pub(super) struct Variant {
    pub(super) product: u64,
    pub(super) id: u64,
    pub(super) item: u64,
    pub(super) sku: Sku,
    /// Of the product; variations have their own beside it.
    pub(super) title: String,
    pub(super) variation: Option<String>,
    pub(super) price: Money,
    pub(super) is_tracked: bool,
    pub(super) available: i64,
    pub(super) committed: i64,
    pub(super) changed_at: Time,
}

/// A cancellation that was accepted and is not done yet.
pub(super) struct CancelJob {
    /// Its global id; empty where nobody can ask for it.
    pub(super) id: String,
    pub(super) due: Time,
    pub(super) order: u64,
    pub(super) reason: String,
    pub(super) restock: bool,
    pub(super) refund: bool,
}

/// Orders and levels change at whole seconds.
pub(super) fn to_seconds(time: Time) -> Time {
    Time::from_seconds(time.seconds())
}

impl World {
    pub(super) fn new(shop: &crate::Shop) -> World {
        let mut chance = fastrand::Rng::with_seed(shop.seed);
        let euro = Currency::new("EUR").expect("three letters");
        let name: String = shop
            .name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '-'
                }
            })
            .collect();
        let next_id = 4_000_000_000_000 + chance.u64(0..1_000_000_000);
        let mut world = World {
            hooks: Hooks::new(&shop.hook_url, &format!("{name}.myshopify.com"), shop.seed),
            shop: name,
            currency: shop
                .products
                .first()
                .map_or(euro, |product| product.price.currency()),
            location: 0,
            variants: Vec::new(),
            orders: BTreeMap::new(),
            jobs: Vec::new(),
            level_writes: Vec::new(),
            restocks: Vec::new(),
            writes: 0,
            chance,
            next_id,
        };
        world.location = world.id();
        let mut parents: BTreeMap<String, u64> = BTreeMap::new();
        for product in &shop.products {
            world.add(product, &mut parents);
        }
        world
    }

    fn add(&mut self, product: &Product, parents: &mut BTreeMap<String, u64>) {
        let own = self.id();
        let (parent, title, variation) = match &product.kind {
            ProductKind::Simple | ProductKind::Service => (own, product.title.clone(), None),
            ProductKind::Variation { parent } => (
                *parents.entry(parent.clone()).or_insert(own),
                parent.clone(),
                Some(product.title.clone()),
            ),
        };
        let variant = Variant {
            product: parent,
            id: self.id(),
            item: self.id(),
            sku: product.sku.clone(),
            title,
            variation,
            price: product.price,
            is_tracked: !matches!(product.kind, ProductKind::Service),
            available: product.level,
            committed: 0,
            changed_at: Time::EPOCH,
        };
        self.variants.push(variant);
    }

    /// A new id; they grow, with gaps.
    pub(super) fn id(&mut self) -> u64 {
        self.next_id += self.chance.u64(1..=97);
        self.next_id
    }

    pub(super) fn variant_of(&self, sku: &Sku) -> Option<usize> {
        self.variants.iter().position(|variant| variant.sku == *sku)
    }

    /// Sells a basket, or refuses it whole.
    pub(super) fn buy(
        &mut self,
        basket: &[(Sku, u32)],
        is_paid: bool,
        now: Time,
    ) -> Result<u64, Refused> {
        let mut wanted: Vec<(usize, i64)> = Vec::new();
        for (sku, units) in basket {
            let place = self.variant_of(sku);
            let place = place.ok_or_else(|| Refused::Unknown(sku.to_string()))?;
            match wanted.iter_mut().find(|(at, _)| *at == place) {
                Some((_, sum)) => *sum += i64::from(*units),
                None => wanted.push((place, i64::from(*units))),
            }
        }
        wanted.retain(|(_, units)| *units > 0);
        if wanted.is_empty() {
            return Err(Refused::Impossible("nothing is in the basket"));
        }
        for (place, units) in &wanted {
            let variant = &self.variants[*place];
            if variant.is_tracked && variant.available < *units {
                return Err(Refused::OutOfStock(variant.sku.clone()));
            }
        }
        let id = self.id();
        let number = 1001 + self.orders.len() as u64;
        let lines: Vec<Line> = wanted
            .iter()
            .map(|(variant, quantity)| Line {
                id: self.id(),
                variant: *variant,
                quantity: *quantity,
                removed: 0,
                unshippable: 0,
            })
            .collect();
        let mut places = wanted.iter();
        let is_shipped = places.any(|(place, _)| self.variants[*place].is_tracked);
        let has_cents = self.currency.exponent() == 2;
        let parts = self.parts(&lines);
        let mut order = Order {
            id,
            number,
            placed_at: now,
            updated_at: to_seconds(now),
            changes: vec![now],
            canceled: None,
            is_deleted: false,
            is_suspect: false,
            lines,
            street: None,
            shipping_minor: if is_shipped && has_cents {
                SHIPPING_MINOR
            } else {
                0
            },
            parts,
            fulfillments: Vec::new(),
            refunds: Vec::new(),
            transactions: Vec::new(),
            is_part_paid: false,
        };
        for (place, units) in &wanted {
            self.move_level(*place, -units, *units, now);
        }
        if is_paid {
            order.transactions.push(self.sale(&order, now));
        }
        self.orders.insert(id, order);
        let topics: &[_] = match is_paid {
            true => &["orders/create", "orders/updated", "orders/paid"],
            false => &["orders/create", "orders/updated"],
        };
        self.tell_order(id, topics, now);
        Ok(id)
    }

    /// Fulfillment orders for the lines; some baskets are routed in two parts from one location.
    fn parts(&mut self, lines: &[Line]) -> Vec<Part> {
        let in_two = lines.len() > 1 && self.chance.u8(0..3) == 0;
        let cut = if in_two { lines.len() / 2 } else { lines.len() };
        let places: Vec<usize> = (0..lines.len()).collect();
        let (first, second) = places.split_at(cut);
        [first, second]
            .into_iter()
            .filter(|places| !places.is_empty())
            .map(|places| Part {
                id: self.id(),
                status: "OPEN",
                lines: places
                    .iter()
                    .map(|place| PartLine {
                        id: self.id(),
                        line: *place,
                        total: lines[*place].quantity,
                        remaining: lines[*place].quantity,
                    })
                    .collect(),
            })
            .collect()
    }

    pub(super) fn sale(&mut self, order: &Order, now: Time) -> Transaction {
        Transaction {
            id: self.id(),
            kind: "SALE",
            minor: order.gross_minor(self),
            parent: None,
            created_at: now,
        }
    }

    /// Moves units of a tracked item, and tells it.
    pub(super) fn move_level(&mut self, place: usize, available: i64, committed: i64, now: Time) {
        let variant = &mut self.variants[place];
        if !variant.is_tracked {
            return;
        }
        variant.available += available;
        variant.committed = (variant.committed + committed).max(0);
        if available != 0 {
            variant.changed_at = to_seconds(now);
            self.tell_level(place, now);
        }
    }

    /// Puts units of an order back, and takes as many off what is committed if they never left.
    pub(super) fn put_back(&mut self, place: usize, units: i64, committed: i64, now: Time) {
        let variant = &self.variants[place];
        if variant.is_tracked {
            self.restocks.push(LevelWrite {
                sku: variant.sku.clone(),
                from: variant.available,
                to: variant.available + units,
                at: now,
            });
        }
        self.move_level(place, units, -committed, now);
    }

    /// Marks an order as changed.
    pub(super) fn touch(&mut self, id: u64, now: Time) {
        if let Some(order) = self.orders.get_mut(&id) {
            order.updated_at = order.updated_at.max(to_seconds(now));
            // Only the changes that the index has not seen, and the last that it has, matter.
            let seen = now.minus(INDEX_LAG);
            while order.changes.get(1).is_some_and(|change| *change <= seen) {
                order.changes.remove(0);
            }
            order.changes.push(now);
        }
    }

    pub(super) fn tax_minor(gross: i64) -> i64 {
        gross * TAX_PERCENT / (100 + TAX_PERCENT)
    }

    pub(super) fn money(&self, minor: i64) -> Money {
        Money::from_minor(minor, self.currency).unwrap_or(Money::zero(self.currency))
    }

    /// The order of this id, if it is still there.
    pub(super) fn live(&self, id: u64) -> Option<&Order> {
        self.orders.get(&id).filter(|order| !order.is_deleted)
    }

    pub(super) fn true_order(&self, order: &Order) -> TrueOrder {
        let units = |line: usize, units: i64| {
            let sku = self.variants[order.lines[line].variant].sku.clone();
            (sku, u32::try_from(units).unwrap_or(0))
        };
        let lines = order.lines.iter().enumerate();
        TrueOrder {
            external_id: ExternalId::new(order.id.to_string()),
            placed_at: order.placed_at,
            lines: lines.map(|(at, line)| units(at, line.quantity)).collect(),
            is_canceled: order.canceled.is_some(),
            is_deleted: order.is_deleted,
            shipments: order
                .shipments()
                .map(|made| TrueShipment {
                    carrier: made.tracking.company.clone().unwrap_or_default(),
                    tracking_number: made.tracking.number().unwrap_or_default().to_owned(),
                    lines: made
                        .lines
                        .iter()
                        .map(|(_, line, count)| units(*line, *count))
                        .collect(),
                })
                .collect(),
            refunded_minor: order.refunded_minor(),
            captured_minor: order.captured_minor(),
            given_up: match order.canceled {
                Some(_) => Vec::new(),
                None => (order.lines.iter().enumerate())
                    .map(|(at, line)| units(at, line.unshippable))
                    .filter(|(_, units)| *units > 0)
                    .collect(),
            },
            street: super::views::street(order),
        }
    }
}
