//! Schemas of which items listings are.

pub(super) const SCHEMAS: &[(&str, &str)] = &[
    (
        "Unmapped",
        "account: text, name: text?, listing: text?, channel_sku: text?, title: text, orders: whole, units: units, \
         since: time?, suggestions: MatchSuggestion[]",
    ),
    (
        "MapListing",
        "account: text, listing: text, sku: text, by?: text?",
    ),
    ("UnmapListing", "account: text, listing: text, by?: text?"),
];
