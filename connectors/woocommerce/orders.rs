//! Reading orders: by window and by id.
//!
//! Pages by number drift: an order that changes while we read moves to the end, and the one that takes
//! its place on a page already read is never seen. So each page begins where the last one ended, by
//! the time of change; numbers are used only within one second.

use channel::{ChannelError, ErrorKind, Malformed, OrderReading, OrderWindow, Page, PullOrders};
use domain::{ExternalId, Time, snapshot::OrderSnapshot};
use serde_json::Value;

use super::{
    Woo,
    api::PAGE_SIZE,
    map,
    wire::{self, Id, Text},
};

/// Pages in one window: a million orders.
const PAGES_MAX: u64 = 10_000;
/// Pages within one second of changes: more orders than any shop can write in it.
const TIES_MAX: u64 = 100;

#[async_trait::async_trait]
impl PullOrders for Woo {
    async fn pull(&self, window: &OrderWindow) -> Result<Page<OrderSnapshot>, ChannelError> {
        let place = match &window.page {
            Some(token) => Place::parse(token)
                .ok_or_else(|| ChannelError::rejected("read orders", "the page is none of ours"))?,
            None => Place::first(window.changed_since),
        };
        let raw = self
            .api
            .orders_modified_after(place.after, place.page)
            .await?;
        let mut page = Page {
            items: Vec::new(),
            malformed: Vec::new(),
            next: None,
        };
        let is_last = raw.items.is_empty() || raw.pages.is_some_and(|pages| place.page >= pages);
        let mut changed_last = None;
        for item in raw.items {
            changed_last = changed_last.max(changed_at(&item));
            match self.snapshot(item).await? {
                Ok(Some(snapshot)) => page.items.push(snapshot),
                Ok(None) => {}
                Err(malformed) => page.malformed.push(malformed),
            }
        }
        if !is_last {
            page.next = Some(place.next(changed_last)?.to_string());
        }
        Ok(page)
    }

    async fn read(
        &self,
        ids: &[ExternalId],
    ) -> Result<Vec<(ExternalId, OrderReading)>, ChannelError> {
        let mut readings = Vec::new();
        let mut wanted: Vec<Id> = Vec::new();
        for id in ids {
            match Id::parse(id.as_str()) {
                Some(id) if wanted.contains(&id) => {}
                Some(id) => wanted.push(id),
                // The shop numbers its orders, so it knows none by another name.
                None => readings.push((id.clone(), OrderReading::Gone)),
            }
        }
        for chunk in wanted.chunks(PAGE_SIZE) {
            // One call for many; what is missing there may be a draft, in the bin, or gone.
            let mut listed = match chunk {
                [_] => Vec::new(),
                _ => self.api.orders_by_id(chunk).await?,
            };
            for id in chunk {
                let place = listed
                    .iter()
                    .position(|item| id_of(item).as_ref() == Some(id));
                let reading = match place {
                    Some(place) => self.reading(listed.swap_remove(place)).await?,
                    None => self.read_one(id).await?,
                };
                readings.push((ExternalId::new(id.as_str()), reading));
            }
        }
        Ok(readings)
    }
}

impl Woo {
    async fn read_one(&self, id: &Id) -> Result<OrderReading, ChannelError> {
        match self.api.order::<Value>(id).await {
            Ok(item) => self.reading(item).await,
            Err(error) if error.kind == ErrorKind::Gone => Ok(OrderReading::Gone),
            Err(error) => Err(error),
        }
    }

    async fn reading(&self, item: Value) -> Result<OrderReading, ChannelError> {
        Ok(match self.snapshot(item).await? {
            Ok(Some(snapshot)) => OrderReading::Found(Box::new(snapshot)),
            Ok(None) => OrderReading::Gone,
            Err(malformed) => OrderReading::Malformed(malformed),
        })
    }

    /// The view of an order, with the lines of its refunds; nothing when it was deleted meanwhile.
    async fn snapshot(
        &self,
        item: Value,
    ) -> Result<Result<Option<OrderSnapshot>, Malformed>, ChannelError> {
        let malformed = |item: &Value, reason| Malformed {
            external_id: id_of(item).map(|id| id.as_str().to_owned()),
            reason,
            raw: item.to_string(),
        };
        let order: wire::Order = match serde::Deserialize::deserialize(&item) {
            Ok(order) => order,
            Err(error) => {
                let error: serde_json::Error = error;
                return Ok(Err(malformed(&item, error.to_string())));
            }
        };
        let refunds = match order.refunds.is_empty() {
            true => Vec::new(),
            false => match self.api.refunds(&order.id).await {
                Ok(refunds) => refunds,
                Err(error) if error.kind == ErrorKind::Gone => return Ok(Ok(None)),
                Err(error) => return Err(error),
            },
        };
        Ok(match map::order(&order, &refunds) {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(reason) => Err(malformed(&item, reason)),
        })
    }
}

/// Where a page begins: after an instant, and on which page from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    after: Time,
    page: u64,
    /// How many pages were read in this window, so that a shop that invents orders comes to an end.
    read: u64,
}

impl Place {
    /// The shop compares by "later than", in whole seconds.
    fn first(since: Time) -> Place {
        Place {
            after: just_before(since),
            page: 1,
            read: 0,
        }
    }

    fn next(self, changed_last: Option<Time>) -> Result<Place, ChannelError> {
        let after = changed_last.map(just_before).unwrap_or(self.after);
        let read = self.read + 1;
        let next = match after > self.after {
            true => Place {
                after,
                page: 1,
                read,
            },
            false => Place {
                page: self.page + 1,
                read,
                ..self
            },
        };
        if next.page > TIES_MAX || next.read > PAGES_MAX {
            let reason = "the shop repeats its pages, or has more orders than can be";
            return Err(ChannelError::malformed("read orders", reason));
        }
        Ok(next)
    }

    fn parse(token: &str) -> Option<Place> {
        let mut parts = token.split(';');
        let place = Place {
            after: Time::from_seconds(parts.next()?.parse().ok()?),
            page: parts.next()?.parse().ok()?,
            read: parts.next()?.parse().ok()?,
        };
        let is_ours = parts.next().is_none() && place.page <= TIES_MAX && place.read <= PAGES_MAX;
        is_ours.then_some(place)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{};{};{}", self.after.seconds(), self.page, self.read)
    }
}

/// The latest instant that does not hide a change made at `time`.
fn just_before(time: Time) -> Time {
    Time::from_seconds(time.seconds().saturating_sub(1)).max(Time::EPOCH)
}

/// When the shop changed an order, read also from one that cannot be read as a whole.
fn changed_at(item: &Value) -> Option<Time> {
    let text = item.get("date_modified_gmt")?.as_str()?;
    map::time(&Text(text.to_owned())).ok().flatten()
}

fn id_of(item: &Value) -> Option<Id> {
    serde::Deserialize::deserialize(item.get("id")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_where_the_last_one_ended() {
        let at = |seconds: i64| Time::from_seconds(1_000 + seconds);
        let first = Place::first(Time::from_millis(1_005_900));
        assert_eq!((first.after, first.page), (at(4), 1));
        let second = first.next(Some(at(9))).expect("a place");
        assert_eq!((second.after, second.page), (at(8), 1));
        // All of the page changed in one second: only the number can lead on.
        let third = second.next(Some(at(9))).expect("a place");
        assert_eq!((third.after, third.page), (at(8), 2));
        // Nothing on the page had a time that could be read.
        let fourth = third.next(None).expect("a place");
        assert_eq!((fourth.after, fourth.page, fourth.read), (at(8), 3, 3));
        assert_eq!(Place::parse(&fourth.to_string()), Some(fourth));
    }

    #[test]
    fn a_shop_that_repeats_itself_comes_to_an_end() {
        let mut place = Place::first(Time::from_seconds(1_000));
        let mut pages = 0;
        while let Ok(next) = place.next(Some(Time::from_seconds(1_000))) {
            place = next;
            pages += 1;
            assert!(pages < 1_000);
        }
        for token in [
            "",
            "1",
            "1;2",
            "1;2;3;4",
            "x;1;1",
            "1;101;1",
            "1;1;10001",
            "1;-1;1",
        ] {
            assert_eq!(Place::parse(token), None, "{token}");
        }
    }
}
