//! The sums of days, against the orders that they are the sums of.

use std::collections::BTreeMap;

use domain::{AccountId, Time, order::Order};
use store::{Store, StoreError, Table};

use super::{Diagnosis, MEND, Scan, words};
use crate::{
    insight::{DAYS, SOLD, Summed, Which, day_of_order, place, stale},
    rows,
};

/// The account and the day of a row.
fn which(row_key: &[u8]) -> Option<Which> {
    let mut parts = row_key.split(|byte| *byte == 0);
    let mut part = || std::str::from_utf8(parts.next()?).ok();
    let account = AccountId::new(part()?);
    Some((account, Time::from_millis(part()?.parse().ok()?)))
}

/// Compares every day but those that the fold has yet to sum again.
pub(super) async fn compare(store: &dyn Store, found: &mut Diagnosis) -> Result<(), StoreError> {
    let Some(place) = place(store).await?.filter(|place| place.past.is_none()) else {
        // The past is not summed yet, so there is nothing to hold against.
        return Ok(());
    };
    let (stale, ..) = stale(store, place.seen, usize::MAX).await?;
    let mut days: BTreeMap<Which, Summed> = BTreeMap::new();
    let mut scan = Scan::new(store, rows::ORDERS, Vec::new());
    while let Some((_, row)) = scan.next().await? {
        // One that cannot be read is told of by those who look at orders.
        let Ok(order) = rows::decode::<Order>(rows::ORDERS, &row.value) else {
            continue;
        };
        let day = day_of_order(&order);
        if !stale.contains(&day) {
            let summed = days.entry(day.clone());
            summed.or_insert_with(|| Summed::new(day)).add(&order);
        }
    }
    let mut right: BTreeMap<(Table, Vec<u8>), Vec<u8>> = BTreeMap::new();
    for day in days.values() {
        right.extend(day.rows());
    }
    for table in [DAYS, SOLD] {
        let mut scan = Scan::new(store, table, Vec::new());
        while let Some((row_key, row)) = scan.next().await? {
            if which(&row_key).is_some_and(|day| stale.contains(&day)) {
                continue;
            }
            found.listed += 1;
            let value = right.remove(&(table, row_key.clone()));
            if value.as_ref() != Some(&row.value) {
                tell(&row_key, found);
                found.mend(table, row_key, Some(&row), value);
            }
        }
    }
    for ((table, row_key), value) in right {
        tell(&row_key, found);
        found.mend(table, row_key, None, Some(value));
    }
    Ok(())
}

fn tell(row_key: &[u8], found: &mut Diagnosis) {
    let sentence = format!(
        "The sums of `{}` are not those of its orders; {MEND}.",
        words(row_key)
    );
    found.tell("sums of days that are wrong", sentence);
}
