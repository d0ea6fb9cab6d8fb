//! `oneshelf run`: the daemon itself, wired from its configuration.
//!
//! It tells systemd that it is ready when the store is open and verified and the engine runs, feeds
//! the watchdog with a round trip through the store's committer, and ends on SIGTERM: no new work,
//! what is under way is settled, the store is closed.

use std::{
    collections::BTreeMap,
    fs::{DirBuilder, File},
    io,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use domain::{
    Decimal, Quantity, Sku,
    breaker::BreakerRule,
    decide::Authority,
    item::{Item, ItemKind},
    locations::Locations,
    owed::{Backorder, Owing, Preorder},
    policy::Penalty,
    rules::{Buffer, EndWhen, LastUnits, OfferRules, Ratio, ScopedRule},
    verify::{Checks, Verification},
};
use engine::{
    AccountConfig, Config, Engine, StartError,
    account::{Mode, Pace},
    decider::Policy,
    erasing::Privacy,
    gateways::Gateways,
    ports::{Ports, http::Egress, system},
};
use store::Store as _;
use store::sled::{OpenError, Opened, Options, Retain, Sled};
use tokio::net::TcpListener;

use crate::{
    backups, configuration,
    exit::{self, Exit},
    keys, listen,
    logging::{self, Format},
    outside::RealOutside,
    settings::{self, Environment, Known, LoadError, Settings},
    signals,
};

/// How long tasks may take to settle what is under way.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// Runs the daemon until it is asked to end.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Start although the journal is older than what was acknowledged: after restoring an old copy.
    /// Nothing is written to channels until every account was compared.
    #[arg(long)]
    pub accept_rollback: bool,
}

/// Reads the configuration, or says every mistake in it.
pub fn load(at: &Path, environment: &Environment) -> Result<Settings, LoadError> {
    settings::load(at, environment, known())
}

/// The same for commands that call nobody: the daemon's user cannot read what systemd hands over.
pub(crate) fn load_without_secrets(
    at: &Path,
    environment: &Environment,
) -> Result<Settings, LoadError> {
    settings::load_without_secrets(at, environment, known())
}

/// What settings are checked against.
pub fn known() -> Known<'static> {
    let schedule = |text: &str| {
        let read: Result<engine::ports::schedule::Schedule, _> = text.parse();
        read.map(|_| ()).map_err(|error| error.to_string())
    };
    Known {
        connectors: connectors::CONNECTORS,
        schedule,
        now: system::ports().clock.now(),
    }
}

/// Runs the daemon.
pub async fn run(
    args: &Args,
    at: &Path,
    environment: &Environment,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let settings = match load(at, environment) {
        Ok(settings) => settings,
        Err(error) => {
            exit::tell(&error.render());
            return Ok(Exit::Configuration.into());
        }
    };
    start_logging(&settings, format)?;
    if let Err(sentence) = prepare_state(&settings.store.dir) {
        exit::tell(&format!("error: {sentence}\n"));
        return Ok(Exit::Storage.into());
    }
    let (store, opened) = match open_store(&settings, args) {
        Ok(opened) => opened,
        Err(error) => {
            exit::tell(&format!("error: failed to open the store: {error}\n"));
            return Ok(Exit::Storage.into());
        }
    };
    let (mut ports, tasks) = system::running();
    ports.sealer = match keys::open(&settings.store.dir, settings.privacy.key.as_ref()) {
        Ok(sealer) => sealer,
        Err(sentence) => {
            exit::tell(&format!("error: {sentence}\n"));
            return Ok(Exit::Storage.into());
        }
    };
    let outside = open_outside(&settings, &ports)?;
    let mut ends = signals::Ends::listen();
    let public = listen_at(settings.listen.public).await?;
    let admin = listen_at(settings.listen.admin).await?;
    let mut config = config(&settings);
    config.gateways = crate::outside::gateways(&settings, &ports)?;
    config.compare_first = opened.is_after_loss || args.accept_rollback;
    let engine = match Engine::start(config, store.clone(), ports.clone(), &outside).await {
        Ok(engine) => engine,
        Err(error) => return Ok(refuse_start(&error)),
    };
    if opened.is_after_loss {
        // The engine has kept that by now, account by account.
        tracing::warn!("History was lost: nothing is written to an account before a comparison.");
        let noted = store.forget_loss();
        noted.context("cannot note that a loss is known")?;
    }
    keep_backups(&settings, &engine, &store).await;
    let (tokens, limits) = (tokens(&settings)?, limits(&settings));
    let held = settings.effective();
    let held = held.iter().map(configuration::configured).collect();
    let stop_web = listen::spawn(&engine, public, admin, tokens, (limits, held));
    feed_watchdog(&ports, &engine, store.clone());
    notify(&[sd_notify::NotifyState::Ready]);
    tracing::info!(accounts = engine.accounts.len(), "Oneshelf is ready.");

    let exit = wait_for_end(&engine, &tasks, &mut ends).await;
    notify(&[sd_notify::NotifyState::Stopping]);
    engine.stop();
    stop_web.send_replace(true);
    if tokio::time::timeout(STOP_WITHIN, tasks.ended())
        .await
        .is_err()
    {
        tracing::warn!("Some tasks did not end in time; the next start settles what they began.");
    }
    if let Err(error) = store.close().await {
        tracing::error!(%error, "The store could not be closed.");
        return Ok(Exit::Storage.into());
    }
    tracing::info!("Oneshelf ended.");
    Ok(exit.into())
}

fn start_logging(settings: &Settings, format: Format) -> anyhow::Result<()> {
    let level = match settings.log.level {
        settings::LogLevel::Error => "error",
        settings::LogLevel::Warn => "warn",
        settings::LogLevel::Info => "info",
        settings::LogLevel::Debug => "debug",
        settings::LogLevel::Trace => "trace",
    };
    logging::start(log_format(format, settings.log.format), level).map_err(anyhow::Error::msg)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    Ok(())
}

/// Makes the state folder, for nobody else to read. One that a restore has left half done is refused:
/// a new store would be begun in it.
pub(crate) fn prepare_state(dir: &Path) -> Result<(), String> {
    if store::sled::backup::is_unfinished(dir) {
        return Err(format!(
            "a restore into `{}` did not come to its end; do it again (exit 74)",
            dir.display()
        ));
    }
    let made = make_durable(dir);
    made.map_err(|error| format!("cannot make `{}`: {error} (exit 74)", dir.display()))
}

/// Makes a folder and those above it, and their names durable: what is in it is lost with its name.
fn make_durable(dir: &Path) -> io::Result<()> {
    let missing = dir.ancestors().take_while(|above| !above.exists()).count();
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(dir)?;
    for above in dir.ancestors().skip(1).take(missing.max(1)) {
        let here = above.as_os_str().is_empty();
        let above = if here { Path::new(".") } else { above };
        match File::open(above).and_then(|folder| folder.sync_all()) {
            // Somebody else has made it, and shows us no more than what is ours.
            Err(error) if missing == 0 && error.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Why this user must not open the store: what is written would belong to somebody else than the
/// daemon, which could not read it any more.
pub(crate) fn refuse_stranger(store: &Path) -> Option<String> {
    let owner = std::fs::metadata(store).ok()?.uid();
    let we = std::fs::metadata("/proc/self").ok()?.uid();
    (owner != we).then(|| {
        format!(
            "`{}` belongs to another user: run this as that user (sudo -u oneshelf oneshelf …)",
            store.display()
        )
    })
}

/// Has backups made, if that is configured.
async fn keep_backups(settings: &Settings, engine: &Arc<Engine>, store: &Arc<Sled>) {
    let Some(dir) = &settings.backup.dir else {
        return;
    };
    let plan = backups::plan(settings, dir.clone());
    let schedule = settings.backup.at.parse();
    let schedule = schedule.expect("the settings were checked");
    let keeper = backups::Keeper::new(Arc::clone(store), plan);
    engine.keep_backups(Arc::new(keeper), schedule).await;
}

/// How long after their time the last keys of raw signals go: a file of them is used for a day.
const KEYS_GO_WITHIN: Duration = Duration::from_secs(2 * 24 * 3600);

/// How the store of this configuration is opened.
pub(crate) fn store_options(settings: &Settings) -> Options {
    let mut options = Options::new(settings.store.dir.join("store"));
    // Without their keys, raw signals are of no use; the files of keys go within two days.
    options.retain = Retain::Since(settings.privacy.keep_signals + KEYS_GO_WITHIN);
    if let Some(free_min) = settings.store.free_min {
        // What the admin names decides alone, whatever part of the disk it is.
        (options.free_bytes_min, options.free_ratio_min) = (free_min, 1.0);
    }
    options
}

fn open_store(settings: &Settings, args: &Args) -> Result<(Arc<Sled>, Opened), OpenError> {
    let mut options = store_options(settings);
    options.accept_rollback = args.accept_rollback;
    let (store, opened) = store::sled::open(options)?;
    for repair in &opened.repairs {
        tracing::warn!(repair, "The store was repaired.");
    }
    Ok((store, opened))
}

fn open_outside(settings: &Settings, ports: &Ports) -> anyhow::Result<RealOutside> {
    let egress = if settings.network.allow_private {
        Egress::Anywhere
    } else {
        Egress::Public
    };
    let vault = settings.store.dir.join(backups::SECRETS);
    let outside = RealOutside::new(ports.clone(), egress, vault).map_err(anyhow::Error::msg)?;
    Ok(outside.with_calls_per_second(&settings.accounts))
}

async fn listen_at(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("cannot listen on {address}"))
}

fn tokens(settings: &Settings) -> anyhow::Result<web::Tokens> {
    let mut tokens = web::Tokens::none();
    if let Some(token) = &settings.admin.token {
        tokens
            .add(token.expose())
            .context("admin.token cannot be used")?;
    }
    Ok(tokens)
}

fn limits(settings: &Settings) -> web::Limits {
    let body = usize::try_from(settings.limits.body_bytes).unwrap_or(usize::MAX);
    let connections = usize::try_from(settings.limits.connections).unwrap_or(usize::MAX);
    web::Limits {
        body_bytes_max: body,
        connections_max: connections,
        read_timeout: settings.limits.read_timeout,
        ..web::Limits::default()
    }
}

/// What the command line says, else what the configuration says.
fn log_format(said: Format, configured: settings::LogFormat) -> Format {
    match (said, configured) {
        (Format::Auto, settings::LogFormat::Text) => Format::Text,
        (Format::Auto, settings::LogFormat::Json) => Format::Json,
        (said, _) => said,
    }
}

fn refuse_start(error: &StartError) -> ExitCode {
    exit::tell(&format!("error: {error}\n"));
    match error {
        StartError::Settings { .. } | StartError::Item(_) => Exit::Configuration.into(),
        StartError::Store(_) => Exit::Storage.into(),
    }
}

async fn wait_for_end(engine: &Engine, tasks: &system::Tasks, ends: &mut signals::Ends) -> Exit {
    let mut fatal = engine.watch_fatal();
    let mut panics = tasks.watch_panics();
    tokio::select! {
        biased;
        _ = fatal.wait_for(Option::is_some) => {
            tracing::error!("The store failed: nothing more is acknowledged.");
            Exit::Storage
        }
        panicked = panics.wait_for(Option::is_some) => {
            let task = panicked.ok().and_then(|name| name.clone()).unwrap_or_default();
            tracing::error!(task, "A task panicked: this is a bug, please report it.");
            Exit::Bug
        }
        () = ends.came() => Exit::Good,
    }
}

/// Tells systemd's watchdog that we live, as long as the committer answers.
fn feed_watchdog(ports: &Ports, engine: &Arc<Engine>, store: Arc<Sled>) {
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return;
    };
    let (clock, engine) = (Arc::clone(&ports.clock), Arc::clone(engine));
    let task = async move {
        while !engine.is_stopping() {
            if store.pulse().await.is_ok() {
                notify(&[sd_notify::NotifyState::Watchdog]);
            }
            let next = clock.now().plus(interval / 3);
            clock.sleep_until(next).await;
        }
    };
    ports.spawn.spawn("watchdog".to_owned(), Box::pin(task));
}

fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "The service manager was not told.");
    }
}

/// The engine's configuration, from what the admin wrote.
#[expect(clippy::too_many_lines, reason = "each setting once")]
pub fn config(settings: &Settings) -> Config {
    let reconcile: engine::ports::schedule::Schedule = settings
        .schedule
        .reconcile
        .parse()
        .expect("the settings were checked");
    let account = |account: &settings::Account| AccountConfig {
        id: account.id.clone(),
        connector: connectors::find(&account.kind).expect("the settings were checked"),
        settings: account.settings.clone(),
        mode: match account.mode {
            settings::Mode::Off => Mode::Off,
            settings::Mode::Observe => Mode::Observe,
            settings::Mode::Live => Mode::Live,
        },
        pace: Pace {
            poll_every: account.poll.unwrap_or(settings.schedule.poll),
            reread_every: settings.schedule.reread,
            listings_every: settings.schedule.listings,
            reconcile: reconcile.clone(),
            orders_since: settings.schedule.orders_since,
        },
        unpaid_for: account.unpaid_for.or(settings.stock.unpaid_for),
        promised: account.promised,
        capture_on: account.capture.meaning(),
        authority: match account.authority.stock {
            settings::Decides::Ledger => Authority::Ledger,
            settings::Decides::Channel => Authority::Channel,
        },
    };
    let items: Vec<Item> = settings
        .items
        .iter()
        .map(|item| item_of(item, settings))
        .collect();
    let locations = Locations::new(settings.locations.clone());
    Config {
        accounts: settings.accounts.values().map(account).collect(),
        opening: settings.stock.opening.clone(),
        policy: Policy {
            accounts: BTreeMap::new(),
            rules: rules(settings),
            home: locations.home(),
            locations,
            allocation: settings.allocation.rules(),
            breaker: BreakerRule {
                listings_min: settings.breaker.listings,
                share: Ratio {
                    numerator: settings.breaker.share.numerator,
                    denominator: settings.breaker.share.denominator,
                },
                window: settings.breaker.window,
            },
            incidents: settings.incidents.clone(),
            penalties: settings
                .accounts
                .iter()
                .map(|(id, account)| (id.clone(), penalty(account.cancel_penalty)))
                .collect(),
            verify: verification(settings),
            order_rules: settings.rules.clone(),
        },
        items,
        backlog_max: usize::try_from(settings.limits.backlog).unwrap_or(usize::MAX),
        public_url: settings.public_url.clone(),
        privacy: Privacy {
            forget_after: settings.privacy.forget_after,
            keep_signals: settings.privacy.keep_signals,
            keep_documents: settings.privacy.keep_documents,
        },
        sellers: settings.sellers.clone(),
        gateways: Gateways::default(),
        compare_first: false,
    }
}

/// What is looked at in orders, account by account.
fn verification(settings: &Settings) -> Verification {
    let ask = settings.messages.asks_for_address.clone();
    let usual = settings.verify.over(Checks::default());
    let accounts = settings.accounts.iter();
    let accounts = accounts.map(|(id, account)| (id.clone(), account.verify.over(usual)));
    Verification {
        usual,
        accounts: accounts.collect(),
        ask,
    }
}

fn penalty(said: settings::CancelPenalty) -> Penalty {
    match said {
        settings::CancelPenalty::Low => Penalty::Low,
        settings::CancelPenalty::Medium => Penalty::Medium,
        settings::CancelPenalty::High => Penalty::High,
    }
}

fn scale_of(settings: &Settings, sku: &Sku) -> u8 {
    settings
        .items
        .iter()
        .find(|item| item.sku == *sku)
        .map_or(0, |item| item.scale)
}

fn units(number: Decimal, scale: u8) -> Quantity {
    number
        .to_quantity(scale)
        .expect("the settings were checked")
}

fn item_of(item: &settings::Item, settings: &Settings) -> Item {
    let kind = match item.kind {
        settings::ItemKind::Good => ItemKind::Good,
        settings::ItemKind::Service => ItemKind::Service,
        settings::ItemKind::Kit => {
            let component = |(sku, number): (&Sku, &Decimal)| {
                (sku.clone(), units(*number, scale_of(settings, sku)))
            };
            ItemKind::Kit(item.components.iter().map(component).collect())
        }
    };
    Item {
        sku: item.sku.clone(),
        kind,
        scale: item.scale,
        title: item.title.clone(),
        category: item.category.clone(),
        barcode: item.barcode.clone(),
        prices: item.prices.clone(),
    }
}

/// All offer rules, the weakest first.
fn rules(settings: &Settings) -> OfferRules {
    let mut rules = vec![scoped(&settings.stock.offer, 0)];
    for (id, account) in &settings.accounts {
        rules.push(ScopedRule {
            account: Some(id.clone()),
            ..scoped(&account.offer, 0)
        });
    }
    for rule in &settings.stock.rules {
        let scale = rule.sku.as_ref().map_or(0, |sku| scale_of(settings, sku));
        rules.push(ScopedRule {
            account: rule.account.clone(),
            sku: rule.sku.clone(),
            category: rule.category.clone(),
            exclude: rule.exclude,
            ..scoped(&rule.offer, scale)
        });
    }
    OfferRules { rules }
}

/// What is said of offers, with quantities of so many decimals; for everything.
fn scoped(offer: &settings::Offer, scale: u8) -> ScopedRule {
    let read = |number: Option<Decimal>| number.map(|number| units(number, scale));
    ScopedRule {
        scale,
        share: offer.share.map(|share| Ratio {
            numerator: share.numerator,
            denominator: share.denominator,
        }),
        buffer: offer.buffer.map(|buffer| match buffer {
            Some(kept) => Buffer::Units(units(kept, scale)),
            None => Buffer::Auto,
        }),
        formula: offer.formula.clone(),
        buffer_min: read(offer.buffer_min),
        buffer_max: read(offer.buffer_max),
        oversell_risk: offer.oversell_risk.map(|risk| Ratio {
            numerator: risk.numerator,
            denominator: risk.denominator,
        }),
        max: read(offer.max),
        zero_below: read(offer.zero_below),
        end_when: offer.end_when.map(|least| match least {
            Some(least) => EndWhen::At(units(least, scale)),
            None => EndWhen::Never,
        }),
        last_units: offer.last_units.as_ref().map(|last| LastUnits {
            below: units(last.below, scale),
            only: last.only.iter().cloned().collect(),
        }),
        owing: Owing {
            backorder: offer.backorder.map(|said| Backorder {
                max: units(said.max, scale),
                ships_within: said.ships_within,
            }),
            preorder: offer.preorder.map(|said| Preorder {
                max: units(said.max, scale),
                available_on: said.available_on,
            }),
        },
        ..ScopedRule::default()
    }
}

/// Where the configuration is when nobody says.
pub fn default_path() -> PathBuf {
    PathBuf::from("/etc/oneshelf")
}

#[cfg(test)]
mod tests {
    use domain::deadlines::{Promised, Within};

    use super::*;

    fn configured(main: &str, account: &str) -> (Config, web::Limits) {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("it is written");
        };
        std::fs::create_dir(folder.path().join("accounts.d")).expect("a folder");
        write("oneshelf.toml", main);
        let shop = "kind = \"woocommerce\"\n[settings]\nurl = \"https://shop.example.com\"\n\
                    consumer_key = \"ck\"\nconsumer_secret = \"cs\"\nwebhook_secret = \"a long text of ours\"\n";
        write("accounts.d/plain.toml", shop);
        write("accounts.d/special.toml", &format!("{account}{shop}"));
        let settings = load(folder.path(), &Environment::default());
        let settings = settings.unwrap_or_else(|error| panic!("{}", error.render()));
        (config(&settings), limits(&settings))
    }

    fn hours(hours: u64) -> Duration {
        Duration::from_secs(hours * 3600)
    }

    #[test]
    fn what_is_set_reaches_what_it_is_about() {
        let unpaid = |config: &Config| -> Vec<Option<Duration>> {
            config.accounts.iter().map(|one| one.unpaid_for).collect()
        };
        let (config, limits) = configured("", "");
        assert_eq!(unpaid(&config), [None, None], "the channel decides");
        assert_eq!(config.backlog_max, 10_000);
        assert_eq!(limits.read_timeout, Duration::from_secs(10));

        let main = "[stock]\nunpaid_for = \"2h\"\n[limits]\nconnections = 9\nread_timeout = \"3s\"\n\
                    backlog = 7\n[schedule]\npoll = \"5s\"\norders_since = \"1d\"\n";
        let main = &format!("{main}[breaker]\nlistings = 3\nshare = \"1/2\"\nwindow = \"1m\"\n");
        let special = "unpaid_for = \"1h\"\npoll = \"9s\"\nauthority = { stock = \"channel\" }\n\
                       promised = { ship_within = \"2 working days\", return_within = \"30d\", no_news_after = \"5d\" }\n";
        assert_eq!(config.policy.breaker, BreakerRule::default());
        let (config, limits) = configured(main, special);
        let breaker = config.policy.breaker;
        assert_eq!((breaker.listings_min, breaker.share.denominator), (3, 2));
        assert_eq!(breaker.window, Duration::from_secs(60));
        let authorities = config.accounts.iter().map(|one| one.authority);
        let authorities: Vec<Authority> = authorities.collect();
        assert_eq!(authorities, [Authority::Ledger, Authority::Channel]);
        assert_eq!(unpaid(&config), [Some(hours(2)), Some(hours(1))]);
        let promised: Vec<Promised> = config.accounts.iter().map(|one| one.promised).collect();
        let said = Promised {
            ship_within: Some(Within::WorkingDays(2)),
            return_within: Some(hours(30 * 24)),
            silent_after: Some(hours(5 * 24)),
        };
        assert_eq!(promised, [Promised::default(), said]);
        let polls = config
            .accounts
            .iter()
            .map(|one| one.pace.poll_every.as_secs());
        assert_eq!(polls.collect::<Vec<_>>(), [5, 9]);
        assert_eq!(config.accounts[0].pace.orders_since, hours(24));
        assert_eq!(config.backlog_max, 7);
        assert_eq!(
            (limits.connections_max, limits.read_timeout),
            (9, Duration::from_secs(3))
        );
    }

    #[test]
    fn every_rule_means_what_it_says() {
        let main = "[stock]\nbuffer = \"auto\"\nbuffer_max = 4\noversell_risk = 0.01\n\
                    last_units = { below = 3, only = [\"plain\"] }\n\
                    [[stock.rules]]\ncategory = \"tea\"\nzero_below = 2\nend_when = 1\n\
                    [[stock.rules]]\nsku = \"TEA\"\nbuffer = \"0.5\"\nend_when = \"never\"\n\
                    [[items]]\nsku = \"TEA\"\nscale = 1\ncategory = \"Tea\"\n";
        let (config, _) = configured(main, "");
        let rules = &config.policy.rules;
        let (account, tea) = (domain::AccountId::new("special"), &config.items[0]);
        let rule = rules.find(&account, tea, &[]);
        assert_eq!(rule.buffer, Buffer::Units(Quantity::of(5)));
        assert_eq!((rule.zero_below, rule.end_when), (Quantity::of(20), None));
        assert_eq!(rule.tuning.max, Quantity::of(40));
        let mug = Item::good("MUG".parse().expect("a SKU"), "");
        let rule = rules.find(&account, &mug, &["TEA ".to_owned()]);
        assert_eq!(rule.buffer, Buffer::Auto);
        let risk = (rule.tuning.risk.numerator, rule.tuning.risk.denominator);
        assert_eq!(risk, (1, 100));
        assert_eq!(rule.end_when, Some(Quantity::of(1)));
        let last = rule.last_units.expect("it is said for all");
        assert_eq!(last.below, Quantity::of(3));
        assert!(!last.only.contains(&account) && last.only.len() == 1);
    }
}
