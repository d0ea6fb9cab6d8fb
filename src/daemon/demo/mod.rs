//! `oneshelf demo`: the whole main job on sandbox shops, on this machine, with nothing to set up.
//!
//! Four shops on loopback HTTP with buyers in them, the real engine on a real store, and the real
//! interfaces. Unattended (`--for 30s`) it lets the world go quiet in the end and judges itself by
//! what the shops know to be true.

mod merchant;
mod rules;
mod screen;
mod shops;
mod summary;

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use domain::{
    AccountId, Time, breaker::BreakerRule, decide::Authority, locations::Locations,
    stock::LocationId,
};
use engine::{
    AccountConfig, Config, Engine,
    account::{Mode, Pace as AccountPace},
    decider::Policy,
    erasing::Privacy,
    ports::{Ports, http::Egress},
};
use sandbox::{
    Shop,
    buyers::{Buyers, Pace},
    faults::{Faults, Faulty},
};
use store::Store;
use tokio::net::TcpListener;

use crate::{
    exit::{self, Exit},
    outside::RealOutside,
    sandbox_host::HostedShop,
    scratch::Scratch,
    settings::Settings,
    signals::Ends,
};

/// How long tasks may take to settle what is under way.
const STOP_WITHIN: Duration = Duration::from_secs(3);
/// How long the shops may take to be adopted.
const OPENED_WITHIN: Duration = Duration::from_secs(30);
/// How long the world may take to go quiet.
const QUIET_WITHIN: Duration = Duration::from_secs(90);

/// Runs sandbox shops with buyers and shows how Oneshelf keeps up.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Stop after this time (`30s`, `5m`), let everything settle, and print a summary.
    #[arg(long = "for", value_name = "DURATION", value_parser = read_duration)]
    pub lasts: Option<Duration>,
    /// Let things go wrong: refused and lost calls, lost and doubled hooks, people who edit levels.
    #[arg(long)]
    pub faults: bool,
    /// Print one JSON object at the end, and nothing else.
    #[arg(long)]
    pub json: bool,
    /// Decides what the buyers do; random when not given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Where to keep the store, to look at it later: a folder without one. A temporary folder when not given.
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    /// Rules to try: a file with [stock], [[stock.rules]], [[items]], [[locations]], [allocation], [breaker],
    /// [[incidents]], [[rules]], [verify] and [[sellers]] as in oneshelf.toml.
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Take the shops over yourself: they are only watched, nothing is counted, and nobody judges the end.
    #[arg(long)]
    pub observe: bool,
    /// The port of the admin interface; any free one when not given.
    #[arg(long, default_value_t = 0)]
    pub admin_port: u16,
}

/// The demo while it runs.
pub(crate) struct Demo {
    pub(crate) engine: Arc<Engine>,
    pub(crate) shops: Vec<HostedShop>,
    pub(crate) ports: Ports,
    pub(crate) started_at: Time,
    pub(crate) admin_url: String,
    pub(crate) token: String,
    /// With which somebody comes into the dashboard, once.
    pub(crate) sign_in: String,
    /// Levels that staff edited in a shop, for the judge.
    pub(crate) edits: std::sync::Mutex<Vec<sandbox::judge::Edit>>,
    stop_web: tokio::sync::watch::Sender<bool>,
}

/// Runs the demo. The exit code is 1 when the judge finds something that must not be.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let said = match args.rules.as_deref().map(rules::read).transpose() {
        Ok(said) => said,
        Err(error) => {
            exit::tell(&error.render());
            return Ok(Exit::Configuration.into());
        }
    };
    let (ports, tasks) = engine::ports::system::running();
    let scratch = Scratch::new(args.dir.as_deref(), "demo", &ports)?;
    let dir = scratch.path().to_owned();
    if dir.join("store").exists() {
        // Its shops lived in memory only: to the store, all that they had sold would have been deleted.
        exit::tell(&format!(
            "{} holds the store of an earlier demo, whose shops are gone. Give --dir a folder without one, or \
             delete that.",
            dir.display()
        ));
        return Ok(Exit::Configuration.into());
    }
    let demo = start(&args, said.as_ref(), &dir, &ports).await?;
    let mut ends = Ends::listen();
    if !args.json {
        screen::greet(&demo)?;
    }
    let reason = live(&args, &demo, &mut ends).await?;
    let summary = if args.lasts.is_some() && !args.observe {
        demo.shops.iter().for_each(HostedShop::quiet);
        let reason = match settle(&demo).await? {
            None => reason.to_owned(),
            Some(unrest) => format!("the world did not go quiet: {unrest}"),
        };
        Some(summary::judge(&demo, reason).await?)
    } else {
        None
    };
    demo.engine.stop();
    demo.stop_web.send_replace(true);
    drop(tokio::time::timeout(STOP_WITHIN, tasks.ended()).await);
    demo.engine.store.close().await?;
    let Some(summary) = summary else {
        return Ok(ExitCode::SUCCESS);
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&summary)?)?;
    } else {
        screen::show_summary(&mut out, &summary)?;
    }
    Ok(if summary.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn start(
    args: &Args,
    said: Option<&Settings>,
    dir: &Path,
    ports: &Ports,
) -> anyhow::Result<Demo> {
    let seed = args.seed.unwrap_or_else(|| {
        let [a, b, c, d, ..] = ports.entropy.seed();
        u64::from(u32::from_be_bytes([a, b, c, d]))
    });
    let public = TcpListener::bind("127.0.0.1:0")
        .await
        .context("no port for hooks")?;
    let admin = TcpListener::bind(("127.0.0.1", args.admin_port)).await;
    let admin = admin.context("no port for the admin interface")?;
    let hooks_at = format!("http://{}/hooks", public.local_addr()?);
    // The shops run on tasks of their own, so that waiting for the engine's is possible.
    let shops = open_shops(args, seed, &hooks_at, &engine::ports::system::ports()).await?;

    let outside = RealOutside::new(ports.clone(), Egress::Anywhere, dir.join("secrets"))
        .map_err(anyhow::Error::msg)?;
    let store: Arc<dyn Store> = open_store(dir)?;
    let mut config = config(&shops);
    if args.observe {
        config.opening = None;
        for account in &mut config.accounts {
            account.mode = Mode::Observe;
        }
    }
    if let Some(said) = said {
        rules::apply(said, &mut config);
    }
    let engine = Engine::start(config, store, ports.clone(), &outside).await?;
    let token = format!("demo-{:032x}", u128::from_be_bytes(ports.entropy.seed()));
    let admin_url = format!("http://{}", admin.local_addr()?);
    let mut tokens = web::Tokens::none();
    tokens.add(&token).context("the token of the demo")?;
    let sign_in = format!("{admin_url}{}", web::invite(&engine, "demo").await?);
    let nothing_configured = (web::Limits::default(), Vec::new());
    let stop_web = crate::listen::spawn(&engine, public, admin, tokens, nothing_configured);
    for shop in &shops {
        shop.deliver_hooks(outside.client());
    }
    // Shops are adopted before buyers come, unless that is what is to be tried.
    if !args.observe {
        wait_for_opening(&engine, ports).await?;
    }
    if args.faults {
        shops.iter().for_each(HostedShop::resume);
    }
    let started_at = ports.clock.now();
    let ports = ports.clone();
    let edits = std::sync::Mutex::default();
    Ok(Demo {
        engine,
        shops,
        ports,
        started_at,
        admin_url,
        token,
        sign_in,
        edits,
        stop_web,
    })
}

/// Waits until the opening stock is taken over and every listing was told or read once.
async fn wait_for_opening(engine: &Engine, ports: &Ports) -> anyhow::Result<()> {
    let until = ports.clock.now().plus(OPENED_WITHIN);
    while ports.clock.now() < until && !summary::is_opened(engine).await? {
        let soon = ports.clock.now().plus(Duration::from_millis(100));
        ports.clock.sleep_until(soon).await;
    }
    Ok(())
}

fn open_store(dir: &Path) -> anyhow::Result<Arc<dyn Store>> {
    let options = store::sled::Options::new(dir.join("store"));
    let (store, opened) = store::sled::open(options)?;
    for repair in &opened.repairs {
        tracing::warn!(repair, "The store was repaired.");
    }
    Ok(store)
}

async fn open_shops(
    args: &Args,
    seed: u64,
    hooks_at: &str,
    ports: &Ports,
) -> anyhow::Result<Vec<HostedShop>> {
    let mut shops = Vec::new();
    for (index, place) in shops::PLACES.iter().enumerate() {
        let Some((_, open)) = sandbox::TWINS.iter().find(|(id, _)| *id == place.channel) else {
            anyhow::bail!("there is no sandbox of {}", place.channel);
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own_seed = seed.wrapping_add(index as u64);
        let twin = open(Shop {
            name: place.account.to_owned(),
            api_url: format!("http://{}", listener.local_addr()?),
            hook_url: format!("{hooks_at}/{}", place.account),
            products: shops::products(),
            seed: own_seed,
        });
        let faults = if args.faults {
            Faults::lively(own_seed)
        } else {
            Faults::none()
        };
        let mut twin = Faulty::new(twin, faults);
        twin.quiet();
        shops.push(HostedShop::serve(
            place.account,
            twin,
            listener,
            ports.clone(),
        ));
    }
    Ok(shops)
}

fn config(shops: &[HostedShop]) -> Config {
    let account = |shop: &HostedShop| AccountConfig {
        id: AccountId::new(shop.account.clone()),
        connector: connectors::find(shop.channel).expect("every twin has its connector"),
        settings: shop.settings(),
        mode: Mode::Live,
        pace: AccountPace {
            poll_every: Duration::from_secs(2),
            reread_every: Duration::from_secs(20),
            listings_every: Duration::from_secs(60),
            reconcile: "*/10 * * * * *".parse().expect("a schedule"),
            orders_since: Duration::from_secs(24 * 3600),
        },
        unpaid_for: Some(Duration::from_secs(3600)),
        promised: domain::deadlines::Promised::default(),
        capture_on: domain::payment::CaptureOn::default(),
        authority: Authority::Ledger,
    };
    Config {
        accounts: shops.iter().map(account).collect(),
        opening: shops
            .first()
            .map(|shop| AccountId::new(shop.account.clone())),
        policy: Policy {
            accounts: BTreeMap::new(),
            rules: domain::offer::OfferRules::default(),
            home: LocationId::default(),
            locations: Locations::default(),
            allocation: domain::allocation::Rules::default(),
            breaker: BreakerRule::default(),
            incidents: Vec::new(),
            penalties: BTreeMap::new(),
            verify: domain::verify::Verification::default(),
            order_rules: Vec::new(),
        },
        items: shops::items(),
        backlog_max: 10_000,
        public_url: None,
        privacy: Privacy::default(),
        sellers: engine::issuing::Sellers::default(),
        gateways: engine::gateways::Gateways::default(),
        compare_first: false,
    }
}

/// Lets buyers buy and the merchant ship until the time is over, or somebody ends it.
async fn live(args: &Args, demo: &Demo, ends: &mut Ends) -> anyhow::Result<&'static str> {
    let seed = args.seed.unwrap_or(1);
    let pace = if args.faults {
        Pace::busy().with_meddling()
    } else {
        Pace::busy()
    };
    let mut buyers = Buyers::new(seed, pace);
    let mut merchant = merchant::Merchant::new(seed);
    let mut screen = screen::Screen::new(args.json);
    let end = args.lasts.map(|lasts| demo.started_at.plus(lasts));
    let mut fatal = demo.engine.watch_fatal();
    loop {
        let now = demo.ports.clock.now();
        if end.is_some_and(|end| now >= end) {
            buyers.stop();
            return Ok("time is over");
        }
        let edits = shops::let_people_act(&mut buyers, &demo.shops, now);
        demo.edits
            .lock()
            .expect("no holder of this lock panics")
            .extend(edits);
        merchant.work(demo, now).await?;
        screen.refresh(demo, now).await?;
        tokio::select! {
            biased;
            () = ends.came() => return Ok("ended by a signal"),
            _ = fatal.changed() => anyhow::bail!("the store failed"),
            () = demo.ports.clock.sleep_until(now.plus(Duration::from_millis(50))) => {}
        }
    }
}

/// Waits until nothing moves any more: no hook on its way, nothing to be read, sent or settled, and
/// every account compared since. Tells what still moves when it takes too long.
async fn settle(demo: &Demo) -> anyhow::Result<Option<String>> {
    let began = demo.ports.clock.now();
    loop {
        let unrest = summary::unrest(demo, began).await?;
        if unrest.is_none() || demo.ports.clock.now() >= began.plus(QUIET_WITHIN) {
            return Ok(unrest);
        }
        let soon = demo.ports.clock.now().plus(Duration::from_millis(250));
        demo.ports.clock.sleep_until(soon).await;
    }
}

fn read_duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("`{text}` is not a time like 30s"))?;
    match unit {
        "s" | "" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3600))),
        _ => Err(format!("`{unit}` is no unit of time: use s, m or h")),
    }
}
