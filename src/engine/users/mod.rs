//! People who may sign in, what each may do, and a log of what was done to that.
//!
//! A user, a session and a one-time link are rows of their own; nothing that decides reads them. Each change
//! is in one commit with its entry in the log, so there is none without. A password is hashed before it comes
//! here, and sessions and links are known by the SHA-256 of their secret only, so neither the journal nor a
//! backup opens a door. Start reading at [`User`].

pub mod sessions;
pub mod views;

use std::time::Duration;

use domain::Time;
use serde::{Deserialize, Serialize};
use store::{Batch, Expect, Range, Row, StoreError, Table};

use crate::{Engine, rows};

/// Users, by name.
const USERS: Table = Table("users");
/// What was done to users and by them, by time.
const LOG: Table = Table("users_log");
/// The most users: they are listed at once.
pub const USERS_MAX: usize = 500;
/// How long an entry of the log is kept.
const LOG_KEPT_FOR: Duration = Duration::from_secs(400 * 24 * 3600);
/// How many old entries each sign-in takes away: more than come with it.
const LOG_CLEARED: usize = 50;
/// The longest name.
const NAME_LENGTH_MAX: usize = 60;

/// What somebody may do. Whoever may more may all that is before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// See orders and stock, but nothing of people.
    Viewer,
    /// Pick, pack and hand over, and see where it goes.
    Packer,
    /// Everything of the daily work.
    Operator,
    /// Also what accounts may do, and who may do what.
    Admin,
}

impl Role {
    /// All of them, from the least.
    pub const ALL: [Role; 4] = [Role::Viewer, Role::Packer, Role::Operator, Role::Admin];

    /// The word for it, as in the API.
    pub fn word(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Packer => "packer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }

    /// The role that a word names.
    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// Somebody who may sign in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// What they sign in with, and what stands beside what they do.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// When they were added.
    pub added_at: Time,
    /// Since when they may not sign in any more.
    pub disabled_at: Option<Time>,
    /// Their password as a PHC string; nothing before they set one.
    pub password: Option<String>,
    /// When they last signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in_at: Option<Time>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "User({}, {})", self.name, self.role.word())
    }
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// About whom.
    pub user: String,
    /// Who did it.
    pub by: String,
    /// What.
    pub change: Change,
}

/// What was done to a user, or by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// They may sign in, with this role.
    Added(Role),
    /// They may do something else.
    Role {
        /// What they could.
        from: Role,
        /// What they can.
        to: Role,
    },
    /// They may not sign in any more.
    Disabled,
    /// They may again.
    Enabled,
    /// A link was made with which they set a password; until then.
    Linked(Time),
    /// They set a password.
    Password,
    /// They signed in.
    SignedIn,
    /// They signed out.
    SignedOut,
    /// Their password was guessed at too often.
    LockedOut,
    /// They did something in the dashboard.
    Did(String),
}

impl Change {
    /// In a few words.
    pub fn text(&self) -> String {
        match self {
            Change::Added(role) => format!("added as {}", role.word()),
            Change::Role { from, to } => format!("role {} instead of {}", to.word(), from.word()),
            Change::Disabled => "disabled".to_owned(),
            Change::Enabled => "enabled again".to_owned(),
            Change::Linked(until) => format!("given a one-time link, good until {until}"),
            Change::Password => "password set".to_owned(),
            Change::SignedIn => "signed in".to_owned(),
            Change::SignedOut => "signed out".to_owned(),
            Change::Did(what) => what.clone(),
            Change::LockedOut => "locked out for a while after wrong passwords".to_owned(),
        }
    }
}

/// Why something is not done to a user.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// Such a name cannot be.
    #[error(
        "a user's name has 1 to {NAME_LENGTH_MAX} of the characters a-z, 0-9, `.`, `-`, `_` and `@`"
    )]
    BadName,
    /// Somebody has it already.
    #[error("there is a user {0} already: choose another name, or change that one")]
    Taken(String),
    /// Nobody has it.
    #[error("there is no user {0}: `oneshelf users list` shows all")]
    NoUser(String),
    /// Nobody could change users any more.
    #[error("{0} is the only admin who can sign in: make somebody else one first")]
    LastAdmin(String),
    /// There are too many.
    #[error("there are {USERS_MAX} users, the most that are kept: disabled ones stay for the log")]
    TooMany,
    /// The link is used, or too old.
    #[error("the link was used already, or is too old: ask for a new one")]
    LinkOver,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads a name as it is kept: small letters.
fn named(name: &str) -> Result<String, UserError> {
    let name = name.trim().to_ascii_lowercase();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte);
    let fits = (1..=NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(is_plain);
    fits.then_some(name).ok_or(UserError::BadName)
}

impl Engine {
    /// All users, by name.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        let rows = self.store.scan(USERS, Range::default(), USERS_MAX).await?;
        rows.into_iter()
            .map(|(_, row)| rows::decode(USERS, &row.value))
            .collect()
    }

    /// One user.
    pub async fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        Ok(self.user_row(name).await?.map(|(user, _)| user))
    }

    async fn user_row(&self, name: &str) -> Result<Option<(User, Row)>, StoreError> {
        let Ok(name) = named(name) else {
            return Ok(None);
        };
        let row = self.store.get(USERS, &rows::key(&[&name])).await?;
        row.map(|row| Ok((rows::decode(USERS, &row.value)?, row)))
            .transpose()
    }

    async fn known_user(&self, name: &str) -> Result<(User, Row), UserError> {
        let found = self.user_row(name).await?;
        found.ok_or_else(|| UserError::NoUser(name.chars().take(NAME_LENGTH_MAX).collect()))
    }

    /// Adds somebody. They cannot sign in before they set a password.
    pub async fn add_user(&self, name: &str, role: Role, by: &str) -> Result<User, UserError> {
        let name = named(name)?;
        if self.user(&name).await?.is_some() {
            return Err(UserError::Taken(name));
        }
        if self.users().await?.len() >= USERS_MAX {
            return Err(UserError::TooMany);
        }
        let user = User {
            name,
            role,
            added_at: self.ports.clock.now(),
            disabled_at: None,
            password: None,
            signed_in_at: None,
        };
        let batch = self.with_user(Batch::default(), &user, None);
        let batch = self.with_entry(batch, &user.name, by, Change::Added(role));
        self.store.commit(batch).await?;
        Ok(user)
    }

    /// Lets somebody do more or less.
    pub async fn set_role(&self, name: &str, to: Role, by: &str) -> Result<User, UserError> {
        let (mut user, row) = self.known_user(name).await?;
        if user.role == to {
            return Ok(user);
        }
        if to != Role::Admin {
            self.keep_an_admin(&user).await?;
        }
        let from = std::mem::replace(&mut user.role, to);
        let batch = self.with_user(Batch::default(), &user, Some(&row));
        let batch = self.with_entry(batch, &user.name, by, Change::Role { from, to });
        self.store.commit(batch).await?;
        Ok(user)
    }

    /// Lets somebody in no more, or again. Their sessions end at once.
    pub async fn disable_user(
        &self,
        name: &str,
        is_disabled: bool,
        by: &str,
    ) -> Result<User, UserError> {
        let (mut user, row) = self.known_user(name).await?;
        if user.disabled_at.is_some() == is_disabled {
            return Ok(user);
        }
        let mut batch = Batch::default();
        if is_disabled {
            self.keep_an_admin(&user).await?;
            batch = self.without_sessions(batch, &user.name).await?;
        }
        user.disabled_at = is_disabled.then(|| self.ports.clock.now());
        let change = if is_disabled {
            Change::Disabled
        } else {
            Change::Enabled
        };
        let batch = self.with_user(batch, &user, Some(&row));
        let batch = self.with_entry(batch, &user.name, by, change);
        self.store.commit(batch).await?;
        Ok(user)
    }

    /// Refuses to take the last admin away.
    async fn keep_an_admin(&self, leaving: &User) -> Result<(), UserError> {
        let is_one = |user: &User| user.role == Role::Admin && user.disabled_at.is_none();
        let others = self.users().await?;
        let has_other = others
            .iter()
            .any(|user| is_one(user) && user.name != leaving.name);
        if is_one(leaving) && !has_other {
            return Err(UserError::LastAdmin(leaving.name.clone()));
        }
        Ok(())
    }

    /// What was done to users and by them, from either end, after a place in it.
    pub async fn users_log(
        &self,
        newest_first: bool,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Option<Vec<u8>>), StoreError> {
        let range = Range {
            prefix: Vec::new(),
            after,
        };
        let mut rows = match newest_first {
            true => self.store.scan_back(LOG, range, limit + 1).await?,
            false => self.store.scan(LOG, range, limit + 1).await?,
        };
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().map(|(key, _)| key.clone());
        let entries = rows
            .iter()
            .map(|(_, row)| rows::decode(LOG, &row.value))
            .collect::<Result<_, _>>()?;
        Ok((entries, next.filter(|_| has_more)))
    }

    /// Notes what somebody did that changes nothing else.
    pub async fn note_of_user(
        &self,
        user: &str,
        by: &str,
        change: Change,
    ) -> Result<(), StoreError> {
        let batch = self.with_entry(Batch::default(), user, by, change);
        self.store.commit(batch).await?;
        Ok(())
    }

    /// With a user's row, if it is still as it was read.
    fn with_user(&self, mut batch: Batch, user: &User, read: Option<&Row>) -> Batch {
        let key = rows::key(&[&user.name]);
        batch.expects.push(Expect {
            table: USERS,
            key: key.clone(),
            version: read.map(|row| row.version),
        });
        batch.puts.push((USERS, key, rows::encode(user)));
        batch
    }

    /// Without a few of the oldest entries of the log, if they are too old.
    async fn without_old_entries(&self, mut batch: Batch) -> Result<Batch, StoreError> {
        let before = rows::sortable_time(self.ports.clock.now().minus(LOG_KEPT_FOR));
        let oldest = self.store.scan(LOG, Range::default(), LOG_CLEARED).await?;
        let old = oldest
            .into_iter()
            .filter(|(key, _)| key.as_slice() < before.as_bytes());
        batch.deletes.extend(old.map(|(key, _)| (LOG, key)));
        Ok(batch)
    }

    /// With an entry in the log.
    fn with_entry(&self, mut batch: Batch, user: &str, by: &str, change: Change) -> Batch {
        let at = self.ports.clock.now();
        let seed = u128::from_be_bytes(self.ports.entropy.seed());
        // Two of one moment must not be one.
        let key = rows::key(&[&rows::sortable_time(at), &format!("{seed:032x}")]);
        let entry = Entry {
            at,
            user: user.to_owned(),
            by: by.to_owned(),
            change,
        };
        batch.puts.push((LOG, key, rows::encode(&entry)));
        batch
    }
}
