//! Lists of orders, each by the index that has the fewest that do not fit.
//!
//! A page looks at [`LOADED_MAX`] orders at most, however many there are, and says where to go on.

use domain::{
    AccountId, ExternalId, Time,
    ids::OrderId,
    order::{Order, Phase},
};
use store::{Range, Table};

use super::{
    Page, StoreError, Walk,
    orders::{Loaded, OrderSummary, load_claims},
    read,
};
use crate::{
    Engine,
    finding::{Kind, fold},
    rows::{self, key, prefix, sortable_time},
};

/// How many orders one page may read: a filter that matches little must not read a whole store.
pub const LOADED_MAX: usize = 500;
/// How many rows of indexes are compared for one page, where two must have an order.
const COMPARED_MAX: usize = 4000;

/// Which orders are asked for. All that is said must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// With this id there.
    pub external_id: Option<ExternalId>,
    /// In this phase.
    pub phase: Option<Phase>,
    /// Placed at this time or later.
    pub since: Option<Time>,
    /// With this tag.
    pub tag: Option<String>,
    /// The newest first, and not the oldest.
    pub newest_first: bool,
}

/// A page of orders, the oldest or the newest first: by the time of placing within one account, else by the
/// time when they became known.
pub async fn list(
    engine: &Engine,
    filter: &Filter,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<OrderSummary>, StoreError> {
    if let Some(external_id) = &filter.external_id {
        return by_external_id(engine, filter, external_id).await;
    }
    match Way::of(filter) {
        Way::Both(lists) => both(engine, filter, (lists, after), limit).await,
        Way::One(list) => one(engine, filter, (list, after), limit).await,
    }
}

/// A list of orders: the rows of a table that begin so. Ours ids of orders are the last part of its keys.
#[derive(Clone, Debug)]
struct List {
    table: Table,
    below: Vec<u8>,
    /// What comes before the first row that may fit.
    start: Option<Vec<u8>>,
}

/// By which lists orders are found.
enum Way {
    /// Those of one.
    One(List),
    /// Those that are in both; both are in the order of ids.
    Both([List; 2]),
}

impl Way {
    fn of(filter: &Filter) -> Way {
        // Ids begin with the time at which they were made.
        let by_ids = |table, below: Vec<u8>| List {
            start: filter.since.map(|since| {
                let ids = rows::ids_since(since).into_bytes();
                below.iter().copied().chain(ids).collect()
            }),
            table,
            below,
        };
        let account = filter.account.as_ref().map(AccountId::as_str);
        if let Some(tag) = &filter.tag {
            let below = prefix(&[Kind::Tag.word(), &fold(tag)]);
            return Way::One(by_ids(rows::ORDERS_BY_WORD, below));
        }
        match (filter.phase, account) {
            (Some(phase), Some(account)) if phase.is_open() => Way::Both([
                by_ids(rows::ORDERS_BY_PHASE, prefix(&[phase.word()])),
                by_ids(rows::OPEN_ORDERS, prefix(&[account])),
            ]),
            // Nearly all orders are closed, so nearly all of an account fit.
            (Some(Phase::Closed) | None, Some(account)) => Way::One(List {
                table: rows::ORDERS_BY_ACCOUNT,
                below: prefix(&[account]),
                start: filter
                    .since
                    .map(|since| key(&[account, &sortable_time(since)])),
            }),
            (Some(phase), _) => Way::One(by_ids(rows::ORDERS_BY_PHASE, prefix(&[phase.word()]))),
            (None, None) => Way::One(by_ids(rows::ORDERS, Vec::new())),
        }
    }
}

async fn one(
    engine: &Engine,
    filter: &Filter,
    (list, after): (List, Option<Vec<u8>>),
    limit: usize,
) -> Result<Page<OrderSummary>, StoreError> {
    let List {
        table,
        below,
        start,
    } = list;
    let (begin, end) = match filter.newest_first {
        true => (after, start),
        false => (after.or(start), None),
    };
    let mut walk = Walk::new(engine, table, below, begin);
    if filter.newest_first {
        walk = walk.back();
    }
    let (mut items, mut looked) = (Vec::new(), 0);
    while items.len() < limit && looked < LOADED_MAX {
        let Some((row, _)) = walk.next().await? else {
            break;
        };
        if end.as_ref().is_some_and(|end| row < *end) {
            // All that follows is older.
            return Ok(Page { items, next: None });
        }
        looked += 1;
        if let Ok(id) = rows::last_part(&row).parse() {
            items.extend(pick(engine, id, filter).await?);
        }
    }
    let next = walk.rest().await?;
    Ok(Page { items, next })
}

/// Orders that are in two lists. A cursor is the id of the last that was looked at.
async fn both(
    engine: &Engine,
    filter: &Filter,
    (lists, after): ([List; 2], Option<Vec<u8>>),
    limit: usize,
) -> Result<Page<OrderSummary>, StoreError> {
    let [first, _] = &lists;
    let start = first.start.as_ref();
    let start = start.map(|start| start.iter().copied().skip(first.below.len()).collect());
    let (mut at, end): (Option<Vec<u8>>, Option<Vec<u8>>) = match filter.newest_first {
        true => (after, start),
        false => (after.or(start), None),
    };
    let (mut items, mut looked, mut compared) = (Vec::new(), 0, 0);
    // Which list says what comes next; the other one is asked whether it has it.
    let mut turn = 0;
    while items.len() < limit && looked < LOADED_MAX && compared < COMPARED_MAX {
        compared += 1;
        let [one, other] = match turn {
            0 => [&lists[0], &lists[1]],
            _ => [&lists[1], &lists[0]],
        };
        let Some(id) = one
            .beyond(engine, at.as_deref(), filter.newest_first)
            .await?
        else {
            return Ok(Page { items, next: None });
        };
        if end.as_ref().is_some_and(|end| id < *end) {
            return Ok(Page { items, next: None });
        }
        if other.has(engine, &id).await? {
            looked += 1;
            if let Ok(id) = String::from_utf8_lossy(&id).parse() {
                items.extend(pick(engine, id, filter).await?);
            }
        } else {
            turn = 1 - turn;
        }
        at = Some(id);
    }
    let [first, _] = &lists;
    let is_more = first
        .beyond(engine, at.as_deref(), filter.newest_first)
        .await?;
    Ok(Page {
        items,
        next: is_more.and(at),
    })
}

impl List {
    /// The next id behind one, or the last before it; from the end where there is none.
    async fn beyond(
        &self,
        engine: &Engine,
        id: Option<&[u8]>,
        is_back: bool,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let range = Range {
            prefix: self.below.clone(),
            after: id.map(|id| self.row(id)),
        };
        let rows = match is_back {
            true => engine.store.scan_back(self.table, range, 1).await?,
            false => engine.store.scan(self.table, range, 1).await?,
        };
        let id = |(row, _): &(Vec<u8>, _)| row.get(self.below.len()..).map(<[u8]>::to_vec);
        Ok(rows.first().and_then(id))
    }

    async fn has(&self, engine: &Engine, id: &[u8]) -> Result<bool, StoreError> {
        Ok(engine.store.get(self.table, &self.row(id)).await?.is_some())
    }

    fn row(&self, id: &[u8]) -> Vec<u8> {
        self.below.iter().chain(id).copied().collect()
    }
}

async fn by_external_id(
    engine: &Engine,
    filter: &Filter,
    external_id: &ExternalId,
) -> Result<Page<OrderSummary>, StoreError> {
    let accounts = match &filter.account {
        Some(account) => vec![account.clone()],
        None => engine.accounts.keys().cloned().collect(),
    };
    let mut items = Vec::new();
    for account in accounts {
        let parts = [account.as_str(), external_id.as_str()];
        let id: Option<OrderId> = read(engine, rows::ORDER_REFS, &parts).await?;
        let Some(id) = id else { continue };
        items.extend(pick(engine, id, filter).await?);
    }
    Ok(Page { items, next: None })
}

/// An order as lists show it, if it fits.
pub(super) async fn pick(
    engine: &Engine,
    id: OrderId,
    filter: &Filter,
) -> Result<Option<OrderSummary>, StoreError> {
    let order: Option<Order> = read(engine, rows::ORDERS, &[&id.to_string()]).await?;
    match order {
        None => Ok(None),
        Some(order) => pick_read(engine, order, filter).await,
    }
}

/// The same of one that was read. Its claims are only read where all else fits.
pub(super) async fn pick_read(
    engine: &Engine,
    order: Order,
    filter: &Filter,
) -> Result<Option<OrderSummary>, StoreError> {
    if !filter.fits(&order) {
        return Ok(None);
    }
    Ok(load_claims(engine, order).await?.pick(filter))
}

impl Filter {
    /// Whether all holds but the phase, which its claims decide.
    fn fits(&self, order: &Order) -> bool {
        let id = self.external_id.as_ref();
        self.account.as_ref().is_none_or(|a| *a == order.account)
            && id.is_none_or(|id| *id == order.external_id)
            && self.since.is_none_or(|since| order.placed_at >= since)
            && self.tag.as_ref().is_none_or(|tag| order.tags.contains(tag))
    }
}

impl Loaded {
    fn pick(&self, filter: &Filter) -> Option<OrderSummary> {
        let fits = filter.fits(&self.order) && filter.phase.is_none_or(|one| one == self.phase());
        fits.then(|| self.summary())
    }
}
