//! What a listing may show, and what it was told.
//!
//! How much may be shown is said by [`crate::rules`]. What is written to a channel is [`to_channel`] of
//! it, because channels differ in what their number means and in when they take an order's units off
//! themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, ListingId, Money, Quantity, Sku, Time,
    breaker::{Held, Side},
    budget::{Spent, Urgency, WriteBudget},
    buffer::Tuned,
    ids::IntentId,
    item::{Item, ItemKind},
    locations::Locations,
    mapping::MappedBy,
    possible::Possible,
    stock::Stock,
};

pub use crate::rules::{EndWhen, LastUnits, OfferRule, OfferRules, Ratio, ScopedRule};

/// What a channel's stock number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuantityMeaning {
    /// What can still be sold; units of an order that it has not taken off yet it keeps for that order.
    Available,
    /// What is sold to whoever comes first; units of an order that it has not taken off yet are sold
    /// once more.
    Unreserved,
    /// What lies there, promised units included; the channel subtracts its own open orders itself.
    OnHand,
}

/// An item as it is offered on one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Where.
    pub account: AccountId,
    /// The channel's id of it.
    pub listing: ListingId,
    /// The item; nothing while it is not known to be one.
    pub sku: Option<Sku>,
    /// The SKU as the channel wrote it, which may not be one.
    pub channel_sku: Option<String>,
    /// What buyers see.
    pub title: String,
    /// The price there.
    pub price: Option<Money>,
    /// EAN, UPC or ISBN.
    pub barcode: Option<String>,
    /// Whether the channel counts stock for it.
    pub tracked: bool,
    /// The categories that the channel has it in, where it says so.
    #[serde(default)]
    pub categories: Vec<String>,
    /// By what a person said that it is its item; nothing where its SKU on the channel says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapped: Option<MappedBy>,
}

impl Listing {
    /// Whether it stays the item that it is when it has this SKU on its channel.
    pub fn is_settled(&self, channel_sku: Option<&str>) -> bool {
        self.mapped == Some(MappedBy::Listing) || self.channel_sku.as_deref() == channel_sku
    }
}

/// Why a listing is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suppression {
    /// It is not known which item it is.
    Unmapped,
    /// The channel keeps no count for it.
    Untracked,
    /// It is a service.
    Service,
    /// The stock of the item, or of a component, was never counted. Unknown is not zero.
    Uncounted,
    /// Its formula gives no number.
    Formula,
}

/// What may still be promised of an item on an account: its own stock at the locations that serve it,
/// or for a kit as many as its scarcest component allows. The refusal says why that cannot be known.
pub fn sellable(
    item: &Item,
    stock: &BTreeMap<Sku, Stock>,
    locations: &Locations,
    account: &AccountId,
) -> Result<Quantity, Suppression> {
    let of = |sku: &Sku| match stock.get(sku) {
        Some(stock) if stock.is_counted => Ok(locations.sellable(stock, account)),
        Some(_) | None => Err(Suppression::Uncounted),
    };
    match &item.kind {
        ItemKind::Good => of(&item.sku),
        ItemKind::Service => Err(Suppression::Service),
        ItemKind::Kit(components) => {
            let mut least: Option<Quantity> = None;
            for (component, per_kit) in components {
                let kits = of(component)?
                    .or_zero()
                    .units()
                    .checked_div(per_kit.units());
                let kits = Quantity::new(kits.unwrap_or(0)).unwrap_or_default();
                least = Some(least.map_or(kits, |least| least.min(kits)));
            }
            Ok(least.unwrap_or_default())
        }
    }
}

/// This account's open units of an item, summed over its orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Claimed here and not shipped.
    pub open: Quantity,
    /// Sold here, not shipped, and taken off its level by the channel, claimed or not.
    pub subtracted: Quantity,
    /// Claimed here and not shipped, and not yet taken off its level by the channel.
    pub unsubtracted: Quantity,
    /// All that was ever sold here and canceled before we saw it: whoever compares two moments must know
    /// that units came and went between them.
    #[serde(default)]
    pub passed: Quantity,
}

/// What an account's level lacks by what we know: units that it took off for orders that have not left,
/// and, while the item was never counted, everything that left.
pub fn known_sales(taken: Taken, stock: Option<&Stock>) -> Quantity {
    let on_hand = stock.map(Stock::on_hand).unwrap_or_default();
    taken.subtracted.minus(on_hand)
}

/// What is written so that the channel comes to show the offer: units that it will still take off
/// itself are added back, unless it would sell them to somebody else before.
pub fn to_channel(offer: Quantity, taken: Taken, meaning: QuantityMeaning) -> Quantity {
    match meaning {
        QuantityMeaning::Available => offer.plus(taken.unsubtracted),
        QuantityMeaning::Unreserved => offer,
        QuantityMeaning::OnHand => offer.plus(taken.open),
    }
}

/// A level at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// How much.
    pub quantity: Quantity,
    /// When.
    pub at: Time,
}

/// A time in which a channel showed something else than was wanted, as far as we knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WasDue {
    /// From when on.
    pub since: Time,
    /// Until when.
    pub until: Time,
}

/// What one listing should show and what it was told. One row for each listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Where.
    pub account: AccountId,
    /// Which listing.
    pub listing: ListingId,
    /// Of what; a listing that is no item has no offer.
    pub sku: Sku,
    /// The decimals of its quantities.
    pub scale: u8,
    /// What may be shown by the rules, before [`to_channel`].
    pub offer: Option<Told>,
    /// What is to be written; the newest wish overwrites an older one. Nothing while suppressed, but
    /// that a listing without its formula still falls with what is there.
    pub wanted: Option<Told>,
    /// Why nothing is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Suppression>,
    /// What was last sent, whatever came of it.
    pub sent: Option<Told>,
    /// What the channel last said that it took.
    pub acknowledged: Option<Told>,
    /// What the channel last said that it shows.
    pub read_back: Option<Told>,
    /// What we believe it shows: the last of those two, less what it sold since.
    pub believed: Option<Told>,
    /// The one push that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// Why it is not tried again until something changes or a person says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<String>,
    /// How many wishes were overwritten before they were sent.
    pub coalesced: u64,
    /// Since when the channel shows something else than is wanted, as far as we know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_since: Option<Time>,
    /// When that was so before, and is not any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was_due: Option<WasDue>,
    /// Whether the channel said that it shows something else than we believe: it is read before
    /// anything is written.
    #[serde(default)]
    pub is_doubted: bool,
    /// When it came to be wanted at zero by something else than an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zeroed_at: Option<Time>,
    /// When something else than an order last changed what is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Time>,
    /// Why nothing is written before a person says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// The last change that somebody made on the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<Edit>,
    /// When it ended by `end_when`, and how much was sellable then. It shows zero until stock is
    /// received or counted again, or a person lifts it: a unit that merely comes free is not enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Told>,
    /// The buffer that tuned itself, where a rule says `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuned: Option<Tuned>,
    /// How much of the offer is not there, and may be owed.
    #[serde(default)]
    pub owed: Quantity,
    /// What was used of the writes that its channel allows in a day.
    #[serde(default)]
    pub spent: Spent,
    /// What it may show beside what we believe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possible: Option<Possible>,
    /// What orders took off its level, or put back, while it had never been read: by so much an answer
    /// that was under way may be out of date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Possible>,
}

/// A change of a level that somebody made on the channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Who, where the channel says so.
    pub by: Option<String>,
    /// What it was.
    pub from: Quantity,
    /// What it was changed to.
    pub to: Quantity,
    /// When that was seen.
    pub at: Time,
    /// Whether it became a movement of our stock; otherwise ours was written again.
    pub is_taken: bool,
}

/// One try at setting a level, made durable before it is sent. It never changes but for its count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its idempotency key.
    pub key: IntentId,
    /// What is written.
    pub quantity: Quantity,
    /// The value that it replaces, as we believe.
    pub expected: Option<Quantity>,
    /// When that belief was formed.
    pub believed_at: Time,
    /// How often it was sent.
    pub tries: u32,
    /// Not sent again before.
    pub next_at: Time,
    /// Whether it may have worked. While a try is under way that is so: if we die before the answer,
    /// nobody will know more.
    pub is_ambiguous: bool,
    /// Whether it was so before the last try: one that surely did nothing leaves that.
    #[serde(default)]
    pub was_ambiguous: bool,
    /// What it comes to if it works: what is written, and less by what the channel sells meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possible: Option<Possible>,
}

impl Attempt {
    /// One that was not sent yet.
    pub fn new(key: IntentId, quantity: Quantity, believed: Option<Told>, now: Time) -> Attempt {
        Attempt {
            key,
            quantity,
            expected: believed.map(|told| told.quantity),
            believed_at: believed.map_or(now, |told| told.at),
            tries: 0,
            next_at: now,
            is_ambiguous: false,
            was_ambiguous: false,
            possible: None,
        }
    }

    /// It is sent, perhaps once more. A channel that takes a level as of a time takes off what it sold
    /// since, and that may be what is in doubt of the level before it.
    pub fn send(&mut self, doubt: Option<Possible>, now: Time) {
        self.tries = self.tries.saturating_add(1);
        self.was_ambiguous = std::mem::replace(&mut self.is_ambiguous, true);
        let mut sent = Possible::level(self.quantity, now);
        if let Some(doubt) = doubt {
            sent.least = sent.least.minus(doubt.most.minus(doubt.least));
        }
        self.possible = Possible::join(self.possible, Some(sent));
    }
}

impl Offer {
    /// A listing that was told nothing yet.
    pub fn new(account: AccountId, listing: ListingId, sku: Sku, scale: u8) -> Offer {
        Offer {
            account,
            listing,
            sku,
            scale,
            offer: None,
            wanted: None,
            suppressed: None,
            sent: None,
            acknowledged: None,
            read_back: None,
            believed: None,
            attempt: None,
            parked: None,
            coalesced: 0,
            due_since: None,
            was_due: None,
            is_doubted: false,
            zeroed_at: None,
            decided_at: None,
            held: None,
            edit: None,
            ended: None,
            tuned: None,
            owed: Quantity::ZERO,
            spent: Spent::default(),
            possible: None,
            unread: None,
        }
    }

    /// Whether a level that was read is what we know, what we are just writing, or one that is
    /// possible by what we know.
    pub fn knows(&self, shown: Quantity, read_at: Time) -> bool {
        let is = |told: Option<Quantity>| told == Some(shown);
        is(self.believed.map(|told| told.quantity))
            || is(self.attempt.as_ref().map(|attempt| attempt.quantity))
            || self.is_possible(shown, read_at)
    }

    /// Whether a level is possible beside what we believe: see [`Possible`].
    pub fn is_possible(&self, shown: Quantity, read_at: Time) -> bool {
        let of_attempt = self.attempt.as_ref().and_then(|attempt| attempt.possible);
        let mut all = self.possible.iter().chain(&of_attempt);
        all.any(|possible| possible.is(shown, read_at))
    }

    /// Takes a level that was read for the first time, asked for at that time: this is what we start from.
    /// An order that was known only while the answer was under way may not be in it.
    pub fn start_from(&mut self, told: Told) {
        self.believed = Some(told);
        self.is_doubted = false;
        let unread = self.unread.take();
        self.possible = unread.and_then(|unread| unread.beside(told));
    }

    /// Nobody knows what came of the attempt.
    pub fn lose_track(&mut self) {
        let of_attempt = self.attempt.as_ref().and_then(|attempt| attempt.possible);
        self.possible = Possible::join(self.possible, of_attempt);
    }

    /// The channel may have taken so many units off its level and put them back in that time, and nobody
    /// saw either: what it told or took meanwhile may be short of them now.
    pub fn doubt(&mut self, units: Quantity, during: (Time, Time), now: Time) {
        let of_attempt = self
            .attempt
            .as_mut()
            .and_then(|attempt| attempt.possible.as_mut());
        for possible in self.possible.iter_mut().chain(of_attempt) {
            possible.most = possible.most.plus(units);
        }
        let told = self.believed;
        let amid = told.and_then(|told| Possible::amid(told, units, during, now));
        self.possible = Possible::join(self.possible, amid);
    }

    /// The channel took so many units off its level, or put them back when it is negative. What we
    /// believe follows, unless that happened before we last looked; where nobody can say, both are
    /// possible.
    pub fn take_off(&mut self, units: Quantity, changed_at: Time, now: Time) {
        let of_attempt = self
            .attempt
            .as_mut()
            .and_then(|attempt| attempt.possible.as_mut());
        for possible in self.possible.iter_mut().chain(of_attempt) {
            possible.take_off(units, changed_at);
        }
        let Some(believed) = &mut self.believed else {
            let fresh = || Possible::level(Quantity::ZERO, now);
            let lasts = self.unread.filter(|unread| unread.is_recent(now));
            let mut unread = lasts.unwrap_or_else(fresh);
            unread.take_off(units, unread.at);
            self.unread = Some(Possible { at: now, ..unread });
            return;
        };
        let around = Possible::around(believed.quantity, believed.at, units, changed_at, now);
        self.possible = Possible::join(self.possible, around);
        if changed_at >= believed.at {
            believed.quantity = believed.quantity.minus(units);
        }
    }

    /// Before when nothing is written to it, because its channel takes only so many writes in a day.
    pub fn spared_until(&self, budget: Option<WriteBudget>, now: Time) -> Option<Time> {
        let (budget, wanted) = (budget?, self.wanted?.quantity);
        let believed = self.believed.map(|told| told.quantity);
        let urgency = if wanted.is_zero() {
            Urgency::Zero
        } else if believed.is_some_and(|believed| believed < wanted) {
            Urgency::Rise
        } else {
            Urgency::Fall
        };
        budget.wait_until(self.spent, urgency, now)
    }

    /// Whether something is to be sent: it should show something else than we believe it shows.
    pub fn is_due(&self) -> bool {
        let Some(wanted) = self.wanted else {
            return false;
        };
        if self.parked.is_some() || self.is_held_back() {
            return false;
        }
        self.attempt.is_some() || self.believed.map(|told| told.quantity) != Some(wanted.quantity)
    }

    /// Units that buyers may see at this moment, whatever we wish: the most of what the channel said
    /// last (less what it sold since), of a push that it has not answered, and of a level that was read
    /// later and is not explained yet. Nothing while all of that is unknown.
    pub fn shown(&self) -> Option<Quantity> {
        let unanswered = self.attempt.as_ref().filter(|attempt| attempt.tries > 0);
        let unanswered = unanswered.map(|attempt| attempt.quantity);
        let said = match self.believed {
            Some(believed) => {
                let later = self.read_back.filter(|read| read.at > believed.at);
                let later = later.map(|read| read.quantity);
                Some(believed.quantity).max(later)
            }
            // A conflict without a value: what it shows is one of what it said before, or less.
            None => {
                let last = [self.acknowledged, self.read_back];
                last.into_iter().flatten().map(|told| told.quantity).max()
            }
        };
        said.max(unanswered)
    }

    /// Whether the breaker keeps what is wanted from being written. A fall below both what it should
    /// have shown then and what it shows goes out all the same: sales go on elsewhere.
    pub fn is_held_back(&self) -> bool {
        let (Some(held), Some(wanted), None) = (self.held, self.wanted, &self.attempt) else {
            return false;
        };
        match held.side {
            Side::Source => {
                let shown = self.believed.map(|told| told.quantity);
                !(Some(wanted.quantity) < held.wanted && Some(wanted.quantity) < shown)
            }
            Side::Writes => wanted.quantity.is_zero(),
        }
    }

    /// Units at risk now: what it may show beyond what it should.
    pub fn exposure(&self) -> Quantity {
        match (self.wanted, self.shown()) {
            (Some(wanted), Some(shown)) => shown.minus(wanted.quantity).or_zero(),
            (None, _) | (_, None) => Quantity::ZERO,
        }
    }

    /// Units that buyers can still buy of what it shows: without those of our own open orders that the
    /// channel has yet to take off.
    pub fn buyable(&self) -> Quantity {
        let shown = self.shown().unwrap_or_default();
        match (self.wanted, self.offer) {
            (Some(wanted), Some(offer)) => {
                let own = wanted.quantity.minus(offer.quantity).or_zero();
                shown.minus(own).or_zero()
            }
            (None, _) | (_, None) => shown.or_zero(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_depends_on_what_the_number_means() {
        let taken = Taken {
            open: Quantity::of(5),
            subtracted: Quantity::of(3),
            unsubtracted: Quantity::of(2),
            passed: Quantity::ZERO,
        };
        for (meaning, written) in [
            (QuantityMeaning::Available, 9),
            (QuantityMeaning::Unreserved, 7),
            (QuantityMeaning::OnHand, 12),
        ] {
            let quantity = to_channel(Quantity::of(7), taken, meaning);
            assert_eq!(quantity, Quantity::of(written), "{meaning:?}");
        }
    }

    #[test]
    fn what_is_shown_is_the_most_of_all_that_the_channel_may_show() {
        let told = |quantity: i32, second: i64| {
            Some(Told {
                quantity: Quantity::of(quantity),
                at: Time::from_seconds(second),
            })
        };
        let attempt = |quantity: i32, tries: u32| {
            Some(Attempt {
                key: IntentId::next(&mut crate::IdSource::new(Time::EPOCH, [1; 16])),
                quantity: Quantity::of(quantity),
                expected: None,
                believed_at: Time::EPOCH,
                tries,
                next_at: Time::EPOCH,
                is_ambiguous: false,
                was_ambiguous: false,
                possible: None,
            })
        };
        // what we believe, what was read, what is under way => what is shown, at risk, buyable
        for (believed, read_back, under_way, expected) in [
            (None, None, None, (None, 0, 0)),
            (told(9, 5), told(9, 5), None, (Some(9), 5, 7)),
            (told(3, 9), told(9, 5), None, (Some(3), 0, 1)),
            (told(3, 5), told(9, 7), None, (Some(9), 5, 7)),
            (told(9, 5), None, attempt(4, 1), (Some(9), 5, 7)),
            (told(2, 5), None, attempt(8, 0), (Some(2), 0, 0)),
            (told(2, 5), None, attempt(8, 1), (Some(8), 4, 6)),
            (None, told(6, 5), None, (Some(6), 2, 4)),
        ] {
            let sku = Sku::new("MUG").expect("a SKU");
            let mut offer = Offer::new("web".into(), "1".into(), sku, 0);
            (offer.offer, offer.wanted) = (told(2, 8), told(4, 8));
            (offer.believed, offer.read_back, offer.attempt) = (believed, read_back, under_way);
            let seen = (
                offer.shown().map(Quantity::units),
                offer.exposure().units(),
                offer.buyable().units(),
            );
            assert_eq!(seen, expected, "{offer:?}");
        }
    }
}
