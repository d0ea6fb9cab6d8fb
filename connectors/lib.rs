//! One folder per channel, and one line for it in each of the two lists below.

mod ebay;
mod manual;
mod shopify;
mod square;
mod woocommerce;

use channel::Connector;

/// Every connector, in alphabetical order.
pub const CONNECTORS: &[&dyn Connector] = &[
    &ebay::CONNECTOR,
    &manual::CONNECTOR,
    &shopify::CONNECTOR,
    &square::CONNECTOR,
    &woocommerce::CONNECTOR,
];

/// The connector of a kind of channel.
pub fn find(id: &str) -> Option<&'static dyn Connector> {
    CONNECTORS
        .iter()
        .copied()
        .find(|connector| connector.descriptor().id == id)
}
