//! What orders say of people: loaded, written and erased apart from the orders, sealed.
//!
//! No expectation guards these rows: whoever changes one changes the row of its order too, and that one
//! is guarded.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, ExternalId,
    book::Book,
    ids::OrderId,
    order::Order,
    person::{Contact, Person},
    signal::{Command, Signal, Source},
};
use serde::{Deserialize, Serialize};
use store::{Batch, Range, Store, StoreError, keys::KeyId};

use crate::{
    rows::{self, key},
    sealing::{Pool, Sealer, Unreadable, key_of},
};

/// What is known of the persons of a book besides themselves.
#[derive(Default)]
pub(crate) struct Sealed {
    /// Under which keys they are sealed.
    keys: BTreeMap<OrderId, KeyId>,
    /// Orders that were erased, and of which signals came since.
    told_again: BTreeSet<OrderId>,
}

/// What is still to be destroyed of an order that was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Doomed {
    /// Of which account it was.
    pub(crate) account: AccountId,
    /// The channel's id of it.
    pub(crate) external_id: ExternalId,
    /// The name of the key of what it said of people.
    pub(crate) key: Option<u64>,
}

/// Loads what the orders of a book say of people, where the signal is about that.
pub(crate) async fn load(
    store: &dyn Store,
    sealer: &Sealer,
    signal: &Signal,
    book: &mut Book,
) -> Result<Sealed, StoreError> {
    let mut sealed = Sealed::default();
    let told_of = book.orders.values().filter(|order| match signal {
        Signal::Order {
            account, snapshot, ..
        } => order.account == *account && order.external_id == snapshot.external_id,
        Signal::Command(Command::Place(asked)) => {
            let reference = asked.reference.as_ref();
            order.account == asked.account && reference == Some(&order.external_id)
        }
        Signal::Forget { order: id }
        | Signal::Command(Command::Erase { order: id, .. } | Command::Note { order: id, .. }) => {
            order.id == *id
        }
        _ => false,
    });
    for order in told_of {
        let id = &order.id;
        if order.is_erased() && is_told_again(store, signal, order).await? {
            sealed.told_again.insert(*id);
        }
        let row = store.get(rows::PERSONS, &key(&[&id.to_string()])).await?;
        let Some(row) = row else { continue };
        sealed.keys.extend(key_of(&row.value).map(|key| (*id, key)));
        let person = open(sealer, &id.to_string(), &row.value)?;
        book.persons.extend(person.map(|person| (*id, person)));
    }
    Ok(sealed)
}

/// Whether there are signals of an order, or one is just decided.
async fn is_told_again(
    store: &dyn Store,
    signal: &Signal,
    order: &Order,
) -> Result<bool, StoreError> {
    if let Signal::Order {
        source: Source::Hook,
        ..
    } = signal
    {
        return Ok(true);
    }
    let range = Range {
        prefix: rows::prefix(&[order.account.as_str(), order.external_id.as_str()]),
        after: None,
    };
    let rows = store.scan(rows::SIGNALS_BY_ORDER, range, 1).await?;
    Ok(!rows.is_empty())
}

/// What an order says of people. Nothing where it says nothing, or is erased.
pub async fn read(
    store: &dyn Store,
    sealer: &Sealer,
    id: OrderId,
) -> Result<Option<Person>, StoreError> {
    let row = store.get(rows::PERSONS, &key(&[&id.to_string()])).await?;
    row.map_or(Ok(None), |row| open(sealer, &id.to_string(), &row.value))
}

/// What was sealed under another master key is as good as not there: the channel tells it again.
pub(crate) fn open(
    sealer: &Sealer,
    place: &str,
    sealed: &[u8],
) -> Result<Option<Person>, StoreError> {
    match sealer.open(Pool::Orders, place.as_bytes(), sealed) {
        Ok(text) => rows::decode(rows::PERSONS, &text).map(Some),
        Err(Unreadable::Store(error)) => Err(error),
        Err(Unreadable::Forgotten) => Ok(None),
        Err(Unreadable::Foreign) => {
            tracing::error!(
                of = place,
                "What this says of people cannot be read: it was sealed under another master key, or is damaged."
            );
            Ok(None)
        }
    }
}

/// Adds to a batch what a decision changed of persons.
pub(crate) fn write(
    sealer: &Sealer,
    seed: [u8; 16],
    (before, sealed): (&Book, &Sealed),
    after: &Book,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let ids: BTreeSet<&OrderId> = before.persons.keys().chain(after.persons.keys()).collect();
    for id in ids {
        let (was, is) = (before.persons.get(id), after.persons.get(id));
        if was == is {
            continue;
        }
        let row_key = key(&[&id.to_string()]);
        match is {
            Some(person) => {
                let (place, text) = (id.to_string(), rows::encode(person));
                let place = place.as_bytes();
                let row = match sealed.keys.get(id) {
                    Some(key) => sealer.seal_again(Pool::Orders, *key, place, text, seed),
                    None => sealer.seal(Pool::Orders, place, text, seed),
                };
                batch.puts.push((rows::PERSONS, row_key, row?));
            }
            None => batch.deletes.push((rows::PERSONS, row_key)),
        }
        let prints = |person: Option<&Person>| -> BTreeSet<String> {
            let contacts = person.map(Person::contacts).unwrap_or_default();
            contacts.iter().map(|one| sealer.print(one)).collect()
        };
        let (was, is) = (prints(was), prints(is));
        let at = |print: &String| (rows::ORDERS_BY_CONTACT, key(&[print, &id.to_string()]));
        batch.deletes.extend(was.difference(&is).map(at));
        batch.puts.extend(is.difference(&was).map(|print| {
            let (table, row_key) = at(print);
            (table, row_key, rows::encode(&()))
        }));
    }
    doom(before, sealed, after, batch);
    Ok(())
}

/// What was erased is written down until its keys are destroyed, so that a crash in between forgets nothing.
fn doom(before: &Book, sealed: &Sealed, after: &Book, batch: &mut Batch) {
    for (id, order) in &after.orders {
        let was_erased = before.orders.get(id).is_some_and(|one| one.is_erased());
        let is_due = !was_erased || sealed.told_again.contains(id);
        if !order.is_erased() || !is_due {
            continue;
        }
        let doomed = Doomed {
            account: order.account.clone(),
            external_id: order.external_id.clone(),
            key: sealed.keys.get(id).map(|key| key.0),
        };
        let row_key = key(&[&id.to_string()]);
        let is_unreadable = sealed.keys.contains_key(id) && !before.persons.contains_key(id);
        if is_unreadable {
            batch.deletes.push((rows::PERSONS, row_key.clone()));
        }
        batch
            .puts
            .push((rows::DOOMED_KEYS, row_key, rows::encode(&doomed)));
    }
}

/// The beginning of the keys under which the orders of a contact are.
pub(crate) fn below_contact(sealer: &Sealer, contact: &Contact) -> Vec<u8> {
    rows::prefix(&[&sealer.print(contact)])
}
