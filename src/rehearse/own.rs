//! A merchant's own shops: a world made of what somebody configured, so that it can be rehearsed.
//!
//! Accounts, items, rules, locations and schedules are the merchant's; each account is reached at the
//! twin of its channel, and sells the configured goods, or made-up ones where too few are configured.
//! How much lies there is chosen so that most goods run out while buyers come: only then a rule is put
//! to the test. What came of it is counted in [`crate::figures`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use domain::{
    AccountId, Quantity, Sku, Time,
    item::{Item, ItemKind},
    payment::CaptureOn,
    rules::{Buffer, OfferRules, ScopedRule},
};
use engine::{Config, account::Mode};
use fastrand::Rng;
use sandbox::{
    ProductKind, Shop,
    buyers::Pace,
    faults::{Fault, Faults},
};

use crate::plan::{Plan, Scale, Seeds, Weather, product, shop_at, takes_services};

/// Fewer goods than this are filled up with made-up ones.
const GOODS_MIN: usize = 8;
/// How much of what buyers will want lies there, in hundredths.
const STOCK_PERCENT: std::ops::RangeInclusive<i64> = 40..=110;
/// The least of a good.
const STOCK_MIN: i64 = 2;
/// Lines in a basket and units in a line on average, in hundredths, as buyers are.
const UNITS_PERCENT: u64 = 240;
/// How long everything may take to become quiet beyond two rounds of every schedule.
const QUIET_WITHIN: Duration = Duration::from_secs(2 * 3600);
/// The same where a channel takes only so many writes in a day.
const QUIET_WITHIN_BUDGET: Duration = Duration::from_secs(26 * 3600);
/// Of a thousand hooks, so many are lost where none are sent.
const ALL_HOOKS: u32 = 1000;

/// Makes the configuration anew: each run, and each start after a death, takes one.
pub type MakeConfig = Arc<dyn Fn() -> Config + Send + Sync>;

/// What is rehearsed.
#[derive(Clone)]
pub struct Own {
    make: MakeConfig,
    accounts: Vec<OwnAccount>,
    assortment: Assortment,
    evening: Evening,
    buffers: Buffers,
}

/// How the evening is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evening {
    /// How bad the lines are.
    pub weather: Weather,
    /// How long buyers come.
    pub busy_for: Duration,
    /// How many orders there are in an hour, over all accounts.
    pub orders_per_hour: u32,
}

/// What holds of buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffers {
    /// As the merchant configured it.
    Configured,
    /// There are none.
    None,
    /// Each tunes itself, with nothing else said.
    Auto,
}

impl Buffers {
    /// The word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            Buffers::Configured => "as configured",
            Buffers::None => "none",
            Buffers::Auto => "auto",
        }
    }

    fn apply(self, rules: &mut OfferRules) {
        let buffer = match self {
            Buffers::Configured => return,
            Buffers::None => Buffer::Units(Quantity::ZERO),
            Buffers::Auto => Buffer::Auto,
        };
        for rule in &mut rules.rules {
            (rule.buffer, rule.buffer_min, rule.buffer_max) = (None, None, None);
        }
        let everywhere = ScopedRule {
            buffer: Some(buffer),
            ..ScopedRule::default()
        };
        rules.rules.insert(0, everywhere);
    }
}

/// An account of the merchant's.
#[derive(Clone, Debug)]
pub struct OwnAccount {
    /// Its id.
    pub id: AccountId,
    /// Its channel.
    pub channel: &'static str,
    /// As it is configured.
    pub mode: Mode,
    /// Whether there is a twin of its channel, so that it can be rehearsed.
    pub has_twin: bool,
    /// Whether hooks tell of its orders; otherwise only polls do.
    pub has_hooks: bool,
}

impl OwnAccount {
    /// Whether it takes part.
    pub fn takes_part(&self) -> bool {
        self.has_twin && self.mode != Mode::Off
    }
}

/// What is sold.
#[derive(Clone, Debug, Default)]
pub struct Assortment {
    /// Goods, counted in pieces.
    pub goods: BTreeSet<Sku>,
    /// Kits and services.
    pub items: Vec<Item>,
    /// Goods and kits that nobody configured.
    pub made_up: Vec<Sku>,
    /// What is configured and cannot be rehearsed: the shops sell whole pieces.
    pub left_out: Vec<Sku>,
}

impl Own {
    /// Reads what there is to rehearse. Hooks are lost on accounts that are named deaf.
    pub fn new(make: MakeConfig, deaf: &BTreeSet<AccountId>, evening: Evening) -> Own {
        let config = make();
        let accounts = config.accounts.iter().map(|account| {
            let channel = account.connector.descriptor().id;
            OwnAccount {
                id: account.id.clone(),
                channel,
                mode: account.mode,
                has_twin: sandbox::TWINS.iter().any(|(id, _)| *id == channel),
                has_hooks: config.public_url.is_some() && !deaf.contains(&account.id),
            }
        });
        Own {
            accounts: accounts.collect(),
            assortment: Assortment::of(&config),
            evening,
            buffers: Buffers::Configured,
            make,
        }
    }

    /// The same with other buffers.
    #[must_use]
    pub fn with(&self, buffers: Buffers) -> Own {
        Own {
            buffers,
            ..self.clone()
        }
    }

    /// All configured accounts.
    pub fn accounts(&self) -> &[OwnAccount] {
        &self.accounts
    }

    /// What is sold.
    pub fn assortment(&self) -> &Assortment {
        &self.assortment
    }

    /// What holds of buffers.
    pub fn buffers(&self) -> Buffers {
        self.buffers
    }

    /// The account whose levels are the opening stock: the configured one, or else the first.
    pub fn opening(&self) -> Option<AccountId> {
        let takes_part = |id: &AccountId| {
            self.accounts
                .iter()
                .any(|one| one.id == *id && one.takes_part())
        };
        let first = self.accounts.iter().find(|one| one.takes_part());
        let configured = (self.make)().opening.filter(takes_part);
        configured.or(first.map(|one| one.id.clone()))
    }

    /// Accounts that sell nothing from where the opening stock lies.
    pub fn unserved(&self) -> Vec<AccountId> {
        let policy = (self.make)().policy;
        let all = self.accounts.iter().filter(|one| one.takes_part());
        let ids = all.map(|one| one.id.clone());
        ids.filter(|id| !policy.locations.serves(&policy.home, id))
            .collect()
    }

    /// How much happens in an evening.
    pub fn scale(&self) -> Scale {
        let config = (self.make)();
        let paces = config.accounts.iter().map(|account| &account.pace);
        let slowest = paces.map(|pace| pace.poll_every.max(pace.reread_every));
        let has_budget = config.accounts.iter().any(|account| {
            let descriptor = account.connector.descriptor();
            descriptor.writes_per_listing_per_day.is_some()
        });
        let within = if has_budget {
            QUIET_WITHIN_BUDGET
        } else {
            QUIET_WITHIN
        };
        let (crashes, outages) = match self.evening.weather {
            Weather::Calm => (0, 0),
            Weather::Lively => (0, 1),
            Weather::Harsh => (2, 2),
        };
        Scale {
            shops: self.accounts.iter().filter(|one| one.takes_part()).count(),
            goods: self.assortment.goods.len(),
            busy_for: self.evening.busy_for,
            basket_every: self.basket_every(),
            quiet_within: within + slowest.max().unwrap_or_default() * 2,
            crashes,
            outages,
            ..Scale::small(self.evening.weather)
        }
    }

    fn basket_every(&self) -> Duration {
        Duration::from_secs(3600) / self.evening.orders_per_hour.max(1)
    }

    /// The world that a seed makes of it.
    pub(crate) fn plan(&self, seed: u64) -> Plan {
        let mut chance = Rng::with_seed(seed ^ 0x0e_5417);
        let stock = self.stock(&mut chance);
        let mut accounts: Vec<&OwnAccount> = self
            .accounts
            .iter()
            .filter(|one| one.takes_part())
            .collect();
        let opening = self.opening();
        accounts.sort_by_key(|one| Some(&one.id) != opening.as_ref());
        let shops: Vec<(&'static str, Shop)> = accounts
            .iter()
            .enumerate()
            .map(|(number, one)| (one.channel, self.shop(number, one, &stock, &mut chance)))
            .collect();
        let faults = accounts.iter().map(|one| self.faults(one, &mut chance));
        let faults = faults.collect();
        let mut pace = Pace::busy();
        pace.basket_every = self.basket_every();
        let seconds = chance.i64(0..86_400);
        let policy = (self.make)().policy;
        Plan {
            begins_at: Time::from_seconds(1_798_000_000 + seconds),
            rules: OfferRules::default(),
            incidents: Vec::new(),
            locations: policy.locations,
            breaker: policy.breaker,
            unpaid_for: None,
            capture_on: self.capture_on(),
            items: self.assortment.items.clone(),
            stock,
            shops,
            pace,
            faults,
            seeds: Seeds::of(&mut chance),
            by_hand: None,
            own: Some(self.clone()),
        }
    }

    /// Whether any of the accounts takes reserved money; if so, buyers have it reserved.
    fn capture_on(&self) -> CaptureOn {
        let accounts = (self.make)().accounts.into_iter();
        let mut taken = accounts.map(|account| account.capture_on);
        let taken = taken.find(|taken| *taken != CaptureOn::Never);
        taken.unwrap_or_default()
    }

    /// What the engine is configured with, for shops that are reached by these settings.
    pub(crate) fn config(&self, plan: &Plan, settings: &[serde_json::Value]) -> Config {
        let mut config = (self.make)();
        let names = plan.shops.iter().map(|(_, shop)| shop.name.as_str());
        let reached: BTreeMap<&str, &serde_json::Value> = names.zip(settings).collect();
        config
            .accounts
            .retain(|account| reached.contains_key(account.id.as_str()));
        for account in &mut config.accounts {
            if let Some(settings) = reached.get(account.id.as_str()) {
                account.settings = (*settings).clone();
            }
            account.mode = Mode::Live;
        }
        config.opening = Some(plan.opening());
        // The twins send hooks unasked; which of them arrive is said by their lines.
        config.public_url = None;
        config
            .items
            .retain(|item| !self.assortment.left_out.contains(&item.sku));
        let known: BTreeSet<Sku> = config.items.iter().map(|item| item.sku.clone()).collect();
        let made_up = self.assortment.items.iter();
        config
            .items
            .extend(made_up.filter(|item| !known.contains(&item.sku)).cloned());
        self.buffers.apply(&mut config.policy.rules);
        config
    }

    /// The configured rules and items.
    pub(crate) fn rules(&self) -> (OfferRules, Vec<Item>) {
        let config = (self.make)();
        (config.policy.rules, config.items)
    }

    pub(crate) fn unpaid_for(&self) -> BTreeMap<AccountId, Duration> {
        let accounts = (self.make)().accounts.into_iter();
        accounts
            .filter_map(|account| Some((account.id, account.unpaid_for?)))
            .collect()
    }

    fn faults(&self, account: &OwnAccount, chance: &mut Rng) -> Faults {
        let seed = chance.u64(..);
        let mut faults = match self.evening.weather {
            Weather::Calm => Faults::none(),
            Weather::Lively => Faults::lively(seed),
            Weather::Harsh => Faults::harsh(seed),
        };
        if !account.has_hooks {
            faults.per_mille.retain(|fault, _| !fault.is_of_hooks());
            faults.per_mille.insert(Fault::HookLost, ALL_HOOKS);
        }
        faults
    }

    /// Some part of what buyers will want of each good, or a little more.
    fn stock(&self, chance: &mut Rng) -> BTreeMap<Sku, i64> {
        let skus = self.assortment.skus();
        let hours_ms = u64::try_from(self.evening.busy_for.as_millis()).unwrap_or(u64::MAX / 1000);
        let orders = u128::from(hours_ms) * u128::from(self.evening.orders_per_hour) / 3_600_000;
        let units = orders * u128::from(UNITS_PERCENT) / 100;
        let count = skus.len() as u128;
        let mut wanted: BTreeMap<Sku, i64> = BTreeMap::new();
        for (rank, sku) in skus.iter().enumerate() {
            // Buyers take the first of three that they think of.
            let (from, to) = (count - rank as u128, count - rank as u128 - 1);
            let share = from.pow(3) - to.pow(3);
            let of_sku = i64::try_from(units * share / count.pow(3)).unwrap_or(i64::MAX / 1000);
            for (good, per_unit) in self.assortment.bill(sku) {
                *wanted.entry(good).or_default() += of_sku.saturating_mul(per_unit);
            }
        }
        let goods = self.assortment.goods.iter();
        goods
            .map(|good| {
                let wanted = wanted.get(good).copied().unwrap_or(0);
                let units = wanted.saturating_mul(chance.i64(STOCK_PERCENT)) / 100;
                (good.clone(), units.max(STOCK_MIN))
            })
            .collect()
    }

    fn shop(
        &self,
        number: usize,
        account: &OwnAccount,
        stock: &BTreeMap<Sku, i64>,
        chance: &mut Rng,
    ) -> Shop {
        let mut products = Vec::new();
        for (sku, level) in stock {
            products.push(product(sku, ProductKind::Simple, *level, chance));
        }
        for item in &self.assortment.items {
            let is_service = item.kind == ItemKind::Service;
            if is_service && !takes_services(account.channel) {
                continue;
            }
            let kind = match is_service {
                true => ProductKind::Service,
                false => ProductKind::Simple,
            };
            let bill = item.bill().into_iter();
            let kits = bill.map(|(sku, units)| {
                let there = stock.get(&sku).copied().unwrap_or(0);
                there / units.units().max(1)
            });
            let level = kits.min().unwrap_or(0);
            products.push(product(&item.sku, kind, level, chance));
        }
        shop_at(number, account.id.to_string(), products, chance.u64(..))
    }
}

impl Assortment {
    /// What the configuration speaks of, filled up where that is little.
    fn of(config: &Config) -> Assortment {
        let mut assortment = Assortment::default();
        let is_whole = |sku: &Sku| {
            let item = config.items.iter().find(|item| item.sku == *sku);
            item.is_none_or(|item| item.scale == 0)
        };
        for item in &config.items {
            let parts: Vec<Sku> = match &item.kind {
                ItemKind::Good => vec![item.sku.clone()],
                ItemKind::Kit(components) => components.keys().cloned().collect(),
                ItemKind::Service => Vec::new(),
            };
            if item.scale > 0 || !parts.iter().all(is_whole) {
                assortment.left_out.push(item.sku.clone());
                continue;
            }
            let is_good = |sku: &Sku| {
                let known = config.items.iter().find(|item| item.sku == *sku);
                known.is_none_or(|item| item.kind == ItemKind::Good)
            };
            assortment.goods.extend(parts.into_iter().filter(is_good));
            if item.kind != ItemKind::Good {
                assortment.items.push(item.clone());
            }
        }
        let declared = |sku: &Sku| config.items.iter().any(|item| item.sku == *sku);
        let named = config.policy.rules.rules.iter();
        let named = named.filter_map(|rule| rule.sku.clone());
        assortment.goods.extend(named.filter(|sku| !declared(sku)));
        assortment.fill_up();
        assortment
    }

    /// Adds made-up goods, and a kit where there is none.
    fn fill_up(&mut self) {
        let is_taken = |all: &Assortment, sku: &Sku| {
            all.goods.contains(sku)
                || all.left_out.contains(sku)
                || all.items.iter().any(|item| item.sku == *sku)
        };
        let mut number = 0;
        while self.goods.len() < GOODS_MIN {
            number += 1;
            let sku = made_up(&format!("GOOD-{number:02}"));
            if !is_taken(self, &sku) {
                self.made_up.push(sku.clone());
                self.goods.insert(sku);
            }
        }
        let has_kit = self
            .items
            .iter()
            .any(|item| matches!(item.kind, ItemKind::Kit(_)));
        let sku = made_up("GIFT-SET");
        if !has_kit && !is_taken(self, &sku) {
            let parts = self.goods.iter().take(2);
            let parts = parts.map(|good| (good.clone(), Quantity::of(1)));
            self.items.push(Item {
                sku: sku.clone(),
                kind: ItemKind::Kit(parts.collect()),
                scale: 0,
                title: "A made-up kit".to_owned(),
                category: None,
                barcode: None,
                prices: Vec::new(),
            });
            self.made_up.push(sku);
        }
    }

    /// Everything that can be bought, as buyers sort it.
    fn skus(&self) -> Vec<Sku> {
        let items = self.items.iter().map(|item| item.sku.clone());
        let all: BTreeSet<Sku> = self.goods.iter().cloned().chain(items).collect();
        all.into_iter().collect()
    }

    /// What one unit of it takes.
    fn bill(&self, sku: &Sku) -> Vec<(Sku, i64)> {
        let Some(item) = self.items.iter().find(|item| item.sku == *sku) else {
            return vec![(sku.clone(), 1)];
        };
        let bill = item.bill().into_iter();
        bill.map(|(good, units)| (good, units.units())).collect()
    }
}

fn made_up(text: &str) -> Sku {
    Sku::new(text).expect("letters, digits and a dash are a SKU")
}
