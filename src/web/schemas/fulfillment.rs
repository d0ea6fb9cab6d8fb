//! The schemas of tasks.

/// By name, as in [`super`].
pub(super) const SCHEMAS: &[(&str, &str)] = &[
    (
        "Task",
        "id: id, location: text, state: task_state, opened_at: time, by: text, lines: TaskLine[], \
         parcels: Parcel[], closed_at: time?",
    ),
    (
        "TaskLine",
        "line: whole, sku: text?, title: text, units: units, picked: units, packed: units, left: units, \
         to_put_back: units",
    ),
    (
        "Parcel",
        "number: whole, lines: LineUnits[], weight_g: whole?, label: Label?, left_as: id?",
    ),
    (
        "Label",
        "carrier: text, tracking_number: text, tracking_url: text?, reference: text?, cost: money?, at: time, \
         by: text, provider?: text",
    ),
    (
        "OpenTask",
        "id: id, location: text, state: task_state, opened_at: time, by: text, lines: TaskLine[], \
         parcels: Parcel[], closed_at: time?, order: id, number: text, account: text, ship_by: time?, \
         is_stopped: flag",
    ),
    (
        "Waiting",
        "id: id, account: text, external_id: text, number: text, phase: phase, placed_at: time, \
         accepted_at: time, ship_by: time?, deliver_by: time?, owed_until: time?, total: money, refunded: money, \
         line_count: whole, flags: text[], tags: text[], priority: whole, location: text?, lines: WaitingLine[]",
    ),
    (
        "WaitingLine",
        "line: whole, sku: text?, title: text, units: units",
    ),
    (
        "NewTask",
        "location?: text?, lines?: LineUnits[], by?: text?",
    ),
    (
        "Pick",
        "lines?: LineUnits[], missing?: Missing[], is_empty?: flag, by?: text?",
    ),
    ("Missing", "line: whole, units: units, sku?: text?"),
    ("PutBack", "lines?: LineUnits[], by?: text?"),
    (
        "NewParcel",
        "lines?: LineUnits[], weight_g?: whole?, by?: text?",
    ),
    (
        "NewLabel",
        "carrier: text, tracking_number: text, tracking_url?: text?, reference?: text?, cost?: money?, by?: text?",
    ),
    (
        "LabelOrder",
        "provider?: text?, service?: text?, by?: text?",
    ),
    ("Rates", "provider: text, rates: Rate[]"),
    (
        "Rate",
        "service: text, carrier: text, cost: money, days: whole?",
    ),
    ("LabelFile", "reference: text, pdf_base64: text"),
    (
        "HandOver",
        "parcels?: whole[], carrier?: text?, tracking_number?: text?, tracking_url?: text?, is_to_buyer?: flag, \
         by?: text?",
    ),
    ("Split", "lines: LineUnits[], by?: text?"),
    ("Merge", "into: id, by?: text?"),
    ("TaskEnding", "reason: text, by?: text?"),
];
