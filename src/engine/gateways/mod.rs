//! What is wished of others than channels: messages to buyers and to programs, and labels.
//!
//! Each gateway has a task and a queue of its own, so a mail server that is down holds up no parcel. Before a
//! call it is made durable that it is made: whoever comes after a crash knows that it may have been. What that
//! means is for the gateway to say: a program is told again under the same id, and an e-mail is not sent again
//! without a person. Start reading at [`Engine::run_gateway`].

pub mod labels;
pub mod messages;
mod webhook;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use domain::{
    AccountId, Time,
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
    lanes::{AttemptNote, Fence, Round},
    paying,
    ports::{mail::Smtp, retry::next_try},
    reading::poll::PollError,
    rows,
    views::words,
};

use labels::LabelProvider;
use messages::{Letter, Message};
pub use webhook::{Webhook, is_webhook_secret};

/// How many waiting errands are read at once.
const PAGE: usize = 200;
/// How long to rest when nothing waits.
const IDLE: Duration = Duration::from_secs(30);
/// After so many tries in vain it is tried seldom.
const TRIES_SOON: u32 = 12;
/// After so many a person must look: two days.
const TRIES_MAX: u32 = 100;
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
    /// Who sells labels, by name.
    pub labels: BTreeMap<String, Arc<LabelProvider>>,
    /// Where orders of an account that is entered by hand are paid.
    pub pay_links: BTreeMap<AccountId, String>,
}

/// The bells of the gateways that have a task.
#[derive(Default)]
pub(crate) struct Bells(BTreeMap<Gateway, Arc<Notify>>);

/// What became of an errand for now.
enum Served {
    /// It was tried, or given up: what waits for the same order comes in the next round.
    Tried,
    /// It is not its time.
    NotBefore(Time),
    /// It waits for its account.
    Waits,
}

/// Something that is ready to be sent or asked.
enum Errand {
    Mail(Arc<Smtp>, Letter),
    Tell(Arc<Webhook>, Letter),
    Buy(Arc<LabelProvider>, serde_json::Value),
    GiveBack(Arc<LabelProvider>, String),
}

/// It is done, and nobody need know it again.
const DONE: Outcome = Outcome::Applied { reference: None };

/// What a call brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<T = ()> {
    /// It was taken.
    Taken(T),
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

    /// Where the rest of an order is paid, if anywhere.
    pub fn pay_link(&self, order: &Order) -> Option<String> {
        let template = self.pay_links.get(&order.account)?;
        paying::link(template, order)
    }

    /// Those that are configured.
    fn all(&self) -> BTreeSet<Gateway> {
        let mail = self.mail.iter().map(|_| Gateway::Messages(Way::Mail));
        let webhook = self.webhook.iter();
        let labels = self.labels.keys().cloned().map(Gateway::Labels);
        mail.chain(webhook.map(|_| Gateway::Messages(Way::Webhook)))
            .chain(labels)
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
    let waiting = store
        .scan(rows::ERRANDS, Range::default(), store::SCAN_LIMIT_MAX)
        .await?;
    all.extend(waiting.iter().filter_map(|(key, _)| {
        let word = key.split(|byte| *byte == 0).next()?;
        Gateway::from_word(std::str::from_utf8(word).ok()?)
    }));
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

    /// Tries what is due, once for each order, so that errands about it go in the order in which they were made.
    async fn carry_out_errands(&self, gateway: &Gateway) -> Result<Round, DecideError> {
        let mut blocked: BTreeSet<OrderId> = BTreeSet::new();
        let mut rest = self.ports.clock.now().plus(IDLE);
        let (mut after, mut is_any_tried) = (None, false);
        // What waits for an account that is frozen keeps nobody else waiting, however much that is.
        loop {
            let range = Range {
                prefix: rows::prefix(&[&gateway.word()]),
                after: after.take(),
            };
            let waiting = self.store.scan(rows::ERRANDS, range, PAGE).await?;
            for (key, _) in &waiting {
                if self.is_stopping() {
                    return Ok(Round::Rest(rest));
                }
                let Some(intent) = self.errand_at(key).await? else {
                    continue;
                };
                if !blocked.insert(intent.order) {
                    continue;
                }
                match self.serve(&intent).await? {
                    Served::Tried => is_any_tried = true,
                    Served::NotBefore(at) => rest = rest.min(at),
                    Served::Waits => {}
                }
            }
            match waiting.last() {
                Some((last, _)) if waiting.len() == PAGE => after = Some(last.clone()),
                Some(_) | None => break,
            }
        }
        Ok(match is_any_tried {
            true => Round::More,
            false => Round::Rest(rest),
        })
    }

    /// An errand that waits, by its place in the queue.
    async fn errand_at(&self, key: &[u8]) -> Result<Option<Intent>, StoreError> {
        let Ok(id) = rows::last_part(key).parse::<IntentId>() else {
            return Ok(None);
        };
        let key = rows::key(&[&id.to_string()]);
        let row = self.store.get(rows::INTENTS, &key).await?;
        let Some(row) = row else { return Ok(None) };
        let intent: Intent = rows::decode(rows::INTENTS, &row.value)?;
        Ok(Some(intent).filter(|intent| intent.state == IntentState::Waiting))
    }

    /// Tries one if it is its time, and its account is let.
    async fn serve(&self, intent: &Intent) -> Result<Served, DecideError> {
        if let Some(outcome) = self.is_too_late(intent) {
            self.settle_errand(intent, None, outcome).await?;
            return Ok(Served::Tried);
        }
        let Some(account) = self.accounts.get(&intent.account) else {
            return Ok(Served::Waits);
        };
        // What may have been done is seen to when the account is live again.
        let is_untried = intent.sent_at.is_none() && !intent.is_ambiguous;
        let is_new = is_untried && !matches!(intent.wish, Wish::VoidLabel { .. });
        if account.mode() != Mode::Live && is_new {
            let reason = format!("{} is only observed: nothing is sent for it", account.id);
            let outcome = Outcome::Drop { reason };
            self.settle_errand(intent, None, outcome).await?;
            return Ok(Served::Tried);
        }
        if !account.may_write() {
            return Ok(Served::Waits);
        }
        if intent.next_at > self.ports.clock.now() {
            return Ok(Served::NotBefore(intent.next_at));
        }
        self.run_errand(account, intent).await?;
        Ok(Served::Tried)
    }

    /// Tries one, and keeps what it brought.
    async fn run_errand(&self, account: &Account, intent: &Intent) -> Result<(), DecideError> {
        let errand = match self.prepare_errand(account, intent).await? {
            Ok(errand) => errand,
            Err(outcome) => return self.settle_errand(intent, None, outcome).await,
        };
        let started = Signal::IntentStarted { intent: intent.id };
        self.decide(started).await?;
        let sent_at = self.ports.clock.now();
        let key = intent.id.uuid().to_string();
        let outcome = match errand {
            Errand::Mail(mail, letter) => {
                let answer = mail.send(&letter, &self.ports).await;
                self.outcome_of_mail(intent, answer)
            }
            Errand::Tell(webhook, letter) => {
                let answer = webhook.send(&letter).await;
                self.outcome_of_errand(intent, answer, |()| DONE)
            }
            Errand::Buy(provider, parcel) => {
                let answer = provider.buy(&key, &parcel).await;
                self.outcome_of_errand(intent, answer, |label| Outcome::Labeled { label })
            }
            Errand::GiveBack(provider, reference) => {
                let answer = provider.give_back(&key, &reference).await;
                self.outcome_of_errand(intent, answer, |()| DONE)
            }
        };
        self.settle_errand(intent, Some(sent_at), outcome).await
    }

    /// What is to be sent or asked; or what becomes of it instead.
    async fn prepare_errand(
        &self,
        account: &Account,
        intent: &Intent,
    ) -> Result<Result<Errand, Outcome>, DecideError> {
        let missing = |what: String| {
            let reason = format!("nothing is configured for it: {what} is missing");
            Ok(Err(Outcome::Park { reason }))
        };
        let provider = |name: &String| self.gateways.labels.get(name).cloned();
        match &intent.wish {
            Wish::Message { message, way } => {
                if intent.sent_at.is_some() && *way == Way::Mail {
                    let reason = maybe_sent("the program ended while it was sent");
                    return Ok(Err(Outcome::Park { reason }));
                }
                let letter = self.write_letter(intent, message).await?;
                let gateways = (way, &self.gateways.mail, &self.gateways.webhook);
                match (gateways, letter) {
                    (_, Err(outcome)) => Ok(Err(outcome)),
                    ((Way::Mail, Some(mail), _), Ok(letter)) => {
                        Ok(Ok(Errand::Mail(Arc::clone(mail), letter)))
                    }
                    ((Way::Webhook, _, Some(webhook)), Ok(letter)) => {
                        Ok(Ok(Errand::Tell(Arc::clone(webhook), letter)))
                    }
                    ((Way::Mail | Way::Webhook, _, _), Ok(_)) => {
                        missing(format!("[notify.{}]", way.word()))
                    }
                }
            }
            Wish::BuyLabel { provider: name, .. } => {
                let Some(provider) = provider(name) else {
                    return missing(format!("the provider `{name}` of [[label_providers]]"));
                };
                // What may have been bought is asked for, whatever became of the order.
                let may_be_bought = intent.is_ambiguous || intent.sent_at.is_some();
                if !may_be_bought && let Some(outcome) = self.is_fenced(account, intent).await? {
                    return Ok(Err(outcome));
                }
                let parcel = self.write_label_order(intent).await?;
                Ok(parcel.map(|parcel| Errand::Buy(provider, parcel)))
            }
            Wish::VoidLabel {
                provider: name,
                reference,
                ..
            } => match provider(name) {
                Some(provider) => Ok(Ok(Errand::GiveBack(provider, reference.clone()))),
                None => missing(format!("the provider `{name}` of [[label_providers]]")),
            },
            Wish::PushShipment { .. }
            | Wish::CancelOrder { .. }
            | Wish::Refund { .. }
            | Wish::Capture { .. } => missing("a gateway".to_owned()),
        }
    }

    /// Reads the order on its channel before money is spent on it.
    async fn is_fenced(
        &self,
        account: &Account,
        intent: &Intent,
    ) -> Result<Option<Outcome>, DecideError> {
        match self.fence(account, intent).await {
            Ok(Fence::Open(_)) => Ok(None),
            Ok(Fence::Done) => Ok(Some(DONE)),
            Ok(Fence::Closed(reason)) => Ok(Some(Outcome::Drop { reason })),
            Err(PollError::Store(error)) => Err(error.into()),
            Err(error @ (PollError::Channel(_) | PollError::Paused(_))) => {
                Ok(Some(Outcome::Retry {
                    at: self.next_errand(intent),
                    reason: format!("its channel could not be asked first: {error}"),
                    is_ambiguous: false,
                }))
            }
        }
    }

    fn next_errand(&self, intent: &Intent) -> Time {
        match intent.tries {
            tries if tries >= TRIES_SOON => self.ports.clock.now().plus(SELDOM),
            tries => next_try(&self.ports, tries.saturating_add(1)),
        }
    }

    /// Nobody sends an e-mail twice without a person.
    fn outcome_of_mail(&self, intent: &Intent, answer: Answer) -> Outcome {
        match answer {
            Answer::Unknown(reason) => Outcome::Park {
                reason: maybe_sent(&reason),
            },
            Answer::Taken(()) | Answer::Later(_) | Answer::Refused(_) => {
                self.outcome_of_errand(intent, answer, |()| DONE)
            }
        }
    }

    /// Of whoever knows an errand again by its key.
    fn outcome_of_errand<T>(
        &self,
        intent: &Intent,
        answer: Answer<T>,
        done: impl FnOnce(T) -> Outcome,
    ) -> Outcome {
        let at = self.next_errand(intent);
        match answer {
            Answer::Taken(taken) => done(taken),
            Answer::Later(reason) | Answer::Unknown(reason) if intent.tries >= TRIES_MAX => {
                let reason = format!("tried {} times: {reason}", intent.tries);
                Outcome::Park { reason }
            }
            Answer::Later(reason) => Outcome::Retry {
                at,
                reason,
                is_ambiguous: false,
            },
            Answer::Unknown(reason) => Outcome::Retry {
                at,
                reason,
                is_ambiguous: true,
            },
            Answer::Refused(reason) => Outcome::Park { reason },
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
    pub async fn order_of(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        let row = self
            .store
            .get(rows::ORDERS, &rows::key(&[&id.to_string()]))
            .await?;
        row.map(|row| rows::decode(rows::ORDERS, &row.value))
            .transpose()
    }
}

fn maybe_sent(why: &str) -> String {
    format!(
        "it may have been sent or not, and is not sent twice without you: {why}; look whether it arrived, then \
         retry or drop it"
    )
}
