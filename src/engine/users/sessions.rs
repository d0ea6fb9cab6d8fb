//! Sessions, and the links with which a password is set.
//!
//! Both are known by the SHA-256 of a secret that only the browser has. A session ends by its time, by being
//! idle, by signing out, by a new password, and with its user.

use std::time::Duration;

use domain::Time;
use serde::{Deserialize, Serialize};
use store::{Batch, Expect, Range, Row, StoreError, Table};

use super::{Change, User, UserError};
use crate::{Engine, rows};

/// Sessions, by digest.
const SESSIONS: Table = Table("sessions");
/// Index: sessions by user.
const SESSIONS_BY_USER: Table = Table("sessions_by_user");
/// One-time links, by digest.
const LINKS: Table = Table("sign_in_links");
/// Index: links by user, so that a new one ends those before.
const LINKS_BY_USER: Table = Table("sign_in_links_by_user");
/// How long a session lasts.
pub const SESSION_LASTS: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long it lasts when nobody uses it.
pub const SESSION_IDLE: Duration = Duration::from_secs(24 * 3600);
/// How long a link is good.
pub const LINK_LASTS: Duration = Duration::from_secs(24 * 3600);
/// The most sessions of a user at once; the oldest ends first.
pub const SESSIONS_MAX: usize = 20;
/// How often it is noted that a session is used: a write for each page would be many.
const NOTED_EVERY: Duration = Duration::from_secs(10 * 60);

/// The SHA-256 of a secret, as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest(pub String);

/// Somebody's time in the dashboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose.
    pub user: String,
    /// Since when.
    pub opened_at: Time,
    /// When it was last seen, to ten minutes.
    pub seen_at: Time,
}

impl Session {
    /// When it ends by itself.
    pub fn ends_at(&self) -> Time {
        let lasts = self.opened_at.plus(SESSION_LASTS);
        lasts.min(self.seen_at.plus(SESSION_IDLE))
    }
}

/// A way in for once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// For whom.
    pub user: String,
    /// Until when.
    pub until: Time,
}

impl Engine {
    /// Makes a link for somebody; those made before are good no more.
    pub async fn link_user(
        &self,
        name: &str,
        digest: &Digest,
        by: &str,
    ) -> Result<Link, UserError> {
        let (user, _) = self.known_user(name).await?;
        let until = self.ports.clock.now().plus(LINK_LASTS);
        let link = Link {
            user: user.name.clone(),
            until,
        };
        let mut batch = self.without_links(Batch::default(), &user.name).await?;
        let by_user = rows::key(&[&user.name, &digest.0]);
        batch
            .puts
            .push((LINKS, rows::key(&[&digest.0]), rows::encode(&link)));
        batch.puts.push((LINKS_BY_USER, by_user, rows::encode(&())));
        let batch = self.with_entry(batch, &user.name, by, Change::Linked(until));
        self.store.commit(batch).await?;
        Ok(link)
    }

    /// Whom a link lets in, if it still does.
    pub async fn linked(&self, digest: &Digest) -> Result<Option<User>, StoreError> {
        Ok(self.link_row(digest).await?.map(|(user, ..)| user))
    }

    async fn link_row(&self, digest: &Digest) -> Result<Option<(User, Row, Row)>, StoreError> {
        let row = self.store.get(LINKS, &rows::key(&[&digest.0])).await?;
        let Some(row) = row else { return Ok(None) };
        let link: Link = rows::decode(LINKS, &row.value)?;
        if link.until <= self.ports.clock.now() {
            return Ok(None);
        }
        let user = self.user_row(&link.user).await?;
        let user = user.filter(|(user, _)| user.disabled_at.is_none());
        Ok(user.map(|(user, of_user)| (user, of_user, row)))
    }

    /// Sets a password with a link, which is good no more, and ends all sessions of its user.
    pub async fn set_password(&self, digest: &Digest, hash: String) -> Result<User, UserError> {
        let found = self.link_row(digest).await?;
        let (mut user, of_user, link) = found.ok_or(UserError::LinkOver)?;
        user.password = Some(hash);
        let mut batch = self.without_sessions(Batch::default(), &user.name).await?;
        batch = self.without_links(batch, &user.name).await?;
        batch.expects.push(Expect {
            table: LINKS,
            key: rows::key(&[&digest.0]),
            version: Some(link.version),
        });
        let batch = self.with_user(batch, &user, Some(&of_user));
        let batch = self.with_entry(batch, &user.name, &user.name, Change::Password);
        match self.store.commit(batch).await {
            Ok(_) => Ok(user),
            // Somebody was quicker with the same link.
            Err(StoreError::Conflict { .. }) => Err(UserError::LinkOver),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a session of somebody who proved who they are.
    pub async fn open_session(&self, name: &str, digest: &Digest) -> Result<Session, UserError> {
        let (mut user, row) = self.known_user(name).await?;
        let now = self.ports.clock.now();
        let session = Session {
            user: user.name.clone(),
            opened_at: now,
            seen_at: now,
        };
        user.signed_in_at = Some(now);
        let mut batch = self.make_room(Batch::default(), &user.name).await?;
        batch = self.without_old_entries(batch).await?;
        let by_user = rows::key(&[&user.name, &rows::sortable_time(now), &digest.0]);
        batch
            .puts
            .push((SESSIONS, rows::key(&[&digest.0]), rows::encode(&session)));
        batch
            .puts
            .push((SESSIONS_BY_USER, by_user, rows::encode(&())));
        let batch = self.with_user(batch, &user, Some(&row));
        let batch = self.with_entry(batch, &user.name, &user.name, Change::SignedIn);
        self.store.commit(batch).await?;
        Ok(session)
    }

    /// The session of a digest with its user, while both are good.
    pub async fn session(&self, digest: &Digest) -> Result<Option<(User, Session)>, StoreError> {
        let key = rows::key(&[&digest.0]);
        let Some(row) = self.store.get(SESSIONS, &key).await? else {
            return Ok(None);
        };
        let mut session: Session = rows::decode(SESSIONS, &row.value)?;
        let now = self.ports.clock.now();
        if session.ends_at() <= now {
            return Ok(None);
        }
        let user: Option<User> = self.user(&session.user).await?;
        let Some(user) = user.filter(|user| user.disabled_at.is_none()) else {
            return Ok(None);
        };
        if now.since(session.seen_at) >= NOTED_EVERY {
            session.seen_at = now;
            self.note_seen(key, &row, &session).await;
        }
        Ok(Some((user, session)))
    }

    /// A session that ended meanwhile, or a store without space, is no reason to show nothing.
    async fn note_seen(&self, key: Vec<u8>, row: &Row, session: &Session) {
        let batch = Batch {
            expects: vec![Expect {
                table: SESSIONS,
                key: key.clone(),
                version: Some(row.version),
            }],
            puts: vec![(SESSIONS, key, rows::encode(session))],
            ..Batch::default()
        };
        if let Err(error) = self.store.commit(batch).await {
            tracing::debug!(%error, "It was not noted that a session is used.");
        }
    }

    /// Ends a session.
    pub async fn close_session(&self, digest: &Digest) -> Result<(), StoreError> {
        let key = rows::key(&[&digest.0]);
        let Some(row) = self.store.get(SESSIONS, &key).await? else {
            return Ok(());
        };
        let session: Session = rows::decode(SESSIONS, &row.value)?;
        let opened_at = rows::sortable_time(session.opened_at);
        let by_user = rows::key(&[&session.user, &opened_at, &digest.0]);
        let batch = Batch {
            deletes: vec![(SESSIONS, key), (SESSIONS_BY_USER, by_user)],
            ..Batch::default()
        };
        let batch = self.with_entry(batch, &session.user, &session.user, Change::SignedOut);
        self.store.commit(batch).await?;
        Ok(())
    }

    /// How many sessions of a user are kept.
    pub async fn sessions_of(&self, name: &str) -> Result<usize, StoreError> {
        Ok(self.session_keys(name).await?.len())
    }

    async fn session_keys(&self, name: &str) -> Result<Vec<Vec<u8>>, StoreError> {
        self.keys_below(SESSIONS_BY_USER, name).await
    }

    async fn keys_below(&self, table: Table, name: &str) -> Result<Vec<Vec<u8>>, StoreError> {
        let range = Range {
            prefix: rows::prefix(&[name]),
            after: None,
        };
        let rows = self.store.scan(table, range, SESSIONS_MAX * 2).await?;
        Ok(rows.into_iter().map(|(key, _)| key).collect())
    }

    /// Without any session of a user.
    pub(super) async fn without_sessions(
        &self,
        mut batch: Batch,
        name: &str,
    ) -> Result<Batch, StoreError> {
        for key in self.session_keys(name).await? {
            batch
                .deletes
                .push((SESSIONS, rows::key(&[&rows::last_part(&key)])));
            batch.deletes.push((SESSIONS_BY_USER, key));
        }
        Ok(batch)
    }

    async fn without_links(&self, mut batch: Batch, name: &str) -> Result<Batch, StoreError> {
        for key in self.keys_below(LINKS_BY_USER, name).await? {
            batch
                .deletes
                .push((LINKS, rows::key(&[&rows::last_part(&key)])));
            batch.deletes.push((LINKS_BY_USER, key));
        }
        Ok(batch)
    }

    /// Without sessions that are over, and without the oldest when there are as many as may be.
    async fn make_room(&self, mut batch: Batch, name: &str) -> Result<Batch, StoreError> {
        let now = self.ports.clock.now();
        let keys = self.session_keys(name).await?;
        let mut left = keys.len();
        for by_user in keys {
            let key = rows::key(&[&rows::last_part(&by_user)]);
            let row = self.store.get(SESSIONS, &key).await?;
            let session: Option<Session> = row
                .map(|row| rows::decode(SESSIONS, &row.value))
                .transpose()?;
            let is_over = session.is_none_or(|session| session.ends_at() <= now);
            if is_over || left >= SESSIONS_MAX {
                batch.deletes.push((SESSIONS, key));
                batch.deletes.push((SESSIONS_BY_USER, by_user));
                left -= 1;
            }
        }
        Ok(batch)
    }
}
