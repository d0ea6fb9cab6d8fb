//! Hooks: verify, make durable, acknowledge. Nothing else happens while the channel waits.

use std::sync::atomic::Ordering;

use channel::{HookAnswer, HookRefusal, HookRequest, Verdict, Verified};
use domain::{AccountId, Time};
use serde::{Deserialize, Serialize};
use store::{Append, INBOX, StoreError};

use crate::{
    Engine,
    account::{Account, Mode},
    meters::add,
    ports::Work,
    rows,
    sealing::{Pool, Sealer, Unreadable},
};

/// A raw signal. The journal keeps it sealed, under a key of its own.
#[derive(Clone)]
pub struct RawSignal {
    /// For which account.
    pub account: AccountId,
    /// When it arrived.
    pub received_at: Time,
    /// The request, byte for byte.
    pub request: HookRequest,
}

/// All of a raw signal but its body, which follows it byte for byte.
#[derive(Deserialize)]
struct Head {
    account: AccountId,
    received_at: Time,
    method: String,
    topic: String,
    query: String,
    headers: Vec<(String, String)>,
}

/// The same, to be written down.
#[derive(Serialize)]
struct HeadOf<'a> {
    account: &'a AccountId,
    received_at: Time,
    method: &'a str,
    topic: &'a str,
    query: &'a str,
    headers: &'a [(String, String)],
}

/// What a raw signal belongs to.
const PLACE: &[u8] = b"signal";

impl RawSignal {
    /// As the journal keeps it.
    pub fn seal(&self, sealer: &Sealer, seed: [u8; 16]) -> Result<Vec<u8>, StoreError> {
        let request = &self.request;
        let head = rows::encode(&HeadOf {
            account: &self.account,
            received_at: self.received_at,
            method: &request.method,
            topic: &request.topic,
            query: &request.query,
            headers: &request.headers,
        });
        let length = u32::try_from(head.len()).map_err(|_| StoreError::Refused {
            reason: "the headers of a signal are too long".to_owned(),
        })?;
        let text = [&length.to_be_bytes()[..], &head, &request.body].concat();
        sealer.seal(Pool::Signals, PLACE, text, seed)
    }

    /// Read back from the journal. Nothing where its key is destroyed, or it was sealed under another master key: the
    /// journal and the keys have checksums, so it is not damaged.
    pub fn open(sealer: &Sealer, sealed: &[u8]) -> Result<Option<RawSignal>, StoreError> {
        let text = match sealer.open(Pool::Signals, PLACE, sealed) {
            Ok(text) => text,
            Err(Unreadable::Forgotten | Unreadable::Foreign) => return Ok(None),
            Err(Unreadable::Store(error)) => return Err(error),
        };
        let head = text.split_first_chunk::<4>().and_then(|(length, rest)| {
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            rest.split_at_checked(length)
        });
        let (head, body) = head.ok_or_else(|| corrupt("it is too short"))?;
        let Head {
            account,
            received_at,
            method,
            topic,
            query,
            headers,
        } = rows::decode(INBOX, head)?;
        let request = HookRequest {
            method,
            topic,
            query,
            headers,
            body: body.to_vec(),
        };
        Ok(Some(RawSignal {
            account,
            received_at,
            request,
        }))
    }
}

fn corrupt(why: &str) -> StoreError {
    StoreError::Corrupt {
        reason: format!("a raw signal cannot be read: {why}"),
    }
}

/// What the inbox row of a raw signal says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxNote {
    /// For which account.
    pub account: AccountId,
    /// When it arrived.
    pub received_at: Time,
    /// How long its body is.
    pub body_bytes: usize,
}

/// What a request to a hook address is answered with.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is durable.
    Accepted,
    /// A challenge or ping, answered.
    Answer(HookAnswer),
    /// There is no such account, or it takes no hooks.
    Unknown,
    /// It did not come from the channel.
    Refused(HookRefusal),
    /// It cannot be taken now; the channel should send it again.
    Busy,
}

impl Engine {
    /// Takes a request that came to a hook address.
    pub fn receive<'a>(&'a self, account: &'a str, request: HookRequest) -> Work<'a, Reply> {
        Box::pin(self.take_hook(account, request))
    }

    async fn take_hook(&self, account: &str, request: HookRequest) -> Reply {
        let known = self.accounts.get(&AccountId::new(account));
        let Some(account) = known.filter(|account| account.mode() != Mode::Off) else {
            return Reply::Unknown;
        };
        let Some(hooks) = account.channel.read_hooks() else {
            return Reply::Unknown;
        };
        let now = self.ports.clock.now();
        let verdict = match hooks.verify(&request, now) {
            Verdict::KeyNeeded(key) => {
                let fetched = hooks.fetch_key(&key).await;
                self.note_call(account, &fetched);
                match fetched {
                    Ok(()) => hooks.verify(&request, now),
                    // It may be genuine: without the key that cannot be known, so it should come again.
                    Err(error) if is_passing(&error) => return Reply::Busy,
                    Err(_) => Verdict::Refused(HookRefusal::Wrong),
                }
            }
            verdict => verdict,
        };
        match verdict {
            Verdict::Answer(answer) => Reply::Answer(answer),
            Verdict::Verified(hook) => self.keep(account, hook, now).await,
            Verdict::KeyNeeded(_) => self.refuse(account, HookRefusal::Wrong),
            Verdict::Refused(refusal) => self.refuse(account, refusal),
        }
    }

    fn refuse(&self, account: &Account, refusal: HookRefusal) -> Reply {
        add(&self.meters.hooks_refused);
        tracing::warn!(account = %account.id, %refusal, "A hook was not believed.");
        Reply::Refused(refusal)
    }

    async fn keep(&self, account: &Account, hook: Verified, received_at: Time) -> Reply {
        if self.meters.backlog.load(Ordering::Relaxed) >= self.backlog_max || self.is_stopping() {
            return Reply::Busy;
        }
        let request = hook.into_request();
        let note = InboxNote {
            account: account.id.clone(),
            received_at,
            body_bytes: request.body.len(),
        };
        let raw = RawSignal {
            account: account.id.clone(),
            received_at,
            request,
        };
        let body = match raw.seal(&self.ports.sealer, self.ports.entropy.seed()) {
            Ok(body) => body,
            Err(error) => {
                self.note_store_error(&error);
                return Reply::Busy;
            }
        };
        let append = Append {
            body,
            note: rows::encode(&note),
        };
        // Counted before it is there: the inbox may decide it before we are told that it is durable.
        self.meters.backlog.fetch_add(1, Ordering::Relaxed);
        let appended = self.store.append(vec![append]).await;
        if appended.is_err() {
            self.meters.backlog.fetch_sub(1, Ordering::Relaxed);
        }
        match appended {
            Ok(positions) => {
                if let Some(at) = positions.first() {
                    self.recent.put(*at, raw);
                }
                add(&self.meters.hooks_accepted);
                self.wake_inbox.notify_one();
                Reply::Accepted
            }
            Err(error @ StoreError::Refused { .. }) => {
                tracing::warn!(account = %account.id, %error, "A hook is too large to be kept.");
                Reply::Busy
            }
            Err(error) => {
                self.note_store_error(&error);
                Reply::Busy
            }
        }
    }
}

fn is_passing(error: &channel::ChannelError) -> bool {
    use channel::ErrorKind;
    match error.kind {
        ErrorKind::Retry { .. } | ErrorKind::Throttled { .. } | ErrorKind::Ambiguous { .. } => true,
        ErrorKind::Unauthorized { .. }
        | ErrorKind::Gone
        | ErrorKind::Rejected { .. }
        | ErrorKind::Malformed { .. } => false,
    }
}
