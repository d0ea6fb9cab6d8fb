//! Finding orders by what somebody has at hand: a number, an id, an item, a parcel, an e-mail address or a phone
//! number. Orders that are over are found as those that are not.
//!
//! Everything is looked up in an index, first what is called just so, and where there is none, what begins so. A page
//! says where to go on, also when it had to look at much that does not fit the filter.

use std::collections::BTreeSet;

use domain::{ids::OrderId, order::Order, person::Contact};
use store::{Range, Table};

use super::{
    Page, StoreError, Walk,
    order_lists::{pick, pick_read},
    orders::{Filter, LOADED_MAX, OrderSummary},
    read,
};
use crate::{
    Engine,
    finding::{Kind, fold, keys},
    persons,
    rows::{self, key, prefix},
};

/// The longest id that is looked for.
const ID_LENGTH_MAX: usize = 255;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Sought<'s> {
    /// What somebody typed.
    pub text: &'s str,
    /// What else must hold.
    pub filter: &'s Filter,
    /// Whether also by who bought: not everybody may.
    pub by_people: bool,
}

/// Where orders may be found: the rows of an index that begin so.
struct Source {
    table: Table,
    begin: Vec<u8>,
}

/// Orders that are called so, or begin so, the newest first.
pub async fn search(
    engine: &Engine,
    sought: &Sought<'_>,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<OrderSummary>, StoreError> {
    let word = fold(sought.text);
    let mut search = Search {
        engine,
        filter: sought.filter,
        texts: spellings(sought.text, &word),
        page: Vec::new(),
        seen: BTreeSet::new(),
        looked: 0,
        limit,
    };
    if word.is_empty() {
        return Ok(Page {
            items: Vec::new(),
            next: None,
        });
    }
    let exact = exact(engine, sought, &word);
    let similar = similar(engine, sought, &word);
    let place = after.as_deref().and_then(|after| after.split_first());
    let Some((number, key)) = place else {
        search.look_up().await?;
        let next = search.walk(&exact, (0, None)).await?;
        if next.is_some() || !search.page.is_empty() {
            return Ok(search.page(next, 0));
        }
        let next = search.walk(&similar, (0, None)).await?;
        return Ok(search.page(next, exact.len()));
    };
    let (number, key) = (usize::from(*number), Some(key.to_vec()));
    let (sources, before) = match number.checked_sub(exact.len()) {
        None => (&exact, 0),
        Some(_) => (&similar, exact.len()),
    };
    let next = search.walk(sources, (number - before, key)).await?;
    Ok(search.page(next, before))
}

/// Where what is called just so is found, besides by an id.
fn exact(engine: &Engine, sought: &Sought<'_>, word: &str) -> Vec<Source> {
    let kinds = [Kind::Number, Kind::Parcel, Kind::Sku];
    let words = kinds.map(|kind| Source {
        table: rows::ORDERS_BY_WORD,
        begin: prefix(&[kind.word(), word]),
    });
    let contact = Contact::parse(sought.text).filter(|_| sought.by_people);
    let people = contact.map(|contact| Source {
        table: rows::ORDERS_BY_CONTACT,
        begin: persons::below_contact(&engine.ports.sealer, &contact),
    });
    words.into_iter().chain(people).collect()
}

/// Where what begins so is found.
fn similar(engine: &Engine, sought: &Sought<'_>, word: &str) -> Vec<Source> {
    let texts = spellings(sought.text, word);
    let ids = texts.iter().flat_map(|text| {
        engine.accounts.keys().map(|account| Source {
            table: rows::ORDER_REFS,
            begin: key(&[account.as_str(), text]),
        })
    });
    let kinds = [Kind::Number, Kind::Parcel, Kind::Sku];
    let words = kinds.map(|kind| Source {
        table: rows::ORDERS_BY_WORD,
        begin: key(&[kind.word(), word]),
    });
    // More accounts than a place can number are not looked at; words come first.
    let most = usize::from(u8::MAX) - 2 * kinds.len() - 1;
    words.into_iter().chain(ids.take(most)).collect()
}

/// How an id may be written that somebody typed: just so, or as a number is compared.
fn spellings(text: &str, word: &str) -> BTreeSet<String> {
    let texts = [text.trim(), word].into_iter();
    let texts = texts.filter(|text| text.len() <= ID_LENGTH_MAX);
    texts.map(str::to_owned).collect()
}

impl Source {
    /// The rows of an order that are found here.
    fn rows_of(&self, order: &Order) -> impl Iterator<Item = Vec<u8>> {
        let keys = match self.table {
            rows::ORDERS_BY_WORD => keys(order),
            rows::ORDER_REFS => {
                let parts = [order.account.as_str(), order.external_id.as_str()];
                BTreeSet::from([key(&parts)])
            }
            _ => BTreeSet::new(),
        };
        keys.into_iter()
            .filter(move |key| key.starts_with(&self.begin))
    }
}

/// What was found so far.
struct Search<'a> {
    engine: &'a Engine,
    filter: &'a Filter,
    texts: BTreeSet<String>,
    page: Vec<OrderSummary>,
    seen: BTreeSet<OrderId>,
    looked: usize,
    limit: usize,
}

impl Search<'_> {
    /// The order with this id, ours or its channel's.
    async fn look_up(&mut self) -> Result<(), StoreError> {
        let (engine, mut ids) = (self.engine, BTreeSet::<OrderId>::new());
        for text in &self.texts {
            ids.extend(text.parse::<OrderId>());
            for account in engine.accounts.keys() {
                let parts = [account.as_str(), text];
                ids.extend(read::<OrderId>(engine, rows::ORDER_REFS, &parts).await?);
            }
        }
        for id in ids {
            self.seen.insert(id);
            self.page.extend(pick(self.engine, id, self.filter).await?);
        }
        Ok(())
    }

    /// Goes through sources from a place on, and says where the next page begins.
    async fn walk(
        &mut self,
        sources: &[Source],
        (first, mut after): (usize, Option<Vec<u8>>),
    ) -> Result<Option<(usize, Vec<u8>)>, StoreError> {
        for (number, source) in sources.iter().enumerate().skip(first) {
            let after = after.take().filter(|key| !key.is_empty());
            let begin = source.begin.clone();
            let mut walk = Walk::new(self.engine, source.table, begin, after).back();
            while self.page.len() < self.limit && self.looked < LOADED_MAX {
                let Some((key, row)) = walk.next().await? else {
                    break;
                };
                let id = match source.table {
                    rows::ORDER_REFS => Some(rows::decode(source.table, &row.value)?),
                    _ => rows::last_part(&key).parse().ok(),
                };
                if let Some(id) = id {
                    self.take(
                        id,
                        (&key, source),
                        sources.get(..number).unwrap_or_default(),
                    )
                    .await?;
                }
            }
            if let Some(key) = walk.rest().await? {
                return Ok(Some((number, key)));
            }
            let is_full = self.page.len() >= self.limit || self.looked >= LOADED_MAX;
            if is_full {
                let next = self.first_after(sources, number).await?;
                return Ok(next.map(|number| (number, Vec::new())));
            }
        }
        Ok(None)
    }

    /// Takes an order in that fits, unless another row of it is there to tell of it.
    async fn take(
        &mut self,
        id: OrderId,
        (row_key, source): (&[u8], &Source),
        before: &[Source],
    ) -> Result<(), StoreError> {
        if !self.seen.insert(id) {
            return Ok(());
        }
        self.looked += 1;
        let order: Option<Order> = read(self.engine, rows::ORDERS, &[&id.to_string()]).await?;
        let Some(order) = order else { return Ok(()) };
        let is_called_so = self.texts.contains(order.external_id.as_str());
        let is_in = |source: &Source| source.rows_of(&order).next().is_some();
        let is_told = is_called_so
            || before.iter().any(is_in)
            || source.rows_of(&order).any(|other| *other > *row_key);
        if !is_told {
            let picked = pick_read(self.engine, order, self.filter).await?;
            self.page.extend(picked);
        }
        Ok(())
    }

    /// The next source in which there is anything.
    async fn first_after(
        &self,
        sources: &[Source],
        number: usize,
    ) -> Result<Option<usize>, StoreError> {
        for (number, source) in sources.iter().enumerate().skip(number + 1) {
            let range = Range {
                prefix: source.begin.clone(),
                after: None,
            };
            let rows = self.engine.store.scan(source.table, range, 1).await?;
            if !rows.is_empty() {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    fn page(self, next: Option<(usize, Vec<u8>)>, before: usize) -> Page<OrderSummary> {
        let next = next.and_then(|(number, key)| {
            let number = u8::try_from(number + before).ok()?;
            Some(std::iter::once(number).chain(key).collect())
        });
        Page {
            items: self.page,
            next,
        }
    }
}
