//! The engine in this very process, over the store of a configuration, with every account switched off:
//! it decides what it is given, and calls nobody.
//!
//! This is how a store is filled with what the daemon would have written: by the same decisions through
//! the same port, many to a commit, without a hook or a page for each.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use channel::{Descriptor, HttpPort, Port};
use domain::{
    AccountId, Quantity,
    signal::{OpeningLevel, Signal},
    snapshot::ListingSnapshot,
};
use engine::{
    Engine, Outside,
    account::{Account, Mode},
    decider::{Alongside, Done},
    ports::{
        Ports,
        allowance::Meter,
        http::{Egress, Outbound},
        system::{self, Tasks},
    },
};
use store::Store as _;
use store::sled::Sled;

use crate::{keys, run, settings::Environment, vault::FileVault};

/// How many listings are decided about at once: as many as the engine does.
const LISTINGS_AT_ONCE: usize = 50;
/// How long tasks may take to end.
const ENDED_WITHIN: Duration = Duration::from_secs(30);

/// An engine that stands still.
pub(super) struct Still {
    pub(super) engine: Arc<Engine>,
    pub(super) store: Arc<Sled>,
    tasks: Arc<Tasks>,
}

impl Still {
    /// Opens the store of a configuration. No daemon may run on it.
    pub(super) async fn open(config: &Path) -> anyhow::Result<Still> {
        let settings = run::load(config, &Environment::default());
        let settings = settings.map_err(|error| anyhow::anyhow!(error.render()))?;
        run::prepare_state(&settings.store.dir).map_err(anyhow::Error::msg)?;
        let (store, _) = store::sled::open(run::store_options(&settings))?;
        let (mut ports, tasks) = system::running();
        let keys = keys::open(&settings.store.dir, settings.privacy.key.as_ref());
        ports.sealer = keys.map_err(anyhow::Error::msg)?;
        let client = Outbound::new(ports.clone(), Egress::Anywhere).map_err(anyhow::Error::msg)?;
        let outside = Unpaced {
            client: Arc::new(client),
            vaults: settings.store.dir.join("vaults"),
            ports: ports.clone(),
        };
        let mut config = run::config(&settings);
        for account in &mut config.accounts {
            account.mode = Mode::Off;
        }
        let engine = Engine::start(config, Arc::<Sled>::clone(&store), ports, &outside).await?;
        Ok(Still {
            engine,
            store,
            tasks,
        })
    }

    /// One of its accounts.
    pub(super) fn account(&self, id: &AccountId) -> anyhow::Result<&Account> {
        let account = self.engine.accounts.get(id);
        account
            .map(AsRef::as_ref)
            .context("there is such an account")
    }

    /// The ports of the engine.
    pub(super) fn ports(&self) -> &Ports {
        &self.engine.ports
    }

    /// Decides about signals one after the other, and returns when all of it is durable.
    pub(super) async fn decide_all(
        &self,
        signals: impl IntoIterator<Item = (Signal, Alongside)>,
    ) -> anyhow::Result<Vec<Done>> {
        let mut staged = Vec::new();
        for (signal, alongside) in signals {
            let signal = Arc::new(signal);
            staged.push(self.engine.decider.stage(&signal, alongside).await?);
        }
        let mut done = Vec::new();
        for staged in staged {
            done.push(self.engine.decider.settle(staged).await?);
        }
        Ok(done)
    }

    /// An account offers these, and what they show is the opening stock of what was never counted.
    pub(super) async fn offer(
        &self,
        account: &AccountId,
        listings: &[ListingSnapshot],
    ) -> anyhow::Result<()> {
        let opening = |listing: &ListingSnapshot| {
            Some(OpeningLevel {
                listing: listing.listing.clone(),
                shown: listing.level?,
                sold: Quantity::ZERO,
            })
        };
        let signals = listings.chunks(LISTINGS_AT_ONCE).flat_map(|chunk| {
            let levels = chunk.iter().filter_map(opening).collect();
            let listed = Signal::Listings {
                account: account.clone(),
                listings: chunk.to_vec(),
            };
            let opened = Signal::Opening {
                account: account.clone(),
                levels,
            };
            [listed, opened].map(|signal| (signal, Alongside::default()))
        });
        self.decide_all(signals).await?;
        Ok(())
    }

    /// Brings everything to disk and ends.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.engine.stop();
        let ended = tokio::time::timeout(ENDED_WITHIN, self.tasks.ended()).await;
        ended.context("a task of the engine does not end")?;
        self.store.close().await?;
        Ok(())
    }
}

/// The way out without the pace of a channel.
struct Unpaced {
    client: Arc<dyn HttpPort>,
    vaults: std::path::PathBuf,
    ports: Ports,
}

impl Outside for Unpaced {
    fn port(&self, account: &AccountId, _: &'static Descriptor, _: &Arc<Meter>) -> Port {
        Port {
            http: Arc::clone(&self.client),
            vault: Arc::new(FileVault::new(&self.vaults, account, &self.ports)),
        }
    }
}
