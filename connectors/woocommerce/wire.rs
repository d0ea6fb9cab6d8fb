//! What WooCommerce writes, read tolerantly.
//!
//! PHP and plugins bend types: numbers come as texts and texts as numbers, `false` or `null` stand for
//! an empty text, and a list with a gap becomes an object. All of that is accepted; a value of a kind
//! that cannot be meant is an error. Nothing here decides what a value means. Money stays text.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

/// An order, as a list, a single read and a hook write it.
#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub(super) id: Id,
    #[serde(default)]
    pub(super) number: Text,
    pub(super) status: String,
    pub(super) currency: String,
    #[serde(default)]
    pub(super) date_created_gmt: Text,
    #[serde(default)]
    pub(super) date_modified_gmt: Text,
    #[serde(default)]
    pub(super) date_paid_gmt: Text,
    #[serde(default)]
    pub(super) date_completed_gmt: Text,
    pub(super) total: Text,
    #[serde(default)]
    pub(super) total_tax: Text,
    #[serde(default)]
    pub(super) shipping_total: Text,
    #[serde(default)]
    pub(super) discount_total: Text,
    #[serde(default)]
    pub(super) payment_method: Text,
    #[serde(default)]
    pub(super) created_via: Text,
    #[serde(default)]
    pub(super) customer_note: Text,
    #[serde(default)]
    pub(super) needs_processing: Option<bool>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) billing: Address,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) shipping: Address,
    #[serde(deserialize_with = "list")]
    pub(super) line_items: Vec<Line>,
    #[serde(default, deserialize_with = "list")]
    pub(super) shipping_lines: Vec<ShippingLine>,
    #[serde(default, deserialize_with = "list")]
    pub(super) fee_lines: Vec<Fee>,
    #[serde(default, deserialize_with = "list")]
    pub(super) refunds: Vec<RefundSummary>,
    #[serde(default, deserialize_with = "list")]
    pub(super) meta_data: Vec<Meta>,
}

/// A line of an order.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub(super) id: Id,
    #[serde(default)]
    pub(super) name: Text,
    #[serde(default)]
    pub(super) product_id: Text,
    #[serde(default)]
    pub(super) variation_id: Text,
    pub(super) quantity: Text,
    #[serde(default)]
    pub(super) sku: Text,
    #[serde(default)]
    pub(super) price: Text,
    pub(super) total: Text,
    #[serde(default)]
    pub(super) total_tax: Text,
    #[serde(default, deserialize_with = "list")]
    pub(super) taxes: Vec<Tax>,
    #[serde(default, deserialize_with = "list")]
    pub(super) meta_data: Vec<Meta>,
}

/// One tax on a line.
#[derive(Debug, Deserialize)]
pub(super) struct Tax {
    pub(super) id: Id,
    #[serde(default)]
    pub(super) total: Text,
}

/// How the order is sent.
#[derive(Debug, Deserialize)]
pub(super) struct ShippingLine {
    #[serde(default)]
    pub(super) method_id: Text,
}

/// Something that the buyer pays besides, or has taken off.
#[derive(Debug, Deserialize)]
pub(super) struct Fee {
    #[serde(default)]
    pub(super) total: Text,
}

/// A billing or shipping address.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Address {
    #[serde(default)]
    pub(super) first_name: Text,
    #[serde(default)]
    pub(super) last_name: Text,
    #[serde(default)]
    pub(super) company: Text,
    #[serde(default)]
    pub(super) address_1: Text,
    #[serde(default)]
    pub(super) address_2: Text,
    #[serde(default)]
    pub(super) city: Text,
    #[serde(default)]
    pub(super) state: Text,
    #[serde(default)]
    pub(super) postcode: Text,
    #[serde(default)]
    pub(super) country: Text,
    #[serde(default)]
    pub(super) email: Text,
    #[serde(default)]
    pub(super) phone: Text,
}

/// What plugins and WooCommerce itself hang on orders and lines.
#[derive(Debug, Deserialize)]
pub(super) struct Meta {
    #[serde(default)]
    pub(super) id: Option<Id>,
    #[serde(default)]
    pub(super) key: Text,
    #[serde(default)]
    pub(super) value: Value,
}

/// A refund, as an order names it: without its lines.
#[derive(Debug, Deserialize)]
pub(super) struct RefundSummary {
    pub(super) id: Id,
    #[serde(default)]
    pub(super) reason: Text,
    #[serde(default)]
    pub(super) total: Text,
}

/// A refund with its lines.
#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    #[serde(default)]
    pub(super) date_created_gmt: Text,
    #[serde(default, deserialize_with = "list")]
    pub(super) line_items: Vec<RefundLine>,
}

/// A line of a refund: its own id, a negative quantity, and the order's line in its meta.
#[derive(Debug, Deserialize)]
pub(super) struct RefundLine {
    #[serde(default)]
    pub(super) quantity: Text,
    #[serde(default, deserialize_with = "list")]
    pub(super) meta_data: Vec<Meta>,
}

/// A product or a variation. In a batch answer it may be only an id and an error.
#[derive(Debug, Deserialize)]
pub(super) struct Product {
    pub(super) id: Id,
    #[serde(default)]
    pub(super) parent_id: Text,
    #[serde(default, rename = "type")]
    pub(super) kind: Text,
    #[serde(default)]
    pub(super) name: Text,
    #[serde(default)]
    pub(super) sku: Text,
    #[serde(default)]
    pub(super) price: Text,
    #[serde(default)]
    pub(super) global_unique_id: Text,
    #[serde(default)]
    pub(super) manage_stock: Text,
    #[serde(default)]
    pub(super) stock_quantity: Text,
    #[serde(default)]
    pub(super) date_modified_gmt: Text,
    /// Plugins put many things here; what is no name is no category.
    #[serde(default)]
    pub(super) categories: serde_json::Value,
    #[serde(default)]
    pub(super) error: Option<Refusal>,
}

/// The answer to a batch.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    #[serde(default, deserialize_with = "list")]
    pub(super) update: Vec<Product>,
}

/// WooCommerce's own form of saying no.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: Text,
}

/// A note on an order.
#[derive(Debug, Deserialize)]
pub(super) struct Note {
    #[serde(default)]
    pub(super) note: Text,
}

/// An entry of the Shipment Tracking extension.
#[derive(Debug, Deserialize)]
pub(super) struct Tracking {
    #[serde(default)]
    pub(super) tracking_id: Text,
    #[serde(default)]
    pub(super) tracking_number: Text,
}

/// A fulfillment of the feature of that name.
#[derive(Debug, Deserialize)]
pub(super) struct Fulfillment {
    pub(super) id: Id,
    #[serde(default, deserialize_with = "list")]
    pub(super) meta_data: Vec<Meta>,
}

/// A subscription to hooks.
#[derive(Debug, Deserialize)]
pub(super) struct Webhook {
    pub(super) id: Id,
    #[serde(default)]
    pub(super) topic: Text,
    #[serde(default)]
    pub(super) status: Text,
    #[serde(default)]
    pub(super) delivery_url: Text,
}

/// One of the shop's own settings.
#[derive(Debug, Deserialize)]
pub(super) struct Setting {
    #[serde(default)]
    pub(super) value: Text,
}

/// The front page of the REST API.
#[derive(Debug, Deserialize)]
pub(super) struct Index {
    #[serde(default)]
    pub(super) name: Text,
}

/// What the shop says of its software.
#[derive(Debug, Deserialize)]
pub(super) struct SystemStatus {
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) environment: Environment,
}

/// The part of [`SystemStatus`] that we ask for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Environment {
    #[serde(default)]
    pub(super) version: Text,
}

/// Only the id of a thing.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) id: Id,
}

/// A text, or what PHP takes for one. `false` and `null` are empty, `true` is `1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

/// A WordPress id: a whole number above zero, in digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(String);

impl Text {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The text without white space around it; nothing when nothing is left.
    pub(super) fn filled(&self) -> Option<&str> {
        Some(self.0.trim()).filter(|text| !text.is_empty())
    }
}

impl Id {
    /// Reads an id. Whatever is not one must never become part of an address.
    pub(super) fn parse(text: &str) -> Option<Id> {
        const DIGITS_MAX: usize = 20;
        let fits = (1..=DIGITS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && !text.starts_with('0');
        fits.then(|| Id(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as the number that WooCommerce expects in a body.
    pub(super) fn number(&self) -> Value {
        self.0
            .parse::<u64>()
            .map_or_else(|_| Value::from(self.0.as_str()), Value::from)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Text, E> {
        Ok(Text(number.to_string()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Text, E> {
        Ok(Text(number.to_string()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Text, E> {
        // The shortest text that reads back as the same number: what the shop wrote, unless it wrote
        // more digits than a number has.
        Ok(Text(number.to_string()))
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Text, E> {
        Ok(Text(if flag { "1" } else { "" }.to_owned()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Text, E> {
        Ok(Text::default())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        let text = Text::deserialize(deserializer)?;
        Id::parse(text.as_str().trim())
            .ok_or_else(|| de::Error::custom("an id is a whole number above zero"))
    }
}

/// A list; also an object with the list's places as keys, and nothing at all for an empty list.
pub(super) fn list<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(ListVisitor(PhantomData))
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element()? {
            read.push(item);
        }
        Ok(read)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut read = Vec::new();
        while let Some((_, item)) = items.next_entry::<IgnoredAny, T>()? {
            read.push(item);
        }
        Ok(read)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
        match text {
            "" => Ok(Vec::new()),
            _ => Err(E::invalid_type(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }
}

/// An object; PHP writes an empty one as `[]`, and a missing one as `null` or `false`.
fn or_empty<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    match Value::deserialize(deserializer)? {
        Value::Null | Value::Bool(false) => Ok(T::default()),
        Value::Array(items) if items.is_empty() => Ok(T::default()),
        other => T::deserialize(other).map_err(de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_from_whatever_php_writes() {
        for (json, text) in [
            (r#""7""#, "7"),
            ("7", "7"),
            ("-2", "-2"),
            ("5.37", "5.37"),
            ("null", ""),
            ("false", ""),
            ("true", "1"),
        ] {
            let read: Text = serde_json::from_str(json).expect(json);
            assert_eq!(read.as_str(), text, "{json}");
        }
        for json in ["[]", "{}", r#"["7"]"#] {
            assert!(serde_json::from_str::<Text>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_id_that_is_no_number_is_refused() {
        for json in ["1", r#""1""#, "18446744073709551615"] {
            assert!(serde_json::from_str::<Id>(json).is_ok(), "{json}");
        }
        for json in [
            "0",
            "-1",
            "1.5",
            "1e30",
            "null",
            r#""""#,
            r#""1/../2""#,
            r#""1?x""#,
            "123456789012345678901234567890",
        ] {
            assert!(serde_json::from_str::<Id>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_list_with_a_gap_is_still_a_list() {
        #[derive(Deserialize)]
        struct Holder {
            #[serde(default, deserialize_with = "list")]
            items: Vec<Id>,
        }
        for (json, count) in [
            (r#"{"items":[1,2]}"#, 2),
            (r#"{"items":{"0":1,"2":2}}"#, 2),
            (r#"{"items":null}"#, 0),
            (r#"{"items":""}"#, 0),
            (r#"{}"#, 0),
        ] {
            let holder: Holder = serde_json::from_str(json).expect(json);
            assert_eq!(holder.items.len(), count, "{json}");
        }
        assert!(serde_json::from_str::<Holder>(r#"{"items":"x"}"#).is_err());
    }
}
