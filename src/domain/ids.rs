//! Identifiers: the admin's, the channels', and our own.
//!
//! Our own are UUIDs of version 7 with a prefix that names the type (`ord_…`). They are made by an
//! [`IdSource`] that is seeded with the signal being decided, so that deciding the same signal twice
//! makes the same ids.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::Time;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        // Not transparent: a serializer is told the name of the type, and JSON is the same.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text of it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_id! {
    /// One configured shop, by the admin's own word: `eu-shop`, `till-berlin`.
    AccountId
}

text_id! {
    /// A kind of place to sell, by its connector's folder: `woocommerce`, `square`.
    ChannelId
}

text_id! {
    /// A channel's own id of an order, a line or a shipment. Always text, and never a file name.
    ExternalId
}

text_id! {
    /// A channel's own id of something offered there; its connector decides what is in it.
    ListingId
}

text_id! {
    /// Who sells on some accounts, by the admin's own word: `main`, `gmbh`.
    SellerId
}

text_id! {
    /// What all numbers of one series begin with: `RE-2026-`.
    SeriesId
}

text_id! {
    /// The number of an issued document: `RE-2026-00042`.
    DocumentNumber
}

/// Why a text is not one of our ids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no such id: one has `{prefix}_` and 32 digits from 0 to f")]
pub struct NotAnId {
    text: String,
    prefix: &'static str,
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Uuid);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_newtype_struct(stringify!($name), &self.to_string())
            }
        }

        impl $name {
            /// The next id of this type from a source.
            pub fn next(source: &mut IdSource) -> Self {
                Self(source.next_uuid())
            }

            /// When it was made.
            pub fn made_at(self) -> Time {
                let since = self.0.get_timestamp().map(|stamp| stamp.to_unix());
                let millis = since.map(|(seconds, nanos)| {
                    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
                    seconds
                        .saturating_mul(1000)
                        .saturating_add(i64::from(nanos / 1_000_000))
                });
                Time::from_millis(millis.unwrap_or(0))
            }

            /// The UUID without the prefix.
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|rest| Uuid::try_parse(rest).ok())
                    .map(Self)
                    .ok_or_else(|| NotAnId {
                        text: text.chars().take(60).collect(),
                        prefix: $prefix,
                    })
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

typed_id! {
    /// One of our orders.
    OrderId, "ord"
}
typed_id! {
    /// A change of stock.
    MovementId, "mov"
}
typed_id! {
    /// A change of what is promised.
    ClaimChangeId, "clm"
}
typed_id! {
    /// A wish to change the outside world, and its idempotency key.
    IntentId, "int"
}
typed_id! {
    /// A parcel, or what leaves without one.
    ShipmentId, "shp"
}
typed_id! {
    /// Something that a person should look at.
    IncidentId, "inc"
}
typed_id! {
    /// Units that are on their way to us.
    ArrivalId, "arr"
}
typed_id! {
    /// A stocktake.
    CountId, "cnt"
}
typed_id! {
    /// A case of drift.
    DriftId, "dft"
}
typed_id! {
    /// A payment of an order.
    PaymentId, "pay"
}
typed_id! {
    /// A refund that we asked for.
    RefundId, "rfd"
}
typed_id! {
    /// An issued document.
    DocumentId, "doc"
}
typed_id! {
    /// A return of goods.
    ReturnId, "ret"
}
typed_id! {
    /// Work on an order at one location.
    TaskId, "tsk"
}

/// Makes ids from a time and a seed, without a clock and without randomness of its own.
#[derive(Debug, Clone)]
pub struct IdSource {
    at: Time,
    seed: [u8; 16],
    made: u64,
}

impl IdSource {
    /// A source for one decision. Two decisions must not share a seed.
    pub fn new(at: Time, seed: [u8; 16]) -> IdSource {
        IdSource { at, seed, made: 0 }
    }

    fn next_uuid(&mut self) -> Uuid {
        self.made = self.made.wrapping_add(1);
        let (low, high) = self.seed.split_at(8);
        let word = |half: &[u8]| {
            half.iter()
                .fold(0_u64, |word, byte| word.wrapping_shl(8) | u64::from(*byte))
        };
        let first = mix(word(low) ^ self.made);
        let second = mix(word(high).wrapping_add(first));
        let mut random = [0_u8; 10];
        let bytes = first.to_be_bytes().into_iter().chain(second.to_be_bytes());
        random
            .iter_mut()
            .zip(bytes)
            .for_each(|(slot, byte)| *slot = byte);
        let millis = u64::try_from(self.at.millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every input bit moves every output bit.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_ids_and_no_id_twice() {
        let at = Time::from_seconds(1_800_000_000);
        let mut one = IdSource::new(at, [7; 16]);
        let mut two = IdSource::new(at, [7; 16]);
        let ids: Vec<OrderId> = (0..100).map(|_| OrderId::next(&mut one)).collect();
        let again: Vec<OrderId> = (0..100).map(|_| OrderId::next(&mut two)).collect();
        assert_eq!(ids, again);
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), 100);
        assert_eq!(ids[0].uuid().get_version_num(), 7);
        assert_ne!(OrderId::next(&mut IdSource::new(at, [8; 16])), ids[0]);
    }

    #[test]
    fn ids_carry_their_type() {
        let id = OrderId::next(&mut IdSource::new(Time::EPOCH, [1; 16]));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.made_at(), Time::EPOCH);
        assert!(id.to_string().starts_with("ord_"));
        assert!(id.to_string().parse::<IntentId>().is_err());
    }
}
