//! Pushing levels: read, compared, made durable, sent and settled. Falls go before rises. A level that is
//! not what we believe means that the channel sold something that we have not seen: its orders are
//! read first.

use std::{collections::BTreeMap, time::Duration};

use channel::{Ack, ChannelError, ErrorKind, StockTarget};
use domain::{
    AccountId, ListingId, Quantity, Time,
    budget::WriteBudget,
    offer::Offer,
    signal::{Checks, PushResult, Reading, Signal},
    snapshot::LevelSnapshot,
};
use store::{Range, StoreError};

use super::{AttemptNote, IDLE, Round};
use crate::{
    Engine,
    account::Account,
    decider::{Alongside, DecideError},
    ports::retry::next_try,
    reading::evidence::is_news,
    reading::poll::PollError,
    reading::reconcile::Suspects,
    rows,
};

/// How many due listings are looked at in one go; falls among them go first.
const DUE_MAX: usize = 500;
/// How long an account rests when its credentials were refused.
const UNAUTHORIZED_PAUSE: Duration = Duration::from_secs(300);

impl Engine {
    pub(super) async fn push_levels(&self, account: &Account) -> Result<Round, PollError> {
        let far = self.ports.clock.now().plus(IDLE);
        let (Some(push), Some(read)) = (account.channel.push_stock(), account.channel.read_stock())
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
        let mut offers: Vec<Offer> = batch.collect();
        let must_read = |offer: &Offer| {
            let is_ambiguous = offer
                .attempt
                .as_ref()
                .is_some_and(|attempt| attempt.is_ambiguous);
            let is_unsure = is_ambiguous || offer.is_doubted || offer.believed.is_none();
            is_unsure || !account.descriptor().compares
        };
        let to_read: Vec<ListingId> = offers
            .iter()
            .filter(|offer| must_read(offer))
            .map(|o| o.listing.clone())
            .collect();
        if !to_read.is_empty() {
            self.look_before(account, read, &offers, &to_read).await?;
            offers = self.reload(account, &offers).await?;
        }
        let due: Vec<ListingId> = offers
            .iter()
            .filter(|offer| offer.is_due())
            .map(|o| o.listing.clone())
            .collect();
        let started = self
            .decide(Signal::StartPush {
                account: account.id.clone(),
                listings: due.clone(),
            })
            .await?;
        let now = self.ports.clock.now();
        let to_send: Vec<Offer> = due
            .iter()
            .filter_map(|listing| {
                started
                    .book
                    .offers
                    .get(&(account.id.clone(), listing.clone()))
                    .cloned()
            })
            .filter(|offer| {
                offer
                    .attempt
                    .as_ref()
                    .is_some_and(|attempt| attempt.next_at <= now)
            })
            .filter(|offer| offer.is_due())
            .collect();
        self.send(account, push, to_send).await?;
        Ok(Round::More)
    }

    /// Reads what is about to be overwritten. What is not as we believe is explained first.
    async fn look_before(
        &self,
        account: &Account,
        read: &dyn channel::ReadStock,
        offers: &[Offer],
        to_read: &[ListingId],
    ) -> Result<(), PollError> {
        let read_at = self.ports.clock.now();
        let levels = self.read_levels(account, read, to_read).await?;
        self.settle_ambiguous(account, offers, &levels).await?;
        let suspects = self.suspects(account, levels, read_at).await?;
        // The channel sold, or somebody edited, what we have not seen: orders first.
        let moving = self.explain_levels(account, suspects).await?;
        if !moving.is_empty() {
            // It will not stay the same, and what it must show cannot wait for that.
            self.start_from(account, moving).await?;
        }
        Ok(())
    }

    async fn start_from(&self, account: &Account, shown: Suspects) -> Result<(), DecideError> {
        let level = |(listing, level)| LevelSnapshot {
            listing,
            level,
            changed_at: None,
        };
        let signal = Signal::Levels {
            account: account.id.clone(),
            levels: shown.into_iter().map(level).collect(),
            read_at: self.ports.clock.now(),
            reading: Reading::BeforePush,
            checks: Checks::default(),
        };
        self.decide(signal).await.map(drop)
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
        let budget = self.write_budget(&account.id);
        let mut ready = Vec::new();
        let mut next_at: Option<Time> = None;
        for (key, _) in due {
            let Some(row) = self.store.get(rows::OFFERS, &key).await? else {
                continue;
            };
            let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
            let spared = offer.spared_until(budget, now);
            match spared.max(offer.attempt.as_ref().map(|attempt| attempt.next_at)) {
                Some(at) if at > now => next_at = Some(next_at.map_or(at, |next| next.min(at))),
                Some(_) | None if offer.is_due() => ready.push(offer),
                Some(_) | None => {}
            }
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

    /// How often each listing of an account may be written.
    pub(crate) fn write_budget(&self, account: &AccountId) -> Option<WriteBudget> {
        self.decider.policy().accounts.get(account)?.budget
    }

    async fn reload(&self, account: &Account, offers: &[Offer]) -> Result<Vec<Offer>, StoreError> {
        let mut fresh = Vec::new();
        for offer in offers {
            let key = rows::key(&[account.id.as_str(), offer.listing.as_str()]);
            if let Some(row) = self.store.get(rows::OFFERS, &key).await? {
                fresh.push(rows::decode(rows::OFFERS, &row.value)?);
            }
        }
        Ok(fresh)
    }

    /// Tries with an unknown outcome are settled by what the channel shows now.
    async fn settle_ambiguous(
        &self,
        account: &Account,
        offers: &[Offer],
        levels: &[domain::snapshot::LevelSnapshot],
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
            let results = self.results(&part, answer);
            let notes = self.notes(account, &part, &results, sent_at);
            let account = account.id.clone();
            self.decide_alongside(Signal::PushTried { account, results }, notes)
                .await?;
        }
        Ok(())
    }

    fn results(
        &self,
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
