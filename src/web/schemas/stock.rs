//! What the API takes and gives about items, what lies where, what moves, stocktakes and listings.

pub(super) const SCHEMAS: &[(&str, &str)] = &[
    (
        "Stock",
        "sku: text, title: text, kind: kind, scale: whole, is_counted: flag, on_hand: units?, \
         allocated: units?, pending: units?, sellable: units?, owed: units?, incoming: units?, locations: Location[], \
         arrivals: Arrival[], accounts: AccountSellable[], components: Component[], \
         as_of: time?",
    ),
    (
        "Place",
        "id: text, name: text, kind: 'warehouse'|'store'|'channel', country: text?, region: text?, \
         near: text[], priority: whole, serves: text[], ships: 'yes'|'no'|'last', home_of: text[], \
         is_declared: flag",
    ),
    (
        "NewTransfer",
        "sku: text, units: units, from: text, to: text, due?: time?, at_once?: flag, reference?: text?, \
         by?: text?",
    ),
    (
        "NewArrival",
        "sku: text, units: units, location?: text?, due?: time?, reference?: text?, by?: text?",
    ),
    (
        "Arrival",
        "id: id, sku: text, location: text, from: text?, expected: units, received: units, open: units, \
         due: time?, reference: text, by: text, made_at: time",
    ),
    ("GiveUp", "sku: text, reason: text"),
    (
        "NewReceipt",
        "sku: text, units?: units?, location?: text?, condition?: condition, arrival?: id?, \
         reference?: text?, by?: text?",
    ),
    (
        "NewSorting",
        "sku: text, units: units, location?: text?, from: condition, to: condition, reason: text, \
         by?: text?",
    ),
    (
        "NewCount",
        "location?: text?, skus?: text[], recount_above?: units?, by?: text?",
    ),
    (
        "Count",
        "id: id, location: text, skus: text[], recount_above: units, by: text, opened_at: time, \
         closed_at: time?, entries: CountEntry[]",
    ),
    (
        "NewCountEntry",
        "sku: text, units: units, as_of?: time?, by?: text?",
    ),
    (
        "CountEntry",
        "sku: text, state: 'applied'|'recount', counted: units, as_of: time, expected: units, \
         difference: units, by: text, tries: whole, text: text",
    ),
    ("CloseCount", "discard?: flag, by?: text?"),
    (
        "AccountSellable",
        "account: text, sellable: units?, locations: text[]",
    ),
    (
        "Location",
        "location: text, on_hand: units, allocated: units, incoming: units, unsellable: units{}",
    ),
    (
        "Component",
        "sku: text, per_kit: units, sellable: units?, kits: units?, is_scarcest: flag",
    ),
    (
        "Movement",
        "id: id, at: time, location: text, condition: condition, \
         delta: units, cause: Anything, text: text",
    ),
    ("NewStockSheet", "csv: text, reason?: text?, by?: text?"),
    (
        "StockImport",
        "at: time, is_dry_run: flag, rows: whole, skipped: whole, done: whole, done_before: whole, \
         changes: SheetCount[], mistakes: SheetMistake[]",
    ),
    (
        "SheetCount",
        "row: whole, sku: text, location: text, condition: condition, from: units?, to: amount",
    ),
    ("SheetMistake", "row: whole, column: text?, mistake: text"),
    ("Explanation", "sku: text, sentences: text[]"),
    (
        "Adjustment",
        "sku: text, location?: text?, condition?: condition, delta?: units?, to?: units?, reason: text, \
         by?: text?",
    ),
    (
        "Item",
        "sku: text, kind: kind, scale: whole, title: text, category: text?, barcode: text?, prices: money[], components: units{}",
    ),
    (
        "SetItem",
        "kind: kind, scale?: whole, title?: text, category?: text?, barcode?: text?, prices?: money[], components?: units{}",
    ),
    (
        "Listing",
        "account: text, listing: text, sku: text?, channel_sku: text?, mapped: 'listing'|'channel_sku'?, title: text, price: money?, \
         tracked: flag, offer: Level?, owed: units, wanted: Level?, sent: Level?, acknowledged: Level?, \
         read_back: Level?, believed: Level?, lag_ms: whole?, attempt: Attempt?, suppressed: Suppression?, \
         parked: text?, held: text?, edit: Edit?, would_write: WouldWrite?, is_drifting: flag, exposure: units, \
          coalesced: whole, spared_until: time?, categories: text[], zeroed: Zeroed?, ended: Level?, tuned: Tuned?",
    ),
    (
        "Edit",
        "by: text?, from: units, to: units, at: time, is_taken: flag",
    ),
    (
        "Tuned",
        "buffer: units, within: units?, at: time, sales: whole, units_sold: whole, sales_here: whole, \
         over_ms: whole, lag_ms: whole, heard_ms: whole, is_lag_assumed: flag, keeps_last: flag",
    ),
    (
        "Zeroed",
        "code: 'excluded'|'ended'|'last_units'|'below_least', reason: text",
    ),
    ("Lift", "by?: text?"),
    ("Level", "quantity: units, at: time"),
    (
        "Attempt",
        "quantity: units, expected: units?, tries: whole, next_at: time, is_ambiguous: flag",
    ),
    (
        "Suppression",
        "code: 'unmapped'|'untracked'|'service'|'uncounted'|'formula', reason: text",
    ),
    ("WouldWrite", "from: units?, to: units"),
    (
        "Exposure",
        "at: time, units_at_risk: units, listings_at_risk: whole, overhang: units, accounts: AccountRisk[], \
         items: ItemRisk[], listings: ListingRisk[], history: RiskHistory?",
    ),
    (
        "AccountRisk",
        "account: text, units_at_risk: units, listings_at_risk: whole, since: time?",
    ),
    (
        "ItemRisk",
        "sku: text, units_at_risk: units, shown: units, sellable: units?, overhang: units, \
         listing_count: whole",
    ),
    (
        "ListingRisk",
        "account: text, listing: text, sku: text, shown: units?, wanted: Aged?, sent: Aged?, \
         is_unanswered: flag, acknowledged: Aged?, read_back: Aged?, units_at_risk: units, since: time?",
    ),
    ("Aged", "quantity: units, at: time, age_ms: whole"),
    ("RiskHistory", "step_s: whole, steps: RiskStep[]"),
    (
        "RiskStep",
        "from: time, to: time, unit_seconds: units, max: units, known_s: whole, accounts: Risk{}",
    ),
    ("Risk", "unit_seconds: units, max: units"),
];
