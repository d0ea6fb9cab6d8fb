//! Pausing one kind of work with an account, and letting it go on.
//!
//! A pause is a row, so it outlives a restart. Nothing is lost by it: orders are read from where reading
//! stopped, the newest level of each listing waits to be written, and parcels wait to be told.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    AccountId, Time,
    ids::IntentId,
    intent::{Intent, IntentState, Wish},
};
use serde::{Deserialize, Serialize};
use store::{Batch, StoreError};

use crate::{
    Engine,
    account::Account,
    decider::Alongside,
    rows::{self, key, prefix},
    views::{self, Walk},
};

/// How many waiting wishes are looked at to count the parcels among them.
const COUNTED_MAX: usize = 2_000;

/// A kind of work with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// Its orders are read.
    Orders,
    /// Levels are written to it.
    Stock,
    /// It is told of parcels.
    Tracking,
}

impl Flow {
    /// All of them.
    pub const ALL: [Flow; 3] = [Flow::Orders, Flow::Stock, Flow::Tracking];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Flow::Orders => "orders",
            Flow::Stock => "stock",
            Flow::Tracking => "tracking",
        }
    }
}

/// Who paused something, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who.
    pub by: String,
    /// When.
    pub at: Time,
}

/// What is paused of an account.
pub type Paused = BTreeMap<Flow, Pause>;

/// What is paused, and what piles up meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PauseView {
    /// What.
    pub what: Flow,
    /// Who paused it.
    pub by: String,
    /// When.
    pub at: Time,
    /// Orders that hooks told of, levels that wait to be written, or parcels that wait to be told. More
    /// orders than these may have changed: not all channels tell of each.
    pub waiting: usize,
}

/// Whether a wish waits while tracking is paused.
pub(crate) fn tells_of_a_parcel(wish: &Wish) -> bool {
    matches!(wish, Wish::PushShipment { .. })
}

impl Engine {
    /// Pauses work with an account, or lets it go on. What is so already stays as it is.
    pub async fn set_paused(
        &self,
        account: &Arc<Account>,
        (flows, is_paused): (&[Flow], bool),
        by: &str,
        rows: Alongside,
    ) -> Result<(), StoreError> {
        let mut set = account.set();
        for flow in flows {
            if is_paused {
                let (by, at) = (by.to_owned(), self.ports.clock.now());
                set.paused.entry(*flow).or_insert(Pause { by, at });
            } else {
                set.paused.remove(flow);
            }
        }
        let Alongside { mut puts, deletes } = rows;
        puts.push((rows::MODES, key(&[account.id.as_str()]), rows::encode(&set)));
        let batch = Batch {
            puts,
            deletes,
            ..Batch::default()
        };
        self.store.commit(batch).await?;
        let names: Vec<&str> = flows.iter().map(|flow| flow.word()).collect();
        let what = names.join(", ");
        if is_paused {
            tracing::warn!(account = %account.id, by, what, "Work with an account was paused.");
        } else {
            tracing::warn!(account = %account.id, by, what, "Work with an account goes on.");
        }
        account.put_set(set);
        if !is_paused && flows.contains(&Flow::Orders) {
            account.poll_soon();
            account.wake_compare.notify_one();
        }
        self.note_change();
        Ok(())
    }

    /// What is paused of an account, and what piles up meanwhile.
    pub async fn paused(&self, account: &Account) -> Result<Vec<PauseView>, StoreError> {
        let mut views = Vec::new();
        for (flow, Pause { by, at }) in account.set().paused {
            let waiting = match flow {
                Flow::Orders => account.orders_told(),
                Flow::Stock => {
                    let below = prefix(&[account.id.as_str()]);
                    views::count_some(self, rows::DUE_OFFERS, below).await?
                }
                Flow::Tracking => self.parcels_to_tell(&account.id).await?,
            };
            views.push(PauseView {
                what: flow,
                by,
                at,
                waiting,
            });
        }
        Ok(views)
    }

    async fn parcels_to_tell(&self, account: &AccountId) -> Result<usize, StoreError> {
        let mut walk = Walk::new(self, rows::OUTBOX, prefix(&[account.as_str()]), None).unbounded();
        let (mut parcels, mut looked_at) = (0, 0);
        while let Some((row_key, _)) = walk.next().await? {
            looked_at += 1;
            if looked_at > COUNTED_MAX {
                break;
            }
            let Ok(id) = rows::last_part(&row_key).parse::<IntentId>() else {
                continue;
            };
            let intent: Option<Intent> =
                views::read(self, rows::INTENTS, &[&id.to_string()]).await?;
            let is_parcel = |intent: &Intent| {
                intent.state == IntentState::Waiting && tells_of_a_parcel(&intent.wish)
            };
            parcels += usize::from(intent.as_ref().is_some_and(is_parcel));
        }
        Ok(parcels)
    }
}
