//! A merchant for benches: shops, a configuration for them, and the real daemon in a process of its own.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use domain::{Currency, Money, Sku, Time};
use engine::ports::{Ports, system};
use sandbox::{
    Product, ProductKind, Shop,
    faults::{Faults, Faulty},
};
use serde_json::Value;
use tokio::net::TcpListener;

use super::{
    hooks::Hooks,
    load::{self, Sent, Source, ask, get, round, to_f64},
    process::Process,
};
use crate::sandbox_host::HostedShop;

/// The channel of all shops.
const CHANNEL: &str = "woocommerce";
/// How many items every shop sells.
pub(super) const ITEMS: usize = 50;
/// How many there are of each: more than any bench sells.
pub(super) const LEVEL: i64 = 100_000_000;
/// How much longer every call to an account takes that hangs.
pub(super) const HANGS: Duration = Duration::from_secs(30);
/// How long the daemon may take to become ready.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long all signals of a load may take to be decided after the last was acknowledged.
const DRAINED_WITHIN: Duration = Duration::from_secs(300);
/// How often it is looked whether the daemon is ready that was started again.
const LOOK: Duration = Duration::from_millis(5);

/// What a rig is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// How many accounts sell the same items. Hooks come to the first.
    pub(super) accounts: usize,
    /// How many signals may wait to be decided before hooks are put off.
    pub(super) backlog: u32,
    /// The number of the account that hangs in every call from when its shop is told to
    /// ([`HostedShop::resume`]).
    pub(super) hung: Option<usize>,
    /// How many calls a second each account takes, if not as many as is usual for its kind of channel.
    pub(super) calls_per_second: Option<u32>,
}

/// A running daemon with its shops.
pub(super) struct Rig {
    pub(super) process: Process,
    pub(super) public: SocketAddr,
    pub(super) hooks: Hooks,
    dir: PathBuf,
    admin: SocketAddr,
    token: String,
    /// The number of the next hook.
    next: u64,
    // Dropped last, when nobody writes there any more.
    pub(super) shops: Vec<HostedShop>,
}

/// What the daemon did with a load.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) sent: Sent,
    /// What the daemon counted until then.
    pub(super) summary: Value,
    /// From the first hook to the last durable decision.
    pub(super) took: Duration,
    /// Orders a second over that time.
    pub(super) per_second: f64,
}

impl Rig {
    /// Opens the shops, starts the daemon, and waits until all is adopted.
    pub(super) async fn start(plan: Plan, dir: &Path, ports: &Ports) -> anyhow::Result<Rig> {
        let (public, admin) = (free_address()?, free_address()?);
        let token = format!("bench-{:032x}", u128::from_be_bytes(ports.entropy.seed()));
        let mut shops = Vec::new();
        for number in 0..plan.accounts {
            let faults = match plan.hung {
                Some(hung) if hung == number => Faults::hanging(HANGS),
                Some(_) | None => Faults::none(),
            };
            shops.push(open_shop(number, skus(ITEMS)?, faults, public, ports).await?);
        }
        write_configuration(plan, dir, &shops, (public, admin), &token)?;
        let mut rig = Rig {
            process: start(dir)?,
            public,
            hooks: Hooks::default(),
            dir: dir.to_owned(),
            admin,
            token,
            next: 0,
            shops,
        };
        let adopted = rig.wait_until_adopted(plan).await;
        adopted.with_context(|| rig.unready())?;
        let first = rig.shops.first().context("there is a shop")?;
        rig.hooks = Hooks::learn(first, &skus(ITEMS)?)?;
        Ok(rig)
    }

    /// Where the configuration is.
    pub(super) fn config(&self) -> PathBuf {
        self.dir.join("etc")
    }

    /// Another account of the first shop, from the next start of the daemon on.
    pub(super) fn add_account(&self, id: &str, mode: &str) -> anyhow::Result<()> {
        let shop = self.shops.first().context("there is a shop")?;
        write_account(&self.dir, (id, mode, None), shop)
    }

    /// Starts the daemon again after it was ended, and says how long it took until it was ready.
    pub(super) async fn resume(&mut self, within: Duration) -> anyhow::Result<Duration> {
        let began = load::now();
        self.process = start(&self.dir)?;
        loop {
            let answer = ask(self.admin, "/readyz", &self.token).await;
            if answer.is_ok_and(|(status, _)| status == 200) {
                return Ok(began.elapsed());
            }
            let goes_on = self.process.runs() && began.elapsed() < within;
            anyhow::ensure!(goes_on, self.unready());
            load::pause(LOOK).await;
        }
    }

    fn unready(&self) -> String {
        let said = fs::read_to_string(self.dir.join("daemon.log")).unwrap_or_default();
        format!("the daemon did not become ready:\n{said}")
    }

    /// Sends hooks of orders that nobody sent before.
    pub(super) async fn send(
        &mut self,
        load: &'static dyn Source,
        orders: u64,
        connections: u32,
    ) -> anyhow::Result<Sent> {
        let from = self.next;
        self.next += orders;
        load::send(self.public, load, (from, orders), connections).await
    }

    /// The same, and waits until the last of them is decided.
    pub(super) async fn take(
        &mut self,
        load: &'static dyn Source,
        orders: u64,
        connections: u32,
    ) -> anyhow::Result<Taken> {
        let began_at = system::ports().clock.now();
        let sent = self.send(load, orders, connections).await?;
        let summary = self.drained(DRAINED_WITHIN).await?;
        let decided_at: Time = serde_json::from_value(summary["signal_decided_at"].clone())?;
        let took = decided_at.since(began_at).max(Duration::from_millis(1));
        Ok(Taken {
            sent,
            summary,
            took,
            per_second: round(to_f64(orders) / took.as_secs_f64()),
        })
    }

    /// Something that the admin API says.
    pub(super) async fn ask(&self, path: &str) -> anyhow::Result<Value> {
        get(self.admin, path, &self.token).await
    }

    /// Where the admin listener is.
    pub(super) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Has the admin API do something, and gives its answer.
    pub(super) async fn tell(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        load::post(self.admin, path, &self.token, body).await
    }

    /// Waits until every signal is decided, and says what the daemon counted.
    pub(super) async fn drained(&self, within: Duration) -> anyhow::Result<Value> {
        let began = load::now();
        loop {
            let summary = self.ask("/api/v1/metrics/summary").await?;
            if summary["inbox_waiting"] == 0 {
                return Ok(summary);
            }
            let is_late = began.elapsed() > within;
            anyhow::ensure!(!is_late, "signals still wait after {within:?}: {summary}");
            load::pause(Duration::from_millis(250)).await;
        }
    }

    async fn wait_until_adopted(&mut self, plan: Plan) -> anyhow::Result<()> {
        let began = load::now();
        loop {
            let seen = self.ask("/api/v1/metrics/summary").await;
            let offered = self.ask("/api/v1/listings?limit=1&suppressed=true").await;
            let accounts = self.ask("/api/v1/accounts").await;
            if let (Ok(_), Ok(offered), Ok(accounts)) = (seen, offered, accounts) {
                let accounts = accounts["items"].as_array().cloned().unwrap_or_default();
                let is_read = |account: &Value| {
                    account["has_polled"] == true && account["counts"]["listings"] == ITEMS
                };
                let all_offered = offered["items"].as_array().is_some_and(Vec::is_empty);
                if accounts.len() == plan.accounts && accounts.iter().all(is_read) && all_offered {
                    return Ok(());
                }
            }
            anyhow::ensure!(self.process.runs(), "it ended");
            anyhow::ensure!(began.elapsed() < READY_WITHIN, "it took too long");
            load::pause(Duration::from_millis(200)).await;
        }
    }
}

fn start(dir: &Path) -> anyhow::Result<Process> {
    let config = dir.join("etc");
    let at = config.to_str().context("the folder has a strange name")?;
    Process::start(&["run", "--config", at], &dir.join("daemon.log"))
}

fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?)
}

/// So many items, in the order in which they are bought.
pub(super) fn skus(items: usize) -> anyhow::Result<Vec<Sku>> {
    let names = (1..=items).map(|number| Sku::new(&format!("ITEM-{number:03}")));
    names.collect::<Result<_, _>>().context("SKUs are lawful")
}

/// A shop with a configuration, for those who start no daemon.
pub(super) struct Quiet {
    /// Where the configuration is.
    pub(super) config: PathBuf,
    /// It is served as long as somebody has it.
    _shop: HostedShop,
}

/// Opens a shop with so many items, and writes a configuration with its account and another one that is
/// called otherwise.
pub(super) async fn shop_of(
    items: usize,
    other: &str,
    dir: &Path,
    ports: &Ports,
) -> anyhow::Result<Quiet> {
    let (public, admin) = (free_address()?, free_address()?);
    let skus = skus(items)?;
    let shop = open_shop(0, skus, Faults::none(), public, ports).await?;
    let plan = Plan {
        accounts: 1,
        backlog: 1,
        hung: None,
        calls_per_second: None,
    };
    write_configuration(
        plan,
        dir,
        std::slice::from_ref(&shop),
        (public, admin),
        "nobody-asks-with-this-token-00000",
    )?;
    write_account(dir, (other, "off", None), &shop)?;
    Ok(Quiet {
        config: dir.join("etc"),
        _shop: shop,
    })
}

async fn open_shop(
    number: usize,
    skus: Vec<Sku>,
    faults: Faults,
    public: SocketAddr,
    ports: &Ports,
) -> anyhow::Result<HostedShop> {
    let account = format!("shop-{number}");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let currency = Currency::new("EUR").context("a currency")?;
    let products = skus.into_iter().map(|sku| Product {
        title: sku.to_string(),
        sku,
        price: Money::from_minor(990, currency).expect("a small amount"),
        kind: ProductKind::Simple,
        level: LEVEL,
    });
    let shop = Shop {
        name: account.clone(),
        api_url: format!("http://{}", listener.local_addr()?),
        hook_url: format!("http://{public}/hooks/{account}"),
        products: products.collect(),
        seed: number as u64,
    };
    let woocommerce = sandbox::TWINS.iter().find(|(id, _)| *id == CHANNEL);
    let (_, open) = woocommerce.context("there is such a twin")?;
    let mut twin = Faulty::new(open(shop), faults);
    twin.quiet();
    Ok(HostedShop::serve(&account, twin, listener, ports.clone()))
}

/// Everything is read once and then left alone, so that only what is measured happens.
fn write_configuration(
    plan: Plan,
    dir: &Path,
    shops: &[HostedShop],
    (public, admin): (SocketAddr, SocketAddr),
    token: &str,
) -> anyhow::Result<()> {
    let config = dir.join("etc");
    fs::create_dir_all(config.join("accounts.d"))?;
    let backlog = plan.backlog;
    let token = write_secret(dir, "admin-token", token)?;
    let store = dir.join("var");
    let main = format!(
        "[listen]\npublic = \"{public}\"\nadmin = \"{admin}\"\n\n\
         [admin]\ntoken = {token}\n\n\
         [store]\ndir = {store:?}\nfree_min = \"64MiB\"\n\n\
         [network]\nallow_private = true\n\n\
         [log]\nlevel = \"warn\"\n\n\
         [limits]\nbacklog = {backlog}\n\n\
         [schedule]\npoll = \"1h\"\nreread = \"6h\"\nlistings = \"1d\"\nreconcile = \"0 0 0 1 1 *\"\n\n\
         [stock]\nopening = \"shop-0\"\n"
    );
    fs::write(config.join("oneshelf.toml"), main)?;
    for shop in shops {
        write_account(dir, (&shop.account, "live", plan.calls_per_second), shop)?;
    }
    Ok(())
}

/// An account of a shop, with its secrets in files.
/// Writes the file of an account: its name, its mode and how many calls a second it takes.
fn write_account(
    dir: &Path,
    (id, mode, calls_per_second): (&str, &str, Option<u32>),
    shop: &HostedShop,
) -> anyhow::Result<()> {
    let mut text = format!("kind = \"{CHANNEL}\"\nmode = \"{mode}\"\n");
    if let Some(calls) = calls_per_second {
        text.push_str(&format!("calls_per_second = {calls}\n"));
    }
    text.push_str("\n[settings]\n");
    let settings = shop.settings();
    for (key, value) in settings.as_object().context("settings are an object")? {
        let value = match value.as_str() {
            Some(secret) if key != "url" => write_secret(dir, &format!("{id}.{key}"), secret)?,
            Some(_) | None => value.to_string(),
        };
        text.push_str(&format!("{key} = {value}\n"));
    }
    fs::write(dir.join(format!("etc/accounts.d/{id}.toml")), text)?;
    Ok(())
}

fn write_secret(dir: &Path, name: &str, secret: &str) -> anyhow::Result<String> {
    let folder = dir.join("secrets");
    fs::create_dir_all(&folder)?;
    let file = folder.join(name);
    fs::write(&file, secret)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    Ok(format!("{{ file = {file:?} }}"))
}
