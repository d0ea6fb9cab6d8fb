//! The schemas of everything that the API takes and gives, in a line or two each.
//!
//! A field is `name: type`; `?` behind a name means that it may be left out, behind a type that it may
//! be null, `[]` a list, `{}` a map from texts. A type is one of the words in [`word`], another schema,
//! or words in quotes with bars between them. The tests hold every answer of the API against these.

mod fulfillment;
mod insight;
mod listings;
mod messages;
mod overview;
mod rules;
mod users;

use serde_json::{Map, Value, json};

/// All schemas, by name.
pub(crate) const SCHEMAS: &[&[(&str, &str)]] = &[
    MOST,
    fulfillment::SCHEMAS,
    insight::SCHEMAS,
    listings::SCHEMAS,
    messages::SCHEMAS,
    overview::SCHEMAS,
    rules::SCHEMAS,
    users::SCHEMAS,
];

const MOST: &[(&str, &str)] = &[
    ("Anything", ""),
    ("Nothing", "-"),
    ("Signed", "by?: text?"),
    (
        "Problem",
        "type: text, title: text, status: whole, detail: text, code: text, *",
    ),
    (
        "Account",
        "id: text, channel: text, channel_title: text, mode: mode, configured_mode: mode, set_mode: mode?, \
         is_frozen: flag, frozen_by: text?, frozen_at: time?, may_write: flag, has_polled: flag, quantity_means: 'available'|'unreserved'|'on_hand', \
         stock_authority: 'ledger'|'channel', source_tripped: Trip?, writes_tripped: Trip?, \
         comparison: Comparison?, counts: Counts, health: Health",
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
    ("SetMode", "mode: mode?"),
    (
        "AccountChange",
        "at: time, account: text, mode: mode, configured_mode: mode, set_mode: mode?, is_frozen: flag, \
         frozen_by: text?, frozen_at: time?, may_write: flag",
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
        "Receipt",
        "effect: 'done'|'nothing_to_do', at: time, order: id?, phase: phase?, shipment: id?, intent: id?, \
         tasks: id[], parcel: whole?, return: id?, sku: text?, surplus: units?",
    ),
    (
        "Document",
        "id: id, kind: 'invoice'|'credit_note', number: text, date: text, at: time, by: text, seller: text, order: id, \
         account: text, order_number: text, corrects: text?, reason: text?, total: money, tax: money, paid: money, \
         due: text?, language: text",
    ),
    (
        "DocumentEntry",
        "id: id, kind: 'invoice'|'credit_note', number: text, on: text, total: money, corrects?: id",
    ),
    (
        "NewDocument",
        "kind: 'invoice'|'credit_note', amount?: money?, lines?: LineUnits[], refund?: id?, reason?: text?, language?: text?, by?: text?",
    ),
    (
        "DocumentReceipt",
        "effect: 'done'|'nothing_to_do', at: time, document: Document",
    ),
    (
        "OrderSummary",
        "id: id, account: text, external_id: text, number: text, phase: phase, placed_at: time, \
         accepted_at: time, ship_by: time?, deliver_by: time?, owed_until: time?, total: money, refunded: money, \
         line_count: whole, flags: text[], tags: text[], priority: whole",
    ),
    (
        "Order",
        "id: id, account: text, external_id: text, number: text, phase: phase, placed_at: time, \
         accepted_at: time, ship_by: time?, deliver_by: time?, owed_until: time?, total: money, refunded: money, \
         line_count: whole, flags: text[], tags: text[], priority: whole, \
         standing: 'draft'|'placed'|'canceled'|'deleted'|'unmapped', \
         payment: 'pending'|'authorized'|'part_paid'|'paid'|'part_refunded'|'refunded'|'voided'|'unmapped', \
         risk: 'pending'|'low'|'medium'|'high'|'unmapped'?, amounts: Amounts?, pays: 'before'|'on_delivery'|'on_invoice', payments: Payment[], words: text{}, changed_at: time?, buyer: Buyer, ship_to: Address?, bill_to: Address?, note: text, \
         notes: Note[], erasure: Erasure?, \
         lines: Line[], holds: Hold[], tasks: Task[], route: Route?, duplicates: id[], rules: RuleRun[], shipments: Shipment[], returns: Return[], intents: Intent[], \
         documents: DocumentEntry[], pay_by: time?, pay_link?: text, expired_at: time?, \
         closed_at: time?, next: NextStep[], as_of: time?, unknown: text[]",
    ),
    ("Amounts", "shipping: money, discount: money, tax: money"),
    (
        "Payment",
        "id: id, step: step, method: method, amount: money, reference?: text, at: time, by: text",
    ),
    (
        "NewPayment",
        "step?: step, method: method, amount: money, reference?: text?, at?: time?, by?: text?",
    ),
    (
        "NewOrder",
        "account: text, reference?: text?, placed_at?: time?, currency: text, lines: NewLine[], shipping?: amount?, \
         discount?: amount?, tax?: amount?, total?: amount?, buyer?: NewBuyer, ship_to?: NewAddress?, \
         bill_to?: NewAddress?, note?: text?, ship_by?: time?, pays?: 'before'|'on_delivery'|'on_invoice', \
         payments?: PaymentOf[], by?: text?, replaces?: flag",
    ),
    (
        "NewLine",
        "sku?: text?, title?: text?, units: amount, price?: amount?, total?: amount?, tax?: amount?, \
         requires_shipping?: flag",
    ),
    ("NewBuyer", "name?: text?, email?: text?, phone?: text?"),
    (
        "NewAddress",
        "name?: text?, company?: text?, street?: text[], city?: text?, region?: text?, postal_code?: text?, \
         country: text, phone?: text?",
    ),
    (
        "PaymentOf",
        "step?: step, method: method, amount: amount, reference?: text?, at?: time?",
    ),
    ("Erasure", "asked_at: time, by: text, done_at: time?"),
    (
        "Buyer",
        "name: text, email: text, phone: text, handle?: text",
    ),
    (
        "Address",
        "name: text, company: text, street: text[], city: text, region: text, postal_code: text, \
         country: text, phone: text",
    ),
    (
        "Line",
        "number: whole, external_id: text, sku: text?, channel_sku: text?, listing: text?, title: text, \
         counters: Counters, to_ship: units, claimed: units, missing: units, owed: Owed?, \
         leaves_from: LinePlace[], total: money, tax: money, \
         requires_shipping: flag, suggestions: MatchSuggestion[]",
    ),
    (
        "Owed",
        "units: units, kind: 'backorder'|'preorder', until: time, since: time",
    ),
    (
        "Counters",
        "ordered: units, canceled: units, reinstated: units, picked: units, unpicked: units, packed: units, \
         unpacked: units, shipped: units, voided: units, \
         delivered: units, undelivered: units, returned: units, resent: units, resend_dropped: units",
    ),
    (
        "Hold",
        "reason: text, owner: text, since: time, until: time?, keeps_claim: flag, released_at: time?, \
         released_by?: text, asked?: id",
    ),
    ("Route", "location: text, rule: text"),
    (
        "RuleRun",
        "rule: text, on: text, at: time?, outcome: 'matched'|'not_matched'|'failed', saw: text{}, did: text[], \
         error: text?",
    ),
    (
        "Shipment",
        "id: id, carrier: text?, tracking_number: text?, tracking_url: text?, shipped_at: time, \
         lines: LineUnits[], is_ours: flag, is_again: flag, tracking: tracking?, is_astray: flag, \
         events: TrackingEvent[], settled: Settled?",
    ),
    (
        "TrackingEvent",
        "state: tracking, at: time, place?: text?, by: text",
    ),
    ("Settled", "at: time, note: text, by: text"),
    (
        "Return",
        "id: id, state: 'advised'|'in_transit'|'received'|'closed', opened_at: time, by: text, \
         reason: return_reason, note: text?, tracking_number: text?, lines: ReturnedLine[], closed_at: time?, \
         goodwill: flag, refunded: money, refunds: ReturnRefund[], replacements: Replacement[], \
         difference: money?",
    ),
    (
        "ReturnedLine",
        "line: whole, advised: units, received: units, restocked: units, damaged: units, scrapped: units, \
         not_returned: units, outstanding: units, to_check: units",
    ),
    (
        "NewTrackingEvent",
        "state: tracking, at?: time?, place?: text?, by?: text?",
    ),
    ("DeliverySettlement", "note: text, by?: text?"),
    (
        "NewResend",
        "shipment?: id?, lines?: LineUnits[], reason: text, by?: text?",
    ),
    (
        "NewReturn",
        "lines?: LineUnits[], reason: return_reason, note?: text?, tracking_number?: text?, \
         anyway?: flag, by?: text?",
    ),
    (
        "NewReturnReceipt",
        "lines?: LineUnits[], location?: text?, by?: text?",
    ),
    (
        "NewInspection",
        "lines?: LineUnits[], verdict: 'restock'|'damaged'|'scrap', note: text, by?: text?",
    ),
    ("ReturnEnding", "reason: text, by?: text?"),
    ("LineUnits", "line: whole, units: units"),
    (
        "Intent",
        "id: id, state: 'waiting'|'done'|'parked'|'dropped', account: text, order: id, external_id: text, \
         wish: Anything, text: text, made_at: time, tries: whole, next_at: time, last: text, parked: text?, \
         reference: text?",
    ),
    (
        "NewShipment",
        "lines?: LineUnits[], carrier?: text?, tracking_number?: text?, tracking_url?: text?, \
         location?: text?",
    ),
    (
        "Allocation",
        "order: id, number: text, account: text, phase: phase, when: 'ready'|'by_hand', prefer: text[], \
         unplaced_by: text?, bound: LinePlace[], parts: LinePlace[], freed: LinePlace[], \
         unplaced: LineLack[], places: JudgedPlace[]",
    ),
    (
        "LinePlace",
        "line: whole, sku: text, location: text, units: units",
    ),
    ("LineLack", "line: whole, sku: text, units: units"),
    (
        "JudgedPlace",
        "location: text, name: text, standing: 'chosen'|'behind'|'out', reason: text",
    ),
    (
        "NewAllocation",
        "line?: whole?, location?: text?, by?: text?",
    ),
    ("Cancel", "lines?: LineUnits[], reason: text"),
    (
        "NewRefund",
        "amount?: money?, lines?: LineUnits[], reason: text, return?: id?, anyway?: flag",
    ),
    (
        "NewHold",
        "reason: text, by?: text?, until?: time?, keeps_claim?: flag, ask?: text?",
    ),
    ("MapLine", "sku: text"),
    ("Somebody", "contact: text"),
    ("NewErasure", "by?: text?"),
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
    (
        "Signal",
        "state: 'waiting'|'parked', account: text, at: time, reason: text?, external_id: text?, \
         body_at: whole?, body_bytes: whole?",
    ),
    (
        "OutboxEntry",
        "kind: 'intent'|'push', state: 'waiting'|'parked'|'done', account: text, text: text, since: time?, \
         tries: whole, next_at: time?, reason: text?, intent: id?, order: id?, listing: text?, sku: text?, \
         attempts: Try[]",
    ),
    (
        "Try",
        "at: time, latency_ms: whole, request: text, result: text",
    ),
    (
        "Incident",
        "id: id, state: 'open'|'decided'|'closed', order: id, number: text?, line: whole, sku: text, \
         account: text, missing: units, opened_at: time, why: 'late_push'|'late_news'|'gave_way'|'came_back'|'beyond_shown'|'owed'|'unknown', choice: IncidentChoice?, \
         closed_at: time?, ending: ending?, policy: IncidentPolicy?",
    ),
    (
        "IncidentPolicy",
        "rule: text, at: time, then: way[], would: way?",
    ),
    (
        "IncidentDetail",
        "id: id, state: 'open'|'decided'|'closed', order: id, number: text?, line: whole, sku: text, \
         account: text, missing: units, opened_at: time, why: 'late_push'|'late_news'|'gave_way'|'came_back'|'beyond_shown'|'owed'|'unknown', choice: IncidentChoice?, \
         closed_at: time?, ending: ending?, policy: IncidentPolicy?, phase: phase?, \
         ship_by: time?, ordered: units?, explanation: text, competing: Competing[], ways: WayOut[]",
    ),
    (
        "IncidentChoice",
        "way: way, text: text, by: text, note: text?, at: time",
    ),
    (
        "Competing",
        "order: id, number: text, account: text, line: whole, units: units, placed_at: time, is_paid: flag",
    ),
    ("WayOut", "way: way, from: id?, because: text"),
    (
        "Case",
        "format: text, version: whole, oneshelf: text, incident: CaseAbout, hidden: text[], left_out: text[], \
         rules: Anything[], start: CaseRow[], steps: CaseStep[]",
    ),
    (
        "CaseAbout",
        "id: id, others: id[], skus: text[], opened_at: time, ended_at: time?",
    ),
    (
        "CaseRow",
        "table: text, key: text[], gone?: flag, value: Anything",
    ),
    (
        "CaseStep",
        "at: time, seed: text, rules: whole, given?: CaseRow[], signal: Anything, verdict: text, \
         facts: Anything[], not_compared?: text",
    ),
    (
        "Resolve",
        "way: way, from?: id?, amount?: money?, by?: text?, note?: text?",
    ),
    (
        "Drift",
        "id: id, account: text, listing: text, sku: text, expected: units, observed: units, \
         difference: units?, evidence: Evidence, is_held: flag, opened_at: time, closed_at: time?, \
         way: settlement?, settled_by: text?, text: text",
    ),
    (
        "Evidence",
        "believed: Level, shown: Level, orders_read_at: time?, orders: text[], sent: Level?, \
         acknowledged: Level?, author: Author?",
    ),
    ("Author", "name: text, is_person: flag"),
    ("Settle", "right: 'theirs'|'ours', by?: text?"),
    (
        "Breaker",
        "account: text, source: Trip?, writes: Trip?, held_count: whole, held: HeldListing[]",
    ),
    ("Trip", "at: time, listings: whole, of: whole"),
    (
        "HeldListing",
        "side: 'source'|'writes', listing: text, sku: text, shows: units?, wanted: units?, since: time?",
    ),
    (
        "LiftBreaker",
        "side: 'source'|'writes', right?: whose?, by?: text?",
    ),
    (
        "Freeze",
        "at: time?, by: text?, accounts: text[], undone_at: time?, undone_by: text?",
    ),
    ("Which", "accounts?: text[], by?: text?"),
    (
        "Comparison",
        "began_at: time, compared: whole, all: whole, differing: whole, finished_at: time?",
    ),
    (
        "Summary",
        "at: time, orders_by_phase: whole{}, orders_in: whole, claims_open_units: whole, \
         claims_open: whole, pushes: whole, coalesced: whole, propagation_ms: Percentiles, \
         duplicates_dropped: whole, conflicts: whole, reconciles: whole, drift_open: whole, breakers_tripped: whole, \
         formulas_failing: whole, incidents_open: whole, parked: whole, inbox_waiting: whole, signal_ms: Percentiles, signal_decided_at: time?, intents_waiting: whole, \
         pushes_waiting: whole, hooks_accepted: whole, hooks_refused: whole, store: Store, \
         backups: BackupState",
    ),
    (
        "BackupState",
        "is_configured: flag, place: text?, is_under_way: flag, last: Backup?, failed_at: time?, \
         failure: text?, next_at: time?, is_late: flag",
    ),
    (
        "Backups",
        "is_configured: flag, place: text?, is_under_way: flag, last: Backup?, failed_at: time?, \
         failure: text?, next_at: time?, is_late: flag, items: Backup[]",
    ),
    (
        "Backup",
        "name: text, path: text, made_at: time?, position: whole, orders: whole, rows: whole, bytes: whole, \
         problem: text?",
    ),
    ("NewBackup", "to?: text?"),
    ("BackupBegun", "at: time, status: 'begins'|'under_way'"),
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
    ("Percentiles", "p50: whole, p99: whole"),
    (
        "Store",
        "durable: whole, syncs: whole, disk_bytes: whole, rows_bytes: whole, live_bytes: whole, is_bloated: flag, free_bytes: whole?, is_read_only: flag, repairs: text[]",
    ),
];

/// All schemas as JSON Schema.
pub(crate) fn all() -> Map<String, Value> {
    let schema = |(name, fields): &(&str, &str)| ((*name).to_owned(), schema(fields));
    SCHEMAS.iter().copied().flatten().map(schema).collect()
}

/// A reference to a schema.
pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn schema(fields: &str) -> Value {
    if fields.is_empty() {
        return json!({});
    }
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut is_closed = true;
    for field in fields.split(',').map(str::trim) {
        match field.split_once(':') {
            Some((name, kind)) => {
                let is_optional = name.ends_with('?');
                let name = name.trim_end_matches('?');
                properties.insert(name.to_owned(), of_kind(kind.trim()));
                if !is_optional {
                    required.push(name);
                }
            }
            None if field == "*" => is_closed = false,
            // Nothing at all is said.
            None => {}
        }
    }
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": !is_closed,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn of_kind(kind: &str) -> Value {
    if let Some(of) = kind.strip_suffix('?') {
        return json!({ "oneOf": [of_kind(of), { "type": "null" }] });
    }
    if let Some(of) = kind.strip_suffix("[]") {
        return json!({ "type": "array", "items": of_kind(of) });
    }
    if let Some(of) = kind.strip_suffix("{}") {
        return json!({ "type": "object", "additionalProperties": of_kind(of) });
    }
    if kind.starts_with('\'') {
        let words: Vec<&str> = kind
            .split('|')
            .map(|word| word.trim_matches('\''))
            .collect();
        return json!({ "type": "string", "enum": words });
    }
    if kind.starts_with(|c: char| c.is_ascii_uppercase()) {
        return reference(kind);
    }
    word(kind)
}

/// The words that name types.
#[expect(clippy::too_many_lines, reason = "one arm for each word")]
fn word(word: &str) -> Value {
    match word {
        "text" => json!({ "type": "string" }),
        "whole" => json!({ "type": "integer" }),
        "flag" => json!({ "type": "boolean" }),
        "id" => json!({ "type": "string", "pattern": "^[a-z]{3}_[0-9a-f]{32}$" }),
        "time" => json!({ "type": "string", "format": "date-time" }),
        "units" => json!({
            "type": "number",
            "description": "Whole units, with decimals if the item has some.",
        }),
        "money" => json!({
            "type": "object",
            "properties": {
                "amount": { "type": "string", "pattern": "^-?[0-9]+([.][0-9]+)?$" },
                "currency": { "type": "string", "pattern": "^[A-Z]{3}$" },
            },
            "required": ["amount", "currency"],
            "additionalProperties": false,
        }),
        "step" => json!({
            "type": "string",
            "enum": ["authorized", "captured", "voided", "paid", "refunded", "refund_reversed"],
        }),
        "method" => json!({
            "type": "string",
            "enum": [
                "card", "paypal", "bank_transfer", "cash", "gift_card", "cash_on_delivery", "other",
            ],
        }),
        "tracking" => {
            let words = domain::delivery::Tracking::ALL.map(domain::delivery::Tracking::word);
            json!({ "type": "string", "enum": words })
        }
        "return_reason" => {
            let words = domain::returns::ReturnReason::ALL.map(domain::returns::ReturnReason::word);
            json!({ "type": "string", "enum": words })
        }
        "task_state" => {
            let words =
                domain::fulfillment::TaskState::ALL.map(domain::fulfillment::TaskState::word);
            json!({ "type": "string", "enum": words })
        }
        "amount" => json!({
            "type": ["number", "string"],
            "description": "A decimal number, or a text with one.",
        }),
        "mode" => json!({ "type": "string", "enum": ["off", "observe", "live"] }),
        "settlement" => {
            json!({ "type": "string", "enum": ["repaired", "agreed", "theirs", "ours"] })
        }
        "whose" => json!({ "type": "string", "enum": ["theirs", "ours"] }),
        "kind" => json!({ "type": "string", "enum": ["good", "kit", "service"] }),
        "condition" => json!({
            "type": "string",
            "enum": ["sellable", "damaged", "quality", "returned_unchecked"],
        }),
        "ending" => {
            let words = ["covered", "canceled", "expired", "held", "shipped"];
            json!({ "type": "string", "enum": words })
        }
        "way" => {
            let words = domain::incident::WayKind::ALL.map(domain::incident::WayKind::word);
            json!({ "type": "string", "enum": words })
        }
        "phase" => {
            let words: Vec<&str> = domain::order::Phase::ALL
                .into_iter()
                .map(domain::order::Phase::word)
                .collect();
            json!({ "type": "string", "enum": words })
        }
        other => panic!("no type is called `{other}`"),
    }
}
