//! The words of the tables: a small world, what can happen in it, and what can be expected of it.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    super::*,
    reports::{line_snapshot, listing, order_snapshot, push_signal},
    words::{side_named, whose},
};
use crate::{
    Decimal,
    book::{ClaimKey, Incident},
    buffer::Demand,
    intent::IntentState,
    item::{Item, ItemKind},
    offer::known_sales,
    rules::{Buffer, EndWhen, LastUnits, Ratio, ScopedRule},
    signal::{Change, Command, OpeningLevel, Source},
    snapshot::{PaymentState, Standing, Version},
    stock::{Condition, Movement},
};

pub(super) use super::words::{listing_key, number, sku};

/// A small merchant: MUG and PLATE are goods, SET is a kit of two mugs and a plate, WRAP is a service.
/// All are listed on `web` and `market`; `till` sells over the counter.
pub(super) struct World {
    pub(super) book: Book,
    pub(super) now: i64,
    movements: Vec<Movement>,
    pub(super) told: Vec<Fact>,
    pub(super) names: BTreeMap<String, OrderId>,
    pub(super) rules: OfferRules,
    pub(super) locations: Locations,
    pub(super) allocation: allocation::Rules,
    /// How many seconds before they become known buyers place their orders; long ago when not said.
    pub(super) placed_ago: Option<i64>,
    owner: Option<&'static str>,
    budget: Option<WriteBudget>,
    pub(super) promised: crate::deadlines::Promised,
    pub(super) capture_on: crate::payment::CaptureOn,
    pub(super) incidents: Vec<crate::policy::Rule>,
    pub(super) order_rules: Vec<OrderRule>,
    pub(super) verify: Verification,
    last: Result<Verdict, Refusal>,
}

pub(super) const SKUS: [&str; 4] = ["MUG", "PLATE", "SET", "WRAP"];

/// Later than anything that happens in a table.
pub(super) const LATER: Time = Time::END;

impl World {
    pub(super) fn new() -> World {
        let mut world = World {
            book: Book::default(),
            now: 1_000,
            movements: Vec::new(),
            told: Vec::new(),
            names: BTreeMap::new(),
            rules: OfferRules::default(),
            locations: Locations::default(),
            allocation: allocation::Rules::default(),
            placed_ago: None,
            owner: None,
            budget: None,
            promised: crate::deadlines::Promised::default(),
            capture_on: crate::payment::CaptureOn::default(),
            incidents: Vec::new(),
            order_rules: Vec::new(),
            verify: Verification::default(),
            last: Ok(Verdict::Nothing),
        };
        let components = BTreeMap::from([
            (sku("MUG"), Quantity::of(2)),
            (sku("PLATE"), Quantity::of(1)),
        ]);
        for (name, kind) in [
            ("SET", ItemKind::Kit(components)),
            ("WRAP", ItemKind::Service),
        ] {
            let item = Item {
                sku: sku(name),
                kind,
                scale: 0,
                title: name.to_owned(),
                category: None,
                barcode: None,
                prices: Vec::new(),
            };
            world.decide(&Signal::Command(Command::SetItem(item)));
        }
        for account in ["web", "market"] {
            let listings = SKUS.iter().map(|name| listing(name)).collect();
            let account = AccountId::new(account);
            world.decide(&Signal::Listings { account, listings });
        }
        world
    }

    fn context(&self) -> Context {
        let terms = Terms {
            meaning: QuantityMeaning::Available,
            unpaid_for: Some(Duration::from_secs(3600)),
            authority: Authority::Ledger,
            budget: self.budget,
            is_by_hand: false,
            promised: self.promised,
            capture_on: self.capture_on,
        };
        let owner = Terms {
            authority: Authority::Channel,
            ..terms
        };
        let terms_of = |id| if self.owner == Some(id) { owner } else { terms };
        let accounts = ["web", "market", "till"].map(|id| (AccountId::new(id), terms_of(id)));
        let by_hand = Terms {
            is_by_hand: true,
            ..terms
        };
        let mut accounts = BTreeMap::from(accounts);
        accounts.insert(AccountId::new("phone"), by_hand);
        let policy = Policy {
            accounts,
            rules: self.rules.clone(),
            home: self.locations.home(),
            locations: self.locations.clone(),
            allocation: self.allocation.clone(),
            breaker: BreakerRule {
                listings_min: 3,
                ..BreakerRule::default()
            },
            incidents: self.incidents.clone(),
            penalties: BTreeMap::new(),
            verify: self.verify.clone(),
            order_rules: self.order_rules.clone(),
        };
        Context {
            now: Time::from_seconds(self.now),
            policy: Arc::new(policy),
        }
    }

    /// Decides, and gives freed stock to the orders that wait for it, as the engine does.
    pub(super) fn decide(&mut self, signal: &Signal) {
        self.now += 10;
        let follow_ups = self.decide_once(signal);
        for follow_up in follow_ups {
            let FollowUp::OfferToWaiting(_) = follow_up else {
                continue;
            };
            let mut waiting: Vec<(Time, OrderId)> = self
                .book
                .orders
                .values()
                .filter(|order| self.book.is_short(order))
                .map(|order| (order.placed_at, order.id))
                .collect();
            waiting.sort();
            for (_, order) in waiting {
                self.decide_once(&Signal::Reclaim { order });
            }
        }
        self.check_laws();
    }

    /// What is decided about what a person wants.
    pub(super) fn ask(&mut self, command: Command) -> Result<Verdict, Refusal> {
        self.decide(&Signal::Command(command));
        self.last.clone()
    }

    pub(super) fn decide_once(&mut self, signal: &Signal) -> Vec<FollowUp> {
        let mut book = self.book.clone();
        book.all_claims_of = SKUS.iter().map(|name| sku(name)).collect();
        book.facts.clear();
        book.movements.clear();
        for movement in &self.movements {
            let of_item = book.history.entry(movement.sku.clone()).or_default();
            of_item.push(movement.clone());
        }
        let mut seed = [0; 16];
        seed[..8].copy_from_slice(&self.movements.len().to_be_bytes());
        let ids = IdSource::new(Time::from_millis(self.now * 1000 + 7), seed);
        match decide(book, signal, &self.context(), ids) {
            Ok(decision) => {
                self.movements
                    .extend(decision.book.movements.iter().cloned());
                self.book = decision.book;
                self.told.extend(self.book.facts.iter().cloned());
                self.book.history.clear();
                self.last = Ok(decision.verdict);
                for order in self.book.orders.values() {
                    self.names.insert(order.external_id.to_string(), order.id);
                }
                decision.follow_ups
            }
            Err(Undecided::Refused(refusal)) => {
                self.last = Err(refusal);
                Vec::new()
            }
            Err(Undecided::NeedsClaims(_)) => panic!("all claims are in the book"),
            Err(Undecided::Torn(how)) => panic!("{how}"),
        }
    }

    /// P3 and P4: what is promised is there, positions are the fold of movements, sums are the sums
    /// of open claims, and sums by account are those of the orders.
    fn check_laws(&self) {
        for (name, stock) in &self.book.stock {
            let mut folded = Stock::unknown(name.clone());
            self.movements
                .iter()
                .filter(|m| m.sku == *name)
                .for_each(|m| folded.apply(m));
            let claims = self.book.claims.values().filter(|claim| claim.sku == *name);
            claims.for_each(|claim| folded.reclaim(None, claim));
            folded.incoming.clone_from(&stock.incoming);
            folded.counted_at.clone_from(&stock.counted_at);
            folded.owed = super::owed::owed(&self.book, name);
            folded.missing = super::owed::missing(&self.book, name);
            assert_eq!(self.locations.excess(stock), None, "{name} fits: {stock:?}");
            for at in stock.allocated.keys() {
                assert!(
                    stock.free_at(at) >= Quantity::ZERO,
                    "{name} at {at}: {stock:?}"
                );
            }
            assert_eq!(
                stock, &folded,
                "stock of {name} is the fold of its movements and claims"
            );
            let open: Quantity = self
                .book
                .claims
                .values()
                .filter(|claim| claim.sku == *name)
                .map(Claim::open)
                .sum();
            // Where more was handed over than was known to lie there, nothing lies; what lies elsewhere does.
            let there = stock.positions.keys();
            let there: Quantity = there.map(|at| stock.on_hand_at(at).or_zero()).sum();
            assert!(
                open <= there,
                "{open} of {name} are promised, {there} are there"
            );
        }
        let fold: BTreeMap<_, _> = taken_by_orders(&self.book)
            .into_iter()
            .filter(|(_, taken)| *taken != Taken::default())
            .collect();
        let passed = Quantity::ZERO;
        let kept: BTreeMap<_, _> = self
            .book
            .taken
            .iter()
            .map(|(key, taken)| (key.clone(), Taken { passed, ..*taken }))
            .filter(|(_, taken)| *taken != Taken::default())
            .collect();
        assert_eq!(kept, fold, "open units by account");
        self.check_incidents();
        self.check_tasks();
        for (key, offer) in &self.book.offers {
            let is_noted = offer.due_since.is_some();
            assert_eq!(offer.is_due(), is_noted, "{key:?} is due since a time");
        }
    }

    /// Each unit that is missing of what was counted completely is in exactly one open incident, and none else.
    fn check_incidents(&self) {
        let mut missing: BTreeMap<ClaimKey, Quantity> = BTreeMap::new();
        for order in self.book.orders.values() {
            for line in &order.lines {
                let units = self.book.lacking_units(order, line.number);
                let is_counted =
                    |name: &Sku| self.book.stock.get(name).is_some_and(|s| s.is_counted);
                // A kit of which a part was never counted lacks nobody knows what.
                let item = line.item.iter();
                let item = item.filter(|item| item.bill.keys().all(is_counted));
                let bill = item.flat_map(|item| &item.bill);
                for (name, per_unit) in bill.filter(|_| units.is_positive()) {
                    let key = ClaimKey {
                        sku: name.clone(),
                        order: order.id,
                        line: line.number,
                    };
                    missing.insert(key, per_unit.times(units.units()));
                }
            }
        }
        let open = self.book.incidents.iter();
        let open: BTreeMap<ClaimKey, Quantity> = open
            .filter(|(_, incident)| incident.closed_at.is_none())
            .map(|(key, incident)| (key.clone(), incident.missing))
            .collect();
        assert_eq!(open, missing, "open incidents are what is missing");
    }

    pub(super) fn id(&self, name: &str) -> OrderId {
        *self
            .names
            .get(name)
            .unwrap_or_else(|| panic!("order {name} is known"))
    }

    /// What happens:
    /// - `count MUG 5 [@berlin]`, `adjust MUG -2`: a person says how many there are
    /// - `stocktake berlin above 2`, and then `counted MUG 9 [10 seconds ago|ahead]`, `close`
    /// - `open web MUG 5 [late]`: opening stock from an account; `late` when a sale became known
    ///   after the level was asked for
    /// - `order web #1 v2 [hook|list] [unpaid|draft|canceled|refunded|repaid|word:X] [to:DE-Bayern] MUG:2 PLATE:1/shipped1/sub0 …`
    /// - `gone web #1`, `expire #1`, `close #1`, `hold #1 keep|drop`, `release #1`, `cancel #1`
    /// - `ship #1 [1:2 …] [@berlin]`: line numbers and units
    /// - `allocate #1 [line 1] [@berlin]`, `unallocate #1 [line 1]`
    /// - `task open|pick|back|pack|unpack|label|void|hand|split|merge|close #1 …`: see `fulfillment.rs`
    /// - `resolve #1 wait|substitute|cancel_order`, `resolve #1 take #2`, `resolve #1 units 500`
    /// - `rule web|all [in CATEGORY|of MUG]` and then `buffer 2`, `max 3`, `share 1/2`, `exclude`,
    ///   `zero_below 3`, `end_when 1`, `end_when never`, `last_units 3 till …`; `no rules`
    /// - `category MUG Stoneware`: the merchant's own word; `offer web MUG`: a person lifts what ended
    /// - `measured web MUG 30 8`: sales elsewhere in an hour, and seconds until a level is shown
    /// - `budget 4`: channels take so many writes of a listing in a day
    /// - `owner web`: that account decides about stock
    /// - `settle theirs|ours`: a person says whose number of the latest case is right
    /// - `weigh web source|writes MUG PLATE …`: what is about to happen; the account has ten listings
    /// - `confirm web`: a person armed the account; `lift web source|writes`, `let web source|writes theirs|ours MUG …`
    /// - `push web MUG`, or `push web MUG reading 3` when that was just read; then `applied web MUG`, `conflict web MUG 3`, `ambiguous web MUG`,
    ///   `rejected web MUG`, `notdone web MUG`, `found web MUG 3`; `after 60`: seconds; `level web MUG 3 before|compare|confirm [person|app NAME]`
    pub(super) fn act(&mut self, text: &str) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let by = || "ann".to_owned();
        let adjust = |name: &str, change| {
            let place = words.last().and_then(|word| word.strip_prefix('@'));
            Signal::Command(Command::Adjust {
                sku: sku(name),
                location: place.map_or(self.locations.home(), LocationId::new),
                condition: Condition::Sellable,
                change,
                reason: "count".to_owned(),
                by: by(),
            })
        };
        let signal = match words.as_slice() {
            ["task", what, name, rest @ ..] => self.task_signal(what, name, rest),
            ["count", name, units, ..] => adjust(name, Change::To(Decimal::whole(number(units)))),
            ["adjust", name, units] => adjust(name, Change::By(Decimal::whole(number(units)))),
            ["open", account, name, level, rest @ ..] => {
                self.opening_signal(account, name, level, !rest.is_empty())
            }
            ["order", account, name, rest @ ..] => self.order_signal(account, name, rest),
            ["gone", account, name] => Signal::OrderGone {
                account: AccountId::new(*account),
                external_id: ExternalId::new(*name),
            },
            ["expire", name] => Signal::Expire {
                order: self.id(name),
            },
            ["close", name] => Signal::Close {
                order: self.id(name),
            },
            ["hold" | "release" | "cancel", name, rest @ ..] => {
                self.staff_signal(words.first().copied().unwrap_or_default(), name, rest)
            }
            ["ship", name, lines @ ..] => self.ship_signal(name, lines),
            ["allocate" | "unallocate", name, rest @ ..] => {
                self.places_signal(words.first() == Some(&"allocate"), name, rest)
            }
            ["stocktake" | "counted" | "close"] | ["stocktake" | "counted", ..] => {
                self.count_signal(&words)
            }
            ["resolve", name, way @ ..] => self.resolve_signal(name, way),
            ["rule", account, rest @ ..] => return self.add_rule(account, rest),
            ["owner", account] => {
                return self.owner = ["web", "market"].into_iter().find(|a| a == account);
            }
            ["settle" | "weigh" | "let" | "lift" | "confirm", ..] => self.breaker_signal(&words),
            ["budget", writes] => {
                let writes = u32::try_from(number(writes)).expect("a count");
                return self.budget = Some(WriteBudget::per_day(writes));
            }
            ["after", seconds] => return self.now += number(seconds),
            ["no", "rules"] => return self.rules.rules.clear(),
            ["category" | "measured" | "offer", ..] => self.rule_signal(&words),
            ["look" | "days" | "policy", ..] => return super::owed::act(self, &words),
            [what, account, name, rest @ ..] => push_signal(what, account, name, rest, self.now),
            _ => panic!("`{text}` means nothing"),
        };
        self.decide(&signal);
    }

    fn staff_signal(&self, what: &str, name: &str, rest: &[&str]) -> Signal {
        let (order, by) = (self.id(name), "ann".to_owned());
        Signal::Command(match what {
            "hold" => Command::Hold {
                order,
                reason: "look".to_owned(),
                by,
                until: None,
                keeps_claim: rest == ["keep"],
                ask: None,
            },
            "release" => Command::Release { order, by },
            _ => Command::Cancel {
                lines: Vec::new(),
                order,
                reason: "buyer asked".to_owned(),
            },
        })
    }

    /// The first level of an account; `is_late` where one unit less was known to be sold when it was
    /// asked for.
    fn opening_signal(&self, account: &str, name: &str, level: &str, is_late: bool) -> Signal {
        let account = AccountId::new(account);
        let taken = self.book.taken.get(&(account.clone(), sku(name)));
        let taken = taken.copied().unwrap_or_default();
        let sold = known_sales(taken, self.book.stock.get(&sku(name)));
        let level = OpeningLevel {
            listing: ListingId::new(name),
            shown: Decimal::whole(number(level)),
            sold: sold.minus(Quantity::of(i32::from(is_late))),
        };
        Signal::Opening {
            account,
            levels: vec![level],
        }
    }

    fn breaker_signal(&self, words: &[&str]) -> Signal {
        match words {
            ["settle", right] => Signal::Command(Command::SettleDrift {
                drift: *self.book.drifts.keys().next_back().expect("a case"),
                right: whose(right),
                by: "ann".to_owned(),
            }),
            ["weigh", account, side, names @ ..] => Signal::Weigh {
                account: AccountId::new(*account),
                side: side_named(side),
                listings: names.iter().map(|name| ListingId::new(*name)).collect(),
                of: 10,
            },
            ["let", account, side, right, names @ ..] => Signal::Command(Command::LetGo {
                account: AccountId::new(*account),
                side: side_named(side),
                listings: names.iter().map(|name| ListingId::new(*name)).collect(),
                right: whose(right),
                by: "ann".to_owned(),
            }),
            ["confirm", account] => Signal::Command(Command::ConfirmZeroes {
                account: AccountId::new(*account),
                shown_at: None,
            }),
            ["confirm", account, "shown", ago] => Signal::Command(Command::ConfirmZeroes {
                account: AccountId::new(*account),
                shown_at: Some(Time::from_seconds(self.now - number(ago))),
            }),
            ["lift", account, side] => Signal::Command(Command::LiftBreaker {
                account: AccountId::new(*account),
                side: side_named(side),
                by: "ann".to_owned(),
            }),
            _ => panic!("`{words:?}` means nothing"),
        }
    }

    fn rule_signal(&self, words: &[&str]) -> Signal {
        match words {
            ["category", name, category] => {
                let mut item = self.book.items[&sku(name)].clone();
                item.category = Some((*category).to_owned());
                Signal::Command(Command::SetItem(item))
            }
            ["measured", account, name, times, seconds] => {
                let count = |text: &str| number(text).try_into().expect("a count");
                let demand = Demand {
                    lots: BTreeMap::from([(1, count(times))]),
                    over_ms: 3_600_000,
                    lag_ms: u64::from(count(seconds)) * 1000,
                    ..Demand::default()
                };
                Signal::Measured {
                    account: AccountId::new(*account),
                    demands: vec![(ListingId::new(*name), demand)],
                }
            }
            ["offer", account, name] => Signal::Command(Command::Lift {
                account: AccountId::new(*account),
                listing: ListingId::new(*name),
                by: "ann".to_owned(),
            }),
            _ => panic!("{words:?} mean nothing"),
        }
    }

    fn order_signal(&self, account: &str, name: &str, rest: &[&str]) -> Signal {
        let mut snapshot = order_snapshot(name);
        if let Some(ago) = self.placed_ago {
            snapshot.placed_at = Time::from_seconds(self.now + 10 - ago);
        }
        let mut source = Source::Read;
        for word in rest {
            match *word {
                "hook" => source = Source::Hook,
                "list" => source = Source::List,
                "unpaid" => snapshot.payment = PaymentState::Pending,
                "draft" => snapshot.standing = Standing::Draft,
                "canceled" => snapshot.standing = Standing::Canceled,
                "deleted" => snapshot.standing = Standing::Deleted,
                "refunded" => snapshot.refunded = snapshot.total,
                "repaid" => snapshot.payment = PaymentState::Refunded,
                _ => {
                    if let Some(place) = word.strip_prefix("to:") {
                        snapshot.ship_to = Some(super::locations::address(place));
                    } else if let Some(word) = word.strip_prefix("word:") {
                        snapshot.standing = Standing::Unmapped(word.to_owned());
                    } else if let Some(version) = word.strip_prefix('v') {
                        snapshot.version = Version {
                            revision: number(version),
                            changed_at: LATER,
                        };
                    } else {
                        snapshot.lines.push(line_snapshot(word, account == "till"));
                    }
                }
            }
        }
        Signal::Order {
            account: AccountId::new(account),
            snapshot: Box::new(snapshot),
            source,
        }
    }

    fn ship_signal(&self, name: &str, lines: &[&str]) -> Signal {
        let place = lines.iter().find_map(|word| word.strip_prefix('@'));
        let lines = lines.iter().filter(|word| !word.starts_with('@'));
        let lines = lines.map(|line| {
            let (line, units) = line.split_once(':').expect("line:units");
            (
                line.parse().expect("a line number"),
                Decimal::whole(number(units)),
            )
        });
        Signal::Command(Command::Ship {
            order: self.id(name),
            lines: lines.collect(),
            carrier: Some("DHL".to_owned()),
            tracking_number: Some("00340".to_owned()),
            tracking_url: None,
            location: place.map(LocationId::new),
        })
    }

    pub(super) fn incident(&self, name: &str) -> &Incident {
        let order = self.id(name);
        let mut of_order = self.book.incidents.values().filter(|i| i.order == order);
        of_order
            .next()
            .unwrap_or_else(|| panic!("{name} has an incident"))
    }

    fn add_rule(&mut self, account: &str, rest: &[&str]) {
        let mut rule = ScopedRule {
            account: (account != "all").then(|| AccountId::new(account)),
            ..ScopedRule::default()
        };
        let rest = match rest {
            ["in", category, rest @ ..] => {
                rule.category = Some((*category).to_owned());
                rest
            }
            ["of", name, rest @ ..] => {
                rule.sku = Some(sku(name));
                rest
            }
            rest => rest,
        };
        let units = |text: &str| Quantity::new(number(text)).expect("a quantity");
        match rest {
            ["buffer", "auto"] => rule.buffer = Some(Buffer::Auto),
            ["buffer", kept] => rule.buffer = Some(Buffer::Units(units(kept))),
            ["buffer_min", least] => rule.buffer_min = Some(units(least)),
            ["buffer_max", most] => rule.buffer_max = Some(units(most)),
            ["max", most] => rule.max = Some(units(most)),
            ["zero_below", least] => rule.zero_below = Some(units(least)),
            ["end_when", "never"] => rule.end_when = Some(EndWhen::Never),
            ["end_when", least] => rule.end_when = Some(EndWhen::At(units(least))),
            ["last_units", below, only @ ..] => {
                rule.last_units = Some(LastUnits {
                    below: units(below),
                    only: only.iter().map(|id| AccountId::new(*id)).collect(),
                });
            }
            ["share", ratio] => {
                let (over, under) = ratio.split_once('/').expect("a ratio");
                rule.share = Some(Ratio {
                    numerator: over.parse().expect("a number"),
                    denominator: under.parse().expect("a number"),
                });
            }
            ["exclude"] => rule.exclude = true,
            ["backorder" | "preorder", ..] => rule.owing = super::owed::owing(rest),
            _ => panic!("rule {rest:?} means nothing"),
        }
        self.rules.rules.push(rule);
    }

    /// What is so afterwards:
    /// - `MUG@berlin 5-2`: five are on hand there, two of them are bound to leave from there
    /// - `MUG 5-2`: five are on hand, two of them promised
    /// - `#1 ready`: the phase; `#1 lacks 2`: units not covered
    /// - `web.MUG 3`: what the listing should show; `web.MUG -`: it is told nothing
    /// - `web.MUG due|settled|parked|held|ended`, `web.MUG believes 3`, `drift web.MUG`, `no drift`
    /// - `latest case is repaired|agreed|theirs|ours|unsettled`, `tripped web source`, `sound web writes`
    /// - `new`, `duplicate`, `stale`, `nothing`, `refused: part of the text`
    /// - `intents 1`: wishes that wait
    /// - `#1 incident late_news`: it is open, and why; `#1 chose wait`; `#1 over covered`
    pub(super) fn expect(&self, text: &str) {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["new"] => assert_eq!(self.last, Ok(Verdict::New)),
            ["duplicate"] => assert_eq!(self.last, Ok(Verdict::Duplicate)),
            ["stale"] => assert_eq!(self.last, Ok(Verdict::Stale)),
            ["nothing"] => assert_eq!(self.last, Ok(Verdict::Nothing)),
            ["refused:", ..] => {
                let refusal = self.last.as_ref().expect_err("it is refused").to_string();
                let part = text.trim_start_matches("refused:").trim();
                assert!(refusal.contains(part), "`{refusal}` says `{part}`");
            }
            ["intents", count] => {
                let all = self.book.intents.values();
                let waiting = all.filter(|one| matches!(one.state, IntentState::Waiting));
                assert_eq!(waiting.count().to_string(), *count, "waiting intents");
            }
            ["no", "drift"] => assert!(self.book.drifts.values().all(|d| d.closed_at.is_some())),
            ["drift", listing] => {
                assert!(self.book.open_drift(&listing_key(listing)).is_some());
            }
            [name, "incident", why] => {
                let incident = self.incident(name);
                assert_eq!(incident.closed_at, None, "{name} has an open incident");
                let told = serde_json::to_value(&incident.why).expect("it is JSON");
                let word = told
                    .as_object()
                    .map_or(told.as_str(), |told| told.keys().next().map(String::as_str));
                assert_eq!(word, Some(*why), "{name}");
            }
            [name, "chose", way] => {
                let choice = self.incident(name).choice.as_ref();
                assert_eq!(choice.map(|choice| choice.way.word()), Some(*way), "{name}");
            }
            [name, "over", how] => {
                let told = serde_json::to_value(self.incident(name).ending);
                assert_eq!(told.ok(), Some((*how).into()), "{name}");
            }
            ["latest", "case", "is", what] => {
                let drift = self.book.drifts.values().next_back().expect("a case");
                let way = drift.way.map_or("unsettled".to_owned(), |way| {
                    format!("{way:?}").to_lowercase()
                });
                assert_eq!(way, *what);
            }
            ["tripped", account, side] => assert!(self.trip(account, side).is_some()),
            ["sound", account, side] => assert_eq!(self.trip(account, side), None),
            [name, "lacks", units] => {
                let order = &self.book.orders[&self.id(name)];
                let missing: Quantity = order
                    .lines
                    .iter()
                    .map(|line| self.book.missing_units(order, line.number))
                    .sum();
                assert_eq!(missing.to_string(), *units, "{name} lacks");
            }
            [name, "leaves", places @ ..] => {
                assert_eq!(self.leaves(name), *places, "{name} leaves");
            }
            [name, "tasks", tasks @ ..] => {
                assert_eq!(self.tasks(name), *tasks, "{name} has tasks");
            }
            [listing, "believes", units] => {
                let believed = self.book.offers[&listing_key(listing)].believed;
                let shown = believed.map_or("-".to_owned(), |told| told.quantity.to_string());
                assert_eq!(shown, *units, "{listing} believes");
            }
            [name, "owes", rest @ ..] => super::owed::expect(self, name, rest),
            [name, is] => self.expect_pair(name, is),
            _ => panic!("`{text}` means nothing"),
        }
    }

    /// What can be told apart from outside: phases, open claims, what lies there, and what is wanted.
    pub(super) fn summary(&self) -> Vec<String> {
        let orders = self.book.orders.values();
        let phases = orders.map(|order| {
            let phase = order.phase(self.book.is_short(order)).word();
            format!("{} is {phase}", order.external_id)
        });
        let open = self
            .book
            .claims
            .values()
            .filter(|claim| !claim.open().is_zero());
        let claims = open.map(|claim| format!("{} of {}", claim.open(), claim.sku));
        let stock = self.book.stock.iter().map(|(sku, stock)| {
            let promised = stock.pending.plus(stock.allocated_total());
            format!("{sku}: {} with {promised} promised", stock.on_hand())
        });
        let offers = self.book.offers.iter().map(|((account, listing), offer)| {
            let wanted = offer.wanted.map(|told| told.quantity.units());
            format!("{account} shows {wanted:?} of {listing}")
        });
        let mut told: Vec<String> = phases.chain(claims).chain(stock).chain(offers).collect();
        told.sort();
        told
    }

    fn trip(&self, account: &str, side: &str) -> Option<crate::breaker::Trip> {
        let breaker = self.book.breakers.get(&AccountId::new(account))?;
        breaker.trip(side_named(side))
    }

    fn expect_pair(&self, name: &str, is: &str) {
        if let Some((on_hand, promised)) = is.rsplit_once('-').filter(|(left, _)| !left.is_empty())
        {
            if let Some((name, place)) = name.split_once('@') {
                let (stock, place) = (&self.book.stock[&sku(name)], LocationId::new(place));
                let bound = stock.allocated.get(&place).copied().unwrap_or_default();
                let lying = stock.on_hand_at(&place);
                assert_eq!(lying.to_string(), on_hand, "{name} at {place}: {stock:?}");
                assert_eq!(bound.to_string(), promised, "{name} bound to {place}");
                return;
            }
            let stock = &self.book.stock[&sku(name)];
            assert_eq!(stock.on_hand().to_string(), on_hand, "{name} on hand");
            let open = stock.pending.plus(stock.allocated_total());
            assert_eq!(open.to_string(), promised, "{name} promised");
        } else if self.names.contains_key(name) {
            let order = &self.book.orders[&self.id(name)];
            assert_eq!(order.phase(self.book.is_short(order)).word(), is, "{name}");
        } else {
            let offer = &self.book.offers[&listing_key(name)];
            let wanted = offer
                .wanted
                .map_or("-".to_owned(), |told| told.quantity.to_string());
            let state = if offer.parked.is_some() {
                "parked"
            } else if offer.is_held_back() {
                "held"
            } else if offer.is_due() {
                "due"
            } else {
                "settled"
            };
            let actual = if "due settled parked held".contains(is) {
                state
            } else if is == "ended" && offer.ended.is_some() {
                is
            } else {
                &wanted
            };
            assert_eq!(actual, is, "{name}");
        }
    }
}

pub(super) fn check(table: &str) {
    check_in(World::new(), table);
}

/// The same in a world that is not new, which is given back.
pub(super) fn check_in(mut world: World, table: &str) -> World {
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (act, expected) = row.split_once("=>").unwrap_or((row, ""));
        world.act(act.trim());
        for expectation in expected.split(',').map(str::trim).filter(|e| !e.is_empty()) {
            let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                world.expect(expectation)
            }));
            assert!(
                checked.is_ok(),
                "in the row `{row}`: `{expectation}`; last: {:?}",
                world.last
            );
        }
    }
    world
}
