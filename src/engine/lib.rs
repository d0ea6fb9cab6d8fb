//! Intake, polling, dispatch and reconciling: asynchronous, and without rules of its own.
//!
//! The engine brings signals to [`domain::decide`] and carries out what was decided. It waits, sleeps
//! and spawns only through [`ports`], so the simulator runs this very engine under virtual time.
//! Start reading at [`Engine::start`].

pub mod account;
pub mod adoption;
mod alike;
pub mod answers;
pub mod backups;
pub mod bells;
mod buffers;
pub mod cases;
pub mod decider;
pub mod doctor;
pub mod erasing;
pub mod explain;
pub mod exposure;
pub mod finding;
pub mod gateways;
pub mod inbox;
mod insight;
pub mod intake;
pub mod issuing;
mod janitor;
pub mod lanes;
mod mapping;
pub mod meters;
pub mod opening;
pub mod pausing;
pub mod paying;
mod pending;
pub mod persons;
mod policing;
pub mod ports;
mod promises;
pub mod reading;
mod recent;
pub mod recipients;
pub mod rows;
pub mod safety;
pub mod sealing;
pub mod shelf;
mod stocktake;
pub mod users;
pub mod views;
pub mod watching;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use account::{Account, Mode, ModeOverride, Pace};
use channel::{ChannelError, Connector, Port, SettingsError};
use decider::{Alongside, DecideError, Decider, Done, Policy};
use domain::{
    AccountId,
    budget::WriteBudget,
    deadlines::Promised,
    decide::{Authority, FollowUp, Terms, Verdict},
    signal::Signal,
};
use erasing::Privacy;
use gateways::Gateways;
use issuing::Sellers;
use lanes::Lane;
use meters::Meters;
use ports::{Ports, Work, allowance::Meter};
use recent::Recent;
use store::{Batch, Store, StoreError};
use tokio::sync::{Notify, watch};
use views::totals::LastTotals;

/// One account as configured, with its settings resolved.
pub struct AccountConfig {
    /// The admin's word for it.
    pub id: AccountId,
    /// Its kind of channel.
    pub connector: &'static dyn Connector,
    /// The connector's own settings.
    pub settings: serde_json::Value,
    /// What it may do.
    pub mode: Mode,
    /// How it is run.
    pub pace: Pace,
    /// How long an unpaid order keeps its stock.
    pub unpaid_for: Option<Duration>,
    /// What it promises of time.
    pub promised: Promised,
    /// When money is taken that is reserved for its orders.
    pub capture_on: domain::payment::CaptureOn,
    /// Who decides about its stock.
    pub authority: Authority,
}

/// Everything that the engine is configured with.
pub struct Config {
    /// The accounts.
    pub accounts: Vec<AccountConfig>,
    /// The account whose levels are the opening stock.
    pub opening: Option<AccountId>,
    /// What may be offered, and where stock lies.
    pub policy: Policy,
    /// Items that the configuration declares: kits, services, scales.
    pub items: Vec<domain::item::Item>,
    /// How many raw signals may wait before hooks are answered with 503.
    pub backlog_max: usize,
    /// How channels reach our public listener; without it no hooks are registered.
    pub public_url: Option<String>,
    /// How long what tells of people is kept.
    pub privacy: Privacy,
    /// Who issues invoices for the orders of which accounts.
    pub sellers: Sellers,
    /// What is told or asked something and is no channel.
    pub gateways: Gateways,
    /// Whether history was lost: no account writes anything before its levels were compared. When the
    /// engine has started, that is kept, also over a restart.
    pub compare_first: bool,
}

/// Makes the way out for an account.
pub trait Outside: Sync {
    /// The port of one account; who makes its calls tells the meter what is left of its quota.
    fn port(
        &self,
        account: &AccountId,
        descriptor: &'static channel::Descriptor,
        meter: &Arc<Meter>,
    ) -> Port;
}

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An account's settings are wrong.
    #[error("account {account}: {}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Settings {
        /// Which account.
        account: AccountId,
        /// All mistakes.
        errors: Vec<SettingsError>,
    },
    /// An item of the configuration cannot be.
    #[error("item: {0}")]
    Item(String),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The running engine.
pub struct Engine {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Time, chance, tasks.
    pub ports: Ports,
    /// Takes all decisions.
    pub decider: Decider,
    /// All accounts that are configured.
    pub accounts: BTreeMap<AccountId, Arc<Account>>,
    /// The account whose levels are the opening stock.
    pub opening: Option<AccountId>,
    /// What was counted since the start.
    pub meters: Meters,
    pub(crate) totals: LastTotals,
    recent: Recent,
    /// Copies of everything, if they are made.
    pub backups: backups::Backups,
    public_url: Option<String>,
    privacy: Privacy,
    sellers: Sellers,
    /// What is told or asked something and is no channel.
    pub gateways: Gateways,
    errand_bells: gateways::Bells,
    /// When this process began.
    started_at: domain::Time,
    backlog_max: usize,
    exporting: tokio::sync::Mutex<()>,
    wake_inbox: Notify,
    wake_mapping: Notify,
    changes: watch::Sender<u64>,
    stop: watch::Sender<bool>,
    fatal: watch::Sender<Option<String>>,
}

/// What decisions go by of an account.
fn terms_of(account: &AccountConfig) -> Terms {
    let descriptor = account.connector.descriptor();
    let budget = descriptor.writes_per_listing_per_day;
    Terms {
        meaning: descriptor.quantity,
        unpaid_for: account.unpaid_for,
        authority: account.authority,
        budget: budget.map(WriteBudget::per_day),
        is_by_hand: descriptor.is_by_hand,
        promised: account.promised,
        capture_on: account.capture_on,
    }
}

impl Engine {
    /// Opens the accounts and starts all tasks.
    pub fn start<'a>(
        config: Config,
        store: Arc<dyn Store>,
        ports: Ports,
        outside: &'a dyn Outside,
    ) -> Work<'a, Result<Arc<Engine>, StartError>> {
        Box::pin(Engine::open(config, store, ports, outside))
    }

    async fn open(
        config: Config,
        store: Arc<dyn Store>,
        ports: Ports,
        outside: &dyn Outside,
    ) -> Result<Arc<Engine>, StartError> {
        if config.compare_first {
            let ids = config.accounts.iter().map(|account| &account.id);
            note_loss(store.as_ref(), ids).await?;
        }
        let mut policy = config.policy;
        let mut accounts = BTreeMap::new();
        for account in config.accounts {
            let descriptor = account.connector.descriptor();
            let terms = terms_of(&account);
            policy.accounts.insert(account.id.clone(), terms);
            let meter = Arc::new(Meter::default());
            let port = outside.port(&account.id, descriptor, &meter);
            let channel = account
                .connector
                .open(account.settings, port)
                .map_err(|errors| StartError::Settings {
                    account: account.id.clone(),
                    errors,
                })?;
            let set = load_override(store.as_ref(), &account.id).await?;
            let (id, connector) = (account.id.clone(), account.connector);
            let mut opened = Account::new(id, connector, channel, account.pace, account.mode, set);
            opened.meter = meter;
            opened.hold_writes(is_to_compare_first(store.as_ref(), &account.id).await?);
            accounts.insert(account.id, Arc::new(opened));
        }
        let engine = Arc::new(Engine {
            decider: Decider::new(Arc::clone(&store), ports.clone(), policy),
            started_at: ports.clock.now(),
            ports,
            accounts,
            opening: config.opening,
            meters: Meters::default(),
            totals: LastTotals::default(),
            recent: Recent::default(),
            backups: backups::Backups::default(),
            public_url: config.public_url,
            privacy: config.privacy,
            sellers: config.sellers,
            errand_bells: gateways::bells(&config.gateways, store.as_ref()).await?,
            gateways: config.gateways,
            store,
            backlog_max: config.backlog_max,
            exporting: tokio::sync::Mutex::new(()),
            wake_inbox: Notify::new(),
            wake_mapping: Notify::new(),
            changes: watch::Sender::new(0),
            stop: watch::Sender::new(false),
            fatal: watch::Sender::new(None),
        });
        engine.decider.keep_cases().await?;
        engine.load_exposure().await?;
        engine.load_watch().await?;
        for item in config.items {
            engine.declare_item(item).await?;
        }
        engine.count_backlog().await?;
        engine.serve_waiting().await?;
        engine.list_deadlines().await?;
        engine.list_words().await?;
        // What a crash came between is destroyed before anything else is done.
        engine.erase_what_was_asked().await?;
        engine.spawn_all();
        Ok(engine)
    }

    async fn declare_item(&self, item: domain::item::Item) -> Result<(), StartError> {
        let command = domain::signal::Command::SetItem(item);
        match self.decide(Signal::Command(command)).await {
            Ok(_) => Ok(()),
            Err(DecideError::Refused(refusal)) => Err(StartError::Item(refusal.to_string())),
            Err(DecideError::Store(error)) => Err(error.into()),
        }
    }

    fn spawn_all(self: &Arc<Self>) {
        let spawn = |name: String, task: ports::Task| self.ports.spawn.spawn(name, task);
        let engine = Arc::clone(self);
        spawn(
            "inbox".to_owned(),
            Box::pin(async move { engine.run_inbox().await }),
        );
        let engine = Arc::clone(self);
        spawn(
            "janitor".to_owned(),
            Box::pin(async move { engine.run_janitor().await }),
        );
        let engine = Arc::clone(self);
        spawn(
            "mapping".to_owned(),
            Box::pin(async move { engine.run_mapping().await }),
        );
        let engine = Arc::clone(self);
        spawn(
            "exposure".to_owned(),
            Box::pin(async move { engine.run_exposure().await }),
        );
        let engine = Arc::clone(self);
        spawn(
            "buffers".to_owned(),
            Box::pin(async move { engine.run_buffers().await }),
        );
        let engine = Arc::clone(self);
        spawn(
            "insight".to_owned(),
            Box::pin(async move { engine.run_insight().await }),
        );
        self.spawn_gateways();
        // Also of those that are off: they may be armed while we run.
        for account in self.accounts.values() {
            let (engine, at) = (Arc::clone(self), Arc::clone(account));
            let task = Box::pin(async move { engine.run_poll(at).await });
            spawn(format!("poll {}", account.id), task);
            for lane in Lane::ALL {
                let (engine, at) = (Arc::clone(self), Arc::clone(account));
                let task = Box::pin(async move { engine.run_lane(at, lane).await });
                spawn(format!("{lane:?} {}", account.id), task);
            }
            let (engine, at) = (Arc::clone(self), Arc::clone(account));
            let task = Box::pin(async move { engine.run_reconcile(at).await });
            spawn(format!("reconcile {}", account.id), task);
        }
    }

    /// Asks all tasks to end. What is under way is settled first; nothing new is begun.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        self.wake_inbox.notify_waiters();
    }

    /// Whether the tasks were asked to end.
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Tells when the tasks are asked to end.
    pub fn watch_stop(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Tells when something was decided or set, by a number that grows: whoever shows anything reads it again.
    pub fn watch_changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Says that something is not as it was.
    pub(crate) fn note_change(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Tells when something happened that the daemon must not outlive: a storage error.
    pub fn watch_fatal(&self) -> watch::Receiver<Option<String>> {
        self.fatal.subscribe()
    }

    /// Decides, and sees to what follows from it.
    pub async fn decide(&self, signal: Signal) -> Result<Done, DecideError> {
        self.decide_alongside(signal, Alongside::default()).await
    }

    /// The same, with rows that belong to the same commit.
    pub async fn decide_alongside(
        &self,
        signal: Signal,
        alongside: Alongside,
    ) -> Result<Done, DecideError> {
        let result = self.decider.decide_alongside(signal, alongside).await;
        match &result {
            Ok(done) => self.follow_up(done),
            Err(DecideError::Store(error)) => self.note_store_error(error),
            Err(DecideError::Refused(_)) => {}
        }
        result
    }

    pub(crate) fn follow_up(&self, done: &Done) {
        self.meters.count(done, self.ports.clock.now());
        self.note_change();
        for follow_up in &done.follow_ups {
            match follow_up {
                FollowUp::ReadOrder {
                    account,
                    external_id,
                } => {
                    if let Some(account) = self.accounts.get(account) {
                        account.look_at_order(external_id.clone());
                    }
                }
                FollowUp::Compare { account, listings } => {
                    if let Some(account) = self.accounts.get(account) {
                        account.look_at_levels(listings.iter().cloned());
                    }
                }
                // The decider has seen to it within the same turn.
                FollowUp::OfferToWaiting(_) => {}
                FollowUp::MapWaiting => self.wake_mapping.notify_one(),
            }
        }
        self.wake_who_is_due(done);
    }

    /// Wakes the lanes of accounts to which something is to be told since a decision.
    pub(crate) fn wake_who_is_due(&self, done: &Done) {
        // What was known already may still have given an order its location, which moves offers.
        if done.verdict != Verdict::New && done.book.facts.is_empty() {
            return;
        }
        let offers = done.book.offers.values().filter(|offer| offer.is_due());
        let intents = done.book.intents.values();
        let to_wake: std::collections::BTreeSet<&AccountId> = offers
            .map(|offer| &offer.account)
            .chain(intents.map(|intent| &intent.account))
            .collect();
        for account in to_wake.into_iter().filter_map(|id| self.accounts.get(id)) {
            account.wake_lanes();
        }
        let errands = done.book.intents.values();
        for gateway in errands.filter_map(|intent| intent.wish.gateway()) {
            self.errand_bells.ring(&gateway);
        }
    }

    /// Sets what an account may do, durably. Nothing as a mode goes back to the configuration. It confirms
    /// nothing: only [`Engine::arm`] does, which knows what was shown.
    pub async fn set_mode(&self, account: &Account, set: ModeOverride) -> Result<(), StoreError> {
        let mode = set.mode.unwrap_or(account.configured);
        let mut puts = self.watch_rows(account, mode).await?;
        let key = rows::key(&[account.id.as_str()]);
        puts.push((rows::MODES, key, rows::encode(&set)));
        self.store
            .commit(Batch {
                puts,
                ..Batch::default()
            })
            .await?;
        self.watch(account, mode);
        if mode == Mode::Live && !set.is_frozen && !account.may_write() {
            self.meters.note_armed(&account.id, self.ports.clock.now());
        }
        account.put_set(set);
        self.note_change();
        Ok(())
    }

    /// A store that fails is the end of this process: what is not durable must not be acknowledged,
    /// and only opening it again shows what is.
    fn note_store_error(&self, error: &StoreError) {
        match error {
            StoreError::Unavailable { .. } | StoreError::Corrupt { .. } => {
                tracing::error!(%error, "The store failed.");
                self.fatal.send_replace(Some(error.to_string()));
                self.stop();
            }
            StoreError::NoSpace { .. } => tracing::warn!(%error, "Writing waits for disk space."),
            StoreError::Conflict { .. } | StoreError::Refused { .. } => {
                tracing::error!(%error, "The store refused a batch.");
            }
        }
    }

    /// Notes how a call to a channel went, and says it when it failed.
    fn note_call<T>(&self, account: &Account, result: &Result<T, ChannelError>) {
        let now = self.ports.clock.now();
        match result {
            Ok(_) => account.note_success(now),
            Err(error) => {
                account.note_error(now, error);
                tracing::warn!(account = %account.id, %error, "A call to a channel failed.");
            }
        }
    }

    /// Sleeps while the channel of an account asks us to wait. Says whether to go on.
    async fn wait_for_throttle(&self, account: &Account) -> bool {
        while let Some(until) = account.throttled_until() {
            if until <= self.ports.clock.now() {
                break;
            }
            if !self.wait(until, &Notify::new()).await {
                return false;
            }
        }
        !self.is_stopping()
    }

    /// Reads, unless the end comes first: a shop that lets itself be asked slowly must not hold it up. What
    /// was read and not decided is read again after the next start.
    async fn unless_stopping<T>(&self, reading: impl Future<Output = T>) -> Option<T> {
        let mut stop = self.stop.subscribe();
        if *stop.borrow_and_update() {
            return None;
        }
        tokio::select! {
            biased;
            _ = stop.changed() => None,
            read = reading => Some(read),
        }
    }

    /// Sleeps until a time, or until rung, or until the end. Says whether to go on.
    async fn wait(&self, until: domain::Time, ring: &Notify) -> bool {
        let mut stop = self.stop.subscribe();
        if *stop.borrow_and_update() {
            return false;
        }
        tokio::select! {
            biased;
            _ = stop.changed() => {}
            () = ring.notified() => {}
            () = self.ports.clock.sleep_until(until) => {}
        }
        !self.is_stopping()
    }
}

/// Notes of each account that it is to be compared before anything is written to it. That is a row,
/// because a restart must not forget it.
async fn note_loss<'a>(
    store: &dyn Store,
    accounts: impl Iterator<Item = &'a AccountId>,
) -> Result<(), StoreError> {
    let row = |id: &AccountId| {
        let key = rows::key(&[id.as_str()]);
        (rows::TO_COMPARE, key, rows::encode(&()))
    };
    let puts: Vec<_> = accounts.map(row).collect();
    if puts.is_empty() {
        return Ok(());
    }
    let batch = Batch {
        puts,
        ..Batch::default()
    };
    store.commit(batch).await.map(drop)
}

async fn is_to_compare_first(store: &dyn Store, account: &AccountId) -> Result<bool, StoreError> {
    let key = rows::key(&[account.as_str()]);
    Ok(store.get(rows::TO_COMPARE, &key).await?.is_some())
}

async fn load_override(store: &dyn Store, account: &AccountId) -> Result<ModeOverride, StoreError> {
    let row = store
        .get(rows::MODES, &rows::key(&[account.as_str()]))
        .await?;
    match row {
        Some(row) => rows::decode(rows::MODES, &row.value),
        None => Ok(ModeOverride::default()),
    }
}
