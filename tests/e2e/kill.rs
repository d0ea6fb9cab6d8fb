//! `kill -9` again and again while people buy and things go wrong: nothing that was acknowledged is
//! lost, nothing happens twice, and in the end every shop shows what the book says.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use sandbox::{
    buyers::Pace,
    faults::{Fault, Faults},
    judge,
};

use crate::kit::{
    book::Book,
    pass,
    people::{Parcel, People},
    world::{END_WITHIN, Plan, World},
};

/// How often the daemon is killed.
const KILLS: u32 = 24;
/// How long it lives before that: from before it listens to well into its work.
const LIFE_MS: std::ops::Range<u64> = 60..2_000;

/// A bad day without hooks that come minutes late, for which the end would have to wait.
fn faults() -> Faults {
    let mut faults = Faults::lively(5);
    faults.per_mille.remove(&Fault::HookLate);
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_buying_it_loses_and_doubles_nothing() {
    let world = World::open(Plan {
        faults: faults(),
        log_level: "trace",
        ..Plan::default()
    })
    .await;
    let mut daemon = world.adopt().await;
    world.disturb();
    let mut pace = Pace::busy().with_meddling();
    pace.basket_every = Duration::from_millis(200);
    let people = People::begin(&world, 3, pace);
    let mut chance = fastrand::Rng::with_seed(17);
    for _ in 0..KILLS {
        pass(&world.ports, Duration::from_millis(chance.u64(LIFE_MS))).await;
        assert_eq!(daemon.ended(), None, "it lives until it is killed");
        daemon.kill();
        daemon = world.spawn();
    }
    drop(daemon);
    people.end();
    world.calm();
    let daemon = world.start().await;
    people.announce_rest(&world.api).await;
    // Hooks that a shop will send again in a minute are not waited for: polling has told all.
    world.settle_but_hooks().await;
    let code = daemon.terminate(END_WITHIN).await;
    assert_eq!(code, Some(0));

    let book = Book::read(&world).await;
    expect_hooks_are_kept(&world, &book);
    expect_only_meant_levels(&world, &book);
    expect_parcels_once(&world, &people.parcels());
    expect_quiet_logs(&world, &book);
    let judgment = judge::judge(&book.evidence(&world, people.edits()));
    assert!(judgment.orders_placed > 50, "{}", judgment.orders_placed);
    assert_eq!(judgment.unknown, vec![], "every order is in the book");
    assert_eq!(judgment.invented, vec![], "and no other");
    assert_eq!(judgment.levels_wrong, vec![], "every shop shows its offer");
    assert_eq!(judgment.oversold_unexplained, 0, "{:#?}", judgment.oversold);
    assert_claims_fit(&book);
}

/// P1: what was acknowledged is in the journal, byte for byte. That all was decided is part of being quiet.
fn expect_hooks_are_kept(world: &World, book: &Book) {
    let mut kept: BTreeMap<(&str, &[u8]), usize> = BTreeMap::new();
    for signal in &book.signals {
        let name = (signal.account.as_str(), signal.request.body.as_slice());
        *kept.entry(name).or_default() += 1;
    }
    let acknowledged = world.post.acknowledged();
    assert!(acknowledged.len() > 50, "{} hooks", acknowledged.len());
    for hook in &acknowledged {
        let left = kept.get_mut(&(hook.account.as_str(), hook.body.as_slice()));
        let text = String::from_utf8_lossy(&hook.body);
        let left = left.unwrap_or_else(|| panic!("{} lost a hook: {text}", hook.account));
        assert!(
            *left > 0,
            "{} kept a hook too few times: {text}",
            hook.account
        );
        *left -= 1;
    }
    let parked: Vec<&str> = book
        .parked_signals
        .iter()
        .map(|one| one.reason.as_str())
        .collect();
    assert_eq!(parked, Vec::<&str>::new(), "every hook could be read");
}

/// A level that a shop was told had been wished and made durable before.
fn expect_only_meant_levels(world: &World, book: &Book) {
    let meant = book.meant();
    let mut writes = 0;
    for shop in &world.shops {
        for write in shop.truth().level_writes {
            writes += 1;
            let is_meant = meant.iter().any(|(at, account, sku, quantity)| {
                *at <= write.at
                    && account.as_str() == shop.account
                    && *sku == write.sku
                    && *quantity == write.to
            });
            assert!(
                is_meant,
                "{} was told what nobody wished: {write:?}",
                shop.account
            );
        }
    }
    assert!(writes > 20, "{writes} levels were written");
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
fn assert_claims_fit(book: &Book) {
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

/// P8: nothing panicked, and no log line holds a secret or who bought.
fn expect_quiet_logs(world: &World, book: &Book) {
    let buyers = book.orders.iter().map(|order| &order.buyer);
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
    let log = std::fs::read(world.dir.path().join("stderr.log")).expect("its words");
    assert!(log.len() > 1 << 20, "all is logged: {} bytes", log.len());
}

/// The first line with one of these texts. Logs of every step are long: `grep` is built for that.
fn find_any(patterns: &Path, log: &Path) -> String {
    let mut grep = std::process::Command::new("grep");
    let found = grep
        .args(["-F", "-m1", "-f"])
        .args([patterns, log])
        .output();
    let found = found.expect("grep is everywhere");
    assert!(found.status.code() < Some(2), "{found:?}");
    String::from_utf8_lossy(&found.stdout).into_owned()
}
