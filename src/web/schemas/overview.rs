//! What an order seen whole is made of.

pub(super) const SCHEMAS: &[(&str, &str)] = &[
    (
        "TimelineEntry",
        "number: whole?, at: time, kind: text, text: text, event: Anything?, attempt: AttemptOf?, \
         edit: PersonEdit?",
    ),
    (
        "AttemptOf",
        "intent: id, at: time, latency_ms: whole, request: text, result: text",
    ),
    (
        "PersonEdit",
        "at: time, part: 'buyer'|'ship_to'|'bill_to'|'note', from: text, to: text",
    ),
    ("Note", "number: whole, at: time, by: text, text: text"),
    ("NewNote", "text: text, by?: text?"),
    (
        "NextStep",
        "matter: text, is_to_do: flag, until: time?, text: text",
    ),
    (
        "EvidencePack",
        "order: id, number: text, made_at: time, made_by: text, version: text, time_zone: text, \
         files: EvidenceFile[]",
    ),
    (
        "EvidenceFile",
        "name: text, about: text, sha256: text, text: text",
    ),
    ("NewEvidence", "by?: text?"),
    (
        "ReturnRefund",
        "at: time, amount: money, lines: LineUnits[], state: 'waiting'|'done'|'parked', intent: id?, anyway: flag",
    ),
    (
        "NewExchange",
        "lines?: LineUnits[], items: NewItem[], reason: return_reason, note?: text?, tracking_number?: text?, \
         anyway?: flag, by?: text?",
    ),
    ("NewItem", "sku: text, units: amount, price?: amount?"),
    (
        "Replacement",
        "line: whole, sku: text?, units: units, to_ship: units, total: money",
    ),
    (
        "DueOrder",
        "due: 'ship'|'deliver'|'parcel', state: 'late'|'at_risk'|'today'|'later', by: time, text: text, id: id, \
         account: text, external_id: text, number: text, phase: phase, placed_at: time",
    ),
];
