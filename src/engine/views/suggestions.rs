//! Which items the lines of an order may be that are not known to be any. Nobody but a person says which.

use std::collections::BTreeMap;

use domain::{
    Sku,
    adoption::{Likeness, Traits},
    item::Item,
    offer::Listing,
    order::{Line, Order},
};

use super::{
    StoreError, Walk,
    adoption::{Suggestion, matching::because},
    read,
};
use crate::{Engine, rows};

/// With how many items and listings lines are compared.
const COMPARED_MAX: usize = 10_000;
/// How many suggestions a line has.
const SUGGESTIONS_MAX: usize = 3;

/// What the lines of an order may be that are no item yet, by their numbers, the likeliest first.
pub(crate) async fn of_lines(
    engine: &Engine,
    order: &Order,
) -> Result<BTreeMap<u32, Vec<Suggestion>>, StoreError> {
    let unknown: Vec<&Line> = order
        .lines
        .iter()
        .filter(|line| line.item.is_none())
        .collect();
    if unknown.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut lines = Vec::new();
    for line in unknown {
        let listing: Option<Listing> = match &line.listing {
            Some(listing) => {
                read(
                    engine,
                    rows::LISTINGS,
                    &[order.account.as_str(), listing.as_str()],
                )
                .await?
            }
            None => None,
        };
        let barcode = listing
            .as_ref()
            .and_then(|listing| listing.barcode.as_deref());
        let traits = Traits::new(line.channel_sku.as_deref(), &line.title, barcode);
        lines.push((line.number, traits));
    }
    let known = known(engine).await?;
    Ok(lines
        .iter()
        .map(|(number, traits)| (*number, suggest(&known, traits)))
        .collect())
}

/// What may be meant by something, the likeliest first.
pub(crate) fn suggest(known: &[Known], traits: &Traits) -> Vec<Suggestion> {
    let mut best: BTreeMap<&Sku, (Likeness, &str)> = BTreeMap::new();
    for Known {
        sku,
        title,
        traits: other,
    } in known
    {
        let Some(likeness) = traits.likeness(other) else {
            continue;
        };
        let slot = best.entry(sku).or_insert((likeness, title));
        if likeness > slot.0 {
            *slot = (likeness, title);
        }
    }
    let mut alike: Vec<(&Sku, (Likeness, &str))> = best.into_iter().collect();
    alike.sort_by(|one, other| other.1.0.cmp(&one.1.0).then(one.0.cmp(other.0)));
    let suggestion = |(sku, (likeness, title)): (&Sku, (Likeness, &str))| Suggestion {
        sku: sku.clone(),
        title: title.to_owned(),
        because: because(likeness),
    };
    let alike = alike.into_iter().take(SUGGESTIONS_MAX);
    alike.map(suggestion).collect()
}

/// An item, and what it can be known by.
pub(crate) struct Known {
    sku: Sku,
    title: String,
    traits: Traits,
}

/// All items, by themselves and as they are listed.
pub(crate) async fn known(engine: &Engine) -> Result<Vec<Known>, StoreError> {
    let mut known = Vec::new();
    let mut walk = Walk::new(engine, rows::ITEMS, Vec::new(), None).unbounded();
    while let Some((_, row)) = walk.next().await? {
        let item: Item = rows::decode(rows::ITEMS, &row.value)?;
        let traits = Traits::new(Some(item.sku.as_str()), &item.title, None);
        known.push(Known {
            sku: item.sku,
            title: item.title,
            traits,
        });
        if known.len() >= COMPARED_MAX {
            break;
        }
    }
    let most = known.len() + COMPARED_MAX;
    let mut walk = Walk::new(engine, rows::LISTINGS, Vec::new(), None).unbounded();
    while let Some((_, row)) = walk.next().await? {
        let listing: Listing = rows::decode(rows::LISTINGS, &row.value)?;
        let Some(sku) = listing.sku else { continue };
        let traits = Traits::new(
            Some(sku.as_str()),
            &listing.title,
            listing.barcode.as_deref(),
        );
        known.push(Known {
            sku,
            title: listing.title,
            traits,
        });
        if known.len() >= most {
            break;
        }
    }
    Ok(known)
}
