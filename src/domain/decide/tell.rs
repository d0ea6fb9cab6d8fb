//! Messages: to be sent once, not sent any more when what they ask for is there, and given up by a person.

use crate::{
    fact::Event,
    ids::{IntentId, OrderId},
    intent::{Intent, IntentState, Wish},
    message::{MESSAGES_MAX, NEWS_WITHIN, Notice},
};

use super::{
    Desk, Refusal, Undecided, Verdict,
    command::{refuse, wish},
};

/// A person wants it to be sent.
pub(super) fn send(
    desk: &mut Desk<'_>,
    id: OrderId,
    notice: &Notice,
) -> Result<Verdict, Undecided> {
    desk.order(id)?;
    match desk.tell(id, notice)? {
        Some(_) => Ok(Verdict::New),
        None => refuse(Refusal::TooManyMessages(id)),
    }
}

/// Nobody wants it to be sent any more; or it arrived, and that is known from elsewhere.
pub(super) fn drop_intent(
    desk: &mut Desk<'_>,
    id: IntentId,
    by: &str,
) -> Result<Verdict, Undecided> {
    let intent = desk.book.intents.get(&id);
    let Some(intent) = intent else {
        return refuse(Refusal::NotParked);
    };
    if intent.wish.gateway().is_none() {
        return refuse(Refusal::NotToBeDropped(
            "it is wished on a channel, where it is done or undone by hand and then seen here",
        ));
    }
    match intent.state {
        IntentState::Waiting if intent.sent_at.is_some() => {
            refuse(Refusal::NotToBeDropped("it is on its way just now"))
        }
        IntentState::Waiting
            if intent.is_ambiguous && matches!(intent.wish, Wish::BuyLabel { .. }) =>
        {
            refuse(Refusal::NotToBeDropped(
                "a label may have been bought: it is asked for until the provider tells",
            ))
        }
        IntentState::Waiting | IntentState::Parked(_) => {
            desk.drop_wish(id, &format!("{by} does not want it any more"));
            Ok(Verdict::New)
        }
        IntentState::Done(_) | IntentState::Dropped(_) => Ok(Verdict::Duplicate),
    }
}

/// It is about to be tried. What is committed here stands before the call, so that whoever comes after a crash
/// knows that it may have been made.
pub(super) fn start(desk: &mut Desk<'_>, id: IntentId) -> Verdict {
    let now = desk.now();
    match desk.book.intents.get_mut(&id) {
        Some(intent) if intent.state == IntentState::Waiting => {
            intent.sent_at = Some(now);
            Verdict::New
        }
        Some(_) | None => Verdict::Nothing,
    }
}

impl Desk<'_> {
    /// Makes a message durable, unless there are too many of the order.
    pub(super) fn tell(
        &mut self,
        id: OrderId,
        notice: &Notice,
    ) -> Result<Option<IntentId>, Undecided> {
        let is_message =
            |intent: &&Intent| intent.order == id && matches!(intent.wish, Wish::Message { .. });
        if self.book.intents.values().filter(is_message).count() >= MESSAGES_MAX {
            return Ok(None);
        }
        let Notice { message, way } = notice.clone();
        wish(self, id, Wish::Message { message, way }).map(Some)
    }

    /// The same by a rule, in words for its trace.
    pub(super) fn tell_by_rule(
        &mut self,
        id: OrderId,
        notice: &Notice,
        is_known: bool,
    ) -> Result<String, Undecided> {
        let (name, placed_at) = (&notice.message, self.order(id)?.placed_at);
        if !is_known && placed_at.plus(NEWS_WITHIN) < self.now() {
            return Ok(format!(
                "`{name}` was not sent, as the order was known elsewhere long before"
            ));
        }
        Ok(match self.tell(id, notice)? {
            Some(_) => format!("`{name}` is to be sent"),
            None => {
                format!("`{name}` is not sent, as {MESSAGES_MAX} messages about the order were")
            }
        })
    }

    /// Asks for what an order is held for, where the hold was placed just now.
    pub(super) fn ask(
        &mut self,
        id: OrderId,
        reason: &str,
        notice: &Notice,
    ) -> Result<(), Undecided> {
        let asked = self.tell(id, notice)?;
        let holds = &mut self.order_mut(id)?.holds;
        let hold = holds
            .iter_mut()
            .rev()
            .find(|hold| hold.reason == reason && hold.released_at.is_none());
        if let Some(hold) = hold {
            hold.asked = asked;
        }
        Ok(())
    }

    /// What an order is not held for any more need not be asked.
    pub(super) fn drop_what_is_answered(&mut self) {
        let holds = self.book.orders.values().flat_map(|order| &order.holds);
        let over = holds.filter(|hold| hold.released_at.is_some());
        let asked: Vec<IntentId> = over.filter_map(|hold| hold.asked).collect();
        for id in asked {
            let waits =
                |intent: &Intent| intent.state == IntentState::Waiting && intent.sent_at.is_none();
            if self.book.intents.get(&id).is_some_and(waits) {
                self.drop_wish(id, "the order is not on hold any more");
            }
        }
    }

    /// Whoever was forgotten is not written to; what is on its way just now is told when it is there.
    pub(super) fn drop_messages(&mut self, order: OrderId) {
        let open = self.book.intents.values().filter(|intent| {
            intent.order == order
                && matches!(intent.wish, Wish::Message { .. })
                && intent.is_open()
                && intent.sent_at.is_none()
        });
        let ids: Vec<IntentId> = open.map(|intent| intent.id).collect();
        for id in ids {
            self.drop_wish(id, "what the order says of people was erased");
        }
    }

    /// It will not be done.
    pub(super) fn drop_wish(&mut self, id: IntentId, reason: &str) {
        let Some(intent) = self.book.intents.get_mut(&id) else {
            return;
        };
        let (order, reason) = (intent.order, reason.to_owned());
        intent.sent_at = None;
        intent.state = IntentState::Dropped(reason.clone());
        intent.last.clone_from(&reason);
        self.record_for(order, Event::IntentDropped { intent: id, reason });
    }
}
