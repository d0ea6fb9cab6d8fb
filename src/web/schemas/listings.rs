//! Schemas of which items listings are.

pub(super) const SCHEMAS: &[(&str, &str)] = &[
    (
        "Unmapped",
        "account: text, name: text?, listing: text?, channel_sku: text?, title: text, orders: whole, units: units, \
         since: time?, suggestions: MatchSuggestion[]",
    ),
    (
        "Audit",
        "listings: whole, differences: ShownDifference[], left_off: whole, accounts: AuditedAccount[]",
    ),
    (
        "ShownDifference",
        "account: text, listing: text, sku: text, what: 'price'|'title'|'barcode', \
         how: 'differs'|'missing'|'listings_differ', item: text?, shown: text?, item_price: money?, \
         shown_price: money?, by: money?, text: text",
    ),
    (
        "AuditedAccount",
        "id: text, channel: text, listings: whole, differences: whole, not_compared: text[]",
    ),
    (
        "MapListing",
        "account: text, listing: text, sku: text, by?: text?",
    ),
    ("UnmapListing", "account: text, listing: text, by?: text?"),
];
