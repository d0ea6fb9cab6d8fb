//! The stock key.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer};

/// Our key for an item. Compared byte by byte: `mug-1` and `MUG-1` are two items, because some
/// channels think so, and joining them by guess would sell one for the other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Sku(String);

impl Serialize for Sku {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("Sku", &self.0)
    }
}

/// Why a text is not a SKU.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotASku {
    /// There is nothing but white space in it.
    #[error("a SKU must not be empty")]
    Empty,
    /// It is longer than any channel allows.
    #[error("a SKU has at most {} characters", Sku::LENGTH_MAX)]
    TooLong,
    /// It holds control characters, which no channel prints.
    #[error("a SKU must not hold control characters")]
    Control,
}

impl Sku {
    /// The longest SKU in characters; the most generous channel (Shopify) allows 255.
    pub const LENGTH_MAX: usize = 255;

    /// Reads a SKU; white space around it does not count.
    pub fn new(text: &str) -> Result<Sku, NotASku> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NotASku::Empty);
        }
        if text.chars().count() > Sku::LENGTH_MAX {
            return Err(NotASku::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(NotASku::Control);
        }
        Ok(Sku(text.to_owned()))
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Sku {
    type Err = NotASku;

    fn from_str(text: &str) -> Result<Sku, NotASku> {
        Sku::new(text)
    }
}

impl TryFrom<String> for Sku {
    type Error = NotASku;

    fn try_from(text: String) -> Result<Sku, NotASku> {
        Sku::new(&text)
    }
}

impl From<Sku> for String {
    fn from(sku: Sku) -> String {
        sku.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skus_are_trimmed_and_checked() {
        assert_eq!(
            Sku::new(" MUG-1 ").map(String::from),
            Ok("MUG-1".to_owned())
        );
        assert_eq!(Sku::new("  "), Err(NotASku::Empty));
        assert_eq!(Sku::new("A\u{0}B"), Err(NotASku::Control));
        assert_eq!(Sku::new(&"x".repeat(256)), Err(NotASku::TooLong));
    }
}
