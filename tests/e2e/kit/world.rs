//! Shops, a configuration for them, and the ways in.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use ::daemon::sandbox_host::HostedShop;
use channel::HttpPort;
use domain::{ExternalId, Sku};
use engine::ports::{
    Ports,
    http::{Egress, Outbound},
    system,
};
use sandbox::{
    Act, Done, Shop, TrueOrder,
    faults::{Faults, Faulty},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{
    SOON,
    api::Api,
    daemon::{Daemon, Ended, run_with},
    goods,
    hooks::Post,
    until,
};

/// The four shops: account and channel. The first gives the opening stock.
pub(crate) const SHOPS: [(&str, &str); 4] = [
    ("web-shop", "woocommerce"),
    ("till", "square"),
    ("market", "ebay"),
    ("boutique", "shopify"),
];

/// Settings that are secrets: they are handed over in files.
const SECRETS: [&str; 9] = [
    "access_token",
    "application_token",
    "client_secret",
    "consumer_key",
    "consumer_secret",
    "refresh_token",
    "verification_token",
    "webhook_secret",
    "webhook_signature_key",
];

/// What a world is made of.
pub(crate) struct Plan {
    /// Account and channel.
    pub(crate) shops: Vec<(&'static str, &'static str)>,
    /// Accounts that begin in observe; all others are live.
    pub(crate) observed: Vec<&'static str>,
    /// What goes wrong in each shop, once [`World::disturb`] says so.
    pub(crate) faults: Faults,
    /// Decides everything that is left to chance in the shops.
    pub(crate) seed: u64,
    /// How much is logged.
    pub(crate) log_level: &'static str,
    /// How many shelves there are with the goods.
    pub(crate) shelves: i64,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            shops: SHOPS.to_vec(),
            observed: Vec::new(),
            faults: Faults::none(),
            seed: 11,
            log_level: "info",
            shelves: 1,
        }
    }
}

/// A merchant's world, without the daemon.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) ports: Ports,
    pub(crate) shops: Vec<HostedShop>,
    pub(crate) post: Arc<Post>,
    pub(crate) api: Api,
    /// Every secret that the daemon was given.
    pub(crate) secrets: Vec<String>,
    /// How many shelves there are with the goods.
    pub(crate) shelves: i64,
}

impl World {
    /// Opens the shops and writes the configuration.
    pub(crate) async fn open(plan: Plan) -> World {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let ports = system::ports();
        let client = Outbound::new(ports.clone(), Egress::Anywhere).expect("a client");
        let client: Arc<dyn HttpPort> = Arc::new(client);
        let (public, admin) = (free_port(), free_port());
        let api = Api {
            client: Arc::clone(&client),
            admin_url: format!("http://127.0.0.1:{admin}"),
            public_url: format!("http://127.0.0.1:{public}"),
            token: format!("tests-only-{}", client.nonce()),
        };
        let post = Post::new(client);
        let mut shops = Vec::new();
        for (index, (account, channel)) in plan.shops.iter().enumerate() {
            let seed = plan.seed + index as u64;
            let hook_url = format!("{}/hooks/{account}", api.public_url);
            let shop = open_shop((account, channel), seed, hook_url, &plan, &ports).await;
            let post: Arc<dyn HttpPort> = post.clone();
            shop.deliver_hooks(post);
            shops.push(shop);
        }
        let mut world = World {
            dir,
            ports,
            shops,
            post,
            secrets: vec![api.token.clone()],
            api,
            shelves: plan.shelves,
        };
        world.write_configuration(&plan, public, admin);
        world
    }

    fn write_configuration(&mut self, plan: &Plan, public: u16, admin: u16) {
        let config = self.config();
        fs::create_dir_all(config.join("accounts.d")).expect("a folder");
        fs::create_dir_all(config.join("secrets")).expect("a folder");
        let token = write_secret(&config, "admin-token", &self.api.token);
        let store = self.state();
        let level = plan.log_level;
        let opening = plan.shops.first().map_or("", |(account, _)| account);
        let main = format!(
            "[listen]\npublic = \"127.0.0.1:{public}\"\nadmin = \"127.0.0.1:{admin}\"\n\n\
             [admin]\ntoken = {token}\n\n\
             [store]\ndir = {store:?}\nfree_min = \"1MiB\"\n\n\
             [network]\nallow_private = true\n\n\
             [log]\nformat = \"json\"\nlevel = {level:?}\n\n\
             [schedule]\npoll = \"700ms\"\nreread = \"8s\"\nlistings = \"1m\"\n\
             reconcile = \"*/4 * * * * *\"\n\n\
             [stock]\nopening = {opening:?}\n\n{}",
            goods::items_toml()
        );
        fs::write(config.join("oneshelf.toml"), main).expect("a file");
        for shop in &self.shops {
            let is_observed = plan.observed.contains(&shop.account.as_str());
            let mode = if is_observed { "observe" } else { "live" };
            let Value::Object(settings) = shop.settings() else {
                panic!("settings are an object");
            };
            let mut text = format!("kind = {:?}\nmode = {mode:?}\n\n[settings]\n", shop.channel);
            for (key, value) in settings {
                let value = to_toml(&config, &shop.account, &key, &value, &mut self.secrets);
                text.push_str(&format!("{key} = {value}\n"));
            }
            let file = config.join(format!("accounts.d/{}.toml", shop.account));
            fs::write(file, text).expect("a file");
        }
    }

    /// Says anew how little free space is too little; the next start reads it.
    pub(crate) fn set_free_min(&self, size: &str) {
        let file = self.config().join("oneshelf.toml");
        let text = fs::read_to_string(&file).expect("our own file");
        let lines = text.lines().map(|line| {
            if line.starts_with("free_min") {
                format!("free_min = {size:?}\n")
            } else {
                format!("{line}\n")
            }
        });
        fs::write(&file, lines.collect::<String>()).expect("our own file");
    }

    /// Where the configuration is.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("etc")
    }

    /// Where the daemon keeps everything.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("var")
    }

    /// Has backups kept, and says where. The daemon does not run yet.
    pub(crate) fn keep_backups(&self) -> PathBuf {
        let backups = self.dir.path().join("backups");
        let main = self.config().join("oneshelf.toml");
        let text = fs::read_to_string(&main).expect("our own file");
        let text = format!("{text}\n[backup]\ndir = {backups:?}\n");
        fs::write(&main, text).expect("our own file");
        backups
    }

    /// What the daemon left, copied: what the next one finds is as it was left.
    pub(crate) fn copy_of_state(&self) -> TempDir {
        let copy = private_folder();
        copy_state(&self.state(), copy.path());
        copy
    }

    /// What `oneshelf doctor` says of a state folder.
    pub(crate) fn doctor(&self, state: &Path) -> Ended {
        let config = self.config().display().to_string();
        let store_dir = ("ONESHELF__STORE__DIR".to_owned(), state.into());
        run_with(&["doctor", "--json", "--config", &config], &[store_dir])
    }

    /// Starts the daemon and does not wait.
    pub(crate) fn spawn(&self) -> Daemon {
        self.spawn_with(&[])
    }

    /// The same with something in its environment.
    pub(crate) fn spawn_with(&self, environment: &[(String, OsString)]) -> Daemon {
        let (config, logs) = (self.config(), self.dir.path());
        Daemon::start(&config, logs, &self.ports, environment)
    }

    /// Starts the daemon and waits until it takes requests.
    pub(crate) async fn start(&self) -> Daemon {
        self.start_with(&[]).await
    }

    /// The same with something in its environment.
    pub(crate) async fn start_with(&self, environment: &[(String, OsString)]) -> Daemon {
        let mut daemon = self.spawn_with(environment);
        until(&self.ports, "the daemon is ready", SOON, async || {
            let end = daemon.ended();
            assert!(end.is_none(), "it ended with {end:?}:\n{}", daemon.stderr());
            match self.api.try_get("/readyz").await {
                Ok(reply) if reply.status == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        daemon
    }

    /// Starts the daemon and waits until every shop is adopted: all is read, counted and told.
    pub(crate) async fn adopt(&self) -> Daemon {
        let daemon = self.start().await;
        self.adopted().await;
        daemon
    }

    /// Waits until every shop is adopted.
    pub(crate) async fn adopted(&self) {
        until(&self.ports, "the shops are adopted", SOON, async || {
            for account in self.api.all("/api/v1/accounts").await? {
                // Where orders are entered by hand, nothing is read.
                if !self.shops.iter().any(|shop| account["id"] == *shop.account) {
                    continue;
                }
                if account["has_polled"] != true || account["counts"]["listings"] == 0 {
                    return Err(account.to_string());
                }
            }
            let listings = self.api.all("/api/v1/listings?suppressed=true").await?;
            let uncounted = |listing: &&Value| listing["suppressed"]["code"] == "uncounted";
            match listings.iter().find(uncounted) {
                Some(listing) => Err(listing.to_string()),
                None => Ok(()),
            }
        })
        .await;
    }

    /// Lets faults happen.
    pub(crate) fn disturb(&self) {
        self.shops.iter().for_each(HostedShop::resume);
    }

    /// Lets no more faults happen.
    pub(crate) fn calm(&self) {
        self.shops.iter().for_each(HostedShop::quiet);
    }

    /// Waits until nothing moves any more and every account was read and compared since.
    pub(crate) async fn settle(&self) {
        until(&self.ports, "all hooks are sent", SOON, async || match self
            .shops
            .iter()
            .find(|shop| shop.has_hooks_waiting())
        {
            Some(shop) => Err(format!("{} has hooks to send", shop.account)),
            None => Ok(()),
        })
        .await;
        // A hint that was taken may still wait for its reading, and no figure tells of it.
        until(&self.ports, "all orders are known", SOON, async || {
            self.unknown().await
        })
        .await;
        self.settle_but_hooks().await;
    }

    /// Whether every order of the shops is in the book.
    async fn unknown(&self) -> Result<(), String> {
        let orders = self.api.all("/api/v1/orders").await?;
        let known: BTreeSet<(&str, &str)> = orders
            .iter()
            .filter_map(|one| Some((one["account"].as_str()?, one["external_id"].as_str()?)))
            .collect();
        for shop in &self.shops {
            for order in shop.truth().orders {
                if !known.contains(&(shop.account.as_str(), order.external_id.as_str())) {
                    return Err(format!("{} has {}", shop.account, order.external_id));
                }
            }
        }
        Ok(())
    }

    /// The same while shops may still have hooks to send again.
    pub(crate) async fn settle_but_hooks(&self) {
        let began = self.ports.clock.now();
        until(&self.ports, "the world goes quiet", 2 * SOON, async || {
            self.unrest(began).await
        })
        .await;
    }

    async fn unrest(&self, since: domain::Time) -> Result<(), String> {
        let summary = self.api.try_get("/api/v1/metrics/summary").await?.body;
        for what in ["inbox_waiting", "intents_waiting"] {
            if summary[what] != 0 {
                let accounts = self.api.all("/api/v1/accounts").await?;
                return Err(format!("{what}: {summary} {}", Value::from(accounts)));
            }
        }
        let drifts = self.api.all("/api/v1/drift?open=true").await?;
        for account in self.api.all("/api/v1/accounts").await? {
            // Where nothing is written, nothing is put right.
            let is_here = |drift: &&Value| drift["account"] == account["id"];
            if let Some(drift) = drifts.iter().find(is_here)
                && account["may_write"] == true
            {
                return Err(format!("drift is open: {drift}"));
            }
            let is_later = |name: &str| {
                let at = account["health"][name].as_str();
                at.and_then(|at| at.parse::<domain::Time>().ok())
                    .is_some_and(|at| at > since)
            };
            if !is_later("last_poll_at") || !is_later("last_reconcile_at") {
                return Err(format!("not read and compared since {since}: {account}"));
            }
            if account["may_write"] == true && account["counts"]["pushes_waiting"] != 0 {
                return Err(format!("pushes wait: {account}"));
            }
        }
        Ok(())
    }

    /// The shop of an account.
    pub(crate) fn shop(&self, account: &str) -> &HostedShop {
        let found = self.shops.iter().find(|shop| shop.account == account);
        found.expect("a shop of this world")
    }

    /// Somebody buys, and pays at once.
    pub(crate) fn buy(&self, account: &str, basket: &[(&str, u32)]) -> ExternalId {
        let basket = basket
            .iter()
            .map(|(code, units)| (goods::sku(code), *units));
        let act = Act::Buy {
            basket: basket.collect(),
            paid: true,
        };
        match self.shop(account).act(&act) {
            Ok(Done::Order(id)) => id,
            other => panic!("{account}: {act:?}: {other:?}"),
        }
    }

    /// An order as its shop knows it.
    pub(crate) fn true_order(&self, account: &str, id: &ExternalId) -> TrueOrder {
        let orders = self.shop(account).truth().orders;
        let mut orders = orders.into_iter();
        let found = orders.find(|order| order.external_id == *id);
        found.expect("an order of this shop")
    }

    /// What a shop shows.
    pub(crate) fn level(&self, account: &str, code: &str) -> i64 {
        let sku: Sku = goods::sku(code);
        self.shop(account).truth().levels[&sku]
    }

    /// Waits until a shop shows so many.
    pub(crate) async fn expect_level(&self, account: &str, code: &str, level: i64) {
        let what = format!("{account} shows {level} of {code}");
        until(&self.ports, &what, SOON, async || {
            let shown = self.level(account, code);
            if shown == level {
                Ok(())
            } else {
                Err(format!("it shows {shown}"))
            }
        })
        .await;
    }

    /// Waits until an order is in our book, and gives it in full.
    pub(crate) async fn expect_order(&self, account: &str, id: &ExternalId) -> Value {
        self.expect_order_where(account, id, "is known", |_| true)
            .await
    }

    /// Waits until an order in our book is as it should be.
    pub(crate) async fn expect_order_where(
        &self,
        account: &str,
        id: &ExternalId,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let what = format!("order {id} of {account} {what}");
        until(&self.ports, &what, SOON, async || {
            let list = format!("/api/v1/orders?account={account}&external_id={id}");
            let found = self.api.all(&list).await?;
            assert!(found.len() < 2, "one order is one order: {found:?}");
            let order = found.first().ok_or("no order")?;
            let id = order["id"].as_str().ok_or("no id")?;
            let order = self.api.get(&format!("/api/v1/orders/{id}")).await;
            if is_so(&order) {
                Ok(order)
            } else {
                Err(order.to_string())
            }
        })
        .await
    }
}

/// A temporary folder that is only ours, as a state folder must be.
pub(crate) fn private_folder() -> TempDir {
    let mut builder = tempfile::Builder::new();
    let made = builder
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir();
    made.expect("a temporary folder")
}

/// Copies all that a daemon needs to go on elsewhere.
pub(crate) fn copy_state(from: &Path, into: &Path) {
    for folder in ["store", "keys"] {
        copy_folder(&from.join(folder), into);
    }
    fs::copy(from.join("master.key"), into.join("master.key")).expect("the first start made it");
}

/// Copies a folder into another one. Files of a store are longer than what is in them.
pub(crate) fn copy_folder(from: &Path, into: &Path) {
    let mut cp = std::process::Command::new("cp");
    let copied = cp.args(["-r", "--sparse=always"]).args([from, into]);
    assert!(copied.status().expect("a shell's tools").success());
}

async fn open_shop(
    (account, channel): (&str, &str),
    seed: u64,
    hook_url: String,
    plan: &Plan,
    ports: &Ports,
) -> HostedShop {
    let (_, open) = sandbox::TWINS
        .iter()
        .find(|(id, _)| *id == channel)
        .expect("a twin of the channel");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let twin = open(Shop {
        name: account.to_owned(),
        api_url: format!("http://{address}"),
        hook_url,
        products: goods::products(plan.shelves),
        seed,
    });
    let faults = Faults {
        seed: plan.faults.seed.wrapping_add(seed),
        ..plan.faults.clone()
    };
    let mut twin = Faulty::new(twin, faults);
    twin.quiet();
    HostedShop::serve(account, twin, listener, ports.clone())
}

/// A port below those that the system hands out for outgoing connections, so that it stays free while
/// the daemon is down.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 12_000 + u16::try_from(std::process::id() % 160).expect("small") * 100;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Writes a secret into a file that only we can read, and gives the setting that names it.
pub(crate) fn write_secret(config: &Path, name: &str, secret: &str) -> String {
    let file = config.join("secrets").join(name);
    fs::write(&file, secret).expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("our own file");
    format!("{{ file = {file:?} }}")
}

fn to_toml(
    config: &Path,
    account: &str,
    key: &str,
    value: &Value,
    secrets: &mut Vec<String>,
) -> String {
    match value {
        Value::String(secret) if SECRETS.contains(&key) => {
            secrets.push(secret.clone());
            write_secret(config, &format!("{account}.{key}"), secret)
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| {
                    format!("{key} = {}", to_toml(config, account, key, value, secrets))
                })
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        // Texts, numbers and flags are written alike in both.
        plain => plain.to_string(),
    }
}

/// How long an orderly end may take.
pub(crate) const END_WITHIN: Duration = Duration::from_secs(60);
