//! Stores with a planted bug.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use domain::{
    Quantity, Time,
    incident::Incident,
    intent::{Intent, IntentState, Wish},
    item::{Item, ItemKind},
    offer::{Offer, Taken, Told},
    order::Order,
    snapshot::Version,
    stock::{Cause, Claim, Movement, Stock},
};
use engine::rows::{self, decode, encode};
use rehearse::world::Tamper;
use store::{Append, Batch, Range, Row, Seq, Stats, Store, StoreError, Table};

/// What a store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    ForgetsReferences,
    AnswersBeforeWriting,
    DropsExpectations,
    WritesClaimsLater,
    CountsKitsOnce,
    ReleasesTwice,
    SubtractsTwice,
    ForgetsTheEcho,
    ForgetsVersions,
    SendsRisesFirst,
    ClaimsTooMuch,
    ForgetsWhatIsMissing,
    LosesMovements,
    LosesOpenUnits,
    ForgetsDates,
    KeepsOldPhases,
    KeepsOldDues,
    KeepsOldIntents,
    NumbersLinesAlike,
    CountsAsOfNow,
    ForgetsNumbers,
    LosesLabels,
    SaysItWasTold,
}

/// Gives the engine a store with a bug.
pub(super) struct InStore(pub(super) Bug);

impl Tamper for InStore {
    fn store(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Bent {
            store,
            bug: self.0,
            held_back: Mutex::default(),
        })
    }
}

struct Bent {
    store: Arc<dyn Store>,
    bug: Bug,
    /// What was acknowledged and is not written yet.
    held_back: Mutex<Vec<Append>>,
}

/// Changes the rows of one table that a batch writes.
fn change<T>(batch: &mut Batch, table: Table, mut f: impl FnMut(&mut T))
where
    T: serde::de::DeserializeOwned + serde::Serialize,
{
    for (of, _, value) in &mut batch.puts {
        if *of == table {
            let mut row: T = decode(table, value).expect("the engine wrote it");
            f(&mut row);
            *value = encode(&row);
        }
    }
}

fn no_puts(batch: &mut Batch, table: Table) {
    batch.puts.retain(|(of, _, _)| *of != table);
}

fn no_deletes(batch: &mut Batch, table: Table) {
    batch.deletes.retain(|(of, _)| *of != table);
}

fn promised(stock: &Stock) -> Quantity {
    stock.pending.plus(stock.allocated_total())
}

impl Bent {
    async fn release_twice(&self, batch: &mut Batch) -> Result<(), StoreError> {
        for (table, key, value) in &mut batch.puts {
            if *table != rows::STOCK {
                continue;
            }
            let Some(before) = self.store.get(rows::STOCK, key).await? else {
                continue;
            };
            let before: Stock = decode(rows::STOCK, &before.value)?;
            let mut after: Stock = decode(rows::STOCK, value)?;
            let freed = promised(&before).minus(promised(&after));
            if freed.is_positive() && before.on_hand() == after.on_hand() {
                after.pending = after.pending.minus(freed);
                *value = encode(&after);
            }
        }
        Ok(())
    }

    /// Takes what an account sold and what has not left off its levels, although it is off what may be
    /// sold already.
    async fn subtract_twice(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let fresh: BTreeMap<Vec<u8>, Taken> = batch
            .puts
            .iter()
            .filter(|put| put.0 == rows::TAKEN)
            .map(|(_, key, value)| Ok((key.clone(), decode(rows::TAKEN, value)?)))
            .collect::<Result<_, StoreError>>()?;
        for (_, _, value) in batch.puts.iter_mut().filter(|put| put.0 == rows::OFFERS) {
            let mut offer: Offer = decode(rows::OFFERS, value)?;
            let key = rows::key(&[offer.account.as_str(), offer.sku.as_str()]);
            let taken = match (fresh.get(&key), self.store.get(rows::TAKEN, &key).await?) {
                (Some(fresh), _) => *fresh,
                (None, Some(row)) => decode(rows::TAKEN, &row.value)?,
                (None, None) => Taken::default(),
            };
            if let Some(wanted) = &mut offer.wanted {
                wanted.quantity = wanted.quantity.minus(taken.open).or_zero();
            }
            *value = encode(&offer);
        }
        Ok(())
    }

    /// The claims of a batch, taken out of it.
    fn take_claims(batch: &mut Batch) -> Batch {
        let puts = batch.puts.iter().filter(|put| put.0 == rows::CLAIMS);
        let claims = Batch {
            puts: puts.cloned().collect(),
            ..Batch::default()
        };
        no_puts(batch, rows::CLAIMS);
        claims
    }

    fn bend(&self, batch: &mut Batch) {
        match self.bug {
            Bug::ForgetsReferences => batch.expects.retain(|e| e.table != rows::ORDER_REFS),
            Bug::DropsExpectations => batch.expects.clear(),
            Bug::CountsKitsOnce => change(batch, rows::ITEMS, |item: &mut Item| {
                if let ItemKind::Kit(parts) = &mut item.kind {
                    parts
                        .values_mut()
                        .for_each(|units| *units = Quantity::of(1));
                }
            }),
            Bug::ForgetsTheEcho => change(batch, rows::OFFERS, |offer: &mut Offer| {
                offer.acknowledged = None::<Told>;
            }),
            Bug::ForgetsVersions => change(batch, rows::ORDERS, |order: &mut Order| {
                order.version = Version {
                    revision: 0,
                    changed_at: Time::EPOCH,
                };
                order.fingerprint = 0;
            }),
            Bug::ClaimsTooMuch => change(batch, rows::CLAIMS, |claim: &mut Claim| {
                claim.claimed = claim.claimed.plus(Quantity::of(50));
            }),
            Bug::ForgetsWhatIsMissing => {
                change(batch, rows::INCIDENTS, |incident: &mut Incident| {
                    incident.missing = Quantity::of(99);
                })
            }
            Bug::LosesMovements => no_puts(batch, rows::MOVEMENTS),
            Bug::LosesOpenUnits => no_puts(batch, rows::TAKEN),
            Bug::ForgetsNumbers => no_puts(batch, rows::SERIES),
            Bug::LosesLabels => change(batch, rows::ORDERS, |order: &mut Order| {
                let parcels = order.tasks.iter_mut().flat_map(|task| &mut task.parcels);
                parcels.for_each(|parcel| parcel.labels.clear());
            }),
            Bug::SaysItWasTold => change(batch, rows::INTENTS, |intent: &mut Intent| {
                if let Wish::Message { .. } = intent.wish {
                    intent.state = IntentState::Done(None);
                }
            }),
            Bug::ForgetsDates => no_puts(batch, rows::OWED_ORDERS),
            Bug::KeepsOldPhases => no_deletes(batch, rows::ORDERS_BY_PHASE),
            Bug::KeepsOldDues => no_deletes(batch, rows::DUE_OFFERS),
            Bug::KeepsOldIntents => no_deletes(batch, rows::OUTBOX),
            Bug::NumbersLinesAlike => change(batch, rows::ORDERS, |order: &mut Order| {
                order.lines.iter_mut().for_each(|line| line.number = 1);
            }),
            Bug::CountsAsOfNow => change(batch, rows::MOVEMENTS, |movement: &mut Movement| {
                if let Cause::Counted { .. } = movement.cause {
                    movement.happened_at = None;
                }
            }),
            Bug::AnswersBeforeWriting
            | Bug::WritesClaimsLater
            | Bug::ReleasesTwice
            | Bug::SubtractsTwice
            | Bug::SendsRisesFirst => {}
        }
    }

    /// Without what falls, as long as anything rises.
    async fn rises_first(
        &self,
        due: Vec<(Vec<u8>, Row)>,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        let (mut rises, mut falls) = (Vec::new(), Vec::new());
        for (key, row) in due {
            let Some(offer) = self.store.get(rows::OFFERS, &key).await? else {
                continue;
            };
            let offer: Offer = decode(rows::OFFERS, &offer.value)?;
            let quantity = |told: Option<Told>| told.map(|told| told.quantity);
            match quantity(offer.wanted) > quantity(offer.believed) {
                true => rises.push((key, row)),
                false => falls.push((key, row)),
            }
        }
        Ok(if rises.is_empty() { falls } else { rises })
    }
}

#[async_trait]
impl Store for Bent {
    async fn append(&self, signals: Vec<Append>) -> Result<Vec<Seq>, StoreError> {
        if self.bug != Bug::AnswersBeforeWriting {
            return self.store.append(signals).await;
        }
        let answer = signals.iter().map(|_| Seq(1)).collect();
        let held_back =
            std::mem::replace(&mut *self.held_back.lock().expect("nobody panics"), signals);
        if !held_back.is_empty() {
            self.store.append(held_back).await?;
        }
        Ok(answer)
    }

    async fn commit(&self, mut batch: Batch) -> Result<Seq, StoreError> {
        self.bend(&mut batch);
        if self.bug == Bug::ReleasesTwice {
            self.release_twice(&mut batch).await?;
        }
        if self.bug == Bug::SubtractsTwice {
            self.subtract_twice(&mut batch).await?;
        }
        if self.bug != Bug::WritesClaimsLater {
            return self.store.commit(batch).await;
        }
        let claims = Bent::take_claims(&mut batch);
        let at = self.store.commit(batch).await?;
        if !claims.puts.is_empty() {
            self.store.commit(claims).await?;
        }
        Ok(at)
    }

    async fn facts_after(
        &self,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>, StoreError> {
        self.store.facts_after(after, limit).await
    }

    async fn fact(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.fact(at).await
    }

    async fn body(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.body(at).await
    }

    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        if self.bug == Bug::ForgetsReferences && table == rows::ORDER_REFS {
            return Ok(None);
        }
        self.store.get(table, key).await
    }

    async fn scan(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        let found = self.store.scan(table, range, limit).await?;
        if self.bug == Bug::SendsRisesFirst && table == rows::DUE_OFFERS {
            return self.rises_first(found).await;
        }
        Ok(found)
    }

    async fn scan_back(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        self.store.scan_back(table, range, limit).await
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        self.store.stats().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.store.close().await
    }
}
