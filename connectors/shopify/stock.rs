//! Listings, their levels at our location, and setting those.
//!
//! A level is written as "available, if it is still what we believe". One stale belief fails the
//! whole call, so the call is sent again without the items that failed it; whatever a failed call
//! says, it wrote nothing. The idempotency key is made from what is sent, so the same call always
//! has the same key and another call never does.

use std::collections::BTreeMap;

use async_trait::async_trait;
use channel::{
    Ack, ChannelError, ErrorKind, Malformed, Page, PullListings, PushStock, ReadStock, StockTarget,
    http::Effect,
};
use domain::{
    Currency, Decimal, ListingId,
    snapshot::{LevelSnapshot, ListingSnapshot},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Shopify,
    api::{Call, gid, is_number, read_as, refusals},
    map, wire,
};

const READ_LISTINGS: &str = "read listings";
const READ_LEVELS: &str = "read stock levels";
const WRITE_LEVELS: &str = "write stock levels";
const LISTINGS_PAGE: usize = 100;
const LEVELS_PAGE: usize = 100;
/// The largest level that the shop keeps, either way.
const LEVEL_MAX: i64 = 1_000_000_000;
/// How often an attempt that the shop remembers as failed is made under a new key.
const KEYS_MAX: u8 = 3;

pub(super) const LISTINGS: &str = concat!(
    include_str!("queries/listings.graphql"),
    include_str!("queries/fields_of_level.graphql"),
);
pub(super) const LEVELS: &str = concat!(
    include_str!("queries/levels.graphql"),
    include_str!("queries/fields_of_level.graphql"),
);
pub(super) const SET_LEVELS: &str = include_str!("queries/set_levels.graphql");

#[async_trait]
impl PullListings for Shopify {
    async fn pull(&self, page: Option<&str>) -> Result<Page<ListingSnapshot>, ChannelError> {
        let reply = self
            .api
            .try_call::<wire::ListingsPage>(Call {
                operation: READ_LISTINGS,
                effect: Effect::None,
                document: LISTINGS,
                variables: json!({
                    "first": LISTINGS_PAGE,
                    "after": page,
                    "location": self.location,
                }),
            })
            .await?;
        let currency = Currency::new(&reply.data.shop.currency_code)
            .map_err(|error| ChannelError::malformed(READ_LISTINGS, error.to_string()))?;
        let wire::Connection { page_info, nodes } = reply.data.product_variants;
        let mut listings = Page {
            items: Vec::with_capacity(nodes.len()),
            malformed: Vec::new(),
            next: page_info.next().filter(|next| Some(next.as_str()) != page),
        };
        for (index, node) in nodes.into_iter().enumerate() {
            let read = match reply.broken.get(&index) {
                Some(reason) => Err(reason.clone()),
                None => listing(&node, currency),
            };
            match read {
                Ok(listing) => listings.items.push(listing),
                Err(reason) => listings.malformed.push(Malformed {
                    external_id: node["id"].as_str().map(str::to_owned),
                    reason,
                    raw: node.to_string(),
                }),
            }
        }
        Ok(listings)
    }
}

fn listing(node: &Value, currency: Currency) -> Result<ListingSnapshot, String> {
    let variant = <wire::Variant as serde::Deserialize>::deserialize(node)
        .map_err(|error| error.to_string())?;
    map::listing(&variant, currency).map_err(|error| error.to_string())
}

#[async_trait]
impl ReadStock for Shopify {
    async fn read(&self, listings: &[ListingId]) -> Result<Vec<LevelSnapshot>, ChannelError> {
        // An id of another form is unknown there, and unknown ones are left out of the answer.
        let ids: Vec<String> = listings
            .iter()
            .filter(|listing| is_number(listing.as_str()))
            .map(|listing| gid("InventoryItem", listing.as_str()))
            .collect();
        let mut levels = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(LEVELS_PAGE) {
            let reply = self
                .api
                .try_call::<wire::Nodes>(Call {
                    operation: READ_LEVELS,
                    effect: Effect::None,
                    document: LEVELS,
                    variables: json!({ "ids": chunk, "location": self.location }),
                })
                .await?;
            let nodes = reply.data.nodes.into_iter().enumerate();
            for (_, node) in
                nodes.filter(|(index, node)| !node.is_null() && !reply.broken.contains_key(index))
            {
                let item: wire::InventoryItem = read_as(READ_LEVELS, node)?;
                let level = map::level(&item)
                    .map_err(|error| ChannelError::malformed(READ_LEVELS, error.to_string()))?;
                levels.push(level);
            }
        }
        Ok(levels)
    }
}

#[async_trait]
impl PushStock for Shopify {
    async fn push(
        &self,
        targets: &[StockTarget],
        key: &str,
    ) -> Result<Vec<(ListingId, Ack)>, ChannelError> {
        let mut acks: BTreeMap<usize, Ack> = BTreeMap::new();
        let mut writable = Vec::with_capacity(targets.len());
        for (index, target) in targets.iter().enumerate() {
            match self.entry(target) {
                Ok(entry) => writable.push((index, entry)),
                Err(reason) => {
                    acks.insert(index, Ack::Rejected { reason });
                }
            }
        }
        // Every call that fails either settles an item or splits its group, so there are fewer calls
        // than twice the items.
        let mut groups = vec![writable];
        while let Some(group) = groups.pop() {
            if group.is_empty() {
                continue;
            }
            match self.set_levels(&group, key).await {
                Ok(Written::All) => {
                    let applied = Ack::Applied { reference: None };
                    acks.extend(group.iter().map(|(index, _)| (*index, applied.clone())));
                }
                Ok(Written::None(settled)) => {
                    let (done, left): (Vec<_>, Vec<_>) = group
                        .into_iter()
                        .enumerate()
                        .partition(|(at, _)| settled.contains_key(at));
                    for (at, (index, _)) in done {
                        acks.insert(index, settled[&at].clone());
                    }
                    groups.push(left.into_iter().map(|(_, item)| item).collect());
                }
                Ok(Written::Unclear(ack)) => match <[Item; 1]>::try_from(group) {
                    Ok([(index, _)]) => {
                        acks.insert(index, ack);
                    }
                    Err(mut group) => {
                        let half = group.split_off(group.len() / 2);
                        groups.extend([half, group]);
                    }
                },
                Err(error) => {
                    let has_written = acks.values().any(|ack| matches!(ack, Ack::Applied { .. }));
                    let is_unknown = matches!(error.kind, ErrorKind::Ambiguous { .. });
                    if !has_written && (acks.is_empty() || !is_unknown) {
                        // No call before this one wrote anything, so it speaks for all of them.
                        return Err(error);
                    }
                    let rest = groups.drain(..).flatten().chain(group);
                    acks.extend(rest.map(|(index, _)| (index, Ack::Ambiguous)));
                }
            }
        }
        let listings = targets.iter().enumerate();
        Ok(listings
            .map(|(index, target)| {
                let ack = acks.remove(&index).unwrap_or(Ack::Ambiguous);
                (target.listing.clone(), ack)
            })
            .collect())
    }
}

/// An entry of a call, with its place among the targets.
type Item = (usize, Value);

/// What a call did.
enum Written {
    All,
    /// Nothing, because of these entries.
    None(BTreeMap<usize, Ack>),
    /// Nothing, because of an entry that the answer does not name.
    Unclear(Ack),
}

impl Shopify {
    /// One entry of a write, or why it can never be written.
    fn entry(&self, target: &StockTarget) -> Result<Value, String> {
        let whole = |quantity: Decimal| {
            quantity
                .to_whole()
                .filter(|units| units.abs() <= LEVEL_MAX)
                .ok_or_else(|| format!("{quantity} is not a number of whole units"))
        };
        let item = target.listing.as_str();
        if !is_number(item) {
            return Err(format!("`{item}` is not an inventory item"));
        }
        Ok(json!({
            "inventoryItemId": gid("InventoryItem", item),
            "locationId": self.location,
            "quantity": whole(target.quantity)?,
            // Must be there even when it is null, which means "whatever it is".
            "changeFromQuantity": target.expected.map(whole).transpose()?,
        }))
    }

    async fn set_levels(&self, group: &[Item], key: &str) -> Result<Written, ChannelError> {
        let quantities: Vec<&Value> = group.iter().map(|(_, entry)| entry).collect();
        let input = json!({
            "name": "available",
            "reason": "correction",
            "quantities": quantities,
        });
        for round in 0..KEYS_MAX {
            let answer: wire::SetLevels = self
                .api
                .call(Call {
                    operation: WRITE_LEVELS,
                    effect: Effect::Idempotent,
                    document: SET_LEVELS,
                    variables: json!({
                        "input": input,
                        "key": idempotency_key(key, &input, round),
                    }),
                })
                .await?;
            let payload = answer
                .inventory_set_quantities
                .ok_or_else(|| ChannelError::malformed(WRITE_LEVELS, "the answer is empty"))?;
            let errors = payload.user_errors;
            if errors.is_empty() {
                return Ok(Written::All);
            }
            if !has_code(&errors, "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED") {
                return settle(&errors, group.len());
            }
        }
        Err(ChannelError::new(
            WRITE_LEVELS,
            ErrorKind::Retry {
                reason: "every key of this attempt is remembered as failed".to_owned(),
            },
        ))
    }
}

fn has_code(errors: &[wire::UserError], code: &str) -> bool {
    errors.iter().any(|error| error.code == code)
}

/// What the shop's refusals mean for the entries of a call that wrote nothing.
fn settle(errors: &[wire::UserError], entries: usize) -> Result<Written, ChannelError> {
    if has_code(errors, "IDEMPOTENCY_CONCURRENT_REQUEST") {
        return Err(ChannelError::new(
            WRITE_LEVELS,
            ErrorKind::Retry {
                reason: refusals(errors),
            },
        ));
    }
    let mut settled = BTreeMap::new();
    let mut unclear = None;
    for error in errors {
        let ack = match error.code.as_str() {
            "CHANGE_FROM_QUANTITY_STALE" | "COMPARE_QUANTITY_STALE" => {
                Ack::Conflict { observed: None }
            }
            "INVALID_NAME" | "INVALID_REASON" | "INVALID_REFERENCE_DOCUMENT" => {
                return Err(ChannelError::rejected(WRITE_LEVELS, refusals(errors)));
            }
            _ => Ack::Rejected {
                reason: refusals(std::slice::from_ref(error)),
            },
        };
        // `field` is a path: input, quantities, 3, changeFromQuantity.
        let named = error
            .field
            .iter()
            .find_map(|step| step.parse::<usize>().ok())
            .filter(|at| *at < entries);
        match named {
            // A refusal says more than a conflict, which reading again would only find once more.
            Some(at) => match settled.get(&at) {
                Some(Ack::Rejected { .. }) => {}
                Some(Ack::Applied { .. } | Ack::Conflict { .. } | Ack::Ambiguous) | None => {
                    settled.insert(at, ack);
                }
            },
            None => unclear = Some(ack),
        }
    }
    match unclear {
        Some(ack) if settled.is_empty() => Ok(Written::Unclear(ack)),
        Some(_) | None => Ok(Written::None(settled)),
    }
}

/// A UUID (version 8, made from a hash) of our own key and of everything that is sent under it.
pub(super) fn idempotency_key(key: &str, input: &Value, round: u8) -> String {
    let digest = Sha256::digest(format!("{key}\n{round}\n{input}"));
    let hex: Vec<String> = digest[..16]
        .iter()
        .enumerate()
        .map(|(at, byte)| match at {
            6 => format!("{:02x}", (byte & 0x0f) | 0x80),
            8 => format!("{:02x}", (byte & 0x3f) | 0x80),
            _ => format!("{byte:02x}"),
        })
        .collect();
    [&hex[..4], &hex[4..6], &hex[6..8], &hex[8..10], &hex[10..]]
        .map(|part| part.concat())
        .join("-")
}
