//! One live account: its channel, its mode, and what is to be looked at soon.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use channel::{Channel, ChannelError, Connector, Descriptor, ErrorKind};
use domain::{AccountId, ExternalId, ListingId, Time, snapshot::Version};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::{
    lanes::Doubts,
    pausing::{Flow, Paused},
    ports::{allowance::Meter, quota::is_urgent, schedule::Schedule},
    reading::backfill::Backfill,
};

/// How many recent views of orders are remembered to recognize repetitions without a decision.
const RECENT_MAX: usize = 20_000;

/// How many orders that hooks tell of are remembered while orders are paused.
const TOLD_MAX: usize = 10_000;

/// How long to rest when a channel asks for fewer calls and does not say for how long.
const THROTTLE_PAUSE: Duration = Duration::from_secs(2);

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing at all.
    Off,
    /// Read, match and compare; write nothing outside.
    Observe,
    /// Everything.
    Live,
}

/// A mode that a person set; it wins over the configuration until it is taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeOverride {
    /// The mode instead of the configured one.
    pub mode: Option<Mode>,
    /// Whether writing is stopped for the time being.
    pub is_frozen: bool,
    /// Who stopped it.
    #[serde(default)]
    pub frozen_by: Option<String>,
    /// Since when.
    #[serde(default)]
    pub frozen_at: Option<Time>,
    /// What is paused of it.
    #[serde(default, skip_serializing_if = "Paused::is_empty")]
    pub paused: Paused,
}

impl ModeOverride {
    /// The same, and writing is stopped by somebody.
    #[must_use]
    pub fn frozen(self, by: &str, at: Time) -> ModeOverride {
        ModeOverride {
            is_frozen: true,
            frozen_by: Some(by.to_owned()),
            frozen_at: Some(at),
            ..self
        }
    }

    /// The same, and writing goes on.
    #[must_use]
    pub fn thawed(self) -> ModeOverride {
        ModeOverride {
            is_frozen: false,
            frozen_by: None,
            frozen_at: None,
            ..self
        }
    }
}

/// How an account is run.
#[derive(Clone, Debug)]
pub struct Pace {
    /// How often its orders are polled.
    pub poll_every: Duration,
    /// How often its open orders are read again one by one.
    pub reread_every: Duration,
    /// How often all its listings are read.
    pub listings_every: Duration,
    /// When its levels are compared.
    pub reconcile: Schedule,
    /// How far back the first poll looks.
    pub orders_since: Duration,
}

/// One live account.
pub struct Account {
    /// The admin's word for it.
    pub id: AccountId,
    /// Its kind of channel.
    pub connector: &'static dyn Connector,
    /// Its channel.
    pub channel: Box<dyn Channel>,
    /// What is left of its quota.
    pub meter: Arc<Meter>,
    /// How it is run.
    pub pace: Pace,
    /// What the configuration says it may do.
    pub configured: Mode,
    /// What a person said since.
    pub set: RwLock<ModeOverride>,
    /// Rings when orders should be polled now.
    pub wake_poll: Notify,
    /// Rings when a level is to be sent.
    pub wake_levels: Notify,
    /// Rings when a level is in doubt.
    pub wake_doubts: Notify,
    /// Rings when an intent is to be carried out.
    pub wake_intents: Notify,
    /// Rings when levels should be compared now.
    pub wake_compare: Notify,
    /// One poll at a time; what is known of the last one.
    pub polling: tokio::sync::Mutex<LastPoll>,
    /// One comparison of all levels at a time.
    pub comparing: tokio::sync::Mutex<()>,
    /// The listings that show what nobody explained yet.
    pub(crate) doubts: Doubts,
    orders_to_read: Mutex<BTreeSet<ExternalId>>,
    listings_to_compare: Mutex<BTreeSet<ListingId>>,
    are_listings_due: AtomicBool,
    is_poll_due: AtomicBool,
    compares_first: AtomicBool,
    is_pile_due: AtomicBool,
    falls: Mutex<BTreeSet<Vec<u8>>>,
    backfill: Mutex<Option<Backfill>>,
    was_throttled: AtomicBool,
    has_polled: AtomicBool,
    recent: Mutex<BTreeMap<ExternalId, (Version, u64)>>,
    /// When the next call may be made that is not urgent, when one was refused. One that is urgent may
    /// cost far less, and does not wait for it.
    usual_waits_until: Mutex<Option<Time>>,
    health: Mutex<Health>,
}

/// When orders were last read completely.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastPoll {
    /// When the last complete poll began.
    pub began_at: Option<Time>,
    /// When the last one began that looked back as far as the channel needs.
    pub deep_at: Option<Time>,
    /// Whether everything that the last one was handed was taken in.
    pub is_kept: bool,
}

/// How an account is doing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Health {
    /// The shop's own name, from the last probe.
    pub shop: Option<String>,
    /// Its software, from the last probe.
    pub version: Option<String>,
    /// What the last probe warned of.
    pub warnings: Vec<String>,
    /// When a call last worked.
    pub last_success_at: Option<Time>,
    /// When one last failed.
    pub last_error_at: Option<Time>,
    /// How it failed.
    pub last_error: Option<String>,
    /// Whether its credentials were refused at the last call.
    pub is_unauthorized: bool,
    /// When its orders were last read completely.
    pub last_poll_at: Option<Time>,
    /// When its levels were last compared completely.
    pub last_reconcile_at: Option<Time>,
    /// When the next call may be made.
    pub throttled_until: Option<Time>,
}

impl Account {
    /// An account that has done nothing yet.
    pub fn new(
        id: AccountId,
        connector: &'static dyn Connector,
        channel: Box<dyn Channel>,
        pace: Pace,
        configured: Mode,
        set: ModeOverride,
    ) -> Account {
        Account {
            id,
            connector,
            channel,
            pace,
            configured,
            set: RwLock::new(set),
            wake_poll: Notify::new(),
            wake_levels: Notify::new(),
            wake_doubts: Notify::new(),
            wake_intents: Notify::new(),
            wake_compare: Notify::new(),
            polling: tokio::sync::Mutex::default(),
            comparing: tokio::sync::Mutex::default(),
            doubts: Doubts::default(),
            orders_to_read: Mutex::default(),
            listings_to_compare: Mutex::default(),
            are_listings_due: AtomicBool::new(true),
            is_poll_due: AtomicBool::new(false),
            compares_first: AtomicBool::new(false),
            is_pile_due: AtomicBool::new(true),
            falls: Mutex::default(),
            backfill: Mutex::default(),
            was_throttled: AtomicBool::new(false),
            has_polled: AtomicBool::new(false),
            recent: Mutex::default(),
            usual_waits_until: Mutex::default(),
            health: Mutex::default(),
            meter: Arc::default(),
        }
    }

    /// What its kind of channel is like.
    pub fn descriptor(&self) -> &'static Descriptor {
        self.connector.descriptor()
    }

    /// For how long an order may be missing from a list of orders.
    pub(crate) fn orders_lag(&self) -> Duration {
        Duration::from_secs(self.descriptor().orders_lag_s.into())
    }

    /// What it may do now.
    pub fn mode(&self) -> Mode {
        let set = self.set.read().expect(LOCK);
        set.mode.unwrap_or(self.configured)
    }

    /// What a person said since the configuration.
    pub fn set(&self) -> ModeOverride {
        self.set.read().expect(LOCK).clone()
    }

    /// Takes what a person said, when it is durable, and looks what there is to do.
    pub(crate) fn put_set(&self, set: ModeOverride) {
        *self.set.write().expect(LOCK) = set;
        self.is_pile_due.store(true, Ordering::Release);
        self.wake_lanes();
        self.wake_poll.notify_one();
    }

    /// Whether writing is stopped by a person.
    pub fn is_frozen(&self) -> bool {
        self.set.read().expect(LOCK).is_frozen
    }

    /// Whether anything may be written outside.
    pub fn may_write(&self) -> bool {
        self.mode() == Mode::Live && !self.is_frozen() && !self.compares_first()
    }

    /// Whether a person paused a kind of work with it.
    pub fn is_paused(&self, flow: Flow) -> bool {
        self.set.read().expect(LOCK).paused.contains_key(&flow)
    }

    /// Whether a person paused any of it.
    pub fn is_any_paused(&self) -> bool {
        !self.set.read().expect(LOCK).paused.is_empty()
    }

    /// Whether levels may be written.
    pub fn may_write_levels(&self) -> bool {
        self.may_write() && !self.is_paused(Flow::Stock)
    }

    /// Writes nothing until the levels were compared once: what we believe may be too old.
    pub fn hold_writes(&self, is_held: bool) {
        self.compares_first.store(is_held, Ordering::Release);
    }

    /// Whether it writes nothing until its levels were compared.
    pub fn compares_first(&self) -> bool {
        self.compares_first.load(Ordering::Acquire)
    }

    /// Whether its orders were read completely since the start. Before that nothing is pushed: what
    /// was sold while we were away is not known yet.
    pub fn has_polled(&self) -> bool {
        self.has_polled.load(Ordering::Acquire)
    }

    /// Whether all that is due is to be looked through, once.
    pub(crate) fn take_pile_due(&self) -> bool {
        self.is_pile_due.swap(false, Ordering::AcqRel)
    }

    /// Remembers what must fall, by the keys of the offers.
    pub(crate) fn keep_falls(&self, falls: BTreeSet<Vec<u8>>) {
        *self.falls.lock().expect(LOCK) = falls;
    }

    /// Some of what must fall.
    pub(crate) fn falls(&self, limit: usize) -> Vec<Vec<u8>> {
        let falls = self.falls.lock().expect(LOCK);
        falls.iter().take(limit).cloned().collect()
    }

    /// Forgets what was written since, or has to wait: it is found again among what is due.
    pub(crate) fn forget_fall(&self, key: &[u8]) {
        self.falls.lock().expect(LOCK).remove(key);
    }

    /// Lets all lanes look what there is to do.
    pub fn wake_lanes(&self) {
        self.wake_levels.notify_one();
        self.wake_doubts.notify_one();
        self.wake_intents.notify_one();
    }

    /// Notes a complete poll.
    pub fn note_poll(&self, now: Time) {
        self.has_polled.store(true, Ordering::Release);
        self.health.lock().expect(LOCK).last_poll_at = Some(now);
        self.wake_lanes();
    }

    /// Notes a complete comparison of levels.
    pub fn note_reconcile(&self, now: Time) {
        self.hold_writes(false);
        self.health.lock().expect(LOCK).last_reconcile_at = Some(now);
    }

    /// Notes what a probe found.
    pub fn note_probe(&self, probe: &channel::Probe) {
        let mut health = self.health.lock().expect(LOCK);
        health.shop = Some(probe.shop.clone());
        health.version = Some(probe.version.clone());
        health.warnings.clone_from(&probe.warnings);
    }

    /// Notes that a call worked.
    pub fn note_success(&self, now: Time) {
        let mut health = self.health.lock().expect(LOCK);
        health.last_success_at = Some(now);
        health.is_unauthorized = false;
        health.throttled_until = None;
        if !is_urgent() {
            *self.usual_waits_until.lock().expect(LOCK) = None;
        }
    }

    /// Notes that a call failed.
    pub fn note_error(&self, now: Time, error: &ChannelError) {
        let mut health = self.health.lock().expect(LOCK);
        health.last_error_at = Some(now);
        health.last_error = Some(error.to_string());
        health.is_unauthorized = matches!(error.kind, ErrorKind::Unauthorized { .. });
        if let ErrorKind::Throttled { until } = error.kind {
            self.was_throttled.store(true, Ordering::Release);
            let until = Some(until.unwrap_or_else(|| now.plus(THROTTLE_PAUSE)));
            if is_urgent() {
                health.throttled_until = until;
            } else {
                *self.usual_waits_until.lock().expect(LOCK) = until;
            }
        }
    }

    /// Whether the channel asked for fewer calls since this was last asked.
    pub fn take_throttled(&self) -> bool {
        self.was_throttled.swap(false, Ordering::AcqRel)
    }

    /// The earliest time of the next call, when the channel asked us to wait. What is urgent waits only
    /// when something urgent was refused; inside a `Retry-After` the account's port makes no call at all.
    pub fn throttled_until(&self) -> Option<Time> {
        let levels = self.levels_wait_until();
        if is_urgent() {
            return levels;
        }
        levels.max(*self.usual_waits_until.lock().expect(LOCK))
    }

    /// The earliest time of the next write of a level, when one was refused for now.
    pub fn levels_wait_until(&self) -> Option<Time> {
        self.health.lock().expect(LOCK).throttled_until
    }

    /// How it is doing.
    pub fn health(&self) -> Health {
        let usual = *self.usual_waits_until.lock().expect(LOCK);
        let mut health = self.health.lock().expect(LOCK).clone();
        health.throttled_until = health.throttled_until.max(usual);
        health
    }

    /// Has an order read soon. While its orders are paused only so many are remembered: the next poll
    /// finds what changed, whoever told of it.
    pub fn look_at_order(&self, order: ExternalId) {
        let mut waiting = self.orders_to_read.lock().expect(LOCK);
        if self.is_paused(Flow::Orders) {
            if waiting.len() < TOLD_MAX {
                waiting.insert(order);
            }
            return;
        }
        waiting.insert(order);
        drop(waiting);
        self.wake_poll.notify_one();
    }

    /// How many orders hooks told of that were not read yet.
    pub(crate) fn orders_told(&self) -> usize {
        self.orders_to_read.lock().expect(LOCK).len()
    }

    /// Whether hooks told of something that was not read yet.
    pub fn has_hints(&self) -> bool {
        self.are_listings_due.load(Ordering::Acquire)
            || (self.orders_told() > 0 && !self.is_paused(Flow::Orders))
    }

    /// The orders to be read, taken off the list.
    pub fn take_orders_to_read(&self, limit: usize) -> Vec<ExternalId> {
        let mut waiting = self.orders_to_read.lock().expect(LOCK);
        let taken: Vec<ExternalId> = waiting.iter().take(limit).cloned().collect();
        for order in &taken {
            waiting.remove(order);
        }
        taken
    }

    /// How far reading its orders back has come.
    pub fn backfill(&self) -> Option<Backfill> {
        *self.backfill.lock().expect(LOCK)
    }

    pub(crate) fn put_backfill(&self, backfill: Option<Backfill>) {
        *self.backfill.lock().expect(LOCK) = backfill;
    }

    pub(crate) fn change_backfill(&self, change: impl FnOnce(&mut Backfill)) {
        if let Some(backfill) = self.backfill.lock().expect(LOCK).as_mut() {
            change(backfill);
        }
    }

    /// Has levels compared soon.
    pub fn look_at_levels(&self, listings: impl IntoIterator<Item = ListingId>) {
        self.listings_to_compare
            .lock()
            .expect(LOCK)
            .extend(listings);
        self.wake_compare.notify_one();
    }

    /// The listings to be compared, taken off the list.
    pub fn take_listings_to_compare(&self) -> Vec<ListingId> {
        std::mem::take(&mut *self.listings_to_compare.lock().expect(LOCK))
            .into_iter()
            .collect()
    }

    /// Has orders and listings read now, however long ago they were read.
    pub fn poll_soon(&self) {
        self.is_poll_due.store(true, Ordering::Release);
        self.look_at_listings();
    }

    /// Whether somebody wants it read now, once.
    pub(crate) fn take_poll_due(&self) -> bool {
        self.is_poll_due.swap(false, Ordering::AcqRel)
    }

    /// Has all listings read soon.
    pub fn look_at_listings(&self) {
        self.are_listings_due.store(true, Ordering::Release);
        self.wake_poll.notify_one();
    }

    /// Whether all listings should be read, once.
    pub fn take_listings_due(&self) -> bool {
        self.are_listings_due.swap(false, Ordering::AcqRel)
    }

    /// Whether exactly this view of an order was decided before, and remembers it if not.
    pub fn is_recent(&self, order: &ExternalId, version: Version, fingerprint: u64) -> bool {
        let mut recent = self.recent.lock().expect(LOCK);
        if recent.get(order) == Some(&(version, fingerprint)) {
            return true;
        }
        if recent.len() >= RECENT_MAX {
            recent.clear();
        }
        recent.insert(order.clone(), (version, fingerprint));
        false
    }

    /// Forgets a view whose decision failed, so that it is decided again.
    pub fn forget_recent(&self, order: &ExternalId) {
        self.recent.lock().expect(LOCK).remove(order);
    }
}

const LOCK: &str = "no holder of this lock panics";
