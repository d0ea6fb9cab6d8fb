//! What a seed makes of the world before it begins: shops, goods, stock, rules, paces.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    AccountId, Currency, Money, Quantity, Sku, Time, allocation,
    breaker::BreakerRule,
    decide::Authority,
    item::{Item, ItemKind},
    locations::Locations,
    payment::CaptureOn,
    policy,
    rules::{Buffer, EndWhen, OfferRules, Ratio, ScopedRule},
};
use engine::{
    AccountConfig, Config,
    account::{Mode, Pace},
    decider::Policy,
    erasing::Privacy,
};
use fastrand::Rng;
use sandbox::{
    Product, ProductKind, Shop,
    buyers::{self, ShopView},
    faults::{Fault, Faults},
};

use crate::{banks, own::Own, phone::PHONE, places, promises};

/// One interval of every schedule, and the longest pause between two tries.
const QUIET_WITHIN: Duration = Duration::from_secs(20 * 60);

/// At fewer listings than this no breaker trips where mishaps happen: these shops are small.
const TOO_MANY_LISTINGS: u32 = 6;

/// How big, how long and how bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// How many shops.
    pub shops: usize,
    /// How many goods; a kit and a service come on top.
    pub goods: usize,
    /// How long buyers come, in virtual time.
    pub busy_for: Duration,
    /// How long the world may take to become quiet afterwards.
    pub quiet_within: Duration,
    /// How many orders there are at least: buyers come until then, for eight times as long at most.
    pub orders_min: u64,
    /// The time between two baskets, on average.
    pub basket_every: Duration,
    /// How bad the lines are.
    pub weather: Weather,
    /// How often our process dies, at most.
    pub crashes: u32,
    /// How often a shop is away for a while.
    pub outages: u32,
    /// For how long the last shop is away from soon after the beginning; not at all when nothing.
    pub dead_for: Duration,
    /// Whether staff edit levels and delete orders behind our back.
    pub meddling: bool,
    /// The channels that shops are on; all that have a twin when empty.
    pub channels: Vec<&'static str>,
    /// Whether the shops are on as many of them as possible, not left to chance.
    pub is_spread: bool,
    /// How many of each good there are.
    pub stock: std::ops::Range<i64>,
    /// Whether our staff also refund, count, correct and try again, and work at a second process over
    /// the same store.
    pub has_office: bool,
    /// Whether stock lies at several locations, and is moved and counted there.
    pub has_places: bool,
    /// How often something goes wrong that a person must put right, at most: a shop that shows zero
    /// everywhere, a bad file of counts, a locked listing.
    pub mishaps: u32,
    /// Whether the machine is off for a day afterwards, and must catch up.
    pub rests_a_day: bool,
    /// Faults that do not happen, whatever the weather.
    pub without: BTreeSet<Fault>,
}

/// How bad the lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Nothing goes wrong.
    Calm,
    /// Everything goes wrong now and then.
    Lively,
    /// Much goes wrong most of the time.
    Harsh,
}

impl Scale {
    /// Small enough for many seeds in a few seconds.
    pub fn small(weather: Weather) -> Scale {
        Scale {
            shops: 3,
            goods: 4,
            busy_for: Duration::from_secs(45),
            quiet_within: QUIET_WITHIN,
            orders_min: 0,
            basket_every: Duration::from_millis(900),
            weather,
            crashes: 0,
            outages: 0,
            dead_for: Duration::ZERO,
            meddling: false,
            channels: Vec::new(),
            is_spread: false,
            stock: 3..30,
            has_office: false,
            has_places: false,
            mishaps: 0,
            rests_a_day: false,
            without: BTreeSet::new(),
        }
    }

    /// An evening that has everything: each seed places hundreds of orders in shops on several
    /// channels, with people who meddle, an office, and a process that dies.
    pub fn whole(weather: Weather) -> Scale {
        Scale {
            shops: 3,
            goods: 10,
            busy_for: Duration::from_secs(80),
            orders_min: 200,
            basket_every: Duration::from_millis(250),
            crashes: 3,
            outages: 1,
            meddling: true,
            is_spread: true,
            stock: 30..80,
            has_office: true,
            has_places: true,
            mishaps: 3,
            ..Scale::small(weather)
        }
    }

    /// A long bad evening in many shops.
    pub fn long() -> Scale {
        Scale {
            shops: 5,
            goods: 12,
            busy_for: Duration::from_secs(600),
            basket_every: Duration::from_millis(500),
            crashes: 12,
            outages: 3,
            meddling: true,
            ..Scale::small(Weather::Harsh)
        }
    }
}

/// The world before it begins.
pub struct Plan {
    /// When it begins.
    pub begins_at: Time,
    /// What is sold where: the first shop is the one whose levels are true.
    pub shops: Vec<(&'static str, Shop)>,
    /// How many of each good there are.
    pub stock: BTreeMap<Sku, i64>,
    /// Kits and services.
    pub items: Vec<Item>,
    /// How lively buyers are.
    pub pace: buyers::Pace,
    /// How long an unpaid order keeps its stock.
    pub unpaid_for: Option<Duration>,
    /// When reserved money is taken, where a shop reserves any.
    pub capture_on: CaptureOn,
    /// What may be offered.
    pub rules: OfferRules,
    /// Where stock can lie; nothing where that is one place without a name.
    pub locations: Locations,
    /// When too much happens at once.
    pub breaker: BreakerRule,
    /// What is done about incidents without a person.
    pub incidents: Vec<policy::Rule>,
    /// Faults, shop by shop.
    pub faults: Vec<Faults>,
    /// The seeds of what is still left to chance.
    pub seeds: Seeds,
    /// The account of what our staff enter by hand, where they do.
    pub by_hand: Option<AccountId>,
    /// What a merchant configured, where the world is made of that.
    pub own: Option<Own>,
}

/// Seeds of the parts of a run.
pub struct Seeds {
    /// Of the order of tasks.
    pub executor: u64,
    /// Of the buyers.
    pub buyers: u64,
    /// Of our own staff.
    pub clerk: u64,
    /// Of crashes and outages.
    pub fate: u64,
    /// Of what else goes wrong.
    pub mishaps: u64,
}

impl Seeds {
    pub(crate) fn of(chance: &mut Rng) -> Seeds {
        Seeds {
            executor: chance.u64(..),
            buyers: chance.u64(..),
            clerk: chance.u64(..),
            fate: chance.u64(..),
            mishaps: chance.u64(..),
        }
    }
}

impl Plan {
    /// Makes it of a seed.
    pub fn new(seed: u64, scale: &Scale) -> Plan {
        let mut chance = Rng::with_seed(seed);
        let stock: BTreeMap<Sku, i64> = (1..=scale.goods)
            .map(|number| {
                (
                    sku(&format!("GOOD-{number:02}")),
                    chance.i64(scale.stock.clone()),
                )
            })
            .collect();
        let items = items(&stock, &mut chance);
        let channels: Vec<_> = sandbox::TWINS
            .iter()
            .map(|(id, _)| *id)
            .filter(|id| scale.channels.is_empty() || scale.channels.contains(id))
            .collect();
        let shops: Vec<_> = (0..scale.shops)
            .map(|number| {
                let mut choice = chance.usize(0..channels.len());
                if scale.is_spread {
                    let first = usize::try_from(seed % 64).unwrap_or_default();
                    choice = (first + number) % channels.len();
                }
                let channel = channels[choice];
                (channel, shop(number, channel, &stock, &items, &mut chance))
            })
            .collect();
        let mut pace = buyers::Pace::busy();
        pace.basket_every = scale.basket_every;
        if scale.meddling {
            pace = pace.with_meddling();
        }
        let faults = shops.iter().map(|_| faults(scale, &mut chance)).collect();
        let begins_at = Time::from_seconds(1_798_000_000 + chance.i64(0..86_400));
        let mut rules = rules(&shops, &mut chance);
        // Left to a chance of its own: an evening without either is as it would be else.
        let mut apart = Rng::with_seed(seed ^ 0x0b11_6a7e);
        let mut incidents = Vec::new();
        let mut capture_on = CaptureOn::Never;
        if scale.has_office {
            rules
                .rules
                .extend(promises::rules(&stock, begins_at, &mut apart));
            incidents = promises::policy(&mut apart);
            capture_on = banks::capture_on(&mut apart);
        }
        let locations = match scale.has_places {
            true => places::locations(&shops, &mut chance),
            false => Locations::default(),
        };
        let mut breaker = BreakerRule::default();
        if scale.mishaps > 0 {
            breaker.listings_min = TOO_MANY_LISTINGS;
        }
        Plan {
            begins_at,
            rules,
            incidents,
            locations,
            breaker,
            unpaid_for: chance.bool().then_some(Duration::from_secs(40)),
            capture_on,
            faults,
            pace,
            stock,
            items,
            shops,
            seeds: Seeds::of(&mut chance),
            by_hand: scale.has_office.then(|| AccountId::new(PHONE)),
            own: None,
        }
    }

    /// The account whose levels are the opening stock.
    pub fn opening(&self) -> AccountId {
        let (_, first) = self.shops.first().expect("there is at least one shop");
        AccountId::new(&first.name)
    }

    /// What the engine is configured with, for shops reached by these settings.
    pub fn config(&self, settings: &[serde_json::Value]) -> Config {
        if let Some(own) = &self.own {
            return own.config(self, settings);
        }
        let shops = self.shops.iter().zip(settings);
        let shops = shops.map(|((channel, shop), settings)| {
            self.account(AccountId::new(&shop.name), channel, settings.clone())
        });
        let by_hand = self.by_hand.iter().map(|id| {
            let settings = serde_json::Value::Object(serde_json::Map::new());
            self.account(id.clone(), "manual", settings)
        });
        let accounts = shops.chain(by_hand);
        Config {
            accounts: accounts.collect(),
            opening: Some(self.opening()),
            policy: Policy {
                accounts: BTreeMap::new(),
                rules: self.rules.clone(),
                home: self.locations.home(),
                locations: self.locations.clone(),
                allocation: allocation::Rules {
                    // Where there is one location, nothing is chosen.
                    when: allocation::When::Ready,
                    ..allocation::Rules::default()
                },
                breaker: self.breaker,
                incidents: self.incidents.clone(),
                penalties: BTreeMap::new(),
                verify: domain::verify::Verification::default(),
                order_rules: Vec::new(),
            },
            items: self.items.clone(),
            backlog_max: 10_000,
            public_url: None,
            privacy: Privacy::default(),
            sellers: engine::issuing::Sellers::default(),
            gateways: engine::gateways::Gateways::default(),
            compare_first: false,
        }
    }

    fn account(&self, id: AccountId, kind: &str, settings: serde_json::Value) -> AccountConfig {
        AccountConfig {
            id,
            connector: connectors::find(kind).expect("every twin has its connector"),
            settings,
            mode: Mode::Live,
            pace: Pace {
                poll_every: Duration::from_secs(10),
                reread_every: Duration::from_secs(45),
                listings_every: Duration::from_secs(600),
                reconcile: "15 */2 * * * *".parse().expect("a schedule"),
                orders_since: Duration::from_secs(3600),
            },
            unpaid_for: self.unpaid_for,
            promised: domain::deadlines::Promised::default(),
            capture_on: self.capture_on,
            authority: Authority::Ledger,
        }
    }

    /// How long an unpaid order keeps its stock on each account where it does not keep it for good.
    pub fn unpaid_for(&self) -> BTreeMap<AccountId, Duration> {
        match &self.own {
            Some(own) => own.unpaid_for(),
            None => {
                let shops = self
                    .shops
                    .iter()
                    .map(|(_, shop)| AccountId::new(&shop.name));
                let accounts = shops.chain(self.by_hand.clone());
                let all = accounts.filter_map(|id| Some((id, self.unpaid_for?)));
                all.collect()
            }
        }
    }

    /// How many units of each good may be owed at most.
    pub(crate) fn may_be_owed(&self) -> BTreeMap<Sku, i64> {
        let accounts = self.shops.iter();
        let accounts: Vec<_> = accounts
            .map(|(_, shop)| AccountId::new(&shop.name))
            .collect();
        let (rules, declared) = match &self.own {
            Some(own) => own.rules(),
            None => (self.rules.clone(), self.items.clone()),
        };
        let goods = self.stock.keys().map(|good| {
            let mut declared = declared.iter();
            let item = declared.find(|item| item.sku == *good).cloned();
            item.unwrap_or_else(|| promises::plain(good))
        });
        let goods: Vec<Item> = goods.collect();
        promises::may_be_owed(&rules, &goods, &accounts)
    }

    /// The accounts on channels that replace a level only when it is the one we believe.
    pub fn compares(&self) -> BTreeSet<AccountId> {
        let compare = |channel: &str| {
            connectors::find(channel).is_some_and(|connector| connector.descriptor().compares)
        };
        self.shops
            .iter()
            .filter(|(channel, _)| compare(channel))
            .map(|(_, shop)| AccountId::new(&shop.name))
            .collect()
    }

    /// What one unit of each kit and service takes.
    pub fn bills(&self) -> BTreeMap<Sku, BTreeMap<Sku, i64>> {
        let bill = |item: &Item| -> BTreeMap<Sku, i64> {
            let parts = item.bill().into_iter();
            parts.map(|(sku, units)| (sku, units.units())).collect()
        };
        self.items
            .iter()
            .map(|item| (item.sku.clone(), bill(item)))
            .collect()
    }

    /// What a shop sells, with the levels that it shows now.
    pub fn view(&self, shop: usize, levels: BTreeMap<Sku, i64>) -> ShopView {
        let products = self.shops.get(shop).map(|(_, shop)| &shop.products);
        let skus = products.into_iter().flatten();
        ShopView {
            skus: skus.map(|product| product.sku.clone()).collect(),
            levels,
        }
    }
}

fn sku(text: &str) -> Sku {
    Sku::new(text).expect("a text of letters and digits is a SKU")
}

fn items(stock: &BTreeMap<Sku, i64>, chance: &mut Rng) -> Vec<Item> {
    let item = |code: &str, kind| Item {
        sku: sku(code),
        kind,
        scale: 0,
        title: code.to_lowercase(),
        category: None,
        barcode: None,
        prices: Vec::new(),
    };
    let mut parts = BTreeMap::new();
    for good in stock.keys().take(2) {
        parts.insert(good.clone(), Quantity::of(chance.i32(1..=2)));
    }
    vec![
        item("GIFT-SET", ItemKind::Kit(parts)),
        item("WRAPPING", ItemKind::Service),
    ]
}

fn shop(
    number: usize,
    channel: &str,
    stock: &BTreeMap<Sku, i64>,
    items: &[Item],
    chance: &mut Rng,
) -> Shop {
    let is_first = number == 0;
    let mut products = Vec::new();
    for (sku, units) in stock {
        if !is_first && chance.u32(0..4) == 0 {
            continue;
        }
        let kind = match chance.u32(0..4) {
            0 => ProductKind::Variation {
                parent: "RANGE".to_owned(),
            },
            _ => ProductKind::Simple,
        };
        // The other shops begin with what somebody typed in once.
        let level = if is_first { *units } else { chance.i64(0..20) };
        products.push(product(sku, kind, level, chance));
    }
    for item in items {
        let is_service = !matches!(item.kind, ItemKind::Kit(_));
        if (is_service && !takes_services(channel)) || (!products.is_empty() && chance.bool()) {
            continue;
        }
        let kind = match is_service {
            true => ProductKind::Service,
            false => ProductKind::Simple,
        };
        products.push(product(&item.sku, kind, chance.i64(0..6), chance));
    }
    shop_at(number, format!("shop-{number}"), products, chance.u64(..))
}

/// A marketplace for goods has no services.
pub(crate) fn takes_services(channel: &str) -> bool {
    channel != "ebay"
}

/// How a shop is reached, with what it sells.
pub(crate) fn shop_at(number: usize, name: String, products: Vec<Product>, seed: u64) -> Shop {
    Shop {
        api_url: format!("http://127.0.0.1:{}", 4711 + number),
        hook_url: format!("http://127.0.0.1:8080/hooks/{name}"),
        name,
        products,
        seed,
    }
}

pub(crate) fn product(sku: &Sku, kind: ProductKind, level: i64, chance: &mut Rng) -> Product {
    let euro = Currency::new("EUR").expect("EUR is a currency");
    Product {
        sku: sku.clone(),
        title: format!("The {sku}"),
        price: Money::from_minor(chance.i64(100..9_999), euro).expect("a small price"),
        kind,
        level,
    }
}

fn faults(scale: &Scale, chance: &mut Rng) -> Faults {
    let mut faults = match scale.weather {
        Weather::Calm => Faults::none(),
        Weather::Lively => Faults::lively(chance.u64(..)),
        Weather::Harsh => Faults::harsh(chance.u64(..)),
    };
    let happens = |fault: &Fault| !scale.without.contains(fault);
    faults.per_mille.retain(|fault, _| happens(fault));
    faults
}

/// A buffer, a share or a limit here and there.
fn rules(shops: &[(&'static str, Shop)], chance: &mut Rng) -> OfferRules {
    let mut rules = Vec::new();
    for (_, shop) in shops {
        let blank = ScopedRule {
            account: Some(AccountId::new(&shop.name)),
            ..ScopedRule::default()
        };
        match chance.u32(0..6) {
            0 => rules.push(ScopedRule {
                buffer: Some(Buffer::Units(Quantity::of(1))),
                ..blank
            }),
            1 => rules.push(ScopedRule {
                share: Some(Ratio {
                    numerator: 2,
                    denominator: 3,
                }),
                ..blank
            }),
            2 => rules.push(ScopedRule {
                max: Some(Quantity::of(4)),
                ..blank
            }),
            3 => rules.push(ScopedRule {
                zero_below: Some(Quantity::of(2)),
                end_when: Some(EndWhen::At(Quantity::ZERO)),
                ..blank
            }),
            4 => rules.push(ScopedRule {
                buffer: Some(Buffer::Auto),
                buffer_max: Some(Quantity::of(2)),
                ..blank
            }),
            _ => {}
        }
    }
    OfferRules { rules }
}
