//! The schemas of what sold and how long it took.

/// By name, as in [`super`].
pub(super) const SCHEMAS: &[(&str, &str)] = &[
    (
        "Insight",
        "at: time, from: time, is_summing: flag, days: InsightDay[], takings: Takings[], times: Stretch[], \
         ranked_at: time?, best: RankedItem[], slow: RankedItem[], low: RankedItem[]",
    ),
    (
        "InsightDay",
        "day: time, account: text, orders: whole, canceled: whole, takings: Takings[]",
    ),
    ("Takings", "orders: whole, total: money, refunded: money"),
    (
        "Stretch",
        "stretch: 'known'|'begun'|'left'|'arrived', orders: whole, p50_s: whole?, p95_s: whole?",
    ),
    (
        "RankedItem",
        "sku: text, title: text, units: units, orders: whole, on_hand: units?, days_left: whole?",
    ),
];
