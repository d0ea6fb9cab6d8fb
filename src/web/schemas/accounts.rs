//! What the API takes and gives about accounts: how they are, what they may do, and taking them over.

pub(super) const SCHEMAS: &[(&str, &str)] = &[
    (
        "Account",
        "id: text, channel: text, channel_title: text, mode: mode, configured_mode: mode, set_mode: mode?, \
         is_frozen: flag, frozen_by: text?, frozen_at: time?, paused: Pause[], backfill: Backfill?, calls_per_second: whole, quota: QuotaLeft, may_write: flag, has_polled: flag, quantity_means: 'available'|'unreserved'|'on_hand', \
         stock_authority: 'ledger'|'channel', source_tripped: Trip?, writes_tripped: Trip?, \
         comparison: Comparison?, counts: Counts, health: Health",
    ),
    (
        "QuotaLeft",
        "calls: whole?, calls_most: whole?, waits_until: time?, said: QuotaSaid?",
    ),
    (
        "QuotaSaid",
        "left: whole, of: whole?, unit: 'points'|'calls', restored_per_second: whole?, at: time",
    ),
    (
        "Counts",
        "orders: whole, orders_open: whole, listings: whole, pushes_waiting: whole, held: whole, \
         intents_waiting: whole, signals_parked: whole",
    ),
    (
        "Health",
        "shop: text?, version: text?, warnings: text[], last_success_at: time?, last_error_at: time?, \
         last_error: text?, is_unauthorized: flag, last_poll_at: time?, last_reconcile_at: time?, \
         throttled_until: time?",
    ),
    (
        "Pause",
        "what: 'orders'|'stock'|'tracking', by: text, at: time, waiting: whole",
    ),
    ("Flows", "what?: 'orders'|'stock'|'tracking'[]?, by?: text?"),
    (
        "Backfill",
        "since: time, is_done: flag, read: whole, up_to: time?",
    ),
    ("ReadBack", "since: time"),
    ("SetMode", "mode: mode?"),
    (
        "AccountChange",
        "at: time, account: text, mode: mode, configured_mode: mode, set_mode: mode?, is_frozen: flag, \
         frozen_by: text?, frozen_at: time?, paused: 'orders'|'stock'|'tracking'[], may_write: flag",
    ),
    (
        "WritePreview",
        "account: text, mode: mode, is_frozen: flag, pushes_waiting: whole, intents_waiting: whole, \
         units_at_risk: units, held: whole, sudden_zeroes: whole, breaker_would_hold: flag, \
         writes: PlannedWrite[]",
    ),
    (
        "PlannedWrite",
        "listing: text, sku: text, from: units?, to: units",
    ),
    (
        "Begun",
        "at: time, account: text, status: 'begins'|'under_way'",
    ),
    (
        "Comparison",
        "began_at: time, compared: whole, all: whole, differing: whole, finished_at: time?",
    ),
    (
        "Adoption",
        "at: time, source: text?, is_source_configured: flag, goods: whole, counted: whole, \
         accounts: AdoptionStep[], problems: MatchProblem[], differing: whole, differences: Difference[], \
         next: text, next_command: text?",
    ),
    (
        "AdoptionStep",
        "account: text, channel: text, mode: mode, has_polled: flag, compared_at: time?, listings: whole, \
         matched: whole, problems: whole, unread: whole, uncounted: whole, writes: whole, \
         watched_since: time?, previewed_at: time?",
    ),
    (
        "MatchProblem",
        "account: text, listing: text, channel_sku: text?, title: text, \
         code: 'no_sku'|'bad_sku'|'twice'|'untracked'|'alone', text: text, mend: text, \
         suggestions: MatchSuggestion[]",
    ),
    ("MatchSuggestion", "sku: text, title: text, because: text"),
    (
        "Difference",
        "sku: text, title: text, spread: units, levels: units{}",
    ),
    (
        "Opening",
        "account: text, configured: text?, is_under_way: flag, already_counted: whole, to_count: whole, \
         units: units, left: whole, not_listed: whole, items: FirstCount[], left_items: LeftOut[], \
         not_listed_items: Elsewhere[]",
    ),
    (
        "FirstCount",
        "sku: text, title: text, shows: units, sold: units, lies: units, elsewhere: units{}",
    ),
    ("LeftOut", "sku: text, reason: text, mend: text"),
    ("Elsewhere", "sku: text, title: text, elsewhere: units?{}"),
    (
        "FirstWrites",
        "account: text, at: time, mode: mode, listings: whole, writes_count: whole, rises: whole, \
         falls: whole, zeroes: whole, units_more: units, units_less: units, agreeing: whole, unread: whole, \
         suppressed: whole, intents_waiting: whole, sudden_zeroes: whole, breaker_would_hold: flag, \
         held: whole, writes: FirstWrite[]",
    ),
    (
        "FirstWrite",
        "listing: text, sku: text, title: text, shows: units?, to: units, why: text, is_held: flag",
    ),
    ("Arm", "previewed_at?: time?"),
    (
        "ShadowReport",
        "at: time, since: time, accounts: AccountShadow[]",
    ),
    (
        "AccountShadow",
        "account: text, mode: mode, watched_ms: whole, lag_ms: whole, \
         lag_from: 'measured'|'same_channel'|'assumed', oversells: Oversells, late: LateChanges, \
         drift: DriftsSeen, notes: text[]",
    ),
    (
        "Oversells",
        "count: whole, units: units, prevented: whole, prevented_units: units, too_soon: whole, \
         unknown: whole, other: whole, doubtful: whole, cases: OversellCase[]",
    ),
    (
        "OversellCase",
        "incident: id, order: id, number: text?, sku: text, missing: units, prevented: units, \
         verdict: 'prevented'|'too_soon'|'unknown'|'other', is_doubtful: flag, at: time, text: text",
    ),
    (
        "LateChanges",
        "count: whole, sales: whole, units: units, unit_seconds: units, unit_seconds_with_writes: units, \
         longest_ms: whole, open: whole, cases: LateCase[]",
    ),
    (
        "LateCase",
        "listing: text, sku: text, sold_on: text?, sales: whole, units: units, unit_seconds: units, \
         from: time, until: time?",
    ),
    (
        "DriftsSeen",
        "count: whole, open: whole, units_more: units, units_less: units, cases: DriftSeen[]",
    ),
    (
        "DriftSeen",
        "drift: id, listing: text, sku: text, expected: units, observed: units, at: time, is_open: flag",
    ),
];
