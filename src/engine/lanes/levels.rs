//! Pushing levels: read, compared, made durable, sent and settled. Falls go before rises. A level that is
//! not what we believe is left to the lane of doubts.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use channel::{Ack, ChannelError, ErrorKind, StockTarget};
use domain::{
    AccountId, ListingId, Quantity, Time,
    budget::WriteBudget,
    offer::{Attempt, Offer},
    signal::{JustRead, PushResult, Signal},
    snapshot::LevelSnapshot,
};
use store::{Range, StoreError};

use super::{AttemptNote, Round, after_idle, doubts::is_as_believed};
use crate::{
    Engine,
    account::Account,
    decider::{Alongside, DecideError},
    ports::retry::next_try,
    reading::{evidence::is_news, poll::PollError, reconcile::doubted},
    rows,
    views::Walk,
};

/// How many due listings are looked at in one go; falls among them go first.
const DUE_MAX: usize = 500;
/// How long what rises waits for what came to fall.
pub const RISES_WAIT: Duration = Duration::from_secs(10);
/// How soon a listing is written again where its channel says nothing of how often it may be: a channel that
/// hears of every single unit of what sells fast gains nothing by it, and has its other listings wait.
pub const REPEATS_WAIT: Duration = Duration::from_millis(50);
/// How long an account rests when its credentials were refused.
const UNAUTHORIZED_PAUSE: Duration = Duration::from_secs(300);

impl Engine {
    pub(super) async fn push_levels(&self, account: &Account) -> Result<Round, PollError> {
        let far = after_idle(&self.ports);
        let (Some(read), Some(_)) = (account.channel.read_stock(), account.channel.push_stock())
        else {
            return Ok(Round::Rest(far));
        };
        let now = self.ports.clock.now();
        let (ready, next_at) = self.due_offers(account, now).await?;
        if ready.is_empty() {
            return Ok(Round::Rest(next_at.unwrap_or(far)));
        }
        let breaker = self.breaker(account).await?;
        if ready.iter().any(|offer| is_news(&breaker, offer)) {
            self.weigh_zeroes(account).await?;
        }
        let batch = ready.into_iter().take(account.descriptor().push_batch_max);
        let offers: Vec<Offer> = batch.collect();
        let must_read = |offer: &&Offer| {
            let is_ambiguous = offer
                .attempt
                .as_ref()
                .is_some_and(|attempt| attempt.is_ambiguous);
            let is_unsure = is_ambiguous || offer.is_doubted || offer.believed.is_none();
            is_unsure || !account.descriptor().compares
        };
        let to_read = offers.iter().filter(must_read);
        let to_read: Vec<ListingId> = to_read.map(|offer| offer.listing.clone()).collect();
        let just_read = match to_read.is_empty() {
            true => None,
            false => self.look_before(account, read, &offers, &to_read).await?,
        };
        let offers = self.without_early_rises(account, offers).await?;
        let listings = offers.into_iter().map(|offer| offer.listing);
        let listings = listings.filter(|listing| !account.doubts.has(listing));
        self.push_ready(account, listings.collect(), just_read)
            .await?;
        Ok(Round::More)
    }

    /// Reading may have taken a while. Where something came to fall meanwhile, what rises waits for the next
    /// round, which begins with that; but not for ever, because in a busy shop something always falls.
    async fn without_early_rises(
        &self,
        account: &Account,
        offers: Vec<Offer>,
    ) -> Result<Vec<Offer>, StoreError> {
        let now = self.ports.clock.now();
        let is_early = |offer: &Offer| {
            let since = offer.due_since.unwrap_or(now);
            !is_fall(offer) && now.since(since) < RISES_WAIT
        };
        if !offers.iter().any(is_early) {
            return Ok(offers);
        }
        let (ready, _) = self.due_offers(account, now).await?;
        let is_in_hand = |fall: &Offer| offers.iter().any(|offer| offer.listing == fall.listing);
        let mut falls = ready.iter().filter(|offer| is_fall(offer));
        if falls.all(is_in_hand) {
            return Ok(offers);
        }
        Ok(offers
            .into_iter()
            .filter(|offer| !is_early(offer))
            .collect())
    }

    /// Makes durable what is to be sent to listings that are what we believe, and sends it. What they
    /// showed is taken in by the same decision, unless that was done before.
    pub(super) async fn push_ready(
        &self,
        account: &Account,
        listings: Vec<ListingId>,
        just_read: Option<JustRead>,
    ) -> Result<(), PollError> {
        // Finding out why a level differs may take long, and a person may have stopped all writing.
        let push = account.channel.push_stock();
        let Some(push) = push.filter(|_| account.may_write_levels()) else {
            return Ok(());
        };
        let (budget, now) = (self.write_budget(&account.id), self.ports.clock.now());
        let offers = self.offers_of(account, &listings).await?;
        let due = offers
            .iter()
            .filter(|offer| ready_at(offer, budget, now) == Some(now));
        let due: Vec<ListingId> = due.map(|offer| offer.listing.clone()).collect();
        if due.is_empty() {
            return Ok(());
        }
        let started = self
            .decide(Signal::StartPush {
                account: account.id.clone(),
                listings: due.clone(),
                just_read,
            })
            .await?;
        let now = self.ports.clock.now();
        let of = |listing: ListingId| {
            let offer = started.book.offers.get(&(account.id.clone(), listing))?;
            let may_be_sent = |attempt: &Attempt| attempt.next_at <= now;
            let is_ready = offer.is_due() && offer.attempt.as_ref().is_some_and(may_be_sent);
            is_ready.then(|| offer.clone())
        };
        let to_send = due.into_iter().filter_map(of).collect();
        self.send(account, push, to_send).await?;
        Ok(())
    }

    /// Reads what is about to be overwritten. What is not as we believe is left to be explained, unless it
    /// must fall below what seems to have been sold from. Where all is as we believe, nothing is decided of it
    /// yet, and it is given back for the decision to come: one sync less before a level is sent.
    async fn look_before(
        &self,
        account: &Account,
        read: &dyn channel::ReadStock,
        offers: &[Offer],
        to_read: &[ListingId],
    ) -> Result<Option<JustRead>, PollError> {
        let read_at = self.ports.clock.now();
        let levels = self.read_levels(account, read, to_read).await?;
        if is_all_as_believed(offers, &levels) {
            return Ok(Some(JustRead { levels, read_at }));
        }
        self.settle_ambiguous(account, offers, &levels).await?;
        let mut suspects = self.suspects(account, levels, read_at).await?;
        if suspects.is_empty() {
            return Ok(None);
        }
        let doubts = doubted(suspects.clone(), read_at);
        let falls = self.falls_of(account, &doubts).await?.after_sales;
        suspects.retain(|listing, _| !falls.contains_key(listing));
        if !falls.is_empty() {
            self.start_from(account, falls).await?;
        }
        account.doubts.leave(doubted(suspects, read_at));
        account.wake_doubts.notify_one();
        Ok(None)
    }

    /// The listings that something is to be sent to: falls first, to zero before all.
    async fn due_offers(
        &self,
        account: &Account,
        now: Time,
    ) -> Result<(Vec<Offer>, Option<Time>), StoreError> {
        let range = Range {
            prefix: rows::prefix(&[account.id.as_str()]),
            after: None,
        };
        let due = self.store.scan(rows::DUE_OFFERS, range, DUE_MAX).await?;
        let mut keys: BTreeSet<Vec<u8>> = due.into_iter().map(|(key, _)| key).collect();
        keys.extend(self.falls_far_behind(account).await?);
        let (budget, may_fall) = (self.write_budget(&account.id), self.may_fall(account));
        let mut ready = Vec::new();
        let mut next_at: Option<Time> = None;
        for key in keys {
            let Some(row) = self.store.get(rows::OFFERS, &key).await? else {
                continue;
            };
            let offer: Offer = self.decider.memo.decode(rows::OFFERS, &key, &row.value)?;
            if account.doubts.keep(&offer, may_fall) {
                account.forget_fall(&key);
                continue;
            }
            match ready_at(&offer, budget, now) {
                Some(at) if at <= now => {
                    ready.push(offer);
                    continue;
                }
                Some(at) => next_at = Some(next_at.map_or(at, |next| next.min(at))),
                None => {}
            }
            account.forget_fall(&key);
        }
        ready.sort_by_key(|offer| {
            let wanted = offer.wanted.map(|told| told.quantity).unwrap_or_default();
            let believed = offer.believed.map(|told| told.quantity).unwrap_or_default();
            (
                !wanted.is_zero(),
                wanted >= believed,
                offer.wanted.map(|told| told.at),
            )
        });
        Ok((ready, next_at))
    }

    /// Falls among all that is due, however much that is. What was kept while nothing might be written is
    /// looked through once when it may be again.
    async fn falls_far_behind(&self, account: &Account) -> Result<Vec<Vec<u8>>, StoreError> {
        if account.take_pile_due() {
            let mut falls = BTreeSet::new();
            let below = rows::prefix(&[account.id.as_str()]);
            let mut walk = Walk::new(self, rows::DUE_OFFERS, below, None).unbounded();
            while let Some((key, _)) = walk.next().await? {
                let row = self.store.get(rows::OFFERS, &key).await?;
                let offer: Option<Offer> = row
                    .map(|row| rows::decode(rows::OFFERS, &row.value))
                    .transpose()?;
                if offer.as_ref().is_some_and(is_fall) {
                    falls.insert(key);
                }
            }
            account.keep_falls(falls);
        }
        Ok(account.falls(DUE_MAX))
    }

    /// How often each listing of an account may be written.
    pub(crate) fn write_budget(&self, account: &AccountId) -> Option<WriteBudget> {
        self.decider.policy().accounts.get(account)?.budget
    }

    pub(super) async fn offers_of(
        &self,
        account: &Account,
        listings: &[ListingId],
    ) -> Result<Vec<Offer>, StoreError> {
        let mut offers = Vec::new();
        for listing in listings {
            let key = rows::key(&[account.id.as_str(), listing.as_str()]);
            if let Some(row) = self.store.get(rows::OFFERS, &key).await? {
                offers.push(self.decider.memo.decode(rows::OFFERS, &key, &row.value)?);
            }
        }
        Ok(offers)
    }

    /// Tries with an unknown outcome are settled by what the channel shows now.
    async fn settle_ambiguous(
        &self,
        account: &Account,
        offers: &[Offer],
        levels: &[LevelSnapshot],
    ) -> Result<(), DecideError> {
        let (now, mut results) = (self.ports.clock.now(), Vec::new());
        for offer in offers {
            let Some(attempt) = offer
                .attempt
                .as_ref()
                .filter(|attempt| attempt.is_ambiguous)
            else {
                continue;
            };
            let shown = levels
                .iter()
                .find(|level| level.listing == offer.listing)
                .and_then(|level| level.level)
                .and_then(|level| level.to_quantity(offer.scale).ok());
            let believed = offer.believed.map(|told| told.quantity);
            let result = match shown {
                Some(shown) if shown == attempt.quantity => PushResult::Found { shown },
                Some(shown) if Some(shown) == believed => PushResult::NotDone,
                Some(shown) if offer.is_possible(shown, now) => PushResult::Found { shown },
                Some(_) => PushResult::NotDone,
                None => PushResult::Ambiguous {
                    at: next_try(&self.ports, attempt.tries),
                },
            };
            results.push((offer.listing.clone(), result));
        }
        if !results.is_empty() {
            self.decide(Signal::PushTried {
                account: account.id.clone(),
                results,
            })
            .await?;
        }
        Ok(())
    }

    /// Sends attempts that are durable. A call that is refused as a whole is cut in halves until the
    /// line that poisons it stands alone.
    async fn send(
        &self,
        account: &Account,
        push: &dyn channel::PushStock,
        offers: Vec<Offer>,
    ) -> Result<(), DecideError> {
        let mut parts = vec![offers];
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let targets = targets(&part);
            let sent_at = self.ports.clock.now();
            let answer = push.push(&targets, &batch_key(&part)).await;
            self.note_call(account, &answer);
            let is_refused = matches!(
                &answer,
                Err(ChannelError {
                    kind: ErrorKind::Rejected { .. } | ErrorKind::Gone,
                    ..
                })
            );
            if is_refused && part.len() > 1 {
                let mut first = part;
                let second = first.split_off(first.len() / 2);
                parts.push(second);
                parts.push(first);
                continue;
            }
            let results = self.results(account, &part, answer);
            let notes = self.notes(account, &part, &results, sent_at);
            let account = account.id.clone();
            self.decide_alongside(Signal::PushTried { account, results }, notes)
                .await?;
        }
        Ok(())
    }

    fn results(
        &self,
        account: &Account,
        part: &[Offer],
        answer: Result<Vec<(ListingId, Ack)>, ChannelError>,
    ) -> Vec<(ListingId, PushResult)> {
        let again = |offer: &Offer| {
            next_try(
                &self.ports,
                offer.attempt.as_ref().map_or(1, |attempt| attempt.tries),
            )
        };
        let acks: Result<BTreeMap<ListingId, Ack>, ChannelError> =
            answer.map(|acks| acks.into_iter().collect());
        let result = |offer: &Offer| match &acks {
            Ok(acks) => match acks.get(&offer.listing) {
                Some(Ack::Applied { .. }) => PushResult::Applied,
                Some(Ack::Conflict { observed }) => PushResult::Conflict {
                    observed: *observed,
                    is_certain: account.descriptor().compares,
                },
                Some(Ack::Rejected { reason }) => PushResult::Rejected {
                    reason: reason.clone(),
                },
                Some(Ack::Ambiguous) | None => PushResult::Ambiguous { at: again(offer) },
            },
            Err(error) => match &error.kind {
                ErrorKind::Retry { .. } => PushResult::Retry { at: again(offer) },
                ErrorKind::Throttled { until } => PushResult::Retry {
                    at: until.unwrap_or_else(|| again(offer)),
                },
                ErrorKind::Unauthorized { .. } => PushResult::Retry {
                    at: self.ports.clock.now().plus(UNAUTHORIZED_PAUSE),
                },
                ErrorKind::Gone => PushResult::Rejected {
                    reason: "the channel does not know this listing any more".to_owned(),
                },
                ErrorKind::Rejected { reason } => PushResult::Rejected {
                    reason: reason.clone(),
                },
                ErrorKind::Ambiguous { .. } | ErrorKind::Malformed { .. } => {
                    PushResult::Ambiguous { at: again(offer) }
                }
            },
        };
        part.iter()
            .map(|offer| (offer.listing.clone(), result(offer)))
            .collect()
    }

    fn notes(
        &self,
        account: &Account,
        part: &[Offer],
        results: &[(ListingId, PushResult)],
        sent_at: Time,
    ) -> Alongside {
        let latency = self.ports.clock.now().since(sent_at).as_millis();
        let latency_ms = u64::try_from(latency).unwrap_or(u64::MAX);
        let mut notes = Alongside::default();
        for (offer, (_, result)) in part.iter().zip(results) {
            let Some(attempt) = &offer.attempt else {
                continue;
            };
            let expected = attempt
                .expected
                .map_or("unknown".to_owned(), |q: Quantity| q.to_string());
            let note = AttemptNote {
                at: sent_at,
                latency_ms,
                request: format!("set {} from {expected} to {}", offer.sku, attempt.quantity),
                result: format!("{result:?}"),
            };
            let time = rows::sortable_time(sent_at);
            let parts = [account.id.as_str(), offer.listing.as_str(), &time];
            notes
                .puts
                .push((rows::ATTEMPTS, rows::key(&parts), rows::encode(&note)));
        }
        notes
    }
}

/// Whether all levels are what we believed before they were read, and nothing else is open about them.
fn is_all_as_believed(offers: &[Offer], levels: &[LevelSnapshot]) -> bool {
    levels.iter().all(|level| {
        let offer = offers.iter().find(|offer| offer.listing == level.listing);
        offer.is_some_and(|offer| offer.attempt.is_none() && is_as_believed(offer, level.level))
    })
}

/// Whether less is wanted of a listing than it is believed to show.
fn is_fall(offer: &Offer) -> bool {
    let levels = offer.wanted.zip(offer.believed);
    levels.is_some_and(|(wanted, believed)| wanted.quantity < believed.quantity)
}

/// When something may be sent to a listing: now, or when its try, its budget or what was just sent allow it;
/// nothing when there is nothing to send.
fn ready_at(offer: &Offer, budget: Option<WriteBudget>, now: Time) -> Option<Time> {
    let spared = offer.spared_until(budget, now);
    let tried = offer.attempt.as_ref().map(|attempt| attempt.next_at);
    let waits = spared.max(tried).max(repeats_at(offer, now));
    match waits {
        Some(at) if at > now => Some(at),
        Some(_) | None => offer.is_due().then_some(now),
    }
}

/// When a listing may be written that was just written: what comes to be wanted until then is one write.
fn repeats_at(offer: &Offer, now: Time) -> Option<Time> {
    let sent_at = offer.sent?.at;
    // A clock that was set back must not make it wait for longer than that.
    let is_recent = sent_at <= now && now.since(sent_at) < REPEATS_WAIT;
    is_recent.then(|| sent_at.plus(REPEATS_WAIT))
}

fn targets(part: &[Offer]) -> Vec<StockTarget> {
    let target = |offer: &Offer| {
        let attempt = offer.attempt.as_ref()?;
        Some(StockTarget {
            listing: offer.listing.clone(),
            quantity: attempt.quantity.to_decimal(offer.scale),
            expected: attempt
                .expected
                .map(|expected| expected.to_decimal(offer.scale)),
            believed_at: attempt.believed_at,
        })
    };
    part.iter().filter_map(target).collect()
}

/// A key for a call: the same when the same attempts are sent again, and another one otherwise.
fn batch_key(part: &[Offer]) -> String {
    let keys = part
        .iter()
        .filter_map(|offer| offer.attempt.as_ref())
        .map(|attempt| attempt.key);
    let joined = keys.fold(0_u128, |joined, key| {
        joined.rotate_left(7).wrapping_mul(0x0100_0000_01b3) ^ key.uuid().as_u128()
    });
    uuid_text(joined)
}

/// In the form of a UUID, which every channel takes as a key.
fn uuid_text(number: u128) -> String {
    let hex = format!("{number:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}
