//! `kill -9` again and again while people buy and things go wrong: nothing that was acknowledged is
//! lost, nothing happens twice, and in the end every shop shows what the book says.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use domain::{Sku, Time};
use sandbox::{
    buyers::Pace,
    faults::{Fault, Faults},
    judge,
};

use store::Seq;

use super::{Share, say};
use crate::kit::{
    SOON,
    book::Book,
    daemon::Daemon,
    goods,
    hooks::Acknowledged,
    pass,
    people::{Parcel, People},
    until,
    world::{END_WITHIN, Plan, World},
};

/// How often the daemon is killed in `cargo test`.
const KILLS: u32 = 24;
/// How often at most in one world, before another one begins: what it has sold must be read again from
/// channels with quotas before it can be judged.
const KILLS_OF_ONE: u32 = 25;
/// How long it lives before that: from before it listens to well into its work.
const LIFE_MS: std::ops::Range<u64> = 60..2_000;
/// How long it lives at most when it is killed for what it has just done.
const LIFE_MAX: Duration = Duration::from_secs(5);
/// How long after it has acknowledged a hook, or has told a level, it is killed: before, while and after
/// it decides what follows.
const AFTERMATH_MS: std::ops::Range<u64> = 0..12;

/// A bad day without hooks that come minutes late, for which the end would have to wait.
fn faults(seed: u64) -> Faults {
    let mut faults = Faults::lively(seed);
    faults.per_mille.remove(&Fault::HookLate);
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_buying_it_loses_and_doubles_nothing() {
    let share = Share::of("kill", KILLS);
    let (mut kills, mut seed, mut acknowledged) = (0, share.seed, 0);
    while kills < share.rounds {
        let day = Day {
            kills: (share.rounds - kills).min(KILLS_OF_ONE),
            seed,
            // The first one tells of every step, so that the logs can be searched; the others sell more.
            is_talkative: kills == 0,
        };
        acknowledged += day.live().await;
        kills += day.kills;
        seed += 1;
        say(
            "kill",
            &format!(
                "{kills} kills, 0 of {acknowledged} acknowledged hooks lost, next seed {seed}"
            ),
        );
    }
}

/// A world and its kills.
struct Day {
    kills: u32,
    seed: u64,
    is_talkative: bool,
}

impl Day {
    /// Kills the daemon again and again; gives how many hooks were acknowledged.
    async fn live(&self) -> usize {
        let world = World::open(Plan {
            faults: faults(self.seed),
            seed: self.seed,
            log_level: if self.is_talkative { "trace" } else { "info" },
            shelves: 10,
            ..Plan::default()
        })
        .await;
        let daemon = world.adopt().await;
        world.disturb();
        let mut pace = Pace::busy().with_meddling();
        pace.basket_every = Duration::from_millis(if self.is_talkative { 200 } else { 120 });
        let people = People::begin(&world, self.seed, pace);
        self.kill(&world, &people, daemon).await;
        people.end().await;
        world.calm();
        let daemon = world.start().await;
        people.announce_rest(&world.api).await;
        // Hooks that a shop will send again in a minute are not waited for: polling has told all.
        world.settle_but_hooks().await;
        levels_are_right(&world).await;
        let code = daemon.terminate(END_WITHIN).await;
        assert_eq!(code, Some(0));
        judge_all(&world, &people).await;
        if self.is_talkative {
            let log = std::fs::read(world.dir.path().join("stderr.log")).expect("its words");
            assert!(log.len() > 1 << 20, "all is logged: {} bytes", log.len());
        }
        world.post.acknowledged().len()
    }

    /// Each death comes at a time of chance: any time, or soon after a hook was acknowledged or a level
    /// written. When too little has happened for a judgment by the end, there are a few more.
    async fn kill(&self, world: &World, people: &People, mut daemon: Daemon) {
        let mut chance = fastrand::Rng::with_seed(self.seed);
        let mut ledger = Ledger::default();
        for kill in 0..self.kills * 2 {
            if kill >= self.kills && has_seen_much(world, people) {
                break;
            }
            match kill % 3 {
                0 => pass(&world.ports, Duration::from_millis(chance.u64(LIFE_MS))).await,
                1 => wait_for_more(world, || world.post.acknowledged().len()).await,
                _ => wait_for_more(world, || writes(world)).await,
            }
            let aftermath = Duration::from_millis(chance.u64(AFTERMATH_MS));
            pass(&world.ports, aftermath).await;
            assert_eq!(daemon.ended(), None, "it lives until it is killed");
            daemon.kill();
            let copy = world.copy_of_state();
            ledger.check(world, copy.path()).await;
            let doctor = world.doctor(copy.path());
            assert_eq!(
                doctor.code,
                Some(0),
                "kill {kill} of seed {}: {doctor:?}",
                self.seed
            );
            daemon = world.spawn();
        }
    }
}

/// P6: without anybody's help, every shop comes to show what it should. A difference that was just seen
/// may still wait for its reason when all else is quiet.
async fn levels_are_right(world: &World) {
    until(
        &world.ports,
        "every shop shows its offer",
        SOON,
        async || {
            for listing in world.api.all("/api/v1/listings").await? {
                let text = |name: &str| listing[name].as_str().unwrap_or_default();
                let Some(wanted) = listing["wanted"]["quantity"].as_i64() else {
                    continue;
                };
                let shown = world.shop(text("account")).levels();
                let shown = shown.get(&goods::sku(text("sku")));
                if shown != Some(&wanted) {
                    return Err(format!("{shown:?} is shown: {listing}"));
                }
            }
            Ok(())
        },
    )
    .await;
}

/// What must hold when everything has calmed down: P1 to P6 and P8, as far as they show.
async fn judge_all(world: &World, people: &People) {
    let doctor = world.doctor(&world.state());
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    let book = Book::read(world).await;
    expect_hooks_are_kept(world, &book);
    expect_only_meant_levels(world, &book);
    expect_parcels_once(world, &people.parcels());
    expect_quiet_logs(world, &book);
    let judgment = judge::judge(&book.evidence(world, people.edits()));
    assert!(judgment.orders_placed > 50, "{}", judgment.orders_placed);
    assert_eq!(judgment.unknown, vec![], "every order is in the book");
    assert_eq!(judgment.invented, vec![], "and no other");
    assert_eq!(judgment.levels_wrong, vec![], "every shop shows its offer");
    assert_eq!(judgment.oversold_unexplained, 0, "{:#?}", judgment.oversold);
    assert_claims_fit(&book);
}

/// Waits until there is one more, but not for long: perhaps nobody buys any more.
async fn wait_for_more(world: &World, count: impl Fn() -> usize) {
    let (before, end) = (count(), world.ports.clock.now().plus(LIFE_MAX));
    while count() == before && world.ports.clock.now() < end {
        pass(&world.ports, Duration::from_millis(15)).await;
    }
}

/// How many levels were written.
fn writes(world: &World) -> usize {
    let truths = world.shops.iter().map(|shop| shop.truth());
    truths.map(|truth| truth.level_writes.len()).sum()
}

/// Whether there is something to judge, however slow the machine is.
fn has_seen_much(world: &World, people: &People) -> bool {
    let truths = world.shops.iter().map(|shop| shop.truth());
    let orders: usize = truths.map(|truth| truth.orders.len()).sum();
    let parcels = people.parcels();
    let accepted = parcels.iter().filter(|one| one.status == Some(201)).count();
    let hooks = world.post.acknowledged().len();
    orders > 60 && writes(world) > 25 && accepted > 5 && hooks > 60
}

/// P1, after each death: what was acknowledged so far is in the journal, byte for byte.
#[derive(Default)]
struct Ledger {
    kept: BTreeMap<(String, Vec<u8>), usize>,
    read_to: Seq,
    checked: usize,
}

impl Ledger {
    /// Compares what a dead daemon left with what it had acknowledged, as far as that is news.
    async fn check(&mut self, world: &World, state: &Path) {
        let acknowledged = world.post.acknowledged();
        let (signals, read_to) = Book::signals_at(world, state, self.read_to).await;
        self.read_to = read_to;
        for signal in signals {
            let name = (signal.account.to_string(), signal.request.body);
            *self.kept.entry(name).or_default() += 1;
        }
        for hook in &acknowledged[self.checked..] {
            self.strike(hook);
        }
        self.checked = acknowledged.len();
    }

    fn strike(&mut self, hook: &Acknowledged) {
        let name = (hook.account.clone(), hook.body.clone());
        let left = self.kept.get_mut(&name).filter(|left| **left > 0);
        let text = String::from_utf8_lossy(&hook.body);
        let left = left.unwrap_or_else(|| panic!("{} lost a hook: {text}", hook.account));
        *left -= 1;
    }
}

/// P1, in the end: every hook that was ever acknowledged is still in the journal, and could be read.
/// That all was decided is part of being quiet.
fn expect_hooks_are_kept(world: &World, book: &Book) {
    let mut ledger = Ledger::default();
    for signal in &book.signals {
        let name = (signal.account.to_string(), signal.request.body.clone());
        *ledger.kept.entry(name).or_default() += 1;
    }
    let acknowledged = world.post.acknowledged();
    assert!(acknowledged.len() > 50, "{} hooks", acknowledged.len());
    acknowledged.iter().for_each(|hook| ledger.strike(hook));
    let parked: Vec<&str> = book
        .parked_signals
        .iter()
        .map(|one| one.reason.as_str())
        .collect();
    assert_eq!(parked, Vec::<&str>::new(), "every hook could be read");
}

/// Every level that a shop was told is that of a try of its own, which was made durable before. It was
/// the newest of its listing, or the one before it: what a dead daemon has sent may arrive late.
fn expect_only_meant_levels(world: &World, book: &Book) {
    let mut meant: BTreeMap<(String, Sku), Vec<Meant>> = BTreeMap::new();
    for (at, account, sku, quantity) in book.meant() {
        let listing = (account.to_string(), sku);
        meant.entry(listing).or_default().push(Meant {
            at,
            quantity,
            is_told: false,
        });
    }
    let mut writes = 0;
    for shop in &world.shops {
        for write in shop.truth().level_writes {
            writes += 1;
            let listing = (shop.account.clone(), write.sku.clone());
            let tries = meant.entry(listing).or_default();
            let is_before = |one: &&mut Meant| one.at <= write.at;
            let newest = tries.iter_mut().rev().skip_while(|one| !is_before(one));
            let mut fitting = newest
                .take(2)
                .filter(|one| one.quantity == write.to && !one.is_told);
            let Some(one) = fitting.next() else {
                panic!("{} was told what nobody meant: {write:?}", shop.account);
            };
            one.is_told = true;
        }
    }
    assert!(writes > 20, "{writes} levels were written");
}

/// A level that was to be written.
struct Meant {
    at: Time,
    quantity: i64,
    is_told: bool,
}

/// P5: a shipment that we accepted is told once, or its order was closed past us.
fn expect_parcels_once(world: &World, parcels: &[Parcel]) {
    let mut told = 0;
    for parcel in parcels {
        let status = parcel.status.expect("every parcel was answered in the end");
        let orders = world.shop(&parcel.account).truth().orders;
        let order = orders
            .iter()
            .find(|order| order.external_id.as_str() == parcel.external_id);
        let order = order.expect("an order that was placed");
        let seen = order.shipments.iter();
        let seen = seen
            .filter(|one| one.tracking_number == parcel.tracking_number)
            .count();
        assert!(seen <= 1, "{parcel:?} was told {seen} times: {order:?}");
        if status != 201 {
            assert_eq!(seen, 0, "{parcel:?} was refused, and told nevertheless");
        }
        let is_closed_past_us = order.is_canceled
            || order.is_deleted
            || order.refunded_minor > 0
            || order
                .shipments
                .iter()
                .any(|one| !one.tracking_number.starts_with("PARCEL"));
        assert!(
            status != 201 || seen == 1 || is_closed_past_us,
            "{parcel:?} was never told: {order:?}"
        );
        told += seen;
    }
    assert!(told > 3, "{told} parcels were told: {parcels:#?}");
}

/// P4, as far as it shows at the end: open claims are what their orders still wait for.
pub(super) fn assert_claims_fit(book: &Book) {
    for claim in &book.claims {
        let open = claim.open().units();
        assert!(open >= 0, "{claim:?}");
        let order = book.orders.iter().find(|order| order.id == claim.order);
        let order = order.unwrap_or_else(|| panic!("{claim:?} is of no order"));
        let line = order.lines.iter().find(|line| line.number == claim.line);
        let line = line.unwrap_or_else(|| panic!("{claim:?} is of no line"));
        let item = line.item.as_ref().expect("a claim is of an item");
        let per_unit = item
            .bill
            .get(&claim.sku)
            .copied()
            .unwrap_or_default()
            .units();
        let most = per_unit * line.counters.to_ship().units();
        assert!(open <= most, "{claim:?} exceeds {most}");
    }
}

/// P8: nothing panicked, and no log line and no byte that is kept holds a secret or who bought.
fn expect_quiet_logs(world: &World, book: &Book) {
    let buyers = book.persons.iter().map(|person| &person.buyer);
    let mut private: BTreeSet<&str> = world.secrets.iter().map(String::as_str).collect();
    for buyer in buyers {
        private.extend([
            buyer.name.as_str(),
            buyer.email.as_str(),
            buyer.phone.as_str(),
        ]);
    }
    private.remove("");
    assert!(
        private.len() > world.secrets.len() + 20,
        "there are buyers: {private:?}"
    );
    let patterns = world.dir.path().join("private.txt");
    let lines: Vec<&str> = private.into_iter().chain(["panicked"]).collect();
    std::fs::write(&patterns, lines.join("\n")).expect("a file");
    for name in ["stdout.log", "stderr.log"] {
        let log = world.dir.path().join(name);
        let found = find_any(&patterns, &log);
        assert_eq!(found, "", "{name}");
    }
    let found = find_any(&patterns, &world.state());
    assert_eq!(found, "", "what is kept is sealed");
}

/// The first of these texts that is in a file, or in a folder of files. Logs of every step are long: `grep`
/// is built for that.
fn find_any(patterns: &Path, log: &Path) -> String {
    let mut grep = std::process::Command::new("grep");
    let found = grep
        .args(["-r", "-a", "-o", "-F", "-m1", "-f"])
        .args([patterns, log])
        .output();
    let found = found.expect("grep is everywhere");
    assert!(found.status.code() < Some(2), "{found:?}");
    String::from_utf8_lossy(&found.stdout).into_owned()
}
