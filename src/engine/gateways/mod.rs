//! What is wished of others than channels: messages to buyers and to programs.
//!
//! Each gateway has a task and a queue of its own, so a mail server that is down holds up no parcel. Before a
//! call it is made durable that it is made: whoever comes after a crash knows that it may have been. What that
//! means is for the gateway to say: a program is told again under the same id, and an e-mail is not sent again
//! without a person. Start reading at [`Engine::run_gateway`].

pub mod messages;
mod webhook;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use domain::{
    Time,
    ids::{IntentId, OrderId},
    intent::{Gateway, Intent, IntentState, Outcome, Wish},
    message::{Notice, Way},
    order::Order,
    signal::Signal,
};
use store::{Range, StoreError};
use tokio::sync::Notify;

use crate::{
    Engine,
    account::{Account, Mode},
    decider::{Alongside, DecideError},
    lanes::{AttemptNote, Round},
    ports::{mail::Smtp, retry::next_try},
    rows,
    views::words,
};

use messages::Message;
pub use webhook::{Webhook, is_webhook_secret};

/// How many waiting errands are looked at in one go.
const WAITING_MAX: usize = 200;
/// How long to rest when nothing waits.
const IDLE: Duration = Duration::from_secs(30);
/// After so many tries in vain it is tried seldom.
const TRIES_SOON: u32 = 12;
/// How seldom.
const SELDOM: Duration = Duration::from_secs(30 * 60);

/// Everything that is not a channel, and is told or asked something.
#[derive(Clone, Default)]
pub struct Gateways {
    /// What may be sent, by name.
    pub messages: BTreeMap<String, Message>,
    /// What takes e-mail.
    pub mail: Option<Arc<Smtp>>,
    /// What programs are told through.
    pub webhook: Option<Arc<Webhook>>,
}

/// The bells of the gateways that have a task.
#[derive(Default)]
pub(crate) struct Bells(BTreeMap<Gateway, Arc<Notify>>);

/// What a call brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was taken.
    Taken,
    /// Surely not, and it may be later.
    Later(String),
    /// Surely not, and never will be as it is.
    Refused(String),
    /// Nobody knows.
    Unknown(String),
}

impl Gateways {
    /// A message by its name, as a notice says it.
    pub fn notice(&self, name: &str) -> Option<Notice> {
        self.messages.get(name).map(Message::notice)
    }

    /// Those that are configured.
    fn all(&self) -> BTreeSet<Gateway> {
        let mail = self.mail.iter().map(|_| Gateway::Messages(Way::Mail));
        let webhook = self.webhook.iter();
        mail.chain(webhook.map(|_| Gateway::Messages(Way::Webhook)))
            .collect()
    }
}

impl Bells {
    pub(crate) fn ring(&self, gateway: &Gateway) {
        if let Some(bell) = self.0.get(gateway) {
            bell.notify_one();
        }
    }
}

/// The bells of those that are configured, and of those for which something waits from before.
pub(crate) async fn bells(
    gateways: &Gateways,
    store: &dyn store::Store,
) -> Result<Bells, StoreError> {
    let mut all = gateways.all();
    for way in [Way::Mail, Way::Webhook] {
        let gateway = Gateway::Messages(way);
        let range = Range {
            prefix: rows::prefix(&[&gateway.word()]),
            after: None,
        };
        if !store.scan(rows::ERRANDS, range, 1).await?.is_empty() {
            all.insert(gateway);
        }
    }
    let bells = all
        .into_iter()
        .map(|gateway| (gateway, Arc::new(Notify::new())));
    Ok(Bells(bells.collect()))
}

impl Engine {
    pub(crate) fn spawn_gateways(self: &Arc<Self>) {
        for (gateway, bell) in &self.errand_bells.0 {
            let (engine, gateway, bell) = (Arc::clone(self), gateway.clone(), Arc::clone(bell));
            let name = format!("gateway {}", gateway.word());
            let task = Box::pin(async move { engine.run_gateway(gateway, bell).await });
            self.ports.spawn.spawn(name, task);
        }
    }

    async fn run_gateway(&self, gateway: Gateway, bell: Arc<Notify>) {
        let mut failures = 0;
        loop {
            let rest = match self.carry_out_errands(&gateway).await {
                Ok(Round::More) if !self.is_stopping() => {
                    failures = 0;
                    continue;
                }
                Ok(Round::More) => return,
                Ok(Round::Rest(until)) => {
                    failures = 0;
                    until
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(gateway = gateway.word(), %error, "An errand failed.");
                    if let DecideError::Store(error) = &error {
                        self.note_store_error(error);
                    }
                    next_try(&self.ports, failures)
                }
            };
            if !self.wait(rest, &bell).await {
                return;
            }
        }
    }

    /// Tries the first errand that is due; those about one order in the order in which they were made.
    async fn carry_out_errands(&self, gateway: &Gateway) -> Result<Round, DecideError> {
        let range = Range {
            prefix: rows::prefix(&[&gateway.word()]),
            after: None,
        };
        let waiting = self.store.scan(rows::ERRANDS, range, WAITING_MAX).await?;
        let mut blocked: Vec<OrderId> = Vec::new();
        let mut rest = self.ports.clock.now().plus(IDLE);
        for (key, _) in waiting {
            if self.is_stopping() {
                break;
            }
            let Ok(id) = rows::last_part(&key).parse::<IntentId>() else {
                continue;
            };
            let key = rows::key(&[&id.to_string()]);
            let Some(row) = self.store.get(rows::INTENTS, &key).await? else {
                continue;
            };
            let intent: Intent = rows::decode(rows::INTENTS, &row.value)?;
            if intent.state != IntentState::Waiting || blocked.contains(&intent.order) {
                continue;
            }
            blocked.push(intent.order);
            if let Some(reason) = self.is_too_late(&intent) {
                self.settle_errand(&intent, None, reason).await?;
                return Ok(Round::More);
            }
            match self.accounts.get(&intent.account) {
                Some(account) if account.may_write() => {}
                Some(account) if is_watched_only(account) => {
                    let reason = format!(
                        "{} is only observed: nobody is told anything of it",
                        account.id
                    );
                    let outcome = Outcome::Drop { reason };
                    self.settle_errand(&intent, None, outcome).await?;
                    return Ok(Round::More);
                }
                Some(_) | None => continue,
            }
            if intent.next_at > self.ports.clock.now() {
                rest = rest.min(intent.next_at);
                continue;
            }
            self.run_errand(&intent).await?;
            // What waits is read anew: it may be wanted no more.
            return Ok(Round::More);
        }
        Ok(Round::Rest(rest))
    }

    /// Tries one, and keeps what it brought.
    async fn run_errand(&self, intent: &Intent) -> Result<(), DecideError> {
        let Wish::Message { message, way } = &intent.wish else {
            return Ok(());
        };
        if intent.sent_at.is_some() && *way == Way::Mail {
            let outcome = Outcome::Park {
                reason: maybe_sent("the program ended while it was sent"),
            };
            return self.settle_errand(intent, None, outcome).await;
        }
        let letter = match self.write_letter(intent, message).await? {
            Ok(letter) => letter,
            Err(outcome) => return self.settle_errand(intent, None, outcome).await,
        };
        let started = Signal::IntentStarted { intent: intent.id };
        self.decide(started).await?;
        let sent_at = self.ports.clock.now();
        let answer = match (way, &self.gateways.mail, &self.gateways.webhook) {
            (Way::Mail, Some(mail), _) => mail.send(&letter, &self.ports).await,
            (Way::Webhook, _, Some(webhook)) => webhook.send(&letter).await,
            (Way::Mail | Way::Webhook, _, _) => Answer::Refused(format!(
                "nothing is configured that sends it: [notify.{}] is missing",
                way.word()
            )),
        };
        let outcome = self.outcome_of_errand(intent, *way, answer);
        self.settle_errand(intent, Some(sent_at), outcome).await
    }

    fn outcome_of_errand(&self, intent: &Intent, way: Way, answer: Answer) -> Outcome {
        let at = match intent.tries {
            tries if tries >= TRIES_SOON => self.ports.clock.now().plus(SELDOM),
            tries => next_try(&self.ports, tries.saturating_add(1)),
        };
        match (answer, way) {
            (Answer::Taken, _) => Outcome::Applied { reference: None },
            (Answer::Later(reason), _) => Outcome::Retry {
                at,
                reason,
                is_ambiguous: false,
            },
            (Answer::Refused(reason), _) => Outcome::Park { reason },
            // Whoever gets it knows it again by its id.
            (Answer::Unknown(reason), Way::Webhook) => Outcome::Retry {
                at,
                reason,
                is_ambiguous: true,
            },
            (Answer::Unknown(reason), Way::Mail) => Outcome::Park {
                reason: maybe_sent(&reason),
            },
        }
    }

    async fn settle_errand(
        &self,
        intent: &Intent,
        sent_at: Option<Time>,
        outcome: Outcome,
    ) -> Result<(), DecideError> {
        let mut alongside = Alongside::default();
        if let Some(sent_at) = sent_at {
            let latency = self.ports.clock.now().since(sent_at).as_millis();
            let note = AttemptNote {
                at: sent_at,
                latency_ms: u64::try_from(latency).unwrap_or(u64::MAX),
                request: words::wish(&intent.wish),
                result: crate::lanes::brought(&outcome),
            };
            let time = rows::sortable_time(sent_at);
            let parts = [intent.account.as_str(), &intent.id.to_string(), &time];
            let row = (rows::ATTEMPTS, rows::key(&parts), rows::encode(&note));
            alongside.puts.push(row);
        }
        let signal = Signal::IntentTried {
            intent: intent.id,
            outcome,
        };
        self.decide_alongside(signal, alongside).await.map(|_| ())
    }

    /// What a message that could not be sent in time becomes.
    fn is_too_late(&self, intent: &Intent) -> Option<Outcome> {
        let Wish::Message { message, .. } = &intent.wish else {
            return None;
        };
        let within = self.gateways.messages.get(message)?.within;
        // What a person tries again was late already, and what is on its way is settled first.
        let is_late = intent.made_at.plus(within) < self.ports.clock.now();
        if !is_late || intent.is_ambiguous || intent.sent_at.is_some() {
            return None;
        }
        Some(match intent.tries {
            0 => Outcome::Drop {
                reason: "it could not be sent while it was news".to_owned(),
            },
            tries => Outcome::Park {
                reason: format!("tried {tries} times while it was news: {}", intent.last),
            },
        })
    }

    /// The order of an errand, as it is now.
    async fn order_of(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        let row = self
            .store
            .get(rows::ORDERS, &rows::key(&[&id.to_string()]))
            .await?;
        row.map(|row| rows::decode(rows::ORDERS, &row.value))
            .transpose()
    }
}

/// Whether nothing that it would tell leaves this house, as long as nobody arms it.
fn is_watched_only(account: &Account) -> bool {
    account.mode() != Mode::Live
}

fn maybe_sent(why: &str) -> String {
    format!(
        "it may have been sent or not, and is not sent twice without you: {why}; look whether it arrived, then \
         retry or drop it"
    )
}
