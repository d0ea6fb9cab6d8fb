//! Metrics in the OpenMetrics format, taken at the moment when they are asked for.
//!
//! One prefix, base units, and labels from closed sets only: accounts and channels of the
//! configuration, phases. Never a SKU, an order or a buyer.

use std::sync::atomic::{AtomicU64, Ordering};

use engine::{
    Engine,
    backups::BackupsView,
    pausing::Flow,
    views::{StoreError, Units, accounts, due, exposure},
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};

/// The type of the exposition.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Ratio = Gauge<f64, AtomicU64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAccount {
    account: String,
    channel: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPause {
    account: String,
    what: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDue {
    account: String,
    due: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPhase {
    phase: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Quantile {
    quantile: String,
}

/// All metrics as they are now.
pub(crate) async fn text(engine: &Engine) -> Result<String, StoreError> {
    let mut registry = Registry::with_prefix("oneshelf");
    let summary = accounts::summary(engine).await?;
    since_start(&mut registry, engine);
    now(&mut registry, &summary);
    backups(&mut registry, &summary.backups);
    of_accounts(&mut registry, engine).await?;
    late(&mut registry, engine).await?;
    at_risk(&mut registry, engine).await?;
    let version = vec![("version", env!("CARGO_PKG_VERSION"))];
    registry.register("build", "The running program", Info::new(version));
    let mut text = String::new();
    encode(&mut text, &registry).expect("writing to a string does not fail");
    Ok(text)
}

fn since_start(registry: &mut Registry, engine: &Engine) {
    let meters = &engine.meters;
    for (name, help, value) in [
        (
            "orders_ingested",
            "Orders that became known",
            &meters.orders_accepted,
        ),
        (
            "order_duplicates",
            "Views of orders that told nothing new",
            &meters.duplicates_dropped,
        ),
        ("stock_pushes", "Levels that channels took", &meters.pushes),
        (
            "stock_push_conflicts",
            "Levels that channels held against us",
            &meters.conflicts,
        ),
        (
            "reconciles",
            "Complete comparisons of an account",
            &meters.reconciles,
        ),
        (
            "drifts_opened",
            "Cases of drift that were opened",
            &meters.drifts,
        ),
        (
            "order_rules_matched",
            "Runs of order rules that found it to be so",
            &meters.rules_matched,
        ),
        (
            "order_rules_failed",
            "Runs of order rules of which nobody can say whether it is so",
            &meters.rules_failed,
        ),
        (
            "webhook_accepted",
            "Hooks that were believed",
            &meters.hooks_accepted,
        ),
        (
            "webhook_rejected",
            "Hooks that were not believed",
            &meters.hooks_refused,
        ),
    ] {
        let counter: Counter = Counter::default();
        counter.inc_by(value.load(Ordering::Relaxed));
        registry.register(name, help, counter);
    }
}

fn now(registry: &mut Registry, summary: &accounts::Summary) {
    for (name, help, value) in [
        ("outbox_depth", "Intents that wait", summary.intents_waiting),
        (
            "stock_pushes_waiting",
            "Levels that wait to be written",
            summary.pushes_waiting,
        ),
        (
            "inbox_depth",
            "Signals that wait to be decided",
            summary.inbox_waiting,
        ),
        ("parked", "What waits for a person", summary.parked),
        (
            "incidents_open",
            "Incidents that are open: units sold that are not there",
            summary.incidents_open,
        ),
        (
            "drift_open",
            "Cases of drift that are open",
            summary.drift_open,
        ),
        (
            "breakers_tripped",
            "Sides of accounts where too much happened at once, and a person must look",
            summary.breakers_tripped,
        ),
        ("claims_open", "Claims that are open", summary.claims_open),
    ] {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    }
    let phases = Family::<OfPhase, Gauge>::default();
    for (phase, orders) in &summary.orders_by_phase {
        let phase = (*phase).to_owned();
        let orders = i64::try_from(*orders).unwrap_or(i64::MAX);
        phases.get_or_create(&OfPhase { phase }).set(orders);
    }
    registry.register("orders", "Orders by phase", phases);
    let push = Family::<Quantile, Ratio>::default();
    for (quantile, millis) in [
        ("0.5", summary.propagation_ms.p50),
        ("0.99", summary.propagation_ms.p99),
    ] {
        let quantile = quantile.to_owned();
        let seconds = std::time::Duration::from_millis(millis).as_secs_f64();
        push.get_or_create(&Quantile { quantile }).set(seconds);
    }
    let help = "From a wish to its acknowledgement, of recent pushes";
    registry.register("stock_push_seconds", help, push);
    let disk = Gauge::<i64>::default();
    disk.set(i64::try_from(summary.store.disk_bytes).unwrap_or(i64::MAX));
    registry.register("store_disk_bytes", "What the store takes on disk", disk);
    let rows = Gauge::<i64>::default();
    rows.set(i64::try_from(summary.store.rows_bytes).unwrap_or(i64::MAX));
    let help = "What rows and exports take on disk, without the journal";
    registry.register("store_rows_bytes", help, rows);
    let live = Gauge::<i64>::default();
    live.set(i64::try_from(summary.store.live_bytes).unwrap_or(i64::MAX));
    registry.register("store_live_bytes", "What the rows need", live);
    let bloated = Gauge::<i64>::default();
    bloated.set(i64::from(summary.store.is_bloated));
    let help = "Whether the rows take far more of the disk than they need";
    registry.register("store_bloated", help, bloated);
}

/// Orders that are too late, by account and by what is late.
async fn late(registry: &mut Registry, engine: &Engine) -> Result<(), StoreError> {
    let orders = Family::<OfDue, Gauge>::default();
    for ((account, due), count) in due::late(engine).await? {
        let account = account.to_string();
        let label = OfDue {
            account,
            due: due.to_owned(),
        };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        orders.get_or_create(&label).set(count);
    }
    let help =
        "Orders that should have left or arrived, or of whose parcel nobody heard for too long";
    registry.register("orders_late", help, orders);
    Ok(())
}

/// When there was a good backup last, and whether there should be a newer one.
fn backups(registry: &mut Registry, backups: &BackupsView) {
    if !backups.is_configured {
        return;
    }
    let last = Ratio::default();
    let made_at = backups.last.as_ref().and_then(|last| last.made_at);
    let millis = made_at.map_or(0, |at| u64::try_from(at.millis()).unwrap_or(0));
    last.set(std::time::Duration::from_millis(millis).as_secs_f64());
    let help = "When the last good backup was made; 0 when there is none";
    registry.register("last_backup_timestamp_seconds", help, last);
    for (name, help, is) in [
        (
            "backup_late",
            "Whether there should be a newer backup by now",
            backups.is_late,
        ),
        (
            "backup_failed",
            "Whether making the last backup failed",
            backups.failure.is_some(),
        ),
    ] {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::from(is));
        registry.register(name, help, gauge);
    }
}

/// Units at risk on each account, and the overhang of all.
async fn at_risk(registry: &mut Registry, engine: &Engine) -> Result<(), StoreError> {
    let risks = Family::<OfAccount, Ratio>::default();
    let by_account = engine.decider.exposures.by_account();
    for account in engine.accounts.values() {
        let label = OfAccount {
            account: account.id.to_string(),
            channel: account.descriptor().id.to_owned(),
        };
        let units = by_account.get(&account.id).copied().unwrap_or_default();
        risks.get_or_create(&label).set(number(units));
    }
    let help = "Units that listings show beyond what they should";
    registry.register("exposure_units", help, risks);
    let overhang = Ratio::default();
    overhang.set(number(exposure::overhang(engine).await?));
    let help = "Units that are shown more often than they are there, which is normal";
    registry.register("overhang_units", help, overhang);
    Ok(())
}

/// Units as metrics have them.
fn number(units: Units) -> f64 {
    units.to_string().parse().unwrap_or_default()
}

async fn of_accounts(registry: &mut Registry, engine: &Engine) -> Result<(), StoreError> {
    let up = Family::<OfAccount, Gauge>::default();
    let live = Family::<OfAccount, Gauge>::default();
    let paused = Family::<OfPause, Gauge>::default();
    let polled = Family::<OfAccount, Ratio>::default();
    let (calls, said) = (
        Family::<OfAccount, Gauge>::default(),
        Family::<OfAccount, Gauge>::default(),
    );
    let now = engine.ports.clock.now();
    for account in engine.accounts.values() {
        let label = OfAccount {
            account: account.id.to_string(),
            channel: account.descriptor().id.to_owned(),
        };
        let health = account.health();
        let is_up = match (health.last_success_at, health.last_error_at) {
            (Some(success), Some(error)) => success >= error,
            (success, None) => success.is_some(),
            (None, Some(_)) => false,
        };
        up.get_or_create(&label).set(i64::from(is_up));
        live.get_or_create(&label)
            .set(i64::from(account.may_write()));
        for flow in Flow::ALL {
            let label = OfPause {
                account: account.id.to_string(),
                what: flow.word().to_owned(),
            };
            let is_paused = i64::from(account.is_paused(flow));
            paused.get_or_create(&label).set(is_paused);
        }
        // What nobody knows has no number.
        let left = account.meter.left(now);
        for (family, left) in [
            (&calls, left.calls.map(i64::from)),
            (
                &said,
                left.said.and_then(|said| i64::try_from(said.left).ok()),
            ),
        ] {
            if let Some(left) = left {
                family.get_or_create(&label).set(left);
            }
        }
        if let Some(at) = health.last_poll_at {
            let millis = u64::try_from(at.millis()).unwrap_or(0);
            let seconds = std::time::Duration::from_millis(millis).as_secs_f64();
            polled.get_or_create(&label).set(seconds);
        }
    }
    registry.register(
        "channel_up",
        "Whether the last call to the channel worked",
        up,
    );
    registry.register("account_live", "Whether the account is written to", live);
    let help = "Whether a person paused this of the account";
    registry.register("account_paused", help, paused);
    let help = "Calls to the channel that our own pace lets through at once now";
    registry.register("account_calls_left", help, calls);
    let help = "What the channel said last is left of its own quota, in its own unit";
    registry.register("channel_quota_left", help, said);
    let help = "When the account's orders were last read completely";
    registry.register("last_poll_timestamp_seconds", help, polled);
    Ok(())
}
