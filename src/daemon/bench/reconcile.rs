//! `oneshelf bench reconcile`: how long it takes to compare what a channel shows with what it should show.
//!
//! The engine runs in this process, with every account switched off, on a store of its own. Levels that are
//! there already are compared with as many listings as are wanted; of fewer listings the levels are also
//! read from a sandbox shop, page by page over loopback, which is what a comparison does in a shop's life. The
//! baseline reads the same rows and compares the numbers, and nothing else.

use std::{io::Write, time::Duration};

use anyhow::Context as _;
use domain::{
    AccountId, Decimal, ListingId,
    decide::{Context, FollowUp, decide},
    ids::IdSource,
    offer::Offer,
    signal::{Checks, Reading, Signal},
    snapshot::{LevelSnapshot, ListingSnapshot},
};
use engine::{decider::Alongside, ports::system, rows, shelf::Shelf};
use serde::Serialize;
use store::{Range, Store as _};

use super::{
    common::{Common, ratio, shown},
    load::{now, round, to_f64},
    process,
    rig::{LEVEL, shop_of},
    still::Still,
};
use crate::{exit::Exit, table};

/// How many listings are compared in one decision: as many as the engine does.
const CHUNK: usize = 200;
/// How many listings are made known between two lines of progress.
const AT_ONCE: u64 = 5_000;
/// One listing in so many shows something else.
const DIFFERS_ONE_IN: usize = 1_000;
/// The most listings of which the levels are read from a shop.
const PAGED_MAX: u64 = 5_000;
/// The account whose levels are at hand.
const LARGE: &str = "large";
/// The account whose levels are read from a shop.
const PAGED: &str = "shop-0";

/// Measures how long comparing all levels of an account takes.
///
/// `seconds` is everything that the engine does but for asking the channel: reading rows, comparing, and
/// keeping when each level was last seen. One listing in a thousand shows something else. Exit code 1: other
/// differences were found than there are.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// How many listings.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    listings: u64,
}

/// The figure.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Figure {
    figure: &'static str,
    listings: u64,
    /// Listings that show something else.
    differing: usize,
    /// Of these, how many were found, and no other.
    found: usize,
    /// Comparing levels that are at hand, with all that the engine does about it.
    seconds: f64,
    listings_per_second: f64,
    /// Of that, or nearly: reading the rows that a comparison needs.
    rows_seconds: f64,
    /// Of that: comparing what is in memory.
    memory_seconds: f64,
    /// Bytes that a comparison sent to the disk for each listing.
    bytes_written_per_listing: u64,
    /// Only reading the same rows and comparing the numbers.
    plain_seconds: f64,
    /// All of it as a multiple of that.
    ratio: Option<f64>,
    /// Listings of which the levels were read from a shop.
    paged_listings: u64,
    /// Listings a second with the shop's pages, over loopback and without the pace of the channel.
    paged_per_second: f64,
}

/// Measures, and prints.
pub(super) async fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let ports = system::ports();
    let scratch = args.common.scratch(&ports)?;
    let paged = args.listings.min(PAGED_MAX);
    let rig = shop_of(usize::try_from(paged)?, LARGE, scratch.path(), &ports).await?;
    let still = Still::open(&rig.config).await?;
    let large = AccountId::new(LARGE);
    let template = adopt(&still).await?;
    list(&still, &large, &template, args.listings).await?;
    let paged_took = paged_comparison(&still).await?;
    let mut figure = compare(&still, &large).await?;
    figure.paged_listings = paged;
    figure.paged_per_second = round(to_f64(paged) / paged_took.as_secs_f64());
    still.close().await?;
    args.common.emit(&figure, out)?;
    if !args.common.json {
        show(figure, out)?;
    }
    Ok(match figure.found == figure.differing {
        true => Exit::Good,
        false => Exit::Finding,
    })
}

/// Takes over the listings of the shop, and gives one of them.
async fn adopt(still: &Still) -> anyhow::Result<ListingSnapshot> {
    let account = AccountId::new(PAGED);
    let channel = &still.account(&account)?.channel;
    let listings = channel.pull_listings().context("listings can be read")?;
    let (mut next, mut template) = (None, None);
    loop {
        let page = listings.pull(next.as_deref()).await?;
        still.offer(&account, &page.items).await?;
        template = template.or(page.items.into_iter().next());
        match page.next {
            Some(page) => next = Some(page),
            None => return template.context("the shop has listings"),
        }
    }
}

/// Makes so many listings known, each of an item of its own.
async fn list(
    still: &Still,
    account: &AccountId,
    template: &ListingSnapshot,
    listings: u64,
) -> anyhow::Result<()> {
    for from in (0..listings).step_by(usize::try_from(AT_ONCE)?) {
        let some = (from..listings.min(from + AT_ONCE)).map(|number| ListingSnapshot {
            listing: ListingId::new(format!("{number:08}")),
            sku: Some(format!("LARGE-{number:08}")),
            title: format!("LARGE-{number:08}"),
            level: Some(Decimal::whole(LEVEL)),
            ..template.clone()
        });
        still.offer(account, &some.collect::<Vec<_>>()).await?;
        tracing::debug!(from, "Listings were made known.");
    }
    // What was never looked at is taken as it is; only what is believed can be compared.
    let mut after = None;
    loop {
        let page = page(still, account, after).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.listing.clone());
        let signal = levels(still, account, &page, |_| LEVEL);
        still.decide_all([(signal, Alongside::default())]).await?;
    }
}

/// How long a comparison with the shop's pages takes. Nothing differs there.
async fn paged_comparison(still: &Still) -> anyhow::Result<Duration> {
    let account = still.account(&AccountId::new(PAGED))?;
    let first = still.engine.reconcile(account).await;
    first.context("the shop cannot be compared")?;
    let began = now();
    still.engine.reconcile(account).await?;
    let took = began.elapsed();
    let seen = still.engine.comparison(account).await?;
    let seen = seen.context("there was a comparison")?;
    anyhow::ensure!(
        seen.compared == seen.all && seen.finished_at.is_some() && seen.all > 0,
        "of {} listings {} were compared",
        seen.all,
        seen.compared
    );
    Ok(took)
}

/// Compares all listings of an account in every way.
async fn compare(still: &Still, account: &AccountId) -> anyhow::Result<Figure> {
    let (plain_seconds, listings) = plainly(still, account).await?;
    let (rows, memory) = in_parts(still, account).await?;
    let before = process::own()?;
    let (mut found, mut differing, mut after) = (0, 0, None);
    let began = now();
    let mut number = 0;
    loop {
        let page = page(still, account, after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.listing.clone());
        let differs = |at: usize| (number + at).is_multiple_of(DIFFERS_ONE_IN);
        let level = |at: usize| LEVEL + i64::from(differs(at));
        let wrong: Vec<ListingId> = (0..page.len())
            .filter(|at| differs(*at))
            .filter_map(|at| Some(page.get(at)?.listing.clone()))
            .collect();
        let signal = levels(still, account, &page, level);
        let done = still.decide_all([(signal, Alongside::default())]).await?;
        let named: Vec<ListingId> = done
            .iter()
            .flat_map(|done| &done.follow_ups)
            .flat_map(|next| match next {
                FollowUp::Compare { listings, .. } => listings.clone(),
                FollowUp::ReadOrder { .. } | FollowUp::OfferToWaiting(_) | FollowUp::MapWaiting => {
                    Vec::new()
                }
            })
            .collect();
        differing += wrong.len();
        found += if named == wrong { named.len() } else { 0 };
        number += page.len();
    }
    let seconds = began.elapsed().as_secs_f64();
    let written = process::own()?.written.saturating_sub(before.written);
    Ok(Figure {
        figure: "reconcile",
        listings,
        differing,
        found,
        seconds: round(seconds),
        listings_per_second: round(to_f64(listings) / seconds),
        rows_seconds: round(rows.as_secs_f64()),
        memory_seconds: round(memory.as_secs_f64()),
        bytes_written_per_listing: written / listings.max(1),
        plain_seconds: round(plain_seconds.as_secs_f64()),
        ratio: ratio(seconds, plain_seconds.as_secs_f64()),
        ..Figure::default()
    })
}

/// The next offers of an account, as many as are compared at once.
async fn page(
    still: &Still,
    account: &AccountId,
    after: Option<ListingId>,
) -> anyhow::Result<Vec<Offer>> {
    let after = after.map(|last| rows::key(&[account.as_str(), last.as_str()]));
    let range = Range {
        prefix: rows::prefix(&[account.as_str()]),
        after,
    };
    let page = still.store.scan(rows::OFFERS, range, CHUNK).await?;
    let offers = page.iter();
    let offers = offers.map(|(_, row)| rows::decode(rows::OFFERS, &row.value));
    Ok(offers.collect::<Result<_, _>>()?)
}

/// The channel shows these.
fn levels(
    still: &Still,
    account: &AccountId,
    page: &[Offer],
    level: impl Fn(usize) -> i64,
) -> Signal {
    let shown = |(at, offer): (usize, &Offer)| LevelSnapshot {
        listing: offer.listing.clone(),
        level: Some(Decimal::whole(level(at))),
        changed_at: None,
    };
    Signal::Levels {
        account: account.clone(),
        levels: page.iter().enumerate().map(shown).collect(),
        read_at: still.ports().clock.now(),
        reading: Reading::Compare,
        checks: Checks::default(),
    }
}

/// Reads all offers and compares their numbers.
async fn plainly(still: &Still, account: &AccountId) -> anyhow::Result<(Duration, u64)> {
    let (began, mut listings, mut after) = (now(), 0, None);
    loop {
        let page = page(still, account, after).await?;
        let Some(last) = page.last() else {
            return Ok((began.elapsed(), listings));
        };
        after = Some(last.listing.clone());
        listings += page.len() as u64;
        let is_wrong = |offer: &&Offer| {
            let believed = offer
                .believed
                .map(|told| told.quantity.to_decimal(offer.scale));
            believed != Some(Decimal::whole(LEVEL))
        };
        let wrong = page.iter().filter(is_wrong).count();
        anyhow::ensure!(wrong == 0, "{wrong} of {} listings differ", page.len());
    }
}

/// How long it takes to read the rows of all comparisons, and to decide about them, without keeping
/// anything.
async fn in_parts(still: &Still, account: &AccountId) -> anyhow::Result<(Duration, Duration)> {
    let context = Context {
        now: still.ports().clock.now(),
        policy: still.engine.decider.policy(),
    };
    let (mut rows, mut memory, mut after) = (Duration::ZERO, Duration::ZERO, None);
    loop {
        let page = page(still, account, after).await?;
        let Some(last) = page.last() else {
            return Ok((rows, memory));
        };
        after = Some(last.listing.clone());
        let signal = levels(still, account, &page, |_| LEVEL);
        let began = now();
        let shelf = Shelf::load(still.store.as_ref(), &signal, &[]).await?;
        rows += began.elapsed();
        let (book, ids) = (shelf.book, IdSource::new(context.now, [7; 16]));
        let began = now();
        let decided = decide(book, &signal, &context, ids);
        memory += began.elapsed();
        anyhow::ensure!(decided.is_ok(), "levels were not compared: {decided:?}");
    }
}

fn show(figure: Figure, out: &mut dyn Write) -> std::io::Result<()> {
    let head = [
        "LISTINGS",
        "SECONDS",
        "ROWS",
        "IN MEMORY",
        "PLAIN",
        "RATIO",
        "DIFFER",
        "FOUND",
        "WITH PAGES/S",
    ];
    let row = vec![
        figure.listings.to_string(),
        format!("{:.2}", figure.seconds),
        format!("{:.2}", figure.rows_seconds),
        format!("{:.2}", figure.memory_seconds),
        format!("{:.2}", figure.plain_seconds),
        shown(figure.ratio, 1),
        figure.differing.to_string(),
        figure.found.to_string(),
        format!("{:.0}", figure.paged_per_second),
    ];
    table::print(out, &head, &[row])
}
