//! What a person asks an account to do now instead of at its next turn.
//!
//! Nothing here decides: an account that is off stays off, and looking twice is the same as once.

use std::{collections::BTreeSet, sync::Arc, sync::Mutex};

use domain::AccountId;

use crate::{
    Engine,
    account::{Account, Mode},
    pausing::Flow,
    reading::poll::PollError,
};

/// Accounts of which something is being done because a person asked for it.
#[derive(Clone, Default)]
pub struct Comparing(Arc<Mutex<BTreeSet<AccountId>>>);

/// What became of a request to look now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// It begins.
    Begins,
    /// It is under way already.
    UnderWay,
    /// The account is off.
    Off,
    /// Its orders are paused, and nothing is found out without them.
    Paused,
}

impl Comparing {
    /// Whether it is under way on an account.
    pub fn is_under_way(&self, account: &AccountId) -> bool {
        self.0.lock().expect(LOCK).contains(account)
    }

    fn begin(&self, account: &AccountId) -> bool {
        self.0.lock().expect(LOCK).insert(account.clone())
    }

    fn end(&self, account: &AccountId) {
        self.0.lock().expect(LOCK).remove(account);
    }
}

impl Engine {
    /// Has an account's orders and listings read now.
    pub fn poll_now(&self, account: &Account) -> Rung {
        if let Some(why) = cannot(account) {
            return why;
        }
        account.poll_soon();
        Rung::Begins
    }

    /// Has all levels of an account compared now, once at a time.
    pub fn reconcile_now(self: &Arc<Self>, account: &Arc<Account>, comparing: &Comparing) -> Rung {
        if let Some(why) = cannot(account) {
            return why;
        }
        if !comparing.begin(&account.id) {
            return Rung::UnderWay;
        }
        let (engine, account, comparing) =
            (Arc::clone(self), Arc::clone(account), comparing.clone());
        let name = format!("reconcile {} now", account.id);
        let task = Box::pin(async move {
            let result = engine.reconcile(&account).await;
            comparing.end(&account.id);
            if let Err(error) = result {
                tracing::warn!(account = %account.id, %error, "Comparing levels failed.");
                if let PollError::Store(error) = &error {
                    engine.note_store_error(error);
                }
            }
        });
        self.ports.spawn.spawn(name, task);
        Rung::Begins
    }

    /// Takes opening stock from an account, once at a time.
    pub fn open_now(self: &Arc<Self>, account: &Arc<Account>, opening: &Comparing) -> Rung {
        if let Some(why) = cannot(account) {
            return why;
        }
        if !opening.begin(&account.id) {
            return Rung::UnderWay;
        }
        let (engine, account, opening) = (Arc::clone(self), Arc::clone(account), opening.clone());
        let name = format!("opening stock from {}", account.id);
        let task = Box::pin(async move {
            let result = engine.take_named_opening(&account).await;
            opening.end(&account.id);
            if let Err(error) = result {
                tracing::warn!(account = %account.id, %error, "Taking opening stock failed.");
                if let PollError::Store(error) = &error {
                    engine.note_store_error(error);
                }
            }
        });
        self.ports.spawn.spawn(name, task);
        Rung::Begins
    }
}

/// Why an account is not read now.
fn cannot(account: &Account) -> Option<Rung> {
    match account.mode() {
        Mode::Off => Some(Rung::Off),
        Mode::Observe | Mode::Live => account.is_paused(Flow::Orders).then_some(Rung::Paused),
    }
}

const LOCK: &str = "no holder of this lock panics";
