//! What a person said that a listing is, or a SKU that a channel writes. It holds whatever the channel says,
//! until a person takes it back.

use serde::{Deserialize, Serialize};

use crate::{AccountId, ListingId, Sku, Time, snapshot::LineSnapshot};

/// What is said to be an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Named {
    /// One listing, by the channel's id of it.
    Listing(ListingId),
    /// All that carries this SKU on the channel, and was not said to be an item by itself.
    ChannelSku(Sku),
}

/// By what a listing was said to be its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappedBy {
    /// By itself.
    Listing,
    /// By the SKU that it has on the channel.
    ChannelSku,
}

/// What a person said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// On which account.
    pub account: AccountId,
    /// What is meant.
    pub named: Named,
    /// Which item it is.
    pub sku: Sku,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Time,
}

/// Names what a person said.
pub type MappingKey = (AccountId, Named);

impl Named {
    /// By the SKU that a channel wrote, where that is one that can be compared.
    pub fn by_channel_sku(written: Option<&str>) -> Option<Named> {
        written?.parse().ok().map(Named::ChannelSku)
    }

    /// As a person would write it.
    pub fn text(&self) -> &str {
        match self {
            Named::Listing(listing) => listing.as_str(),
            Named::ChannelSku(sku) => sku.as_str(),
        }
    }

    /// How all lines like this one are named: by the listing that was sold, else by the SKU as written.
    pub fn of_line(listing: Option<&ListingId>, channel_sku: Option<&str>) -> Option<Named> {
        match listing {
            Some(listing) => Some(Named::Listing(listing.clone())),
            None => Named::by_channel_sku(channel_sku),
        }
    }
}

impl From<&Named> for MappedBy {
    fn from(named: &Named) -> MappedBy {
        match named {
            Named::Listing(_) => MappedBy::Listing,
            Named::ChannelSku(_) => MappedBy::ChannelSku,
        }
    }
}

/// What a line says of the item that it is.
#[derive(Clone, Copy, Debug)]
pub struct Clue<'a> {
    /// Which listing was sold.
    pub listing: Option<&'a ListingId>,
    /// The SKU as the channel wrote it.
    pub channel_sku: Option<&'a str>,
}

impl<'a> From<&'a LineSnapshot> for Clue<'a> {
    fn from(line: &'a LineSnapshot) -> Clue<'a> {
        Clue {
            listing: line.listing.as_ref(),
            channel_sku: line.sku.as_deref(),
        }
    }
}

impl<'a> From<&'a crate::order::Line> for Clue<'a> {
    fn from(line: &'a crate::order::Line) -> Clue<'a> {
        Clue {
            listing: line.listing.as_ref(),
            channel_sku: line.channel_sku.as_deref(),
        }
    }
}
