//! Carrying out intents: shipments, cancellations, refunds and captures, each effectively once.
//!
//! Before anything irreversible the order is read on its channel (the cancel fence). After a try with
//! an unknown outcome it is looked up before it is tried again.

use std::{collections::BTreeSet, time::Duration};

use channel::{Ack, CancelReason, Cancellation, ChannelError, ErrorKind, RefundPush, ShipmentPush};
use domain::{
    ExternalId, Time,
    decide::capture,
    ids::{IntentId, OrderId},
    intent::{Intent, IntentState, Outcome, Wish},
    order::Order,
    signal::Signal,
    snapshot::PaymentState,
};
use store::StoreError;

use crate::{
    Engine,
    account::Account,
    decider::Alongside,
    lanes::{AttemptNote, Round},
    pausing::{Flow, tells_of_a_parcel},
    ports::retry::next_try,
    reading::poll::PollError,
    rows,
    views::{Walk, read},
};

/// How many waiting intents are looked at in one go.
const WAITING_MAX: usize = 200;
/// How often one is tried before a person must look.
pub const TRIES_MAX: u32 = 25;
/// How long to rest when nothing waits.
const IDLE: Duration = Duration::from_secs(30);

/// What must be done first, or instead.
pub(crate) enum Fence {
    /// Go on.
    Open(Box<Order>),
    /// It is already so.
    Done,
    /// It must not be done.
    Closed(String),
}

impl Engine {
    pub(crate) async fn carry_out_intents(&self, account: &Account) -> Result<Round, PollError> {
        let intent = match self.next_intent(account).await? {
            Ok(intent) => intent,
            Err(rest) => return Ok(Round::Rest(rest)),
        };
        let sent_at = self.ports.clock.now();
        let outcome = match self.try_intent(account, &intent).await {
            Ok(outcome) => outcome,
            Err(PollError::Channel(error)) => self.outcome_of(&intent, &error),
            Err(error @ (PollError::Store(_) | PollError::Paused(_))) => return Err(error),
        };
        let latency = self.ports.clock.now().since(sent_at).as_millis();
        let note = AttemptNote {
            at: sent_at,
            latency_ms: u64::try_from(latency).unwrap_or(u64::MAX),
            request: describe(&intent),
            result: brought(&outcome),
        };
        let (id, time) = (intent.id.to_string(), rows::sortable_time(sent_at));
        let parts = [account.id.as_str(), &id, &time];
        let puts = vec![(rows::ATTEMPTS, rows::key(&parts), rows::encode(&note))];
        let alongside = Alongside {
            puts,
            deletes: Vec::new(),
        };
        let signal = Signal::IntentTried {
            intent: intent.id,
            outcome,
        };
        self.decide_alongside(signal, alongside).await?;
        // What waits is read anew: the order may have been canceled meanwhile.
        Ok(Round::More)
    }

    /// The next wish whose time has come; otherwise when to look again.
    async fn next_intent(&self, account: &Account) -> Result<Result<Intent, Time>, StoreError> {
        let is_told = !account.is_paused(Flow::Tracking);
        let now = self.ports.clock.now();
        let (mut rest, mut seen) = (now.plus(IDLE), 0);
        let mut orders: BTreeSet<OrderId> = BTreeSet::new();
        let below = rows::prefix(&[account.id.as_str()]);
        let mut walk = Walk::new(self, rows::OUTBOX, below, None).unbounded();
        while let Some((key, _)) = walk.next().await? {
            if self.is_stopping() || seen == WAITING_MAX {
                break;
            }
            let Ok(id) = rows::last_part(&key).parse::<IntentId>() else {
                continue;
            };
            let intent: Option<Intent> = read(self, rows::INTENTS, &[&id.to_string()]).await?;
            let Some(intent) = intent.filter(|intent| intent.state == IntentState::Waiting) else {
                continue;
            };
            // Wishes about one order come true in the order in which they were made.
            if !orders.insert(intent.order) {
                continue;
            }
            // However many parcels are kept, they are not in the way of what is not paused.
            if !is_told && tells_of_a_parcel(&intent.wish) {
                continue;
            }
            if intent.next_at <= now {
                return Ok(Ok(intent));
            }
            rest = rest.min(intent.next_at);
            seen += 1;
        }
        Ok(Err(rest))
    }

    async fn try_intent(&self, account: &Account, intent: &Intent) -> Result<Outcome, PollError> {
        let order = match self.fence(account, intent).await? {
            Fence::Open(order) => order,
            Fence::Done => return Ok(Outcome::Applied { reference: None }),
            Fence::Closed(reason) => return Ok(Outcome::Park { reason }),
        };
        let ack = match &intent.wish {
            Wish::PushShipment { .. } => self.push_shipment(account, intent, &order).await?,
            Wish::CancelOrder { reason } => {
                let Some(cancel) = account.channel.cancel_orders() else {
                    return Ok(by_hand("cancel the order"));
                };
                let cancellation = Cancellation {
                    order: intent.external_id.clone(),
                    reason: cancel_reason(reason),
                    key: intent.id.uuid().to_string(),
                };
                let ack = cancel.cancel(&cancellation).await;
                self.note_call(account, &ack);
                Some(ack?)
            }
            Wish::Refund { .. } => self.push_refund(account, intent, &order).await?,
            Wish::Capture { amount } => {
                let ack = self.capture(account, intent, *amount).await?;
                let Some(ack) = ack else {
                    return Ok(by_hand("take the money"));
                };
                Some(ack)
            }
            // It waits in the queue of its gateway.
            Wish::Message { .. } | Wish::BuyLabel { .. } | Wish::VoidLabel { .. } => None,
        };
        Ok(match ack {
            None => by_hand("do this"),
            Some(Ack::Applied { reference }) => Outcome::Applied { reference },
            Some(Ack::Rejected { reason }) => Outcome::Park { reason },
            Some(Ack::Conflict { .. }) => Outcome::Retry {
                at: next_try(&self.ports, intent.tries + 1),
                reason: "the order changed on its channel meanwhile".to_owned(),
                is_ambiguous: false,
            },
            Some(Ack::Ambiguous) => Outcome::Retry {
                at: next_try(&self.ports, intent.tries + 1),
                reason: "the outcome is unknown".to_owned(),
                is_ambiguous: true,
            },
        })
    }

    /// Reads the order on its channel before something that cannot be undone.
    pub(crate) async fn fence(
        &self,
        account: &Account,
        intent: &Intent,
    ) -> Result<Fence, PollError> {
        if let Some(orders) = account.channel.pull_orders() {
            self.read_orders(account, orders, std::slice::from_ref(&intent.external_id))
                .await?;
        }
        let key = rows::key(&[&intent.order.to_string()]);
        let Some(row) = self.store.get(rows::ORDERS, &key).await? else {
            return Ok(Fence::Closed("the order is not in the book".to_owned()));
        };
        let order: Order = rows::decode(rows::ORDERS, &row.value)?;
        let has_left = order
            .lines
            .iter()
            .any(|line| line.counters.shipped_net().is_positive());
        Ok(match &intent.wish {
            Wish::BuyLabel { .. } if order.is_withdrawn() => {
                Fence::Closed("the order was canceled on its channel".to_owned())
            }
            Wish::PushShipment { .. } if order.is_withdrawn() => Fence::Closed(
                "the order was canceled on its channel: stop the parcel or expect a return"
                    .to_owned(),
            ),
            Wish::CancelOrder { .. } if order.is_withdrawn() => Fence::Done,
            Wish::CancelOrder { .. } if has_left => {
                Fence::Closed("part of the order has left meanwhile".to_owned())
            }
            Wish::Capture { .. } if capture::is_taken(&order.payment) => Fence::Done,
            Wish::Capture { .. } if order.is_withdrawn() => {
                Fence::Closed("the order was canceled on its channel".to_owned())
            }
            Wish::Capture { .. } if order.payment == PaymentState::Voided => Fence::Closed(
                "the money is not reserved any more: ask the buyer to pay again".to_owned(),
            ),
            Wish::PushShipment { .. }
            | Wish::CancelOrder { .. }
            | Wish::Refund { .. }
            | Wish::Capture { .. }
            | Wish::Message { .. }
            | Wish::BuyLabel { .. }
            | Wish::VoidLabel { .. } => Fence::Open(Box::new(order)),
        })
    }

    async fn push_shipment(
        &self,
        account: &Account,
        intent: &Intent,
        order: &Order,
    ) -> Result<Option<Ack>, ChannelError> {
        let Wish::PushShipment {
            shipment,
            completes,
        } = &intent.wish
        else {
            return Ok(None);
        };
        let Some(shipments) = account.channel.push_shipments() else {
            return Ok(None);
        };
        let Some(shipment) = order.shipments.iter().find(|known| known.id == *shipment) else {
            return Ok(None);
        };
        let lines = shipment.lines.iter().filter_map(|(number, units)| {
            let line = order.line(*number)?;
            Some((line.external_id.clone(), units.to_decimal(line.scale)))
        });
        let push = ShipmentPush {
            order: order.external_id.clone(),
            lines: lines.collect(),
            carrier: shipment.carrier.clone(),
            tracking_number: shipment.tracking_number.clone(),
            tracking_url: shipment.tracking_url.clone(),
            shipped_at: shipment.shipped_at,
            completes: *completes,
            key: intent.id.uuid().to_string(),
        };
        if intent.tries > 0 || self.may_have_been_sent(intent) {
            let found = shipments.find(&push).await;
            self.note_call(account, &found);
            if let Some(ack) = found? {
                return Ok(Some(ack));
            }
        }
        let ack = shipments.push(&push).await;
        self.note_call(account, &ack);
        ack.map(Some)
    }

    async fn push_refund(
        &self,
        account: &Account,
        intent: &Intent,
        order: &Order,
    ) -> Result<Option<Ack>, PollError> {
        let Wish::Refund {
            amount,
            lines,
            reason,
            ..
        } = &intent.wish
        else {
            return Ok(None);
        };
        let Some(refunds) = account.channel.refund_orders() else {
            return Ok(None);
        };
        let zero = domain::Money::zero(amount.currency());
        // The channel knows nothing of what left in place of something else.
        let sold = lines
            .iter()
            .filter(|(number, _)| order.replacement(*number).is_none());
        let lines = sold.filter_map(|(number, units)| {
            let line = order.line(*number)?;
            Some((line.external_id.clone(), units.to_decimal(line.scale), zero))
        });
        let push = RefundPush {
            order: order.external_id.clone(),
            amount: *amount,
            lines: lines.collect(),
            restock: false,
            reason: reason.clone(),
            key: intent.id.uuid().to_string(),
            made_at: intent.made_at,
            others: self.other_refunds(intent).await?,
        };
        // Money that was given back is not got again, so it is always looked first whether it was: the
        // process may have died, or the store had no room, before the answer to a first try was kept.
        let found = refunds.find(&push).await;
        self.note_call(account, &found);
        if let Some(ack) = found? {
            return Ok(Some(ack));
        }
        let ack = refunds.refund(&push).await;
        self.note_call(account, &ack);
        Ok(Some(ack?))
    }

    /// The channel's ids of what other wishes gave back of the same order.
    async fn other_refunds(&self, intent: &Intent) -> Result<Vec<ExternalId>, StoreError> {
        let of_order = rows::prefix(&[&intent.order.to_string()]);
        let mut walk = Walk::new(self, rows::INTENTS_BY_ORDER, of_order, None);
        let mut found = Vec::new();
        while let Some((key, _)) = walk.next().await? {
            let id = rows::last_part(&key);
            let Some(row) = self.store.get(rows::INTENTS, &rows::key(&[&id])).await? else {
                continue;
            };
            let other: Intent = rows::decode(rows::INTENTS, &row.value)?;
            let is_other = other.id != intent.id && matches!(other.wish, Wish::Refund { .. });
            if let (true, IntentState::Done(Some(reference))) = (is_other, other.state) {
                found.push(reference);
            }
        }
        Ok(found)
    }

    /// Whether a process that died before this one began may have sent it, and not lived to keep the answer.
    fn may_have_been_sent(&self, intent: &Intent) -> bool {
        intent.made_at <= self.started_at
    }

    fn outcome_of(&self, intent: &Intent, error: &ChannelError) -> Outcome {
        let reason = error.to_string();
        if intent.tries >= TRIES_MAX {
            return Outcome::Park {
                reason: format!("tried {} times: {reason}", intent.tries),
            };
        }
        let at = next_try(&self.ports, intent.tries + 1);
        match &error.kind {
            ErrorKind::Retry { .. } => Outcome::Retry {
                at,
                reason,
                is_ambiguous: false,
            },
            ErrorKind::Throttled { until } => Outcome::Retry {
                at: until.unwrap_or(at),
                reason,
                is_ambiguous: false,
            },
            ErrorKind::Unauthorized { .. } => {
                let at = self.ports.clock.now().plus(Duration::from_secs(300));
                Outcome::Retry {
                    at,
                    reason,
                    is_ambiguous: false,
                }
            }
            ErrorKind::Gone | ErrorKind::Rejected { .. } => Outcome::Park { reason },
            ErrorKind::Ambiguous { .. } | ErrorKind::Malformed { .. } => Outcome::Retry {
                at,
                reason,
                is_ambiguous: true,
            },
        }
    }
}

fn by_hand(what: &str) -> Outcome {
    Outcome::Park {
        reason: format!("the channel's API cannot do it: {what} there by hand, then it is seen"),
    }
}

fn describe(intent: &Intent) -> String {
    match &intent.wish {
        Wish::PushShipment { shipment, .. } => format!("push shipment {shipment}"),
        Wish::CancelOrder { .. } => "cancel the order".to_owned(),
        Wish::Refund { amount, .. } => format!("refund {amount}"),
        Wish::Capture { amount } => format!("take {amount}"),
        Wish::Message { message, .. } => format!("send the message `{message}`"),
        Wish::BuyLabel { parcel, .. } => format!("buy a label for parcel {parcel}"),
        Wish::VoidLabel { reference, .. } => format!("give label {reference} back"),
    }
}

/// The channel's kind of reason that a person's words come nearest to.
fn cancel_reason(words: &str) -> CancelReason {
    let words = words.to_lowercase();
    let says = |hints: &[&str]| hints.iter().any(|hint| words.contains(hint));
    if says(&["buyer", "customer", "asked"]) {
        CancelReason::BuyerRequest
    } else if says(&["stock", "sold out", "unavailable"]) {
        CancelReason::OutOfStock
    } else if says(&["address", "undeliverable"]) {
        CancelReason::Address
    } else if says(&["fraud"]) {
        CancelReason::Fraud
    } else {
        CancelReason::Other
    }
}

/// What a try brought, for people.
pub(crate) fn brought(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Applied {
            reference: Some(reference),
        } => format!("it is done, as {reference}"),
        Outcome::Applied { reference: None } => "it is done".to_owned(),
        Outcome::Retry {
            reason,
            is_ambiguous,
            ..
        } => match is_ambiguous {
            true => format!("it may be done or not, and is read back: {reason}"),
            false => format!("it is not done, and is tried again: {reason}"),
        },
        Outcome::Labeled { label } => {
            format!("it is done: {} {}", label.carrier, label.tracking_number)
        }
        Outcome::Park { reason } => format!("a person must look: {reason}"),
        Outcome::Drop { reason } => format!("it is not done any more: {reason}"),
    }
}
