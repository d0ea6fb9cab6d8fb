//! Reading and setting levels.
//!
//! A level is written as a physical count of what is in stock at our location, dated to the time of
//! our belief: Square takes off again what it has sold since. The answer tells the counts after all
//! that; a count that differs from what was asked means a sale that we had not seen. Square carries
//! out all counts of a call or none, so one bad item refuses the call, and the engine halves it.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use channel::{Ack, ChannelError, ErrorKind, PushStock, ReadStock, StockTarget};
use domain::{Decimal, ListingId, Time, snapshot::LevelSnapshot};
use serde_json::{Value, json};

use super::{
    Square,
    api::{COUNTS_PER_READ_MAX, Reply},
    map,
    orders::next_page,
    wire,
};

/// Square refuses counts older than 24 hours; one hour is left for clocks that differ.
const AGE_MAX: Duration = Duration::from_secs(23 * 3600);
/// The decimals that a count may have. Source: InventoryPhysicalCount.quantity.
const SCALE_MAX: u8 = 5;
/// Answers to one read of counts; one variation has one count per location and state.
const PAGES_MAX: usize = 20;

#[async_trait]
impl ReadStock for Square {
    async fn read(&self, listings: &[ListingId]) -> Result<Vec<LevelSnapshot>, ChannelError> {
        let mut levels = Vec::new();
        for chunk in listings.chunks(COUNTS_PER_READ_MAX) {
            let ids: Vec<&str> = chunk.iter().map(ListingId::as_str).collect();
            let mut page: Option<String> = None;
            for _ in 0..PAGES_MAX {
                let cursor = page.as_deref();
                let found = self.api.counts(&self.location, &ids, cursor).await?;
                let counts = found.counts.iter();
                levels.extend(counts.filter_map(|count| map::level(count, &self.location)));
                page = next_page(found.cursor, page.as_deref());
                if page.is_none() {
                    break;
                }
            }
        }
        Ok(levels)
    }
}

#[async_trait]
impl PushStock for Square {
    async fn push(
        &self,
        targets: &[StockTarget],
        key: &str,
    ) -> Result<Vec<(ListingId, Ack)>, ChannelError> {
        let now = self.api.port().http.now();
        let (good, bad): (Vec<&StockTarget>, Vec<&StockTarget>) =
            targets.iter().partition(|target| problem(target).is_none());
        let mut acks: Vec<(ListingId, Ack)> = bad
            .into_iter()
            .filter_map(|target| Some((target.listing.clone(), rejected(problem(target)?))))
            .collect();
        if good.is_empty() {
            return Ok(acks);
        }
        let changes: Vec<Value> = good
            .iter()
            .map(|target| change(target, &self.location, key, now))
            .collect();
        let body = json!({
            "idempotency_key": key,
            "changes": changes,
            "ignore_unchanged_counts": true,
        });
        match self.api.change_inventory(body).await {
            Ok(Reply::Yes(answer)) => acks.extend(compared(&good, &answer, &self.location)),
            // Something was written under this key, with other dates or numbers: read it back.
            Ok(Reply::No(refusal)) if refusal.is_key_reused() => {
                let unknown = |target: &&StockTarget| (target.listing.clone(), Ack::Ambiguous);
                acks.extend(good.iter().map(unknown));
            }
            Ok(Reply::No(refusal)) => acks.push(alone(&good, refusal.reason())?),
            Err(error) if error.kind == ErrorKind::Gone => {
                acks.push(alone(&good, "it is not in the catalog".to_owned())?);
            }
            Err(error) => return Err(error),
        }
        Ok(acks)
    }
}

/// The answer to a refused call: of one item it is about that item, of several about all of them.
fn alone(targets: &[&StockTarget], reason: String) -> Result<(ListingId, Ack), ChannelError> {
    match targets {
        [target] => Ok((target.listing.clone(), rejected(reason))),
        _ => Err(ChannelError::rejected("set stock", reason)),
    }
}

fn rejected(reason: String) -> Ack {
    Ack::Rejected { reason }
}

/// What Square would refuse in any case.
fn problem(target: &StockTarget) -> Option<String> {
    let (digits, scale) = target.quantity.parts();
    if digits < 0 {
        return Some("a count cannot be negative".to_owned());
    }
    (scale > SCALE_MAX).then(|| format!("a count has at most {SCALE_MAX} decimals"))
}

fn change(target: &StockTarget, location: &str, key: &str, now: Time) -> Value {
    json!({
        "type": "PHYSICAL_COUNT",
        "physical_count": {
            "catalog_object_id": target.listing.as_str(),
            "location_id": location,
            "state": "IN_STOCK",
            "quantity": target.quantity.to_string(),
            "occurred_at": dated(target.believed_at, now).to_string(),
            "reference_id": key,
        },
    })
}

/// The time of our belief, as far as Square takes it.
fn dated(believed_at: Time, now: Time) -> Time {
    believed_at.max(now.minus(AGE_MAX)).min(now)
}

/// What became of each target, by the counts after the call.
fn compared(
    targets: &[&StockTarget],
    answer: &wire::Counts,
    location: &str,
) -> Vec<(ListingId, Ack)> {
    let counts: BTreeMap<ListingId, Option<Decimal>> = answer
        .counts
        .iter()
        .filter_map(|count| map::level(count, location))
        .map(|level| (level.listing, level.level))
        .collect();
    let ack = |target: &&StockTarget| match counts.get(&target.listing) {
        Some(Some(count)) if *count == target.quantity => Ack::Applied { reference: None },
        Some(Some(count)) => Ack::Conflict {
            observed: Some(*count),
        },
        Some(None) | None => Ack::Ambiguous,
    };
    targets
        .iter()
        .map(|target| (target.listing.clone(), ack(target)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_dated_to_the_belief_within_what_square_takes() {
        let at = |text: &str| Time::parse_utc(text).expect("a time");
        let now = at("2026-11-02T12:00:00Z");
        for (believed_at, occurred_at) in [
            ("2026-11-02T11:59:58Z", "2026-11-02T11:59:58Z"),
            ("2026-11-02T12:00:05Z", "2026-11-02T12:00:00Z"),
            ("2026-11-01T13:00:00Z", "2026-11-01T13:00:00Z"),
            ("2026-11-01T12:59:59Z", "2026-11-01T13:00:00Z"),
            ("1970-01-01T00:00:00Z", "2026-11-01T13:00:00Z"),
        ] {
            assert_eq!(
                dated(at(believed_at), now),
                at(occurred_at),
                "{believed_at}"
            );
        }
    }
}
