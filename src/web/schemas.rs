//! The schemas of everything that the API takes and gives, in a line or two each.
//!
//! A field is `name: type`; `?` behind a name means that it may be left out, behind a type that it may
//! be null, `[]` a list, `{}` a map from texts. A type is one of the words in [`word`], another schema,
//! or words in quotes with bars between them. The tests hold every answer of the API against these.

mod accounts;
mod fulfillment;
mod insight;
mod listings;
mod messages;
mod overview;
mod rules;
mod safety;
mod stock;
mod users;

use serde_json::{Map, Value, json};

/// All schemas, by name.
pub(crate) const SCHEMAS: &[&[(&str, &str)]] = &[
    MOST,
    accounts::SCHEMAS,
    fulfillment::SCHEMAS,
    insight::SCHEMAS,
    listings::SCHEMAS,
    messages::SCHEMAS,
    overview::SCHEMAS,
    rules::SCHEMAS,
    safety::SCHEMAS,
    stock::SCHEMAS,
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
    (
        "Configured",
        "key: text, value: text?, is_secret: flag, from: 'default'|'file'|'environment', place: text?, line: whole?",
    ),
    ("NewBackup", "to?: text?"),
    ("BackupBegun", "at: time, status: 'begins'|'under_way'"),
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
