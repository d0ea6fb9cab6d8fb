//! Who issued documents are for: the names and addresses that stand on them, sealed under a key for each.
//!
//! They are copied when a document is issued, so that it says the same whatever becomes of its order, and they
//! outlive an erasure of the order: who issues an invoice must keep it for years. When that time is over the key
//! is destroyed ([`crate::erasing`]).

use domain::{
    book::Book,
    ids::DocumentId,
    issuing::{Kind, standing_invoice},
    order::Order,
    person::Person,
    signal::{Command, Signal},
    snapshot::{Address, Buyer},
};
use store::{Batch, Store, StoreError};

use crate::{
    persons,
    rows::{self, key},
    sealing::{Pool, Sealer},
};

/// Who a document is for that a signal wants to be issued: who the order names, or who the invoice was for that is
/// taken back.
pub(crate) async fn load(
    store: &dyn Store,
    sealer: &Sealer,
    signal: &Signal,
    book: &Book,
) -> Result<Option<Person>, StoreError> {
    let Signal::Command(Command::Issue { order: id, asked }) = signal else {
        return Ok(None);
    };
    let order = book.orders.get(id);
    match (asked.kind, order.and_then(invoice_of)) {
        (Kind::CreditNote, Some(invoice)) => read(store, sealer, invoice).await,
        (Kind::CreditNote, None) => Ok(None),
        (Kind::Invoice, _) => {
            let person = persons::read(store, sealer, *id).await?;
            Ok(person.map(printed))
        }
    }
}

fn invoice_of(order: &Order) -> Option<DocumentId> {
    standing_invoice(&order.documents).map(|entry| entry.id)
}

/// What of it stands on a document.
fn printed(person: Person) -> Person {
    let without_phone = |address: Address| Address {
        phone: String::new(),
        ..address
    };
    Person {
        buyer: Buyer {
            name: person.buyer.name,
            ..Buyer::default()
        },
        ship_to: person.ship_to.map(without_phone),
        bill_to: person.bill_to.map(without_phone),
        ..Person::default()
    }
}

/// Adds to a batch who the documents are for that a decision issued.
pub(crate) fn write(
    sealer: &Sealer,
    seed: [u8; 16],
    recipient: Option<&Person>,
    (before, after): (&Book, &Book),
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let Some(recipient) = recipient else {
        return Ok(());
    };
    let is_new = |id: &&DocumentId| !before.documents.contains_key(id);
    for id in after.documents.keys().filter(is_new) {
        let (place, text) = (id.to_string(), rows::encode(recipient));
        let sealed = sealer.seal(Pool::Orders, place.as_bytes(), text, seed)?;
        batch.puts.push((rows::RECIPIENTS, key(&[&place]), sealed));
    }
    Ok(())
}

/// Who a document is for. Nothing where it says nobody, or that is forgotten.
pub async fn read(
    store: &dyn Store,
    sealer: &Sealer,
    id: DocumentId,
) -> Result<Option<Person>, StoreError> {
    let place = id.to_string();
    let row = store.get(rows::RECIPIENTS, &key(&[&place])).await?;
    row.map_or(Ok(None), |row| persons::open(sealer, &place, &row.value))
}
