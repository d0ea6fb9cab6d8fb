//! What the API takes and gives about what went wrong, or was kept from going wrong.

pub(super) const SCHEMAS: &[(&str, &str)] = &[
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
];
